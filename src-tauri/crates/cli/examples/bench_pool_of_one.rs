//! What a pool on one machine does, end to end through the real binaries:
//! `cargo xtask bench pool_of_one`.
//!
//! Accepting and results are durable at both ends; the node, its executors and
//! this client share the machine's cores. Prints one JSON object a line.

mod release;
#[path = "../../executor/examples/shared/mod.rs"]
mod shared;

use api::{Limits, ModuleRef, Reply, Request, Split, Submit};
use bytes::Bytes;
use node::Then;
use node::door::Client;
use release::start;
use shared::{HELLO, NOTHING, SQUARE, report};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure());
}

async fn measure() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = start(&data, &[]);
    let client = Client::connect(&data.join("control.sock")).await.unwrap();
    let nothing = upload(&client, NOTHING).await;
    let square = upload(&client, SQUARE).await;

    // Warm: compiled, executors spawned.
    run(&client, submit(&nothing, range(1000), None)).await;

    let mut lone = Vec::new();
    for _ in 0..500 {
        let begun = Instant::now();
        run(&client, submit(&nothing, Split::Once, None)).await;
        lone.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    lone.sort_by(f64::total_cmp);
    let p99 = lone[lone.len() * 99 / 100];
    report(
        "one no-op program, submit to result, p50",
        "ms",
        lone,
        Some(1.2),
        &format!("durable at both ends; p99 {p99:.2} ms"),
    );

    let (mut rate, mut cost) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let before = cpu_seconds(node.pid());
        let begun = Instant::now();
        run(&client, submit(&nothing, range(100_000), None)).await;
        rate.push(100_000.0 / begun.elapsed().as_secs_f64());
        cost.push((cpu_seconds(node.pid()) - before) * 1e6 / 100_000.0);
    }
    report(
        "no-op programs, jobs of 100,000",
        "tasks/s",
        rate,
        Some(40_000.0),
        "fresh instance each, records durable",
    );
    report(
        "the node's processor time for one of them",
        "µs",
        cost,
        Some(10.0),
        "coordinator, worker, store and door; executors not counted",
    );

    let hello = upload(&client, HELLO).await;
    run(&client, submit(&hello, range(1000), None)).await;
    let mut rate = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        run(&client, submit(&hello, range(100_000), None)).await;
        rate.push(100_000.0 / begun.elapsed().as_secs_f64());
    }
    report(
        "WASI programs that print a line, jobs of 100,000",
        "tasks/s",
        rate,
        None,
        "fresh instance each, every line durable",
    );

    let mut rate = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        run(&client, submit(&square, range(4_000_000), Some("square"))).await;
        rate.push(4_000_000.0 / begun.elapsed().as_secs_f64());
    }
    report(
        "function calls over a range of 4,000,000",
        "calls/s",
        rate,
        Some(1_000_000.0),
        "every result durable",
    );
    drop(client);
    drop(node);

    idle(&dir.path().join("idle"));
    queued(&dir.path().join("queued")).await;
}

/// A node that has nothing to do.
fn idle(data: &Path) {
    let node = start(data, &[]);
    std::thread::sleep(Duration::from_secs(5));
    let before = cpu_seconds(node.pid());
    std::thread::sleep(Duration::from_secs(30));
    let share = (cpu_seconds(node.pid()) - before) / 30.0 * 100.0;
    report(
        "an idle node's memory",
        "MB",
        vec![resident_mb(node.pid())],
        Some(40.0),
        "resident, after 35 s",
    );
    report(
        "an idle node's share of a core",
        "%",
        vec![share],
        Some(0.5),
        "over 30 s; the clock ticks in 10 ms",
    );
}

/// Many tasks that wait, and a restart with them.
async fn queued(data: &Path) {
    let node = start(data, &["--no-work"]);
    let client = Client::connect(&data.join("control.sock")).await.unwrap();
    let nothing = upload(&client, NOTHING).await;
    let before = resident_mb(node.pid());
    // A thousand jobs of a hundred tasks: the costly form.
    for _ in 0..1000 {
        accept(&client, submit(&nothing, range(100), None)).await;
    }
    let grown = resident_mb(node.pid()) - before;
    report(
        "100,000 queued tasks in 1,000 jobs: memory",
        "MB",
        vec![grown],
        Some(20.0),
        "growth of the node's resident size",
    );
    drop(client);
    let mut restarts = Vec::new();
    let mut node = node;
    for _ in 0..5 {
        drop(node); // kill -9
        let begun = Instant::now();
        node = start(data, &["--no-work"]);
        restarts.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    report(
        "100,000 queued tasks: kill -9 to ready again",
        "ms",
        restarts,
        Some(1000.0),
        "process start included",
    );
}

async fn upload(client: &Client, text: &str) -> ModuleRef {
    let bytes = Bytes::from(wat::parse_str(text).unwrap());
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let size = bytes.len() as u64;
    send.send(bytes).await.unwrap();
    drop(send);
    let answer = client
        .call(Request::Upload { bytes: Some(size) }, Some(receive))
        .await
        .unwrap();
    let Reply::Blob { blob, .. } = answer.reply else {
        panic!("{:?}", answer.reply)
    };
    ModuleRef::Blob { blob }
}

async fn accept(client: &Client, submit: Submit) -> String {
    let answer = client
        .call(Request::Submit(Box::new(submit)), None)
        .await
        .unwrap();
    let Reply::Submitted { job, .. } = answer.reply else {
        panic!("{:?}", answer.reply)
    };
    job
}

/// From submit until its end was told.
async fn run(client: &Client, submit: Submit) {
    let job = accept(client, submit).await;
    let answer = client
        .call(Request::Follow { job, output: false }, None)
        .await
        .unwrap();
    let Then::Events(mut events, last) = answer.then else {
        panic!("{:?}", answer.reply)
    };
    while events.recv().await.is_some() {}
    let Reply::Job(job) = last.await.unwrap() else {
        panic!("not a job")
    };
    assert_eq!(job.state, api::JobState::Done, "{job:?}");
}

fn range(count: u64) -> Split {
    Split::Range {
        start: "0".to_owned(),
        end: count.to_string(),
        step: "1".to_owned(),
    }
}

fn submit(module: &ModuleRef, split: Split, invoke: Option<&str>) -> Submit {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Submit {
        client_id: format!("{:016x}{id:016x}", std::process::id()),
        module: module.clone(),
        module_name: "bench.wasm".to_owned(),
        name: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        invoke: invoke.map(str::to_owned),
        params: BTreeMap::new(),
        split,
        stdin: None,
        files: Vec::new(),
        fold: None,
        limits: Limits::default(),
        priority: 0,
        timeout_ms: None,
        chunk: None,
        on: Vec::new(),
        trial: false,
        transient: false,
        collect: false,
    }
}

/// User and system time of one process, threads included.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    // utime and stime, in ticks of 10 ms.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1000.0
}
