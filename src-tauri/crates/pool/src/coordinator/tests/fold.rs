//! Results that become one.

use super::table::{Table, secs, spec, trap};
use crate::coordinator::{Chore, ChoreDone, FoldView, JobState, OWN_NODE, TaskState};
use crate::id::Digest;
use crate::message::ToWorker;
use crate::report::Payload;
use crate::spec::{Fold, Spec};
use serde_bytes::ByteBuf;

fn folding(fold: Fold) -> (Table, crate::coordinator::tests::table::Seat, crate::JobId) {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec { fold, ..spec(3) });
    assert_eq!(table.job(job).fold, FoldView::Waiting);
    table.work(seat, 1_000);
    assert_eq!(
        (table.state(job), table.job(job).fold),
        (JobState::Folding, FoldView::Running)
    );
    (table, seat, job)
}

#[test]
fn the_node_folds_when_all_tasks_are_done() {
    let (mut table, _, job) = folding(Fold::Sum);
    let no = table.job(job).no;
    assert_eq!(
        table.chores.pop_front(),
        Some(Chore::Fold {
            job,
            no,
            fold: Fold::Sum,
            count: 3
        })
    );
    table.restart();
    assert_eq!(
        table.chores.pop_front(),
        Some(Chore::Fold {
            job,
            no,
            fold: Fold::Sum,
            count: 3
        }),
        "given again"
    );
    let result = Ok(Payload::Inline(ByteBuf::from(*b"3")));
    for _ in 0..2 {
        table.chore_done(ChoreDone::Folded {
            job,
            result: result.clone(),
        });
    }
    let view = table.job(job);
    assert_eq!(
        (view.state, view.fold, view.done, view.total),
        (JobState::Done, FoldView::Done, 3, 3)
    );
    let (index, stored) = table.disk.results(no).pop().expect("the fold's result");
    assert_eq!((index, stored.machine), (3, OWN_NODE));
}

#[test]
fn a_fold_that_fails_fails_the_job_and_is_tried_again_by_a_person() {
    let (mut table, _, job) = folding(Fold::Json);
    table.chores.clear();
    table.chore_done(ChoreDone::Folded {
        job,
        result: Err("result 1 is not JSON".to_owned()),
    });
    let view = table.job(job);
    assert_eq!(view.state, JobState::Failed);
    assert_eq!(
        view.fold,
        FoldView::Failed {
            message: "result 1 is not JSON".to_owned()
        }
    );
    assert_eq!(view.done, 3, "the results stay");
    table
        .coordinator
        .retry(table.now, job, crate::RetryChanges::default())
        .expect("it failed");
    table.turn();
    assert_eq!(table.chores.len(), 1, "it folds again");
    table.chore_done(ChoreDone::Folded {
        job,
        result: Ok(Payload::empty()),
    });
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn a_kernel_folds_in_one_more_task_that_is_fenced_like_any_other() {
    let (mut table, seat, job) = folding(Fold::Kernel);
    let input = Digest([9; 32]);
    assert!(matches!(
        table.chores.pop_front(),
        Some(Chore::AssembleFoldInput { count: 3, .. })
    ));
    table.chore_done(ChoreDone::FoldInput {
        job,
        result: Ok(input),
    });
    assert!(table.coordinator.blob_is_referenced(&input));
    let heard = table.heard(seat);
    let [.., ToWorker::Job { fold_input, .. }, ToWorker::Lease(chunk)] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    assert_eq!((*fold_input, chunk.first, chunk.count), (Some(input), 3, 1));
    assert_eq!(table.job(job).running, 0, "it is not counted");
    table.hush(seat);
    table.pass(secs(30));
    assert_eq!(table.task(job, 3).losses, 1);
    let other = table.seat(2, 1);
    let again = table.lease(other);
    assert_eq!((again.first, again.attempt), (3, 2));
    table.finish(seat, *chunk);
    assert_eq!(
        table.state(job),
        JobState::Folding,
        "the first attempt is over"
    );
    table.finish(other, again);
    assert_eq!(
        (table.state(job), table.task(job, 3).state),
        (JobState::Done, TaskState::Done)
    );
    assert!(
        !table.coordinator.blob_is_referenced(&input),
        "its input is not needed any more"
    );
}

#[test]
fn a_kernel_whose_fold_fails_keeps_the_results() {
    let (mut table, seat, job) = folding(Fold::Kernel);
    table.chores.clear();
    let input = Digest([9; 32]);
    table.chore_done(ChoreDone::FoldInput {
        job,
        result: Ok(input),
    });
    let chunk = table.lease(seat);
    table.report(seat, chunk, trap());
    let view = table.job(job);
    assert_eq!(
        (view.state, view.done, view.failed),
        (JobState::Failed, 3, 0)
    );
    assert_eq!(
        view.fold,
        FoldView::Failed {
            message: "unreachable".to_owned()
        }
    );
    table.restart();
    let seat = table.seat(1, 1);
    table
        .coordinator
        .retry(table.now, job, crate::RetryChanges::default())
        .expect("it failed");
    table.turn();
    assert!(matches!(
        table.chores.pop_back(),
        Some(Chore::AssembleFoldInput { .. })
    ));
    table.chore_done(ChoreDone::FoldInput {
        job,
        result: Ok(input),
    });
    let again = table.lease(seat);
    assert_eq!((again.first, again.attempt), (3, 2));
    table.finish(seat, again);
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn nothing_is_folded_when_a_task_failed() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        fold: Fold::Concat,
        ..spec(2)
    });
    let chunk = table.lease(seat);
    table.report(seat, chunk, trap());
    table.work(seat, 1_000);
    assert_eq!(
        (table.state(job), table.job(job).fold),
        (JobState::Failed, FoldView::Waiting)
    );
    assert_eq!(table.chores, []);
}

#[test]
fn a_cancelled_fold_stays_cancelled_when_its_answer_comes() {
    let (mut table, _, job) = folding(Fold::Kernel);
    table.coordinator.cancel(table.now, job).expect("it folds");
    table.turn();
    table.chore_done(ChoreDone::FoldInput {
        job,
        result: Ok(Digest([9; 32])),
    });
    let view = table.job(job);
    assert_eq!(
        (view.state, view.done, view.cancelled),
        (JobState::Cancelled, 3, 0)
    );
}
