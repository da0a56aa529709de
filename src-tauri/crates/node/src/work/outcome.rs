//! How a task ended, from the executor's words to the rules'.

use crate::limits::ERROR_LINE_BYTES;
use crate::views::ELSEWHERE;
use pool::report::{Failure, FailureKind, Outcome};
use sandbox::End;

/// `last_line` is the log's, and becomes the error text of a program that
/// exited with a code.
pub(super) fn of(end: End, last_line: Option<String>) -> Outcome {
    match end {
        End::Exit { code: 0 } => Outcome::Done,
        End::Exit { code: ELSEWHERE } => Outcome::Elsewhere,
        End::Exit { code } => Outcome::Failed(Failure {
            kind: FailureKind::ExitCode,
            message: last_line.unwrap_or_else(|| format!("the program exited with code {code}")),
            exit_code: Some(code),
            backtrace: Vec::new(),
        }),
        End::Trap { message, backtrace } => Outcome::Failed(Failure {
            backtrace,
            ..failure(
                FailureKind::Trap,
                last_line.map_or_else(|| message.clone(), |line| format!("{message}: {line}")),
            )
        }),
        End::MemoryLimit { message } => Outcome::Failed(failure(FailureKind::MemoryLimit, message)),
        End::TableLimit { message } => Outcome::Failed(failure(FailureKind::TableLimit, message)),
        End::DeadlineExceeded { limit } => Outcome::Failed(failure(
            FailureKind::DeadlineExceeded,
            format!("ran longer than its limit of {}", seconds(limit)),
        )),
        End::OutOfFuel => Outcome::Failed(failure(
            FailureKind::OutOfFuel,
            "used up its fuel".to_owned(),
        )),
        End::OutputLimit { limit } => Outcome::Failed(failure(
            FailureKind::OutputLimit,
            format!("wrote more than its limit of {limit} bytes"),
        )),
        End::AbiViolation { message } => {
            Outcome::Failed(failure(FailureKind::AbiViolation, message))
        }
        End::LinkError { message } => Outcome::Failed(failure(FailureKind::LinkError, message)),
        End::Crashed { message } | End::HostRefused { message } => Outcome::Lost { why: message },
    }
}

/// For every task that cannot even begin.
pub(super) fn failed(kind: FailureKind, message: String) -> Outcome {
    Outcome::Failed(failure(kind, message))
}

/// The last line of a log that says something, from its last bytes.
pub(crate) fn last_line(tail: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(tail);
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())?;
    let mut line = line.to_owned();
    line.truncate(line.floor_char_boundary(ERROR_LINE_BYTES));
    Some(line)
}

fn failure(kind: FailureKind, message: String) -> Failure {
    Failure {
        kind,
        message,
        exit_code: None,
        backtrace: Vec::new(),
    }
}

fn seconds(span: std::time::Duration) -> String {
    if span.subsec_millis() == 0 {
        format!("{} s", span.as_secs())
    } else {
        format!("{} ms", span.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::{last_line, of};
    use pool::report::{FailureKind, Outcome};
    use sandbox::End;

    #[test]
    fn the_last_line_of_the_log_is_the_error() {
        assert_eq!(
            last_line(b"a\nboom: no\n\n  \n").as_deref(),
            Some("boom: no")
        );
        assert_eq!(last_line(b"\n"), None);
        assert_eq!(
            last_line("ü".repeat(400).as_bytes()).map(|line| line.len()),
            Some(500)
        );
        let Outcome::Failed(failure) = of(End::Exit { code: 3 }, Some("boom".to_owned())) else {
            panic!()
        };
        assert_eq!(
            (failure.kind, &*failure.message, failure.exit_code),
            (FailureKind::ExitCode, "boom", Some(3))
        );
    }

    #[test]
    fn only_the_machine_is_to_blame_for_a_crash() {
        assert_eq!(
            of(End::Exit { code: 0 }, Some("x".to_owned())),
            Outcome::Done
        );
        assert_eq!(of(End::Exit { code: 75 }, None), Outcome::Elsewhere);
        let crashed = of(
            End::Crashed {
                message: "signal 11".to_owned(),
            },
            None,
        );
        assert_eq!(
            crashed,
            Outcome::Lost {
                why: "signal 11".to_owned()
            }
        );
    }
}
