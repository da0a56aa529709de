//! What the two sides say, as bytes: one version, then one message by postcard.

use super::names::{DeviceId, Spki};
use super::shown::shown;
use super::token::TokenId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The first byte of each message. It and its meaning stay for ever: a side
/// that reads another number knows which of the two programs is older.
pub const PAIRING_VERSION: u8 = 1;

/// The longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4096;

/// How many kinds of message there are.
const KINDS: u8 = 6;

/// In the order in which they are said. Variants are only appended.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// The joiner: who I am, and by what I come.
    Hello(Box<Hello>),
    /// The host: its half of SPAKE2, or fresh chance for a token.
    Answer(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The joiner: that it knows the secret.
    Proof([u8; 32]),
    /// The host: that it knows it too; the body is a [`Welcome`].
    Welcome(Proved),
    /// The host: what was decided; the body is a
    /// [`Verdict`](super::admission::Verdict).
    Verdict(Proved),
    /// The host, for whatever failed before the joiner's proof was right.
    CodeInvalid,
}

/// The joiner's first message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) spki: Spki,
    pub(super) device: DeviceId,
    pub(super) name: String,
    pub(super) os: String,
    pub(super) program: String,
    pub(super) wire: u32,
    #[serde(with = "serde_bytes")]
    pub(super) csr: Vec<u8>,
    pub(super) by: By,
}

/// By what the joiner comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum By {
    /// A code: the joiner's half of SPAKE2.
    Code(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A token, by its name; and fresh chance, so that no old answer fits.
    Token(TokenId, [u8; 32]),
}

/// A body, and its side's proof over it and everything before it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proved {
    #[serde(with = "serde_bytes")]
    pub(super) body: Vec<u8>,
    pub(super) proof: [u8; 32],
}

/// What the joiner may be told while it waits for the decision.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Welcome {
    pub(super) pool_name: String,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("a message of pairing has at most {MESSAGE_BYTES_MAX} bytes, and this has {bytes}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The other program says another version of pairing.
    #[error(
        "the other program pairs by version {theirs}, and this one by version {PAIRING_VERSION}"
    )]
    Version {
        /// The version that it says.
        theirs: u8,
    },
    /// A kind of message that this version does not have.
    #[error("a message of the unknown kind {kind}")]
    Kind {
        /// Its number.
        kind: u8,
    },
    /// Empty, cut short, too long for its kind, or nonsense.
    #[error("a message that cannot be read")]
    Malformed,
}

impl Message {
    /// Never longer than [`MESSAGE_BYTES_MAX`] where its maker kept to the
    /// limits of what is in it; whoever cannot be sure looks.
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![PAIRING_VERSION]).expect("these types have a form")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLong { bytes: bytes.len() });
        }
        let (version, message) = bytes.split_first().ok_or(MessageError::Malformed)?;
        if *version != PAIRING_VERSION {
            return Err(MessageError::Version { theirs: *version });
        }
        let kind = *message.first().ok_or(MessageError::Malformed)?;
        if kind >= KINDS {
            return Err(MessageError::Kind { kind });
        }
        read(message)
    }
}

/// A value by postcard, with nothing after it.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, MessageError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, _)) | Err(_) => Err(MessageError::Malformed),
    }
}

/// The machine that wants to come in, as it says itself: nothing of it is
/// proved but, by the decision, that it holds `spki`'s key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Its key.
    pub spki: Spki,
    /// Its name for the registry.
    pub device: DeviceId,
    /// Its name for people; as [`shown`](super::shown()) writes it, so it may
    /// be empty.
    pub name: String,
    /// Its operating system, for people; written the same way.
    pub os: String,
    /// The version of its program, for people; written the same way.
    pub program: String,
    /// The version of the pool's wire that its program speaks.
    pub wire: u32,
    /// Its certificate signing request, in DER.
    pub csr: Vec<u8>,
}

impl Introduction {
    pub(super) fn hello(&self, by: By) -> Hello {
        Hello {
            spki: self.spki,
            device: self.device,
            name: shown(&self.name),
            os: shown(&self.os),
            program: shown(&self.program),
            wire: self.wire,
            csr: self.csr.clone(),
            by,
        }
    }
}

impl Hello {
    pub(super) fn parts(self) -> (Introduction, By) {
        let introduction = Introduction {
            spki: self.spki,
            device: self.device,
            name: shown(&self.name),
            os: shown(&self.os),
            program: shown(&self.program),
            wire: self.wire,
            csr: self.csr,
        };
        (introduction, self.by)
    }
}
