//! One coordinator, its workers and everything that can go wrong between
//! them, on a clock that jumps, from one number.
//!
//! `SKEP_SEEDS` says how many runs (2,000), `SKEP_FIRST_SEED` from which on,
//! `SKEP_SEED` which one to replay, `SKEP_TRACE=1` prints each of its steps.
//! What is checked, where, and what shows that the check can fail: the mistake
//! that is planted for it (`pool::Mutant`; `tests/mutants.rs` requires that it
//! is found and called by this name), or a test of its own.
//!
//! | | promise | checked in | shown by |
//! |---|---|---|---|
//! | I1 | no accepted job is lost | `model/rest.rs` at rest, `model/said.rs` at each answer | `JobLostAtRestart` |
//! | I2 | one result a task, for good | `model/mod.rs`, `disk.rs` at each commit | `ResultCountsTwice` |
//! | I3 | it comes from the machine that was granted it | `model/mod.rs` at each commit | `StaleAttemptAccepted` |
//! | I4 | attempts only rise, older ones change nothing | `model/mod.rs`, `model/said.rs` at each grant | `StaleAttemptAccepted` |
//! | I5 | one lease a task | `disk.rs` at each commit, `model/said.rs` at each grant | `DoubleGrantOnReconnect` |
//! | I6 | terms rise, durably, before anything is said | `model/mod.rs`, `model/said.rs` | `TermNotRaised` |
//! | I7 | what has ended stays so, until a retry | `model/mod.rs`, `model/said.rs` | `DoneTaskWaits` |
//! | I8 | a job's state follows from its tasks | `model/said.rs` at each change | `DoneTooEarly` |
//! | I9 | after a cancel no result and no lease | `model/mod.rs`, `model/said.rs` | `ResultAfterCancel` |
//! | I10 | nothing is said before it is durable | `model/said.rs` at each message, event and answer | `AnswerBeforeCommit` |
//! | I11 | one job for each id that a client chose | `model/said.rs` at each answer | `DedupeLostAtRestart` |
//! | I12 | no more tasks at once than slots | `machine.rs` after each action | `SlotTooMany` |
//! | I13 | leases and their memory fit their machine | `model/rest.rs` at each grant, `machine.rs` at each run | `MemoryPromisedTwice` |
//! | I14 | only what was lost is charged | `model/losses.rs` at rest, `world/healed.rs` at the end | `ReturnCharged` |
//! | I15 | referenced blobs are there | `model/rest.rs` at rest, `node/chores.rs` at each delete | `BlobDroppedAtEnd` |
//! | I16 | nothing unreferenced stays | `model/rest.rs` at rest, `world/healed.rs` at the end | `BlobsKept` |
//! | I17 | a fold reads exactly what is done | `model/mod.rs`, `model/said.rs`, `machine.rs` | `FoldTooEarly` |
//! | I18 | no lease and no word for who does not belong to the pool | `model/registry.rs` at each commit and message | `RevokedKeepsWorking` |
//! | I19 | a code lets in one device, after five tries at most | `model/registry.rs` at each try | `CodeNotCharged`, `CodeNotSpent` |
//! | I20 | who only works submits nothing, who only submits gets no work | `model/registry.rs` at each job and message | `RoleIgnored` |
//! | I21 | a job is its person's and nobody else's | `model/registry.rs` at each request, `model/said.rs` | `OwnerIgnored` |
//! | I22 | no wall clock decides | `world/mod.rs`: a run in eight again, forty years later | `LeaseByWallClock` |
//! | I23 | everything that grows has a limit | `Coordinator::check_bounds` after each turn, `model/rest.rs` | `ClientsKept` |
//! | I24 | whoever waits has its turn in time | `world/fair.rs` once healed, and every job ends | `TurnByPriorityAlone` |
//! | I27 | a restart knows what was known | `node/mod.rs` at rest and at each crash | `HistoryNotWritten` |
//! | I28 | any bytes give a message or an error | `decoders_take_any_bytes`, and `machine.rs`, `node/inputs.rs` at each frame | `tests/codec.rs`: damaged, endless and oversized frames |
//! | I31 | no lease to a machine that a person paused, drains or removed | `model/steered.rs` at each grant | `PauseIgnored`, `DrainIgnored`, `RemovalIgnored` |
//! | I32 | a job runs only where it asks to | `model/steered.rs` at each grant | `OnIgnored` |
//! | I29 | one seed is one trace | `one_seed_is_one_trace_in_two_processes` | each mistake above has another trace than the same seed without it |
//! | I30 | of two connections of a device the newer counts, and it is that device | `node/mod.rs` at each turn | `OlderConnectionStays`, `HelloBelieved` |

mod agenda;
mod author;
mod bench;
mod chance;
mod disk;
mod gate;
mod liar;
mod likeness;
mod links;
mod machine;
mod model;
mod node;
mod seeds;
mod stage;
mod steer;
mod trace;
mod workload;
mod world;

use chance::Chance;
use pool::codec::{Decoder, decode_results};
use pool::message::{ToCoordinator, ToWorker};
use pool::registry::{Entry, EntryKey};
use seeds::{number, report, try_seeds};
use std::process::Command;
use world::Run;

const SEEDS: u64 = 2_000;
/// A failing change breaks many seeds: so many are enough to look at.
const BROKEN_MAX: usize = 10;

#[test]
fn every_seed_keeps_every_promise() {
    let one = number("SKEP_SEED");
    let first = one.or_else(|| number("SKEP_FIRST_SEED")).unwrap_or(0);
    let count = if one.is_some() {
        1
    } else {
        number("SKEP_SEEDS").unwrap_or(SEEDS)
    };
    let tried = try_seeds(first, count, BROKEN_MAX, Run::quiet);
    println!("{tried}");
    for (seed, outcome) in &tried.broken {
        println!(
            "SKEP_SEED={seed} after {} steps: {}",
            outcome.steps,
            outcome.broken.as_deref().unwrap_or_default()
        );
    }
    // The shortest run is the easiest to understand.
    if let Some((seed, outcome)) = tried.broken.iter().min_by_key(|(_, outcome)| outcome.steps) {
        report(Run::quiet(*seed), outcome);
    }
}

/// Runs one seed and says its hash: what a person replays, and what I29
/// compares between processes.
#[test]
fn replay() {
    let seed = number("SKEP_SEED").unwrap_or(1);
    let outcome = world::play(Run {
        aloud: number("SKEP_TRACE") == Some(1),
        ..Run::quiet(seed)
    });
    println!(
        "seed {seed}: {} steps, trace {:016x}",
        outcome.steps, outcome.all
    );
    if outcome.broken.is_some() {
        report(Run::quiet(seed), &outcome);
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
        let mut key = [0; 17];
        key[0] = 1 + chance.below(6) as u8;
        let row: Vec<u8> = core::iter::once(1).chain(bytes.iter().copied()).collect();
        drop(Entry::read(EntryKey(key), &row));
    }
}
