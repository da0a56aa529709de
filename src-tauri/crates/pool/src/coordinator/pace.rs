//! How long a job's tasks take on each machine, and so how many of them a
//! lease carries.

use super::speed::smooth;
use crate::id::MachineId;
use crate::limits::{CHUNK_GROWTH, CHUNK_TASKS_MAX, CHUNK_TIME, PREFETCH_BELOW};
use core::time::Duration;
use std::collections::BTreeMap;

/// A chunk at the end of a job is not cut below this much work: the slots end
/// together well enough, and each lease costs two rows.
const CHUNK_TIME_MIN: Duration = Duration::from_millis(2);

/// Where a machine begins whose speed is only guessed: so many times fewer
/// tasks than the guess allows, which two results make up for.
const GUESSED: u32 = CHUNK_GROWTH * CHUNK_GROWTH;

/// Measured in integers, so that every machine would decide the same. Times
/// are those of a machine that other programs leave alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    machines: BTreeMap<MachineId, Own>,
    /// Nanoseconds a task on the fastest of them, as it was measured last.
    fastest: Option<(MachineId, u64)>,
}

/// One machine's pace.
#[derive(Clone, Copy, Debug)]
struct Own {
    /// Nanoseconds a task, smoothed.
    task_nanos: u64,
    /// Tasks in its next chunk.
    chunk: u32,
}

impl Pace {
    pub(super) fn is_measured(&self) -> bool {
        self.fastest.is_some()
    }

    /// Nanoseconds a task on the machine, if it had any.
    pub(super) fn on(&self, machine: MachineId) -> Option<u64> {
        self.machines.get(&machine).map(|own| own.task_nanos)
    }

    /// The machines that had tasks, and what one took there.
    pub(super) fn all(&self) -> impl Iterator<Item = (MachineId, u64)> {
        self.machines.iter().map(|(id, own)| (*id, own.task_nanos))
    }

    /// Nanoseconds a task where it takes least.
    pub(super) fn fastest(&self) -> Option<u64> {
        self.fastest.map(|(_, nanos)| nanos)
    }

    /// The machine's chunks are smaller yet than what the measured time allows.
    pub(super) fn is_growing(&self, machine: MachineId) -> bool {
        self.machines
            .get(&machine)
            .is_none_or(|own| own.chunk < tasks_in(CHUNK_TIME, own.task_nanos).min(CHUNK_TASKS_MAX))
    }

    /// `count` tasks took `micros` together on the machine.
    pub(super) fn measure(&mut self, machine: MachineId, count: u32, micros: u64) {
        let Some(measured) = micros.saturating_mul(1_000).checked_div(u64::from(count)) else {
            return;
        };
        let measured = measured.max(1);
        let own = self.machines.entry(machine).or_insert(Own {
            task_nanos: measured,
            chunk: count,
        });
        own.task_nanos = smooth(own.task_nanos, measured);
        own.chunk = tasks_in(CHUNK_TIME, own.task_nanos)
            .min(own.chunk.saturating_mul(CHUNK_GROWTH))
            .clamp(1, CHUNK_TASKS_MAX);
        let nanos = own.task_nanos;
        match self.fastest {
            Some((id, fastest)) if id != machine && fastest <= nanos => {}
            // The fastest became slower: another may be the fastest now.
            Some((id, fastest)) if id == machine && fastest < nanos => {
                let all = self.all();
                self.fastest = all.min_by_key(|&(id, nanos)| (nanos, id));
            }
            Some(_) | None => self.fastest = Some((machine, nanos)),
        }
    }

    /// Tasks for one lease of the machine, to which one takes `task_nanos` as
    /// far as anybody knows. `share` nanoseconds of work are its part of what is
    /// left: half of it, so that all machines end together.
    pub(super) fn chunk(
        &self,
        machine: MachineId,
        task_nanos: Option<u64>,
        share: Option<u64>,
    ) -> u32 {
        let Some(task_nanos) = task_nanos else {
            return 1;
        };
        let grown = match self.machines.get(&machine) {
            Some(own) => own.chunk,
            // What another job of the module measured says little about how
            // much this one's inputs ask for.
            None if !self.is_measured() => 1,
            None => (tasks_in(CHUNK_TIME, task_nanos) / GUESSED).clamp(1, CHUNK_TASKS_MAX),
        };
        let share = share.map_or(u32::MAX, |nanos| tasks(nanos / 2, task_nanos));
        grown
            .min(share.max(tasks_in(CHUNK_TIME_MIN, task_nanos)))
            .max(1)
    }

    /// Nothing of it is needed any more.
    pub(super) fn clear(&mut self) {
        *self = Pace::default();
    }

    /// Machines that are remembered.
    pub(super) fn len(&self) -> usize {
        self.machines.len()
    }
}

/// How long tasks are expected to take; while unknown, too long to wait behind.
pub(super) fn micros(count: u32, task_nanos: Option<u64>) -> u64 {
    match task_nanos {
        Some(nanos) => nanos.saturating_mul(u64::from(count)) / 1_000,
        None => micros_of(PREFETCH_BELOW),
    }
}

fn tasks_in(span: Duration, task_nanos: u64) -> u32 {
    tasks(micros_of(span) * 1_000, task_nanos).max(1)
}

/// Whole tasks in so many nanoseconds.
fn tasks(nanos: u64, task_nanos: u64) -> u32 {
    u32::try_from(nanos / task_nanos.max(1)).unwrap_or(u32::MAX)
}

/// Whole microseconds of a span.
pub(super) fn micros_of(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Pace, micros};
    use crate::id::MachineId;

    const DESK: MachineId = MachineId([1; 16]);
    const ATTIC: MachineId = MachineId([2; 16]);

    fn chunk(pace: &Pace, share: Option<u64>) -> u32 {
        pace.chunk(DESK, pace.on(DESK), share)
    }

    #[test]
    fn a_job_begins_with_single_tasks_and_grows_by_four() {
        let mut pace = Pace::default();
        assert_eq!(chunk(&pace, None), 1);
        let mut sizes = Vec::new();
        for _ in 0..10 {
            let tasks = chunk(&pace, None);
            pace.measure(DESK, tasks, u64::from(tasks) * 6);
            sizes.push(chunk(&pace, None));
        }
        assert_eq!(
            sizes,
            [4, 16, 64, 256, 1_024, 4_096, 12_500, 12_500, 12_500, 12_500]
        );
    }

    #[test]
    fn ten_long_tasks_go_one_by_one() {
        let mut pace = Pace::default();
        pace.measure(DESK, 1, 90_000_000);
        assert_eq!(chunk(&pace, Some(9 * 90_000_000_000)), 1);
    }

    #[test]
    fn slower_tasks_shrink_the_chunk_at_once() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.measure(DESK, 100, 600);
        }
        let fast = chunk(&pace, None);
        pace.measure(DESK, fast, u64::from(fast) * 10_000);
        assert!(chunk(&pace, None) < fast / 100, "{pace:?}");
    }

    #[test]
    fn the_end_of_a_job_is_shared_out() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.measure(DESK, 1_000, 1_000_000);
        }
        let left = |tasks: u64| Some(tasks * 1_000_000 / 4);
        assert_eq!(chunk(&pace, left(1_000_000)), 75);
        assert_eq!(chunk(&pace, left(80)), 10);
        assert_eq!(chunk(&pace, left(3)), 2, "two milliseconds are the least");
    }

    #[test]
    fn each_machine_has_chunks_of_the_same_time() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.measure(DESK, 10, 10_000);
            pace.measure(ATTIC, 10, 40_000);
        }
        assert_eq!(pace.chunk(DESK, pace.on(DESK), None), 75);
        assert_eq!(pace.chunk(ATTIC, pace.on(ATTIC), None), 18);
        assert_eq!(pace.fastest(), Some(1_000_000));
        for _ in 0..20 {
            pace.measure(DESK, 10, 90_000);
        }
        assert_eq!(pace.fastest(), Some(4_000_000), "the other one by now");
        let newcomer = MachineId([3; 16]);
        assert_eq!(
            pace.chunk(newcomer, Some(1_000_000), None),
            4,
            "a guess is not believed at once"
        );
        assert!(pace.is_growing(newcomer));
    }

    #[test]
    fn nothing_that_is_measured_overflows() {
        let mut pace = Pace::default();
        assert_eq!(pace.chunk(DESK, Some(1), None), 1, "of another job");
        pace.measure(DESK, u32::MAX, u64::MAX);
        pace.measure(DESK, 0, 5);
        pace.measure(DESK, 1, u64::MAX);
        pace.measure(DESK, 1, 0);
        assert!(chunk(&pace, Some(u64::MAX)) >= 1);
        assert!(micros(u32::MAX, pace.on(DESK)) > 0);
        assert!(micros(u32::MAX, Some(u64::MAX)) > 0);
    }
}
