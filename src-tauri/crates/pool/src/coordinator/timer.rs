//! When the coordinator must be woken, and why.

use super::Peer;
use crate::id::{JobId, JobNo, MachineId};
use crate::moment::Moment;
use std::collections::{BTreeMap, BTreeSet};

/// Why [`crate::Coordinator::poll_timeout`] wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerReason {
    /// To notice that this node itself stood still.
    Pulse,
    /// A connection has not said hello.
    Hello(Peer),
    /// A machine has not been heard.
    Silence(MachineId),
    /// A paused machine keeps its tasks for too long.
    Held(MachineId),
    /// A machine that gave leases back may have some again.
    Rested(MachineId),
    /// A person's pause of the machine ends.
    PauseOver(MachineId),
    /// Tasks of the job may be tried again.
    Retry(JobId),
    /// The job's own time limit.
    JobTimeout(JobId),
    /// A transient job has lived long enough.
    TransientOver(JobId),
    /// A code, an invite or a request to join has lived long enough.
    Expiry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Pulse,
    Hello(Peer),
    Silence(MachineId),
    Held(MachineId),
    Rested(MachineId),
    PauseOver(MachineId),
    Retry(JobNo),
    JobTimeout(JobNo),
    TransientOver(JobNo),
    Expiry,
}

/// At most one moment for each timer.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: BTreeMap<Timer, Moment>,
    queue: BTreeSet<(Moment, Timer)>,
}

impl Timers {
    /// Arms the timer, or moves it.
    pub(super) fn arm(&mut self, timer: Timer, at: Moment) {
        if let Some(before) = self.armed.insert(timer, at) {
            if before == at {
                return;
            }
            self.queue.remove(&(before, timer));
        }
        self.queue.insert((at, timer));
    }

    /// Arms the timer, unless it fires earlier anyway and will be looked at then.
    pub(super) fn arm_unless_earlier(&mut self, timer: Timer, at: Moment) {
        if self.armed.get(&timer).is_none_or(|before| *before > at) {
            self.arm(timer, at);
        }
    }

    pub(super) fn is_armed(&self, timer: Timer) -> bool {
        self.armed.contains_key(&timer)
    }

    pub(super) fn disarm(&mut self, timer: Timer) {
        if let Some(at) = self.armed.remove(&timer) {
            self.queue.remove(&(at, timer));
        }
    }

    pub(super) fn first(&self) -> Option<(Moment, Timer)> {
        self.queue.first().copied()
    }

    /// The next timer that is due, disarmed.
    pub(super) fn due(&mut self, now: Moment) -> Option<Timer> {
        let (at, timer) = self.first()?;
        if at > now {
            return None;
        }
        self.disarm(timer);
        Some(timer)
    }

    pub(super) fn len(&self) -> usize {
        self.armed.len()
    }

    pub(super) fn check(&self) {
        assert_eq!(self.armed.len(), self.queue.len(), "timers");
        for (timer, at) in &self.armed {
            assert!(
                self.queue.contains(&(*at, *timer)),
                "{timer:?} is not queued"
            );
        }
    }
}
