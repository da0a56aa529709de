//! What an executor tells: how its tasks go, and how each of them ended.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The next thing that happened in an executor.
#[derive(Debug)]
pub enum Event {
    /// A task began. Short tasks are told of when they end.
    Started {
        /// The task's index.
        index: u64,
    },
    /// A piece of the task's result, in order.
    Stdout {
        /// The task's index.
        index: u64,
        /// At most 64 KiB, never empty.
        bytes: Bytes,
    },
    /// A piece of the task's log, in order.
    Stderr {
        /// The task's index.
        index: u64,
        /// At most 64 KiB, never empty.
        bytes: Bytes,
    },
    /// How far the task says it is.
    Progress {
        /// The task's index.
        index: u64,
        /// 0 to 1000.
        per_mille: u16,
    },
    /// The task ended; nothing more comes from it.
    Ended {
        /// The task's index.
        index: u64,
        /// How.
        end: End,
        /// Microseconds from its start.
        micros: u64,
        /// Files left in `/out` by a task that exited with 0. They are gone
        /// at the next call of `next`.
        out: Vec<OutFile>,
    },
    /// Results of consecutive calls of a function.
    Calls {
        /// The first call's task.
        first_index: u64,
        /// Where the text of each ends in `bytes`.
        ends: Vec<u32>,
        /// The texts, nothing between them.
        bytes: Bytes,
        /// Microseconds that all of them took.
        micros: u64,
    },
    /// A batch is done.
    Idle,
    /// The process is gone, and will say nothing more.
    Gone {
        /// Tasks that never started, or that must run again because of what
        /// another did; what they may have shown does not count.
        unstarted: Vec<u64>,
        /// Why, for a log.
        why: String,
    },
}

/// A file that a task left in `/out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutFile {
    /// Its path under `/out`: relative, plain components, UTF-8.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The program ended by itself: 0 is done, 75 is elsewhere, others failed.
    Exit {
        /// Its exit code.
        code: u32,
    },
    /// The module trapped.
    Trap {
        /// What the trap was.
        message: String,
        /// Functions, innermost first.
        backtrace: Vec<String>,
    },
    /// More memory than the job allows, at the start or before a trap.
    MemoryLimit {
        /// What was asked for.
        message: String,
    },
    /// More tables or larger ones than modules may have.
    TableLimit {
        /// What was asked for.
        message: String,
    },
    /// Longer than the job allows; the process was killed.
    DeadlineExceeded {
        /// What the job allows.
        limit: Duration,
    },
    /// More fuel than the job allows.
    OutOfFuel,
    /// A larger result than the job allows, or a fuller scratch folder than anyone may have.
    OutputLimit {
        /// In bytes.
        limit: u64,
    },
    /// The module did not keep to the contract of its kind.
    AbiViolation {
        /// In what.
        message: String,
    },
    /// Something the module imports is not there.
    LinkError {
        /// What.
        message: String,
    },
    /// The executor's process ended under the task: the machine's fault until proven otherwise.
    Crashed {
        /// How.
        message: String,
    },
    /// The executor could not do what the task asked of it, and is replaced.
    HostRefused {
        /// What.
        message: String,
    },
}

impl End {
    /// Whether this is a plain success.
    pub fn is_done(&self) -> bool {
        matches!(self, End::Exit { code: 0 })
    }
}
