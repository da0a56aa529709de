//! What a worker says of tasks that ended.

use crate::id::Digest;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The ends of consecutive tasks of one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reports {
    /// All done, exit code 0, no log and no files: the common case, packed.
    Plain(Plain),
    Each(Vec<Report>),
}

/// Results of tasks that had nothing else to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plain {
    /// Time the tasks took together, microseconds.
    pub micros: u64,
    /// Where each result ends in `bytes`; as long as there are tasks.
    pub ends: Vec<u32>,
    pub bytes: ByteBuf,
}

/// The end of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub outcome: Outcome,
    pub micros: u64,
    /// Standard output: the result (what came of it, when the task failed).
    pub output: Payload,
    /// Standard error: the log.
    pub log: Payload,
    pub log_truncated: bool,
    /// What the task left in `/out`: a blob that lists name and digest of each
    /// file, and the digests themselves.
    pub files: Option<Files>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Done,
    /// The program failed, by its own doing: the same bytes would fail again.
    Failed(Failure),
    /// Exit code 75: try again on another machine.
    Elsewhere,
    /// The executor died under the task.
    Lost {
        why: String,
    },
    /// The worker itself could not (disk full, blob unreadable): not the
    /// program's fault, charged to nobody, tried again with a delay.
    Refused {
        why: String,
    },
}

/// Why a program failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// For people: the last line of the log, the trap's message, the limit.
    pub message: String,
    /// Set for [`FailureKind::ExitCode`].
    pub exit_code: Option<u32>,
    pub backtrace: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureKind {
    ExitCode,
    Trap,
    MemoryLimit,
    TableLimit,
    DeadlineExceeded,
    OutOfFuel,
    OutputLimit,
    AbiViolation,
    LinkError,
    /// The module could not be compiled within the limits, or not at all.
    CompileFailed,
    /// Gave up after losing executors or machines too often.
    Lost,
    /// Asked for another machine too often.
    Elsewhere,
    /// The fold itself failed (a result that is not JSON, not a number).
    Fold,
    /// The worker could not keep or read what the task needs.
    Refused,
}

/// Bytes that go with a report: small ones inline, larger ones as a blob that
/// the worker stored first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    Inline(ByteBuf),
    Blob { digest: Digest, bytes: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    pub manifest: Digest,
    pub blobs: Vec<Digest>,
}

impl Reports {
    /// How many tasks ended.
    #[must_use]
    pub fn count(&self) -> u32 {
        let n = match self {
            Reports::Plain(plain) => plain.ends.len(),
            Reports::Each(each) => each.len(),
        };
        u32::try_from(n).unwrap_or(u32::MAX)
    }
}

impl Payload {
    #[must_use]
    pub fn empty() -> Payload {
        Payload::Inline(ByteBuf::new())
    }
}
