//! Three kinds of retry, counted apart.

use super::table::{Table, report, secs, spec, trap};
use crate::coordinator::{JobState, ReasonCode, TaskState};
use crate::id::Digest;
use crate::limits::ATTEMPT_MESSAGE_BYTES_MAX;
use crate::message::{Results, ToCoordinator};
use crate::report::{Failure, FailureKind, Outcome, Payload, Reports};
use crate::spec::Spec;

#[test]
fn a_program_that_fails_is_not_tried_again_by_itself() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(2));
    let chunk = table.lease(seat);
    table.report(seat, chunk, trap());
    assert_eq!(table.task(job, 0).state, TaskState::Failed);
    table.work(seat, 1_000);
    let view = table.job(job);
    assert_eq!(
        (view.state, view.done, view.failed),
        (JobState::Failed, 1, 1),
        "the others' results stay"
    );
    let (index, failure) = view.first_failure.expect("a failure");
    assert_eq!(
        (index, failure.kind, failure.message.as_str()),
        (0, FailureKind::Trap, "unreachable")
    );
    let rows = table.disk.results(view.no);
    assert_eq!(
        rows.len(),
        2,
        "the failed task's report is kept beside the other's result"
    );
}

#[test]
fn with_retries_a_failed_task_is_tried_again_after_a_growing_delay() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        retries: 2,
        ..spec(1)
    });
    for (attempt, wait) in [(1, 1), (2, 2)] {
        let chunk = table.lease(seat);
        assert_eq!(chunk.attempt, attempt);
        table.report(seat, chunk, trap());
        let view = table.task(job, 0);
        assert_eq!((view.state, view.failures), (TaskState::Queued, attempt));
        assert_eq!(
            table.coordinator.explain(job, Some(0)).code,
            ReasonCode::Retry
        );
        table.pass(secs(wait) - core::time::Duration::from_millis(1));
        assert_eq!(table.leases(seat), []);
        table.pass(core::time::Duration::from_millis(1));
    }
    let chunk = table.lease(seat);
    table.report(seat, chunk, trap());
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.attempt, view.failures),
        (TaskState::Failed, 3, 3)
    );
    assert_eq!(table.state(job), JobState::Failed);
}

#[test]
fn elsewhere_means_another_machine_where_there_is_one() {
    let mut table = Table::new();
    let first = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(first);
    table.report(first, chunk, Outcome::Elsewhere);
    assert_eq!(table.leases(first), []);
    assert_eq!(
        table.coordinator.explain(job, None).code,
        ReasonCode::Elsewhere
    );
    let second = table.seat(2, 1);
    let chunk = table.lease(second);
    assert_eq!((chunk.attempt, table.task(job, 0).elsewhere), (2, 1));
    table.report(second, chunk, Outcome::Elsewhere);
    assert_eq!(
        (table.leases(first), table.leases(second)),
        (vec![], vec![]),
        "both were asked not to"
    );
    table.pass(secs(2));
    let again: Vec<_> = [first, second]
        .into_iter()
        .flat_map(|seat| table.leases(seat))
        .collect();
    assert_eq!(again.len(), 1, "there is no other");
}

#[test]
fn elsewhere_ends_on_the_same_machine_after_three_tries() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    for wait in [1, 2, 4] {
        let chunk = table.lease(seat);
        table.report(seat, chunk, Outcome::Elsewhere);
        table.pass(secs(wait));
    }
    let chunk = table.lease(seat);
    table.report(seat, chunk, Outcome::Elsewhere);
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.elsewhere, view.failures, view.losses),
        (TaskState::Failed, 4, 0, 0)
    );
    assert_eq!(
        view.last_failure.expect("a failure").kind,
        FailureKind::Elsewhere
    );
    let told = view
        .failed_attempts
        .iter()
        .map(|one| (one.attempt, one.kind));
    let expected = (1..=4).map(|attempt| (attempt, FailureKind::Elsewhere));
    assert!(told.eq(expected), "{:?}", view.failed_attempts);
}

fn said(message: String) -> Outcome {
    Outcome::Failed(Failure {
        kind: FailureKind::Trap,
        message,
        exit_code: None,
        backtrace: Vec::new(),
    })
}

#[test]
fn the_last_few_attempts_are_remembered_through_a_reopening() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let mut spec = spec(1);
    spec.retries = 9;
    let job = table.submit(spec);
    for nth in 0..10 {
        let chunk = table.lease(seat);
        table.report(seat, chunk, said(format!("{nth} {}", "x".repeat(400))));
        table.pass(secs(60));
    }
    assert_eq!(table.task(job, 0).state, TaskState::Failed);
    let now = table.now;
    table
        .coordinator
        .retry(now, job, crate::RetryChanges::default())
        .expect("it has ended");
    let attempts = table.task(job, 0).failed_attempts;
    assert!(
        attempts.iter().map(|one| one.attempt).eq(3..=10),
        "{attempts:?}"
    );
    assert!(
        attempts
            .iter()
            .all(|one| one.message.len() <= ATTEMPT_MESSAGE_BYTES_MAX)
    );
    assert!(attempts[7].message.starts_with("9 x"));
}

#[test]
fn a_task_that_waits_for_a_busy_machine_gives_in_at_last() {
    let mut table = Table::new();
    let (first, second) = (table.seat(1, 1), table.seat(2, 1));
    let long = table.submit(spec(1));
    let job = table.submit(spec(1));
    let (busy, seat) = if table.task(job, 0).machine == Some(first.machine) {
        (second, first)
    } else {
        (first, second)
    };
    let chunk = table.lease(seat);
    table.report(seat, chunk, Outcome::Elsewhere);
    table.pass(secs(50));
    assert_eq!(
        table.leases(seat),
        [],
        "the other machine still works, and may come free"
    );
    table.pass(secs(12));
    assert_eq!(table.leases(seat).len(), 1);
    assert_eq!(table.task(long, 0).machine, Some(busy.machine));
}

#[test]
fn a_task_that_kills_its_executor_is_given_up_after_five() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    for losses in 1..=5 {
        let chunk = table.lease(seat);
        assert_eq!(chunk.attempt, losses);
        table.report(
            seat,
            chunk,
            Outcome::Lost {
                why: "killed by signal 9".to_owned(),
            },
        );
        table.pass(secs(60));
    }
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.losses, view.failures),
        (TaskState::Failed, 5, 0)
    );
    let failure = view.last_failure.expect("a failure");
    assert_eq!(failure.kind, FailureKind::Lost);
    assert_eq!(
        failure.message,
        "lost its executor or machine 5 times, at last: killed by signal 9"
    );
}

#[test]
fn a_worker_that_cannot_run_it_is_not_held_against_the_task() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    for _ in 0..20 {
        let chunk = table.lease(seat);
        table.report(
            seat,
            chunk,
            Outcome::Refused {
                why: "the disk is full".to_owned(),
            },
        );
        assert!(
            table
                .coordinator
                .explain(job, Some(0))
                .text
                .ends_with("the disk is full"),
            "{:?}",
            table.coordinator.explain(job, Some(0))
        );
        table.pass(secs(60));
    }
    let chunk = table.lease(seat);
    table.finish(seat, chunk);
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.attempt, view.failures, view.losses),
        (TaskState::Done, 21, 0, 0)
    );
}

#[test]
fn a_person_reopens_what_failed_and_keeps_what_is_done() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(3));
    let blob = Digest([7; 32]);
    let chunk = table.lease(seat);
    let failed = crate::report::Report {
        log: Payload::Blob {
            digest: blob,
            bytes: 9_000,
        },
        ..report(trap())
    };
    table.say(
        seat,
        ToCoordinator::Results(Results {
            chunk,
            reports: Reports::Each(vec![failed]),
        }),
    );
    table.work(seat, 1_000);
    assert_eq!(table.state(job), JobState::Failed);
    assert!(table.coordinator.blob_is_referenced(&blob));
    let no = table.job(job).no;
    let changes = crate::RetryChanges {
        memory_bytes: Some(1 << 30),
        retries: Some(1),
        ..crate::RetryChanges::default()
    };
    table
        .coordinator
        .retry(table.now, job, changes)
        .expect("it failed");
    table.turn();
    assert!(
        !table.coordinator.blob_is_referenced(&blob),
        "its report is taken back"
    );
    assert_eq!(table.disk.results(no).len(), 1, "the two that are done");
    let heard = table.heard(seat);
    assert!(heard.iter().any(|message| matches!(message, crate::message::ToWorker::Job { spec, .. } if spec.limits.memory_bytes == 1 << 30)), "{heard:?}");
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.attempt, view.failures),
        (TaskState::Running, 2, 0),
        "attempts go on, failures do not"
    );
    assert_eq!(table.job(job).first_failure, None);
    let chunk = crate::message::Chunk {
        attempt: 2,
        ..chunk
    };
    table.finish(seat, chunk);
    assert_eq!((table.state(job), table.job(job).done), (JobState::Done, 3));
    let nothing = table
        .coordinator
        .retry(table.now, job, crate::RetryChanges::default());
    assert_eq!(nothing, Err(crate::CommandError::NothingToRetry));
}
