//! The newcomer's side of the pairing endpoint.

use super::{Address, At, BindError, ConnectError, PairingStream, config, socket};
use crate::{
    identity::EndpointKeys,
    session::Timing,
    tls::{self, NewcomerVerifier},
};
use quinn::{ConnectionError, Endpoint, TokioRuntime};
use std::{fmt, io, net::SocketAddr, sync::Arc};
use tokio::time::timeout;

/// Dials pairing endpoints.
pub struct PairingConnector {
    endpoint: Endpoint,
    timing: Timing,
}

/// Never asked for a certificate of this name: a newcomer knows no name.
const NAME: &str = "pairing.pool.invalid";

impl PairingConnector {
    /// Opens a socket for dialling. Must be called inside a tokio runtime.
    pub fn bind(at: &At, timing: Timing) -> Result<PairingConnector, BindError> {
        let io = |source| BindError::Io {
            port: at.port,
            source,
        };
        let keys = EndpointKeys::passing().map_err(|error| io(io::Error::other(error)))?;
        let endpoint = Endpoint::new(
            config::endpoint(&keys),
            None,
            socket::bind(at)?,
            Arc::new(TokioRuntime),
        )
        .map_err(io)?;
        Ok(PairingConnector { endpoint, timing })
    }

    /// Begins a conversation at the first address that answers. Whom it is
    /// with is for the exchange to find out, or for a link's pin.
    pub async fn connect(&self, addresses: &[Address]) -> Result<PairingStream, ConnectError> {
        let mut worst = ConnectError::NoAddress;
        for address in addresses {
            let found = address.resolve().await.map_err(|source| {
                let host = address.host.clone();
                ConnectError::Resolve { host, source }
            });
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    worst = ConnectError::deeper(worst, error);
                    continue;
                }
            };
            for address in found {
                match self.dial(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => worst = ConnectError::deeper(worst, error),
                }
            }
        }
        Err(worst)
    }

    async fn dial(&self, address: SocketAddr) -> Result<PairingStream, ConnectError> {
        if let Err(source) = socket::route(address) {
            return Err(ConnectError::NoRoute { address, source });
        }
        let verifier = Arc::new(NewcomerVerifier::default());
        let tls = tls::client(tls::PAIRING_ALPN, None, Arc::clone(&verifier) as _)?;
        let config = config::pairing_client(tls, &self.timing);
        let connecting = self
            .endpoint
            .connect_with(config, address, NAME)
            .map_err(|error| super::dial::not_dialled(address, &error))?;
        let connection = match timeout(self.timing.connect, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(ConnectionError::TimedOut)) | Err(_) => {
                return Err(ConnectError::NoAnswer { address });
            }
            Ok(Err(error)) => {
                let what = error.to_string();
                return Err(ConnectError::Tls { address, what });
            }
        };
        let shown = verifier.presented().ok_or(ConnectError::Stopping)?;
        let halves = connection.open_bi().await.map_err(|error| {
            let what = error.to_string();
            ConnectError::Tls { address, what }
        })?;
        let write = self.timing.write;
        Ok(PairingStream::new(
            connection, halves, shown.ca, shown.leaf, write,
        ))
    }
}

impl fmt::Debug for PairingConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingConnector").finish_non_exhaustive()
    }
}
