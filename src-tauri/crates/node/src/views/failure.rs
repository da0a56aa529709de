//! Why a program failed, as people and programs read it.

use api::FailureView;
use pool::FailedAttempt;
use pool::report::{Failure, FailureKind};

/// What a program that asks for another machine exits with.
pub(crate) const ELSEWHERE: u32 = 75;

pub(crate) fn failure(failure: &Failure) -> FailureView {
    FailureView {
        kind: kind(failure.kind).to_owned(),
        message: failure.message.clone(),
        exit_code: failure
            .exit_code
            .or((failure.kind == FailureKind::Elsewhere).then_some(ELSEWHERE)),
        backtrace: failure.backtrace.clone(),
    }
}

/// In one line.
pub(crate) fn failed_attempt(attempt: &FailedAttempt) -> String {
    match (attempt.kind, attempt.exit_code) {
        (FailureKind::ExitCode, Some(code)) if attempt.message.is_empty() => {
            format!("exit code {code}")
        }
        (FailureKind::ExitCode, Some(code)) => format!("exit code {code}: {}", attempt.message),
        _ => attempt.message.clone(),
    }
}

/// Of a fold that failed without a task.
pub(crate) fn fold_failure(message: &str) -> FailureView {
    FailureView {
        kind: kind(FailureKind::Fold).to_owned(),
        message: message.to_owned(),
        exit_code: None,
        backtrace: Vec::new(),
    }
}

fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::ExitCode => "exit_code",
        FailureKind::Trap => "trap",
        FailureKind::MemoryLimit => "memory_limit",
        FailureKind::TableLimit => "table_limit",
        FailureKind::DeadlineExceeded => "deadline_exceeded",
        FailureKind::OutOfFuel => "out_of_fuel",
        FailureKind::OutputLimit => "output_limit",
        FailureKind::AbiViolation => "abi_violation",
        FailureKind::LinkError => "link_error",
        FailureKind::CompileFailed => "compile_failed",
        FailureKind::Lost => "lost",
        FailureKind::Elsewhere => "elsewhere",
        FailureKind::Fold => "fold",
        FailureKind::Refused => "refused",
    }
}
