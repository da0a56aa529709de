//! Jobs, tasks and machines as they are now, for those who look.

use super::Coordinator;
use super::explain::Explanation;
use super::history::FailedAttempt;
use super::job::{CancelReason, Ending, Folding, Job, Phase};
use super::machine::{Link, Machine};
use super::measure::Measured;
use super::order::Order;
use crate::id::{JobId, JobNo, MachineId, PersonId};
use crate::limits::PAGE_MAX;
use crate::message::Health;
use crate::policy::reason;
use crate::report::Failure;
use crate::spec::{Fold, Spec};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    pub id: JobId,
    pub no: JobNo,
    /// Whose it is.
    pub person: PersonId,
    pub name: String,
    pub state: JobState,
    /// The fold is not counted. The five that follow add up to it.
    pub total: u32,
    pub queued: u32,
    pub running: u32,
    pub done: u32,
    pub failed: u32,
    pub cancelled: u32,
    /// Set while it has not ended and no task of it runs.
    pub reason: Option<Explanation>,
    pub accepted_wall_ms: i64,
    pub started_wall_ms: Option<i64>,
    pub ended_wall_ms: Option<i64>,
    /// That were given tasks of it so far.
    pub machines: Vec<MachineId>,
    pub spec: Arc<Spec>,
    pub fold: FoldView,
    pub priority: i8,
    /// A trial whose other tasks may run.
    pub released: bool,
    pub cancel_reason: Option<CancelReason>,
    /// The first task that failed for good, by time.
    pub first_failure: Option<(u32, Failure)>,
    /// How many of its tasks ended in how long, of late; only while it runs.
    pub of_late: Option<(u32, Duration)>,
    /// What its tasks took, on each machine.
    pub measured: Vec<Measured>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Nothing of it runs, and it has not ended.
    Queued,
    Running,
    Folding,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoldView {
    /// Not asked for.
    None,
    /// Its tasks come first.
    Waiting,
    Running,
    Done,
    Failed {
        message: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    pub index: u32,
    pub state: TaskState,
    /// 0 before the first.
    pub attempt: u32,
    /// Where it runs now.
    pub machine: Option<MachineId>,
    /// Since when.
    pub started_wall_ms: Option<i64>,
    /// Times the program failed.
    pub failures: u32,
    /// Times the executor or machine was lost.
    pub losses: u32,
    /// Times it asked for another machine.
    pub elsewhere: u32,
    /// Why the last attempt that did not end well did not.
    pub last_failure: Option<Failure>,
    /// The last attempts that did not end well, newest last; not those that
    /// were given back.
    pub failed_attempts: Vec<FailedAttempt>,
    /// Set while it waits.
    pub explanation: Option<Explanation>,
    /// Per mille, where the program says.
    pub progress: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MachineView {
    pub id: MachineId,
    pub name: String,
    pub state: MachineState,
    /// One sentence, always.
    pub reason: String,
    pub cores: u32,
    /// Tasks it may run at once.
    pub slots: u32,
    /// Slots with a lease.
    pub busy: u32,
    /// What it offers to tasks.
    pub memory_bytes: u64,
    /// Of that, what its leases may use.
    pub reserved_bytes: u64,
    pub os: String,
    pub version: String,
    pub last_seen_wall_ms: i64,
    pub connected: bool,
    /// What a person wants it to do, wherever it is.
    pub order: Order,
    pub labels: BTreeSet<String>,
    /// Of the last second or so, while it is connected and says so.
    pub health: Option<Health>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineState {
    Working,
    Ready,
    /// Works with fewer cores than its owner gave.
    Slowed,
    Paused,
    Draining,
    Offline,
}

impl Coordinator {
    /// Jobs that are listed, newest first.
    pub fn jobs(&self) -> impl Iterator<Item = JobView> {
        self.jobs
            .values()
            .rev()
            .filter(|job| job.is_listed())
            .map(|job| self.view(job))
    }

    #[must_use]
    pub fn job(&self, id: &JobId) -> Option<JobView> {
        self.known(*id).map(|job| self.view(job))
    }

    /// Jobs whose name starts so, with or without its `j_`. A whole name is
    /// found at once, however many jobs there are.
    #[must_use]
    pub fn find(&self, prefix: &str) -> Vec<JobId> {
        let prefix = prefix.to_ascii_lowercase();
        let prefix = prefix.strip_prefix("j_").unwrap_or(&prefix);
        if let Some(id) = JobId::whole(prefix) {
            return self.known(id).map(|job| job.id).into_iter().collect();
        }
        let named = self.jobs.values().filter(|job| !job.facts.forgetting);
        named
            .map(|job| job.id)
            .filter(|id| id.to_string()[2..].starts_with(prefix))
            .collect()
    }

    /// The newest job that is listed.
    #[must_use]
    pub fn last(&self) -> Option<JobId> {
        self.jobs
            .values()
            .rev()
            .find(|job| job.is_listed())
            .map(|job| job.id)
    }

    /// Jobs that ended before then, for whoever keeps them only for a time.
    /// The wall clock decides nothing here: it selects what a person's
    /// setting names.
    #[must_use]
    pub fn ended_before(&self, wall_ms: i64) -> Vec<JobId> {
        let kept = self.jobs.values().filter(|job| !job.facts.forgetting);
        kept.filter(|job| job.facts.ended_wall_ms.is_some_and(|ended| ended < wall_ms))
            .map(|job| job.id)
            .collect()
    }

    /// At most [`PAGE_MAX`] tasks from `from` on.
    #[must_use]
    pub fn tasks(&self, job: JobId, from: u32, limit: u32) -> Vec<TaskView> {
        let Some(job) = self.known(job) else {
            return Vec::new();
        };
        let end = from.saturating_add(limit.min(PAGE_MAX)).min(job.spec.count);
        (from..end)
            .map(|index| self.task_view(job, index))
            .collect()
    }

    /// Index = count is the fold by a kernel.
    #[must_use]
    pub fn task(&self, job: JobId, index: u32) -> Option<TaskView> {
        let job = self.known(job)?;
        let folds = job.spec.fold == Fold::Kernel && index == job.spec.count;
        (index < job.spec.count || folds).then(|| self.task_view(job, index))
    }

    pub fn machines(&self) -> impl Iterator<Item = MachineView> {
        self.machines
            .iter()
            .map(|(id, machine)| self.machine_view(*id, machine))
    }

    pub(super) fn known(&self, id: JobId) -> Option<&Job> {
        self.by_id
            .get(&id)
            .and_then(|no| self.jobs.get(no))
            .filter(|job| !job.facts.forgetting)
    }

    fn view(&self, job: &Job) -> JobView {
        let tasks = &job.tasks;
        let (done, failed) = (tasks.done_count(), tasks.failed_count());
        let (rest, running) = job.waiting_and_running();
        let (queued, cancelled) = if job.is_ended() { (0, rest) } else { (rest, 0) };
        let state = job.state();
        let waits = !job.is_ended() && tasks.leased() == 0;
        JobView {
            id: job.id,
            no: job.no,
            person: job.facts.person,
            name: job.spec.name.clone(),
            state,
            total: job.spec.count,
            queued,
            running,
            done,
            failed,
            cancelled,
            reason: waits.then(|| self.explain_job(job)),
            accepted_wall_ms: job.accepted_wall_ms,
            started_wall_ms: job.facts.started_wall_ms,
            ended_wall_ms: job.facts.ended_wall_ms,
            machines: job.facts.machines.clone(),
            spec: job.spec.clone(),
            fold: job.fold_view(),
            priority: job.spec.priority,
            released: job.facts.released,
            cancel_reason: match &job.facts.phase {
                Phase::Ended(Ending::Cancelled { why, .. }) => Some(*why),
                Phase::Ended(Ending::Done | Ending::Failed { .. })
                | Phase::Open
                | Phase::Folding(_) => None,
            },
            first_failure: job.facts.first_failure.clone(),
            of_late: (state == JobState::Running)
                .then(|| job.tempo.of_late(self.now.moment))
                .flatten(),
            measured: job.facts.measured.clone(),
        }
    }

    fn task_view(&self, job: &Job, index: u32) -> TaskView {
        let tasks = &job.tasks;
        let history = tasks.histories().get(index);
        let before = history.map_or(0, |history| history.attempt);
        let lease = tasks.lease_of(index);
        let (state, attempt) = match lease {
            Some(lease) => (TaskState::Running, lease.attempt),
            // A task's attempts end without a result, each in its history, but for the one that is done.
            None if tasks.done().contains(index) => (TaskState::Done, before + 1),
            None if tasks.failed().contains(index) => (TaskState::Failed, before),
            None if job.is_ended() => (TaskState::Cancelled, before),
            None => (TaskState::Queued, before),
        };
        let progress = lease.and_then(|lease| {
            let machine = self.machines.get(&lease.machine)?;
            let told = machine.progress.iter().find(|(chunk, _)| {
                chunk.job == job.id
                    && chunk.attempt == lease.attempt
                    && (chunk.first..chunk.first.saturating_add(chunk.count)).contains(&index)
            });
            told.map(|(_, per_mille)| *per_mille)
        });
        TaskView {
            index,
            state,
            attempt,
            machine: lease.map(|lease| lease.machine),
            started_wall_ms: lease.map(|lease| lease.granted_wall_ms),
            failures: history.map_or(0, |history| history.failures),
            losses: history.map_or(0, |history| history.losses),
            elsewhere: history.map_or(0, |history| history.elsewhere),
            last_failure: history.and_then(|history| history.failure.as_deref().cloned()),
            failed_attempts: history.map_or_else(Vec::new, |history| history.attempts.clone()),
            explanation: (state == TaskState::Queued).then(|| self.explain(job.id, Some(index))),
            progress,
        }
    }

    fn machine_view(&self, id: MachineId, machine: &Machine) -> MachineView {
        let (state, reason) = self.machine_state(machine);
        MachineView {
            id,
            name: machine.name().to_owned(),
            state,
            reason,
            cores: machine.about.cores,
            slots: machine.slots,
            busy: machine.busy(),
            memory_bytes: machine.memory_bytes,
            reserved_bytes: machine.reserved_bytes(),
            os: machine.about.os.clone(),
            version: machine.about.program_version.clone(),
            last_seen_wall_ms: machine.heard_wall_ms,
            connected: machine.peer().is_some(),
            order: machine.orders.order,
            labels: machine.orders.labels.clone(),
            health: machine.health.clone(),
        }
    }

    fn machine_state(&self, machine: &Machine) -> (MachineState, String) {
        match machine.link {
            Link::Silent { .. } => {
                return (
                    MachineState::Offline,
                    "Connected, but it says nothing".to_owned(),
                );
            }
            Link::Down { .. } => {
                return (
                    MachineState::Offline,
                    "The connection is gone, it may come back".to_owned(),
                );
            }
            Link::Gone => return (MachineState::Offline, "Not connected".to_owned()),
            Link::Up { .. } => {}
        }
        if self.draining {
            return (
                MachineState::Draining,
                "Finishes what it has: this node is stopping".to_owned(),
            );
        }
        if let Some(sentence) = machine.ordered(self.now.moment) {
            let state = match machine.orders.order {
                Order::Drain => MachineState::Draining,
                Order::Pause { .. } | Order::Work => MachineState::Paused,
            };
            return (state, sentence);
        }
        if let Some(pause) = &machine.pause {
            return (MachineState::Paused, reason::paused(&pause.why));
        }
        if let (Some(what), 0) = (&machine.slowed, machine.slots) {
            return (MachineState::Draining, reason::finishing(what));
        }
        if let Some(why) = &machine.slowed {
            return (MachineState::Slowed, reason::slowed(why));
        }
        let job = machine.leases.first().and_then(|(no, _)| self.jobs.get(no));
        match job {
            Some(job) => (MachineState::Working, reason::working_on(&job.spec.name)),
            None if machine.slots == 0 => (MachineState::Draining, "Takes no new tasks".to_owned()),
            None => (MachineState::Ready, reason::ready()),
        }
    }
}

impl Job {
    /// Follows from its phase and its tasks alone.
    pub(super) fn state(&self) -> JobState {
        match &self.facts.phase {
            Phase::Open if self.tasks.leased() > 0 => JobState::Running,
            Phase::Open => JobState::Queued,
            Phase::Folding(_) => JobState::Folding,
            Phase::Ended(Ending::Done) => JobState::Done,
            Phase::Ended(Ending::Failed { .. }) => JobState::Failed,
            Phase::Ended(Ending::Cancelled { .. }) => JobState::Cancelled,
        }
    }

    fn fold_view(&self) -> FoldView {
        if self.spec.fold == Fold::None {
            return FoldView::None;
        }
        match &self.facts.phase {
            Phase::Folding(Folding::Node | Folding::Assembling | Folding::Task { .. }) => {
                FoldView::Running
            }
            Phase::Ended(Ending::Done) => FoldView::Done,
            Phase::Ended(Ending::Failed {
                fold: Some(message),
            }) => FoldView::Failed {
                message: message.clone(),
            },
            Phase::Open
            | Phase::Ended(Ending::Failed { fold: None } | Ending::Cancelled { .. }) => {
                FoldView::Waiting
            }
        }
    }
}
