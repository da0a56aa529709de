//! What runs, brought in line with what is allowed, leased and said.

use super::slot::Slot;
use super::{Action, Leaving, Link, SlotId, Worker};
use crate::limits::{HELD_MAX, SILENCE_MAX};
use crate::message::Chunk;
use crate::moment::Now;
use core::time::Duration;
use std::sync::Arc;

/// A chunk that ends sooner than this gets its successor beforehand, so that
/// the slot never waits; behind a longer one a chunk would only be kept from
/// the slots that become free meanwhile.
const PREFETCH_BEHIND_MAX: Duration = Duration::from_millis(250);

impl Worker {
    /// Slots that may execute now.
    fn allowed(&self) -> u32 {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::SlotTooMany) {
            return self.config.slots + 1;
        }
        if self.paused().is_some() {
            0
        } else {
            self.config.slots
        }
    }

    /// Brings what runs in line with what is allowed, leased and said.
    pub(super) fn settle(&mut self, now: Now) {
        self.give_back_prefetched();
        self.release_long_held(now);
        self.stop_surplus(now);
        self.resume_stopped();
        self.fill_slots(now);
        let leaves = match self.leaving {
            Leaving::Staying => false,
            Leaving::Draining { .. } => self.is_quiet(),
            // Decided between hello and welcome: said after it.
            Leaving::Gone => true,
        };
        if leaves && !matches!(self.link, Link::Greeting { .. }) {
            self.leave();
        }
        self.tell_changes(now);
        self.tell_news(now);
    }

    fn give_back_prefetched(&mut self) {
        if self.paused().is_none() && self.takes_new() {
            return;
        }
        let queued: Vec<Chunk> = self.queue.drain(..).collect();
        let next: Vec<Chunk> = self.slots.iter().filter_map(Slot::next).collect();
        for chunk in &next {
            self.withdraw(chunk);
        }
        for chunk in queued.into_iter().chain(next) {
            self.give_back(chunk);
        }
    }

    fn release_long_held(&mut self, now: Now) {
        let due: Vec<Chunk> = self
            .slots
            .iter()
            .filter(|slot| {
                slot.stopped
                    .is_some_and(|since| since.after(HELD_MAX) <= now.moment)
            })
            .flat_map(Slot::holding)
            .collect();
        for chunk in due {
            self.withdraw(&chunk);
            self.give_back(chunk);
        }
    }

    fn stop_surplus(&mut self, now: Now) {
        let mut surplus = self.active().saturating_sub(self.allowed());
        // The youngest slots first: what was begun first ends first.
        for at in (0..self.slots.len()).rev() {
            if surplus == 0 {
                break;
            }
            let next = match self.slots.get(at) {
                Some(slot) if slot.is_active() => slot.next(),
                _ => continue,
            };
            if let Some(next) = next {
                self.withdraw(&next);
                self.queue.push_front(next);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                slot.stopped = Some(now.moment);
            }
            self.actions.push_back(Action::Stop { slot: slot_id(at) });
            surplus -= 1;
        }
    }

    /// Lets what may run go on. A slot whose tasks are over is let go too:
    /// every stop has its resume, whatever came between.
    fn resume_stopped(&mut self) {
        let mut room = self.allowed().saturating_sub(self.active());
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.stopped.is_none() || (room == 0 && !slot.is_free()) {
                continue;
            }
            if !slot.is_free() {
                room -= 1;
            }
            slot.stopped = None;
            self.actions.push_back(Action::Resume { slot: slot_id(at) });
        }
    }

    fn fill_slots(&mut self, now: Now) {
        // A lease that was not renewed for so long may be somebody else's by now.
        if !self.takes_new() || self.said.after(SILENCE_MAX) <= now.moment {
            return;
        }
        while let Some(chunk) = self.queue.front().copied() {
            let Some(job) = self.jobs.get(&chunk.job) else {
                break;
            };
            let memory_bytes = job.spec.limits.memory_bytes;
            if memory_bytes > self.config.memory_bytes {
                self.queue.pop_front();
                self.give_back(chunk);
                continue;
            }
            let Some(at) = self.slot_for(memory_bytes) else {
                break;
            };
            self.queue.pop_front();
            while self.slots.len() <= at {
                self.slots.push(Slot::default());
            }
            let (Some(slot), Some(job)) = (self.slots.get_mut(at), self.jobs.get(&chunk.job))
            else {
                break;
            };
            slot.give(chunk, memory_bytes);
            let fold_input = job.fold_input.filter(|_| chunk.first == job.spec.count);
            self.actions.push_back(Action::Run {
                slot: slot_id(at),
                chunk,
                person: job.person,
                spec: Arc::clone(&job.spec),
                fold_input,
            });
        }
    }

    /// A free slot while more may run, else one whose chunk ends soon.
    fn slot_for(&self, memory_bytes: u64) -> Option<usize> {
        let reserved: u64 = self.slots.iter().map(Slot::reserved_bytes).sum();
        let fits =
            |before: u64| reserved - before + memory_bytes.max(before) <= self.config.memory_bytes;
        if self.active() < self.allowed() {
            let free = self
                .slots
                .iter()
                .position(Slot::is_free)
                .unwrap_or(self.slots.len());
            return fits(0).then_some(free);
        }
        let soon = |slot: &Slot| {
            let Some(chunk) = slot.running() else {
                return false;
            };
            let Some(micros) = self.jobs.get(&chunk.job).and_then(|job| job.task_micros) else {
                return false;
            };
            u128::from(micros) * u128::from(chunk.count) <= PREFETCH_BEHIND_MAX.as_micros()
        };
        self.slots
            .iter()
            .position(|slot| slot.has_room_behind() && fits(slot.reserved_bytes()) && soon(slot))
    }
}

pub(super) fn slot_id(at: usize) -> SlotId {
    SlotId(u32::try_from(at).unwrap_or(u32::MAX))
}
