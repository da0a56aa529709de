//! `skep ps`: what has not ended.

use crate::context::Context;
use crate::failure::Failure;
use crate::job::{is_open, ls};
use crate::output::table::{Column, table};
use crate::output::{json, words};
use crate::reach;
use crate::watch::{Watch, watch};
use api::JobView;

/// List the jobs that have not ended
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep ps
  skep ps -w")]
pub(crate) struct Ps {
    /// Show it again when it changes
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn ps(context: &Context, ps: &Ps) -> Result<(), Failure> {
    watch(context, &ps.watch, async || {
        let door = reach::to_read(context).await?;
        let mut jobs = door.jobs().await?;
        jobs.retain(|job| is_open(job.state));
        if context.output.json {
            return Ok(json::document("jobs", &jobs).to_string());
        }
        if context.output.quiet {
            let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
            return Ok(ids.join("\n"));
        }
        if jobs.is_empty() {
            return Ok("nothing runs or waits; skep job ls shows what has ended".to_owned());
        }
        Ok(drawn(&jobs, context.output.stdout_colours()))
    })
    .await
}

fn drawn(jobs: &[JobView], colours: bool) -> String {
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let columns = [
        Column::Text("id"),
        Column::Text("name"),
        Column::Text("state"),
        Column::Number("running"),
        Column::Number("done"),
        Column::Number("tasks"),
        Column::Text("for"),
        Column::Text("on"),
        Column::Text("why"),
    ];
    let rows = jobs.iter().map(|job| {
        vec![
            words::short(&job.id, ids.iter().copied()).to_owned(),
            job.name.clone(),
            ls::state(job.state).to_owned(),
            words::thousands(job.tasks.running.into()),
            words::thousands(job.tasks.done.into()),
            words::thousands(job.tasks.total.into()),
            ls::took(job),
            job.machines.join(", "),
            job.reason
                .as_ref()
                .map(|reason| reason.text.clone())
                .unwrap_or_default(),
        ]
    });
    table(&columns, rows.collect(), colours)
}
