//! Work that waits behind other work on one machine while another has nothing
//! to do: asked back, and given to that one when it comes.
//!
//! The lease stands until the machine answers: what it has begun meanwhile it
//! keeps, and nothing is ever run twice for this.

use super::Coordinator;
use super::credit::Depth;
use super::machine::{Link, Machine};
use super::pace;
use crate::id::{JobNo, MachineId};
use crate::limits::{CHOOSY_FROM, RECALL_LOOKED_AT};
use crate::message::{Chunk, ToWorker};
use core::time::Duration;

/// For so long an answer is waited for before others are asked: a machine that
/// has begun what is recalled says nothing.
const ANSWER: Duration = Duration::from_secs(1);

/// Idle machines that are looked at in one turn; others have theirs later.
const IDLE_LOOKED_AT: usize = 16;

/// A machine that has nothing to do.
struct Idle {
    id: MachineId,
    /// Until it could begin, with what was found for it already.
    begins_micros: u64,
    slots: u64,
    /// Leases that were asked back for it, or are to be.
    asked: u32,
}

/// A lease that waits on its machine.
struct Waiting {
    order: u64,
    no: JobNo,
    chunk: Chunk,
    micros: u64,
}

impl Coordinator {
    /// Asks back what idle machines are expected to end earlier.
    pub(super) fn recall(&mut self) {
        let mut idle = self.idle_machines();
        if idle.is_empty() {
            return;
        }
        let mut looked_at = 0;
        for (_, holder) in self.machines_with_waiting_leases() {
            let mut recalled = Vec::new();
            let (slots, mut ends_micros) = self.machines.get(&holder).map_or((1, 0), |machine| {
                (u64::from(machine.slots.max(1)), machine.expected_micros())
            });
            for waiting in self.waiting_leases(holder) {
                looked_at += 1;
                if looked_at > RECALL_LOOKED_AT {
                    break;
                }
                let best = self.best_of(&mut idle, holder, &waiting);
                let Some((best, end)) = best else { continue };
                if end + pace::micros_of(CHOOSY_FROM) < ends_micros / slots {
                    ends_micros = ends_micros.saturating_sub(waiting.micros);
                    best.begins_micros += waiting.micros / best.slots;
                    best.asked += 1;
                    recalled.push((waiting.no, waiting.chunk));
                }
            }
            self.ask_back(holder, recalled);
            if looked_at > RECALL_LOOKED_AT {
                break;
            }
        }
    }

    /// Machines with idle slots, and how many answers are awaited for each.
    fn idle_machines(&self) -> Vec<Idle> {
        let now = self.now.moment;
        let mut idle: Vec<Idle> = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.is_open(now) && machine.idle() > 0)
            .map(|(id, machine)| Idle {
                id: *id,
                begins_micros: machine.turnaround_micros,
                slots: u64::from(machine.slots.max(1)),
                asked: 0,
            })
            .collect();
        if idle.is_empty() {
            return idle;
        }
        let turn = usize::try_from(self.served).unwrap_or(0) % idle.len();
        idle.rotate_left(turn);
        idle.truncate(IDLE_LOOKED_AT);
        let awaited = self.machines.values().map(|machine| {
            let asked = machine.recalled.values();
            asked.filter(|at| at.after(ANSWER) > now).count()
        });
        let mut awaited = u32::try_from(awaited.sum::<usize>()).unwrap_or(u32::MAX);
        for machine in &mut idle {
            let slots = u32::try_from(machine.slots).unwrap_or(u32::MAX);
            machine.asked = awaited.min(slots);
            awaited -= machine.asked;
        }
        idle
    }

    /// Those with most to do first.
    fn machines_with_waiting_leases(&self) -> Vec<(u64, MachineId)> {
        let is_up = |machine: &Machine| match machine.link {
            Link::Up { .. } => true,
            Link::Silent { .. } | Link::Down { .. } | Link::Gone => false,
        };
        let mut holders: Vec<(u64, MachineId)> = self
            .machines
            .iter()
            .filter(|(_, machine)| is_up(machine) && machine.waiting_leases() > 0)
            .map(|(id, machine)| {
                let each = machine.expected_micros() / u64::from(machine.slots.max(1));
                (each, *id)
            })
            .collect();
        holders.sort_unstable_by_key(|(micros, id)| (core::cmp::Reverse(*micros), *id));
        holders
    }

    /// What waits on the machine as far as anybody knows, the newest first.
    fn waiting_leases(&self, id: MachineId) -> Vec<Waiting> {
        let Some(machine) = self.machines.get(&id) else {
            return Vec::new();
        };
        let mut all: Vec<Waiting> = self
            .chunks_of(id)
            .into_iter()
            .filter_map(|(no, chunk)| {
                let lease = self.jobs.get(&no)?.tasks.lease(chunk.first)?;
                Some(Waiting {
                    order: lease.order,
                    no,
                    chunk,
                    micros: lease.micros,
                })
            })
            .collect();
        all.sort_unstable_by_key(|waiting| core::cmp::Reverse((waiting.order, waiting.no)));
        all.truncate(machine.waiting_leases() as usize);
        all.retain(|waiting| {
            let key = (waiting.no, waiting.chunk.first);
            !machine.recalled.contains_key(&key)
        });
        all
    }

    /// Which idle machine would end it first, and when.
    fn best_of<'a>(
        &self,
        idle: &'a mut [Idle],
        holder: MachineId,
        waiting: &Waiting,
    ) -> Option<(&'a mut Idle, u64)> {
        let job = self.jobs.get(&waiting.no)?;
        let back = self.machines.get(&holder)?.turnaround_micros;
        let end = |other: &Idle| {
            let machine = self.machines.get(&other.id)?;
            let may = other.asked < machine.credits(waiting.micros)
                && other.id != holder
                && job.spec.allows(other.id, &machine.orders.labels)
                && machine.has_room(Depth::Slots, job.spec.limits.memory_bytes);
            may.then(|| {
                let work = pace::micros(waiting.chunk.count, self.task_nanos(job, other.id));
                back.saturating_add(other.begins_micros)
                    .saturating_add(work)
            })
        };
        let ends = idle.iter_mut().filter_map(|other| {
            let end = end(other)?;
            Some((other, end))
        });
        ends.min_by_key(|(other, end)| (*end, other.id))
    }

    fn ask_back(&mut self, id: MachineId, leases: Vec<(JobNo, Chunk)>) {
        let now = self.now.moment;
        if leases.is_empty() {
            return;
        }
        if let Some(machine) = self.machines.get_mut(&id) {
            let asked = leases.iter().map(|(no, chunk)| ((*no, chunk.first), now));
            machine.recalled.extend(asked);
        }
        let chunks = leases.into_iter().map(|(_, chunk)| chunk).collect();
        self.send(id, ToWorker::Recall(chunks));
    }
}
