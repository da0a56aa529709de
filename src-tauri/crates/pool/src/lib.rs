//! The rules of a pool: who may run which task, and what has been promised.
//!
//! Everything that decides lives here. This crate has no clock, no sockets, no
//! async and no disk, and it never will: time and chance are arguments, and
//! what must happen next is polled. [`Coordinator`] owns the pool's jobs;
//! [`Worker`] owns one machine's slots. Both have four kinds of method:
//! getters, `handle_*` for what the world did, commands for what a person
//! wants, and `poll_*` for what must happen next.
//!
//! **The rule of the driver.** After a batch of inputs: commit every record of
//! `poll_record` in one transaction, only then send what `poll_transmit`
//! gives, only then publish `poll_event` and carry out `poll_chore`, and only
//! then arm the timer of `poll_timeout`.
#![forbid(unsafe_code)]

pub mod codec;
mod coordinator;
pub mod id;
pub mod limits;
pub mod message;
pub mod moment;
pub mod policy;
pub mod record;
pub mod registry;
pub mod report;
pub mod spec;
mod worker;

#[cfg(feature = "mutants")]
pub use coordinator::Mutant;
pub use coordinator::{
    Admission, ApproveError, CancelReason, Cells, Chore, ChoreDone, ClientId, CodeError,
    CommandError, Coordinator, Counts, DeviceError, Event, Explanation, FailedAttempt, FoldView,
    Founding, InviteError, JobState, JobView, JoinError, JoinRequest, MachineError, MachineState,
    MachineView, Measured, NewInvite, OWN_NODE, Order, OthersRole, Ownership, Peer, PersonError,
    PersonNamed, ReasonCode, RestoreError, RetryChanges, Submit, SubmitError, Submitted, TaskState,
    TaskView, TimerReason, Via,
};
pub use id::{
    CodeId, DeviceId, Digest, InviteId, JobId, JobNo, JoinId, Life, MachineId, PersonId, PoolId,
    Spki, Term,
};
pub use moment::{Moment, Now};
pub use registry::{Caller, Roles};
pub use worker::{Action, SlotId, Worker, WorkerConfig, WorkerOptions, WorkerTimer};
