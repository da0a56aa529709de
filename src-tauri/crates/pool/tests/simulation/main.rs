//! One coordinator, its workers and everything that can go wrong between
//! them, on a clock that jumps, from one number.
//!
//! `SKEP_SEEDS` says how many runs (2,000), `SKEP_SEED` which one to replay,
//! `SKEP_TRACE=1` prints each of its steps. What is checked after each step
//! are the invariants of a pool: I1 to I17, I22 to I24 and I27 to I29.

mod agenda;
mod author;
mod bench;
mod chance;
mod disk;
mod liar;
mod links;
mod machine;
mod model;
mod node;
mod stage;
mod trace;
mod workload;
mod world;

use chance::Chance;
use pool::codec::{Decoder, decode_results};
use pool::message::{ToCoordinator, ToWorker};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use world::{Outcome, Run};

const SEEDS: u64 = 2_000;
/// One run in so many is repeated with every wall clock shifted (I22).
const SHIFTED: u64 = 8;
/// Forty years.
const SHIFT_MS: i64 = 40 * 365 * 24 * 3_600_000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is {text}, not a number")),
    )
}

fn quiet(seed: u64) -> Run {
    Run {
        seed,
        wall_shift: 0,
        written: false,
        aloud: false,
    }
}

/// Panics with everything that is needed to look at a run that went wrong.
fn fail(outcome: &Outcome, seed: u64) -> ! {
    let again = world::run(Run {
        written: true,
        ..quiet(seed)
    });
    for line in &again.last {
        println!("{line}");
    }
    panic!(
        "SKEP_SEED={seed} after {} steps: {}\nreplay: SKEP_SEED={seed} SKEP_TRACE=1 cargo test -p pool --test simulation -- --exact replay --nocapture",
        outcome.steps,
        outcome.broken.as_deref().unwrap_or("nothing was broken")
    );
}

#[test]
fn every_seed_keeps_every_promise() {
    let seeds = number("SKEP_SEEDS").unwrap_or(SEEDS);
    let first = number("SKEP_FIRST_SEED").unwrap_or(0);
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let (steps, virtual_micros) = (AtomicU64::new(0), AtomicU64::new(0));
    let broken: Mutex<Vec<(u64, Outcome)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds || broken.lock().is_ok_and(|broken| broken.len() >= 20)
                    {
                        break;
                    }
                    let mut outcome = world::run(quiet(seed));
                    steps.fetch_add(outcome.steps, Ordering::Relaxed);
                    virtual_micros.fetch_add(outcome.virtual_micros, Ordering::Relaxed);
                    if outcome.broken.is_none() && seed.is_multiple_of(SHIFTED) {
                        let shifted = world::run(Run {
                            wall_shift: SHIFT_MS,
                            ..quiet(seed)
                        });
                        if shifted.decisions != outcome.decisions {
                            outcome.broken =
                                Some("I22: another wall clock, other decisions".to_owned());
                        }
                    }
                    if outcome.broken.is_some() {
                        broken
                            .lock()
                            .expect("nobody panicked with it")
                            .push((seed, outcome));
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds, {} steps, {} virtual hours in {seconds:.1} s",
        steps.into_inner(),
        virtual_micros.into_inner() / agenda::HOUR
    );
    let mut broken = broken.into_inner().expect("nobody panicked with it");
    broken.sort_by_key(|(_, outcome)| outcome.steps);
    for (seed, outcome) in &broken {
        println!(
            "SKEP_SEED={seed} after {} steps: {}",
            outcome.steps,
            outcome.broken.as_deref().unwrap_or_default()
        );
    }
    if let Some((seed, outcome)) = broken.first() {
        fail(outcome, *seed);
    }
}

/// Runs one seed and says its hash: what a person replays, and what I29
/// compares between processes.
#[test]
fn replay() {
    let seed = number("SKEP_SEED").unwrap_or(1);
    let outcome = world::run(Run {
        aloud: number("SKEP_TRACE") == Some(1),
        ..quiet(seed)
    });
    println!(
        "seed {seed}: {} steps, trace {:016x}",
        outcome.steps, outcome.all
    );
    if outcome.broken.is_some() {
        fail(&outcome, seed);
    }
}

/// I29: one seed is one trace, in whatever process.
#[test]
fn one_seed_is_one_trace_in_two_processes() {
    let program = std::env::current_exe().expect("this test is a program");
    for seed in [1_u64, 7, 42] {
        let trace = || {
            let mut command = Command::new(&program);
            let command = command
                .args(["--exact", "replay", "--nocapture"])
                .env("SKEP_SEED", seed.to_string())
                .env_remove("SKEP_TRACE");
            let output = command.output().expect("it runs again");
            let text = String::from_utf8(output.stdout).expect("it prints text");
            let line = text
                .lines()
                .find_map(|line| line.find("trace ").map(|at| line[at..].to_owned()));
            line.unwrap_or_else(|| panic!("seed {seed} printed no trace: {text}"))
        };
        assert_eq!(trace(), trace(), "seed {seed} differs between processes");
    }
}

/// I28: any bytes give a message or a typed error, and keep no more than a frame.
#[test]
fn decoders_take_any_bytes() {
    let mut chance = Chance::new(28);
    for round in 0..20_000_u64 {
        let mut bytes: Vec<u8> = (0..chance.below(80))
            .map(|_| chance.next().to_le_bytes()[0])
            .collect();
        if round.is_multiple_of(2) && bytes.len() >= 4 {
            // A length that fits, so that the message itself is looked at.
            let length = u32::try_from(bytes.len() - 4).expect("short");
            bytes[..4].copy_from_slice(&length.to_le_bytes());
        }
        let mut to_worker = Decoder::default();
        to_worker.push(&bytes);
        while let Ok(Some(_)) = to_worker.decode::<ToWorker>() {}
        let mut to_coordinator = Decoder::default();
        for part in bytes.chunks(1 + chance.below(5) as usize) {
            to_coordinator.push(part);
        }
        while let Ok(Some(_)) = to_coordinator.decode::<ToCoordinator>() {}
        assert!(
            to_coordinator.unfinished() <= bytes.len(),
            "a decoder keeps what it was given, at most"
        );
        drop(decode_results(&bytes));
    }
}
