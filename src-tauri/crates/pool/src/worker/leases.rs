//! What a worker is told of its leases: kept, dropped, new, forgotten.

use super::slot::Slot;
use super::{Action, Leaving, Link, Worker, settle::slot_id, span};
use crate::id::JobId;
use crate::limits::LEASES_PER_WORKER_MAX;
use crate::message::{Chunk, ToCoordinator};

impl Worker {
    pub(super) fn handle_welcome(&mut self, keep: &[Chunk], drop: &[Chunk], send: &[Chunk]) {
        for chunk in drop {
            self.drop_through(chunk);
        }
        // What the answer does not name, the coordinator does not know: drop it too.
        for held in self.holding().collect::<Vec<_>>() {
            let mut unknown = vec![held];
            for kept in span::granted_in(&held, keep) {
                unknown = unknown
                    .iter()
                    .flat_map(|rest| subtract(rest, &kept))
                    .collect();
            }
            for chunk in &unknown {
                self.withdraw(chunk);
            }
        }
        for open in self.outbox.open().collect::<Vec<_>>() {
            let mut unknown = vec![open];
            // Ended between hello and welcome: it was held then, and may be kept.
            for wanted in span::granted_in(&open, send)
                .into_iter()
                .chain(span::granted_in(&open, keep))
            {
                unknown = unknown
                    .iter()
                    .flat_map(|rest| subtract(rest, &wanted))
                    .collect();
            }
            for chunk in &unknown {
                self.outbox.settle(chunk);
            }
        }
        self.transmits
            .extend(self.outbox.messages().cloned().map(ToCoordinator::Results));
        // Given back between hello and welcome, when nobody could be told.
        let mut unclaimed = keep.to_vec();
        for claimed in self.holding().chain(self.outbox.open()) {
            unclaimed = unclaimed
                .iter()
                .flat_map(|kept| span::granted_out(kept, &claimed))
                .collect();
        }
        for chunk in unclaimed {
            self.give_back(chunk);
        }
        let known: Vec<JobId> = self.jobs.keys().copied().collect();
        for job in known {
            if !self
                .holding()
                .chain(self.outbox.open())
                .any(|chunk| chunk.job == job)
            {
                self.forget(job);
            }
        }
    }

    pub(super) fn handle_lease(&mut self, chunk: Chunk) {
        let known = self.holding().chain(self.outbox.open());
        let known: Vec<Chunk> = known
            .filter(|held| span::overlap(held, &chunk).is_some())
            .collect();
        if known.iter().any(|held| span::same_grant(held, &chunk)) {
            return;
        }
        let term_is_ours = self.term() == Some(chunk.term);
        let is_newest = known
            .iter()
            .all(|held| (held.term, held.attempt) < (chunk.term, chunk.attempt));
        let may_run = self.paused().is_none() && self.leaving == Leaving::Staying;
        let fits = self
            .jobs
            .get(&chunk.job)
            .is_some_and(|job| job.spec.limits.memory_bytes <= self.config.memory_bytes);
        let has_room = self.queue.len() < LEASES_PER_WORKER_MAX;
        if chunk.count == 0 || !term_is_ours || !is_newest || !may_run || !fits || !has_room {
            self.give_back(chunk);
            return;
        }
        for part in known.iter().filter_map(|held| span::overlap(held, &chunk)) {
            self.outbox.settle(&part);
            self.withdraw(&part);
        }
        self.queue.push_back(chunk);
    }

    /// Says that it will not run these tasks. Where nobody listens, the next
    /// hello says it by not naming them.
    pub(super) fn give_back(&mut self, chunk: Chunk) {
        if !matches!(self.link, Link::Up { .. }) {
            return;
        }
        if let Some(ToCoordinator::Return(chunks)) = self.transmits.back_mut() {
            chunks.push(chunk);
        } else {
            self.transmits.push_back(ToCoordinator::Return(vec![chunk]));
        }
    }

    /// Others have nothing to do: what has not begun goes back, what runs does not.
    pub(super) fn give_up_unbegun(&mut self, chunks: &[Chunk]) {
        let unbegun: Vec<Chunk> = self
            .queue
            .iter()
            .copied()
            .chain(self.slots.iter().filter_map(Slot::next))
            .collect();
        for held in unbegun {
            for part in span::granted_in(&held, chunks) {
                self.withdraw(&part);
                self.give_back(part);
            }
        }
    }

    /// Forgets these tasks in every attempt up to the chunk's, held or ended.
    pub(super) fn drop_through(&mut self, chunk: &Chunk) {
        self.outbox.drop_through(chunk);
        let stale: Vec<Chunk> = self
            .holding()
            .filter(|held| held.attempt <= chunk.attempt)
            .filter_map(|held| span::overlap(&held, chunk))
            .collect();
        for part in &stale {
            self.withdraw(part);
        }
    }

    /// Takes a part of a held chunk away from wherever it is; what remains of
    /// the chunk goes on, from the queue's front where its process had to go.
    pub(super) fn withdraw(&mut self, part: &Chunk) {
        let queue = std::mem::take(&mut self.queue);
        for held in queue {
            if span::same_grant(&held, part) {
                self.queue.extend(subtract(&held, part));
            } else {
                self.queue.push_back(held);
            }
        }
        for at in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(at) else {
                continue;
            };
            let touched: Vec<Chunk> = slot
                .holding()
                .filter(|held| span::same_grant(held, part) && span::overlap(held, part).is_some())
                .collect();
            for held in touched {
                if let Some(chunk) = slot.kill(&held) {
                    self.actions.push_back(Action::Kill {
                        slot: slot_id(at),
                        chunk,
                    });
                    for rest in subtract(&held, part).into_iter().rev() {
                        self.queue.push_front(rest);
                    }
                }
            }
        }
    }

    pub(super) fn forget(&mut self, job: JobId) {
        for chunk in self
            .holding()
            .filter(|chunk| chunk.job == job)
            .collect::<Vec<_>>()
        {
            self.withdraw(&chunk);
        }
        self.outbox.forget(job);
        if self.jobs.remove(&job).is_some() {
            self.actions.push_back(Action::Forget { job });
        }
    }
}

/// What is left of `of` without the tasks of `part`.
fn subtract(of: &Chunk, part: &Chunk) -> Vec<Chunk> {
    match span::overlap(of, part) {
        Some(shared) => span::without(of, &shared).collect(),
        None => vec![*of],
    }
}
