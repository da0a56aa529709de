//! What everybody on the stage shares: time to come, chance, connections, the
//! trace, and what is really true of the world.

use crate::agenda::{Agenda, At, MILLI};
use crate::chance::Chance;
use crate::links::Link;
use crate::trace::Trace;
use pool::id::{Digest, JobId, MachineId};
use pool::message::Chunk;
use std::collections::BTreeSet;

/// Chunks that a liar may name: the latest that anybody was leased.
const OVERHEARD_MAX: usize = 32;

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) agenda: Agenda,
    pub(crate) chance: Chance,
    pub(crate) trace: Trace,
    pub(crate) links: Vec<Link>,
    pub(crate) latency_max: At,
    pub(crate) jitter_max: At,
    /// Blobs whose bytes lie in the node's store.
    pub(crate) blobs: BTreeSet<Digest>,
    /// Blobs that a worker has stored for results that are not durable yet:
    /// (machine, tasks, blob). Whoever deletes blobs leaves these alone.
    pub(crate) pinned: Vec<(usize, Chunk, Digest)>,
    overheard: Vec<Chunk>,
    /// Jobs whose names got around, newest last.
    known_jobs: Vec<JobId>,
    /// Machines that a liar may call itself.
    pub(crate) machines: Vec<MachineId>,
    /// The first thing that was not as promised.
    pub(crate) broken: Option<String>,
}

impl Stage {
    pub(crate) fn new(mut chance: Chance, trace: Trace) -> Stage {
        let latency_max = *chance.pick(&[50, MILLI, 100 * MILLI]).unwrap_or(&MILLI);
        let jitter_max = *chance.pick(&[0, 100, 20 * MILLI]).unwrap_or(&0);
        Stage {
            agenda: Agenda::default(),
            chance,
            trace,
            links: Vec::new(),
            latency_max,
            jitter_max,
            blobs: BTreeSet::new(),
            pinned: Vec::new(),
            overheard: Vec::new(),
            known_jobs: Vec::new(),
            machines: Vec::new(),
            broken: None,
        }
    }

    /// Remembers the first broken promise; the run ends with it.
    pub(crate) fn accuse(&mut self, what: impl Into<String>) {
        if self.broken.is_none() {
            let what = what.into();
            self.trace
                .line(self.agenda.now(), format_args!("BROKEN {what}"));
            self.broken = Some(what);
        }
    }

    pub(crate) fn overhear(&mut self, chunk: Chunk) {
        if self.overheard.len() == OVERHEARD_MAX {
            self.overheard.remove(0);
        }
        self.overheard.push(chunk);
    }

    pub(crate) fn know_job(&mut self, job: JobId) {
        if self.known_jobs.len() == OVERHEARD_MAX {
            self.known_jobs.remove(0);
        }
        self.known_jobs.push(job);
    }

    pub(crate) fn known_job(&mut self) -> Option<JobId> {
        self.chance.pick(&self.known_jobs).copied()
    }

    pub(crate) fn overheard(&mut self) -> Option<Chunk> {
        self.chance.pick(&self.overheard).copied()
    }
}

/// A line of the trace, formatted only where somebody reads it.
macro_rules! tell {
    ($stage:expr, $($what:tt)*) => {
        if $stage.trace.is_written() {
            let now = $stage.agenda.now();
            $stage.trace.line(now, format_args!($($what)*));
        }
    };
}
pub(crate) use tell;
