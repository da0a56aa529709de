//! `skep task show`.

use super::ls::ran;
use super::state;
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::pairs;
use crate::output::{guest, json};
use crate::reach;
use crate::verbs::Names;
use api::TaskView;
use clap_complete::ArgValueCandidates;

/// Explain one task: attempts, where, how long, why it failed or waits
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep task show last 0
  skep task show j_4fk2 17 --json")]
pub(crate) struct Show {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
    /// The task, counted from 0
    #[arg(value_name = "INDEX")]
    index: u32,
}

pub(crate) async fn show(context: &Context, show: &Show) -> Result<(), Failure> {
    let door = reach::to_read(context).await?;
    let task = door.task(&show.job, show.index).await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(&task));
    }
    if output.quiet {
        return output.line(task.index);
    }
    output.line(pairs(rows(&task, &door.names().await)))?;
    for (heading, lines) in [("backtrace", backtrace(&task)), ("log", &task.log_tail[..])] {
        if !lines.is_empty() {
            output.line(format_args!("\n{heading}"))?;
            lines
                .iter()
                .try_for_each(|line| output.line(format_args!("  {}", guest::inert(line))))?;
        }
    }
    Ok(())
}

fn rows(task: &TaskView, names: &Names) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("task", task.index.to_string()),
        ("state", state(task.state).to_owned()),
    ];
    let mut row = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    row("item", task.item.clone());
    row(
        "waits",
        task.reason.as_ref().map(|reason| reason.text.clone()),
    );
    row(
        "failure",
        task.failure.as_ref().map(|failure| failure.message.clone()),
    );
    row(
        "exit code",
        task.failure
            .as_ref()
            .and_then(|failure| failure.exit_code)
            .map(|code| code.to_string()),
    );
    row(
        "attempt",
        (task.attempt > 0).then(|| task.attempt.to_string()),
    );
    row(
        "machine",
        task.machine.as_deref().map(|id| names.of(id).to_owned()),
    );
    row("ran", task.run_ms.map(ran));
    row(
        "progress",
        task.progress_per_mille
            .map(|progress| format!("{:.1} %", f64::from(progress) / 10.0)),
    );
    for (name, count) in [
        ("failures", task.failures),
        ("losses", task.losses),
        ("elsewhere", task.elsewhere),
    ] {
        row(name, (count > 0).then(|| count.to_string()));
    }
    for earlier in &task.attempts {
        let machine = earlier.machine.as_ref().map_or(String::new(), |machine| {
            format!(" on {}", names.of(machine))
        });
        rows.push((
            "earlier",
            format!("attempt {}{machine}: {}", earlier.attempt, earlier.what),
        ));
    }
    rows
}

fn backtrace(task: &TaskView) -> &[String] {
    task.failure
        .as_ref()
        .map_or(&[], |failure| &failure.backtrace)
}
