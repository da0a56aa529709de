//! Who gets what next.
//!
//! Persons and their jobs take turns ([`super::queue`]), a chunk at a time;
//! machines are first given a chunk for each slot, then what their credit
//! allows beyond.

use super::Coordinator;
use super::credit::Depth;
use super::job::Job;
use super::machine::Machine;
use super::offer::Offer;
use super::place::Field;
use super::queue::{Row, Turn};
use super::tasks::Lease;
use super::timer::Timer;
use crate::id::{JobNo, MachineId};
use crate::limits::PULSE;
use crate::message::{Chunk, ToWorker};
use crate::moment::Moment;

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
        self.recall();
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
        if self.queue.is_empty() {
            return;
        }
        let kept = core::mem::take(&mut self.outlooks);
        let mut field = Field::of(self, kept);
        for depth in [Depth::Slots, Depth::Ahead, Depth::Deep] {
            let mut machines = field.open.clone();
            while !machines.is_empty() && !self.queue.is_empty() {
                machines.retain(|machine| self.grant_one(*machine, depth, &mut field));
            }
        }
        let (left, kept) = field.close(self.now.moment);
        self.outlooks = kept;
        let now = self.now.moment;
        for no in left {
            if let Some(job) = self.jobs.get_mut(&no) {
                job.left_since.get_or_insert(now);
            }
        }
    }

    /// Grants one chunk to the machine. Whoever has the turn is passed by only
    /// for a machine that ends it earlier, never for another reason of
    /// convenience, or a stream of small tasks would keep a long one waiting for
    /// as long as it flows.
    fn grant_one(&mut self, id: MachineId, depth: Depth, field: &mut Field) -> bool {
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
        let fits =
            |row: Row, no: JobNo| has_room(row.memory_bytes) && self.is_wanted_by(no, id, machine);
        let Some((turn, offer)) = self.first_offer(id, field, true, fits) else {
            return false;
        };
        let Some(job) = self.jobs.get(&turn.no) else {
            return false;
        };
        if !job.is_worth(depth, &offer, id, machine) {
            return false;
        }
        // What does not fit now, but would if the machine had less to do.
        let cramped = |row: Row, no: JobNo| {
            row.memory_bytes <= machine.memory_bytes
                && !machine.has_room(depth, row.memory_bytes)
                && self.is_wanted_by(no, id, machine)
        };
        let starved = self.queue.is_starved_by(self.now.moment, turn, cramped);
        if starved && self.first_offer(id, field, false, cramped).is_some() {
            return false;
        }
        self.lease(turn.no, id, &offer);
        field.granted(turn.no, id);
        true
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
            micros: offer.micros,
            granted_wall_ms: now.wall_ms,
            inherited: false,
            granted: now.moment,
            order: self.served,
            queued: machine.idle() == 0,
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
        job.left_since = None;
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
                .iter()
                .filter(|(id, machine)| job.spec.allows(**id, &machine.orders.labels))
                .any(|(_, machine)| machine.is_open(now) && machine.has_room(Depth::Slots, memory))
    }
}

impl Job {
    /// When more of it can be tried, if nothing else happens.
    fn next_try(&self, now: Moment) -> Option<Moment> {
        let choosy = self.tasks.next_elsewhere(now);
        [self.tasks.delayed(), choosy].into_iter().flatten().min()
    }
}

impl Machine {
    /// Paused while it holds tasks.
    fn is_holding(&self) -> bool {
        self.pause.is_some() && !self.leases.is_empty()
    }
}
