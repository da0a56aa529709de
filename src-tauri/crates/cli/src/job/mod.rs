//! `skep job`: what was submitted, how far it is, and what it gave.

mod cancel;
mod logs;
pub(crate) mod ls;
mod results;
mod retry;
mod rm;
mod show;
mod wait;

pub(crate) use show::short_hash;

use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::reach::Door;
use api::{Error, JobState, JobView};

/// Jobs: list, follow, results, cancel, retry, remove
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Job {
    Ls(ls::Ls),
    Show(show::Show),
    Wait(wait::Wait),
    Logs(logs::Logs),
    Results(results::Results),
    Cancel(cancel::Cancel),
    Retry(retry::Retry),
    Rm(rm::Rm),
}

pub(crate) async fn job(context: &Context, job: Job) -> Result<(), Failure> {
    match job {
        Job::Ls(ls) => ls::ls(context, &ls).await,
        Job::Show(show) => show::show(context, &show).await,
        Job::Wait(wait) => wait::wait(context, wait).await,
        Job::Logs(logs) => logs::logs(context, &logs).await,
        Job::Results(results) => results::results(context, &results).await,
        Job::Cancel(cancel) => cancel::cancel(context, cancel).await,
        Job::Retry(retry) => retry::retry(context, retry).await,
        Job::Rm(rm) => rm::rm(context, rm).await,
    }
}

/// The jobs that several words name: ids, prefixes, `last`, and `all` those
/// that `fits`.
async fn several(
    door: &Door,
    words: &[String],
    fits: fn(JobState) -> bool,
) -> Result<Vec<JobView>, Failure> {
    let mut jobs: Vec<JobView> = Vec::new();
    for word in words.iter().flat_map(|word| word.split(',')) {
        if word.is_empty() {
            return Err(usage("a job's id is empty").into());
        }
        let named = if word == "all" {
            door.jobs()
                .await?
                .into_iter()
                .filter(|job| fits(job.state))
                .collect()
        } else {
            vec![door.job(word).await?]
        };
        for job in named {
            if !jobs.iter().any(|known| known.id == job.id) {
                jobs.push(job);
            }
        }
    }
    Ok(jobs)
}

fn has_ended(state: JobState) -> bool {
    match state {
        JobState::Queued | JobState::Running | JobState::Folding => false,
        JobState::Done | JobState::Failed | JobState::Cancelled => true,
    }
}

pub(crate) fn is_open(state: JobState) -> bool {
    !has_ended(state)
}

/// Done for some jobs before another failed: say which, then fail.
fn report(
    context: &Context,
    verb: &str,
    done: &[String],
    failed: Option<Error>,
) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        output
            .document(&serde_json::json!({ "schema": crate::output::json::SCHEMA, verb: done }))?;
    } else {
        for id in done {
            let id = if output.quiet {
                id
            } else {
                &format!("{verb} {}", crate::output::words::short(id, []))
            };
            output.line(id)?;
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}
