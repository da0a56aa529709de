//! Jobs that wait say why.

use super::table::{MIB, Table, secs, spec};
use crate::coordinator::{JobState, ReasonCode};
use crate::message::ToWorker;
use crate::spec::{Limits, Spec};

#[test]
fn a_trial_runs_its_first_task_and_waits() {
    let mut table = Table::new();
    let seat = table.seat(1, 4);
    let job = table.submit(Spec {
        trial: true,
        ..spec(5)
    });
    let chunk = table.lease(seat);
    assert_eq!((chunk.first, chunk.count), (0, 1));
    table.finish(seat, chunk);
    assert_eq!(table.leases(seat), []);
    let view = table.job(job);
    assert_eq!((view.state, view.done), (JobState::Queued, 1));
    assert_eq!(
        view.reason.map(|reason| reason.code),
        Some(ReasonCode::Trial)
    );
    table.restart();
    let seat = table.seat(1, 4);
    assert_eq!(table.leases(seat), []);
    table.coordinator.release(table.now, job).expect("a trial");
    table.turn();
    table.work(seat, 1_000);
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn a_followed_job_works_only_while_a_client_looks() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        followed: true,
        ..spec(5)
    });
    let chunk = table.lease(seat);
    assert_eq!(chunk.first, 0, "its client lives, and will follow");
    for follower in [1, 2] {
        table
            .coordinator
            .follow(table.now, job, follower)
            .expect("it exists");
    }
    table.coordinator.unfollow(table.now, job, 1);
    table.finish_in(seat, chunk, 10_000_000);
    let chunk = table.lease(seat);
    table.coordinator.unfollow(table.now, job, 2);
    table.turn();
    table.finish_in(seat, chunk, 10_000_000);
    assert_eq!(table.leases(seat), []);
    let reason = table.job(job).reason.expect("a reason");
    assert_eq!(
        (reason.code, reason.text.as_str()),
        (ReasonCode::NoNode, "no node: skep coordinator start")
    );
    table.restart();
    let seat = table.seat(1, 1);
    assert_eq!(table.leases(seat), []);
    table
        .coordinator
        .follow(table.now, job, 3)
        .expect("it exists");
    table.turn();
    assert_eq!(table.leases(seat).len(), 1);
}

#[test]
fn every_wait_has_a_sentence() {
    let mut table = Table::new();
    let job = table.submit(Spec {
        limits: Limits {
            memory_bytes: 8 << 30,
            ..spec(1).limits
        },
        ..spec(1)
    });
    let why = |table: &Table| {
        let reason = table.job(job).reason.expect("it waits");
        (reason.code, reason.text)
    };
    assert_eq!(
        why(&table),
        (
            ReasonCode::NoMachine,
            "waiting for a machine: none is connected".to_owned()
        )
    );
    let seat = table.seat_with(1, 1, 3 * 512 * MIB, &[], &[]);
    let memory =
        "a task may use 8 GiB of memory, and no machine offers more than 1.5 GiB".to_owned();
    assert_eq!(why(&table), (ReasonCode::Memory, memory));
    let other = table.submit(spec(1));
    table.beat(seat, super::table::offer(1, 1 << 40));
    let busy = "waiting for a machine: 1 of 1 cores work for other tasks".to_owned();
    assert_eq!(why(&table), (ReasonCode::Busy, busy));
    assert_eq!(table.job(other).reason, None, "it runs");
    assert_eq!(
        table.coordinator.explain(other, Some(0)).text,
        "it runs on machine 1, attempt 1"
    );
}

#[test]
fn a_node_that_stops_grants_nothing_more() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(3));
    let chunk = table.lease(seat);
    table.coordinator.drain(table.now);
    table.turn();
    assert_eq!(table.heard(seat), [ToWorker::Drain]);
    table.finish(seat, chunk);
    assert_eq!(table.leases(seat), []);
    assert_eq!(
        table.job(job).reason.map(|reason| reason.code),
        Some(ReasonCode::Draining)
    );
    table.pass(secs(60));
    table.restart();
    let seat = table.seat(1, 1);
    table.work(seat, 1_000);
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn a_trial_of_one_task_folds_without_being_released() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        trial: true,
        fold: crate::spec::Fold::Kernel,
        ..spec(1)
    });
    table.work(seat, 1_000);
    table.chore_done(crate::ChoreDone::FoldInput {
        job,
        result: Ok(crate::Digest([9; 32])),
    });
    table.work(seat, 1_000);
    assert_eq!(table.state(job), JobState::Done);
}
