//! One try to reach a coordinator at one address, and what its failure means.

use super::{ConnectError, Connector, config, socket};
use crate::{
    identity::{Identity, Leaf, Membership},
    limits::RENEWAL_GRACE,
    names::server_name,
    session::{
        CloseReason, Closed, Ending, FrameError, GreetError, Live, Timing, Uplink, WindowBudget,
        greet, tls_alert,
    },
    tls::{self, PoolVerifier},
};
use quinn::{Connecting, Connection, ConnectionError};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::timeout;

/// One wish to connect, tried at several addresses.
pub(super) struct Call<'a> {
    pub(super) connector: &'a Connector,
    pub(super) identity: &'a Identity,
    pub(super) membership: &'a Membership,
    /// Our own.
    pub(super) leaf: Leaf,
}

/// One try of it.
pub(super) struct Dial {
    timing: Timing,
    address: SocketAddr,
    verifier: Arc<PoolVerifier>,
    leaf: Leaf,
}

impl Call<'_> {
    pub(super) fn dial(&self, address: SocketAddr) -> Result<(Dial, Connecting), ConnectError> {
        if let Err(source) = socket::route(address) {
            return Err(ConnectError::NoRoute { address, source });
        }
        let timing = self.connector.timing();
        let verifier = PoolVerifier::new(self.membership).ok_or(ConnectError::Membership)?;
        let verifier = Arc::new(verifier);
        let own = Some((self.identity, self.membership.leaf.as_slice()));
        let tls = tls::client(tls::POOL_ALPN, own, Arc::clone(&verifier) as _)?;
        let config = config::pool_client(tls, &timing);
        let name = server_name(self.membership.pool);
        let connecting = self
            .connector
            .endpoint()
            .connect_with(config, address, &name)
            .map_err(|error| not_dialled(address, &error))?;
        let dial = Dial {
            timing,
            address,
            verifier,
            leaf: self.leaf.clone(),
        };
        Ok((dial, connecting))
    }
}

impl Dial {
    /// As far as our own half of the handshake. Of several that come so far
    /// only one greets: for the coordinator a second would be the newer one.
    pub(super) async fn shake(
        self,
        connecting: Connecting,
    ) -> Result<(Connection, Dial), ConnectError> {
        match timeout(self.timing.connect, connecting).await {
            Ok(Ok(connection)) => Ok((connection, self)),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(ConnectError::NoAnswer {
                address: self.address,
            }),
        }
    }

    /// Waits for the coordinator's welcome.
    pub(super) async fn greet(
        &self,
        connection: Connection,
        budget: &WindowBudget,
    ) -> Result<Uplink, ConnectError> {
        let ending = Arc::new(Ending::new(connection));
        let live = Live::new(Arc::clone(&ending), budget, self.timing, None);
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
            return Err(self.failed(&error));
        }
        Err(match error {
            GreetError::Frame(FrameError::TooSlow) => ConnectError::NoAnswer {
                address: self.address,
            },
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
    fn failed(&self, error: &ConnectionError) -> ConnectError {
        let address = self.address;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::Usage,
        names::{DeviceId, PoolId, Spki},
    };

    #[test]
    fn a_leaf_that_is_good_by_our_clock_tells_how_far_the_coordinators_is_behind() {
        let day = Duration::from_secs(86_400);
        let start = SystemTime::UNIX_EPOCH + 20_000 * day;
        let leaf = Leaf {
            device: DeviceId([1; 16]),
            pool: PoolId([1; 16]),
            usage: Usage::Client,
            spki: Spki([1; 32]),
            not_before: start,
            not_after: start + 14 * day,
        };
        assert_eq!(behind(&leaf, start + 2 * day), Some(2 * day));
        assert_eq!(behind(&leaf, start - day), None, "ours is behind too");
        assert_eq!(behind(&leaf, start + 400 * day), None, "it has ended");
        let words = ConnectError::Clock {
            coordinator_behind: behind(&leaf, start + 2 * day),
        };
        assert!(
            words.to_string().contains("at least 2 days behind"),
            "{words}"
        );
    }
}
