//! What can be written: one row each, with its key in the open and its value
//! as bytes.

use crate::Digest;
use bytes::Bytes;

/// One change. All changes of a batch are one transaction and count in order:
/// a later one for the same row wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A number of the store as a whole, such as the term.
    Meta {
        key: &'static str,
        value: i64,
    },
    /// A job, new or changed. Numbers lie below [`crate::limits::JOB_NO_MAX`].
    Job {
        no: u32,
        id: [u8; 16],
        /// Which tasks of an ended job are done is not loaded at a start.
        ended: bool,
        /// `None` keeps what is there.
        spec: Option<Bytes>,
        state: Bytes,
        /// Milliseconds since 1970, for people.
        wall_ms: i64,
    },
    /// A lease of tasks `first..first + count`, keyed by `first`.
    Lease {
        no: u32,
        first: u32,
        count: u32,
        value: Bytes,
    },
    LeaseEnded {
        no: u32,
        first: u32,
    },
    /// Results of tasks `first..first + count`. Never overwritten: a second one
    /// with the same `first` is [`crate::CommitError::Fatal`].
    Result {
        no: u32,
        first: u32,
        count: u32,
        value: Bytes,
    },
    /// Takes a result back, so that its tasks can run again.
    ResultForgotten {
        no: u32,
        first: u32,
    },
    /// What is known of tasks that differ from the rest of their job.
    History {
        no: u32,
        first: u32,
        count: u32,
        value: Bytes,
    },
    HistoryEnded {
        no: u32,
        first: u32,
    },
    /// How often a blob is referenced, in all; 0 removes the row.
    Blob {
        digest: Digest,
        refs: u64,
    },
    /// A job with all its rows.
    Forget {
        no: u32,
    },
    /// A name for a blob of `bytes` bytes; without a digest the name goes.
    Name {
        name: String,
        digest: Option<Digest>,
        bytes: u64,
        wall_ms: i64,
    },
    /// A machine; without a value it goes.
    Machine {
        id: [u8; 16],
        value: Option<Bytes>,
    },
    /// An entry of the registry, keyed by its kind and its id; without a value
    /// it goes.
    Registry {
        key: [u8; 17],
        value: Option<Bytes>,
    },
}
