//! `skep job ls`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Column, table};
use crate::output::{json, words};
use crate::reach;
use crate::watch::{Watch, watch};
use api::{JobState, JobView};

/// Jobs of a list unless all are wanted: a screen of them.
const SHOWN: usize = 20;

/// List jobs, newest first
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job ls
  skep job ls --all --json")]
pub(crate) struct Ls {
    /// Not only the newest 20
    #[arg(short, long)]
    all: bool,
    /// Show it again when it changes
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn ls(context: &Context, ls: &Ls) -> Result<(), Failure> {
    watch(context, &ls.watch, async || {
        let door = reach::to_read(context).await?;
        let mut jobs = door.jobs().await?;
        let hidden = if ls.all || context.output.json || context.output.quiet {
            0
        } else {
            jobs.len().saturating_sub(SHOWN)
        };
        jobs.truncate(jobs.len() - hidden);
        if context.output.json {
            return Ok(json::document("jobs", &jobs).to_string());
        }
        if context.output.quiet {
            return Ok(jobs
                .iter()
                .map(|job| job.id.as_str())
                .collect::<Vec<_>>()
                .join("\n"));
        }
        if jobs.is_empty() {
            return Ok(
                "no jobs yet; skep run sample:mandelbrot -o mandelbrot.png makes one".to_owned(),
            );
        }
        let mut text = drawn(&jobs, context.output.stdout_colours());
        if hidden > 0 {
            text.push_str(&format!(
                "\n{} more: skep job ls --all",
                words::thousands(hidden as u64)
            ));
        }
        Ok(text)
    })
    .await
}

fn drawn(jobs: &[JobView], colours: bool) -> String {
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let columns = [
        Column::Text("id"),
        Column::Text("name"),
        Column::Text("state"),
        Column::Number("done"),
        Column::Number("tasks"),
        Column::Text("submitted"),
        Column::Text("took"),
        Column::Text("why"),
    ];
    let rows = jobs.iter().map(|job| {
        vec![
            words::short(&job.id, ids.iter().copied()).to_owned(),
            job.name.clone(),
            state(job.state).to_owned(),
            words::thousands(job.tasks.done.into()),
            words::thousands(job.tasks.total.into()),
            words::when(job.accepted_ms),
            took(job),
            why(job),
        ]
    });
    table(&columns, rows.collect(), colours)
}

pub(crate) fn state(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Folding => "folding",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

/// From its start to its end, or until now.
pub(crate) fn took(job: &JobView) -> String {
    match (job.started_ms, job.ended_ms) {
        (Some(started), Some(ended)) => words::between(started, ended),
        (Some(started), None) => words::between(started, words::now_ms()),
        (None, _) => String::new(),
    }
}

/// Why it waits, or why it failed.
fn why(job: &JobView) -> String {
    match (&job.reason, &job.first_failure) {
        (Some(reason), _) => reason.text.clone(),
        (None, _) if job.cancelled_by.as_deref() == Some("timeout") => {
            "ended by its --timeout".to_owned()
        }
        (None, Some((index, failure))) if job.tasks.total > 1 => {
            format!("task {index}: {}", failure.message)
        }
        (None, Some((_, failure))) => failure.message.clone(),
        (None, None) => job
            .fold
            .as_ref()
            .and_then(|fold| fold.message.clone())
            .unwrap_or_default(),
    }
}
