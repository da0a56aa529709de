//! How a machine that nobody knows becomes one of the pool: two state machines
//! over messages of at most 4 KiB, [`Joiner`] and [`Host`]. Bytes in, bytes
//! out: no sockets, no clock, no registry; chance is an argument.
//!
//! ```text
//!  Joiner                                   Host            its caller
//!    │ Hello: key, name, request, SPAKE2 half │                 │
//!    │ or the token's name                    │                 │
//!    ├───────────────────────────────────────►│ Charge / LookUp │
//!    │                                        ├────────────────►│ durable
//!    │          Answer: SPAKE2 half, or chance│◄────────────────┤
//!    │◄───────────────────────────────────────┤                 │
//!    │ Proof                                  │                 │
//!    ├───────────────────────────────────────►│ right or        │
//!    │                        Welcome + proof │ CodeInvalid     │
//!    │◄───────────────────────────────────────┤ Decide          │
//!    │ (waits, up to ten minutes)             ├────────────────►│ a person
//!    │                        Verdict + proof │◄────────────────┤
//!    │◄───────────────────────────────────────┤                 │
//! ```
//!
//! The messages go over one stream of a TLS session in which neither end has
//! shown who it is. Both proofs are of the secret (a [`Code`] by SPAKE2, or a
//! [`Token`]), of the session ([`Exporter`]) and of every byte of both
//! directions before it; the joiner's comes first, so that a guess can be
//! tried against the host only, where it costs an attempt. Whoever relays
//! between two sessions fails at both ends. What follows the proofs is proved
//! the same way.
//!
//! **Invariant**: the host's half of SPAKE2 never leaves before the caller
//! said that an attempt was charged, and an admission never before the joiner
//! proved the secret and the caller decided.

mod admission;
mod chance;
mod code;
mod host;
mod joiner;
mod link;
mod message;
mod secret;
mod shown;
mod spake;
mod token;
mod transcript;

#[cfg(test)]
mod tests;

use crate::{endpoint as address, names};
use std::time::Duration;

pub use crate::{DeviceId, PoolId, Spki};
pub use address::{Address, AddressError};
pub use admission::{Admission, AdmissionError, Granted, Refusal};
pub use code::{CODE_CHARS, Code, CodeError};
pub use host::{Host, HostFailure, HostOutput, Proof};
pub use joiner::{JoinBy, JoinFailure, JoinOutput, Joiner};
pub use link::{ADDRESSES_MAX, LINK_BYTES_MAX, LINK_SCHEME, Link, LinkError};
pub use message::{Introduction, MESSAGE_BYTES_MAX, MessageError, PAIRING_VERSION};
pub use secret::{Exporter, Seed};
pub use shown::{NAME_CHARS_MAX, shown};
pub use token::{Token, TokenId, TokenKey};

/// From the connection to the joiner's right proof: two round trips, and one
/// commit of the coordinator. Generous, for a slow link.
pub const EXCHANGE_TIME: Duration = Duration::from_secs(30);

/// From the proof to a person's decision: as long as a code lives.
pub const DECISION_TIME: Duration = Duration::from_secs(10 * 60);
