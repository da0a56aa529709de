//! Which machines persons let work, and which machines jobs ask for.

use super::*;
use crate::steer::Steering;
use pool::moment::Moment;
use pool::spec::On;

/// What persons decided of machines, as far as it is durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Steered {
    closed: BTreeMap<MachineId, Closed>,
    labels: BTreeMap<MachineId, BTreeSet<String>>,
    /// Of the last transaction.
    moment: Moment,
}

#[derive(Clone, Copy, Debug)]
enum Closed {
    Paused { until: Option<Moment> },
    Drained,
    Removed,
}

impl Steered {
    pub(super) fn goes_on(&mut self, moment: Moment) {
        self.moment = moment;
    }

    /// Whoever says hello after it was removed is a new machine.
    pub(super) fn greeted(&mut self, machine: MachineId) {
        if let Some(Closed::Removed) = self.closed.get(&machine) {
            self.closed.remove(&machine);
        }
    }

    pub(super) fn steer(&mut self, machine: MachineId, steering: &Steering, until: Option<Moment>) {
        match steering {
            Steering::Pause(_) => {
                self.closed.insert(machine, Closed::Paused { until });
            }
            Steering::Drain => {
                self.closed.insert(machine, Closed::Drained);
            }
            Steering::Remove => {
                self.closed.insert(machine, Closed::Removed);
                self.labels.remove(&machine);
            }
            Steering::Resume => {
                self.closed.remove(&machine);
            }
            Steering::Label(labels) => {
                self.labels
                    .insert(machine, labels.iter().cloned().collect());
            }
            Steering::Rename(_) => {}
        }
    }

    /// I31 and I32: why this machine may not be given tasks of the job.
    pub(super) fn objection(&self, machine: MachineId, on: &[On]) -> Option<String> {
        match self.closed.get(&machine) {
            Some(Closed::Paused { until: Some(until) }) if *until <= self.moment => {}
            Some(closed) => return Some(format!("I31: {machine} is {closed:?}")),
            None => {}
        }
        let is_meant = |on: &On| match on {
            On::Machine(id) => *id == machine,
            On::Label(label) => {
                let labels = self.labels.get(&machine);
                labels.is_some_and(|labels| labels.contains(label))
            }
        };
        let allowed = on.is_empty() || on.iter().any(is_meant);
        (!allowed).then(|| {
            let labels = self.labels.get(&machine);
            format!("I32: {machine} with {labels:?} is none of {on:?}")
        })
    }
}
