//! The pool's endpoint: other machines' connections, served.
//!
//! Who may come in is the rules' decision; the endpoint asks a snapshot of it,
//! and each request asks the rules themselves.

mod blobs;
mod control;
pub(crate) mod pairing;
mod tokens;

use crate::driver::Driving;
use crate::keep::Keep;
use crate::node::{Desk, Place};
use api::{Error, ErrorCode};
use pool::Coordinator;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tokio::sync::watch;
use transport::limits::{POOL_PORTS_NEXT, WINDOW_BUDGET};
use transport::{
    Admitted, At, BindError, Ca, DeviceId, EndpointKeys, Identity, Listen, PoolId, PoolListener,
    Registry, Request, Session, Spki, Timing, Usage, WindowBudget,
};

/// A pool that is listened for. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    /// As it was asked for.
    pub(crate) place: Place,
    /// The port that it got.
    pub(crate) port: u16,
    pub(crate) device: DeviceId,
    pub(crate) ca: Arc<Ca>,
    pub(crate) identity: Arc<Identity>,
    /// Until it is closed: the port is free when nobody holds it any more.
    listener: Mutex<Option<Arc<PoolListener>>>,
    registry: Registry,
}

/// What a connection is served with.
#[derive(Clone, Debug)]
struct Serving<D> {
    driving: Driving,
    keep: Keep,
    ca: Arc<Ca>,
    desk: D,
    partial: blobs::Partial,
}

impl Listening {
    /// Listens at the wanted place. `strict`: that port or none.
    ///
    /// # Errors
    /// Where the keys cannot be used, or no port is free.
    pub(crate) fn start(
        data: &Path,
        pool: PoolId,
        device: DeviceId,
        place: Place,
    ) -> Result<Listening, Error> {
        let folder = data.join("identity");
        let now = SystemTime::now();
        let identity = Identity::open(&folder).map_err(|error| unusable(&error))?;
        let ca = Ca::open(&folder, pool, now).map_err(|error| unusable(&error))?;
        let keys = EndpointKeys::open(&folder).map_err(|error| unusable(&error))?;
        let leaf = ca
            .sign(&identity.csr(), device, Usage::Server, now)
            .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
        let registry = Registry::new();
        let listener = PoolListener::bind(Listen {
            at: At {
                ip: place.ip,
                port: place.port,
                or_next: (!place.strict).then_some(POOL_PORTS_NEXT),
            },
            pool,
            ca: ca.certificate(),
            identity: &identity,
            leaf: &leaf,
            keys: &keys,
            registry: &registry,
            budget: &WindowBudget::new(WINDOW_BUDGET),
            timing: Timing::default(),
        })
        .map_err(|error| unbound(&error))?;
        let bound = listener.local_addr();
        let port = bound.map_err(|error| unusable(&error))?.port();
        Ok(Listening {
            place,
            port,
            device,
            ca: Arc::new(ca),
            identity: Arc::new(identity),
            listener: Mutex::new(Some(Arc::new(listener))),
            registry,
        })
    }

    /// Serves connections until the endpoint is closed.
    pub(crate) async fn serve(
        &self,
        driving: Driving,
        keep: Keep,
        desk: impl Desk,
        mut admitted: watch::Receiver<Vec<Admitted>>,
    ) {
        self.registry.replace(admitted.borrow_and_update().clone());
        let serving = Serving {
            driving,
            keep,
            ca: self.ca.clone(),
            desk,
            partial: blobs::Partial::default(),
        };
        let Some(listener) = self.listener().clone() else {
            return;
        };
        loop {
            tokio::select! {
                session = listener.accept() => {
                    let Some(session) = session else {
                        return;
                    };
                    tracing::info!(device = %session.device(), from = %session.remote(), "a device connected");
                    tokio::spawn(serve(session, serving.clone()));
                }
                Ok(()) = admitted.changed() => {
                    self.registry.replace(admitted.borrow_and_update().clone());
                }
            }
        }
    }

    /// Says goodbye to all, and waits a moment for them to hear it.
    pub(crate) async fn close(&self) {
        let listener = self.listener().take();
        if let Some(listener) = listener {
            listener.close().await;
        }
    }

    fn listener(&self) -> MutexGuard<'_, Option<Arc<PoolListener>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the pool's authority, where there is none.
///
/// # Errors
/// Where its key cannot be kept.
pub(crate) fn found(data: &Path, pool: PoolId) -> Result<(), Error> {
    let made = Ca::open(&data.join("identity"), pool, SystemTime::now());
    made.map(drop).map_err(|error| unusable(&error))
}

/// Those who belong to the pool, as the endpoint has to know them.
pub(crate) fn admitted(coordinator: &Coordinator) -> Vec<Admitted> {
    let devices = coordinator.devices().filter(|device| !device.is_revoked());
    let admitted = devices.filter_map(|device| {
        Some(Admitted {
            spki: Spki(device.spki?.0),
            device: DeviceId(device.id.0),
        })
    });
    admitted.collect()
}

async fn serve(session: Session, serving: Serving<impl Desk>) {
    let device = pool::DeviceId(session.device().0);
    while let Some(request) = session.next_stream().await {
        match request {
            Request::Control(to, from) => {
                tokio::spawn(control::converse(
                    session.clone(),
                    (to, from),
                    serving.driving.clone(),
                    serving.keep.clone(),
                ));
            }
            Request::Door(to, from) => {
                let desk = serving.desk.clone();
                tokio::spawn(crate::door::serve_device(device, to, from, desk));
            }
            Request::Fetch(fetch) => {
                tokio::spawn(blobs::give(
                    device,
                    fetch,
                    serving.driving.clone(),
                    serving.keep.clone(),
                ));
            }
            Request::Offer(offer) => {
                tokio::spawn(blobs::take(
                    device,
                    offer,
                    serving.driving.clone(),
                    serving.keep.clone(),
                    serving.partial.clone(),
                ));
            }
            Request::Renew(renewal) => {
                let id = session.device();
                let ca = serving.ca.clone();
                tokio::spawn(async move {
                    let signed = ca.sign(renewal.csr(), id, Usage::Client, SystemTime::now());
                    let told = match signed {
                        Ok(leaf) => renewal.grant(leaf).await,
                        Err(error) => {
                            tracing::warn!(device = %id, %error, "a certificate was not renewed");
                            renewal.refuse(transport::Refusal::NotGranted).await
                        }
                    };
                    if let Err(error) = told {
                        tracing::debug!(device = %id, %error, "a renewal was not heard");
                    }
                });
            }
        }
    }
    let closed = session.closed().await;
    tracing::info!(device = %session.device(), why = %closed, "a device's connection ended");
}

fn unusable(error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::FolderUnusable,
        format!("the pool's keys cannot be used: {error}"),
    )
}

fn unbound(error: &BindError) -> Error {
    Error::new(ErrorCode::Usage, error.to_string())
        .hint("choose another port: skep coordinator start --listen ADDRESS:PORT")
}
