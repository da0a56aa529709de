//! A job's tasks as runs of the same state, and the pool's counts: what those
//! who watch look at several times a second.

use super::Coordinator;
use super::history::Histories;
use super::job::{Job, Phase};
use super::view::TaskState;
use crate::id::JobId;

/// Neighbouring tasks in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    pub first: u32,
    pub count: u32,
    pub state: TaskState,
    /// An earlier attempt of them ended without a result.
    pub retried: bool,
}

/// What there is to do, in all jobs that are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub jobs_queued: u32,
    pub jobs_running: u32,
    pub tasks_queued: u32,
    pub tasks_running: u32,
}

impl Coordinator {
    /// All tasks of the job, in index order, without the fold: as many runs as
    /// there are, not as many as tasks.
    #[must_use]
    pub fn cells(&self, job: JobId) -> Option<Vec<Cells>> {
        let job = self.known(job)?;
        let mut states: Vec<(u32, u32, TaskState)> = Vec::new();
        let tasks = &job.tasks;
        states.extend(
            tasks
                .done()
                .iter()
                .map(|(first, count)| (first, count, TaskState::Done)),
        );
        states.extend(
            tasks
                .failed()
                .iter()
                .map(|(first, count)| (first, count, TaskState::Failed)),
        );
        states.extend(
            tasks
                .leases()
                .map(|(first, lease)| (first, lease.count, TaskState::Running)),
        );
        states.sort_unstable_by_key(|(first, _, _)| *first);
        let rest = if job.is_ended() {
            TaskState::Cancelled
        } else {
            TaskState::Queued
        };
        let mut cells = Vec::with_capacity(states.len());
        let mut at = 0;
        for (first, count, state) in states {
            // The fold stands behind the last task.
            let (first, end) = (
                first.min(job.spec.count),
                (first + count).min(job.spec.count),
            );
            divide(&mut cells, tasks.histories(), at, first, rest);
            divide(&mut cells, tasks.histories(), first, end, state);
            at = end;
        }
        divide(&mut cells, tasks.histories(), at, job.spec.count, rest);
        Some(cells)
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let listed = self
            .jobs
            .values()
            .filter(|job| job.is_listed() && !job.is_ended());
        listed.fold(Counts::default(), |mut counts, job| {
            match job.facts.phase {
                Phase::Open if job.tasks.leased() == 0 => counts.jobs_queued += 1,
                Phase::Open | Phase::Folding(_) => counts.jobs_running += 1,
                Phase::Ended(_) => {}
            }
            let (queued, running) = job.waiting_and_running();
            counts.tasks_queued += queued;
            counts.tasks_running += running;
            counts
        })
    }
}

impl Job {
    /// Tasks that wait and tasks that are leased, without the fold.
    pub(super) fn waiting_and_running(&self) -> (u32, u32) {
        let tasks = &self.tasks;
        let running = tasks.leased() - u32::from(tasks.lease_of(self.spec.count).is_some());
        let rest = self.spec.count - tasks.done_count() - tasks.failed_count() - running;
        (rest, running)
    }
}

/// Adds `first..end`, divided where the past of the tasks differs.
fn divide(cells: &mut Vec<Cells>, histories: &Histories, first: u32, end: u32, state: TaskState) {
    let mut at = first;
    while at < end {
        let (history, count) = histories.uniform(at, end);
        // The last attempt of a task that failed is the one it failed by.
        let before = history.map_or(0, |history| history.attempt);
        let retried = before > u32::from(state == TaskState::Failed);
        match cells.last_mut() {
            Some(last) if last.state == state && last.retried == retried => last.count += count,
            Some(_) | None => cells.push(Cells {
                first: at,
                count,
                state,
                retried,
            }),
        }
        at += count;
    }
}
