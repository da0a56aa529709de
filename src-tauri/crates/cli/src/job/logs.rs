//! `skep job logs`: what the tasks of a job wrote to stderr.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Stream;
use crate::reach::{self, Start};
use crate::run::follow::{Following, Interrupt, Interrupts, Show};
use crate::select::Indices;
use crate::task;
use clap_complete::ArgValueCandidates;

/// Print what the tasks of a job wrote to stderr
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep job logs last
  skep job logs j_4fk2 --tasks 0-9")]
pub(crate) struct Logs {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
    /// Which: 1,3,5-8 or 2-10:2, all or last
    #[arg(long, value_name = "SELECT", default_value = "all")]
    tasks: Indices,
    /// Go on until a job of one task ends
    #[arg(short, long)]
    follow: bool,
}

pub(crate) async fn logs(context: &Context, logs: &Logs) -> Result<(), Failure> {
    let mut door = reach::to_read(context).await?;
    let job = door.job(&logs.job).await?;
    if logs.follow && door.is_node() && super::is_open(job.state) && job.tasks.total == 1 {
        let mut following = Following::new(
            context,
            &job.id,
            Show::Log,
            Interrupt::Leaves,
            Start::run(false),
            Interrupts::listen()?,
        );
        following.follow(&mut door).await?;
        return Ok(());
    }
    let many = job.tasks.total > 1;
    for index in logs.tasks.of(job.tasks.total) {
        let log = task::log(&door, &job.id, index).await?;
        if context.output.json {
            let text = String::from_utf8_lossy(&log);
            let line = serde_json::json!({ "schema": crate::output::json::SCHEMA, "job": job.id, "index": index, "log": text });
            context.output.document(&line)?;
        } else if many {
            for line in log.split_inclusive(|byte| *byte == b'\n') {
                let mut whole = format!("{index}: ").into_bytes();
                whole.extend_from_slice(line);
                if !line.ends_with(b"\n") {
                    whole.push(b'\n');
                }
                context.output.guest(Stream::Stdout, &whole)?;
            }
        } else {
            context.output.guest(Stream::Stdout, &log)?;
        }
    }
    Ok(())
}
