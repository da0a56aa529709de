//! Two nodes of two folders, over the wire on loopback.

use crate::harness::{PATIENCE, Pool, folders, options};
use crate::jobs::range;
use crate::programs;
use api::{
    CodeView, ErrorCode, Event, JobState, MachineState, MachineView, OthersRole, Ownership, Reply,
    Request, Steer,
};
use node::joining::{self, Step, Unfinished};
use node::{Node, Options, Place, Then};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// Writes 128 KiB of zeros.
const LARGE: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $left i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 65536))
    (local.set $left (i32.const 2))
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))"#;

/// A coordinator that listens on loopback.
fn coordinates(dir: &Path, work: bool) -> Options {
    Options {
        work,
        listen: Some(Place {
            ip: Some(Ipv4Addr::LOCALHOST.into()),
            port: 0,
            strict: true,
        }),
        ..options(dir, &[("node.name", "studio-pc")])
    }
}

fn works(dir: &Path) -> Options {
    options(dir, &[("node.name", "laptop")])
}

async fn coordinator(work: bool) -> Pool {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(coordinates(dir.path(), work)).await.unwrap();
    Pool { node, dir }
}

async fn code(pool: &Pool) -> CodeView {
    match pool.call(Request::OpenCode).await.unwrap() {
        Reply::Code(code) => *code,
        other => panic!("{other:?}"),
    }
}

/// Lets the first one in that asks.
async fn approve(pool: &Pool, ownership: Ownership) {
    let asks = async {
        loop {
            let Reply::Devices { joins, .. } = pool.call(Request::Devices).await.unwrap() else {
                panic!()
            };
            match joins.into_iter().next() {
                Some(join) => return join,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let join = timeout(PATIENCE, asks).await.expect("somebody asks");
    assert_eq!(join.name, "laptop");
    let device = join.id;
    let approve = Request::Approve { device, ownership };
    assert_eq!(pool.call(approve).await, Ok(Reply::Done));
}

/// Joins the pool by a code.
async fn join(pool: &Pool, dir: &Path, ownership: Ownership) {
    let code = code(pool).await;
    let settings = works(dir).settings;
    let mut steps = Vec::new();
    let folders = folders(dir);
    let joining = joining::join(
        &folders,
        &settings,
        &code.code,
        Some(&code.addresses[0]),
        Unfinished::Refuse,
        |step| steps.push(step),
    );
    // One that fails is said at once.
    let joining = async { Ok::<_, ()>(joining.await.unwrap()) };
    let approving = async {
        approve(pool, ownership).await;
        Ok(())
    };
    let both = timeout(PATIENCE, async { tokio::try_join!(joining, approving) });
    let (joined, ()) = both.await.unwrap().unwrap();
    assert!(!joined.coordinates);
    assert!(
        matches!(&steps[..], [Step::Reaching { .. }, Step::Waiting { .. }]),
        "{steps:?}"
    );
}

async fn member(pool: &Pool, ownership: Ownership) -> Pool {
    let dir = tempfile::tempdir().unwrap();
    join(pool, dir.path(), ownership).await;
    started(dir).await
}

async fn started(dir: TempDir) -> Pool {
    let node = Node::start(works(dir.path())).await.unwrap();
    Pool { node, dir }
}

async fn machines(pool: &Pool) -> Vec<MachineView> {
    match pool.call(Request::Machines).await.unwrap() {
        Reply::Machines { machines } => machines,
        other => panic!("{other:?}"),
    }
}

/// Waits until a machine of this name is there and may work.
async fn ready(pool: &Pool, name: &str) -> MachineView {
    let looks = async {
        loop {
            let found = machines(pool).await.into_iter().find(|machine| {
                machine.name == name && machine.state != api::MachineState::Offline
            });
            match found {
                Some(machine) => return machine,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, looks).await.expect("the machine comes")
}

#[tokio::test]
async fn a_machine_joins_by_a_code_and_runs_what_the_coordinator_is_sent() {
    let pool = coordinator(false).await;
    let laptop = member(&pool, Ownership::Mine).await;
    ready(&pool, "laptop").await;
    // A result of more bytes than travel inline goes as a blob.
    let mut submit = pool.program(LARGE).await;
    submit.split = range("0", "40", "1");
    let ran = pool.run(submit).await.done();
    assert_eq!(ran.job.state, JobState::Done);
    assert_eq!(ran.job.machines, ["laptop"]);
    let (results, _) = pool.results(&ran.job.id).await;
    assert_eq!(results.len(), 40);
    assert!(
        results.iter().all(|entry| entry.bytes > 100_000),
        "{results:?}"
    );
    let bytes = pool
        .read(&ran.job.id, 39, api::BytesOf::Result)
        .await
        .unwrap();
    assert_eq!(bytes.len() as u64, results[39].bytes);
    laptop.node.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn whoever_belongs_to_the_pool_sends_jobs_from_their_own_machine() {
    let pool = coordinator(true).await;
    let laptop = member(&pool, Ownership::Mine).await;
    ready(&laptop, "laptop").await;
    ready(&laptop, "studio-pc").await;
    let mut submit = laptop.program(&programs::arguments()).await;
    submit.split = range("0", "60", "1");
    submit.args = vec!["{index}".to_owned()];
    let job = laptop.submit(submit).await;
    let ran = laptop.follow(&job).await.end().await.done();
    assert_eq!(ran.job.state, JobState::Done);
    let texts = laptop.texts(&job).await;
    assert_eq!(texts.len(), 60);
    assert_eq!(pool.texts(&job).await, texts, "there it is the same job");
    // What the window of either shows: the pool's machines, and what the own
    // one contributes.
    let Reply::Status(here) = laptop.call(Request::Status).await.unwrap() else {
        panic!()
    };
    let Reply::Status(there) = pool.call(Request::Status).await.unwrap() else {
        panic!()
    };
    let names = |status: &api::Status| -> Vec<String> {
        let machines = status.machines.iter();
        machines.map(|machine| machine.name.clone()).collect()
    };
    assert_eq!(names(&here), names(&there));
    assert_ne!(here.data_folder, there.data_folder);
    let watch = laptop.answer(Request::Watch { job: None }).await.unwrap();
    let Then::Events(mut events, _last) = watch.then else {
        panic!()
    };
    let mut told = (0, false);
    while told.0 < 2 || !told.1 {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        let Event::Changed(changes) = event else {
            panic!("{event:?}")
        };
        told.0 += changes.machines.len();
        told.1 |= changes.contribution.is_some();
        if let Some(status) = changes.status {
            assert_eq!(status.data_folder, here.data_folder);
        }
    }
    laptop.node.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_code_lets_in_one_device_and_a_wrong_one_none() {
    let pool = coordinator(false).await;
    let code = code(&pool).await;
    let dir = tempfile::tempdir().unwrap();
    let settings = works(dir.path()).settings;
    let ask = async |by: String| {
        let folders = folders(dir.path());
        let at = Some(code.addresses[0].as_str());
        joining::join(&folders, &settings, &by, at, Unfinished::Refuse, |_| ()).await
    };
    let wrong = if code.code.starts_with('0') { "1" } else { "0" };
    let refused = ask(format!("{wrong}{}", &code.code[1..]))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::CodeInvalid, "{refused:?}");
    assert!(refused.hint.is_some());
    let refused = ask("no code".to_owned()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::CodeInvalid, "{refused:?}");
    let (joined, ()) = tokio::join!(ask(code.code.clone()), approve(&pool, Ownership::Mine));
    joined.unwrap();
    // Another computer with the same code.
    let other = tempfile::tempdir().unwrap();
    let settings = works(other.path()).settings;
    let folders = folders(other.path());
    let at = Some(code.addresses[0].as_str());
    let late = joining::join(
        &folders,
        &settings,
        &code.code,
        at,
        Unfinished::Refuse,
        |_| (),
    )
    .await;
    let late = late.unwrap_err();
    assert!(
        matches!(late.code, ErrorCode::CodeInvalid | ErrorCode::Unreachable),
        "{late:?}"
    );
}

#[tokio::test]
async fn whoever_waits_is_answered_though_the_code_is_closed_meanwhile() {
    let pool = coordinator(false).await;
    let code = code(&pool).await;
    let dir = tempfile::tempdir().unwrap();
    let (folders, settings) = (folders(dir.path()), works(dir.path()).settings);
    let (says, mut said) = tokio::sync::mpsc::unbounded_channel();
    let says = |step| drop(says.send(step));
    let at = Some(code.addresses[0].as_str());
    let joining = joining::join(
        &folders,
        &settings,
        &code.code,
        at,
        Unfinished::Refuse,
        says,
    );
    // One that fails is said at once.
    let joining = async { Ok::<_, ()>(joining.await.unwrap()) };
    let deciding = async {
        while !matches!(said.recv().await, Some(Step::Waiting { .. })) {}
        assert_eq!(pool.call(Request::CloseCode).await, Ok(Reply::Done));
        // Long enough for a desk that closed with the code.
        tokio::time::sleep(Duration::from_millis(500)).await;
        approve(&pool, Ownership::Mine).await;
        Ok(())
    };
    let both = timeout(PATIENCE, async { tokio::try_join!(joining, deciding) });
    let (joined, ()) = both.await.unwrap().unwrap();
    assert!(joined.roles.admin);
}

#[tokio::test]
async fn a_worker_of_somebody_else_may_send_nothing_and_steer_nothing() {
    let pool = coordinator(true).await;
    let ownership = Ownership::Someone {
        person: "Ada".to_owned(),
        role: OthersRole::Work,
    };
    let laptop = member(&pool, ownership).await;
    ready(&pool, "laptop").await;
    for request in [
        Request::OpenCode,
        Request::Devices,
        Request::Jobs {
            cursor: None,
            limit: 10,
        },
        Request::Upload { bytes: Some(1) },
    ] {
        let refused = timeout(PATIENCE, async {
            loop {
                match laptop.call(request.clone()).await {
                    // It is about to be reached.
                    Err(error) if error.code == ErrorCode::Unreachable => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    other => return other,
                }
            }
        });
        let refused = refused.await.unwrap().unwrap_err();
        assert_eq!(
            refused.code,
            ErrorCode::NotAllowed,
            "{request:?}: {refused:?}"
        );
    }
    laptop.node.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_and_stays_out() {
    let pool = coordinator(false).await;
    let laptop = member(&pool, Ownership::Mine).await;
    ready(&pool, "laptop").await;
    let revoke = Request::Revoke {
        device: "laptop".to_owned(),
    };
    assert_eq!(pool.call(revoke).await, Ok(Reply::Done));
    let out = async {
        loop {
            match laptop.call(Request::Machines).await {
                Err(error) if error.code == ErrorCode::Unreachable => return error,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, out).await.expect("it is out");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let still = laptop.call(Request::Machines).await.unwrap_err();
    assert_eq!(still.code, ErrorCode::Unreachable, "{still:?}");
    laptop.node.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_a_stopped_coordinator_left_is_finished_by_the_same_machine() {
    let pool = coordinator(false).await;
    let Reply::Pool(view) = pool.call(Request::Pool).await.unwrap() else {
        panic!()
    };
    let port = view.addresses[0]
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let laptop = member(&pool, Ownership::Mine).await;
    ready(&pool, "laptop").await;
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = vec!["200".to_owned(), "{index}".to_owned()];
    submit.split = range("0", "30", "1");
    submit.chunk = Some(1);
    let job = pool.submit(submit).await;
    while pool.job(&job).await.tasks.done < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let Pool { node, dir } = pool;
    node.stop(Duration::ZERO).await;
    let mut again = coordinates(dir.path(), false);
    again.listen = Some(Place {
        ip: Some(Ipv4Addr::LOCALHOST.into()),
        port,
        strict: true,
    });
    let node = Node::start(again).await.unwrap();
    let pool = Pool { node, dir };
    let ran = timeout(PATIENCE, async {
        pool.follow(&job).await.end().await.done()
    })
    .await
    .unwrap();
    assert_eq!(ran.job.state, JobState::Done);
    assert_eq!((ran.job.tasks.done, ran.job.tasks.failed), (30, 0));
    laptop.node.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_machine_says_how_it_is_and_is_steered_and_chosen_from_the_coordinator() {
    let pool = coordinator(false).await;
    let laptop = member(&pool, Ownership::Mine).await;
    ready(&pool, "laptop").await;
    let machine = || async {
        let machine = "laptop".to_owned();
        match pool.call(Request::Machine { machine }).await.unwrap() {
            Reply::Machine(machine) => *machine,
            other => panic!("{other:?}"),
        }
    };
    let told = timeout(PATIENCE, async {
        while machine().await.memory.total == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    told.await.expect("its health in time");
    let says = machine().await;
    assert!(!says.core_loads.is_empty() && says.memory.used <= says.memory.total);
    let steer = |steer| Request::SteerMachine {
        machine: "laptop".to_owned(),
        steer,
    };
    let labels = vec!["lap".to_owned()];
    pool.call(steer(Steer::Label { labels })).await.unwrap();
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = vec!["1".to_owned(), "0".to_owned()];
    submit.on = vec!["lap".to_owned()];
    let job = pool.submit(submit).await;
    pool.follow(&job).await.end().await;
    let view = pool.job(&job).await;
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.machines, ["laptop"]);
    // It belongs to whoever coordinates, so that is said from any of theirs.
    laptop.call(steer(Steer::Pause { ms: None })).await.unwrap();
    assert_eq!(machine().await.state, MachineState::Paused);
    pool.call(steer(Steer::Resume)).await.unwrap();
    ready(&pool, "laptop").await;
    laptop.node.stop(Duration::from_secs(1)).await;
}
