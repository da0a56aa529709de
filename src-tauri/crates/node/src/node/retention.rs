//! What is kept for how long, over days that a test does not have.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a story expects one reply, and any other is its failure"
)]

use super::{Node, Options};
use crate::clock::wall_ms;
use crate::{Answer, Caller, Folders, Settings};
use api::{ErrorCode, JobState, ModuleRef, Reply, Request, Split, Submit};
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// That results are kept.
const DAYS: i64 = 2;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_for_good_and_nothing_before() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    let module = upload(&node, "(module (func (export \"_start\")))").await;
    let items = upload(&node, "[]").await;
    let job = submit(&node, &module, &items).await;

    let mut tidy = node.inner.tidy();
    tidy.forget_old(wall_ms() + DAYS * DAY_MS - 60_000)
        .await
        .unwrap();
    assert_eq!(state(&node, &job).await, Ok(JobState::Done));

    tidy.forget_old(wall_ms() + DAYS * DAY_MS + 60_000)
        .await
        .unwrap();
    assert_eq!(state(&node, &job).await, Err(ErrorCode::NoSuchJob));
    node.stop(Duration::ZERO).await;

    let node = start(dir.path()).await;
    assert_eq!(state(&node, &job).await, Err(ErrorCode::NoSuchJob));
    node.stop(Duration::ZERO).await;
}

async fn start(dir: &Path) -> Node {
    let folders = Folders {
        data: dir.join("data"),
        cache: dir.join("cache"),
        config: dir.join("config.toml"),
        logs: dir.join("logs"),
        socket: dir.join("socket"),
    };
    folders.make().unwrap();
    let days = ("storage.results_days".to_owned(), DAYS.to_string());
    let settings = Settings::load(&folders.config, [], [days]).unwrap();
    let options = Options {
        folders,
        settings,
        work: false,
        cores: None,
        without_os_wall: false,
        living_only: false,
        listen: None,
    };
    Node::start(options).await.unwrap()
}

/// A job without a task ends as it is accepted.
async fn submit(node: &Node, module: &str, items: &str) -> String {
    let submit = Submit {
        on: Vec::new(),
        client_id: "0".repeat(32),
        module: ModuleRef::Blob {
            blob: module.to_owned(),
        },
        module_name: "nothing.wasm".to_owned(),
        name: None,
        args: Vec::new(),
        env: Default::default(),
        invoke: None,
        params: Default::default(),
        split: Split::Items {
            blob: items.to_owned(),
        },
        stdin: None,
        files: Vec::new(),
        fold: None,
        limits: Default::default(),
        priority: 0,
        timeout_ms: None,
        chunk: None,
        trial: false,
        transient: false,
        collect: false,
    };
    match ask(node, Request::Submit(Box::new(submit)), None)
        .await
        .unwrap()
        .reply
    {
        Reply::Submitted { job, tasks: 0, .. } => job,
        other => panic!("{other:?}"),
    }
}

async fn state(node: &Node, job: &str) -> Result<JobState, ErrorCode> {
    match ask(
        node,
        Request::Job {
            job: job.to_owned(),
        },
        None,
    )
    .await
    {
        Ok(Answer {
            reply: Reply::Job(job),
            ..
        }) => Ok(job.state),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    }
}

async fn upload(node: &Node, text: &str) -> String {
    let (to, upload) = mpsc::channel(1);
    to.send(Bytes::copy_from_slice(text.as_bytes()))
        .await
        .unwrap();
    drop(to);
    match ask(node, Request::Upload { bytes: None }, Some(upload))
        .await
        .unwrap()
        .reply
    {
        Reply::Blob { blob, .. } => blob,
        other => panic!("{other:?}"),
    }
}

async fn ask(
    node: &Node,
    request: Request,
    upload: Option<crate::Upload>,
) -> Result<Answer, api::Error> {
    node.call(request, Caller::InProcess, upload).await
}
