//! Things as people see them. Times are milliseconds since 1970 (UTC), sizes
//! bytes, spans milliseconds.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Folding,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    Working,
    Ready,
    Paused,
    /// Works with fewer cores than it was given, because of a limit.
    Slowed,
    Draining,
    Offline,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TaskCounts {
    pub total: u32,
    pub queued: u32,
    pub running: u32,
    pub done: u32,
    pub failed: u32,
    pub cancelled: u32,
    /// Taken from an earlier job instead of run.
    pub cached: u32,
}

/// Why something waits or does not work: a code for programs, one sentence
/// for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Reason {
    pub code: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct JobView {
    pub id: String,
    pub name: String,
    pub state: JobState,
    pub tasks: TaskCounts,
    /// Set while it does not run though it has not ended.
    pub reason: Option<Reason>,
    pub machines: Vec<String>,
    pub module: String,
    pub module_name: String,
    pub priority: i8,
    pub accepted_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub fold: Option<FoldView>,
    /// Media type of the result, from the kernel.
    pub result_type: Option<String>,
    /// Columns and rows of the tasks, where a kernel has them.
    pub grid: Option<(u32, u32)>,
    pub trial: bool,
    /// Who ended a cancelled job: `person`, `timeout` or `client`.
    pub cancelled_by: Option<String>,
    pub first_failure: Option<(u32, FailureView)>,
    /// The same job again, as a command.
    pub command: String,
    /// A kernel's parameters, complete; those longer than a line of text are
    /// left out.
    pub params: BTreeMap<String, String>,
    /// Its kernel draws a part of a plane: its parameters name a centre and a
    /// zoom, and its tasks lie in a grid.
    pub explores: bool,
    /// How fast it ends tasks at the moment; only while it does.
    pub per_second: Option<f32>,
    /// How long the rest takes at this pace.
    pub eta_ms: Option<u64>,
    /// A typical task of it, once some have ended.
    pub task_ms: Option<f64>,
    /// What this computer alone would have taken: of a job that has ended,
    /// where others helped and the tasks that ran here say how fast it is.
    pub alone_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoldView {
    pub kind: crate::Fold,
    pub state: FoldState,
    pub message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FoldState {
    Queued,
    Running,
    Done,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FailureView {
    /// `exit_code`, `trap`, `memory_limit`, `deadline_exceeded`, …
    pub kind: String,
    pub message: String,
    pub exit_code: Option<u32>,
    pub backtrace: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TaskView {
    pub index: u32,
    pub state: TaskState,
    /// The value it was made from, where it has one.
    pub item: Option<String>,
    /// Its combination, where the job sweeps some, in their order.
    pub parameters: Vec<ParameterValue>,
    pub attempt: u32,
    pub machine: Option<String>,
    /// How long its last attempt ran.
    pub run_ms: Option<f64>,
    pub failures: u32,
    pub losses: u32,
    pub elsewhere: u32,
    pub failure: Option<FailureView>,
    pub reason: Option<Reason>,
    pub progress_per_mille: Option<u16>,
    /// Earlier attempts that did not end well, newest last: the last few, and
    /// not those that were given back.
    pub attempts: Vec<Attempt>,
    /// The last lines of its log.
    pub log_tail: Vec<String>,
}

/// One parameter of a task of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ParameterValue {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Attempt {
    pub attempt: u32,
    /// `None` for one of a machine that was forgotten.
    pub machine: Option<String>,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MachineView {
    pub id: String,
    pub name: String,
    pub state: MachineState,
    /// One sentence, always.
    pub reason: String,
    pub cores: u32,
    pub cores_working: u32,
    /// Busy share of all cores, per cent.
    pub cpu: Option<f32>,
    pub memory: MachineMemory,
    pub temperature_c: Option<f32>,
    pub os: String,
    pub version: String,
    pub last_seen_ms: i64,
    /// Its model, as the system names it; empty where it does not say.
    pub processor: String,
    /// Busy share of each core, 0 to 1, of all programs.
    pub core_loads: Vec<f32>,
    /// `None`: it has no battery, or does not say.
    pub on_battery: Option<bool>,
    /// Tasks that ended on it since midnight, its own time.
    pub tasks_today: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MachineMemory {
    pub total: u64,
    pub used: u64,
    /// What it offers to tasks.
    pub offered: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ModuleView {
    pub name: String,
    pub hash: String,
    pub bytes: u64,
    /// `sample`, `pushed`, or `run`: one that has no name and was run.
    pub origin: String,
    pub pushed_ms: Option<i64>,
    pub title: String,
    /// What it is; unknown where its bytes are gone.
    pub kind: Option<crate::ModuleKind>,
    /// Jobs of it that are remembered.
    pub runs: u32,
    /// When the newest of them was accepted.
    pub last_run_ms: Option<i64>,
    /// A typical task of it, once some have ended.
    pub task_ms: Option<f64>,
}

/// What the inspector says of a module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Card {
    pub hash: String,
    pub bytes: u64,
    pub kind: crate::ModuleKind,
    pub title: String,
    pub verdict: Verdict,
    pub toolchain: Option<String>,
    pub memory_min: Option<u64>,
    pub memory_max: Option<u64>,
    /// Of `files`, `clock`, `random`, `network`: what it can ask for.
    pub uses: Vec<String>,
    pub functions: Vec<FunctionView>,
    pub kernel: Option<KernelView>,
    pub warnings: Vec<String>,
    /// The name under which this module is already known.
    pub known_as: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    Run,
    /// Runs once a function is chosen.
    RunFunctions,
    Refuse(crate::Error),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FunctionView {
    pub name: String,
    pub params: Vec<String>,
    pub results: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KernelView {
    pub title: String,
    pub help: String,
    pub parameters: Vec<ParameterView>,
    pub result: Option<String>,
    /// `plan`: it counts its own tasks; `input`: it needs a split.
    pub split: String,
    pub fold: crate::Fold,
    pub batch: bool,
    /// It counts its own tasks, and its parameters name a centre and a zoom;
    /// whether the tasks lie in a grid, [`crate::Request::Plan`] says.
    pub explores: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    Integer,
    Number,
    String,
    Bool,
    Choice,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ParameterView {
    pub name: String,
    #[serde(rename = "type")]
    pub type_: ParameterType,
    pub default: Option<String>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub choices: Vec<String>,
    pub help: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Contribution {
    /// As its owner set it, whatever stands against it now.
    pub on: bool,
    pub state: MachineState,
    /// Why it works or does not: one sentence.
    pub reason: String,
    /// Tasks at once now; while it is off, what there would be.
    pub cores: u32,
    /// Tasks at once when nothing stands against it.
    pub cores_given: u32,
    pub memory_bytes: u64,
    /// A person paused it.
    pub paused: bool,
    /// When that ends; `None` while it is not paused, and where it ends by hand.
    pub paused_until_ms: Option<i64>,
    /// Whom the last input is asked of; empty where nobody can sit at it.
    pub idle_source: String,
    /// Why isn't it working? In the order in which they are asked.
    pub rules: Vec<Rule>,
}

/// A rule of the contribution, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rule {
    pub name: String,
    /// As its owner set it.
    pub setting: String,
    pub now: String,
    /// It stands against nothing.
    pub met: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub data_folder: String,
    pub started_ms: i64,
    pub jobs_queued: u32,
    pub jobs_running: u32,
    pub tasks_queued: u32,
    pub tasks_running: u32,
    pub contribution: Contribution,
    pub machines: Vec<MachineView>,
    /// Set while the disk is full.
    pub storage: Option<String>,
}

/// One line of `skep doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Check {
    pub name: String,
    pub state: CheckState,
    pub text: String,
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Good,
    Attention,
    Bad,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLine {
    pub time_ms: i64,
    pub level: String,
    pub target: String,
    pub message: String,
    pub job: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConfigValue {
    pub key: String,
    pub value: String,
    pub default: String,
    /// `default`, `config`, `environment` or `flag`.
    pub layer: String,
    pub help: String,
    /// What values it takes, in words.
    pub accepts: String,
}
