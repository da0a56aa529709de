//! Machines that fall silent, leave, pause and come back.

use super::table::{Table, offer, part, secs, spec};
use crate::coordinator::{JobState, MachineState, ReasonCode, TaskState};
use crate::limits::{HELD_MAX, SILENCE_MAX, TIMED_OUT_AFTER};
use crate::message::{Heartbeat, ToCoordinator, ToWorker};
use crate::spec::Spec;
use core::time::Duration;

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn a_silent_machine_loses_its_tasks_after_thirty_seconds() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.hush(seat);
    table.pass(SILENCE_MAX - MOMENT);
    assert_eq!(table.task(job, 0).state, TaskState::Running);
    table.pass(MOMENT);
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.losses, view.attempt),
        (TaskState::Queued, 1, 1)
    );
    assert_eq!(table.heard(seat), [ToWorker::Drop(vec![chunk])]);
    assert_eq!(
        table.coordinator.explain(job, None).code,
        ReasonCode::NoMachine
    );
    table.finish(seat, chunk);
    assert_eq!(table.heard(seat), [ToWorker::Stale(chunk)], "too late");
    assert_eq!(table.job(job).done, 0);
    table.beat(seat, offer(1, 1 << 40));
    assert_eq!(table.lease(seat).attempt, 2, "it speaks, so it works");
}

#[test]
fn silence_before_anybody_listened_for_it_does_not_count() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    table.hush(seat);
    // It may have slept all this time itself.
    table.pass(SILENCE_MAX - secs(3));
    let job = table.submit(spec(1));
    table.lease(seat);
    table.pass(SILENCE_MAX - MOMENT);
    assert_eq!(table.task(job, 0).state, TaskState::Running);
    table.pass(MOMENT);
    let view = table.task(job, 0);
    assert_eq!((view.state, view.losses), (TaskState::Queued, 1));
}

#[test]
fn a_connection_that_timed_out_is_waited_for_longer() {
    for (timed_out, patience) in [(true, TIMED_OUT_AFTER), (false, SILENCE_MAX)] {
        let mut table = Table::new();
        let seat = table.seat(1, 1);
        let job = table.submit(spec(1));
        table.disconnect(seat, timed_out);
        table.pass(patience - MOMENT);
        assert_eq!(table.task(job, 0).state, TaskState::Running);
        table.pass(MOMENT);
        assert_eq!(
            (table.task(job, 0).state, table.task(job, 0).losses),
            (TaskState::Queued, 1)
        );
    }
}

#[test]
fn a_machine_that_comes_back_goes_on_where_it_was() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(10),
        ..spec(10)
    });
    let chunk = table.lease(seat);
    table.disconnect(seat, true);
    table.pass(secs(40));
    let old = crate::message::Chunk {
        attempt: 0,
        ..chunk
    };
    let back = table.seat_with(
        1,
        1,
        1 << 40,
        &[part(chunk, 4, 3), old],
        &[part(chunk, 0, 4)],
    );
    let heard = table.heard(back);
    let [
        ToWorker::Welcome {
            keep, drop, send, ..
        },
        ..,
    ] = heard.as_slice()
    else {
        panic!("{heard:?}")
    };
    assert_eq!(keep, &[part(chunk, 4, 3)]);
    assert_eq!(send, &[part(chunk, 0, 4)]);
    assert_eq!(drop, &[old]);
    let last = table.task(job, 8);
    assert_eq!(
        (last.losses, last.state),
        (0, TaskState::Queued),
        "it lives, so the last three never reached it"
    );
    assert_eq!(table.task(job, 5).attempt, 1);
    table.finish(back, part(chunk, 0, 4));
    table.finish(back, part(chunk, 4, 3));
    assert_eq!(table.job(job).done, 7);
}

#[test]
fn what_a_machine_held_is_lost_with_its_life() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.disconnect(seat, false);
    let anew = table.seat(1, 1);
    assert_eq!(table.task(job, 0).losses, 1);
    let again = table.lease(anew);
    assert_eq!((chunk.attempt, again.attempt), (1, 2));
}

/// Its clock shows no more than a silence that is just over.
#[test]
fn a_coordinator_that_slept_as_long_as_a_silence_blames_nobody_either() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.hush(seat);
    for _ in 0..4 {
        table.now.moment = table.now.moment.after(SILENCE_MAX + MOMENT);
        table.coordinator.handle_timeout(table.now);
        table.turn();
    }
    assert_eq!(table.task(job, 0).state, TaskState::Running);
    table.finish(seat, chunk);
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn a_goodbye_gives_everything_back_at_once_and_charges_nobody() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let other = table.seat(2, 1);
    let job = table.submit(spec(2));
    let chunk = table.lease(seat);
    table.say(seat, ToCoordinator::Goodbye);
    let view = table.task(job, chunk.first);
    assert_eq!((view.state, view.losses), (TaskState::Queued, 0));
    table.work(other, 1_000);
    assert_eq!(table.state(job), JobState::Done);
    assert_eq!(table.task(job, chunk.first).attempt, 2);
}

#[test]
fn a_second_connection_of_a_machine_replaces_the_first() {
    let mut table = Table::new();
    let first = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(first);
    let second = table.seat_with(1, 1, 1 << 40, &[chunk], &[]);
    assert!(matches!(
        table.heard(first).as_slice(),
        [ToWorker::Refused { .. }]
    ));
    table.finish(first, chunk);
    assert_eq!(
        table.job(job).done,
        0,
        "the old connection is not listened to"
    );
    table.finish(second, chunk);
    assert_eq!(table.job(job).done, 1);
}

#[test]
fn a_paused_machine_keeps_what_runs_for_two_minutes() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(2));
    let chunk = table.lease(seat);
    table.pause(seat, "someone is using it");
    let machine = table.coordinator.machines().next().expect("a machine");
    assert_eq!(
        (machine.state, machine.reason.as_str()),
        (MachineState::Paused, "Paused: someone is using it")
    );
    table.pass(HELD_MAX - MOMENT);
    assert_eq!(table.job(job).running, 1);
    assert_eq!(table.leases(seat), [], "nothing new");
    table.pass(MOMENT);
    assert_eq!(table.heard(seat), [ToWorker::Drop(vec![chunk])]);
    let view = table.task(job, 0);
    assert_eq!((view.state, view.losses), (TaskState::Queued, 0));
    let why = table.coordinator.explain(job, None);
    assert_eq!(
        (why.code, why.text.as_str()),
        (
            ReasonCode::MachinesPaused,
            "waiting for a machine that is paused: someone is using it"
        )
    );
}

#[test]
fn what_a_paused_machine_holds_goes_to_one_that_has_nothing_to_do() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.pause(seat, "it is hot");
    let idle = table.seat(2, 1);
    assert_eq!(table.heard(seat), [ToWorker::Drop(vec![chunk])]);
    let again = table.lease(idle);
    assert_eq!((again.attempt, table.task(job, 0).losses), (2, 0));
    table.finish(seat, chunk);
    assert_eq!(table.job(job).done, 0, "fenced");
}

#[test]
fn leases_that_come_back_without_a_pause_wait_a_moment() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    table.submit(spec(1));
    let chunk = table.lease(seat);
    table.say(seat, ToCoordinator::Return(vec![chunk]));
    assert_eq!(table.leases(seat), []);
    table.pass(secs(1));
    assert_eq!(table.lease(seat).attempt, 2);
}

#[test]
fn a_coordinator_that_slept_blames_nobody() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.now.moment = table.now.moment.after(secs(3_600));
    table.coordinator.handle_timeout(table.now);
    table.turn();
    assert_eq!(table.task(job, 0).state, TaskState::Running);
    table.finish(seat, chunk);
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn heartbeats_keep_a_machine_for_ever() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.beat(
        seat,
        Heartbeat {
            progress: vec![(chunk, 250)],
            ..offer(1, 1 << 40)
        },
    );
    table.pass(secs(7_200));
    let view = table.task(job, 0);
    assert_eq!(
        (view.state, view.attempt, view.progress),
        (TaskState::Running, 1, Some(250))
    );
}

#[test]
fn a_poisonous_task_of_a_large_chunk_is_soon_alone() {
    let mut table = Table::new();
    let mut seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(64),
        ..spec(64)
    });
    // Whoever runs task 40 dies with it; every other task ends well.
    for _ in 0..64 {
        for chunk in table.leases(seat) {
            if (chunk.first..chunk.first + chunk.count).contains(&40) {
                seat = table.seat(1, 1);
                break;
            }
            table.finish(seat, chunk);
        }
        table.pass(secs(30));
    }
    let view = table.job(job);
    assert_eq!(
        (view.state, view.failed, view.done),
        (JobState::Failed, 1, 63)
    );
    assert_eq!(table.task(job, 40).losses, 5);
}
