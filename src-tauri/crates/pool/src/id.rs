//! Names of things: jobs, machines, blobs, persons and their devices, and the
//! coordinator's term.

use core::fmt;
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE, HEXLOWER};
use serde::{Deserialize, Serialize};

/// A job's name: 128 random bits, written `j_` and 26 characters of base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub [u8; 16]);

/// A job's place in the coordinator's tables: dense, and not used again while
/// any row of the job exists. The rows of its tasks are keyed
/// `job_no << 32 | index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobNo(pub u32);

/// A machine's name: 128 random bits, written `m_` and base32. It outlives
/// connections and restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId(pub [u8; 16]);

/// A device's name: 128 random bits, written `d_` and base32. One that works is
/// the machine of the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub [u8; 16]);

/// A device's key: the SHA-256 of its SubjectPublicKeyInfo.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spki(pub [u8; 32]);

/// A person's name for programs: 128 random bits, written `p_` and base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonId(pub [u8; 16]);

/// A pool's name for programs: 128 random bits, written as base32 alone, as in
/// the names of certificates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolId(pub [u8; 16]);

/// A pairing code's name, which tells nothing about the code: `c_` and base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CodeId(pub [u8; 16]);

/// An invite's name: the first half of its token's SHA-256, `i_` and base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InviteId(pub [u8; 16]);

/// The name of a request to join: 128 random bits, written `r_` and base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JoinId(pub [u8; 16]);

/// A blob's name: the BLAKE3 hash of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

/// Which life of the coordinator spoke: raised durably at each start, before
/// anything is granted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Term(pub u64);

/// Which life of a worker speaks: random, drawn when its program starts. What
/// a worker held goes on in the same life and is lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Life(pub u64);

impl JobId {
    /// The name that these 26 characters write; `None` where they are fewer or
    /// no name.
    pub(crate) fn whole(text: &str) -> Option<JobId> {
        let bytes = BASE32_NOPAD_NOCASE.decode(text.as_bytes());
        bytes.ok()?.try_into().ok().map(JobId)
    }
}

impl DeviceId {
    /// The machine that this device is, if it works.
    #[must_use]
    pub fn machine(self) -> MachineId {
        MachineId(self.0)
    }
}

impl MachineId {
    /// The device that this machine is.
    #[must_use]
    pub fn device(self) -> DeviceId {
        DeviceId(self.0)
    }
}

fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// How names are written, for people and for the log alike.
macro_rules! written {
    ($($name:ident: $prefix:literal $encode:ident),+ $(,)?) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, $encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

written! {
    JobId: "j_" base32,
    MachineId: "m_" base32,
    DeviceId: "d_" base32,
    PersonId: "p_" base32,
    PoolId: "" base32,
    CodeId: "c_" base32,
    InviteId: "i_" base32,
    JoinId: "r_" base32,
    Digest: "" hex,
    Spki: "" hex,
}
