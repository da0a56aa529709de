//! What a job could give a machine now: which of its tasks, and how many.

use super::Coordinator;
use super::credit::Depth;
use super::job::Job;
use super::machine::Machine;
use super::pace::{self, micros_of};
use super::place::{Field, Wish};
use super::queue::{Row, Turn};
use crate::id::{JobNo, MachineId};
use crate::limits::{CHUNK_TASKS_MAX, PREFETCH_BELOW, RETRY_DELAY_MAX, SUSPECT_CHUNK};
use crate::moment::Moment;

/// Tasks that wait for another machine and are looked at for each lease; the
/// oldest come first, so that the others have their turn.
const ELSEWHERE_LOOKED_AT: usize = 64;

/// A lease that could be granted.
pub(super) struct Offer {
    pub(super) first: u32,
    pub(super) count: u32,
    /// How long it is expected to take on this machine.
    pub(super) micros: u64,
    /// Of a task that waits for another machine: until when it is choosy.
    pub(super) choosy_until: Option<Moment>,
    /// Tasks that were lost before.
    pub(super) suspect: bool,
}

impl Coordinator {
    /// Whether the job asks for this machine, or for none.
    pub(super) fn is_wanted_by(&self, no: JobNo, id: MachineId, machine: &Machine) -> bool {
        #[cfg(feature = "mutants")]
        if self.is_planted(super::Mutant::OnIgnored) {
            return true;
        }
        let job = self.jobs.get(&no);
        job.is_some_and(|job| job.spec.allows(id, &machine.orders.labels))
    }

    /// What the first job could give this machine, of those in rows that fit.
    /// `may_leave`: one that is better left to others is passed by.
    pub(super) fn first_offer(
        &self,
        machine: MachineId,
        field: &mut Field,
        may_leave: bool,
        fits: impl Fn(Row, JobNo) -> bool,
    ) -> Option<(Turn, Offer)> {
        let mut earlier_micros = 0_u64;
        for turn in self.queue.fitting(fits) {
            let Some(job) = self.jobs.get(&turn.no) else {
                continue;
            };
            let Some(offer) = self.offer(job, machine, field) else {
                continue;
            };
            let wish = Wish {
                machine,
                count: offer.count,
                earlier_micros,
            };
            let leaves = may_leave && offer.choosy_until.is_none();
            if leaves && field.is_better_left(self, job, wish) {
                earlier_micros = earlier_micros.saturating_add(field.work_of(self, job));
                continue;
            }
            return Some((turn, offer));
        }
        None
    }

    /// What of the job this machine could have now.
    fn offer(&self, job: &Job, machine: MachineId, field: &mut Field) -> Option<Offer> {
        let task_nanos = self.task_nanos(job, machine);
        let looked_at = job.tasks.elsewhere().take(ELSEWHERE_LOOKED_AT);
        for (choosy_until, index) in looked_at {
            if self.may_have(job, machine, choosy_until, index) {
                return Some(Offer {
                    first: index,
                    count: 1,
                    micros: pace::micros(1, task_nanos),
                    choosy_until: Some(choosy_until),
                    suspect: false,
                });
            }
        }
        let (first, ready) = job.front()?;
        let wanted = match job.spec.chunk {
            Some(chunk) => chunk.clamp(1, CHUNK_TASKS_MAX),
            None => {
                let share = task_nanos.and_then(|nanos| field.share(self, job, nanos));
                job.pace.chunk(machine, task_nanos, share)
            }
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
        let count = same.min(suspect);
        Some(Offer {
            first,
            count,
            micros: pace::micros(count, task_nanos),
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
            !history.avoid.contains(id)
                && other.is_open(now)
                && other.memory_bytes >= memory
                && job.spec.allows(*id, &other.orders.labels)
        });
        choosy_until <= now && !other
    }
}

impl Job {
    /// Whether these tasks may have a place behind others. Short ones may;
    /// while chunks still grow there is no point in many small ones. Others
    /// may wait behind short ones, a slot's worth, so that they are the next;
    /// more would only be kept from the slots that become free meanwhile.
    /// Those that may take their machine down are not mixed with more than
    /// must be.
    pub(super) fn is_worth(
        &self,
        depth: Depth,
        offer: &Offer,
        id: MachineId,
        machine: &Machine,
    ) -> bool {
        let short = self.pace.is_measured() && offer.micros < micros_of(PREFETCH_BELOW);
        let next = machine.is_soon_free() && machine.leases_of(self.no) < machine.slots;
        match depth {
            Depth::Slots => true,
            Depth::Ahead => (short || next) && !offer.suspect,
            Depth::Deep => {
                let grown = self.spec.chunk.is_some() || !self.pace.is_growing(id);
                ((short && grown) || next) && !offer.suspect
            }
        }
    }
}
