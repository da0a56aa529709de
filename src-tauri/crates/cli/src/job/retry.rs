//! `skep job retry`.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{json, words};
use crate::reach;
use crate::run::options::TaskLimits;
use api::Request;
use clap_complete::ArgValueCandidates;

/// Run the failed and cancelled tasks of an ended job again; done results stay
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job retry last
  skep job retry j_4fk2 --memory 1GiB --task-timeout 1h")]
pub(crate) struct Retry {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
    #[command(flatten)]
    limits: TaskLimits,
}

pub(crate) async fn retry(context: &Context, retry: Retry) -> Result<(), Failure> {
    let changes = retry.limits.changes()?;
    let door = reach::to_node(context).await?;
    let job = door.job(&retry.job).await?;
    door.ask(Request::Retry {
        job: job.id.clone(),
        changes,
    })
    .await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(&door.job(&job.id).await?));
    }
    output.line(&job.id)?;
    let again = job.tasks.failed + job.tasks.cancelled;
    output.note(format_args!(
        "{} queued again; skep job wait {} follows",
        words::count(again, "task"),
        words::short(&job.id, [])
    ));
    Ok(())
}
