//! The pairing endpoint: open only while a code or link lives, without client
//! certificates, and with nothing in common with the pool's. Messages are bytes
//! here; the exchange itself is another module's.

use super::{At, BindError, config, gate::Slot, knock, socket};
use crate::{
    identity::{EndpointKeys, Identity, spki_in},
    limits::{GOODBYE, PAIRING_CONNECTIONS_MAX, PAIRING_MESSAGE_BYTES_MAX},
    names::Spki,
    session::{FrameError, Timing, read_bytes, write_bytes},
    tls,
};
use quinn::{
    Connecting, Connection, ConnectionError, Endpoint, ReadError, RecvStream, SendStream,
    TokioRuntime, VarInt, WriteError,
};
use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, Semaphore, mpsc},
    time::timeout,
};

/// Waits for newcomers. Closed when it is dropped.
pub struct PairingListener {
    endpoint: Endpoint,
    arrived: Mutex<mpsc::Receiver<PairingStream>>,
}

/// Why a message did not go or come.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    #[error("the other side ended the conversation")]
    Ended,
    #[error("the other side did not answer in time")]
    TooSlow,
    #[error("a message has 1 to {PAIRING_MESSAGE_BYTES_MAX} bytes")]
    Length,
    #[error("the connection was lost: {0}")]
    Lost(String),
}

/// A newcomer and a coordinator, of whom neither knows the other yet.
pub struct PairingStream {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    ca: Spki,
    leaf: Spki,
    write: Duration,
    /// Its place among those that the endpoint has at most.
    _place: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl PairingListener {
    /// Opens the endpoint, which presents the coordinator's own leaf (DER, for
    /// a server) and the pool's CA certificate. Must be called inside a tokio
    /// runtime.
    pub fn bind(
        at: &At,
        identity: &Identity,
        leaf: &[u8],
        ca: &[u8],
        timing: Timing,
    ) -> Result<PairingListener, BindError> {
        let tls = tls::server(tls::PAIRING_ALPN, identity, &[leaf, ca], None)?;
        let io = |source| BindError::Io {
            port: at.port,
            source,
        };
        let keys = EndpointKeys::passing().map_err(|error| io(io::Error::other(error)))?;
        let endpoint = Endpoint::new(
            config::endpoint(&keys),
            Some(config::pairing_server(tls, &timing)),
            socket::bind(at)?,
            Arc::new(TokioRuntime),
        )
        .map_err(io)?;
        let (admit, arrived) = mpsc::channel(1);
        let door = Door {
            places: Arc::new(Semaphore::new(PAIRING_CONNECTIONS_MAX)),
            ca: spki_in(ca).ok_or(BindError::Ca)?,
            leaf: identity.spki(),
            timing,
            admit,
        };
        tokio::spawn(knock::answer(
            endpoint.clone(),
            timing.handshake,
            move |connecting, slot| {
                tokio::spawn(door.clone().admit(connecting, slot));
            },
        ));
        Ok(PairingListener {
            endpoint,
            arrived: Mutex::new(arrived),
        })
    }

    /// Where it listens, with the port that it got.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// The next newcomer that opened its stream; `None` once it is closed.
    pub async fn accept(&self) -> Option<PairingStream> {
        self.arrived.lock().await.recv().await
    }

    /// Ends every conversation and gives the port back.
    pub async fn close(&self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
        let _ = timeout(GOODBYE, self.endpoint.wait_idle()).await;
    }
}

impl Drop for PairingListener {
    fn drop(&mut self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
    }
}

impl fmt::Debug for PairingListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingListener")
            .field("at", &self.local_addr())
            .finish_non_exhaustive()
    }
}

impl PairingStream {
    pub(super) fn new(
        connection: Connection,
        (send, recv): (SendStream, RecvStream),
        ca: Spki,
        leaf: Spki,
        write: Duration,
    ) -> PairingStream {
        PairingStream {
            connection,
            send,
            recv,
            ca,
            leaf,
            write,
            _place: None,
        }
    }

    /// Sends one message.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), PairingError> {
        if message.is_empty() {
            return Err(PairingError::Length);
        }
        write_bytes(
            &mut self.send,
            message,
            PAIRING_MESSAGE_BYTES_MAX,
            self.write,
        )
        .await
        .map_err(PairingError::from)
    }

    /// Waits so long for one message, whole.
    pub async fn recv(&mut self, within: Duration) -> Result<Vec<u8>, PairingError> {
        read_bytes(&mut self.recv, PAIRING_MESSAGE_BYTES_MAX, within)
            .await
            .map_err(PairingError::from)
    }

    /// 32 bytes that only the two ends of this very connection can make. The
    /// context is SHA-256(newcomer's SPKI) ‖ SHA-256(pairing leaf's SPKI), so
    /// of two [`Spki`].
    pub fn export(&self, newcomer: Spki) -> [u8; 32] {
        let context = [newcomer.0, self.leaf.0].concat();
        let mut bytes = [0; 32];
        self.connection
            .export_keying_material(&mut bytes, EXPORT_LABEL, &context)
            .expect("32 bytes can be exported");
        bytes
    }

    /// The pool's CA, which a link pins. It did sign the leaf.
    pub fn ca_spki(&self) -> Spki {
        self.ca
    }

    /// The key of the pairing endpoint.
    pub fn leaf_spki(&self) -> Spki {
        self.leaf
    }

    pub fn remote(&self) -> SocketAddr {
        let remote = self.connection.remote_address();
        SocketAddr::new(remote.ip().to_canonical(), remote.port())
    }

    /// Ends the conversation once what was sent has arrived.
    pub async fn finish(mut self) {
        let _ = self.send.finish();
        let _ = timeout(GOODBYE, self.send.stopped()).await;
    }

    /// Waits until the other side is gone.
    pub async fn gone(&self) {
        self.connection.closed().await;
    }
}

/// Names the use of what is exported.
const EXPORT_LABEL: &[u8] = b"skep-pair";

impl fmt::Debug for PairingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingStream")
            .field("remote", &self.remote())
            .finish_non_exhaustive()
    }
}

impl PairingError {
    fn lost(error: &ConnectionError) -> PairingError {
        if let ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed = error {
            PairingError::Ended
        } else {
            PairingError::Lost(error.to_string())
        }
    }
}

impl From<FrameError> for PairingError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Ended => PairingError::Ended,
            FrameError::TooSlow => PairingError::TooSlow,
            FrameError::TooLong(_) | FrameError::Empty | FrameError::Broken => PairingError::Length,
            FrameError::Read(ReadError::ConnectionLost(error))
            | FrameError::Write(WriteError::ConnectionLost(error)) => PairingError::lost(&error),
            FrameError::Read(_) | FrameError::Write(_) => PairingError::Ended,
        }
    }
}

#[derive(Clone)]
struct Door {
    places: Arc<Semaphore>,
    ca: Spki,
    leaf: Spki,
    timing: Timing,
    admit: mpsc::Sender<PairingStream>,
}

impl Door {
    async fn admit(self, connecting: Connecting, slot: Slot) {
        let Ok(Ok(connection)) = timeout(self.timing.handshake, connecting).await else {
            return;
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return;
        };
        let Ok(Ok(halves)) = timeout(self.timing.header, connection.accept_bi()).await else {
            return;
        };
        drop(slot);
        let mut stream =
            PairingStream::new(connection, halves, self.ca, self.leaf, self.timing.write);
        stream._place = Some(place);
        // Nobody waits for it any more: it ends by being dropped.
        let _ = self.admit.send(stream).await;
    }
}
