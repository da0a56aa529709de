//! `skep status`: the pool at a glance.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::pairs;
use crate::output::{json, words};
use crate::reach::{self, Door};
use crate::watch::{Watch, watch};
use api::{JobState, Status as View};
use node::folders::tilde;
use serde_json::json;
use std::path::Path;

/// Show the pool at a glance
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep status
  skep status --watch")]
pub(crate) struct Status {
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn status(context: &Context, status: &Status) -> Result<(), Failure> {
    watch(context, &status.watch, async || look(context).await).await
}

async fn look(context: &Context) -> Result<String, Failure> {
    let door = reach::to_read(context).await?;
    if !door.is_node() {
        return without_node(context, &door).await;
    }
    let view = door.status().await?;
    let output = &context.output;
    if output.json {
        return Ok(json::flat(&view).to_string());
    }
    if output.quiet {
        return Ok(view.pid.to_string());
    }
    let mut text = pairs(rows(&view));
    if !view.machines.is_empty() {
        text.push_str(&format!(
            "\n\n{}",
            crate::machine::drawn(&view.machines, output.stdout_colours())
        ));
    }
    Ok(text)
}

fn rows(view: &View) -> Vec<(&'static str, String)> {
    let up = words::between(view.started_ms, words::now_ms());
    let contribute = if view.contribution.on { "on" } else { "off" };
    let mut rows = vec![
        (
            "node",
            format!("skep {}, process {}, up {up}", view.version, view.pid),
        ),
        ("data", tilde(Path::new(&view.data_folder))),
        (
            "jobs",
            format!(
                "{} running, {} queued",
                words::thousands(view.jobs_running.into()),
                words::thousands(view.jobs_queued.into())
            ),
        ),
        (
            "tasks",
            format!(
                "{} running, {} queued",
                words::thousands(view.tasks_running.into()),
                words::thousands(view.tasks_queued.into())
            ),
        ),
        (
            "contribute",
            format!("{contribute}: {}", view.contribution.reason),
        ),
    ];
    rows.extend(view.storage.clone().map(|storage| ("storage", storage)));
    rows
}

/// What waits for a node.
async fn without_node(context: &Context, door: &Door) -> Result<String, Failure> {
    let jobs = door.jobs().await?;
    let waiting = jobs
        .iter()
        .filter(|job| {
            matches!(
                job.state,
                JobState::Queued | JobState::Running | JobState::Folding
            )
        })
        .count();
    let output = &context.output;
    let data = context.folders.data.display().to_string();
    if output.json {
        let view = json!({
            "schema": json::SCHEMA, "pid": null, "version": env!("CARGO_PKG_VERSION"), "data_folder": data, "jobs_queued": waiting,
        });
        return Ok(view.to_string());
    }
    if output.quiet {
        return Ok(String::new());
    }
    Ok(pairs(vec![
        (
            "node",
            "none runs; skep coordinator start starts one that stays".to_owned(),
        ),
        ("data", tilde(&context.folders.data)),
        (
            "jobs",
            format!(
                "{waiting} waiting, {} in all",
                words::thousands(jobs.len() as u64)
            ),
        ),
    ]))
}
