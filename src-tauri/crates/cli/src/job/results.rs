//! `skep job results`.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::words;
use crate::reach;
use crate::run::printer::Printer;
use crate::run::{deliver, place};
use api::{Error, ErrorCode, JobState};
use clap_complete::ArgValueCandidates;
use std::path::PathBuf;

/// Print or save the results of a job
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job results last
  skep job results j_4fk2 -o out/{index}.png")]
pub(crate) struct Results {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
    /// A file; for many tasks a folder or a pattern such as out/{index}.png
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Save here what tasks left in /out
    #[arg(long, value_name = "DIR")]
    collect: Option<PathBuf>,
}

pub(crate) async fn results(context: &Context, results: &Results) -> Result<(), Failure> {
    let door = reach::to_read(context).await?;
    let job = door.job(&results.job).await?;
    if let Some(output) = &results.output {
        let parameters = place::parameters(&door, &job, Some(output)).await?;
        place::check(output, &parameters)?;
    }
    let nothing = job.tasks.done == 0 && job.tasks.total > 0;
    if nothing && !context.output.json {
        let id = words::short(&job.id, []);
        let (why, hint) = match job.state {
            JobState::Queued | JobState::Running | JobState::Folding => (
                "no task is done yet",
                format!("skep job wait {id} follows it"),
            ),
            JobState::Done | JobState::Failed | JobState::Cancelled => {
                ("no task gave one", format!("skep job show {id} says why"))
            }
        };
        return Err(
            Error::new(ErrorCode::NoResult, format!("the job has no result: {why}"))
                .hint(hint)
                .into(),
        );
    }
    let delivered = deliver::deliver(
        context,
        &door,
        &job,
        results.output.as_deref(),
        results.collect.as_deref(),
        &mut Printer::default(),
    )
    .await?;
    if !delivered.places.is_empty() {
        context.output.note(format_args!(
            "{}, {}",
            delivered.places.join(" and "),
            words::bytes(delivered.bytes)
        ));
    }
    Ok(())
}
