//! What a person asked for: a job, as the rules see it.

use crate::id::{Digest, MachineId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeSet;

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
    /// Machines that may have tasks of it: any that is named here, by itself
    /// or by one of its labels. Empty: all. At most [`crate::limits::ON_MAX`].
    pub on: Vec<On>,
}

/// One of the machines that a job may run on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum On {
    Machine(MachineId),
    /// Every machine with this label.
    Label(String),
}

/// Limits of one task, enforced where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: u64,
    pub task_time: Option<Duration>,
    pub fuel: Option<u64>,
    pub output_bytes: u64,
}

impl Spec {
    /// Characters of the longest label that it asks for.
    pub(crate) fn longest_label(&self) -> usize {
        let labels = self.on.iter().map(|on| match on {
            On::Machine(_) => 0,
            On::Label(label) => label.chars().count(),
        });
        labels.max().unwrap_or(0)
    }

    /// Whether a machine with these labels may have tasks of it.
    pub(crate) fn allows(&self, machine: MachineId, labels: &BTreeSet<String>) -> bool {
        self.on.is_empty()
            || self.on.iter().any(|on| match on {
                On::Machine(id) => *id == machine,
                On::Label(label) => labels.contains(label),
            })
    }
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
