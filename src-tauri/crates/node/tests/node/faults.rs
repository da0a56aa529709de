//! Damage, a second node, a stranger, and reading without a node.

use crate::harness::{PATIENCE, Pool, folders, options, start};
use crate::jobs::range;
use crate::programs;
use api::{BytesOf, ErrorCode, JobState, Reply, Request, Split};
use node::{Caller, Node, Offline, Options};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[tokio::test]
async fn two_nodes_never_share_a_folder() {
    let pool = Pool::new().await;
    let error = start(pool.dir.path(), &[]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::DataInUse);
    assert!(
        error.message.contains(&std::process::id().to_string()),
        "{error}"
    );
    pool.node.stop(Duration::ZERO).await;
    start(pool.dir.path(), &[]).await.unwrap();
}

#[tokio::test]
async fn a_stranger_is_not_let_in() {
    let pool = Pool::new().await;
    let own = rustix::process::getuid().as_raw();
    let error = pool
        .node
        .call(
            Request::Status,
            Caller::Local {
                uid: own + 1,
                pid: None,
            },
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed);
    pool.node
        .call(
            Request::Status,
            Caller::Local {
                uid: own,
                pid: None,
            },
            None,
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn damaged_bytes_are_never_given_out() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::echo()).await;
    submit.stdin = Some(pool.upload("x".repeat(50_000)).await);
    let ran = pool.run(submit).await.done();
    for blob in files(&pool.dir.path().join("data/blobs")) {
        let mut bytes = std::fs::read(&blob).unwrap();
        if bytes.len() == 50_000 {
            bytes[25_000] ^= 1;
            std::fs::write(&blob, bytes).unwrap();
        }
    }
    let error = pool
        .read(&ran.job.id, 0, BytesOf::Result)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BlobCorrupt);
}

#[tokio::test]
async fn what_is_there_can_be_read_without_a_node() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::echo()).await;
    submit.split = Split::Lines {
        blob: pool.upload("a\nb\nc").await,
        per_task: 1,
    };
    let ran = pool.run(submit).await.done();
    pool.node.stop(Duration::ZERO).await;
    let offline = Offline::open(&folders(pool.dir.path())).await.unwrap();
    let Reply::Job(job) = offline
        .call(Request::Job {
            job: "last".to_owned(),
        })
        .await
        .unwrap()
        .reply
    else {
        panic!()
    };
    assert_eq!((job.state, &job.id), (JobState::Done, &ran.job.id));
    let request = Request::Results {
        job: ran.job.id.clone(),
        from: 1,
        limit: 10,
    };
    let Reply::Results { results, .. } = offline.call(request).await.unwrap().reply else {
        panic!()
    };
    assert_eq!(results[1].text.as_deref(), Some("c"));
    let error = offline
        .call(Request::Cancel { job: ran.job.id })
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NoNode);
}

#[tokio::test]
async fn a_node_that_was_stopped_leaves_nothing_running_or_half_written() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = ["600000", "0"].map(str::to_owned).to_vec();
    let job = pool.submit(submit).await;
    while pool.job(&job).await.state != JobState::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    pool.node.stop(Duration::from_millis(100)).await;
    let temporary = files(&pool.dir.path().join("data/blobs/tmp"));
    assert_eq!(temporary, [] as [PathBuf; 0]);
    // It was given back, not charged: its first attempt ended with nobody's fault.
    let again = start(pool.dir.path(), &[]).await.unwrap();
    let pool = Pool {
        node: again,
        dir: pool.dir,
    };
    let Reply::Task(task) = pool.call(Request::Task { job, index: 0 }).await.unwrap() else {
        panic!()
    };
    assert_eq!((task.failures, task.losses), (0, 0));
    pool.node.stop(Duration::ZERO).await;
}

/// The node of `skep run`: what nobody follows waits for another one, and says so.
#[tokio::test]
async fn a_node_that_lives_for_its_client_runs_only_what_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let living = Options {
        living_only: true,
        ..options(dir.path(), &[])
    };
    let pool = Pool {
        node: Node::start(living.clone()).await.unwrap(),
        dir,
    };
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = ["100", "{index}"].map(str::to_owned).to_vec();
    submit.split = range("0", "20", "1");
    let left = pool.submit(submit).await;
    drop(pool.follow(&left).await);
    let hello = pool.program(&programs::hello()).await;
    assert_eq!(pool.run(hello).await.done().stdout, b"hello\n");
    while pool.job(&left).await.state != JobState::Queued {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let waits = |job: api::JobView| {
        assert_eq!(job.state, JobState::Queued, "{job:?}");
        let reason = job.reason.expect("a reason");
        assert!(reason.text.contains("skep coordinator start"), "{reason:?}");
    };
    waits(pool.job(&left).await);
    pool.node.stop(Duration::ZERO).await;
    let offline = Offline::open(&folders(pool.dir.path())).await.unwrap();
    let Reply::Job(job) = offline
        .call(Request::Job { job: left.clone() })
        .await
        .unwrap()
        .reply
    else {
        panic!()
    };
    waits(*job);
    let pool = Pool {
        node: Node::start(living).await.unwrap(),
        dir: pool.dir,
    };
    waits(pool.job(&left).await);
    let pool = pool.restart().await;
    pool.follow(&left).await.end().await.done();
}

#[tokio::test]
async fn a_machine_whose_owner_says_so_does_not_work_and_says_why() {
    let pool = Pool::new().await;
    pool.call(Request::Contribute { on: false }).await.unwrap();
    let submit = pool.program(&programs::hello()).await;
    let job = pool.submit(submit).await;
    let reason = pool.job(&job).await.reason.expect("a reason");
    assert!(reason.text.ends_with("Contribute is off"), "{reason:?}");
    let Reply::Contribution(contribution) =
        pool.call(Request::Contribute { on: true }).await.unwrap()
    else {
        panic!()
    };
    assert!(contribution.on);
    pool.follow(&job).await.end().await.done();
}

#[tokio::test]
async fn a_job_that_is_removed_takes_its_blobs_with_it() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::echo()).await;
    submit.stdin = Some(pool.upload("y".repeat(70_000)).await);
    let ran = pool.run(submit).await.done();
    let blobs = pool.dir.path().join("data/blobs");
    // Input and output are the same bytes, so they are one blob.
    let large = || {
        files(&blobs)
            .into_iter()
            .filter(|path| path.metadata().is_ok_and(|meta| meta.len() == 70_000))
    };
    assert_eq!(large().count(), 1);
    let other = pool.program(&programs::hello()).await;
    let other = pool.run(other).await.done();
    pool.call(Request::RemoveJob { job: ran.job.id })
        .await
        .unwrap();
    let gone = async {
        while large().count() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("the blobs are gone");
    pool.call(Request::RemoveJob { job: other.job.id })
        .await
        .unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
