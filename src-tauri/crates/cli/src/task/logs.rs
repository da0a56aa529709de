//! `skep task logs`.

use super::log;
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Stream, json};
use crate::reach;
use clap_complete::ArgValueCandidates;

/// Print what one task wrote to stderr
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep task logs last 0
  skep task logs j_4fk2 17")]
pub(crate) struct Logs {
    /// An id, the beginning of one, or last
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completions::jobs))]
    job: String,
    /// The task, counted from 0
    #[arg(value_name = "INDEX")]
    index: u32,
}

pub(crate) async fn logs(context: &Context, logs: &Logs) -> Result<(), Failure> {
    let door = reach::to_read(context).await?;
    let log = log(&door, &logs.job, logs.index).await?;
    if context.output.json {
        let text = String::from_utf8_lossy(&log);
        return context.output.document(
            &serde_json::json!({ "schema": json::SCHEMA, "index": logs.index, "log": text }),
        );
    }
    context.output.guest(Stream::Stdout, &log)
}
