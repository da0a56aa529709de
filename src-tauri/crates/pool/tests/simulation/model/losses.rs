//! I14: which attempts may count as a loss of their task, seen from outside.
//!
//! An attempt is lost when its executor died, when its machine comes back in
//! another life, or when the node, awake, heard nothing of its machine for too
//! long. Nothing else is charged: neither a broken connection, nor what never
//! arrived, nor what the node missed while it stood still itself.

use super::*;
use crate::likeness::LOOKED_AT;
use pool::id::Life;
use pool::limits::{OWN_PAUSE, PULSE, SILENCE_MAX};
use pool::message::{Hello, Results, ToCoordinator};
use pool::{Coordinator, TaskView};

#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// What each machine said in its last hello to this life of the node.
    lives: BTreeMap<MachineId, Life>,
    /// For how long the node, awake, has not heard each machine.
    silence: BTreeMap<MachineId, At>,
    /// When the node was last seen awake.
    awake_at: At,
    /// Attempts that may be charged.
    lost: BTreeMap<JobId, BTreeMap<u32, BTreeSet<u32>>>,
}

impl Losses {
    pub(super) fn forget(&mut self, job: &JobId) {
        self.lost.remove(job);
    }

    /// Whom the node knew then it does not know now.
    pub(super) fn restarted(&mut self) {
        self.lives.clear();
        self.silence.clear();
    }

    fn note(&mut self, job: JobId, index: u32, attempt: u32) {
        let tasks = self.lost.entry(job).or_default();
        tasks.entry(index).or_default().insert(attempt);
    }

    fn of(&self, task: &TaskView, job: &JobId) -> usize {
        let tasks = self.lost.get(job);
        tasks
            .and_then(|tasks| tasks.get(&task.index))
            .map_or(0, BTreeSet::len)
    }
}

impl Model {
    pub(crate) fn has_liars(&self) -> bool {
        !self.liars.is_empty()
    }

    /// The node does something, so it is awake. A pause that it cannot notice
    /// counts as time in which it listened; of a longer one only as much.
    pub(crate) fn awake(&mut self, now: At) {
        let most = At::try_from((PULSE + OWN_PAUSE).as_micros()).expect("seconds");
        let passed = (now - self.losses.awake_at).min(most);
        self.losses.awake_at = now;
        for silence in self.losses.silence.values_mut() {
            *silence += passed;
        }
    }

    /// The node looks at its timers: whoever was silent for too long is lost.
    pub(crate) fn looks_at_timers(&mut self, disk: &Disk) {
        // The last word of a connection that another has replaced does not count there.
        let most = At::try_from((SILENCE_MAX - PULSE).as_micros()).expect("seconds");
        let silent = self.losses.silence.iter();
        let silent: Vec<MachineId> = silent
            .filter(|(_, silence)| **silence >= most)
            .map(|(machine, _)| *machine)
            .collect();
        for machine in silent {
            self.loses(disk, machine);
        }
    }

    /// The node hears this of a machine.
    pub(crate) fn hears(&mut self, disk: &Disk, machine: MachineId, message: &ToCoordinator) {
        match message {
            // In another's name: nobody believes it.
            ToCoordinator::Hello(hello) if hello.machine != machine => {}
            ToCoordinator::Hello(Hello { life, .. }) => {
                self.losses.silence.insert(machine, 0);
                let before = self.losses.lives.insert(machine, *life);
                if before.is_some_and(|before| before != *life) {
                    self.loses(disk, machine);
                }
            }
            ToCoordinator::Heartbeat(_) => {
                self.losses.silence.insert(machine, 0);
            }
            ToCoordinator::Results(Results {
                chunk,
                reports: Reports::Each(each),
            }) => {
                for (index, report) in (chunk.first..).zip(each) {
                    if matches!(report.outcome, Outcome::Lost { .. }) {
                        self.losses.note(chunk.job, index, chunk.attempt);
                    }
                }
            }
            ToCoordinator::Results(_)
            | ToCoordinator::Output(_)
            | ToCoordinator::Return(_)
            | ToCoordinator::Goodbye
            | ToCoordinator::Health(_)
            | ToCoordinator::Stock(_) => {}
        }
    }

    /// Whatever the machine holds may be charged.
    fn loses(&mut self, disk: &Disk, machine: MachineId) {
        for ((no, first), (count, value)) in &disk.leases {
            if Disk::holder(value) != Some(machine) {
                continue;
            }
            let Some(id) = self.numbers.get(no).copied() else {
                continue;
            };
            let Some(job) = self.jobs.get(&id) else {
                continue;
            };
            for index in *first..*first + count {
                if let Some(task) = job.tasks.get(index as usize) {
                    self.losses.note(id, index, task.attempt);
                }
            }
        }
    }

    /// No task counts more losses than there were.
    pub(crate) fn check_losses(&self, stage: &mut Stage, coordinator: &Coordinator) {
        for view in coordinator.jobs().filter(|view| view.total <= LOOKED_AT) {
            for task in coordinator.tasks(view.id, 0, LOOKED_AT) {
                let lost = self.losses.of(&task, &view.id);
                if task.losses as usize > lost {
                    return stage.accuse(format!(
                        "I14: {} attempts of a task of {} were lost, and it counts more: {task:?}",
                        lost, view.id
                    ));
                }
            }
        }
    }

    /// Some attempt of the job was lost.
    pub(super) fn lost_some_of(&self, id: &JobId) -> bool {
        self.losses.lost.contains_key(id)
    }
}
