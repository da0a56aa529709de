//! How fast tasks make way for other programs, through the real binaries:
//! `cargo xtask bench yield`.
//!
//! Every core runs a task; then this process, as any other program would,
//! loads every core, and the clock runs until the last executor stands still:
//! the time until that load can be read is part of it. Before that, how late a
//! timer of 1 kHz fires beside all those tasks. Prints one JSON object a line.
//! Linux only: states are read from `/proc`.

mod release;
#[path = "../../executor/examples/shared/mod.rs"]
#[expect(
    dead_code,
    reason = "its modules end by themselves; these tasks never do"
)]
mod shared;

use release::start;
use shared::report;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Never ends by itself.
const SPIN: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))"#;
const KEY: &str = "contribute.other_load_percent";
/// Load by others, per cent of all cores, above which tasks make way.
const LIMIT: &str = "20";
const ROUNDS: usize = 20;
/// From round to round, so that a load begins at any moment between two looks.
const PHASE: Duration = Duration::from_millis(37);
/// Far longer than executors take to start or to go on.
const PATIENCE: Duration = Duration::from_secs(120);
const TIMER_FOR: Duration = Duration::from_secs(5);

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let module = dir.path().join("spin.wat");
    std::fs::write(&module, SPIN).unwrap();
    let quiet = lateness();
    let node = start(&data, &[]);
    for (key, value) in [
        (KEY, LIMIT),
        ("contribute.temperature_limit_c", "off"),
        ("contribute.when_in_use", "always"),
        ("contribute.on_battery", "work"),
    ] {
        skep(&data, &["config", "set", key, value]);
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    let tasks = format!("0..{cores}");
    let module = module.to_str().unwrap();
    let args = [
        "-q",
        "run",
        "-d",
        "--task-timeout",
        "1d",
        "--range",
        &tasks,
        module,
    ];
    let job = skep(&data, &args);

    running(node.pid(), cores);
    let beside = lateness();
    let note = format!(
        "of 1 ms; p99 {:.1} µs, and {:.1} µs with nothing running",
        p(99, &beside),
        p(99, &quiet)
    );
    report(
        "lateness of a 1 kHz timer beside a full load",
        "µs",
        beside,
        None,
        &note,
    );

    let mut yields = Vec::new();
    let mut phase = Duration::ZERO;
    while yields.len() < ROUNDS {
        // Tasks go on at once when the rule ends; by themselves, ten seconds
        // after the load did.
        skep(&data, &["config", "set", KEY, "off"]);
        let executors = running(node.pid(), cores);
        skep(&data, &["config", "set", KEY, LIMIT]);
        // What was read last is of this quiet time.
        phase += PHASE;
        std::thread::sleep(Duration::from_secs(1) + phase);
        if !executors.iter().all(|pid| state(*pid) == Some('R')) {
            // Something else on this machine came first.
            continue;
        }
        let others = Others::start(cores);
        let begun = Instant::now();
        while !executors.iter().all(|pid| stands(*pid)) {
            assert!(begun.elapsed() < PATIENCE, "the tasks did not make way");
            std::thread::sleep(Duration::from_millis(1));
        }
        yields.push(begun.elapsed().as_secs_f64() * 1e3);
        drop(others);
    }
    skep(&data, &["job", "cancel", job.trim()]);
    let note = format!(
        "p95 {:.0} ms, at most 250; {cores} executors",
        p(95, &yields)
    );
    report(
        "from other programs' load to the last executor stopped",
        "ms",
        yields,
        Some(250.0),
        &note,
    );
}

/// What a command says.
fn skep(data: &Path, args: &[&str]) -> String {
    let output = release::skep(data, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a task runs on each core; the executors that run them.
fn running(node: u32, cores: usize) -> Vec<u32> {
    let begun = Instant::now();
    loop {
        let all = children(node);
        let busy: Vec<u32> = all
            .into_iter()
            .filter(|pid| state(*pid) == Some('R'))
            .collect();
        if busy.len() >= cores {
            return busy;
        }
        assert!(begun.elapsed() < PATIENCE, "no task on each core: {busy:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Another program that wants every core, until it is dropped.
struct Others(Arc<AtomicBool>, Vec<std::thread::JoinHandle<()>>);

impl Others {
    fn start(cores: usize) -> Others {
        let over = Arc::new(AtomicBool::new(false));
        let one = |_| {
            let over = over.clone();
            std::thread::spawn(move || while !over.load(Ordering::Relaxed) {})
        };
        let threads = (0..cores).map(one).collect();
        Others(over, threads)
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        for thread in self.1.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// How late each tick of a timer of 1 kHz came, in microseconds.
fn lateness() -> Vec<f64> {
    const TICK: Duration = Duration::from_millis(1);
    let end = Instant::now() + TIMER_FOR;
    let mut next = Instant::now() + TICK;
    let mut late = Vec::new();
    while next < end {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        late.push(next.elapsed().as_secs_f64() * 1e6);
        // A tick that was missed altogether is one that came late.
        next += TICK;
    }
    late
}

fn p(percent: usize, rounds: &[f64]) -> f64 {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(f64::total_cmp);
    rounds[(rounds.len() * percent).div_ceil(100) - 1]
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Whether it will not run any further: it is stopped, or will be before its
/// next instruction. An idle process beside a full load may wait a second for
/// its turn to stop.
fn stands(pid: u32) -> bool {
    const STOP: u64 = 1 << (19 - 1);
    let pending = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("ShdPnd:"))?;
        u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok()
    };
    state(pid) == Some('T') || pending().is_some_and(|pending| pending & STOP != 0)
}

fn state(pid: u32) -> Option<char> {
    stat(pid).map(|(state, _)| state)
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}
