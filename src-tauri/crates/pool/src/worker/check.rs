//! A look at the whole state of a worker.

use super::{Worker, span};
use crate::limits::LEASES_PER_WORKER_MAX;
use crate::message::Chunk;

impl Worker {
    /// Panics with what is wrong, if anything is. For tests.
    pub fn check(&self) {
        let mut held: Vec<Chunk> = self.holding().collect();
        for chunk in &held {
            assert!(chunk.count > 0, "holds an empty chunk {chunk:?}");
            assert!(
                self.jobs.contains_key(&chunk.job),
                "holds {chunk:?} of an unknown job"
            );
        }
        held.sort_unstable();
        for pair in held.windows(2) {
            if let [a, b] = pair {
                assert!(span::overlap(a, b).is_none(), "holds {a:?} and {b:?}");
            }
        }
        if self.paused().is_some() {
            assert!(
                self.queue.is_empty(),
                "a paused worker keeps what it prefetched"
            );
        }
        assert!(
            self.queue.len() <= LEASES_PER_WORKER_MAX,
            "more leases than it may hold"
        );
        if self.is_gone() {
            assert!(held.is_empty(), "gone with leases");
        }
    }
}
