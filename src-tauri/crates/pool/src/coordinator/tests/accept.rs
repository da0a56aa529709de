//! What is accepted, and what is not.

use super::table::{Table, spec, submit};
use crate::coordinator::{JobState, ReasonCode, SubmitError};
use crate::id::Digest;
use crate::limits::TASKS_PER_JOB_MAX;
use crate::message::ToWorker;
use crate::record::Record;
use crate::spec::{On, Spec};

#[test]
fn a_lone_task_is_accepted_and_leased_in_one_commit() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let submitted = table
        .coordinator
        .submit(table.now, submit(1, spec(1)))
        .expect("accepted");
    let records: Vec<Record> = core::iter::from_fn(|| table.coordinator.poll_record()).collect();
    assert!(records.iter().any(
        |record| matches!(record, Record::Job { id, spec: Some(_), .. } if *id == submitted.job)
    ));
    assert!(records.iter().any(|record| matches!(
        record,
        Record::Lease {
            first: 0,
            count: 1,
            ..
        }
    )));
    table.disk.commit(records);
    table.turn();
    let heard = table.heard(seat);
    let [
        ToWorker::Welcome { .. },
        ToWorker::Job { job, .. },
        ToWorker::Lease(chunk),
    ] = heard.as_slice()
    else {
        panic!("{heard:?}")
    };
    assert_eq!(
        (*job, chunk.job, chunk.attempt),
        (submitted.job, submitted.job, 1)
    );
    table.finish(seat, *chunk);
    assert_eq!(table.state(submitted.job), JobState::Done);
    let heard = table.heard(seat);
    assert_eq!(
        heard,
        [
            ToWorker::Accepted(*chunk),
            ToWorker::Forget { job: submitted.job }
        ]
    );
}

#[test]
fn the_same_id_twice_is_one_job_also_after_a_restart() {
    let mut table = Table::new();
    let first = table
        .coordinator
        .submit(table.now, submit(1, spec(3)))
        .expect("accepted");
    table.turn();
    for _ in 0..2 {
        let again = table
            .coordinator
            .submit(table.now, submit(1, spec(3)))
            .expect("the same job");
        assert_eq!((again.job, again.existed), (first.job, true));
        let other = crate::Submit {
            spec_digest: Digest([2; 32]),
            ..submit(1, spec(4))
        };
        assert_eq!(
            table.coordinator.submit(table.now, other),
            Err(SubmitError::Conflict { job: first.job })
        );
        table.turn();
        assert_eq!(table.coordinator.jobs().count(), 1);
        table.restart();
    }
}

#[test]
fn what_is_over_a_limit_changes_nothing() {
    let mut table = Table::new();
    table.coordinator.limit_queued_tasks(10);
    table.submit(spec(6));
    let refused = |table: &mut Table, spec| {
        let refused = table
            .coordinator
            .submit(table.now, submit(99, spec))
            .expect_err("over a limit");
        table.turn();
        assert_eq!(table.coordinator.jobs().count(), 1, "{refused}");
        assert_eq!(table.disk.blobs.values().sum::<u64>(), 1, "{refused}");
        refused
    };
    assert_eq!(
        refused(&mut table, spec(5)),
        SubmitError::QueueFull { queued: 6, max: 10 }
    );
    let many = TASKS_PER_JOB_MAX + 1;
    assert_eq!(
        refused(&mut table, spec(many)),
        SubmitError::TooManyTasks { tasks: many }
    );
    assert_eq!(
        refused(
            &mut table,
            Spec {
                priority: 11,
                ..spec(1)
            }
        ),
        SubmitError::Priority { priority: 11 }
    );
    let long = Spec {
        name: "x".repeat(201),
        ..spec(1)
    };
    assert_eq!(
        refused(&mut table, long),
        SubmitError::TooLarge {
            what: "name",
            max: 200
        }
    );
    let label = |label: String| On::Label(label);
    for (on, what, max) in [
        (vec![label("gpu".to_owned()); 65], "list of machines", 64),
        (vec![label("x".repeat(33))], "longest label", 32),
    ] {
        let asking = Spec { on, ..spec(1) };
        let too_large = SubmitError::TooLarge { what, max };
        assert_eq!(refused(&mut table, asking), too_large);
    }
}

#[test]
fn a_job_of_no_tasks_is_done_at_once() {
    let mut table = Table::new();
    let job = table.submit(spec(0));
    assert_eq!(table.state(job), JobState::Done);
    assert_eq!(table.coordinator.explain(job, None).code, ReasonCode::Done);
}

#[test]
fn jobs_are_found_by_what_people_type() {
    let mut table = Table::new();
    let older = table.submit(spec(1));
    let newest = table.submit(spec(1));
    assert_eq!(table.coordinator.last(), Some(newest));
    let name = older.to_string();
    assert_eq!(table.coordinator.find(&name), [older]);
    assert_eq!(table.coordinator.find(&name[2..]), [older]);
    assert_eq!(table.coordinator.find(&name[2..8].to_uppercase()), [older]);
    assert_eq!(table.coordinator.find("j_").len(), 2);
    assert_eq!(table.coordinator.find("0"), []);
    let listed: Vec<_> = table.coordinator.jobs().map(|job| job.id).collect();
    assert_eq!(listed, [newest, older]);
}
