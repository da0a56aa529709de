//! `skep job rm`.

use super::{has_ended, report, several};
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::reach;
use api::Request;
use clap_complete::ArgValueCandidates;

/// Remove ended jobs with their results
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job rm last
  skep job rm all")]
pub(crate) struct Rm {
    /// Ids, beginnings of them, last, or all that have ended
    #[arg(value_name = "JOB", required = true, add = ArgValueCandidates::new(completions::jobs))]
    jobs: Vec<String>,
}

pub(crate) async fn rm(context: &Context, rm: Rm) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let outcome = async {
        let (mut done, mut failed) = (Vec::new(), None);
        for job in several(&door, &rm.jobs, has_ended).await? {
            match door
                .ask(Request::RemoveJob {
                    job: job.id.clone(),
                })
                .await
            {
                Ok(_) => done.push(job.id),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        report(context, "removed", &done, failed)
    };
    let outcome = outcome.await;
    door.leave().await;
    outcome
}
