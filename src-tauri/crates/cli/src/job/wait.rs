//! `skep job wait`.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::reach::{self, Start};
use crate::run::follow::{Following, Interrupt, Interrupts, Show};
use crate::run::{finish, place};
use clap_complete::ArgValueCandidates;
use std::path::PathBuf;

/// Follow a job to its end, and exit as run would have
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job wait last
  skep job wait j_4fk2 -o out/{index}.png")]
pub(crate) struct Wait {
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

pub(crate) async fn wait(context: &Context, wait: Wait) -> Result<(), Failure> {
    let mut door = reach::to_node(context).await?;
    let job = door.job(&wait.job).await?;
    if let Some(output) = &wait.output {
        let parameters = place::parameters(&door, &job, Some(output)).await?;
        place::check(output, &parameters)?;
    }
    let folded = job.fold.is_some();
    let show = if context.output.json {
        Show::Nothing
    } else if job.tasks.total == 1 && !folded {
        Show::Output {
            stdout: wait.output.is_none(),
        }
    } else if wait.output.is_some() || folded {
        Show::Progress
    } else {
        Show::Results
    };
    let mut following = Following::new(
        context,
        &job.id,
        show,
        Interrupt::Leaves,
        Start::run(false),
        Interrupts::listen()?,
    );
    let outcome = match following.follow(&mut door).await {
        Ok(ended) => {
            finish(
                context,
                &mut door,
                &ended,
                wait.output.as_deref(),
                wait.collect.as_deref(),
                following.into_printer(),
            )
            .await
        }
        Err(failure) => Err(failure),
    };
    door.leave().await;
    outcome
}
