//! `skep contribute`: whether this machine works for the pool.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::pairs;
use crate::output::{json, words};
use crate::reach;
use api::Contribution;

/// Let this machine work for the pool, or not
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Contribute {
    /// This machine works
    #[command(before_help = "Examples:\n  skep contribute on\n  skep contribute on --profile lab")]
    On,
    /// This machine does not work; jobs wait
    #[command(
        before_help = "Examples:\n  skep contribute off\n  skep contribute off --profile lab"
    )]
    Off,
    /// Whether it works, and why
    #[command(before_help = "Examples:\n  skep contribute status\n  skep contribute status --json")]
    Status,
}

pub(crate) async fn contribute(context: &Context, contribute: &Contribute) -> Result<(), Failure> {
    match contribute {
        Contribute::On => switch(context, true).await,
        Contribute::Off => switch(context, false).await,
        Contribute::Status => {
            let door = reach::to_read(context).await?;
            if !door.is_node() {
                return without_node(context);
            }
            said(context, &door.contribution().await?)
        }
    }
}

async fn switch(context: &Context, on: bool) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let stays = matches!(door, reach::Door::Client(_));
    let contribution = door.contribute(on).await;
    door.leave().await;
    let contribution = contribution?;
    if stays {
        said(context, &contribution)
    } else {
        without_node(context)
    }
}

fn said(context: &Context, contribution: &Contribution) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(contribution));
    }
    if output.quiet {
        return output.line(word(contribution.on));
    }
    output.line(pairs(vec![
        ("contribute", word(contribution.on).to_owned()),
        ("why", contribution.reason.clone()),
        ("cores", contribution.cores.to_string()),
        ("memory", words::memory(contribution.memory_bytes)),
    ]))
}

/// What is set, where nothing works at the moment.
fn without_node(context: &Context) -> Result<(), Failure> {
    let on = context.settings()?.contribute;
    let output = &context.output;
    let reason = if on {
        "no node runs now; the next one works"
    } else {
        "no node runs now, and the next one will not work"
    };
    if output.json {
        return output.document(&serde_json::json!({ "schema": json::SCHEMA, "on": on, "reason": reason, "cores": 0, "memory_bytes": 0 }));
    }
    if output.quiet {
        return output.line(word(on));
    }
    output.line(pairs(vec![
        ("contribute", word(on).to_owned()),
        ("why", reason.to_owned()),
    ]))
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
