//! `skep module rm`.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::json;
use crate::reach;
use api::Request;
use clap_complete::ArgValueCandidates;

/// Forget a module's name
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep module rm resize
  skep module rm resize resize-2")]
pub(crate) struct Rm {
    /// Names, as skep module ls lists them
    #[arg(value_name = "NAME", required = true, add = ArgValueCandidates::new(completions::modules))]
    names: Vec<String>,
}

pub(crate) async fn rm(context: &Context, rm: Rm) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let (mut done, mut failed) = (Vec::new(), None);
    for name in rm.names {
        match door.ask(Request::RemoveModule { name: name.clone() }).await {
            Ok(_) => done.push(name),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    door.leave().await;
    let output = &context.output;
    if output.json {
        output.document(&serde_json::json!({ "schema": json::SCHEMA, "removed": done }))?;
    } else {
        done.iter().try_for_each(|name| {
            output.line(if output.quiet {
                name.clone()
            } else {
                format!("removed {name}")
            })
        })?;
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}
