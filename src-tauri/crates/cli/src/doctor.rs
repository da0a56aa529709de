//! `skep doctor`: what stands, what is in the way, and what to do.

use crate::ask::confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::json;
use crate::reach;
use api::{Check, CheckState};

/// What wants to be confirmed.
const CHANGES: &str = "this changes the data folder";

/// Check what Skep needs here, and say what is wrong
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep doctor
  skep doctor --json")]
pub(crate) struct Doctor {
    /// Of a damaged data folder: go back to the newest backup
    #[arg(long, conflicts_with = "start_over")]
    restore_backup: bool,
    /// Of a damaged data folder: begin anew; what is there is set aside
    #[arg(long)]
    start_over: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn doctor(context: &Context, doctor: &Doctor) -> Result<(), Failure> {
    if doctor.restore_backup {
        confirm(
            doctor.yes,
            CHANGES,
            "Jobs and results since the newest backup are lost. Go back to it?",
        )?;
        let from = node::doctor::restore_backup(&context.folders).await?;
        return said(context, "restored", &from.display().to_string());
    }
    if doctor.start_over {
        confirm(
            doctor.yes,
            CHANGES,
            "The jobs and results here are set aside and no longer known. Begin anew?",
        )?;
        let aside = node::doctor::start_over(&context.folders)?;
        let aside = aside.map_or_else(|| "nothing".to_owned(), |path| path.display().to_string());
        return said(context, "set_aside", &aside);
    }
    // Whatever is wrong with the folder is a finding, not the end of looking.
    let checks = match reach::to_read(context).await {
        Ok(door) if door.is_node() => door.doctor().await?,
        Ok(_) | Err(_) => node::doctor::alone(&context.folders, context.settings()).await,
    };
    let output = &context.output;
    if output.json {
        output.document(&json::document("checks", &checks))?;
    } else {
        checks.iter().try_for_each(|check| print(context, check))?;
    }
    let bad = checks.iter().any(|check| check.state == CheckState::Bad);
    if bad { Err(Failure::Ended(1)) } else { Ok(()) }
}

fn print(context: &Context, check: &Check) -> Result<(), Failure> {
    if context.output.quiet {
        return if check.state == CheckState::Good {
            Ok(())
        } else {
            context.output.line(&check.name)
        };
    }
    let (mark, colour) = match check.state {
        CheckState::Good => ("good", "32"),
        CheckState::Attention => ("note", "33"),
        CheckState::Bad => ("bad ", "31"),
    };
    let mark = if context.output.stdout_colours() {
        format!("\x1b[{colour}m{mark}\x1b[0m")
    } else {
        mark.to_owned()
    };
    context
        .output
        .line(format_args!("{mark}  {}: {}", check.name, check.text))?;
    match &check.hint {
        Some(hint) => context.output.line(format_args!("      {hint}")),
        None => Ok(()),
    }
}

fn said(context: &Context, what: &str, path: &str) -> Result<(), Failure> {
    if context.output.json {
        return context
            .output
            .document(&serde_json::json!({ "schema": json::SCHEMA, what: path }));
    }
    context
        .output
        .line(format_args!("{}: {path}", what.replace('_', " ")))
}
