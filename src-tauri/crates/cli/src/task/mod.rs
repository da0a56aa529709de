//! `skep task`: the single tasks of a job.

mod logs;
mod ls;
mod show;

use crate::context::Context;
use crate::failure::Failure;
use crate::reach::Door;
use crate::run::fetch;
use api::{BytesOf, ErrorCode, TaskState};

/// Tasks of a job: list, explain, logs
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Task {
    Ls(ls::Ls),
    Show(show::Show),
    Logs(logs::Logs),
}

pub(crate) async fn task(context: &Context, task: Task) -> Result<(), Failure> {
    match task {
        Task::Ls(ls) => ls::ls(context, &ls).await,
        Task::Show(show) => show::show(context, &show).await,
        Task::Logs(logs) => logs::logs(context, &logs).await,
    }
}

/// What a task wrote to stderr; nothing where it has no log (yet).
pub(crate) async fn log(door: &Door, job: &str, index: u32) -> Result<Vec<u8>, Failure> {
    let mut log = Vec::new();
    let whole = fetch::download(door, job, index, BytesOf::Log, |bytes| {
        log.extend_from_slice(bytes);
        Ok(())
    });
    match whole.await {
        Ok(()) => Ok(log),
        Err(Failure::Error(error)) if error.code == ErrorCode::NoResult => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

fn state(state: TaskState) -> &'static str {
    match state {
        TaskState::Queued => "queued",
        TaskState::Running => "running",
        TaskState::Done => "done",
        TaskState::Failed => "failed",
        TaskState::Cancelled => "cancelled",
    }
}
