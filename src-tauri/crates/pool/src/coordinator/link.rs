//! Machines that come, speak, fall silent and leave.

use super::machine::{About, Link, Machine};
use super::order::Orders;
use super::ranges::Ranges;
use super::timer::Timer;
use super::{Coordinator, Event, Peer};
use crate::id::{DeviceId, JobNo, MachineId};
use crate::limits::{HELD_MAX, LEASES_PER_WORKER_MAX, MACHINES_MAX, PULSE, REST_AFTER_RETURN};
use crate::message::{Chunk, Heartbeat, Hello, Output, ToWorker, VERSION};
use crate::moment::Now;
use std::collections::BTreeMap;

impl Coordinator {
    pub(super) fn handle_hello(&mut self, peer: Peer, hello: &Hello) {
        self.timers.disarm(Timer::Hello(peer));
        let device = self.peers.get(&peer).map(|connection| connection.device);
        if let Some(why) = self.objection(device, hello) {
            self.peers.remove(&peer);
            self.refuse(peer, &why);
            return;
        }
        let id = hello.machine;
        let before = self.machines.get(&id).and_then(Machine::peer);
        #[cfg(feature = "mutants")]
        let before = before.filter(|_| !self.is_planted(super::Mutant::OlderConnectionStays));
        if let Some(before) = before {
            self.forget_peer(before);
            self.refuse(before, "this machine has connected again");
            self.events.push_back(Event::Superseded(id.device()));
        }
        if let Some(connection) = self.peers.get_mut(&peer) {
            connection.machine = Some(id);
        }
        let now = self.now;
        let known = self.machines.get(&id).and_then(|machine| machine.life);
        let lives_on = known == Some(hello.life);
        let machine = self.machines.entry(id).or_insert_with(|| {
            let about = About::of(now, hello);
            Machine::away(about, Orders::default(), Link::Gone, now.moment)
        });
        machine.greet(now, peer, hello);
        self.unsaved.machines.insert(id);
        self.watch(id);
        self.reconcile(id, hello, lives_on);
        self.repeat_orders(id);
        if self.draining {
            self.send(id, ToWorker::Drain);
        }
        self.events.push_back(Event::MachineChanged(id));
    }

    fn objection(&self, device: Option<DeviceId>, hello: &Hello) -> Option<String> {
        // What it may do can have changed since it connected.
        let Some(caller) = device.and_then(|device| self.caller(device)) else {
            return Some("this device does not belong to the pool".to_owned());
        };
        let believed = caller.device == hello.machine.device();
        #[cfg(feature = "mutants")]
        let believed = believed || self.is_planted(super::Mutant::HelloBelieved);
        if !believed {
            return Some("names another machine than its key belongs to".to_owned());
        }
        let works = caller.roles.work;
        #[cfg(feature = "mutants")]
        let works = works || self.is_planted(super::Mutant::RoleIgnored);
        if !works {
            return Some("this device may not work for the pool".to_owned());
        }
        if hello.version != VERSION {
            return Some(format!(
                "speaks version {} of the protocol, this pool speaks {VERSION}",
                hello.version
            ));
        }
        if hello.holding.len().max(hello.undelivered.len()) > 2 * LEASES_PER_WORKER_MAX {
            return Some("claims more leases than a machine can have".to_owned());
        }
        if self.machines.len() >= MACHINES_MAX && !self.machines.contains_key(&hello.machine) {
            return Some(format!("the pool has {MACHINES_MAX} machines already"));
        }
        None
    }

    /// Compares what the machine holds with what it was granted: what both
    /// know goes on, what only it knows it drops. What only we know never got
    /// there or was given back if the worker lives on, and is lost if not.
    fn reconcile(&mut self, id: MachineId, hello: &Hello, lives_on: bool) {
        let mut claimed: BTreeMap<JobNo, Ranges> = BTreeMap::new();
        let mut drop = Vec::new();
        let keep = self.recognise(id, &hello.holding, &mut claimed, &mut drop);
        let send = self.recognise(id, &hello.undelivered, &mut claimed, &mut drop);
        let leases: Vec<(JobNo, u32)> = self
            .machines
            .get(&id)
            .map_or_else(Vec::new, |m| m.leases.iter().copied().collect());
        let mut missing = Vec::new();
        for (no, first) in leases {
            let Some(job) = self.jobs.get_mut(&no) else {
                continue;
            };
            let Some(count) = job.tasks.lease(first).map(|lease| lease.count) else {
                continue;
            };
            let empty = Ranges::default();
            let claimed = claimed.get(&no).unwrap_or(&empty);
            missing.extend(
                claimed
                    .missing(first, count)
                    .into_iter()
                    .map(|(first, count)| (no, first, count)),
            );
        }
        for (no, first, count) in missing {
            if lives_on {
                self.take_back(no, first, count);
            } else {
                self.lose(no, first, count, "its machine started anew without it");
            }
        }
        for (no, ranges) in &claimed {
            if let Some(job) = self.jobs.get_mut(no) {
                job.tasks.confirm(ranges, id);
                if let Some(machine) = self.machines.get_mut(&id) {
                    machine.told.insert(*no, None);
                }
            }
        }
        #[cfg(feature = "mutants")]
        self.grant_twice(&claimed);
        let term = self.term;
        self.send(
            id,
            ToWorker::Welcome {
                term,
                keep,
                drop,
                send,
            },
        );
    }

    fn recognise(
        &self,
        machine: MachineId,
        chunks: &[Chunk],
        claimed: &mut BTreeMap<JobNo, Ranges>,
        drop: &mut Vec<Chunk>,
    ) -> Vec<Chunk> {
        let mut known = Vec::new();
        for chunk in chunks {
            if chunk.first.checked_add(chunk.count).is_none() || chunk.count == 0 {
                continue;
            }
            let job = self.by_id.get(&chunk.job).and_then(|no| self.jobs.get(no));
            let mut unknown = Ranges::of(chunk.first, chunk.count);
            if let Some(job) = job {
                for (first, count) in job.tasks.held(chunk, machine) {
                    unknown.remove(first, count);
                    claimed.entry(job.no).or_default().insert(first, count);
                    known.push(Chunk {
                        first,
                        count,
                        ..*chunk
                    });
                }
            }
            drop.extend(unknown.iter().map(|(first, count)| Chunk {
                first,
                count,
                ..*chunk
            }));
        }
        known
    }

    pub(super) fn handle_heartbeat(&mut self, id: MachineId, heartbeat: &Heartbeat) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let before = (
            machine.link,
            machine.slots,
            machine.memory_bytes,
            machine.pause.clone(),
        );
        machine.heed(now, heartbeat);
        if let Link::Silent { peer } = machine.link {
            machine.link = Link::Up { peer };
        }
        let after = (
            machine.link,
            machine.slots,
            machine.memory_bytes,
            machine.pause.clone(),
        );
        self.watch(id);
        if before != after {
            self.events.push_back(Event::MachineChanged(id));
        }
    }

    /// Arms what must be looked at if the machine says nothing more, or goes
    /// on pausing. The silence timer moves only when it fires: heartbeats are
    /// many, silences few.
    fn watch(&mut self, id: MachineId) {
        let Some(machine) = self.machines.get(&id) else {
            return;
        };
        if let Some(at) = machine.lost_at() {
            self.timers.arm_unless_earlier(Timer::Silence(id), at);
        }
        match &machine.pause {
            Some(pause) => self
                .timers
                .arm_unless_earlier(Timer::Held(id), pause.since.after(HELD_MAX)),
            None => self.timers.disarm(Timer::Held(id)),
        }
    }

    /// The machine's connection is gone, without a goodbye.
    pub(super) fn unlink(&mut self, id: MachineId, timed_out: bool) {
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        machine.link = match machine.link {
            Link::Up { .. } => Link::Down { timed_out },
            Link::Silent { .. } => Link::Gone,
            Link::Down { .. } | Link::Gone => return,
        };
        self.left(id);
        self.watch(id);
    }

    /// What goes with any connection.
    pub(super) fn left(&mut self, id: MachineId) {
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        machine.about.seen_wall_ms = machine.heard_wall_ms;
        machine.told.clear();
        machine.progress.clear();
        machine.forget_news();
        self.unsaved.machines.insert(id);
        self.timers.disarm(Timer::Held(id));
        self.events.push_back(Event::MachineChanged(id));
    }

    pub(super) fn handle_goodbye(&mut self, peer: Peer, id: MachineId) {
        self.peers.remove(&peer);
        self.take_back_all(id);
        if let Some(machine) = self.machines.get_mut(&id) {
            machine.link = Link::Gone;
        }
        self.timers.disarm(Timer::Silence(id));
        self.left(id);
    }

    pub(super) fn handle_silence(&mut self, id: MachineId) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let Some(at) = machine.lost_at() else { return };
        #[cfg(feature = "mutants")]
        let at = if self.mutant == Some(super::Mutant::LeaseByWallClock) {
            machine.lost_at_by_wall(at, now)
        } else {
            at
        };
        if at > now.moment {
            self.timers.arm(Timer::Silence(id), at);
            return;
        }
        let (link, why) = match machine.link {
            Link::Up { peer } => (Link::Silent { peer }, "its machine fell silent"),
            Link::Down { .. } => (Link::Gone, "its machine did not come back"),
            Link::Silent { .. } | Link::Gone => return,
        };
        machine.link = link;
        let lost = self.lose_all(id, why);
        if !lost.is_empty() {
            self.send(id, ToWorker::Drop(lost));
        }
        self.events.push_back(Event::MachineChanged(id));
    }

    /// As long as a machine that holds tasks may be lost, the coordinator looks
    /// at its own clock: a pulse that comes late means that it stood still, and
    /// heard nobody for that reason.
    pub(super) fn handle_pulse(&mut self) {
        let at = self.now.moment.after(PULSE);
        let waits = |machine: &Machine| !machine.leases.is_empty() && machine.lost_at().is_some();
        if self.machines.values().any(waits) {
            self.timers.arm_unless_earlier(Timer::Pulse, at);
        }
    }

    /// It was the coordinator that stood still: everybody has as long again.
    pub(super) fn forgive_silence(&mut self, now: Now) {
        for machine in self.machines.values_mut() {
            machine.heard = machine.heard.max(now.moment);
        }
    }

    /// A pause has lasted too long for the tasks that it stopped.
    pub(super) fn handle_held(&mut self, id: MachineId) {
        let Some(machine) = self.machines.get(&id) else {
            return;
        };
        let Some(until) = machine
            .pause
            .as_ref()
            .map(|pause| pause.since.after(HELD_MAX))
        else {
            return;
        };
        if until > self.now.moment {
            self.timers.arm(Timer::Held(id), until);
            return;
        }
        let chunks = self.take_back_all(id);
        if !chunks.is_empty() {
            self.send(id, ToWorker::Drop(chunks));
        }
    }

    pub(super) fn handle_return(&mut self, peer: Peer, id: MachineId, chunks: &[Chunk]) {
        if chunks.len() > LEASES_PER_WORKER_MAX {
            self.strike(peer, "gave back more leases than a machine can have");
            return;
        }
        let mut asked_for = true;
        for chunk in chunks {
            let Some(job) = self.by_id.get(&chunk.job).and_then(|no| self.jobs.get(no)) else {
                continue;
            };
            let no = job.no;
            for (first, count) in job.tasks.held(chunk, id) {
                asked_for &= self.is_recalled(id, no, first);
                self.take_back(no, first, count);
            }
        }
        let now = self.now.moment;
        if let Some(machine) = self.machines.get_mut(&id)
            && machine.is_open(now)
            && !asked_for
        {
            let until = now.after(REST_AFTER_RETURN);
            machine.rests_until = Some(until);
            self.timers.arm(Timer::Rested(id), until);
        }
    }

    /// Whether the machine was asked to give back the lease that holds the task.
    fn is_recalled(&self, id: MachineId, no: JobNo, index: u32) -> bool {
        let start = self.jobs.get(&no).and_then(|job| job.tasks.start_of(index));
        let recalled = |start| {
            self.machines
                .get(&id)
                .map(|m| m.recalled.contains_key(&(no, start)))
        };
        start.and_then(recalled).unwrap_or(false)
    }

    /// Shown only if it comes from the attempt that counts.
    pub(super) fn handle_output(&mut self, id: MachineId, output: Output) {
        let Some(job) = self.by_id.get(&output.job).and_then(|no| self.jobs.get(no)) else {
            return;
        };
        let current = job
            .tasks
            .lease_of(output.index)
            .is_some_and(|lease| lease.machine == id && lease.attempt == output.attempt);
        if current {
            self.events.push_back(Event::Output(output));
        }
    }
}
