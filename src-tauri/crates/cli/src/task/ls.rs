//! `skep task ls`.

use super::state;
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Column, table};
use crate::output::{json, words};
use crate::reach::{self, Door};
use crate::select::Indices;
use crate::verbs::Names;
use crate::watch::{Watch, watch};
use api::{PAGE_ROWS_MAX, TaskState, TaskView};
use clap_complete::ArgValueCandidates;
use std::time::Duration;

/// List the tasks of a job
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep task ls last --state failed
  skep task ls j_4fk2 0-99")]
pub(crate) struct Ls {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
    /// Which: 1,3,5-8 or 2-10:2, all or last
    #[arg(value_name = "SELECT", default_value = "all")]
    tasks: Indices,
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<StateWord>,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StateWord {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl StateWord {
    fn is(self, state: TaskState) -> bool {
        state
            == match self {
                StateWord::Queued => TaskState::Queued,
                StateWord::Running => TaskState::Running,
                StateWord::Done => TaskState::Done,
                StateWord::Failed => TaskState::Failed,
                StateWord::Cancelled => TaskState::Cancelled,
            }
    }
}

pub(crate) async fn ls(context: &Context, ls: &Ls) -> Result<(), Failure> {
    watch(context, &ls.watch, async || {
        let door = reach::to_read(context).await?;
        let tasks = selected(&door, ls).await?;
        let output = &context.output;
        if output.json {
            return Ok(json::document("tasks", &tasks).to_string());
        }
        if output.quiet {
            let indices: Vec<String> = tasks.iter().map(|task| task.index.to_string()).collect();
            return Ok(indices.join("\n"));
        }
        if tasks.is_empty() {
            return Ok("no such tasks".to_owned());
        }
        Ok(drawn(&tasks, &door.names().await, output.stdout_colours()))
    })
    .await
}

/// Page by page, without those between that nobody asked for.
async fn selected(door: &Door, ls: &Ls) -> Result<Vec<TaskView>, Failure> {
    let job = door.job(&ls.job).await?;
    let selected = ls.tasks.of(job.tasks.total);
    let mut from = selected.first().copied();
    let mut tasks = Vec::new();
    while let Some(first) = from {
        let (some, next) = door.tasks(&job.id, first, PAGE_ROWS_MAX).await?;
        tasks.extend(some.into_iter().filter(|task| {
            selected.binary_search(&task.index).is_ok()
                && ls.state.is_none_or(|state| state.is(task.state))
        }));
        let after = next.map(|next| selected.partition_point(|index| *index < next));
        from = after.and_then(|at| selected.get(at).copied());
    }
    Ok(tasks)
}

fn drawn(tasks: &[TaskView], names: &Names, colours: bool) -> String {
    let columns = [
        Column::Number("index"),
        Column::Text("state"),
        Column::Text("item"),
        Column::Number("attempt"),
        Column::Text("machine"),
        Column::Number("ran"),
        Column::Text("why"),
    ];
    let rows = tasks.iter().map(|task| {
        let why = task.failure.as_ref().map(|failure| failure.message.clone());
        vec![
            task.index.to_string(),
            state(task.state).to_owned(),
            task.item.as_deref().map(shortened).unwrap_or_default(),
            task.attempt.to_string(),
            task.machine
                .as_deref()
                .map(|id| names.of(id).to_owned())
                .unwrap_or_default(),
            task.run_ms.map(ran).unwrap_or_default(),
            why.or_else(|| task.reason.as_ref().map(|reason| reason.text.clone()))
                .unwrap_or_default(),
        ]
    });
    table(&columns, rows.collect(), colours)
}

pub(super) fn ran(ms: f64) -> String {
    words::span(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default())
}

/// A value's beginning: a line of a text may be long.
fn shortened(item: &str) -> String {
    const CHARS: usize = 30;
    match item.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &item[..at]),
        None => item.to_owned(),
    }
}
