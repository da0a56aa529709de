//! Damage, a second node, a stranger, and reading without a node.

use crate::harness::{Pool, start};
use crate::programs;
use api::{BytesOf, ErrorCode, JobState, Reply, Request, Split};
use node::{Caller, Folders, Offline};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[tokio::test]
async fn two_nodes_never_share_a_folder() {
    let pool = Pool::new().await;
    let error = start(pool.dir.path(), &[]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::DataInUse);
    assert!(error.message.contains(&std::process::id().to_string()), "{error}");
    pool.node.stop(Duration::ZERO).await;
    start(pool.dir.path(), &[]).await.unwrap();
}

#[tokio::test]
async fn a_stranger_is_not_let_in() {
    let pool = Pool::new().await;
    let own = rustix::process::getuid().as_raw();
    let error = pool.node.call(Request::Status, Caller::Local { uid: own + 1, pid: None }, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed);
    pool.node.call(Request::Status, Caller::Local { uid: own, pid: None }, None).await.unwrap();
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
    let error = pool.read(&ran.job.id, 0, BytesOf::Result).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BlobCorrupt);
}

#[tokio::test]
async fn what_is_there_can_be_read_without_a_node() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::echo()).await;
    submit.split = Split::Lines { blob: pool.upload("a\nb\nc").await };
    let ran = pool.run(submit).await.done();
    pool.node.stop(Duration::ZERO).await;
    let data = pool.dir.path().join("data");
    let folders = Folders {
        cache: data.clone(),
        config: data.join("config.toml"),
        logs: data.clone(),
        socket: data.join("s"),
        data,
    };
    let offline = Offline::open(&folders).await.unwrap();
    let Reply::Job(job) = offline.call(Request::Job { job: "last".to_owned() }).await.unwrap().reply else { panic!() };
    assert_eq!((job.state, &job.id), (JobState::Done, &ran.job.id));
    let request = Request::Results { job: ran.job.id.clone(), from: 1, limit: 10 };
    let Reply::Results { results, .. } = offline.call(request).await.unwrap().reply else { panic!() };
    assert_eq!(results[1].text.as_deref(), Some("c"));
    let error = offline.call(Request::Cancel { job: ran.job.id }).await.unwrap_err();
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
    let pool = Pool { node: again, dir: pool.dir };
    let Reply::Task(task) = pool.call(Request::Task { job, index: 0 }).await.unwrap() else { panic!() };
    assert_eq!((task.failures, task.losses), (0, 0));
    pool.node.stop(Duration::ZERO).await;
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
