//! Many seeds on all cores, and what to say of one that broke.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long the runs took and how many are wanted is not simulated"
)]

use crate::agenda::HOUR;
use crate::world::{self, Outcome, Run};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What came of many runs.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) seeds: u64,
    pub(crate) steps: u64,
    virtual_hours: u64,
    took: Duration,
    /// By seed.
    pub(crate) broken: Vec<(u64, Outcome)>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tried {
            seeds,
            steps,
            virtual_hours,
            took,
            broken,
        } = self;
        let (seconds, broken) = (took.as_secs_f64(), broken.len());
        write!(
            f,
            "{seeds} seeds, {steps} steps, {virtual_hours} virtual hours in {seconds:.1} s; {broken} broke a promise"
        )
    }
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is {text}, not a number")),
    )
}

/// Tries `count` seeds from `first` on, until so many broke.
pub(crate) fn try_seeds(
    first: u64,
    count: u64,
    broken_max: usize,
    run: impl Fn(u64) -> Run + Sync,
) -> Tried {
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let (tried, steps, virtual_micros) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let broken: Mutex<Vec<(u64, Outcome)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count
                        || broken.lock().is_ok_and(|broken| broken.len() >= broken_max)
                    {
                        break;
                    }
                    let outcome = world::judge(run(seed));
                    tried.fetch_add(1, Ordering::Relaxed);
                    steps.fetch_add(outcome.steps, Ordering::Relaxed);
                    virtual_micros.fetch_add(outcome.virtual_micros, Ordering::Relaxed);
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
    let mut broken = broken.into_inner().expect("nobody panicked with it");
    broken.sort_by_key(|(seed, _)| *seed);
    Tried {
        seeds: tried.into_inner(),
        steps: steps.into_inner(),
        virtual_hours: virtual_micros.into_inner() / HOUR,
        took: began.elapsed(),
        broken,
    }
}

/// Panics with everything that is needed to look at a run that went wrong.
pub(crate) fn report(run: Run, outcome: &Outcome) -> ! {
    let seed = run.seed;
    let again = world::play(Run {
        written: true,
        ..run
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
