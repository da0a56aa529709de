//! What a truthful worker says of a task.

use super::*;

/// What a truthful worker would have said of this attempt, if not this.
pub(super) fn wrong_report(job: &Job, index: u32, attempt: u32, report: &Report) -> Option<String> {
    let workload = &job.workload;
    match &report.outcome {
        Outcome::Done if report.output != workload.output(index) => {
            Some(format!("the output is {:?}", report.output))
        }
        Outcome::Done => None,
        Outcome::Failed(failure) => {
            let possible = match failure.kind {
                FailureKind::Trap => {
                    workload.traps + workload.flaky > 0 && attempt > job.spec.retries
                }
                FailureKind::DeadlineExceeded => {
                    job.spec.limits.task_time.is_some() && attempt > job.spec.retries
                }
                FailureKind::Elsewhere => workload.elsewhere > 0 && attempt > job.spec.elsewhere,
                FailureKind::Lost => attempt >= job.spec.lost,
                FailureKind::Refused => workload.refused > 0,
                FailureKind::Fold => index == job.spec.count,
                FailureKind::ExitCode
                | FailureKind::MemoryLimit
                | FailureKind::TableLimit
                | FailureKind::OutOfFuel
                | FailureKind::OutputLimit
                | FailureKind::AbiViolation
                | FailureKind::LinkError
                | FailureKind::CompileFailed => false,
            };
            (!possible).then(|| format!("failed in attempt {attempt} with {failure:?}"))
        }
        Outcome::Elsewhere => (attempt <= job.spec.elsewhere)
            .then(|| format!("given up in attempt {attempt}, asked for elsewhere")),
        Outcome::Lost { .. } => {
            (attempt < job.spec.lost).then(|| format!("given up in attempt {attempt} as lost"))
        }
        Outcome::Refused { why } => Some(format!("given up because a worker could not: {why}")),
    }
}

pub(super) fn each_of(reports: &Reports) -> Vec<Report> {
    match reports {
        Reports::Each(each) => each.clone(),
        Reports::Plain(plain) => {
            let mut from = 0;
            let report = |end: &u32| {
                let bytes = plain.bytes.get(from..*end as usize).unwrap_or_default();
                from = *end as usize;
                Report {
                    outcome: Outcome::Done,
                    micros: 0,
                    output: Payload::Inline(serde_bytes::ByteBuf::from(bytes)),
                    log: Payload::empty(),
                    log_truncated: false,
                    files: None,
                }
            };
            plain.ends.iter().map(report).collect()
        }
    }
}
