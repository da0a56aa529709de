//! Plants mistakes into the coordinator and the worker, and requires that the
//! simulator finds each within 2,000 seeds and calls it what it is: what it does
//! not find, it does not check.

#[path = "simulation/agenda.rs"]
mod agenda;
#[path = "simulation/author.rs"]
mod author;
#[path = "simulation/bench.rs"]
mod bench;
#[path = "simulation/chance.rs"]
mod chance;
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/gate.rs"]
mod gate;
#[path = "simulation/liar.rs"]
mod liar;
#[path = "simulation/likeness.rs"]
mod likeness;
#[path = "simulation/links.rs"]
mod links;
#[path = "simulation/machine.rs"]
mod machine;
#[path = "simulation/model/mod.rs"]
mod model;
#[path = "simulation/node/mod.rs"]
mod node;
#[path = "simulation/seeds.rs"]
mod seeds;
#[path = "simulation/stage.rs"]
mod stage;
#[path = "simulation/steer.rs"]
mod steer;
#[path = "simulation/trace.rs"]
mod trace;
#[path = "simulation/workload.rs"]
mod workload;
#[path = "simulation/world/mod.rs"]
mod world;

use pool::Mutant;
use seeds::{number, report, try_seeds};
use world::{Outcome, Run};

const SEEDS: u64 = 2_000;
/// One lucky seed says little: so many are looked for.
const FOUND: usize = 5;
/// One mistake breaks many promises, and a run ends with the first.
const FOUND_OTHERWISE: usize = 300;

/// What a mistake breaks, as the simulator must call it in one of those seeds.
fn broken_by(mutant: Mutant) -> &'static str {
    match mutant {
        Mutant::JobLostAtRestart => "I1",
        Mutant::ResultCountsTwice => "I2",
        Mutant::StaleAttemptAccepted => "I3",
        Mutant::DoubleGrantOnReconnect => "I5",
        Mutant::TermNotRaised => "I6",
        Mutant::DoneTaskWaits => "I7",
        Mutant::DoneTooEarly => "I8",
        Mutant::ResultAfterCancel => "I9",
        Mutant::AnswerBeforeCommit => "I10",
        Mutant::DedupeLostAtRestart => "I11",
        Mutant::SlotTooMany => "I12",
        Mutant::MemoryPromisedTwice => "I13",
        Mutant::ReturnCharged => "I14",
        Mutant::BlobDroppedAtEnd => "I15",
        Mutant::BlobsKept => "I16",
        Mutant::FoldTooEarly => "I17",
        Mutant::LeaseByWallClock => "I22",
        Mutant::ClientsKept => "I23",
        Mutant::TurnByPriorityAlone => "I24",
        Mutant::HistoryNotWritten => "I27",
        Mutant::RevokedKeepsWorking => "I18",
        Mutant::CodeNotCharged | Mutant::CodeNotSpent => "I19",
        Mutant::RoleIgnored => "I20",
        Mutant::OwnerIgnored => "I21",
        Mutant::HelloBelieved | Mutant::OlderConnectionStays => "I30",
        Mutant::PauseIgnored | Mutant::DrainIgnored | Mutant::RemovalIgnored => "I31",
        Mutant::OnIgnored => "I32",
    }
}

#[test]
fn every_planted_mistake_is_found() {
    let seeds = number("SKEP_SEEDS").unwrap_or(SEEDS);
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let promise = broken_by(mutant);
        let try_until = |found| {
            try_seeds(0, seeds, found, |seed| Run {
                mutant: Some(mutant),
                ..Run::quiet(seed)
            })
        };
        let names_it = |(_, outcome): &&(u64, Outcome)| {
            let broken = outcome.broken.as_deref().unwrap_or_default();
            let mut words = broken.split([' ', ',', ':']);
            words.any(|word| word == promise)
        };
        let mut tried = try_until(FOUND);
        if !tried.broken.iter().any(|found| names_it(&found)) {
            tried = try_until(FOUND_OTHERWISE);
        }
        let named: Vec<&(u64, Outcome)> = tried.broken.iter().filter(names_it).collect();
        let Some((seed, outcome)) = named.first() else {
            missed.push((mutant, promise));
            continue;
        };
        println!(
            "{mutant:?}: found by {} of {} seeds; seed {seed} says: {}",
            tried.broken.len(),
            tried.seeds,
            outcome.broken.as_deref().unwrap_or_default()
        );
        // The mistake was found, and not one that is there without it; and
        // another course of events is another trace (I29), unless it was found
        // with the very last of them.
        let differs = named.iter().any(|(seed, outcome)| {
            let sound = world::judge(Run::quiet(*seed));
            if sound.broken.is_some() {
                report(Run::quiet(*seed), &sound);
            }
            sound.all != outcome.all
        });
        assert!(differs, "{mutant:?} changed nothing of seed {seed}");
    }
    assert_eq!(missed, [], "within {seeds} seeds");
}
