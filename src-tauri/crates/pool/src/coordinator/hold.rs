//! How leases end without a result: given back, or lost.

use super::Coordinator;
use super::history::{History, Standing, shortened};
use super::pace::micros_of;
use super::tasks::Lease;
use crate::id::{JobNo, MachineId};
use crate::limits::RETRY_DELAY_MAX;
use crate::message::Chunk;
use crate::report::{Failure, FailureKind};
use core::time::Duration;

impl Coordinator {
    /// Ends the part of a lease in the job's and its machine's books, and
    /// returns the lease as it was.
    pub(super) fn end_lease(&mut self, no: JobNo, first: u32, count: u32) -> Option<Lease> {
        let job = self.jobs.get_mut(&no)?;
        let ended = job.tasks.end_lease(first, count)?;
        let memory = job.spec.limits.memory_bytes;
        let now = self.now.moment;
        if let Some(machine) = self.machines.get_mut(&ended.lease.machine) {
            machine.give(now, no, ended.start, &ended.lease, memory);
            for (first, piece) in &ended.rest {
                machine.take(no, *first, piece, memory);
            }
        }
        self.touched.insert(no);
        Some(ended.lease)
    }

    /// The tasks wait again, and nobody is charged: paused, drained, goodbye.
    pub(super) fn take_back(&mut self, no: JobNo, first: u32, count: u32) {
        #[cfg(feature = "mutants")]
        if self.is_planted(super::Mutant::ReturnCharged) {
            return self.lose(no, first, count, "it came back");
        }
        let now = self.now.moment;
        let Some(lease) = self.end_lease(no, first, count) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        job.tasks.put_back(first, count, now, |history| History {
            attempt: lease.attempt,
            ..history.clone()
        });
    }

    /// The machine was lost with the tasks, or the executor under one of them:
    /// charged to the tasks, unless it was the coordinator that was away.
    pub(super) fn lose(&mut self, no: JobNo, first: u32, count: u32, why: &str) {
        let now = self.now.moment;
        let Some(lease) = self.end_lease(no, first, count) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        let spec = &job.spec;
        let charged = u32::from(!lease.inherited);
        job.tasks.put_back(first, count, now, |history| {
            let losses = history.losses + charged;
            let mut lost = History {
                attempt: lease.attempt,
                losses,
                ..history.clone()
            };
            if charged == 0 {
                return lost;
            }
            let given_up = losses >= spec.lost.max(1);
            let message = if given_up {
                format!("given up after {losses} losses; the last: {why}")
            } else {
                why.to_owned()
            };
            let failure = Failure {
                kind: FailureKind::Lost,
                message,
                exit_code: None,
                backtrace: Vec::new(),
            };
            let standing = if given_up {
                Standing::Failed { blobs: None }
            } else {
                Standing::Delayed {
                    until: now.after(loss_delay(spec.retry_delay, losses)),
                }
            };
            lost.note(lease.attempt, lease.machine, why, shortened(&failure));
            History { standing, ..lost }
        });
        self.note_failed(no, first, count);
        self.conclude(no);
    }

    /// Takes back all that the machine holds. Returns the chunks as they were
    /// granted, so that it can be told to drop them.
    pub(super) fn take_back_all(&mut self, machine: MachineId) -> Vec<Chunk> {
        let chunks = self.chunks_of(machine);
        for (no, chunk) in &chunks {
            self.take_back(*no, chunk.first, chunk.count);
        }
        chunks.into_iter().map(|(_, chunk)| chunk).collect()
    }

    /// Loses all that the machine holds.
    pub(super) fn lose_all(&mut self, machine: MachineId, why: &str) -> Vec<Chunk> {
        let chunks = self.chunks_of(machine);
        for (no, chunk) in &chunks {
            self.lose(*no, chunk.first, chunk.count, why);
        }
        chunks.into_iter().map(|(_, chunk)| chunk).collect()
    }

    /// What the machine holds, as it was granted.
    pub(super) fn chunks_of(&self, machine: MachineId) -> Vec<(JobNo, Chunk)> {
        let Some(machine) = self.machines.get(&machine) else {
            return Vec::new();
        };
        let leases = machine.leases.iter();
        leases
            .filter_map(|&(no, first)| {
                let job = self.jobs.get(&no)?;
                let lease = job.tasks.lease(first)?;
                Some((
                    no,
                    Chunk {
                        job: job.id,
                        first,
                        count: lease.count,
                        attempt: lease.attempt,
                        term: lease.term,
                    },
                ))
            })
            .collect()
    }

    /// Remembers the job's first failed task.
    pub(super) fn note_failed(&mut self, no: JobNo, first: u32, count: u32) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if job.facts.first_failure.is_some() {
            return;
        }
        let Some(&(index, _)) = job.tasks.failed().within(first, count).first() else {
            return;
        };
        let failure = job
            .tasks
            .histories()
            .get(index)
            .and_then(|history| history.failure.clone());
        if let Some(failure) = failure {
            job.change().first_failure = Some((index, *failure));
        }
    }
}

/// The delay before try number `tries` + 1: doubles up to a minute.
pub(super) fn delay(first: Duration, tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(32);
    let micros = micros_of(first).saturating_mul(1 << doublings);
    Duration::from_micros(micros).min(RETRY_DELAY_MAX)
}

/// Machines and executors die for many reasons: the first time, the task is
/// tried again at once.
pub(super) fn loss_delay(first: Duration, losses: u32) -> Duration {
    if losses <= 1 {
        Duration::ZERO
    } else {
        delay(first, losses - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{delay, loss_delay};
    use core::time::Duration;

    #[test]
    fn delays_double_up_to_a_minute() {
        let second = Duration::from_secs(1);
        let delays: Vec<u64> = (1..=9)
            .map(|tries| delay(second, tries).as_secs())
            .collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(delay(second, u32::MAX).as_secs(), 60);
        assert_eq!(delay(Duration::MAX, 3).as_secs(), 60);
        assert_eq!(loss_delay(second, 1), Duration::ZERO);
        assert_eq!(loss_delay(second, 2), second);
    }
}
