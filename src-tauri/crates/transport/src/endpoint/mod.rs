//! UDP sockets with QUIC on them: the pool's, which a coordinator listens on
//! and members dial, and the pairing one, which shares nothing with it.

mod address;
mod config;
mod connector;
mod dial;
mod error;
mod gate;
mod knock;
mod listener;
mod pairing;
mod pairing_client;
mod socket;

pub use crate::session::Timing;
pub use address::{Address, AddressError};
pub use connector::Connector;
pub use error::{BindError, ConnectError};
pub use listener::{Listen, PoolListener};
pub use pairing::{PairingError, PairingListener, PairingStream};
pub use pairing_client::PairingConnector;
pub use socket::At;
