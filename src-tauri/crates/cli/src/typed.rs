//! What was typed: every command with its options, as words. What is meant by
//! them, each command's own file says.

use crate::output::{Colour, Output};
use crate::{
    completions, config, contribute, coordinator, doctor, help, job, logs, machine, module, run,
    status, task, version,
};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(
    name = "skep",
    version,
    about = "The machines you own, working as one",
    disable_help_subcommand = true,
    subcommand_required = true,
    max_term_width = 100,
    before_help = "Examples:\n  skep run program.wasm input.txt\n  skep run sample:mandelbrot --width 1920 --height 1080 -o mandelbrot.png"
)]
pub(crate) struct Typed {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// One JSON document on stdout; errors as JSON on stderr
    #[arg(long, global = true)]
    json: bool,
    /// Ids only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// The node's log on stderr; twice for all of it
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help = "Colours"
    )]
    color: Colour,
    /// Keep everything under this folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SKEP_DATA",
        hide_env = true
    )]
    pub(crate) data: Option<PathBuf>,
    /// Another pool of this person, with folders of its own
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "SKEP_PROFILE",
        hide_env = true
    )]
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<run::Run>),
    Map(Box<run::Map>),
    #[command(subcommand)]
    Job(job::Job),
    #[command(subcommand)]
    Task(task::Task),
    #[command(subcommand)]
    Machine(machine::Machine),
    #[command(subcommand)]
    Module(module::Module),
    #[command(subcommand)]
    Contribute(contribute::Contribute),
    #[command(subcommand)]
    Coordinator(coordinator::Coordinator),
    Status(status::Status),
    Logs(logs::Logs),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    Version(version::Version),
    Help(help::Help),
}

/// A command line that cannot be understood, or asks for help only.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not a word: whoever types that wants to know what there is.
    Nothing,
    /// To be printed as it is: help, or the version.
    Help(clap::Error),
    Wrong(api::Error),
}

impl Typed {
    pub(crate) fn parse_words(words: &[OsString]) -> Result<Typed, Refusal> {
        if words.len() <= 1 {
            return Err(Refusal::Nothing);
        }
        let matches = command().try_get_matches_from(words).map_err(refusal)?;
        Typed::from_arg_matches(&matches).map_err(refusal)
    }
}

impl Global {
    pub(crate) fn output(&self) -> Output {
        Output::new(self.json, self.quiet, self.verbose, self.color)
    }
}

/// The whole command line, for parsing, help and completions.
pub(crate) fn command() -> clap::Command {
    Typed::command()
}

/// Whether errors are to be objects, of a line that was not understood.
pub(crate) fn wants_json(words: &[OsString]) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

fn refusal(error: clap::Error) -> Refusal {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return Refusal::Help(error);
    }
    let words = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(ContextValue::Strings(words)) => Some(words.join(", ")),
        Some(_) | None => None,
    };
    let text = error.render().to_string();
    let message = text
        .lines()
        .map(str::trim)
        .take_while(|line| {
            !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("tip:")
        })
        .map(|line| line.trim_start_matches("error: ").trim_end_matches(':'))
        .collect::<Vec<_>>()
        .join(" ");
    let near = words(ContextKind::SuggestedSubcommand).or_else(|| words(ContextKind::SuggestedArg));
    let usage = || match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => {
            let usage = usage.to_string();
            let one_line = usage.split_whitespace().collect::<Vec<_>>().join(" ");
            Some(one_line.trim_start_matches("Usage: ").to_owned())
        }
        Some(_) | None => None,
    };
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => usage().unwrap_or_else(|| "skep --help".to_owned()),
    };
    Refusal::Wrong(crate::failure::usage(message).hint(hint))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
