//! Who gets what next.
//!
//! Persons and their jobs take turns ([`super::queue`]), a chunk at a time; machines are
//! first given a chunk for each slot, then what their credit allows beyond.

use super::Coordinator;
use super::job::Job;
use super::machine::{Depth, Machine};
use super::pace::micros_of;
use super::queue::Turn;
use super::tasks::Lease;
use super::timer::Timer;
use crate::id::{JobNo, MachineId};
use crate::limits::{CHUNK_TASKS_MAX, PREFETCH_BELOW, PULSE, RETRY_DELAY_MAX, SUSPECT_CHUNK};
use crate::message::{Chunk, ToWorker};
use crate::moment::Moment;

/// Tasks that wait for another machine and are looked at for each lease; the
/// oldest come first, so that the others have their turn.
const ELSEWHERE_LOOKED_AT: usize = 64;

/// A lease that could be granted.
struct Offer {
    first: u32,
    count: u32,
    /// Of a task that waits for another machine: until when it is choosy.
    choosy_until: Option<Moment>,
    /// Tasks that were lost before.
    suspect: bool,
}

impl Coordinator {
    /// Grants all that can be granted now.
    pub(super) fn grant(&mut self) {
        self.queue_touched();
        if self.draining {
            return;
        }
        self.fill();
        if self.reclaim_held() {
            self.queue_touched();
            self.fill();
        }
    }

    /// Puts jobs that changed where they belong in the queue.
    fn queue_touched(&mut self) {
        let now = self.now.moment;
        for no in &self.touched {
            let Some(job) = self.jobs.get_mut(no) else {
                continue;
            };
            let wanted = job.wanted_place();
            if wanted != job.place {
                if let Some(place) = core::mem::replace(&mut job.place, wanted) {
                    self.queue.remove(place);
                }
                if let Some(place) = wanted {
                    self.queue.insert(now, place);
                }
            }
            let next = if job.is_ended() {
                None
            } else {
                job.next_try(now)
            };
            match next {
                Some(at) => self.timers.arm(Timer::Retry(*no), at),
                None => self.timers.disarm(Timer::Retry(*no)),
            }
        }
    }

    fn fill(&mut self) {
        let now = self.now.moment;
        let open: Vec<MachineId> = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.is_open(now))
            .map(|(id, _)| *id)
            .collect();
        let slots = open
            .iter()
            .filter_map(|id| self.machines.get(id))
            .map(|machine| machine.slots)
            .sum();
        for depth in [Depth::Slots, Depth::Ahead, Depth::Deep] {
            let mut machines = open.clone();
            while !machines.is_empty() && !self.queue.is_empty() {
                machines.retain(|machine| self.grant_one(*machine, depth, slots));
            }
        }
    }

    /// Grants one chunk to the machine. Whoever has the turn is not passed by
    /// for a reason of convenience, or a stream of small tasks would keep a
    /// long one waiting for as long as it flows.
    fn grant_one(&mut self, id: MachineId, depth: Depth, slots: u32) -> bool {
        let Some(machine) = self.machines.get(&id) else {
            return false;
        };
        if !machine.has_credit(depth) {
            return false;
        }
        let has_room = |memory_bytes| machine.has_room(depth, memory_bytes);
        #[cfg(feature = "mutants")]
        let has_room = |memory_bytes| {
            let promised_twice = self.is_planted(super::Mutant::MemoryPromisedTwice);
            has_room(memory_bytes) || (promised_twice && memory_bytes <= machine.memory_bytes)
        };
        let Some((turn, offer)) = self.first_offer(id, slots, has_room) else {
            return false;
        };
        let Some(job) = self.jobs.get(&turn.no) else {
            return false;
        };
        if !job.is_worth(depth, &offer, machine) {
            return false;
        }
        // What does not fit now, but would if the machine had less to do.
        let cramped = |memory_bytes| {
            memory_bytes <= machine.memory_bytes && !machine.has_room(depth, memory_bytes)
        };
        let starved = self.queue.is_starved_by(self.now.moment, turn, cramped);
        if starved && self.first_offer(id, slots, cramped).is_some() {
            return false;
        }
        self.lease(turn.no, id, &offer);
        true
    }

    /// What the first job could give this machine, of those with such memory.
    fn first_offer(
        &self,
        machine: MachineId,
        slots: u32,
        memory: impl Fn(u64) -> bool,
    ) -> Option<(Turn, Offer)> {
        self.queue.with_room(memory).find_map(|turn| {
            let job = self.jobs.get(&turn.no)?;
            Some((turn, self.offer(job, machine, slots)?))
        })
    }

    /// What of the job this machine could have now.
    fn offer(&self, job: &Job, machine: MachineId, slots: u32) -> Option<Offer> {
        let looked_at = job.tasks.elsewhere().take(ELSEWHERE_LOOKED_AT);
        for (choosy_until, index) in looked_at {
            if self.may_have(job, machine, choosy_until, index) {
                return Some(Offer {
                    first: index,
                    count: 1,
                    choosy_until: Some(choosy_until),
                    suspect: false,
                });
            }
        }
        let (first, ready) = job.front()?;
        let wanted = match job.spec.chunk {
            Some(chunk) => chunk.clamp(1, CHUNK_TASKS_MAX),
            None => job.pace.chunk(job.tasks.ready().len(), slots),
        };
        let (history, same) = job
            .tasks
            .histories()
            .uniform(first, first + ready.min(wanted));
        let losses = history.map_or(0, |history| history.losses);
        let suspect = match losses {
            0 => u32::MAX,
            losses => (SUSPECT_CHUNK >> (2 * (losses - 1)).min(31)).max(1),
        };
        Some(Offer {
            first,
            count: same.min(suspect),
            choosy_until: None,
            suspect: losses > 0,
        })
    }

    /// A task that asked to be run elsewhere may go to a machine that it does
    /// not avoid; to any, when there is no other or it waited for one in vain.
    fn may_have(&self, job: &Job, machine: MachineId, choosy_until: Moment, index: u32) -> bool {
        let now = self.now.moment;
        let Some(history) = job.tasks.histories().get(index) else {
            return true;
        };
        if !history.avoid.contains(&machine) || choosy_until.after(RETRY_DELAY_MAX) <= now {
            return true;
        }
        let memory = job.spec.limits.memory_bytes;
        let other = self.machines.iter().any(|(id, other)| {
            !history.avoid.contains(id) && other.is_open(now) && other.memory_bytes >= memory
        });
        choosy_until <= now && !other
    }

    fn lease(&mut self, no: JobNo, id: MachineId, offer: &Offer) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        if let Some(until) = offer.choosy_until {
            job.tasks.take_elsewhere(until, offer.first);
        }
        let attempt = job
            .tasks
            .histories()
            .get(offer.first)
            .map_or(0, |history| history.attempt)
            + 1;
        let lease = Lease {
            count: offer.count,
            machine: id,
            attempt,
            term: self.term,
            micros: job.pace.micros(offer.count),
            granted_wall_ms: now.wall_ms,
            inherited: false,
        };
        job.tasks.grant(offer.first, lease);
        machine.take(no, offer.first, &lease, job.spec.limits.memory_bytes);
        if !self.timers.is_armed(Timer::Pulse) {
            // Nobody has looked whether the coordinator itself stood still, so
            // what it did not hear until now says nothing.
            machine.heard = machine.heard.max(now.moment);
        }
        if job.facts.started_wall_ms.is_none() {
            job.change().started_wall_ms = Some(now.wall_ms);
        }
        if !job.facts.machines.contains(&id) {
            job.change().machines.push(id);
        }
        self.served += 1;
        let since = now.moment;
        #[cfg(feature = "mutants")]
        let since = if self.mutant == Some(super::Mutant::TurnByPriorityAlone) {
            Moment::default()
        } else {
            since
        };
        self.queue.serve(now.moment, job.turn, lease.micros);
        job.turn = Turn::new(job.facts.person, no, since, job.spec.priority, self.served);
        let wanted = job.wanted_place();
        if let Some(place) = core::mem::replace(&mut job.place, wanted) {
            self.queue.remove(place);
        }
        if let Some(place) = wanted {
            self.queue.insert(now.moment, place);
        }
        if let Some(peer) = machine.peer() {
            if machine.told.insert(no, Some(job.edition)) != Some(Some(job.edition)) {
                let told = ToWorker::Job {
                    job: job.id,
                    person: job.facts.person,
                    spec: job.spec.clone(),
                    fold_input: job.fold_input(),
                };
                self.transmits.push_back((peer, told));
            }
            let chunk = Chunk {
                job: job.id,
                first: offer.first,
                count: offer.count,
                attempt,
                term: self.term,
            };
            self.transmits.push_back((peer, ToWorker::Lease(chunk)));
        }
        self.unsent.insert((no, offer.first));
        self.touched.insert(no);
        self.timers
            .arm_unless_earlier(Timer::Pulse, now.moment.after(PULSE));
    }

    /// The delay before another try is over for some task of the job.
    pub(super) fn handle_retry(&mut self, no: JobNo) {
        let now = self.now.moment;
        if let Some(job) = self.jobs.get_mut(&no) {
            job.tasks.release_delayed(now);
        }
        self.touch(no);
    }

    /// Tasks that a paused machine has stopped go elsewhere as soon as another
    /// machine has a slot for them and nothing else to do.
    fn reclaim_held(&mut self) -> bool {
        let now = self.now.moment;
        let holding: Vec<MachineId> = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.is_holding())
            .map(|(id, _)| *id)
            .collect();
        if holding.is_empty() {
            return false;
        }
        let mut idle: u32 = self
            .machines
            .values()
            .filter(|machine| machine.is_open(now))
            .map(Machine::idle)
            .sum();
        let mut reclaimed = false;
        for id in holding {
            let mut dropped = Vec::new();
            for (no, chunk) in self.chunks_of(id) {
                if idle == 0 || !self.is_wanted(no) {
                    continue;
                }
                self.take_back(no, chunk.first, chunk.count);
                dropped.push(chunk);
                idle -= 1;
            }
            if !dropped.is_empty() {
                reclaimed = true;
                self.send(id, ToWorker::Drop(dropped));
            }
        }
        reclaimed
    }

    /// An idle slot could run tasks of the job.
    fn is_wanted(&self, no: JobNo) -> bool {
        let now = self.now.moment;
        let Some(job) = self.jobs.get(&no) else {
            return false;
        };
        let memory = job.spec.limits.memory_bytes;
        job.may_run()
            && self
                .machines
                .values()
                .any(|machine| machine.is_open(now) && machine.has_room(Depth::Slots, memory))
    }
}

impl Job {
    /// When more of it can be tried, if nothing else happens.
    fn next_try(&self, now: Moment) -> Option<Moment> {
        let choosy = self.tasks.next_elsewhere(now);
        [self.tasks.delayed(), choosy].into_iter().flatten().min()
    }

    /// Whether these tasks may have a place behind others. Short ones may;
    /// while chunks still grow there is no point in many small ones. Others
    /// may wait behind short ones, a slot's worth, so that they are the next;
    /// more would only be kept from the slots that become free meanwhile.
    /// Those that may take their machine down are not mixed with more than
    /// must be.
    fn is_worth(&self, depth: Depth, offer: &Offer, machine: &Machine) -> bool {
        let short =
            self.pace.is_measured() && self.pace.micros(offer.count) < micros_of(PREFETCH_BELOW);
        let next = machine.is_soon_free() && machine.leases_of(self.no) < machine.slots;
        match depth {
            Depth::Slots => true,
            Depth::Ahead => (short || next) && !offer.suspect,
            Depth::Deep => {
                let grown = self.spec.chunk.is_some() || !self.pace.is_growing();
                ((short && grown) || next) && !offer.suspect
            }
        }
    }
}

impl Machine {
    /// Paused while it holds tasks.
    fn is_holding(&self) -> bool {
        self.pause.is_some() && !self.leases.is_empty()
    }
}
