//! What was typed: every command with its options, as words. What is meant by
//! them, each command's own file says.

use crate::failure::{DONE, exit_code};
use crate::output::{Colour, Output};
use crate::{
    completions, config, contribute, coordinator, doctor, help, job, logs, machine, man, module,
    pool, ps, report, run, status, task, version, worker,
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
    /// auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        hide_possible_values = true,
        hide_default_value = true
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
    Pool(pool::Pool),
    #[command(subcommand)]
    Module(module::Module),
    #[command(subcommand)]
    Contribute(contribute::Contribute),
    #[command(subcommand)]
    Coordinator(coordinator::Coordinator),
    #[command(subcommand)]
    Worker(worker::Worker),
    Status(status::Status),
    Ps(ps::Ps),
    Logs(logs::Logs),
    Doctor(doctor::Doctor),
    Report(report::Report),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
    Help(help::Help),
}

/// A command line that cannot be understood, or asks for help only.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// To be printed as it is: help, or the version; and the exit code.
    Help(clap::Error, u8),
    Wrong(api::Error),
}

impl Typed {
    pub(crate) fn parse_words(words: &[OsString]) -> Result<Typed, Refusal> {
        let parsed = command()
            .try_get_matches_from(words)
            .and_then(|matches| Typed::from_arg_matches(&matches));
        parsed.map_err(|error| {
            use ErrorKind::{
                DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion,
                MissingSubcommand,
            };
            let kind = error.kind();
            if matches!(kind, DisplayHelp | DisplayVersion) {
                Refusal::Help(error, DONE)
            } else if matches!(
                kind,
                MissingSubcommand | DisplayHelpOnMissingArgumentOrSubcommand
            ) {
                incomplete(words)
            } else {
                Refusal::Wrong(wrong(&error))
            }
        })
    }
}

/// Only the beginning of a command: whoever types that wants to know what
/// there is.
fn incomplete(words: &[OsString]) -> Refusal {
    let error = crate::failure::usage("the command is incomplete").hint("skep --help");
    if wants_json(words) {
        return Refusal::Wrong(error);
    }
    let help = words.iter().cloned().chain([OsString::from("-h")]);
    match command().try_get_matches_from(help) {
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            Refusal::Help(help, exit_code(error.code))
        }
        Ok(_) | Err(_) => Refusal::Wrong(error),
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

/// One line and a hint of what clap says in several.
fn wrong(error: &clap::Error) -> api::Error {
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
    let message = message.replace(
        "the following required arguments were not provided",
        "missing:",
    );
    let wrong = crate::failure::usage(message);
    match near
        .map(|near| format!("did you mean {near}?"))
        .or_else(usage)
    {
        Some(hint) => wrong.hint(hint),
        None => wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Typed};
    use std::ffi::OsString;

    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    /// Every command's help, one after the other.
    #[test]
    fn help_stays_as_it_is() {
        fn helps(command: &mut clap::Command, all: &mut Vec<String>) {
            all.push(command.render_help().to_string().trim_end().to_owned());
            for below in command.get_subcommands_mut() {
                helps(below, all);
            }
        }
        let mut command = super::command().term_width(100);
        command.build();
        let mut all = Vec::new();
        helps(&mut command, &mut all);
        insta::assert_snapshot!(all.join(&format!("\n\n{}\n\n", "─".repeat(80))));
    }

    #[test]
    fn wrong_words_are_said_in_one_line_with_a_hint() {
        let said = |words: &[&str]| {
            let words: Vec<OsString> = ["skep"].iter().chain(words).map(Into::into).collect();
            match Typed::parse_words(&words) {
                Err(Refusal::Wrong(error)) => {
                    format!("{}\n{}", error.message, error.hint.unwrap_or_default())
                }
                other => panic!("{words:?}: {other:?}"),
            }
        };
        insta::assert_snapshot!(
            [
                said(&["statsu"]),
                said(&["--json", "job"]),
                said(&["run"]),
                said(&["run", "--priorty", "1", "x.wasm"]),
                said(&["run", "--priority", "11", "x.wasm"]),
                said(&["run", "--memory", "much", "x.wasm"]),
                said(&["run", "--range", "0..2", "--items", "x", "x.wasm"]),
                said(&["job", "show"]),
            ]
            .join("\n\n")
        );
    }

    #[test]
    fn ours_stand_before_and_directly_after_the_module() {
        let args = |words: &[&str]| {
            let words: Vec<OsString> = ["skep", "run"]
                .iter()
                .chain(words)
                .map(Into::into)
                .collect();
            match Typed::parse_words(&words) {
                Ok(Typed {
                    command: super::Command::Run(run),
                    ..
                }) => (
                    run.options.module,
                    run.options.limits.priority,
                    run.options.args.join(" "),
                ),
                other => panic!("{words:?}: {other:?}"),
            }
        };
        let is = |priority, rest: &str| ("m.wasm".to_owned(), priority, rest.to_owned());
        assert_eq!(args(&["--priority", "3", "m.wasm", "a"]), is(3, "a"));
        assert_eq!(
            args(&["m.wasm", "--priority", "-3", "a", "--name", "b"]),
            is(-3, "a --name b")
        );
        assert_eq!(
            args(&["m.wasm", "--", "--priority", "3"]),
            is(0, "--priority 3")
        );
        assert_eq!(
            args(&["m.wasm", "--width", "5", "--priority", "3"]),
            is(0, "--width 5 --priority 3")
        );
        assert_eq!(args(&["m.wasm", "a", "--", "-b"]), is(0, "a -- -b"));
        assert_eq!(args(&["m.wasm", "-5"]), is(0, "-5"));
        assert_eq!(args(&["m.wasm", "-x"]), is(0, "-x"));
        assert_eq!(args(&["m.wasm", "-"]), is(0, "-"));
    }
}
