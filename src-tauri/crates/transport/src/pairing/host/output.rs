//! What a host tells its caller.

#[cfg(doc)]
use super::Host;
use crate::pairing::MESSAGE_BYTES_MAX;
use crate::pairing::admission::Refusal;
use crate::pairing::message::{Introduction, MessageError};
use crate::pairing::names::{DeviceId, Spki};
use crate::pairing::token::TokenId;
#[cfg(doc)]
use crate::pairing::{DECISION_TIME, EXCHANGE_TIME};
use thiserror::Error;

/// What the caller must do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum HostOutput {
    /// Export from the session for this key, take one attempt from the living code, durably, and answer with
    /// [`Host::charged`]. A device that came in by this code before (its
    /// answer was lost) may have the code again although it is spent; its
    /// attempt is charged all the same.
    Charge {
        /// The key that the joiner says it has; not proved yet.
        spki: Spki,
        /// The name that it says.
        device: DeviceId,
    },
    /// Export from the session for this key, look up a token, and answer with [`Host::looked_up`].
    LookUp {
        /// Its name.
        token: TokenId,
        /// The key that the joiner says it has; not proved yet.
        spki: Spki,
        /// The name that it says.
        device: DeviceId,
    },
    /// Send this message.
    Send(Vec<u8>),
    /// The joiner knows the code or token, and its request is for the key
    /// that it said. Mark the secret as used, durably, then decide or let a
    /// person decide, and answer with [`Host::admit`] or [`Host::refuse`]
    /// within [`DECISION_TIME`].
    Decide {
        /// Who wants to come in.
        joiner: Box<Introduction>,
        /// By what.
        by: Proof,
    },
    /// It was admitted, and was sent what it needs. The last output.
    Done,
    /// It was not admitted. The last output; a decision that is still asked
    /// for is not wanted any more.
    Failed(HostFailure),
}

/// By what a joiner proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The code that was charged.
    Code,
    /// This token.
    Token(TokenId),
}

/// Why a joiner was not admitted. For the coordinator's log and its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HostFailure {
    /// No message of this protocol.
    #[error("the joiner sent {0}")]
    Message(#[from] MessageError),
    /// A message at the wrong moment.
    #[error("the joiner sent a message out of order")]
    OutOfOrder,
    /// There is no living code, or its attempts are used up.
    #[error("no code is open, or its attempts are used up")]
    NotCharged,
    /// The joiner does not know the code or token, or somebody stands between
    /// it and us.
    #[error("wrong code or token")]
    WrongProof,
    /// Its request is for another key than it said, or cannot be read.
    #[error("the joiner's certificate request is not for the key that it told")]
    Csr,
    /// It was refused: a person's word, or the registry's.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The certificates do not fit one message.
    #[error("the certificates for the joiner do not fit a message of {MESSAGE_BYTES_MAX} bytes")]
    AdmissionTooLong,
    /// It took longer than [`EXCHANGE_TIME`] to prove itself.
    #[error("the joiner was too slow")]
    TooSlow,
    /// The connection ended.
    #[error("the joiner went away")]
    Closed,
}
