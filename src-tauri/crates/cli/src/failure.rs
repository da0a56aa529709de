//! How a command can end other than well, and the exit code of each way.

use api::{Error, ErrorCode, Group};
use std::io;

/// Done.
pub(crate) const DONE: u8 = 0;
/// A job ended with failed tasks, a failed fold, a trap or a limit.
pub(crate) const JOB_FAILED: u8 = 3;
/// `--timeout` was reached.
pub(crate) const TIMED_OUT: u8 = 124;
/// Skep itself could not run a one-task job to an end.
pub(crate) const NOT_RUN: u8 = 125;
/// Ctrl-C, or somebody cancelled the job.
pub(crate) const INTERRUPTED: u8 = 130;

#[derive(Debug)]
pub(crate) enum Failure {
    /// To be said, and nothing was changed.
    Error(Error),
    /// All was said; only the exit code is left.
    Ended(u8),
    /// Nobody reads our output any more: end without a word.
    Closed,
}

/// The exit code of an error.
pub(crate) fn exit_code(code: ErrorCode) -> u8 {
    match code.group() {
        Group::Failed => 1,
        Group::Usage => 2,
        Group::NotAllowed => 4,
        Group::Unreachable => 5,
        Group::NotFound => 6,
        Group::Verdict => 7,
    }
}

pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Usage, message)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

/// Of writing to our own streams.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::Closed;
        }
        Error::new(
            node::saved::code_of(&error),
            format!("the output cannot be written: {error}"),
        )
        .into()
    }
}
