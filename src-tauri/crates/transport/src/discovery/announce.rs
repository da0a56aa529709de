//! Telling of a pool.

use super::advert::Advert;
use super::error::DiscoveryError;
use super::net::{Net, SERVICE};
use core::fmt;
use mdns_sd::{ServiceDaemon, ServiceInfo};
use std::time::Duration;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Tells the network of a pool for as long as it lives, also when interfaces
/// come and go. Dropping it says goodbye, in its own thread.
pub struct Announcer {
    daemon: ServiceDaemon,
    announcement: String,
}

impl Announcer {
    /// Begins to tell.
    pub fn start(advert: &Advert) -> Result<Announcer, DiscoveryError> {
        Announcer::start_in(Net::AROUND, advert)
    }

    pub(super) fn start_in(net: Net, advert: &Advert) -> Result<Announcer, DiscoveryError> {
        let info = info(advert)?;
        let announcer = Announcer {
            announcement: info.get_fullname().to_owned(),
            daemon: net.start()?,
        };
        announcer
            .daemon
            .register(info)
            .map_err(DiscoveryError::Start)?;
        Ok(announcer)
    }

    /// Tells what is so from now on: another name, another port, or that a
    /// code was opened or closed.
    pub fn update(&mut self, advert: &Advert) -> Result<(), DiscoveryError> {
        let info = info(advert)?;
        let announcement = info.get_fullname().to_owned();
        if announcement != self.announcement {
            self.daemon
                .unregister(&self.announcement)
                .map_err(DiscoveryError::Stopped)?;
            self.announcement = announcement;
        }
        self.daemon.register(info).map_err(DiscoveryError::Stopped)
    }

    /// Says goodbye, and returns when it is said (at most a second).
    pub fn withdraw(self) {
        if let Ok(said) = self.daemon.unregister(&self.announcement) {
            // Others find out by themselves, a little later.
            let _ = said.recv_timeout(GOODBYE);
        }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        // Where its thread is gone there is nobody to stop.
        let _ = self.daemon.shutdown();
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcer")
            .field("announcement", &self.announcement)
            .finish_non_exhaustive()
    }
}

/// The announcement is called by the pool's id: names may be equal. So is its
/// host, which has the addresses of those interfaces that it is told on.
fn info(advert: &Advert) -> Result<ServiceInfo, DiscoveryError> {
    let pool = advert.pool_text();
    let host = format!("skep-{}.local.", &pool[..10]);
    let mut txt = advert.to_txt();
    txt.push(("n", telling()?));
    ServiceInfo::new(SERVICE, &pool, &host, "", advert.port, &txt[..])
        .map(ServiceInfo::enable_addr_auto)
        .map_err(DiscoveryError::Start)
}

/// Makes this telling unlike any before it. A record that becomes again what
/// it was a moment ago is no news to mDNS (RFC 6762 §10.2 keeps both for a
/// second, and our library may keep the wrong one), so a code that was opened
/// and closed at once would seem open.
fn telling() -> Result<String, DiscoveryError> {
    let random = getrandom::u64().map_err(|error| {
        DiscoveryError::Start(mdns_sd::Error::Msg(format!("no random numbers: {error}")))
    })?;
    Ok(format!("{random:x}"))
}
