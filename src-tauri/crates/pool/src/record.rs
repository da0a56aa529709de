//! Durable facts that the coordinator decided, as rows to keep.
//!
//! The rows mirror the tables of `store` one to one: keys in the open, values
//! as bytes that only this crate reads ([`crate::codec`]). Restoring is handing
//! the same rows back as an [`Image`].

use crate::id::{Digest, JobId, JobNo, MachineId, Term};
use crate::moment::Moment;
use crate::registry::EntryKey;
use crate::report::Reports;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One row to write or to remove. All records of one `poll_record` drain are
/// one transaction, and no two of them are about the same row, so their order
/// within it is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Raised at each start, before anything else is said.
    Term(Term),
    /// The latest moment that was decided upon; time goes on from here.
    Moment(Moment),
    /// Written when the job is accepted and whenever its state changed.
    Job {
        no: JobNo,
        id: JobId,
        /// Ended jobs are not loaded task by task at a start.
        ended: bool,
        /// `None` keeps what is there.
        spec: Option<Bytes>,
        state: Bytes,
        /// When it was accepted, for people.
        wall_ms: i64,
    },
    Lease {
        no: JobNo,
        first: u32,
        count: u32,
        value: Bytes,
    },
    LeaseEnded {
        no: JobNo,
        first: u32,
    },
    /// Never written twice for one task. The fold's own result has index = count.
    Result {
        no: JobNo,
        first: u32,
        count: u32,
        value: Bytes,
    },
    /// A failed task's report that a `retry` takes back.
    ResultForgotten {
        no: JobNo,
        first: u32,
    },
    /// What is known of tasks that are no longer as they were accepted.
    History {
        no: JobNo,
        first: u32,
        count: u32,
        value: Bytes,
    },
    HistoryEnded {
        no: JobNo,
        first: u32,
    },
    /// How often a blob is referenced; 0 removes the row, and the blob goes
    /// with [`crate::Chore::DeleteBlob`] after the commit.
    Blob {
        digest: Digest,
        refs: u64,
    },
    /// The job and every row of it.
    Forget {
        no: JobNo,
    },
    Machine {
        id: MachineId,
        value: Option<Bytes>,
    },
    /// The pool, a person, a device, a code or an invite; `None` removes it.
    /// [`crate::registry::Entry::read`] tells what it says.
    Registry {
        key: EntryKey,
        value: Option<Bytes>,
    },
}

/// Everything a coordinator needs to go on: the rows as they were committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    pub term: Term,
    pub moment: Moment,
    pub jobs: Vec<JobRow>,
    /// Leases of all jobs.
    pub leases: Vec<RangeRow>,
    pub histories: Vec<RangeRow>,
    /// Of jobs that have not ended: which tasks have a result row, by job, as
    /// sorted (first, count).
    pub done: Vec<(JobNo, Vec<(u32, u32)>)>,
    pub blobs: Vec<(Digest, u64)>,
    pub machines: Vec<(MachineId, Bytes)>,
    pub registry: Vec<RegistryRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRow {
    pub key: EntryKey,
    pub value: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub no: JobNo,
    pub id: JobId,
    pub ended: bool,
    pub spec: Bytes,
    pub state: Bytes,
    pub wall_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRow {
    pub no: JobNo,
    pub first: u32,
    pub count: u32,
    pub value: Bytes,
}

/// The value of a [`Record::Result`] row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResults {
    pub machine: MachineId,
    pub attempt: u32,
    pub reports: Reports,
}
