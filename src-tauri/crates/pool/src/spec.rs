//! What a person asked for: a job, as the rules see it.

use crate::id::Digest;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Everything about a job that never changes once it was accepted, except
/// what `retry` may raise ([`Limits`] and `retries`).
///
/// How a task is run (arguments, environment, where its input lies) is
/// [`Spec::run`], bytes that `node` writes and reads; the rules only count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub name: String,
    pub module: Digest,
    /// Tasks, at least 1 and at most [`crate::limits::TASKS_PER_JOB_MAX`].
    /// An empty input makes a job of no tasks, which is done at once.
    pub count: u32,
    pub fold: Fold,
    /// Every blob the job needs besides its module. Referenced until the job
    /// is forgotten.
    pub inputs: Vec<Digest>,
    pub run: ByteBuf,
    pub limits: Limits,
    /// Times a task may fail (trap, limit, exit code) and be tried again.
    pub retries: u32,
    /// Times a task may ask to be run elsewhere (exit code 75).
    pub elsewhere: u32,
    /// Times a task may lose its executor or machine before it is given up.
    pub lost: u32,
    /// The first delay before a try; doubles up to a minute.
    pub retry_delay: Duration,
    /// -10 (last) to 10 (first).
    pub priority: i8,
    /// Of the whole job, from its acceptance.
    pub timeout: Option<Duration>,
    /// Only task 0 runs until the job is released.
    pub trial: bool,
    /// Not listed; forgotten when its client leaves or ten minutes later.
    pub transient: bool,
    /// Leased only while a living client follows it (a node that `run` started).
    pub followed: bool,
    /// Tasks in a lease; `None` sizes chunks by measured task time.
    pub chunk: Option<u32>,
}

/// Limits of one task, enforced where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: u64,
    pub task_time: Option<Duration>,
    pub fuel: Option<u64>,
    pub output_bytes: u64,
}

/// How the results of a job become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fold {
    None,
    /// Bytes in index order, by the coordinator's node.
    Concat,
    /// One JSON array, by the coordinator's node.
    Json,
    /// The sum of decimal numbers, by the coordinator's node.
    Sum,
    /// One more task with index = count, by a worker.
    Kernel,
}
