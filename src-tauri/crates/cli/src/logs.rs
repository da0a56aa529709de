//! `skep logs`: the node's own log.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{guest, json, words};
use crate::reach;
use crate::verbs::out_of_turn;
use api::{Event, LogFilter, LogLine, Reply, Request};
use clap_complete::ArgValueCandidates;
use node::{Answer, Then, journal};

/// Print what the node logged
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep logs --level warn
  skep logs -f --job j_4fk2 --grep disk")]
pub(crate) struct Logs {
    /// Go on with new lines
    #[arg(short, long)]
    follow: bool,
    /// Only lines about this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Only of this machine, by id or name
    #[arg(long, value_name = "MACHINE", add = ArgValueCandidates::new(completions::machines))]
    machine: Option<String>,
    /// This level and worse: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Only lines that contain this
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    lines: u32,
}

pub(crate) async fn logs(context: &Context, logs: Logs) -> Result<(), Failure> {
    let door = reach::to_read(context).await?;
    if let Some(machine) = &logs.machine {
        // A pool of one machine has one log: its own.
        door.machine(machine).await?;
    }
    let job = match logs.job {
        // A job that was removed still has lines.
        Some(job) => Some(door.job(&job).await.map_or(job, |job| job.id)),
        None => None,
    };
    let filter = LogFilter {
        level: logs.level,
        grep: logs.grep,
        job,
    };
    let Answer { reply, then } = if door.is_node() {
        door.call(
            Request::Logs {
                filter,
                limit: logs.lines,
                follow: logs.follow,
            },
            None,
        )
        .await?
    } else {
        journal::answer(&context.folders.logs, &filter, logs.lines, logs.follow)
            .map_err(api::Error::from)?
    };
    let Reply::Logs { lines } = reply else {
        return Err(out_of_turn().into());
    };
    lines.iter().try_for_each(|line| print(context, line))?;
    if let Then::Events(mut events, _) = then {
        while let Some(event) = events.recv().await {
            if let Event::Log(line) = event {
                print(context, &line)?;
            }
        }
    }
    Ok(())
}

/// A stream, so with `--json` a document a line.
fn print(context: &Context, line: &LogLine) -> Result<(), Failure> {
    if context.output.json {
        return context.output.document(&json::flat(line));
    }
    let message = guest::inert(&line.message);
    let job = line
        .job
        .as_deref()
        .map_or(String::new(), |job| format!("{} ", words::short(job, [])));
    context.output.line(format_args!(
        "{} {:5} {job}{message}",
        words::when(line.time_ms),
        line.level
    ))
}
