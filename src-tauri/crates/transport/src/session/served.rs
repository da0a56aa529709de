//! The coordinator's end of a session.

use super::{
    CloseReason, Closed, Live,
    close::code,
    request::{Fetch, Offer, Open, Renewal, Request},
    strikes::Strikes,
    wire::{FrameError, Header, Refusal, read_header},
};
use crate::{
    identity::requested_spki,
    names::{DeviceId, Spki},
    registry::Registry,
};
use quinn::{RecvStream, SendStream};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, task::JoinSet};

/// A device that the registry holds, connected. Clones share it; when the last
/// clone and the last of its streams are gone it closes as a goodbye.
#[derive(Clone, Debug)]
pub struct Session(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    live: Arc<Live>,
    device: DeviceId,
    spki: Spki,
    renewal_only: bool,
    registry: Registry,
    streams: Mutex<Streams>,
}

/// Streams whose headers are on the way. Nothing else is begun for a stream
/// before it has said what it is for.
#[derive(Debug)]
struct Streams {
    headers: JoinSet<Result<(Header, SendStream, RecvStream), FrameError>>,
    strikes: Strikes,
}

impl Session {
    pub(crate) fn new(
        live: Arc<Live>,
        device: DeviceId,
        spki: Spki,
        renewal_only: bool,
        registry: Registry,
    ) -> Session {
        Session(Arc::new(Shared {
            live,
            device,
            spki,
            renewal_only,
            registry,
            streams: Mutex::new(Streams {
                headers: JoinSet::new(),
                strikes: Strikes::new(Instant::now()),
            }),
        }))
    }

    pub fn device(&self) -> DeviceId {
        self.0.device
    }

    /// The key that the device proved to have.
    pub fn spki(&self) -> Spki {
        self.0.spki
    }

    /// Where it is now; it may move.
    pub fn remote(&self) -> SocketAddr {
        self.0.live.remote()
    }

    /// Its leaf has ended: it is given a new one and nothing else.
    pub fn renewal_only(&self) -> bool {
        self.0.renewal_only
    }

    /// The time to the device and back, as measured lately.
    pub fn rtt(&self) -> Duration {
        self.0.live.rtt()
    }

    /// Ends the session; the first reason counts.
    pub fn close(&self, reason: CloseReason) {
        self.0.live.ending.close(reason);
    }

    /// Waits for the end.
    pub async fn closed(&self) -> Closed {
        self.0.live.ending.closed().await
    }

    /// The next stream of the device, its header read; `None` when the session
    /// has ended. Whoever stops calling this holds the device back. Losing the
    /// future loses no stream.
    pub async fn next_stream(&self) -> Option<Request> {
        let mut streams = self.0.streams.lock().await;
        loop {
            let (header, send, recv) = self.next_header(&mut streams).await?;
            // The registry is asked for each request, not only at the door.
            if self.0.registry.device(&self.0.spki) != Some(self.0.device) {
                self.close(CloseReason::Revoked);
                return None;
            }
            let live = Arc::clone(&self.0.live);
            if let Some(request) = self.request(header, Open { send, recv, live }) {
                return Some(request);
            }
        }
    }

    async fn next_header(&self, streams: &mut Streams) -> Option<(Header, SendStream, RecvStream)> {
        let connection = self.0.live.connection();
        loop {
            tokio::select! {
                accepted = connection.accept_bi() => {
                    let (send, recv) = accepted.ok()?;
                    let within = self.0.live.timing.header;
                    streams.headers.spawn(hear(send, recv, within));
                }
                Some(heard) = streams.headers.join_next() => match heard {
                    Ok(Ok(stream)) => return Some(stream),
                    Ok(Err(error)) => {
                        tracing::debug!(device = %self.0.device, %error, "a stream without a good header");
                        streams.strikes.broken();
                    }
                    Err(_) => {}
                },
            }
            let resets = connection.stats().frame_rx.reset_stream;
            if streams.strikes.too_many(resets, Instant::now()) {
                tracing::warn!(device = %self.0.device, "closed a connection that resets its streams");
                self.close(CloseReason::TooManyResets);
                return None;
            }
        }
    }

    /// What the caller shall see of it.
    fn request(&self, header: Header, open: Open) -> Option<Request> {
        if self.0.renewal_only && !matches!(header, Header::Renew { .. }) {
            open.reset(Refusal::RenewFirst);
            return None;
        }
        Some(match header {
            Header::Control => {
                let (sender, receiver) = open.pipe();
                Request::Control(sender, receiver)
            }
            Header::Door => {
                let (sender, receiver) = open.pipe();
                Request::Door(sender, receiver)
            }
            Header::Fetch { digest, offset } => Request::Fetch(Fetch {
                digest,
                offset,
                open,
            }),
            Header::Offer { digest, bytes } => Request::Offer(Offer {
                digest,
                bytes,
                open,
            }),
            Header::Renew { csr } => {
                // A leaf for another key would be another device's.
                if requested_spki(&csr).ok() != Some(self.0.spki) {
                    open.reset(Refusal::NotGranted);
                    return None;
                }
                Request::Renew(Renewal { csr, open })
            }
            Header::Hello { .. } => {
                open.reset(Refusal::Unknown);
                return None;
            }
        })
    }
}

/// Reads a stream's header, and resets it where there is none.
async fn hear(
    mut send: SendStream,
    mut recv: RecvStream,
    within: Duration,
) -> Result<(Header, SendStream, RecvStream), FrameError> {
    match read_header(&mut recv, within).await {
        Ok(header) => Ok((header, send, recv)),
        Err(error) => {
            let code = match error {
                FrameError::TooSlow => code::TOO_SLOW,
                FrameError::TooLong(_) => code::TOO_LONG,
                FrameError::Broken => code::refused(Refusal::Unknown),
                FrameError::Empty
                | FrameError::Ended
                | FrameError::Read(_)
                | FrameError::Write(_) => code::BROKEN,
            };
            let _ = send.reset(code);
            let _ = recv.stop(code);
            Err(error)
        }
    }
}
