//! Which machine a task is better left to.
//!
//! In the middle of a job every free slot gets work. At its end, and in a small
//! job from the beginning, there are fewer tasks than slots: then a machine
//! passes by a task that others are expected to end before it would, even if
//! the task must wait for its turn there. That is so if the others can end all
//! that waits by then, earlier jobs' tasks included, so no machine stands idle
//! for a wish that cannot come true; and it is so for a time at most, because
//! expectations are only that.

use super::Coordinator;
use super::job::Job;
use super::outlook::{NANOS_OF_RATE, Outlook};
use super::pace::{self, micros_of};
use crate::id::{JobNo, MachineId};
use crate::limits::{CHOOSY_FROM, CHOOSY_MAX, CHUNK_TIME};
use crate::moment::Moment;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// In a pool of so many machines each is compared with each; a larger one is
/// looked at as a whole.
pub(super) const LOOKED_AT: usize = 64;

/// For so long the outlook of a larger pool is good enough.
const OUTLOOK_KEPT: Duration = Duration::from_millis(50);

/// Jobs whose outlook is kept.
pub(super) const OUTLOOKS_KEPT: usize = 16;

/// What was found out of larger pools, from one turn to the next.
#[derive(Debug, Default)]
pub(super) struct Outlooks(BTreeMap<JobNo, Outlook>);

impl Outlooks {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The machines that may be given leases, as one turn sees them, and what was
/// found out about them in it.
#[derive(Debug)]
pub(super) struct Field {
    /// The nearest first.
    pub(super) open: Vec<MachineId>,
    pub(super) slots: u32,
    outlooks: BTreeMap<JobNo, Outlook>,
    /// When each slot is expected to be free, the earliest first, in
    /// microseconds from now.
    free: BTreeMap<MachineId, Vec<u64>>,
    /// Jobs that were left to other machines, and nobody had them.
    left: BTreeSet<JobNo>,
}

/// Work that is to be given to a machine, or left to others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) machine: MachineId,
    /// Tasks that it would get.
    pub(super) count: u32,
    /// Work of jobs whose turn is earlier and that are left to others as well,
    /// in microseconds of the fastest machine.
    pub(super) earlier_micros: u64,
}

impl Field {
    pub(super) fn of(coordinator: &Coordinator, kept: Outlooks) -> Field {
        let now = coordinator.now.moment;
        let machines = coordinator.machines.iter();
        let mut open: Vec<(u64, MachineId, u32)> = machines
            .filter(|(_, machine)| machine.is_open(now))
            .map(|(id, machine)| (machine.turnaround_micros, *id, machine.slots))
            .collect();
        open.sort_unstable();
        Field {
            slots: open.iter().map(|(_, _, slots)| *slots).sum(),
            open: open.into_iter().map(|(_, id, _)| id).collect(),
            outlooks: kept.0,
            free: BTreeMap::new(),
            left: BTreeSet::new(),
        }
    }

    /// A lease was granted: what was found out about its machine is old.
    pub(super) fn granted(&mut self, no: JobNo, machine: MachineId) {
        self.free.remove(&machine);
        self.left.remove(&no);
    }

    /// Jobs that were left to other machines in this turn, and nobody had them;
    /// and what is still good in the next.
    pub(super) fn close(mut self, now: Moment) -> (BTreeSet<JobNo>, Outlooks) {
        if self.open.len() <= LOOKED_AT || self.outlooks.len() > OUTLOOKS_KEPT {
            self.outlooks.clear();
        }
        self.outlooks
            .retain(|_, outlook| outlook.seen.after(OUTLOOK_KEPT) > now);
        (self.left, Outlooks(self.outlooks))
    }

    fn free(&mut self, coordinator: &Coordinator, id: MachineId) -> &[u64] {
        self.free
            .entry(id)
            .or_insert_with(|| coordinator.slots_free(id))
    }

    /// How long each slot works at what waits of the job until it is over, in
    /// nanoseconds, where that is so soon that it matters.
    pub(super) fn share(
        &mut self,
        coordinator: &Coordinator,
        job: &Job,
        task_nanos: u64,
    ) -> Option<u64> {
        let waiting = u64::from(job.tasks.ready().len());
        let least = job.pace.fastest().unwrap_or(task_nanos).min(task_nanos);
        let soonest = waiting.saturating_mul(least) / u64::from(self.slots.max(1));
        if soonest / 2 >= micros_of(CHUNK_TIME) * 1_000 {
            return None;
        }
        if self.open.len() == 1 {
            return Some(waiting.saturating_mul(task_nanos) / u64::from(self.slots.max(1)));
        }
        let rate = self.outlook(coordinator, job).rate.max(1);
        let span = u128::from(waiting) * NANOS_OF_RATE / rate;
        Some(u64::try_from(span).unwrap_or(u64::MAX))
    }

    /// Whether the others end all that waits of the job before the machine
    /// would end this.
    pub(super) fn is_better_left(
        &mut self,
        coordinator: &Coordinator,
        job: &Job,
        wish: Wish,
    ) -> bool {
        let now = coordinator.now.moment;
        if self.open.len() < 2 {
            return false;
        }
        let known = coordinator.task_nanos(job, wish.machine);
        let least = micros_of(CHOOSY_FROM);
        if known.is_some_and(|nanos| pace::micros(wish.count, Some(nanos)) < least) {
            return false;
        }
        let waiting = u64::from(job.waiting_now());
        // In the middle of a job this is all that is looked at.
        if let (Some(nanos), Some(least)) = (known, job.pace.fastest()) {
            let free = coordinator.free_at_latest(wish.machine);
            let end = free.saturating_add(pace::micros(wish.count, Some(nanos)));
            let each =
                u64::from(self.slots).saturating_mul(end.saturating_mul(1_000) / least.max(1));
            if waiting > each {
                return false;
            }
        }
        self.outlook(coordinator, job);
        let Some(outlook) = self.outlooks.remove(&job.no) else {
            return false;
        };
        let until = self.better_end(coordinator, job, &outlook, wish);
        self.outlooks.insert(job.no, outlook);
        let Some(saved_micros) = until else {
            return false;
        };
        // Whoever waited for as long as that was to save is told the truth by now.
        let waited = job
            .left_since
            .map_or(Duration::ZERO, |since| now.since(since));
        if waited > Duration::ZERO && waited >= Duration::from_micros(saved_micros).min(CHOOSY_MAX)
        {
            return false;
        }
        self.left.insert(job.no);
        true
    }

    /// Microseconds that are saved if the machine does not take this.
    fn better_end(
        &mut self,
        coordinator: &Coordinator,
        job: &Job,
        outlook: &Outlook,
        wish: Wish,
    ) -> Option<u64> {
        let mine = outlook
            .stands
            .iter()
            .find(|stand| stand.id == wish.machine)?;
        let fastest = outlook.stands.first()?;
        let free = self.free(coordinator, wish.machine).first().copied()?;
        let end = free
            .saturating_add(mine.before_micros)
            .saturating_add(mine.micros(u64::from(wish.count)));
        let waiting = u64::from(job.waiting_now());
        let needed = waiting.saturating_add(wish.earlier_micros / fastest.micros(1).max(1));
        if let Some(all_end) = outlook.all_end {
            // With what is to be ended earlier, by all together.
            let earlier = u128::from(needed - waiting) * (NANOS_OF_RATE / 1_000);
            let earlier = u64::try_from(earlier / outlook.rate.max(1)).unwrap_or(u64::MAX);
            let all = micros_of(all_end.since(coordinator.now.moment)).saturating_add(earlier);
            return (all < end).then(|| end - all);
        }
        let share = coordinator.share_of_slots(wish.machine, 1);
        let mut ended = 0_u64;
        let mut best = end;
        let others = outlook.stands.iter();
        for other in others.filter(|stand| stand.id != wish.machine) {
            let task_micros = other.micros(1).max(1);
            let idle_fit = coordinator.idle_fit(other.id, job);
            let free = self.free(coordinator, other.id);
            let idle = free.iter().take_while(|at| **at == 0).count();
            let busy = free.iter().skip(idle).take(other.fit);
            let slots = free.iter().take(idle.min(idle_fit)).chain(busy);
            for (place, at) in slots.enumerate() {
                let begin = at.saturating_add(other.before_micros);
                let room = end.saturating_sub(begin);
                let mut tasks = room / task_micros;
                // Of machines that would end it together, the one with less to do has it.
                let comes_first = || {
                    let taken = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
                    let theirs = coordinator.share_of_slots(other.id, taken);
                    *at == 0 && (theirs, other.id) < (share, wish.machine)
                };
                if tasks > 0 && room.is_multiple_of(task_micros) && !comes_first() {
                    tasks -= 1;
                }
                if tasks > 0 {
                    best = best.min(begin.saturating_add(task_micros));
                }
                ended = ended.saturating_add(tasks);
                if ended >= needed {
                    return Some(end - best);
                }
            }
        }
        None
    }

    fn outlook(&mut self, coordinator: &Coordinator, job: &Job) -> &Outlook {
        let open = &self.open;
        self.outlooks
            .entry(job.no)
            .or_insert_with(|| Outlook::of(coordinator, job, open))
    }

    /// Work that waits of the job, in microseconds of the fastest machine.
    pub(super) fn work_of(&mut self, coordinator: &Coordinator, job: &Job) -> u64 {
        let stands = &self.outlook(coordinator, job).stands;
        let each = stands.first().map_or(0, |fastest| fastest.micros(1));
        each.saturating_mul(u64::from(job.waiting_now()))
    }
}

impl Job {
    /// Tasks that a machine could be given now.
    pub(super) fn waiting_now(&self) -> u32 {
        if self.spec.trial && !self.facts.released {
            1
        } else {
            self.tasks.ready().len().max(1)
        }
    }
}
