//! The coordinator's endpoint.

use super::{At, BindError, config, gate::Slot, knock, socket};
use crate::{
    identity::{EndpointKeys, Identity, Leaf},
    limits::GOODBYE,
    names::PoolId,
    registry::Registry,
    session::{
        CloseReason, Ending, GreetError, Live, Session, Timing, WindowBudget, hear_hello, welcome,
    },
    tls,
};
use quinn::{Connecting, Endpoint, ServerConfig, TokioRuntime, VarInt};
use std::{fmt, io, net::SocketAddr, sync::Arc, time::SystemTime};
use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};

/// What a coordinator listens with.
#[derive(Debug)]
pub struct Listen<'a> {
    pub at: At,
    pub pool: PoolId,
    /// The pool's CA certificate (DER).
    pub ca: &'a [u8],
    pub identity: &'a Identity,
    /// The coordinator's own leaf (DER), for a server.
    pub leaf: &'a [u8],
    pub keys: &'a EndpointKeys,
    pub registry: &'a Registry,
    pub budget: &'a WindowBudget,
    pub timing: Timing,
}

/// Lets in who has a leaf of this pool and is in the registry. Closed when it
/// is dropped; [`PoolListener::close`] also waits until the members know.
pub struct PoolListener {
    endpoint: Endpoint,
    tls: Tls,
    timing: Timing,
    admitted: Mutex<mpsc::Receiver<Session>>,
}

/// What a server's configuration is made of again when its leaf changes.
struct Tls {
    ca: Vec<u8>,
    pool: PoolId,
    registry: Registry,
}

/// Admitted sessions that wait to be taken; more wait unfinished.
const WAITING: usize = 16;

impl PoolListener {
    /// Opens the endpoint. Must be called inside a tokio runtime.
    pub fn bind(listen: Listen<'_>) -> Result<PoolListener, BindError> {
        let tls = Tls {
            ca: listen.ca.to_vec(),
            pool: listen.pool,
            registry: listen.registry.clone(),
        };
        let config = tls.config(listen.identity, listen.leaf, &listen.timing)?;
        let port = listen.at.port;
        let socket = socket::bind(&listen.at)?;
        let endpoint = Endpoint::new(
            config::endpoint(listen.keys),
            Some(config),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(|source| BindError::Io { port, source })?;
        let (admit, admitted) = mpsc::channel(WAITING);
        let door = Door {
            registry: listen.registry.clone(),
            budget: listen.budget.clone(),
            timing: listen.timing,
            admit,
        };
        let patience = listen.timing.handshake;
        tokio::spawn(knock::answer(
            endpoint.clone(),
            patience,
            move |connecting, slot| {
                tokio::spawn(door.clone().admit(connecting, slot));
            },
        ));
        Ok(PoolListener {
            endpoint,
            tls,
            timing: listen.timing,
            admitted: Mutex::new(admitted),
        })
    }

    /// Where it listens, with the port that it got.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// The next device that was let in; `None` once the listener is closed.
    pub async fn accept(&self) -> Option<Session> {
        self.admitted.lock().await.recv().await
    }

    /// Shows a renewed leaf (DER) from the next handshake on.
    pub fn set_leaf(&self, identity: &Identity, leaf: &[u8]) -> Result<(), BindError> {
        let config = self.tls.config(identity, leaf, &self.timing)?;
        self.endpoint.set_server_config(Some(config));
        Ok(())
    }

    /// Tells every member that the coordinator stops, and waits a moment for
    /// them to hear it, so that they come back at once and not by timeout.
    pub async fn close(&self) {
        self.endpoint.close(VarInt::from_u32(STOPPING), b"");
        let _ = timeout(GOODBYE, self.endpoint.wait_idle()).await;
    }
}

impl Drop for PoolListener {
    fn drop(&mut self) {
        // Whoever looks at the door has a handle of its own.
        self.endpoint.close(VarInt::from_u32(STOPPING), b"");
    }
}

/// The code of [`CloseReason::Stopping`].
const STOPPING: u32 = CloseReason::Stopping.code();

impl Tls {
    fn config(
        &self,
        identity: &Identity,
        leaf: &[u8],
        timing: &Timing,
    ) -> Result<ServerConfig, BindError> {
        let verifier =
            tls::MemberVerifier::new(self.pool, &self.ca, &self.registry).ok_or(BindError::Ca)?;
        let tls = tls::server(tls::POOL_ALPN, identity, &[leaf], Some(Arc::new(verifier)))?;
        Ok(config::pool_server(tls, timing))
    }
}

impl fmt::Debug for PoolListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolListener")
            .field("pool", &self.tls.pool)
            .field("at", &self.local_addr())
            .finish_non_exhaustive()
    }
}

/// Turns a handshake into a session, or into nothing.
#[derive(Clone)]
struct Door {
    registry: Registry,
    budget: WindowBudget,
    timing: Timing,
    admit: mpsc::Sender<Session>,
}

impl Door {
    async fn admit(self, connecting: Connecting, slot: Slot) {
        let from = connecting.remote_address();
        let connection = match timeout(self.timing.handshake, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return tracing::debug!(%from, %error, "a handshake failed"),
            Err(_) => return tracing::debug!(%from, "a handshake took too long"),
        };
        let ending = Arc::new(Ending::new(connection));
        match self.greet(&ending).await {
            Ok(Some(session)) => {
                // It stays counted until somebody takes it: whoever is slow to
                // take sessions should not be given more.
                let _ = self.admit.send(session).await;
            }
            Ok(None) => ending.close(CloseReason::Revoked),
            Err(GreetError::OtherVersion { theirs }) => {
                tracing::info!(%from, theirs, "refused a device of another version");
                ending.close(CloseReason::OtherVersion);
            }
            Err(GreetError::Connection(error)) => {
                tracing::debug!(%from, %error, "a connection ended before its hello");
            }
            Err(GreetError::Frame(error)) => {
                tracing::debug!(%from, %error, "a connection without a good hello");
                ending.close(CloseReason::Broken);
            }
        }
        drop(slot);
    }

    /// `None` where the registry does not hold the device any more.
    async fn greet(&self, ending: &Arc<Ending>) -> Result<Option<Session>, GreetError> {
        let connection = ending.connection();
        let hello = hear_hello(connection, &self.timing).await?;
        // The verifier read this leaf a moment ago.
        let leaf = tls::shown_leaf(connection).and_then(|der| Leaf::parse(&der).ok());
        let Some(Leaf {
            device,
            spki,
            not_after,
            ..
        }) = leaf
        else {
            return Ok(None);
        };
        let Some(entered) = self.registry.enter(device, spki, ending) else {
            return Ok(None);
        };
        let renewal_only = SystemTime::now() > not_after;
        let live = Live::new(Arc::clone(ending), &self.budget, self.timing, Some(entered));
        welcome(hello, renewal_only, &self.timing).await?;
        let registry = self.registry.clone();
        Ok(Some(Session::new(
            live,
            device,
            spki,
            renewal_only,
            registry,
        )))
    }
}
