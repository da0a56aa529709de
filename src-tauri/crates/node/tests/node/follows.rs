//! What followers see.

use crate::harness::Pool;
use crate::jobs::range;
use crate::programs;
use api::{Event, JobState, Reply, Request};

#[tokio::test]
async fn who_comes_late_sees_all_of_it() {
    let pool = Pool::new().await;
    let submit = pool.program(&programs::hello()).await;
    let job = pool.submit(submit).await;
    let first = pool.follow(&job).await.end().await.done();
    let second = pool.follow(&job).await.end().await.done();
    assert_eq!(
        (first.stdout, second.stdout),
        (b"hello\n".to_vec(), b"hello\n".to_vec())
    );
}

#[tokio::test]
async fn output_comes_while_the_program_runs() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::flood()).await;
    submit.limits.task_timeout_ms = Some(60_000);
    let job = pool.submit(submit).await;
    let mut followed = pool.follow(&job).await;
    loop {
        if let Some(Event::Output { stream, .. }) = followed.next().await {
            assert_eq!(stream, "stdout");
            break;
        }
    }
    assert_eq!(pool.job(&job).await.state, JobState::Running);
    pool.call(Request::Cancel { job }).await.unwrap();
    assert_eq!(followed.end().await.job.state, JobState::Cancelled);
}

#[tokio::test]
async fn every_result_is_told_once() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = ["5", "{index}"].map(str::to_owned).to_vec();
    submit.split = range("0", "60", "1");
    let job = pool.submit(submit).await;
    let ran = pool.follow(&job).await.end().await.done();
    let mut told: Vec<u32> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Results { first, count } => Some(*first..first + count),
            _ => None,
        })
        .flatten()
        .collect();
    told.sort_unstable();
    let before = told.len();
    told.dedup();
    assert_eq!(before, told.len(), "a result was told twice");
    assert!(
        ran.events
            .iter()
            .any(|event| matches!(event, Event::Progress { tasks, .. } if tasks.done == 60))
    );
}

#[tokio::test]
async fn a_job_that_is_removed_lets_its_followers_go() {
    let pool = Pool::new().await;
    let submit = pool.program(&programs::hello()).await;
    let ran = pool.run(submit).await.done();
    let Reply::Done = pool
        .call(Request::RemoveJob {
            job: ran.job.id.clone(),
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    let gone = pool
        .answer(Request::Follow {
            job: ran.job.id,
            output: false,
        })
        .await
        .unwrap_err();
    assert_eq!(gone.code, api::ErrorCode::NoSuchJob);
}
