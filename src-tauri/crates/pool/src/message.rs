//! What a coordinator and a worker say to each other.
//!
//! Both directions are enums of postcard: variants are only ever appended, a
//! changed message is a new variant, and the first message is the hello that
//! carries the version.

use crate::id::{Digest, JobId, Life, MachineId, PersonId, Term};
use crate::report::Reports;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::sync::Arc;

/// The version of this protocol; a hello with another one is refused.
pub const VERSION: u16 = 4;

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
    /// How the machine is, at most every [`crate::limits::NEWS_EVERY`].
    Health(Health),
    /// What lies ready on the machine, all of it; as often.
    Stock(Stock),
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
    /// A person paused this machine from afar: as its own pause, until
    /// [`ToWorker::Resume`]. Said after each welcome while it holds.
    Pause {
        why: String,
    },
    /// No person pauses it from afar, or none does any more.
    Resume,
    /// Others have nothing to do: give back (with [`ToCoordinator::Return`])
    /// what of these has not begun. What runs goes on.
    Recall(Vec<Chunk>),
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

/// How a machine is, in whole numbers. For people, but for the load by other
/// programs, which says how much of a core a task gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Of each core, per mille; the first [`crate::limits::CORES_TOLD_MAX`].
    pub core_loads: Vec<u16>,
    /// What programs that are not ours take of all cores, per mille.
    pub others_per_mille: u16,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// Of the processor, degrees Celsius; `None` without a sensor.
    pub temperature_c: Option<i16>,
    /// How full the battery is, per cent; `None` without one.
    pub battery_percent: Option<u8>,
    /// Whether it runs on it; `None` where the system does not say.
    pub on_battery: Option<bool>,
}

/// What a machine need not fetch or compile any more, the latest used first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Compiled; the first [`crate::limits::MODULES_TOLD_MAX`].
    pub modules: Vec<Digest>,
    /// Inputs; the first [`crate::limits::BLOBS_TOLD_MAX`].
    pub blobs: Vec<Digest>,
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
