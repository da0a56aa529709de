//! `skep job logs`: what the tasks of a job wrote to stderr.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Stream;
use crate::reach::{self, Door, Start};
use crate::run::follow::{Following, Interrupt, Interrupts, Show};
use crate::select::Indices;
use crate::task;
use api::ResultEntry;
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
    let mut written = Written::new(&job.id);
    for index in logs.tasks.of(job.tasks.total) {
        let log = match written.by(&door, index).await? {
            true => task::log(&door, &job.id, index).await?,
            false => Vec::new(),
        };
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

/// Which tasks have written anything, a page at a time: most write nothing, and
/// are not asked one by one.
struct Written<'j> {
    job: &'j str,
    page: Vec<ResultEntry>,
    /// As far as pages were read; `None` when there are no more.
    next: Option<u32>,
}

impl Written<'_> {
    fn new(job: &str) -> Written<'_> {
        Written {
            job,
            page: Vec::new(),
            next: Some(0),
        }
    }

    /// Asked in ascending order.
    async fn by(&mut self, door: &Door, index: u32) -> Result<bool, Failure> {
        while self.page.last().is_none_or(|last| last.index < index)
            && let Some(next) = self.next
        {
            let page = door.results(self.job, next.max(index)).await?;
            (self.page, self.next) = (page.results, page.next);
        }
        let entry = self
            .page
            .binary_search_by_key(&index, |entry| entry.index)
            .ok()
            .map(|at| &self.page[at]);
        Ok(entry.is_some_and(|entry| entry.log_bytes > 0))
    }
}
