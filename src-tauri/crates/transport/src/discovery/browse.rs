//! Listening for pools.

use super::advert::Advert;
use super::error::DiscoveryError;
use super::list::{Found, HEARD_MAX, List};
use super::net::{Net, SERVICE};
use core::fmt;
use mdns_sd::{Receiver, RecvTimeoutError, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long one subscription lasts. A new one is told of all that is known, so
/// each pool is heard of twice before it would be forgotten.
const SUBSCRIPTION: Duration = Duration::from_secs(HEARD_MAX.as_secs() / 2);

/// How soon the thread notices that nobody listens any more.
const TICK: Duration = Duration::from_millis(250);

/// How often the thread looks at how much mDNS remembers.
const LOOK: Duration = Duration::from_secs(2);

/// How many records mDNS may remember before it is started anew: it has no
/// limit of its own, and a thousand pretended pools have four each.
const RECORDS_MAX: i64 = 10_000;

/// Listens for pools for as long as it lives: while somebody looks at the
/// list, not always, since whoever is on the network can make it work.
pub struct Browser {
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    list: Mutex<List>,
    over: AtomicBool,
}

impl Browser {
    /// Begins to listen. The first pools are known after about a second.
    pub fn start() -> Result<Browser, DiscoveryError> {
        Browser::start_in(Net::AROUND)
    }

    pub(super) fn start_in(net: Net) -> Result<Browser, DiscoveryError> {
        let daemon = net.start()?;
        let heard = Arc::new(Heard::default());
        let listener = Listener {
            net,
            heard: heard.clone(),
        };
        let spawned = thread::Builder::new()
            .name("discovery".to_owned())
            .spawn(move || listener.run(daemon));
        match spawned {
            Ok(_) => Ok(Browser { heard }),
            Err(error) => Err(DiscoveryError::Start(mdns_sd::Error::Msg(
                error.to_string(),
            ))),
        }
    }

    /// The pools that are heard of now, at most
    /// [`FOUND_MAX`](super::FOUND_MAX): those that can be joined first, then
    /// by their names.
    pub fn found(&self) -> Vec<Found> {
        self.heard.list().found(Instant::now())
    }

    /// Whether there are more than are listed; then an address helps.
    pub fn left_out(&self) -> bool {
        self.heard.list().left_out()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.heard.over.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").finish_non_exhaustive()
    }
}

impl Heard {
    /// A list stays whole whatever happened to who held it.
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// The thread's own.
struct Listener {
    net: Net,
    heard: Arc<Heard>,
}

impl Listener {
    fn run(self, mut daemon: ServiceDaemon) {
        while !self.heard.is_over() {
            match daemon.browse(SERVICE) {
                Ok(events) => self.subscribed(&daemon, &events),
                Err(error) => {
                    tracing::warn!(%error, "cannot listen for pools");
                    thread::sleep(TICK);
                }
            }
            if !self.heard.is_over() && is_overfull(&daemon) {
                tracing::warn!("more is said by mDNS than there can be: it starts anew");
                let _ = daemon.shutdown();
                match self.net.start() {
                    Ok(anew) => daemon = anew,
                    Err(error) => {
                        tracing::warn!(%error, "cannot listen for pools any more");
                        return;
                    }
                }
            }
        }
        let _ = daemon.shutdown();
    }

    /// One subscription: until it is old, until mDNS ends it (as it does when
    /// we are too slow) or remembers too much, or until nobody listens.
    fn subscribed(&self, daemon: &ServiceDaemon, events: &Receiver<ServiceEvent>) {
        let until = Instant::now() + SUBSCRIPTION;
        let mut look = Instant::now() + LOOK;
        while !self.heard.is_over() && Instant::now() < until {
            match events.recv_timeout(TICK) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(TICK);
                    return;
                }
            }
            if Instant::now() >= look {
                if is_overfull(daemon) {
                    return;
                }
                look = Instant::now() + LOOK;
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library may add kinds of events, and none of them is a pool"
    )]
    fn take(&self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(resolved) => {
                if let Some(found) = self.read(&resolved) {
                    let now = Instant::now();
                    self.heard.list().hear(&resolved.fullname, found, now);
                }
            }
            ServiceEvent::ServiceRemoved(_, fullname) => self.heard.list().gone(&fullname),
            _ => {}
        }
    }

    fn read(&self, resolved: &ResolvedService) -> Option<Found> {
        let advert = Advert::from_txt(|key| resolved.get_property_val(key).flatten())?;
        let addresses = resolved.addresses.iter().map(ScopedIp::to_ip_addr);
        Found::new(advert, addresses, |ip| self.net.reaches(ip))
    }
}

fn is_overfull(daemon: &ServiceDaemon) -> bool {
    records(daemon).is_some_and(|records| records > RECORDS_MAX)
}

/// How many records mDNS remembers; `None` where it does not say.
pub(super) fn records(daemon: &ServiceDaemon) -> Option<i64> {
    let metrics = daemon.get_metrics().ok()?.recv_timeout(LOOK).ok()?;
    let records = metrics
        .iter()
        .filter(|(name, _)| name.starts_with("cached-"));
    Some(records.map(|(_, count)| count).sum())
}
