//! The member's endpoint: one socket, and as many memberships as there are.

use super::{Address, At, BindError, ConnectError, config, socket};
use crate::{
    identity::{EndpointKeys, Identity, Leaf, Membership},
    limits::{GOODBYE, NEXT_ADDRESS, RENEWAL_GRACE},
    names::{PoolId, server_name},
    session::{
        CloseReason, Closed, Ending, FrameError, GreetError, Live, Timing, Uplink, WindowBudget,
        greet, tls_alert,
    },
    tls::{self, PoolVerifier},
};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, TokioRuntime, VarInt};
use std::{
    fmt, io, mem,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// Dials coordinators. Clones share the socket.
#[derive(Clone)]
pub struct Connector {
    endpoint: Endpoint,
    budget: WindowBudget,
    timing: Timing,
}

impl Connector {
    /// Opens a socket for dialling: [`Connector::anywhere`], or one address.
    /// Must be called inside a tokio runtime.
    pub fn bind(at: &At, budget: &WindowBudget, timing: Timing) -> Result<Connector, BindError> {
        let keys = EndpointKeys::passing().map_err(|error| BindError::Io {
            port: at.port,
            source: io::Error::other(error),
        })?;
        let endpoint = Endpoint::new(
            config::endpoint(&keys),
            None,
            socket::bind(at)?,
            Arc::new(TokioRuntime),
        )
        .map_err(|source| BindError::Io {
            port: at.port,
            source,
        })?;
        Ok(Connector {
            endpoint,
            budget: budget.clone(),
            timing,
        })
    }

    /// Any port of every address, with the usual deadlines.
    pub fn anywhere(budget: &WindowBudget) -> Result<Connector, BindError> {
        let at = At {
            ip: None,
            port: 0,
            or_next: None,
        };
        Connector::bind(&at, budget, Timing::default())
    }

    /// Where it dials from.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Moves every connection to another socket, as after a change of network.
    pub fn rebind(&self, at: &At) -> Result<(), BindError> {
        let port = at.port;
        self.endpoint
            .rebind(socket::bind(at)?)
            .map_err(|source| BindError::Io { port, source })
    }

    /// Connects to the coordinator of a membership at the first of its
    /// addresses that answers: one after the other, each a quarter of a second
    /// after the one before. Done when the coordinator has welcomed us.
    pub async fn connect(
        &self,
        identity: &Identity,
        membership: &Membership,
        addresses: &[Address],
    ) -> Result<Uplink, ConnectError> {
        let call = Arc::new(Call::new(self, identity, membership)?);
        let mut worst = ConnectError::NoAddress;
        let mut note = |error| worst = ConnectError::deeper(mem::take(&mut worst), error);
        let mut waiting = resolve(addresses, &mut note).await.into_iter();
        let mut dialling = JoinSet::new();
        let mut next = waiting.next();
        while next.is_some() || !dialling.is_empty() {
            if let Some(address) = next.take() {
                dialling.spawn(Arc::clone(&call).dial(address));
                next = waiting.next();
            }
            let done = tokio::select! {
                done = dialling.join_next() => done,
                () = sleep(NEXT_ADDRESS), if next.is_some() => continue,
            };
            match done {
                Some(Ok(Ok((connection, address)))) => {
                    match call.greet(connection, address).await {
                        Ok(uplink) => return Ok(uplink),
                        Err(error) => note(error),
                    }
                }
                Some(Ok(Err(error))) => note(error),
                Some(Err(_)) | None => {}
            }
        }
        Err(worst)
    }

    /// Ends every connection in good order and waits a moment for the
    /// coordinators to hear it.
    pub async fn close(&self) {
        let goodbye = VarInt::from_u32(CloseReason::Goodbye.code());
        self.endpoint.close(goodbye, b"");
        let _ = timeout(GOODBYE, self.endpoint.wait_idle()).await;
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("from", &self.local_addr())
            .finish_non_exhaustive()
    }
}

/// Every address that the names have, each once, in their order.
async fn resolve(addresses: &[Address], note: &mut impl FnMut(ConnectError)) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for address in addresses {
        match address.resolve().await {
            Ok(more) => {
                for one in more {
                    if !found.contains(&one) {
                        found.push(one);
                    }
                }
            }
            Err(source) => note(ConnectError::Resolve {
                host: address.host.clone(),
                source,
            }),
        }
    }
    found
}

/// One wish to connect, tried at several addresses.
struct Call {
    endpoint: Endpoint,
    budget: WindowBudget,
    timing: Timing,
    config: ClientConfig,
    verifier: Arc<PoolVerifier>,
    pool: PoolId,
    /// Our own.
    leaf: Leaf,
}

impl Call {
    fn new(
        connector: &Connector,
        identity: &Identity,
        membership: &Membership,
    ) -> Result<Call, ConnectError> {
        let verifier = PoolVerifier::new(membership).ok_or(ConnectError::Membership)?;
        let verifier = Arc::new(verifier);
        let leaf = membership.leaf().map_err(|_| ConnectError::Membership)?;
        let own = Some((identity, membership.leaf.as_slice()));
        let tls = tls::client(tls::POOL_ALPN, own, Arc::clone(&verifier) as _)?;
        Ok(Call {
            endpoint: connector.endpoint.clone(),
            budget: connector.budget.clone(),
            timing: connector.timing,
            config: config::pool_client(tls, &connector.timing),
            verifier,
            pool: membership.pool,
            leaf,
        })
    }

    /// As far as our own half of the handshake. Of several that come so far
    /// only one greets: for the coordinator a second would be the newer one.
    async fn dial(
        self: Arc<Self>,
        address: SocketAddr,
    ) -> Result<(Connection, SocketAddr), ConnectError> {
        if let Err(source) = socket::route(address) {
            return Err(ConnectError::NoRoute { address, source });
        }
        let name = server_name(self.pool);
        let connecting = self
            .endpoint
            .connect_with(self.config.clone(), address, &name)
            .map_err(|error| not_dialled(address, &error))?;
        match timeout(self.timing.connect, connecting).await {
            Ok(Ok(connection)) => Ok((connection, address)),
            Ok(Err(error)) => Err(self.failed(address, &error)),
            Err(_) => Err(ConnectError::NoAnswer { address }),
        }
    }

    /// Waits for the coordinator's welcome.
    async fn greet(
        &self,
        connection: Connection,
        address: SocketAddr,
    ) -> Result<Uplink, ConnectError> {
        let ending = Arc::new(Ending::new(connection));
        let live = Live::new(Arc::clone(&ending), &self.budget, self.timing, None);
        let error = match greet(ending.connection(), &self.timing).await {
            Ok(welcome) => return Ok(Uplink::new(live, welcome)),
            Err(error) => error,
        };
        if let GreetError::OtherVersion { theirs } = error {
            ending.close(CloseReason::OtherVersion);
            return Err(ConnectError::Version {
                theirs: Some(theirs),
            });
        }
        // The connection's own end says more than the stream's.
        if let Some(error) = ending.connection().close_reason() {
            return Err(self.failed(address, &error));
        }
        Err(match error {
            GreetError::Frame(FrameError::TooSlow) => ConnectError::NoAnswer { address },
            GreetError::Frame(_) | GreetError::Connection(_) | GreetError::OtherVersion { .. } => {
                ConnectError::Closed(Closed {
                    timed_out: false,
                    by_us: true,
                    reason: CloseReason::Broken,
                })
            }
        })
    }

    /// What a connection's end means to somebody who wanted to connect.
    fn failed(&self, address: SocketAddr, error: &ConnectionError) -> ConnectError {
        match error {
            // Our own verifier said no.
            ConnectionError::TransportError(error) => match self.verifier.refused() {
                Some(reason) => ConnectError::OtherCoordinator { address, reason },
                None => ConnectError::Tls {
                    address,
                    what: error.to_string(),
                },
            },
            // The coordinator said no.
            ConnectionError::ConnectionClosed(close) => match tls_alert(close.error_code) {
                Some(alert::NO_APPLICATION_PROTOCOL) => ConnectError::Version { theirs: None },
                Some(alert::CERTIFICATE_EXPIRED) => ConnectError::Clock {
                    coordinator_behind: behind(&self.leaf, SystemTime::now()),
                },
                Some(alert::ACCESS_DENIED | alert::UNKNOWN_CA | alert::CERTIFICATE_REQUIRED) => {
                    ConnectError::NotAdmitted
                }
                Some(_) | None => ConnectError::Tls {
                    address,
                    what: error.to_string(),
                },
            },
            ConnectionError::ApplicationClosed(_) => {
                let closed = Closed::of(error, None);
                match closed.reason {
                    CloseReason::Revoked => ConnectError::NotAdmitted,
                    CloseReason::OtherVersion => ConnectError::Version { theirs: None },
                    CloseReason::Goodbye
                    | CloseReason::Superseded
                    | CloseReason::TooManyResets
                    | CloseReason::Broken
                    | CloseReason::Stopping
                    | CloseReason::Restarted
                    | CloseReason::TimedOut
                    | CloseReason::NotAdmitted
                    | CloseReason::Failed => ConnectError::Closed(closed),
                }
            }
            ConnectionError::VersionMismatch => ConnectError::Version { theirs: None },
            ConnectionError::TimedOut => ConnectError::NoAnswer { address },
            ConnectionError::Reset => ConnectError::Closed(Closed::of(error, None)),
            ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
                ConnectError::Stopping
            }
        }
    }
}

/// The coordinator finds a leaf's dates wrong. Where they are right by our
/// clock, its own is behind: by at least what the leaf is old.
fn behind(leaf: &Leaf, now: SystemTime) -> Option<Duration> {
    if now > leaf.not_after + RENEWAL_GRACE {
        return None;
    }
    now.duration_since(leaf.not_before).ok()
}

pub(super) fn not_dialled(address: SocketAddr, error: &quinn::ConnectError) -> ConnectError {
    use quinn::ConnectError as Quinn;
    match error {
        Quinn::InvalidRemoteAddress(_) => ConnectError::NoRoute {
            address,
            source: io::ErrorKind::AddrNotAvailable.into(),
        },
        Quinn::EndpointStopping
        | Quinn::CidsExhausted
        | Quinn::InvalidServerName(_)
        | Quinn::NoDefaultClientConfig
        | Quinn::UnsupportedVersion => ConnectError::Stopping,
    }
}

/// The alerts of TLS that a coordinator refuses with (RFC 8446, 6.2).
mod alert {
    pub(super) const CERTIFICATE_EXPIRED: u8 = 45;
    pub(super) const UNKNOWN_CA: u8 = 48;
    pub(super) const ACCESS_DENIED: u8 = 49;
    pub(super) const CERTIFICATE_REQUIRED: u8 = 116;
    pub(super) const NO_APPLICATION_PROTOCOL: u8 = 120;
}
