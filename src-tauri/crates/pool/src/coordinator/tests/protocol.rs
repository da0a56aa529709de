//! Machines that lie, repeat themselves, or speak out of turn.

use super::table::{Table, hello, offer, part, plain, secs, spec};
use crate::coordinator::{Event, JobState, Peer};
use crate::id::{DeviceId, Term};
use crate::limits::{BACKTRACE_FRAMES_MAX, MESSAGE_BYTES_MAX, SILENCE_MAX, STRIKES_MAX};
use crate::message::{Chunk, Hello, Output, Results, Stream, ToCoordinator, ToWorker};
use crate::report::{Failure, FailureKind, Outcome, Plain, Reports};
use crate::spec::Spec;
use serde_bytes::ByteBuf;

#[test]
fn a_result_counts_only_under_its_own_grant() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let other = table.seat(2, 1);
    let job = table.submit(Spec {
        chunk: Some(4),
        ..spec(4)
    });
    let chunk = table.lease(seat);
    table.heard(other);
    let lies = [
        (other, chunk),
        (
            seat,
            Chunk {
                attempt: 2,
                ..chunk
            },
        ),
        (
            seat,
            Chunk {
                attempt: 0,
                ..chunk
            },
        ),
        (
            seat,
            Chunk {
                term: Term(2),
                ..chunk
            },
        ),
        (seat, part(chunk, 4, 4)),
        (seat, part(chunk, u32::MAX - 1, 1)),
        (
            seat,
            Chunk {
                job: crate::JobId([0; 16]),
                ..chunk
            },
        ),
    ];
    for (seat, lie) in lies {
        table.finish(seat, lie);
        assert_eq!(table.heard(seat), [ToWorker::Stale(lie)]);
        assert_eq!(table.job(job).done, 0, "{lie:?}");
    }
    table.finish(seat, chunk);
    assert_eq!(table.heard(seat)[0], ToWorker::Accepted(chunk));
    table.finish(seat, chunk);
    assert_eq!(table.heard(seat), [ToWorker::Stale(chunk)], "twice is once");
    assert_eq!((table.job(job).done, table.state(job)), (4, JobState::Done));
}

#[test]
fn a_result_that_covers_more_than_is_held_counts_for_what_is() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(4),
        ..spec(10)
    });
    let chunk = table.lease(seat);
    let wide = part(chunk, 0, 10);
    table.finish(seat, wide);
    let heard = table.heard(seat);
    assert!(heard.contains(&ToWorker::Accepted(chunk)), "{heard:?}");
    assert!(
        heard.contains(&ToWorker::Stale(part(chunk, 4, 6))),
        "{heard:?}"
    );
    assert_eq!(table.job(job).done, 4);
    let (_, stored) = table.disk.results(table.job(job).no).remove(0);
    let Reports::Plain(Plain { ends, bytes, .. }) = stored.reports else {
        panic!("plain")
    };
    assert_eq!((ends, bytes), (vec![1, 2, 3, 4], ByteBuf::from(*b"0123")));
}

#[test]
fn a_result_cannot_come_before_its_lease_was_sent() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let submitted = table
        .coordinator
        .submit(table.now, super::table::submit(1, spec(1)))
        .expect("accepted");
    let records: Vec<_> = core::iter::from_fn(|| table.coordinator.poll_record()).collect();
    table.disk.commit(records);
    // The lease is granted, and nobody can know of it.
    let guessed = Chunk {
        job: submitted.job,
        first: 0,
        count: 1,
        attempt: 1,
        term: Term(1),
    };
    let results = Results {
        chunk: guessed,
        reports: plain(guessed, 1),
    };
    table
        .coordinator
        .handle_message(table.now, seat.peer, ToCoordinator::Results(results));
    table.turn();
    assert_eq!(table.job(submitted.job).done, 0);
    table.finish(seat, guessed);
    assert_eq!(table.job(submitted.job).done, 1);
}

#[test]
fn ten_violations_close_the_connection() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    let nonsense = || {
        Reports::Plain(Plain {
            micros: 0,
            ends: vec![9],
            bytes: ByteBuf::new(),
        })
    };
    for _ in 1..STRIKES_MAX {
        table.say(
            seat,
            ToCoordinator::Results(Results {
                chunk,
                reports: nonsense(),
            }),
        );
        assert_eq!(table.heard(seat), [ToWorker::Stale(chunk)]);
    }
    table.say(
        seat,
        ToCoordinator::Results(Results {
            chunk,
            reports: nonsense(),
        }),
    );
    assert!(matches!(
        table.heard(seat).as_slice(),
        [ToWorker::Refused { .. }, ..]
    ));
    table.finish(seat, chunk);
    assert_eq!(table.job(job).done, 0, "not listened to any more");
}

fn device(name: u8) -> DeviceId {
    DeviceId([name; 16])
}

#[test]
fn strangers_are_refused() {
    let mut table = Table::new();
    let silent = Peer(1_000);
    table.admit(device(1));
    table
        .coordinator
        .handle_connected(table.now, silent, device(1));
    table.turn();
    table.pass(secs(10));
    let rude = Peer(1_001);
    table.admit(device(2));
    table
        .coordinator
        .handle_connected(table.now, rude, device(2));
    table
        .coordinator
        .handle_message(table.now, rude, ToCoordinator::Goodbye);
    let foreign = Peer(1_002);
    table.admit(device(1));
    table
        .coordinator
        .handle_connected(table.now, foreign, device(1));
    let hello = Hello {
        version: 99,
        ..hello(1, offer(1, 0), &[], &[])
    };
    table
        .coordinator
        .handle_message(table.now, foreign, ToCoordinator::Hello(hello));
    table.turn();
    for peer in [silent, rude, foreign] {
        let seat = super::table::Seat {
            peer,
            machine: crate::MachineId([0; 16]),
        };
        let heard = table.heard(seat);
        assert!(
            matches!(heard.as_slice(), [ToWorker::Refused { .. }]),
            "{peer:?}: {heard:?}"
        );
    }
    assert_eq!(table.coordinator.machines().count(), 0);
    assert_eq!(
        table.coordinator.poll_timeout(),
        None,
        "nothing is left to wait for"
    );
}

#[test]
fn output_is_shown_of_the_current_attempt_only() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    let output = |attempt| Output {
        job,
        index: 0,
        attempt,
        stream: Stream::Stdout,
        offset: 0,
        bytes: ByteBuf::from(*b"hello"),
    };
    table.events.clear();
    table.say(seat, ToCoordinator::Output(output(chunk.attempt + 1)));
    table.say(seat, ToCoordinator::Output(output(chunk.attempt)));
    assert_eq!(table.events, [Event::Output(output(chunk.attempt))]);
}

/// Whoever follows sees the attempts apart, and so can tell a second one that
/// writes something else; of the results one counts.
#[test]
fn a_lost_attempt_that_was_watched_is_followed_by_one_that_counts() {
    let mut table = Table::new();
    let first = table.seat(1, 1);
    let job = table.submit(spec(1));
    let lost = table.lease(first);
    let wrote = |attempt, text: &[u8]| Output {
        job,
        index: 0,
        attempt,
        stream: Stream::Stdout,
        offset: 0,
        bytes: ByteBuf::from(text),
    };
    table.events.clear();
    table.say(first, ToCoordinator::Output(wrote(lost.attempt, b"one")));
    table.hush(first);
    table.pass(SILENCE_MAX);
    let second = table.seat(2, 1);
    let again = table.lease(second);
    table.say(first, ToCoordinator::Output(wrote(lost.attempt, b"late")));
    table.finish(first, lost);
    table.say(second, ToCoordinator::Output(wrote(again.attempt, b"two")));
    table.finish(second, again);
    table.finish(first, lost);
    let told = table
        .events
        .iter()
        .filter(|event| matches!(event, Event::Output(_) | Event::Tasks { .. }));
    let told: Vec<&Event> = told.collect();
    assert_eq!(
        told,
        [
            &Event::Output(wrote(1, b"one")),
            &Event::Output(wrote(2, b"two")),
            &Event::Tasks {
                job,
                first: 0,
                count: 1
            }
        ]
    );
    assert_eq!(table.state(job), JobState::Done);
}

/// A backtrace is the worker's word, and as long as it likes.
#[test]
fn little_is_kept_of_a_failure_that_says_much() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        retries: 1,
        ..spec(1)
    });
    let chunk = table.lease(seat);
    let failure = Failure {
        kind: FailureKind::Trap,
        message: "é".repeat(2_000),
        exit_code: None,
        backtrace: vec!["frame ".repeat(2_000); 20],
    };
    table.report(seat, chunk, Outcome::Failed(failure));
    let kept = table.task(job, 0).last_failure.expect("it failed once");
    assert_eq!(kept.message.len(), MESSAGE_BYTES_MAX);
    assert_eq!(kept.backtrace.len(), BACKTRACE_FRAMES_MAX);
    assert!(kept.backtrace.iter().all(|f| f.len() == MESSAGE_BYTES_MAX));
    table.coordinator.check_bounds();
}
