//! Names of things: jobs, machines, blobs, and the coordinator's term.

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

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "j_{}", BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}
impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m_{}", BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}
impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl fmt::Debug for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
