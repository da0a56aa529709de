//! `skep job cancel`.

use super::{is_open, report, several};
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::reach;
use api::Request;
use clap_complete::ArgValueCandidates;

/// Cancel jobs; what is done stays
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job cancel last
  skep job cancel all")]
pub(crate) struct Cancel {
    /// Ids, beginnings of them, last, or all that have not ended
    #[arg(value_name = "JOB", required = true, add = ArgValueCandidates::new(completions::jobs))]
    jobs: Vec<String>,
}

pub(crate) async fn cancel(context: &Context, cancel: Cancel) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let outcome = async {
        let (mut done, mut failed) = (Vec::new(), None);
        for job in several(&door, &cancel.jobs, is_open).await? {
            match door
                .ask(Request::Cancel {
                    job: job.id.clone(),
                })
                .await
            {
                Ok(_) => done.push(job.id),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        report(context, "cancelled", &done, failed)
    };
    let outcome = outcome.await;
    door.leave().await;
    outcome
}
