//! What the door answers.

use crate::pool::{CodeView, DeviceView, InviteView, JoinView, PersonView, PoolView};
use crate::view::{
    Card, Check, ConfigValue, Contribution, FailureView, JobView, LogLine, MachineView, ModuleView,
    Status, TaskCounts, TaskState, TaskView,
};
use crate::watch::{Changes, Sample, Span, Stop};
use serde::{Deserialize, Serialize};

/// The answer to a [`crate::Request`]; which one, the verb says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    Done,
    Status(Box<Status>),
    Blob {
        blob: String,
        bytes: u64,
    },
    Card(Box<Card>),
    Submitted {
        job: String,
        tasks: u32,
        existed: bool,
    },
    Jobs {
        jobs: Vec<JobView>,
        cursor: Option<String>,
    },
    Job(Box<JobView>),
    /// Events follow under the same id.
    Following,
    Tasks {
        tasks: Vec<TaskView>,
        next: Option<u32>,
    },
    Task(Box<TaskView>),
    Spans {
        spans: Vec<Span>,
        /// When machines did not work since the job was accepted, as far as
        /// this node remembers.
        stops: Vec<Stop>,
        /// Where the next page begins.
        next: Option<String>,
        /// Tasks that are done and whose time is not known any more: they ran
        /// too long ago, or before this node was started.
        dropped: u64,
    },
    /// Oldest first; a stretch in which no node ran has none.
    Samples {
        every_ms: u64,
        samples: Vec<Sample>,
    },
    Plan {
        tasks: u32,
        /// Columns and rows.
        grid: Option<(u32, u32)>,
    },
    Results {
        results: Vec<ResultEntry>,
        next: Option<u32>,
        folded: Option<Box<ResultEntry>>,
    },
    /// Bytes follow under the same id, then their end.
    Bytes {
        bytes: u64,
    },
    Module(ModuleView),
    Modules {
        modules: Vec<ModuleView>,
    },
    Machines {
        machines: Vec<MachineView>,
    },
    Machine(Box<MachineView>),
    Contribution(Contribution),
    Checks {
        checks: Vec<Check>,
    },
    Logs {
        lines: Vec<LogLine>,
    },
    Config {
        values: Vec<ConfigValue>,
    },
    Pool(Box<PoolView>),
    Code(Box<CodeView>),
    /// The link is the token: whoever has it may come in. It is told this once.
    Invited {
        invite: InviteView,
        link: String,
    },
    Invites {
        invites: Vec<InviteView>,
    },
    Devices {
        devices: Vec<DeviceView>,
        joins: Vec<JoinView>,
        persons: Vec<PersonView>,
    },
}

/// The result of one task. Small ones are inline, as text where they are
/// UTF-8, else as base64; for others [`crate::Request::Read`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ResultEntry {
    pub index: u32,
    pub state: TaskState,
    pub attempt: u32,
    pub machine: Option<String>,
    pub bytes: u64,
    /// What it wrote to stderr; [`crate::Request::Read`] has it.
    pub log_bytes: u64,
    /// Of the result, hex of BLAKE3; set where there is a result.
    pub hash: Option<String>,
    pub exit_code: Option<u32>,
    pub text: Option<String>,
    pub base64: Option<String>,
    /// Files below `/out`, with their sizes.
    pub files: Vec<(String, u64)>,
    pub failure: Option<FailureView>,
}

/// What happens to a followed job, or in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// At most four a second.
    Progress {
        tasks: TaskCounts,
        reason: Option<String>,
    },
    /// Results of these tasks are durable. Only while the client follows with
    /// `output`.
    Results {
        first: u32,
        count: u32,
    },
    /// A piece of what a one-task job writes: `stdout` or `stderr`, base64.
    Output {
        stream: String,
        base64: String,
    },
    /// A lost attempt ran again and wrote something else: the rest is not
    /// shown, the result is in `job results`.
    OutputDiffers,
    /// How far a task says it is, per mille.
    TaskProgress {
        index: u32,
        per_mille: u16,
    },
    Log(LogLine),
    /// Only of a watch.
    Changed(Box<Changes>),
}
