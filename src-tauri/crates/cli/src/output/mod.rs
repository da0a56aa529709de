//! The terminal, and whatever stands in its place: results and documents on
//! stdout, words for people on stderr. The one place that writes to either.

pub(crate) mod guest;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod table;
pub(crate) mod words;

use crate::failure::{Failure, exit_code};
use api::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

/// What came of doing the same to several things.
#[derive(Debug, Default)]
pub(crate) struct Each {
    /// Done to these.
    pub(crate) done: Vec<String>,
    /// The first failure.
    pub(crate) failed: Option<Error>,
}

/// What this command says, and how.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// One document on stdout, errors as objects.
    pub(crate) json: bool,
    /// Ids only, and no words.
    pub(crate) quiet: bool,
    /// 1: our own node's log; 2: all of it.
    pub(crate) verbose: u8,
    colour: Colour,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool, verbose: u8, colour: Colour) -> Output {
        Output {
            json,
            quiet,
            verbose,
            colour,
        }
    }

    /// Before the command line is understood: only whether errors are objects.
    pub(crate) fn plain(json: bool) -> Output {
        Output::new(json, false, 0, Colour::Auto)
    }

    pub(crate) fn stdout_colours(&self) -> bool {
        self.colours(io::stdout().is_terminal())
    }

    fn colours(&self, terminal: bool) -> bool {
        let set =
            |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => (terminal && !set("NO_COLOR")) || set("CLICOLOR_FORCE"),
        }
    }

    /// A line on stdout.
    pub(crate) fn line(&self, line: impl Display) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        Ok(stdout.flush()?)
    }

    /// One document on stdout.
    pub(crate) fn document(&self, document: &serde_json::Value) -> Result<(), Failure> {
        self.line(document)
    }

    /// To what something was done, in the order it was; and what went wrong
    /// with others.
    pub(crate) fn done(&self, verb: &str, each: Each) -> Result<(), Failure> {
        if let (true, Some(error)) = (each.done.is_empty(), &each.failed) {
            return Err(error.clone().into());
        }
        if self.json {
            self.document(&serde_json::json!({ "schema": json::SCHEMA, verb: each.done }))?;
        } else {
            for thing in &each.done {
                let thing = guest::inert(thing);
                if self.quiet {
                    self.line(thing)?;
                } else {
                    self.line(format_args!("{verb} {thing}"))?;
                }
            }
        }
        each.failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// What a guest wrote, as it is into pipes and files, and harmless on a
    /// terminal.
    pub(crate) fn guest(&self, stream: Stream, bytes: &[u8]) -> Result<(), Failure> {
        match stream {
            Stream::Stdout => write_guest(io::stdout().lock(), bytes),
            Stream::Stderr => write_guest(io::stderr().lock(), bytes),
        }
    }

    /// Words for people about what happens, on stderr; not where a program
    /// reads (`--json`) or nobody wants them (`-q`).
    pub(crate) fn note(&self, words: impl Display) {
        if !self.quiet && !self.json {
            // Whoever closed stderr does not want to know.
            let _ = writeln!(io::stderr().lock(), "{words}");
        }
    }

    /// Something the person must know though it is no error.
    pub(crate) fn warning(&self, words: impl Display) {
        if !self.json {
            let _ = writeln!(
                io::stderr().lock(),
                "{} {words}",
                self.stderr_mark("warning:", YELLOW)
            );
        }
    }

    pub(crate) fn error(&self, error: &Error) {
        let mut stderr = io::stderr().lock();
        // Where stderr is closed, the exit code has to do.
        let _ = if self.json {
            writeln!(stderr, "{}", json::error(error))
        } else {
            let message = guest::inert(&error.message);
            let hint = error.hint.as_deref().map(guest::inert);
            writeln!(stderr, "{} {message}", self.stderr_mark("error:", RED)).and_then(|()| {
                match hint {
                    Some(hint) => writeln!(stderr, "{} {hint}", self.stderr_mark("hint:", CYAN)),
                    None => Ok(()),
                }
            })
        };
    }

    /// Says what is still to be said, and gives the exit code.
    pub(crate) fn end(&self, outcome: Result<(), Failure>) -> u8 {
        match outcome {
            Ok(()) | Err(Failure::Closed) => crate::failure::DONE,
            Err(Failure::Ended(code)) => code,
            Err(Failure::Error(error)) => {
                self.error(&error);
                exit_code(error.code)
            }
        }
    }

    fn stderr_mark(&self, text: &str, colour: &str) -> String {
        if self.colours(io::stderr().is_terminal()) {
            format!("\x1b[1;{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

const RED: &str = "31";
const YELLOW: &str = "33";
const CYAN: &str = "36";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

fn write_guest(mut to: impl Write + IsTerminal, bytes: &[u8]) -> Result<(), Failure> {
    if to.is_terminal() {
        to.write_all(guest::inert_lines(bytes).as_bytes())?;
    } else {
        to.write_all(bytes)?;
    }
    Ok(to.flush()?)
}
