//! `skep job show`.

use super::ls::{state, took};
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::pairs;
use crate::output::{json, words};
use crate::reach;
use crate::verbs::Names;
use api::{Fold, FoldState, JobView};
use clap_complete::ArgValueCandidates;

/// Show one job: how far it is, or why it waits or failed
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job show last
  skep job show j_4fk2 --json")]
pub(crate) struct Show {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
}

pub(crate) async fn show(context: &Context, show: &Show) -> Result<(), Failure> {
    let door = reach::to_read(context).await?;
    let job = door.job(&show.job).await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(&job));
    }
    if output.quiet {
        return output.line(&job.id);
    }
    output.line(pairs(rows(&job, &door.names().await)))
}

fn rows(job: &JobView, names: &Names) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("job", job.id.clone()),
        ("name", job.name.clone()),
        ("state", state(job.state).to_owned()),
        ("tasks", tasks(job)),
    ];
    if let Some(reason) = &job.reason {
        rows.push(("waits", reason.text.clone()));
    }
    if let Some(by) = &job.cancelled_by {
        rows.push(("ended by", by.clone()));
    }
    if let Some((index, failure)) = &job.first_failure {
        rows.push(("failure", format!("task {index}: {}", failure.message)));
    }
    if let Some(fold) = &job.fold {
        let message = fold
            .message
            .as_ref()
            .map_or(String::new(), |message| format!(": {message}"));
        rows.push((
            "fold",
            format!(
                "{}, {}{message}",
                fold_word(fold.kind),
                fold_state(fold.state)
            ),
        ));
    }
    rows.push((
        "module",
        format!("{} ({})", job.module_name, short_hash(&job.module)),
    ));
    if let Some(kind) = &job.result_type {
        rows.push(("result", kind.clone()));
    }
    if !job.machines.is_empty() {
        let machines: Vec<&str> = job.machines.iter().map(|id| names.of(id)).collect();
        rows.push(("machines", machines.join(", ")));
    }
    if job.priority != 0 {
        rows.push(("priority", job.priority.to_string()));
    }
    rows.push(("submitted", words::when(job.accepted_ms)));
    if job.started_ms.is_some() {
        rows.push(("took", took(job)));
    }
    rows.push(("again", job.command.clone()));
    rows
}

fn tasks(job: &JobView) -> String {
    let counts = &job.tasks;
    let mut words = words::thousands(counts.total.into());
    for (count, what) in [
        (counts.done, "done"),
        (counts.running, "running"),
        (counts.queued, "queued"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
    ] {
        if count > 0 {
            words.push_str(&format!(", {} {what}", words::thousands(count.into())));
        }
    }
    words
}

/// First and last four digits, as cards show it.
pub(crate) fn short_hash(hash: &str) -> String {
    match (
        hash.get(..4),
        hash.len().checked_sub(4).and_then(|at| hash.get(at..)),
    ) {
        (Some(first), Some(last)) if hash.len() > 8 => format!("{first}…{last}"),
        _ => hash.to_owned(),
    }
}

fn fold_word(fold: Fold) -> &'static str {
    match fold {
        Fold::None => "none",
        Fold::Concat => "concat",
        Fold::Json => "json",
        Fold::Sum => "sum",
        Fold::Kernel => "kernel",
    }
}

fn fold_state(state: FoldState) -> &'static str {
    match state {
        FoldState::Queued => "queued",
        FoldState::Running => "running",
        FoldState::Done => "done",
        FoldState::Failed => "failed",
    }
}
