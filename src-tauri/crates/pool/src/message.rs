//! What a coordinator and a worker say to each other.
//!
//! Both directions are enums of postcard: variants are only ever appended, a
//! changed message is a new variant, and the first message is the hello that
//! carries the version.

use crate::id::{JobId, Life, MachineId, PersonId, Term};
use crate::report::Reports;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::sync::Arc;

/// The version of this protocol; a hello with another one is refused.
pub const VERSION: u16 = 3;

/// From a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToCoordinator {
    Hello(Hello),
    /// Every [`crate::limits::HEARTBEAT`], and at once when something in it changed.
    Heartbeat(Heartbeat),
    /// Kept by the worker until [`ToWorker::Accepted`].
    Results(Results),
    /// A piece of what a running task writes, for those who follow it.
    Output(Output),
    /// Leases given back, uncharged: paused, drained, or more than it can do.
    Return(Vec<Chunk>),
    /// Leaves in good order: what it held goes back, uncharged.
    Goodbye,
}

/// From the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Answers the hello: of what the worker holds, what to keep, to drop, and
    /// which undelivered results to send.
    Welcome {
        term: Term,
        keep: Vec<Chunk>,
        drop: Vec<Chunk>,
        send: Vec<Chunk>,
    },
    Refused {
        why: String,
    },
    /// What the leases that follow are about; sent once a connection and job,
    /// and again when `retry` changed it.
    Job {
        job: JobId,
        /// Whose it is: no executor ever runs tasks of two persons.
        person: PersonId,
        spec: Arc<Spec>,
        fold_input: Option<crate::id::Digest>,
    },
    Lease(Chunk),
    /// Stop and forget these tasks (cancelled, expired, wanted elsewhere).
    Drop(Vec<Chunk>),
    /// The job is over: stop its tasks and forget it.
    Forget {
        job: JobId,
    },
    /// These results are durable.
    Accepted(Chunk),
    /// These results are stale; forget them.
    Stale(Chunk),
    /// No new leases will come; finish, then say goodbye.
    Drain,
}

/// Consecutive tasks of one job, all in the same attempt, and the term that
/// granted them. A lease is one chunk; fences hold for each task in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chunk {
    pub job: JobId,
    pub first: u32,
    pub count: u32,
    pub attempt: u32,
    pub term: Term,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub version: u16,
    pub machine: MachineId,
    /// The same as last time: what it holds no more was never run, or was
    /// given back. Another: it died with the machine's last life.
    pub life: Life,
    pub name: String,
    /// Cores of the machine, whether they may be used or not.
    pub cores: u32,
    pub os: String,
    pub program_version: String,
    pub state: Heartbeat,
    /// Chunks (or what is left of them) that it still runs or means to run.
    pub holding: Vec<Chunk>,
    /// Chunks whose results it has and the coordinator may not.
    pub undelivered: Vec<Chunk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Tasks it may run at once now, as its owner has it configured.
    pub slots: u32,
    /// Memory it offers to tasks.
    pub memory_bytes: u64,
    /// Why it does not work, if so; the sentence a person reads.
    pub paused: Option<String>,
    /// Why it works with fewer cores than its owner gave, if so; likewise.
    pub slowed: Option<String>,
    /// Leases it still holds while paused.
    pub held: Vec<Chunk>,
    /// How long a grant takes to come back as work: commit or round trip,
    /// microseconds. Credits are at least three times this.
    pub turnaround_micros: u32,
    /// Running chunks and how far they are: (chunk, per mille of the running task).
    pub progress: Vec<(Chunk, u16)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// The tasks that ended: consecutive, a part of the leased chunk or all of it.
    pub chunk: Chunk,
    pub reports: Reports,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub job: JobId,
    pub index: u32,
    pub attempt: u32,
    pub stream: Stream,
    /// Place of the first byte in the stream of this attempt.
    pub offset: u64,
    pub bytes: ByteBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    Stdout,
    Stderr,
}
