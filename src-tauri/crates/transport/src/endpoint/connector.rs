//! The member's endpoint: one socket, and as many memberships as there are.

use super::{Address, At, BindError, ConnectError, config, dial::Call, socket};
use crate::{
    identity::{EndpointKeys, Identity, Membership},
    limits::{GOODBYE, NEXT_ADDRESS},
    session::{CloseReason, Timing, Uplink, WindowBudget},
};
use quinn::{Endpoint, TokioRuntime, VarInt};
use std::{fmt, io, mem, net::SocketAddr, sync::Arc};
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
        let call = Call {
            connector: self,
            identity,
            membership,
            leaf: membership.leaf().map_err(|_| ConnectError::Membership)?,
        };
        let mut worst = ConnectError::NoAddress;
        let mut note = |error| worst = ConnectError::deeper(mem::take(&mut worst), error);
        let mut waiting = resolve(addresses, &mut note).await.into_iter();
        let mut dialling = JoinSet::new();
        let mut next = waiting.next();
        while next.is_some() || !dialling.is_empty() {
            if let Some(address) = next.take() {
                next = waiting.next();
                match call.dial(address) {
                    Ok((dial, connecting)) => {
                        dialling.spawn(dial.shake(connecting));
                    }
                    Err(error) => {
                        note(error);
                        continue;
                    }
                }
            }
            let done = tokio::select! {
                done = dialling.join_next() => done,
                () = sleep(NEXT_ADDRESS), if next.is_some() => continue,
            };
            match done {
                Some(Ok(Ok((connection, dial)))) => {
                    match dial.greet(connection, &self.budget).await {
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

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn timing(&self) -> Timing {
        self.timing
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
