//! What it costs to run modules behind both walls: `cargo xtask bench executor`.
//!
//! With the name of a kernel it measures only that one. Prints one JSON object
//! a line. Everything goes through the real executor and the parent's side of
//! it; nothing is durable here.

mod shared;

use bytes::Bytes;
use sandbox::{
    Batch, Caps, Entry, Event, Executor, Options, Prepared, Profile, Program, RangeArg, Sandbox,
    Stdin, Task,
};
use shared::{HELLO, NOTHING, SQUARE, report};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rounds of each measurement; the median is what counts.
const ROUNDS: usize = 9;
/// Programs of one round.
const PROGRAMS: u64 = 20_000;
/// Function calls of one round.
const CALLS: u32 = 1 << 20;
/// Small functions, all different, whose code is about a megabyte.
const FUNCTIONS_OF_A_MEGABYTE: usize = 14_300;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(Options {
        executor: binaries().join("skep-executor"),
        cache_dir: dir.path().join("cache"),
        cache_key: [1; 32],
        cache_quota_bytes: 1 << 30,
        scratch_dir: dir.path().join("scratch"),
        scratch_quota_bytes: 1 << 30,
        priority: sandbox::Priority::Normal,
        compile: sandbox::CompileCaps::default(),
        without_os_wall: false,
    })
    .await
    .unwrap();

    if let Some(kernel) = std::env::args().nth(1) {
        return kernels(&sandbox, &kernel).await;
    }

    for (name, text, floor) in [
        ("program that does nothing, one executor", NOTHING, 10.0),
        ("program that prints a line, one executor", HELLO, 10.0),
    ] {
        let prepared = prepare(&sandbox, text, Entry::Command).await;
        let mut rounds = Vec::new();
        let mut executor = sandbox.spawn(&prepared).await.unwrap();
        programs(&mut executor, 2_000).await;
        for _ in 0..ROUNDS {
            if executor.spent() {
                executor = sandbox.spawn(&prepared).await.unwrap();
                programs(&mut executor, 2_000).await;
            }
            let begun = Instant::now();
            programs(&mut executor, PROGRAMS).await;
            rounds.push(begun.elapsed().as_secs_f64() * 1e6 / PROGRAMS as f64);
        }
        report(
            name,
            "µs",
            rounds,
            Some(floor),
            "start to exit, batches of 64, both walls",
        );
    }

    let prepared = prepare(
        &sandbox,
        SQUARE,
        Entry::Function {
            name: "square".to_owned(),
        },
    )
    .await;
    let mut executor = sandbox.spawn(&prepared).await.unwrap();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        calls(&mut executor, CALLS).await;
        rounds.push(f64::from(CALLS) / begun.elapsed().as_secs_f64());
    }
    report(
        "function calls over a range, one executor",
        "1/s",
        rounds,
        Some(1_000_000.0),
        "",
    );

    let prepared = prepare(&sandbox, NOTHING, Entry::Command).await;
    let mut rounds = Vec::new();
    for _ in 0..21 {
        let mut executor = sandbox.spawn(&prepared).await.unwrap();
        programs(&mut executor, 1).await;
        let begun = Instant::now();
        executor.kill();
        while !matches!(executor.next().await, Event::Gone { .. }) {}
        let mut successor = sandbox.spawn(&prepared).await.unwrap();
        programs(&mut successor, 1).await;
        rounds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    report(
        "executor killed to the successor's first result",
        "ms",
        rounds,
        Some(10.0),
        "the successor is spawned after the kill",
    );

    let mut rounds = Vec::new();
    let mut size = 0;
    for round in 0..5 {
        let module = megabyte(round);
        size = module.len();
        let begun = Instant::now();
        let prepared = sandbox
            .prepare(name_of(&module), module, &profile(Entry::Command))
            .await
            .unwrap();
        let mut executor = sandbox.spawn(&prepared).await.unwrap();
        programs(&mut executor, 1).await;
        rounds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    report(
        "first run ever of a module",
        "ms",
        rounds,
        None,
        &format!("{size} bytes: compiled, stored, started, run"),
    );

    kernels(&sandbox, "").await;
}

/// The kernels that ship and are named like this, against the same source
/// built natively, one core.
async fn kernels(sandbox: &Sandbox, named: &str) {
    let target = binaries().parent().unwrap().to_owned();
    for (name, floor, tasks, environment) in [
        (
            "mandelbrot",
            0.9,
            24u64,
            vec![
                ("SKEP_PARAM_WIDTH", "1920"),
                ("SKEP_PARAM_HEIGHT", "1080"),
                ("SKEP_PARAM_MAX_ITERATIONS", "2000"),
            ],
        ),
        (
            "word_count",
            0.8,
            24,
            vec![("SKEP_PARAM_MIN_LENGTH", "1"), ("SKEP_PARAM_TOP", "100")],
        ),
    ] {
        if !name.contains(named) {
            continue;
        }
        let path = target.join("kernels").join(format!("{name}.wasm"));
        let native = binaries().join(name);
        let Ok(module) = std::fs::read(&path) else {
            println!("{name}: no {} (cargo xtask kernels)", path.display());
            continue;
        };
        if !native.exists() {
            println!(
                "{name}: no native build at {} (cargo build --release -p {name})",
                native.display()
            );
            continue;
        }
        let module = Bytes::from(module);
        let prepared = sandbox
            .prepare(name_of(&module), module, &profile(Entry::Kernel))
            .await
            .unwrap();
        let mut executor = sandbox.spawn(&prepared).await.unwrap();
        let text = if name == "word_count" {
            Bytes::from(words())
        } else {
            Bytes::new()
        };
        let mut env: Vec<(String, String)> = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        env.push(("SKEP_MODE".to_owned(), "run".to_owned()));
        env.push(("SKEP_TASK_COUNT".to_owned(), "256".to_owned()));
        // The middle of the picture, where the work is.
        let first = if name == "mandelbrot" { 116 } else { 0 };
        let (mut ratios, mut cpu_ratios) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (begun, cpu) = (Instant::now(), cpu_of_dead_children());
            native_run(&native, &env, &text, first..first + tasks);
            let (outside, outside_cpu) = (begun.elapsed(), cpu_of_dead_children() - cpu);
            let (begun, cpu) = (Instant::now(), cpu_of(executor.pid()));
            let list = (first..first + tasks)
                .map(|index| Task {
                    index,
                    argv: None,
                    env: Vec::new(),
                    stdin: Stdin::Bytes(text.clone()),
                    files: None,
                })
                .collect();
            let shared = Arc::new(Program {
                argv: vec![name.to_owned()],
                env: env.clone(),
            });
            executor
                .send(Batch::Programs {
                    caps: caps(),
                    shared,
                    tasks: list,
                })
                .await
                .unwrap();
            drain(&mut executor, true).await;
            ratios.push(outside.as_secs_f64() / begun.elapsed().as_secs_f64());
            let inside_cpu = cpu_of(executor.pid()) - cpu;
            cpu_ratios.push(outside_cpu.as_secs_f64() / inside_cpu.as_secs_f64());
        }
        for (by, ratios) in [("the clock", ratios), ("processor time", cpu_ratios)] {
            report(
                &format!("{name}: module against native, one core, by {by}"),
                "ratio",
                ratios,
                Some(floor),
                "the same source, the same tasks, one process each",
            );
        }
    }
}

/// Processor time of a process so far, its own and the system's for it.
fn cpu_of(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    let nanoseconds = text.split_whitespace().next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}

/// Processor time of all children that have ended.
fn cpu_of_dead_children() -> Duration {
    // SAFETY: zeros are a valid value, and the call writes to a local.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage), 0);
        usage
    };
    let of = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs())
            + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// The native build does the same tasks as one batch of frames.
fn native_run(
    native: &std::path::Path,
    env: &[(String, String)],
    stdin: &Bytes,
    tasks: std::ops::Range<u64>,
) {
    let mut child = std::process::Command::new(native)
        .env_clear()
        .envs(env.iter().map(|(k, v)| (k, v)))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = stdin.clone();
    let writer = std::thread::spawn(move || {
        for index in tasks {
            let length = u32::try_from(8 + bytes.len()).unwrap();
            input.write_all(&length.to_le_bytes()).unwrap();
            input.write_all(&index.to_le_bytes()).unwrap();
            input.write_all(&bytes).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(
        output.status.success() && !output.stdout.is_empty(),
        "{}",
        native.display()
    );
}

/// A text of four megabytes that repeats a few hundred words unevenly.
fn words() -> Vec<u8> {
    let mut text = Vec::new();
    let mut state = 1u64;
    while text.len() < 4 << 20 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 40) % ((state >> 20) % 500 + 1);
        text.extend_from_slice(format!("w{word} ").as_bytes());
        if state.is_multiple_of(11) {
            text.push(b'\n');
        }
    }
    text
}

async fn programs(executor: &mut Executor, count: u64) {
    let shared = Arc::new(Program {
        argv: vec!["bench".to_owned()],
        env: Vec::new(),
    });
    let mut next = 0;
    let mut outstanding = 0;
    while next < count || outstanding > 0 {
        while next < count && outstanding < 2 {
            let last = (next + 64).min(count);
            let tasks = (next..last)
                .map(|index| Task {
                    index,
                    argv: None,
                    env: Vec::new(),
                    stdin: Stdin::Bytes(Bytes::new()),
                    files: None,
                })
                .collect();
            executor
                .send(Batch::Programs {
                    caps: caps(),
                    shared: Arc::clone(&shared),
                    tasks,
                })
                .await
                .unwrap();
            next = last;
            outstanding += 1;
        }
        drain(executor, true).await;
        outstanding -= 1;
    }
}

async fn calls(executor: &mut Executor, count: u32) {
    executor
        .send(Batch::Calls {
            caps: caps(),
            args: Vec::new(),
            range: Some(RangeArg { start: 0, step: 1 }),
            first_index: 0,
            count,
        })
        .await
        .unwrap();
    drain(executor, true).await;
}

async fn drain(executor: &mut Executor, must_be_done: bool) {
    loop {
        match executor.next().await {
            Event::Ended { end, .. } => assert!(end.is_done() || !must_be_done, "{end:?}"),
            Event::Idle => return,
            Event::Gone { why, .. } => panic!("gone: {why}"),
            Event::Started { .. }
            | Event::Stdout { .. }
            | Event::Stderr { .. }
            | Event::Progress { .. }
            | Event::Calls { .. } => {}
        }
    }
}

async fn prepare(sandbox: &Sandbox, text: &str, entry: Entry) -> Prepared {
    let module = Bytes::from(wat::parse_str(text).unwrap());
    sandbox
        .prepare(name_of(&module), module, &profile(entry))
        .await
        .unwrap()
}

fn profile(entry: Entry) -> Profile {
    Profile {
        memory_bytes: 256 << 20,
        fuel: false,
        scratch: false,
        on_demand: false,
        entry,
    }
}

fn caps() -> Caps {
    Caps {
        task_time: Some(Duration::from_secs(60)),
        fuel: None,
        output_bytes: 64 << 20,
        log_bytes: 1 << 20,
    }
}

/// A module of about a megabyte, another one each round.
fn megabyte(round: usize) -> Bytes {
    let mut text =
        String::from("(module (memory (export \"memory\") 1) (func (export \"_start\"))");
    for i in 0..FUNCTIONS_OF_A_MEGABYTE {
        text.push_str(&format!(
            "(func (param i32 i64) (result i64) (local i64)
               (local.set 2 (i64.mul (local.get 1) (i64.const {})))
               (loop $l (local.set 2 (i64.add (i64.rotl (local.get 2) (i64.const 7)) (i64.extend_i32_u (i32.load offset={} (local.get 0)))))
                 (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0)))
               (if (result i64) (i64.eqz (local.get 2)) (then (i64.const {i})) (else (i64.xor (local.get 2) (i64.const {})))))",
            i * 7919 + round * 104_729 + 1_000_003,
            i * 3,
            i as u64 * 1_000_003 + (round as u64) * 17,
        ));
    }
    text.push(')');
    Bytes::from(wat::parse_str(&text).unwrap())
}

fn name_of(bytes: &[u8]) -> [u8; 32] {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let mut name = [0; 32];
    name[..8].copy_from_slice(&hasher.finish().to_le_bytes());
    name
}

/// The release folder that `xtask bench` names.
fn binaries() -> PathBuf {
    PathBuf::from(std::env::var_os("SKEP_BENCH_BINARIES").expect("run by `cargo xtask bench`"))
}
