//! How jobs end before their time, and how they are forgotten.

use super::table::{Table, report, secs, spec, submit};
use crate::coordinator::{
    CancelReason, Chore, ChoreDone, CommandError, Event, JobState, TaskState,
};
use crate::id::Digest;
use crate::message::{Results, ToCoordinator, ToWorker};
use crate::report::{Files, Outcome, Payload, Report, Reports};
use crate::spec::Spec;

#[test]
fn after_a_cancel_no_result_counts() {
    let mut table = Table::new();
    let seat = table.seat(1, 2);
    let job = table.submit(spec(5));
    let chunks = table.leases(seat);
    table.finish(seat, chunks[0]);
    table.heard(seat);
    table.coordinator.cancel(table.now, job).expect("it runs");
    table.turn();
    let view = table.job(job);
    assert_eq!(
        (view.state, view.done, view.cancelled),
        (JobState::Cancelled, 1, 4)
    );
    assert_eq!(view.cancel_reason, Some(CancelReason::Person));
    assert_eq!(table.heard(seat), [ToWorker::Forget { job }]);
    table.finish(seat, chunks[1]);
    assert_eq!(table.heard(seat), [ToWorker::Stale(chunks[1])]);
    assert_eq!(table.job(job).done, 1);
    table
        .coordinator
        .cancel(table.now, job)
        .expect("twice is harmless");
}

#[test]
fn a_result_and_a_cancel_in_one_batch_count_in_their_order() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    let results = Results {
        chunk,
        reports: super::table::plain(chunk, 5),
    };
    table
        .coordinator
        .handle_message(table.now, seat.peer, ToCoordinator::Results(results));
    assert_eq!(
        table.coordinator.cancel(table.now, job),
        Err(CommandError::Ended)
    );
    table.turn();
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn a_cancelled_job_is_reopened_with_higher_attempts() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(4),
        ..spec(8)
    });
    let chunk = table.lease(seat);
    table.coordinator.cancel(table.now, job).expect("it runs");
    table.turn();
    table.restart();
    assert_eq!(table.task(job, 0).state, TaskState::Cancelled);
    let seat = table.seat_with(1, 1, 1 << 40, &[chunk], &[]);
    assert!(
        matches!(table.heard(seat).as_slice(), [ToWorker::Welcome { keep, drop, .. }] if keep.is_empty() && drop == &[chunk])
    );
    table
        .coordinator
        .retry(table.now, job, crate::RetryChanges::default())
        .expect("it was cancelled");
    table.turn();
    let again = table.lease(seat);
    assert_eq!((again.first, again.count, again.attempt), (0, 4, 2));
    table.finish(seat, chunk);
    assert_eq!(table.job(job).done, 0, "the first attempt is over");
    table.finish(seat, again);
    let rest = table.work(seat, 10);
    assert_eq!(
        rest.iter().map(|chunk| chunk.attempt).max(),
        Some(1),
        "these never ran"
    );
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn a_job_has_only_its_time() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        timeout: Some(secs(90)),
        ..spec(2)
    });
    table.pass(secs(89));
    assert_eq!(table.state(job), JobState::Running);
    table.pass(secs(1));
    let view = table.job(job);
    assert_eq!(
        (view.state, view.cancel_reason),
        (JobState::Cancelled, Some(CancelReason::Timeout))
    );
    table
        .coordinator
        .retry(table.now, job, crate::RetryChanges::default())
        .expect("it was cancelled");
    table.turn();
    table.pass(secs(60));
    assert_eq!(
        table.state(job),
        JobState::Running,
        "a retry has as long again"
    );
    table.heard(seat);
    table.pass(secs(30));
    assert_eq!(table.state(job), JobState::Cancelled);
}

#[test]
fn the_time_of_a_job_goes_on_over_a_restart() {
    let mut table = Table::new();
    let job = table.submit(Spec {
        timeout: Some(secs(90)),
        ..spec(2)
    });
    table.pass(secs(50));
    table.submit(spec(1));
    table.restart();
    table.pass(secs(41));
    assert_eq!(table.state(job), JobState::Cancelled);
}

#[test]
fn only_an_ended_job_is_forgotten_and_nothing_of_it_stays() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(3));
    assert_eq!(
        table.coordinator.forget(table.now, job),
        Err(CommandError::Running)
    );
    table.work(seat, 1_000);
    table
        .coordinator
        .forget(table.now, job)
        .expect("it has ended");
    table.turn();
    assert_eq!(table.coordinator.job(&job), None);
    assert_eq!((table.disk.row_count(), table.disk.blobs.len()), (0, 0));
    assert_eq!(table.chores, [Chore::DeleteBlob(spec(1).module)]);
    let again = table
        .coordinator
        .submit(table.now, submit(1, spec(3)))
        .expect("a new job");
    assert!(!again.existed);
    table.turn();
}

#[test]
fn blobs_of_results_go_when_the_store_has_listed_them() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    let (large, manifest) = (Digest([3; 32]), Digest([4; 32]));
    let done = Report {
        output: Payload::Blob {
            digest: large,
            bytes: 100_000,
        },
        files: Some(Files {
            manifest,
            blobs: vec![large],
        }),
        ..report(Outcome::Done)
    };
    table.say(
        seat,
        ToCoordinator::Results(Results {
            chunk,
            reports: Reports::Each(vec![done]),
        }),
    );
    assert_eq!(table.disk.blobs.get(&large), Some(&2));
    let no = table.job(job).no;
    table
        .coordinator
        .forget(table.now, job)
        .expect("it has ended");
    table.turn();
    assert_eq!(table.coordinator.job(&job), None, "gone for people at once");
    assert_eq!(table.chores.pop_front(), Some(Chore::ListBlobs { job, no }));
    table.restart();
    assert_eq!(
        table.chores.pop_front(),
        Some(Chore::ListBlobs { job, no }),
        "asked again"
    );
    let rows = table.disk.results(no);
    let blobs = rows
        .iter()
        .flat_map(|(_, stored)| stored.reports.blobs())
        .collect();
    table.chore_done(ChoreDone::BlobsListed { job, blobs });
    assert_eq!((table.disk.row_count(), table.disk.blobs.len()), (0, 0));
    let deleted: Vec<_> = table.chores.iter().cloned().collect();
    let gone = |digest| Chore::DeleteBlob(digest);
    assert_eq!(deleted.len(), 3);
    assert!(
        [spec(1).module, large, manifest]
            .into_iter()
            .all(|digest| deleted.contains(&gone(digest)))
    );
}

#[test]
fn a_transient_job_goes_with_its_client() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        transient: true,
        ..spec(5)
    });
    assert_eq!(table.coordinator.jobs().count(), 0, "not listed");
    table
        .coordinator
        .follow(table.now, job, 1)
        .expect("it exists");
    table.turn();
    assert_eq!(table.state(job), JobState::Running);
    table.heard(seat);
    table.coordinator.unfollow(table.now, job, 1);
    table.turn();
    assert_eq!(table.coordinator.job(&job), None);
    assert_eq!(table.heard(seat), [ToWorker::Forget { job }]);
    assert!(table.events.contains(&Event::JobForgotten(job)));
    assert_eq!((table.disk.row_count(), table.disk.blobs.len()), (0, 0));
}

#[test]
fn a_transient_job_goes_after_ten_minutes_whatever_happened() {
    let mut table = Table::new();
    let job = table.submit(Spec {
        transient: true,
        ..spec(5)
    });
    table.restart();
    table.pass(secs(599));
    assert!(table.coordinator.job(&job).is_some());
    table.pass(secs(1));
    assert_eq!(table.coordinator.job(&job), None);
}

#[test]
fn names_of_the_registry_keep_their_blobs() {
    let mut table = Table::new();
    let module = spec(1).module;
    table.coordinator.hold_blob(module);
    let job = table.submit(spec(0));
    table
        .coordinator
        .forget(table.now, job)
        .expect("done at once");
    table.turn();
    assert!(table.coordinator.blob_is_referenced(&module));
    table.restart();
    table.coordinator.release_blob(module);
    table.turn();
    assert!(!table.coordinator.blob_is_referenced(&module));
    assert_eq!(table.chores, [Chore::DeleteBlob(module)]);
}
