//! What a job came to: the exit code, the error, or a sentence.

use super::deliver::Delivered;
use crate::failure::{DONE, INTERRUPTED, JOB_FAILED, NOT_RUN, TIMED_OUT};
use crate::output::words;
use crate::verbs::Names;
use api::{Error, ErrorCode, FailureView, FoldState, JobState, JobView};

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) error: Option<Error>,
}

pub(crate) fn of(job: &JobView) -> Outcome {
    let id = words::short(&job.id, []);
    let failed = |code, message: String, hint: String| Outcome {
        code,
        // The code is not shown: these are a job's ends, not the door's errors.
        error: Some(Error::new(ErrorCode::NoResult, message).hint(hint)),
    };
    match job.state {
        JobState::Done | JobState::Queued | JobState::Running | JobState::Folding => Outcome {
            code: DONE,
            error: None,
        },
        JobState::Cancelled => match job.cancelled_by.as_deref() {
            Some("timeout") => failed(
                TIMED_OUT,
                format!(
                    "the job was ended by its --timeout; {} tasks were done",
                    words::of(job.tasks.done, job.tasks.total)
                ),
                format!("skep job retry {id} does the rest"),
            ),
            _ => failed(
                INTERRUPTED,
                format!(
                    "the job was cancelled; {} tasks were done",
                    words::of(job.tasks.done, job.tasks.total)
                ),
                format!("skep job retry {id} does the rest"),
            ),
        },
        JobState::Failed => match (&job.first_failure, &job.fold) {
            (None, Some(fold)) if fold.state == FoldState::Failed => failed(
                JOB_FAILED,
                format!(
                    "the fold failed: {}",
                    fold.message.as_deref().unwrap_or("it gave no reason")
                ),
                format!("the tasks' results are kept: skep job results {id} --json"),
            ),
            (Some((_, failure)), _) if job.tasks.total == 1 => failed(
                code_of(failure),
                sentence(failure),
                format!("skep task show {id} 0 says more"),
            ),
            (first, _) => {
                let example = match first {
                    Some((index, failure)) => format!("; task {index}: {}", sentence(failure)),
                    None => String::new(),
                };
                let index = first.as_ref().map_or(0, |(index, _)| *index);
                failed(
                    JOB_FAILED,
                    format!(
                        "{} tasks failed{example}",
                        words::of(job.tasks.failed, job.tasks.total)
                    ),
                    format!(
                        "skep task show {id} {index} says more; skep job retry {id} tries the failed ones again"
                    ),
                )
            }
        },
    }
}

/// What was done, in one sentence.
pub(crate) fn words(job: &JobView, delivered: &Delivered, names: &Names) -> String {
    let mut words = format!("{} done", words::count(job.tasks.done, "task"));
    if let (Some(started), Some(ended)) = (job.started_ms, job.ended_ms) {
        words.push_str(&format!(" in {}", words::between(started, ended)));
    }
    match job.machines.as_slice() {
        [] => {}
        [one] => words.push_str(&format!(" on {}", names.of(one))),
        several => words.push_str(&format!(
            " on {}",
            words::count(several.len() as u64, "machine")
        )),
    }
    if !delivered.places.is_empty() {
        words.push_str(&format!("; {}", delivered.places.join(" and ")));
        if delivered.bytes > 0 {
            words.push_str(&format!(", {}", words::bytes(delivered.bytes)));
        }
    }
    words
}

/// With which a program asks to be tried elsewhere (EX_TEMPFAIL).
const ELSEWHERE: u8 = 75;

/// The exit code of a job of one task that failed.
fn code_of(failure: &FailureView) -> u8 {
    match failure.kind.as_str() {
        "exit_code" => failure
            .exit_code
            .map_or(JOB_FAILED, |code| u8::try_from(code).unwrap_or(u8::MAX)),
        "elsewhere" => ELSEWHERE,
        "lost" | "refused" => NOT_RUN,
        _ => JOB_FAILED,
    }
}

fn sentence(failure: &FailureView) -> String {
    match (failure.kind.as_str(), failure.exit_code) {
        ("exit_code", Some(code)) if failure.message.is_empty() => {
            format!("the program ended with exit code {code}")
        }
        ("exit_code", Some(code)) => format!(
            "the program ended with exit code {code}: {}",
            failure.message
        ),
        _ => failure.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use api::{FailureView, FoldState, FoldView, JobState, JobView, TaskCounts};

    fn job(state: JobState, total: u32) -> JobView {
        JobView {
            id: "j_abcdefghijkl".into(),
            name: "x".into(),
            state,
            tasks: TaskCounts {
                total,
                failed: 1,
                ..TaskCounts::default()
            },
            reason: None,
            machines: Vec::new(),
            module: String::new(),
            module_name: String::new(),
            priority: 0,
            accepted_ms: 0,
            started_ms: None,
            ended_ms: None,
            fold: None,
            result_type: None,
            grid: None,
            trial: false,
            cancelled_by: None,
            first_failure: None,
            command: String::new(),
            params: std::collections::BTreeMap::new(),
            explores: false,
            per_second: None,
            eta_ms: None,
            task_ms: None,
            alone_ms: None,
        }
    }

    fn failed(kind: &str, exit_code: Option<u32>, total: u32) -> u8 {
        let failure = FailureView {
            kind: kind.into(),
            message: "why".into(),
            exit_code,
            backtrace: Vec::new(),
        };
        of(&JobView {
            first_failure: Some((0, failure)),
            ..job(JobState::Failed, total)
        })
        .code
    }

    #[test]
    fn exit_codes_are_those_of_the_table() {
        assert_eq!(of(&job(JobState::Done, 5)).code, 0);
        assert_eq!(failed("exit_code", Some(9), 1), 9);
        assert_eq!(failed("exit_code", Some(4_000_000_000), 1), 255);
        assert_eq!(failed("elsewhere", None, 1), 75);
        assert_eq!(failed("exit_code", Some(9), 2), 3);
        for kind in [
            "trap",
            "memory_limit",
            "output_limit",
            "deadline_exceeded",
            "out_of_fuel",
        ] {
            assert_eq!(failed(kind, None, 1), 3, "{kind}");
        }
        assert_eq!(failed("lost", None, 1), 125);
        let cancelled = |by: &str| {
            of(&JobView {
                cancelled_by: Some(by.into()),
                ..job(JobState::Cancelled, 1)
            })
            .code
        };
        assert_eq!((cancelled("timeout"), cancelled("person")), (124, 130));
        let fold = FoldView {
            kind: api::Fold::Sum,
            state: FoldState::Failed,
            message: Some("not a number".into()),
        };
        let outcome = of(&JobView {
            fold: Some(fold),
            ..job(JobState::Failed, 1)
        });
        assert_eq!(outcome.code, 3);
        assert!(outcome.error.unwrap().message.contains("not a number"));
    }
}
