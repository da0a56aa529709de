//! What machines are expected to make of a job: how fast its tasks run there,
//! what must get ready first, and when their slots are free.

use super::Coordinator;
use super::job::Job;
use super::machine::Machine;
use super::pace::micros_of;
use super::place::LOOKED_AT;
use super::speed::scale;
use crate::id::MachineId;
use crate::limits::{COMPILE_TIME, FETCH_TIME, PREFETCH_BELOW};
use crate::moment::Moment;
use core::time::Duration;

/// What a machine must get ready takes so long at most.
const BEFORE_MAX_MICROS: u64 =
    (COMPILE_TIME.as_micros() + FETCHED_FIRST as u128 * FETCH_TIME.as_micros()) as u64;

/// Of so many missing inputs the time is counted; the rest is fetched while
/// the first tasks run.
const FETCHED_FIRST: usize = 8;

/// What the open machines would make of one job.
#[derive(Debug)]
pub(super) struct Outlook {
    /// The fastest first.
    pub(super) stands: Vec<Stand>,
    /// Tasks that all their slots end in 10^15 nanoseconds.
    pub(super) rate: u128,
    /// Of a pool that is looked at as a whole: when all that waits could have
    /// ended, each task where that is earliest.
    pub(super) all_end: Option<Moment>,
    /// When it was drawn up.
    pub(super) seen: Moment,
}

/// One machine that may have tasks of the job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    pub(super) task_nanos: u64,
    pub(super) id: MachineId,
    /// Until a lease becomes work there: the wire, a module to compile.
    pub(super) before_micros: u64,
    /// Tasks of the job for which it has memory at once.
    pub(super) fit: usize,
}

/// So that the rate of a day's task is a whole number of some digits.
pub(super) const NANOS_OF_RATE: u128 = 1_000_000_000_000_000;

impl Outlook {
    pub(super) fn of(coordinator: &Coordinator, job: &Job, open: &[MachineId]) -> Outlook {
        let memory = job.spec.limits.memory_bytes;
        let nominal = micros_of(PREFETCH_BELOW) * 1_000;
        let mut rate = 0;
        let mut stands = Vec::new();
        for &id in open {
            let Some(machine) = coordinator.machines.get(&id) else {
                continue;
            };
            if machine.memory_bytes < memory || !job.spec.allows(id, &machine.orders.labels) {
                continue;
            }
            // Where nothing is known of the job, machines still differ.
            let known = coordinator.task_nanos(job, id).or_else(|| {
                let typical = open.iter().take(1).map(|first| (*first, nominal));
                let guess = coordinator.speeds.guess(typical, id)?;
                Some(scale(guess, machine.slowdown()))
            });
            let task_nanos = known.unwrap_or(nominal).max(1);
            rate += NANOS_OF_RATE / u128::from(task_nanos) * u128::from(machine.slots);
            stands.push(Stand {
                task_nanos,
                id,
                before_micros: coordinator.before_micros(job, id, machine),
                fit: usize::try_from(machine.memory_bytes / memory.max(1)).unwrap_or(usize::MAX),
            });
        }
        stands.sort_unstable_by_key(|stand| (stand.task_nanos, stand.id));
        let seen = coordinator.now.moment;
        let all_end = (stands.len() > LOOKED_AT).then(|| coordinator.all_end(job, &stands));
        Outlook {
            stands,
            rate,
            all_end: all_end.map(|micros| seen.after(Duration::from_micros(micros))),
            seen,
        }
    }
}

impl Stand {
    pub(super) fn micros(self, tasks: u64) -> u64 {
        self.task_nanos.saturating_mul(tasks) / 1_000
    }
}

impl Coordinator {
    /// What a task of the job takes on the machine, as far as anybody knows:
    /// as the job measured it there, as it did elsewhere, as the module did
    /// before. Other programs that run there now are counted in.
    pub(super) fn task_nanos(&self, job: &Job, id: MachineId) -> Option<u64> {
        let machine = self.machines.get(&id)?;
        let alone = job.pace.on(id).or_else(|| {
            if job.pace.is_measured() {
                self.speeds.guess(job.pace.all(), id)
            } else {
                self.speeds.task_nanos(&job.spec.module, id)
            }
        })?;
        Some(scale(alone, machine.slowdown()).max(1))
    }

    /// When all that waits of the job could have ended, microseconds from now.
    fn all_end(&self, job: &Job, stands: &[Stand]) -> u64 {
        let mut slots = Vec::new();
        for stand in stands {
            let free = self.slots_free(stand.id);
            let task = stand.micros(1).max(1);
            let begins = free.iter().take(stand.fit);
            slots.extend(begins.map(|at| (at.saturating_add(stand.before_micros), task)));
        }
        let waiting = u64::from(job.waiting_now());
        let ended_by = |end: u64| -> u64 {
            let tasks = slots
                .iter()
                .map(|(at, task)| end.saturating_sub(*at) / task);
            tasks.fold(0, u64::saturating_add)
        };
        let (mut early, mut late) = (0, 1);
        while ended_by(late) < waiting && late < u64::MAX / 2 {
            early = late;
            late *= 2;
        }
        while early + 1 < late {
            let middle = early + (late - early) / 2;
            if ended_by(middle) < waiting {
                early = middle;
            } else {
                late = middle;
            }
        }
        late
    }

    /// Until the first of its slots is free, at the most.
    pub(super) fn free_at_latest(&self, id: MachineId) -> u64 {
        self.machines.get(&id).map_or(0, |machine| {
            let wire = machine.turnaround_micros;
            if machine.idle() > 0 {
                return wire.saturating_add(BEFORE_MAX_MICROS);
            }
            let held = machine.expected_micros();
            held.saturating_add(wire).saturating_add(BEFORE_MAX_MICROS)
        })
    }

    /// When each slot of the machine is expected to be free, the earliest
    /// first, in microseconds from now.
    pub(super) fn slots_free(&self, id: MachineId) -> Vec<u64> {
        let Some(machine) = self.machines.get(&id) else {
            return Vec::new();
        };
        let slots = machine.slots as usize;
        let leases = machine.leases.len();
        if leases > 4 * slots {
            // So many are short, and known only together.
            let each = machine.expected_micros() / u64::from(machine.slots.max(1));
            return vec![each.max(1); slots];
        }
        let held = machine.leases.iter().filter_map(|(no, first)| {
            let lease = self.jobs.get(no)?.tasks.lease(*first)?;
            Some((
                lease.order,
                machine.left_of(lease, self.now.moment),
                lease.micros,
            ))
        });
        let mut held: Vec<(u64, u64, u64)> = held.collect();
        held.sort_unstable();
        let mut free: Vec<u64> = held
            .iter()
            .take(slots)
            .map(|(_, left, _)| (*left).max(1))
            .collect();
        free.resize(slots, 0);
        for (_, _, micros) in held.iter().skip(slots) {
            if let Some(next) = free.iter_mut().min() {
                *next = next.saturating_add(*micros);
            }
        }
        free.sort_unstable();
        free
    }

    /// Tasks of the job for which the machine has memory beside what it has.
    pub(super) fn idle_fit(&self, id: MachineId, job: &Job) -> usize {
        let memory = job.spec.limits.memory_bytes.max(1);
        let left = self.machines.get(&id).map_or(0, |machine| {
            machine
                .memory_bytes
                .saturating_sub(machine.reserved_bytes())
        });
        usize::try_from(left / memory).unwrap_or(usize::MAX)
    }

    /// Slots that work once so many more do, of a thousand.
    pub(super) fn share_of_slots(&self, id: MachineId, more: u32) -> u64 {
        self.machines.get(&id).map_or(u64::MAX, |machine| {
            let working = u64::from(machine.busy()) + u64::from(more);
            working * 1_000 / u64::from(machine.slots.max(1))
        })
    }

    /// From a grant to the first task of the job: the wire, and what the
    /// machine must get ready first. What it was told of already is on its way.
    fn before_micros(&self, job: &Job, id: MachineId, machine: &Machine) -> u64 {
        let wire = machine.turnaround_micros;
        if machine.told.contains_key(&job.no) {
            return wire;
        }
        let missing = job
            .spec
            .inputs
            .iter()
            .filter(|blob| !machine.has_blob(blob));
        let missing = missing.take(FETCHED_FIRST).count() as u64;
        let compile = if self.is_ready(job, id) {
            0
        } else {
            micros_of(COMPILE_TIME)
        };
        wire + compile + missing * micros_of(FETCH_TIME)
    }

    /// The job's module is compiled there, as far as anybody knows.
    pub(super) fn is_ready(&self, job: &Job, id: MachineId) -> bool {
        let module = &job.spec.module;
        let says_so = self.machines.get(&id).is_some_and(|m| m.has_module(module));
        says_so || self.speeds.ran(module, id)
    }
}
