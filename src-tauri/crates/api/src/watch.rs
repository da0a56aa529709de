//! What a client that watches the pool is told, and what is remembered of
//! machines and tasks over time.

use crate::view::{Contribution, JobView, MachineView, Status, TaskState};
use serde::{Deserialize, Serialize};

/// First everything, then what changed since. A snapshot that is too long for
/// one event goes on in the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Changes {
    /// The beginning of a snapshot: what was known before counts no more.
    pub whole: bool,
    /// When the counts of jobs and tasks, or the storage, changed.
    pub status: Option<Box<Status>>,
    /// That changed. In the snapshot all that have not ended and the newest
    /// hundred; of transient jobs only the one that is watched.
    pub jobs: Vec<JobView>,
    /// Ids of jobs that were forgotten.
    pub gone: Vec<String>,
    pub machines: Vec<MachineView>,
    pub contribution: Option<Contribution>,
    /// Of the watched job, in index order; in the snapshot all of it.
    pub cells: Vec<CellRun>,
    /// Of the watched job: attempts that started or ended since. A span that
    /// was told before comes again with the same machine, index, attempt and
    /// start.
    pub spans: Vec<Span>,
}

/// Neighbouring tasks in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CellRun {
    pub first: u32,
    pub count: u32,
    pub state: TaskState,
    /// An earlier attempt of them did not end well.
    pub retried: bool,
}

/// One attempt on one core, or several short ones that followed each other
/// there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Span {
    /// The first task's; the number of tasks is the fold's.
    pub index: u32,
    /// Tasks with consecutive indices that ran one after the other; 1 but for
    /// short ones.
    pub count: u32,
    pub attempt: u32,
    /// Its id.
    pub machine: String,
    /// Counted from 0 in each machine.
    pub core: u16,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    /// `running`, `done`, `failed`, or `cancelled` for one that was stopped
    /// before its end; what became of the task then, its own state says.
    pub state: TaskState,
}

/// A machine did not work, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Stop {
    /// Its id.
    pub machine: String,
    pub from_ms: i64,
    /// `None` while it lasts.
    pub to_ms: Option<i64>,
    /// One sentence, as the machine said it then.
    pub reason: String,
}

/// How far back samples go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SampleSpan {
    /// A sample a minute.
    Day,
    /// Thirty days, a sample an hour.
    Month,
}

/// A machine over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sample {
    /// When the stretch began.
    pub time_ms: i64,
    /// Cores that ran tasks, on the average.
    pub cores_working: f32,
    /// Tasks that ended.
    pub tasks: u32,
    /// Busy share of all cores at its end, per cent.
    pub cpu: Option<f32>,
    pub temperature_c: Option<f32>,
    pub memory_used: u64,
}
