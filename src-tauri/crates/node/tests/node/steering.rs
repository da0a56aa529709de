//! What a person has a machine of the pool do, in a pool of one.

use crate::harness::Pool;
use crate::programs;
use api::{ErrorCode, JobState, MachineState, MachineView, Reply, Request, Steer};
use std::time::Duration;

/// The machine of a pool of one, once its worker has come.
async fn machine(pool: &Pool) -> MachineView {
    until(pool, |_| true).await
}

async fn steer(pool: &Pool, machine: &str, steer: Steer) -> Result<(), api::Error> {
    let request = Request::SteerMachine {
        machine: machine.to_owned(),
        steer,
    };
    match pool.call(request).await? {
        Reply::Done => Ok(()),
        other => panic!("{other:?}"),
    }
}

/// Waits until the pool's machine is like that.
async fn until(pool: &Pool, like: impl Fn(&MachineView) -> bool) -> MachineView {
    loop {
        if let Reply::Machines { machines } = pool.call(Request::Machines).await.unwrap()
            && let [machine] = machines.as_slice()
            && like(machine)
        {
            return machine.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn submit(pool: &Pool, on: &[&str]) -> Result<String, api::Error> {
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = vec!["1".to_owned(), "0".to_owned()];
    submit.on = on.iter().map(|word| (*word).to_owned()).collect();
    match pool.call(Request::Submit(Box::new(submit))).await? {
        Reply::Submitted { job, .. } => Ok(job),
        other => panic!("{other:?}"),
    }
}

async fn ends(pool: &Pool, job: &str) {
    pool.follow(job).await.end().await;
    assert_eq!(pool.job(job).await.state, JobState::Done);
}

#[tokio::test]
async fn a_machine_that_is_paused_or_drained_does_nothing_until_it_is_resumed() {
    let pool = Pool::new().await;
    let own = machine(&pool).await.id;
    let orders = [
        (Steer::Pause { ms: None }, MachineState::Paused),
        (Steer::Drain, MachineState::Draining),
    ];
    for (order, state) in orders {
        steer(&pool, &own, order).await.unwrap();
        let stopped = until(&pool, |machine| machine.state == state).await;
        assert!(
            stopped.reason.ends_with("until somebody resumes it"),
            "{}",
            stopped.reason
        );
        let job = submit(&pool, &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let waits = pool.job(&job).await;
        assert_eq!((waits.state, waits.tasks.queued), (JobState::Queued, 1));
        steer(&pool, &own, Steer::Resume).await.unwrap();
        ends(&pool, &job).await;
    }
}

#[tokio::test]
async fn a_pause_for_a_while_ends_by_itself_and_survives_a_restart() {
    let pool = Pool::new().await;
    let own = machine(&pool).await.id;
    steer(&pool, &own, Steer::Pause { ms: Some(3_000) })
        .await
        .unwrap();
    let pool = pool.restart().await;
    until(&pool, |machine| machine.state == MachineState::Paused).await;
    let job = submit(&pool, &[]).await.unwrap();
    ends(&pool, &job).await;
    for ms in [0, u64::MAX] {
        let error = steer(&pool, &own, Steer::Pause { ms: Some(ms) })
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::Usage, "{ms}");
    }
}

#[tokio::test]
async fn a_machine_is_called_as_its_pool_calls_it_and_forgets_that_when_it_is_removed() {
    let pool = Pool::new().await;
    let first = machine(&pool).await;
    let rename = |name: &str| Steer::Rename {
        name: Some(name.to_owned()),
    };
    steer(&pool, &first.id, rename("studio-pc")).await.unwrap();
    let renamed = machine(&pool).await;
    assert_eq!(
        (renamed.id.as_str(), renamed.name.as_str()),
        (first.id.as_str(), "studio-pc")
    );
    let error = steer(&pool, "studio-pc", rename("\n")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
    let labels = vec!["No label".to_owned()];
    let error = steer(&pool, "studio-pc", Steer::Label { labels })
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
    let error = steer(&pool, "nobody", Steer::Drain).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NoSuchMachine);
    assert_eq!(error.hint.as_deref(), Some("skep machine ls lists them"));
    // It is a device of the pool, so it comes back, and nothing is remembered of it.
    steer(&pool, "studio-pc", Steer::Remove).await.unwrap();
    let back = until(&pool, |machine| machine.state == MachineState::Ready).await;
    assert_eq!((back.id, back.name), (first.id, first.name));
    let job = submit(&pool, &[]).await.unwrap();
    ends(&pool, &job).await;
}

#[tokio::test]
async fn a_job_runs_on_the_machines_that_it_asks_for() {
    let pool = Pool::new().await;
    let own = machine(&pool).await;
    let error = submit(&pool, &[&own.name, "gpu"]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NoSuchMachine);
    assert!(error.message.contains("\"gpu\""), "{error:?}");
    assert_eq!(error.hint.as_deref(), Some("skep machine ls lists them"));
    let labels = vec!["gpu".to_owned()];
    steer(&pool, &own.name, Steer::Label { labels })
        .await
        .unwrap();
    let beginning = &own.id[.."m_".len() + 6];
    for word in [own.name.as_str(), &own.id, beginning, "gpu"] {
        let job = submit(&pool, &[word]).await.unwrap();
        ends(&pool, &job).await;
    }
    let job = submit(&pool, &["gpu"]).await.unwrap();
    let command = pool.job(&job).await.command;
    assert!(command.contains("--on gpu"), "{command}");
    ends(&pool, &job).await;
    // A label that no machine has any more is an unknown word.
    steer(&pool, &own.name, Steer::Label { labels: Vec::new() })
        .await
        .unwrap();
    let error = submit(&pool, &["gpu"]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NoSuchMachine);
}
