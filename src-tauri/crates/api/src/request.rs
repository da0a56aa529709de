//! What a client may ask.

use crate::pool::{Ownership, Steer};
use crate::watch::SampleSpan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One verb of the door. Where bytes follow or come back, the verb says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// → [`crate::Reply::Status`]
    Status,
    /// Bytes follow; → [`crate::Reply::Blob`]. The node drops a blob that no
    /// job names within an hour.
    Upload { bytes: Option<u64> },
    /// What is this module? → [`crate::Reply::Card`]
    Inspect { module: ModuleRef },
    /// → [`crate::Reply::Submitted`], when everything it names is on disk.
    Submit(Box<Submit>),
    /// Lets the tasks of a trial job that wait run. → Done
    Release { job: String },
    /// Newest first. → [`crate::Reply::Jobs`]
    Jobs { cursor: Option<String>, limit: u32 },
    /// → [`crate::Reply::Job`]
    Job { job: String },
    /// Events of the job until it has ended, under this request's id; keeps
    /// jobs that live by their client alive. → Following, then events, then
    /// [`crate::Reply::Job`]
    Follow { job: String, output: bool },
    /// → Done when no result of the job can become visible any more.
    Cancel { job: String },
    /// → Done
    Retry { job: String, changes: LimitChanges },
    /// What changes in the pool from now on, and of one job in detail, until
    /// the client leaves. → Following, then [`crate::Event::Changed`]: at most
    /// four a second, and none while nothing changes
    Watch { job: Option<String> },
    /// When tasks of the job ran, oldest first. → [`crate::Reply::Spans`]
    Spans {
        job: String,
        from: Option<String>,
        limit: u32,
    },
    /// How a machine fared. → [`crate::Reply::Samples`]
    Samples { machine: String, span: SampleSpan },
    /// What a kernel that counts its own tasks would make of these
    /// parameters. → [`crate::Reply::Plan`]
    Plan {
        module: ModuleRef,
        params: BTreeMap<String, String>,
    },
    /// A PNG of at most so many pixels in each direction, made from a result
    /// that is a PNG. Bytes come back. → [`crate::Reply::Bytes`]
    Thumbnail {
        job: String,
        index: u32,
        pixels: u32,
    },
    /// Only of an ended job. → Done
    RemoveJob { job: String },
    /// → [`crate::Reply::Tasks`]
    Tasks { job: String, from: u32, limit: u32 },
    /// → [`crate::Reply::Task`]
    Task { job: String, index: u32 },
    /// In index order, with small results inline. → [`crate::Reply::Results`]
    Results { job: String, from: u32, limit: u32 },
    /// Bytes come back. → [`crate::Reply::Bytes`]
    Read {
        job: String,
        index: u32,
        what: BytesOf,
    },
    /// Names what a module is called from now on. → [`crate::Reply::Module`]
    PushModule { name: String, blob: String },
    /// → [`crate::Reply::Modules`]
    Modules,
    /// → Done
    RemoveModule { name: String },
    /// → [`crate::Reply::Machines`]
    Machines,
    /// By id, prefix or name. → [`crate::Reply::Machine`]
    Machine { machine: String },
    /// → Done. Only for devices that may steer the pool.
    SteerMachine { machine: String, steer: Steer },
    /// What this node belongs to. → [`crate::Reply::Pool`]
    Pool,
    /// Names the pool of this node, which is listened for from then on.
    /// → [`crate::Reply::Pool`]
    CreatePool { name: String },
    /// Shows a code by which one device may ask to be let in, within ten
    /// minutes; one that was open before is closed. → [`crate::Reply::Code`]
    OpenCode,
    /// → Done
    CloseCode,
    /// A token for machines at which nobody sits. → [`crate::Reply::Invited`]
    Invite {
        name: String,
        uses: u32,
        life_ms: u64,
    },
    /// → [`crate::Reply::Invites`]
    Invites,
    /// By id or prefix. → Done
    RevokeInvite { invite: String },
    /// Who belongs to the pool, and who asks to. → [`crate::Reply::Devices`]
    Devices,
    /// Lets a device in that asks. By id, prefix or name. → Done
    Approve {
        device: String,
        ownership: Ownership,
    },
    /// → Done
    Refuse { device: String },
    /// Lets it in nowhere from now on; its tasks go elsewhere. → Done
    Revoke { device: String },
    /// → [`crate::Reply::Contribution`]
    Contribution,
    /// → [`crate::Reply::Contribution`]
    Contribute { on: bool },
    /// Works no more until then; what runs stops where it is and goes on, here
    /// or elsewhere. Survives a restart. → [`crate::Reply::Contribution`]
    Pause { until: PauseUntil },
    /// Ends a pause. → [`crate::Reply::Contribution`]
    Resume,
    /// → [`crate::Reply::Checks`]
    Doctor,
    /// Oldest first; with `follow`, events go on until the client leaves.
    /// → [`crate::Reply::Logs`]
    Logs {
        filter: LogFilter,
        limit: u32,
        follow: bool,
    },
    /// → [`crate::Reply::Config`]: one key, or all.
    Config { key: Option<String> },
    /// → [`crate::Reply::Config`]
    SetConfig { key: String, value: Option<String> },
    /// Takes over a settings file that was edited. → [`crate::Reply::Config`]: all.
    ReloadConfig,
    /// A zip of texts for whoever is asked for help; bytes come back.
    /// → [`crate::Reply::Bytes`]
    Report,
}

/// When a pause ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PauseUntil {
    /// Milliseconds from now.
    For { ms: u64 },
    /// In the morning, where the machine stands.
    Tomorrow,
    /// When somebody resumes it.
    Resumed,
    /// Likewise; it begins when the tasks that run have ended.
    Finished,
}

/// Where a verb is answered: by this node, or by the pool's coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Here,
    Pool,
}

impl Request {
    /// The job that it is about, as its client names it.
    #[must_use]
    pub fn job(&self) -> Option<&str> {
        match self {
            Request::Release { job }
            | Request::Job { job }
            | Request::Follow { job, .. }
            | Request::Cancel { job }
            | Request::Retry { job, .. }
            | Request::Watch { job: Some(job) }
            | Request::Spans { job, .. }
            | Request::Thumbnail { job, .. }
            | Request::RemoveJob { job }
            | Request::Tasks { job, .. }
            | Request::Task { job, .. }
            | Request::Results { job, .. }
            | Request::Read { job, .. } => Some(job),
            Request::Status
            | Request::Upload { .. }
            | Request::Inspect { .. }
            | Request::Submit(_)
            | Request::Jobs { .. }
            | Request::Watch { job: None }
            | Request::Samples { .. }
            | Request::Plan { .. }
            | Request::PushModule { .. }
            | Request::Modules
            | Request::RemoveModule { .. }
            | Request::Machines
            | Request::Machine { .. }
            | Request::SteerMachine { .. }
            | Request::Pool
            | Request::CreatePool { .. }
            | Request::OpenCode
            | Request::CloseCode
            | Request::Invite { .. }
            | Request::Invites
            | Request::RevokeInvite { .. }
            | Request::Devices
            | Request::Approve { .. }
            | Request::Refuse { .. }
            | Request::Revoke { .. }
            | Request::Contribution
            | Request::Contribute { .. }
            | Request::Pause { .. }
            | Request::Resume
            | Request::Doctor
            | Request::Logs { .. }
            | Request::Config { .. }
            | Request::SetConfig { .. }
            | Request::ReloadConfig
            | Request::Report => None,
        }
    }

    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Request::Status
            | Request::Contribution
            | Request::Contribute { .. }
            | Request::Pause { .. }
            | Request::Resume
            | Request::Doctor
            | Request::Logs { .. }
            | Request::Config { .. }
            | Request::SetConfig { .. }
            | Request::ReloadConfig
            | Request::Pool
            | Request::CreatePool { .. }
            | Request::Report => Side::Here,
            Request::Upload { .. }
            | Request::Inspect { .. }
            | Request::Submit(_)
            | Request::Release { .. }
            | Request::Jobs { .. }
            | Request::Job { .. }
            | Request::Follow { .. }
            | Request::Watch { .. }
            | Request::Spans { .. }
            | Request::Samples { .. }
            | Request::Plan { .. }
            | Request::Thumbnail { .. }
            | Request::Cancel { .. }
            | Request::Retry { .. }
            | Request::RemoveJob { .. }
            | Request::Tasks { .. }
            | Request::Task { .. }
            | Request::Results { .. }
            | Request::Read { .. }
            | Request::PushModule { .. }
            | Request::Modules
            | Request::RemoveModule { .. }
            | Request::Machines
            | Request::Machine { .. }
            | Request::SteerMachine { .. }
            | Request::OpenCode
            | Request::CloseCode
            | Request::Invite { .. }
            | Request::Invites
            | Request::RevokeInvite { .. }
            | Request::Devices
            | Request::Approve { .. }
            | Request::Refuse { .. }
            | Request::Revoke { .. } => Side::Pool,
        }
    }
}

/// A module, however a person names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum ModuleRef {
    /// An uploaded blob: hex of its BLAKE3 hash. Text (WAT) becomes binary here.
    Blob { blob: String },
    /// A name of the registry, `sample:NAME`, or a hash prefix.
    Name { name: String },
}

/// A job as a person describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Submit {
    /// 32 hex digits, chosen by the client: sent twice, it makes one job.
    pub client_id: String,
    pub module: ModuleRef,
    /// The file's name, which the program sees as its own.
    pub module_name: String,
    /// What the job is called in lists; the module's name where absent.
    pub name: Option<String>,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Call this function instead of the command.
    pub invoke: Option<String>,
    /// A kernel's parameters, as they were typed.
    pub params: BTreeMap<String, String>,
    pub split: Split,
    /// A blob for the standard input of a job of one task.
    pub stdin: Option<String>,
    /// Under `/in` of every task, read-only.
    pub files: Vec<InputFile>,
    /// `None`: the kernel's own fold where it has one, else none.
    pub fold: Option<Fold>,
    pub limits: Limits,
    /// -10 (last) to 10 (first).
    pub priority: i8,
    /// Of the whole job, milliseconds.
    pub timeout_ms: Option<u64>,
    /// Tasks in a lease; `None`: sized by measured time.
    pub chunk: Option<u32>,
    /// Machines that may run it, by name, id or label; empty: all.
    #[serde(default)]
    pub on: Vec<String>,
    pub trial: bool,
    pub transient: bool,
    /// What the guest leaves in `/out` is kept.
    pub collect: bool,
}

/// How the input is cut into tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Split {
    /// One task; for a kernel with a plan, as many as it says.
    Once,
    /// `end` excluded; `step` is not 0. Numbers as decimal text: they may
    /// need all 64 bits.
    Range {
        start: String,
        end: String,
        step: String,
    },
    /// A blob that holds a JSON array.
    Items {
        blob: String,
    },
    /// A blob of text; a task for each `per_task` lines of it, and for what
    /// is left at its end.
    Lines {
        blob: String,
        per_task: u32,
    },
    Files {
        files: Vec<InputFile>,
    },
    /// A task for each combination of values; the last parameter varies fastest.
    Sweep {
        parameters: Vec<SweptParameter>,
    },
}

/// A parameter of a sweep: `{name}` in arguments, `SKEP_PARAM_NAME` in the
/// environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SweptParameter {
    /// Letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// At least one.
    pub values: Vec<String>,
}

/// A file that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InputFile {
    /// As the guest sees it.
    pub name: String,
    pub blob: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    None,
    Concat,
    Json,
    Sum,
    Kernel,
}

/// `None`: as the settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    pub task_timeout_ms: Option<u64>,
    pub fuel: Option<u64>,
    pub output_bytes: Option<u64>,
    pub retries: Option<u32>,
}

/// What `retry` may raise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LimitChanges {
    pub memory_bytes: Option<u64>,
    pub task_timeout_ms: Option<u64>,
    pub retries: Option<u32>,
}

/// Which bytes of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum BytesOf {
    /// Its result. Index = count is the folded one.
    Result,
    Log,
    /// A file that it left in `/out`, by its path below it.
    File {
        name: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogFilter {
    /// `error`, `warn`, `info`, `debug` or `trace`: this and worse.
    pub level: Option<String>,
    /// Only lines that contain it.
    pub grep: Option<String>,
    pub job: Option<String>,
}
