//! The contract of the one door.
//!
//! The window, the command line and every client send a [`Request`] and get a
//! [`Reply`] or an [`Error`]; what happens meanwhile comes as [`Event`]s. The
//! words and numbers here are the user's, not the rules': this crate knows
//! nothing of leases, rows or frames of the executor, and it never will.
//! What may follow on the wire of a local socket is in [`frame`].
#![forbid(unsafe_code)]

mod error;
pub mod frame;
mod kind;
mod pool;
mod reply;
mod request;
mod view;
mod watch;

#[cfg(test)]
mod contract;

pub use error::{Error, ErrorCode, Group};
pub use kind::ModuleKind;
pub use pool::{
    CodeView, DeviceView, InviteView, JoinView, OthersRole, Ownership, PersonView, PoolView, Roles,
    Steer,
};
pub use reply::{Event, Reply, ResultEntry};
pub use request::{
    BytesOf, Fold, InputFile, LimitChanges, Limits, LogFilter, ModuleRef, PauseUntil, Request,
    Side, Split, Submit, SweptParameter,
};
pub use view::{
    Attempt, Card, Check, CheckState, ConfigValue, Contribution, FailureView, FoldState, FoldView,
    FunctionView, JobState, JobView, KernelView, LogLine, MachineMemory, MachineState, MachineView,
    ModuleView, ParameterType, ParameterValue, ParameterView, Reason, Rule, Status, TaskCounts,
    TaskState, TaskView, Verdict,
};
pub use watch::{CellRun, Changes, Sample, SampleSpan, Span, Stop};

/// Of the whole contract; a peer with another one is told so and left alone.
pub const VERSION: u32 = 1;

/// Rows in one page of a list or of results.
pub const PAGE_ROWS_MAX: u32 = 1_000;
