//! Why something waits, in one sentence for people.

use super::Coordinator;
use super::job::{Ending, Folding, Job, Phase};
use super::machine::{Link, Machine};
use crate::id::JobId;
use core::fmt;

/// Why a job or a task is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub code: ReasonCode,
    /// One sentence, without a full stop.
    pub text: String,
}

/// What programs branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonCode {
    UnknownJob,
    Running,
    Done,
    Failed,
    Cancelled,
    /// The coordinator's node puts the results together.
    Folding,
    /// The node stops and grants nothing more.
    Draining,
    /// The rest of a trial job waits for a person.
    Trial,
    /// A job that works only while a client follows it.
    NoNode,
    /// Waits before another try.
    Retry,
    /// The program asked for another machine.
    Elsewhere,
    NoMachine,
    /// None of the machines that the job asks for is there and open.
    NotThere,
    /// A faster machine is expected to end it earlier, though it must wait for it.
    Faster,
    MachinesPaused,
    /// No machine offers as much memory as a task may use.
    Memory,
    /// All slots work for others, or for other tasks of the job.
    Busy,
}

impl ReasonCode {
    /// As programs read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonCode::UnknownJob => "unknown_job",
            ReasonCode::Running => "running",
            ReasonCode::Done => "done",
            ReasonCode::Failed => "failed",
            ReasonCode::Cancelled => "cancelled",
            ReasonCode::Folding => "folding",
            ReasonCode::Draining => "draining",
            ReasonCode::Trial => "waiting_for_trial",
            ReasonCode::NoNode => "no_node",
            ReasonCode::Retry => "waiting_to_retry",
            ReasonCode::Elsewhere => "waiting_for_another_machine",
            ReasonCode::NoMachine => "no_machine",
            ReasonCode::NotThere => "machines_not_there",
            ReasonCode::Faster => "waiting_for_faster_machine",
            ReasonCode::MachinesPaused => "machines_paused",
            ReasonCode::Memory => "not_enough_memory",
            ReasonCode::Busy => "machines_busy",
        }
    }
}

impl Coordinator {
    /// Why the job, or one task of it (index = count is the fold), is where it
    /// is: above all, why it waits.
    #[must_use]
    pub fn explain(&self, job: JobId, index: Option<u32>) -> Explanation {
        let Some(job) = self.by_id.get(&job).and_then(|no| self.jobs.get(no)) else {
            return because(ReasonCode::UnknownJob, "there is no such job");
        };
        match index {
            Some(index) => self.explain_task(job, index),
            None => self.explain_job(job),
        }
    }

    pub(super) fn explain_job(&self, job: &Job) -> Explanation {
        let leased = job.tasks.leased();
        match &job.facts.phase {
            Phase::Ended(Ending::Done) => because(ReasonCode::Done, "all of it is done"),
            Phase::Ended(Ending::Failed {
                fold: Some(message),
            }) => because(ReasonCode::Failed, format!("the fold failed: {message}")),
            Phase::Ended(Ending::Failed { fold: None }) => because(
                ReasonCode::Failed,
                format!("{} failed", tasks(job.tasks.failed_count())),
            ),
            Phase::Ended(Ending::Cancelled { .. }) => {
                because(ReasonCode::Cancelled, "it was cancelled")
            }
            Phase::Folding(Folding::Node | Folding::Assembling) => {
                because(ReasonCode::Folding, "its results are being put together")
            }
            Phase::Open | Phase::Folding(Folding::Task { .. }) if leased > 0 => because(
                ReasonCode::Running,
                format!(
                    "{} {}",
                    tasks(leased),
                    if leased == 1 { "runs" } else { "run" }
                ),
            ),
            Phase::Open | Phase::Folding(Folding::Task { .. }) => self.explain_waiting(job),
        }
    }

    fn explain_task(&self, job: &Job, index: u32) -> Explanation {
        let tasks = &job.tasks;
        if index > job.spec.count {
            return because(
                ReasonCode::UnknownJob,
                format!("the job has {} tasks", job.spec.count),
            );
        }
        let history = tasks.histories().get(index);
        let failure = history.and_then(|history| history.failure.as_ref());
        let message = failure.map_or("", |failure| failure.message.as_str());
        if tasks.done().contains(index) {
            return because(ReasonCode::Done, "it is done");
        }
        if tasks.failed().contains(index) {
            return because(ReasonCode::Failed, format!("it failed: {message}"));
        }
        if let Some(lease) = tasks.lease_of(index) {
            let name = self
                .machines
                .get(&lease.machine)
                .map_or("a machine", |machine| machine.name());
            let attempt = lease.attempt;
            let text = match self.why_there(job, lease.machine) {
                Some(why) => format!("it runs on {name}, attempt {attempt}; {why}"),
                None => format!("it runs on {name}, attempt {attempt}"),
            };
            return because(ReasonCode::Running, text);
        }
        if let Phase::Ended(_) = job.facts.phase {
            return because(ReasonCode::Cancelled, "the job ended before it ran");
        }
        if let Some(until) = tasks.delayed_until(index) {
            let choosy = history.is_some_and(|history| !history.avoid.is_empty());
            return if choosy {
                because(ReasonCode::Elsewhere, ELSEWHERE)
            } else {
                because(ReasonCode::Retry, self.retry_text(until, message))
            };
        }
        if let Some(why) = self.kept_for(job).filter(|_| tasks.ready().contains(index)) {
            return because(ReasonCode::Faster, why);
        }
        if tasks.leased() > 0 && self.waits_behind(job, index) {
            return because(
                ReasonCode::Busy,
                "it waits for its turn behind other tasks of the job",
            );
        }
        self.explain_waiting(job)
    }

    /// Nothing of the job runs, or not this task: what is missing?
    fn explain_waiting(&self, job: &Job) -> Explanation {
        if self.draining {
            return because(
                ReasonCode::Draining,
                "this node is stopping; the job goes on with the next start",
            );
        }
        if !job.may_run() {
            return because(ReasonCode::NoNode, "no node: skep coordinator start");
        }
        if job.spec.trial
            && !job.facts.released
            && job.front().is_none()
            && !job.tasks.ready().is_empty()
        {
            return because(
                ReasonCode::Trial,
                "waiting for the trial: the other tasks run when it is released",
            );
        }
        if job.tasks.ready().is_empty() {
            if let Some(until) = job.tasks.delayed() {
                let message = job
                    .facts
                    .first_failure
                    .as_ref()
                    .map_or("", |(_, failure)| failure.message.as_str());
                return because(ReasonCode::Retry, self.retry_text(until, message));
            }
            if job.tasks.elsewhere().next().is_some() {
                return because(ReasonCode::Elsewhere, ELSEWHERE);
            }
        }
        self.explain_machines(job)
    }

    fn explain_machines(&self, job: &Job) -> Explanation {
        let allowed = self.machines.iter();
        let allowed = allowed.filter(|(id, m)| job.spec.allows(**id, &m.orders.labels));
        let connected: Vec<&Machine> = allowed
            .map(|(_, machine)| machine)
            .filter(|machine| matches!(machine.link, Link::Up { .. }))
            .collect();
        if let Some(why) = self.why_none_of(job) {
            return because(ReasonCode::NotThere, why);
        }
        if connected.is_empty() {
            return because(
                ReasonCode::NoMachine,
                "waiting for a machine: none is connected",
            );
        }
        if let Some(why) = self.kept_for(job) {
            return because(ReasonCode::Faster, why);
        }
        let open: Vec<&&Machine> = connected
            .iter()
            .filter(|machine| self.why_not(machine).is_none())
            .collect();
        if open.is_empty() {
            // Who paused says more than how many cores there are.
            let paused = connected.iter().filter(|machine| machine.slots > 0);
            let why = paused.chain(&connected).find_map(|m| self.why_not(m));
            let why = why.unwrap_or_default();
            return because(
                ReasonCode::MachinesPaused,
                format!("waiting for a machine that is paused: {why}"),
            );
        }
        let needed = job.spec.limits.memory_bytes;
        let offered = open
            .iter()
            .map(|machine| machine.memory_bytes)
            .max()
            .unwrap_or(0);
        if offered < needed {
            let (needed, offered) = (Size(needed), Size(offered));
            return because(
                ReasonCode::Memory,
                format!(
                    "a task may use {needed} of memory, and no machine offers more than {offered}"
                ),
            );
        }
        let slots: u32 = open.iter().map(|machine| machine.slots).sum();
        let busy: u32 = open.iter().map(|machine| machine.busy()).sum();
        because(
            ReasonCode::Busy,
            format!("waiting for a machine: {busy} of {slots} cores work for other tasks"),
        )
    }

    fn retry_text(&self, until: crate::moment::Moment, message: &str) -> String {
        let seconds = until.since(self.now.moment).as_secs() + 1;
        if message.is_empty() {
            format!("it is tried again in {seconds} s")
        } else {
            format!("it is tried again in {seconds} s: {message}")
        }
    }

    fn waits_behind(&self, job: &Job, index: u32) -> bool {
        job.may_run() && !self.draining && (!job.spec.trial || job.facts.released || index == 0)
    }
}

const ELSEWHERE: &str =
    "the program asked for another machine (exit code 75), and it waits for one";

fn because(code: ReasonCode, text: impl Into<String>) -> Explanation {
    Explanation {
        code,
        text: text.into(),
    }
}

fn tasks(count: u32) -> String {
    if count == 1 {
        "1 task".to_owned()
    } else {
        format!("{count} tasks")
    }
}

/// Bytes as people read them.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        match self.0 {
            bytes if bytes >= GIB && bytes % GIB == 0 => write!(f, "{} GiB", bytes / GIB),
            bytes if bytes >= GIB => write!(f, "{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
            bytes => write!(f, "{} MiB", bytes / MIB),
        }
    }
}
