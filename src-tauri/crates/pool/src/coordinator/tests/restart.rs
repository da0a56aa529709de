//! A coordinator that dies and starts again.

use super::table::{Table, founding, part, secs, spec, trap};
use crate::coordinator::{Coordinator, JobState, RestoreError, TaskState};
use crate::id::Term;
use crate::limits::TIMED_OUT_AFTER;
use crate::message::ToWorker;
use crate::record::Image;
use crate::spec::Spec;
use bytes::Bytes;

#[test]
fn a_worker_goes_on_over_a_restart_and_its_old_term_is_honoured() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(4),
        ..spec(8)
    });
    let chunk = table.lease(seat);
    table.finish(seat, part(chunk, 0, 1));
    table.restart();
    let seat = table.seat_with(1, 1, 1 << 40, &[part(chunk, 2, 2)], &[part(chunk, 1, 1)]);
    let heard = table.heard(seat);
    let [
        ToWorker::Welcome {
            term,
            keep,
            send,
            drop,
        },
        ..,
    ] = heard.as_slice()
    else {
        panic!("{heard:?}")
    };
    assert_eq!(*term, Term(2));
    assert_eq!(
        (keep.as_slice(), send.as_slice()),
        (
            [part(chunk, 2, 2)].as_slice(),
            [part(chunk, 1, 1)].as_slice()
        )
    );
    assert_eq!(drop, &[]);
    table.finish(seat, part(chunk, 1, 1));
    table.finish(seat, part(chunk, 2, 2));
    assert_eq!(table.job(job).done, 4);
    let rest = table.work(seat, 1_000);
    assert!(rest.iter().all(|chunk| chunk.term == Term(2)));
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn what_is_lost_while_the_coordinator_was_away_is_not_charged() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    for attempt in 1..=8 {
        assert_eq!(table.task(job, 0).attempt, attempt);
        table.restart();
        table.seat(1, 1);
    }
    assert_eq!(
        (table.task(job, 0).losses, table.task(job, 0).state),
        (0, TaskState::Running)
    );
    table.restart();
    table.pass(TIMED_OUT_AFTER);
    assert_eq!(
        (table.task(job, 0).losses, table.task(job, 0).state),
        (0, TaskState::Queued),
        "it did not come back"
    );
    let _ = seat;
}

#[test]
fn a_lease_that_its_worker_confirmed_is_charged_again() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(seat);
    table.restart();
    let seat = table.seat_with(1, 1, 1 << 40, &[chunk], &[]);
    table.hush(seat);
    table.pass(secs(30));
    assert_eq!(table.task(job, 0).losses, 1);
}

#[test]
fn delays_and_failures_outlive_a_restart() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        retries: 1,
        ..spec(2)
    });
    let chunk = table.lease(seat);
    table.report(seat, chunk, trap());
    table.restart();
    let seat = table.seat(1, 1);
    let chunk = table.lease(seat);
    assert_eq!(
        (chunk.first, table.task(job, 0).failures),
        (1, 1),
        "task 0 waits for its delay"
    );
    table.finish(seat, chunk);
    table.pass(secs(1));
    let chunk = table.lease(seat);
    assert_eq!((chunk.first, chunk.attempt), (0, 2));
    table.report(seat, chunk, trap());
    assert_eq!(table.state(job), JobState::Failed);
}

#[test]
fn damaged_rows_are_refused_with_what_is_wrong() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    table.submit(Spec {
        chunk: Some(4),
        ..spec(8)
    });
    table.leases(seat);
    let restore = |change: &dyn Fn(&mut Image)| {
        let mut image = table.disk.image();
        change(&mut image);
        Coordinator::restore(table.now, 1, image, &founding()).err()
    };
    assert_eq!(restore(&|_| {}), None);
    let refused = [
        restore(&|image| image.jobs[0].spec = Bytes::from_static(b"\x01garbage")),
        restore(&|image| image.jobs[0].state = Bytes::from_static(b"\x02")),
        restore(&|image| image.jobs[0].state = Bytes::new()),
        restore(&|image| image.leases[0].value = Bytes::from_static(b"\x01")),
        restore(&|image| image.leases[0].first = u32::MAX),
        restore(&|image| image.leases[0].count = 100),
        restore(&|image| image.leases.push(image.leases[0].clone())),
        restore(&|image| image.jobs.clear()),
        restore(&|image| image.jobs.push(image.jobs[0].clone())),
        restore(&|image| image.machines[0].1 = Bytes::from_static(b"\x01\xff")),
    ];
    for (case, refused) in refused.iter().enumerate() {
        let refused = refused
            .as_ref()
            .unwrap_or_else(|| panic!("case {case} was restored"));
        assert!(!refused.to_string().is_empty());
    }
    assert!(matches!(
        refused[1],
        Some(RestoreError::Job { what: "state", .. })
    ));
}
