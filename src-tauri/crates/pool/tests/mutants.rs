//! Plants mistakes into the coordinator and requires that the simulator finds
//! each within 2,000 seeds: what it does not find, it does not check.

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
#[path = "simulation/trace.rs"]
mod trace;
#[path = "simulation/workload.rs"]
mod workload;
#[path = "simulation/world/mod.rs"]
mod world;

use pool::Mutant;
use seeds::{number, report, try_seeds};
use world::Run;

const SEEDS: u64 = 2_000;
/// One lucky seed says little: so many are looked for.
const FOUND: usize = 5;

#[test]
fn every_planted_mistake_is_found() {
    let seeds = number("SKEP_SEEDS").unwrap_or(SEEDS);
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let tried = try_seeds(0, seeds, FOUND, |seed| Run {
            mutant: Some(mutant),
            ..Run::quiet(seed)
        });
        let Some((seed, outcome)) = tried.broken.first() else {
            missed.push(mutant);
            continue;
        };
        let found: Vec<u64> = tried.broken.iter().map(|(seed, _)| *seed).collect();
        let what = outcome.broken.as_deref().unwrap_or_default();
        println!(
            "{mutant:?}: found by seeds {found:?} of {}; the first says: {what}",
            tried.seeds
        );
        // The mistake was found, and not one that is there without it.
        let sound = world::judge(Run::quiet(*seed));
        if sound.broken.is_some() {
            report(Run::quiet(*seed), &sound);
        }
        assert_ne!(
            sound.all, outcome.all,
            "{mutant:?} changed nothing of seed {seed}"
        );
    }
    assert_eq!(missed, [], "within {seeds} seeds");
}
