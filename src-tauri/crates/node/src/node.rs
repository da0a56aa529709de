//! A running node: what it is started with, what it is made of, and its end.

mod call;
pub(crate) mod door_errors;
mod forward;
mod observe;
pub(crate) mod people;
#[cfg(test)]
mod retention;
pub(crate) mod start;
mod steer;
mod verbs;

use crate::accept::Acceptance;
use crate::answer::{Answer, Caller, Upload};
use crate::contribute::{Contributing, PausedUntil};
pub(crate) use crate::door::Desk;
use crate::driver::{Driving, Input};
use crate::folders::Folders;
use crate::host::Host;
use crate::keep::Keep;
use crate::library::Library;
use crate::listening::Listening;
use crate::listening::pairing::Pairing;
use crate::samples::Samples;
use crate::settings::Settings;
use crate::space::Space;
use crate::watch::Watches;
use crate::work::Wish;
use api::{Error, Request};
use forward::Forwarding;
use sandbox::Sandbox;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use transport::limits::POOL_PORT;

/// How long the last words of a worker may take once it was told to leave.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct Options {
    pub folders: Folders,
    pub settings: Settings,
    /// Runs tasks on this machine; without it the node only coordinates.
    pub work: bool,
    /// Tasks at once; `None`: as the settings say.
    pub cores: Option<u32>,
    pub without_os_wall: bool,
    /// Runs only jobs that a living client follows: the node of `skep run`.
    pub living_only: bool,
    /// Where other machines find this pool; `None`: nowhere.
    pub listen: Option<Place>,
}

/// Where a coordinator listens for other machines, on UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// One address, or every one that this machine has.
    pub ip: Option<IpAddr>,
    pub port: u16,
    /// This port or none; otherwise the first free one of 7547 to 7557 does.
    pub strict: bool,
}

/// Why a text names no place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not ADDRESS:PORT, such as 192.168.1.20:7537 or [::]:7537")]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    /// Reads `ADDRESS:PORT`: that port or none. An address of zeros is every one.
    fn from_str(text: &str) -> Result<Place, NoPlace> {
        let address: SocketAddr = text.trim().parse().map_err(|_| NoPlace)?;
        let ip = Some(address.ip()).filter(|ip| !ip.is_unspecified());
        Ok(Place {
            ip,
            port: address.port(),
            strict: true,
        })
    }
}

impl Default for Place {
    fn default() -> Place {
        Place {
            ip: None,
            port: POOL_PORT,
            strict: false,
        }
    }
}

/// A handle to the running node; cheap to clone. Dropping the last one does
/// not stop it.
///
/// It is started and lives inside a tokio runtime with all drivers enabled; a
/// current-thread one is enough, and is what was measured.
#[derive(Clone, Debug)]
pub struct Node {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    settings: Mutex<Settings>,
    started_ms: i64,
    driving: Driving,
    library: Library,
    keep: Keep,
    host: Arc<Host>,
    /// Without a wall there is none, and this is why.
    sandbox: Result<Sandbox, Error>,
    /// To the worker of this machine, where there is one.
    wishes: Option<mpsc::Sender<Wish>>,
    /// Where there is one, what it may do.
    contributing: Option<Contributing>,
    paused: Mutex<Option<PausedUntil>>,
    space: Space,
    watches: Watches,
    /// Where they could not be kept, this is why.
    samples: Result<Arc<Samples>, Error>,
    /// Pictures being made smaller.
    thumbnails: Semaphore,
    results_days: watch::Sender<u32>,
    blob_quota: watch::Sender<Option<u64>>,
    /// Two names are not given at once.
    naming: tokio::sync::Mutex<()>,
    /// Where another machine coordinates, the way to it.
    member: Option<Forwarding>,
    /// Where this one does, its endpoint.
    listening: Option<Arc<Listening>>,
    pairing: Option<Pairing>,
    stopping: AtomicBool,
    worker_ended: watch::Receiver<bool>,
    ended: watch::Receiver<bool>,
}

impl Node {
    /// Takes the data folder's lock, opens the store and goes on where it was
    /// left.
    ///
    /// # Errors
    /// Whatever keeps this folder from being used, or modules from being run
    /// where this node is to work; nothing was accepted.
    pub async fn start(options: Options) -> Result<Node, Error> {
        start::start(options).await
    }

    /// Answers one request.
    ///
    /// # Errors
    /// As [`api::ErrorCode`] lists them.
    pub async fn call(
        &self,
        request: Request,
        caller: Caller,
        upload: Option<Upload>,
    ) -> Result<Answer, Error> {
        call::call(&self.inner, request, caller, upload).await
    }

    /// Ends the node: no new leases; tasks that end within `drain` are
    /// delivered, the rest goes back uncharged. Resolves when it has ended.
    pub async fn stop(&self, drain: Duration) {
        let inner = &self.inner;
        inner.stopping.store(true, Ordering::Relaxed);
        let drained = inner.driving.ask_patiently(|turn| {
            turn.coordinator.drain(turn.now);
            Ok(())
        });
        // On a full disk nobody is drained; what runs goes back at the next start.
        if tokio::time::timeout(LAST_WORDS, drained).await.is_ok() {
            inner.wish(Wish::Drain).await;
            let mut worker_ended = inner.worker_ended.clone();
            if tokio::time::timeout(drain, worker_ended.wait_for(|ended| *ended))
                .await
                .is_err()
            {
                inner.wish(Wish::Leave).await;
                let _ =
                    tokio::time::timeout(LAST_WORDS, worker_ended.wait_for(|ended| *ended)).await;
            }
        }
        if let Some(pairing) = &inner.pairing {
            pairing.close();
        }
        if let Some(listening) = &inner.listening {
            listening.close().await;
        }
        // A driver that is gone has stopped.
        let _ = inner.driving.send(Input::Stop).await;
        self.stopped().await;
    }

    /// Waits until the node has ended.
    pub async fn stopped(&self) {
        // It ends also where whoever would say so is gone.
        let _ = self.inner.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl Inner {
    fn settings(&self) -> Settings {
        self.settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The pause that is in force.
    fn paused(&self) -> Option<PausedUntil> {
        self.paused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .filter(|until| !until.is_over())
    }

    async fn wish(&self, wish: Wish) {
        if let Some(wishes) = &self.wishes {
            // A worker that is gone wants nothing.
            let _ = wishes.send(wish).await;
        }
    }

    fn acceptance(&self) -> Acceptance {
        Acceptance {
            library: self.library.clone(),
            keep: self.keep.clone(),
            driving: self.driving.clone(),
            sandbox: self.sandbox.clone(),
            settings: self.settings(),
            living_only: self.options.living_only,
        }
    }
}
