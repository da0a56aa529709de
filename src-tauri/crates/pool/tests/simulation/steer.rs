//! What persons want of machines, from wherever they are.

use crate::agenda::SECOND;
use crate::chance::Chance;
use pool::id::MachineId;
use pool::moment::{Moment, Now};
use pool::{Coordinator, MachineError};
use std::time::Duration;

/// Labels that machines are given and jobs ask for.
pub(crate) const LABELS: [&str; 3] = ["attic", "fast", "gpu"];

#[derive(Clone, Debug)]
pub(crate) enum Steering {
    Pause(Option<Duration>),
    Resume,
    Drain,
    Rename(Option<String>),
    Label(Vec<String>),
    Remove,
}

impl Steering {
    pub(crate) fn choose(chance: &mut Chance) -> Steering {
        match chance.below(12) {
            0 | 1 => Steering::Pause(None),
            2 | 3 => {
                let span = chance.magnitude(SECOND, 3_000 * SECOND);
                Steering::Pause(Some(Duration::from_micros(span)))
            }
            4 | 5 => Steering::Drain,
            6 | 7 => Steering::Resume,
            8 => Steering::Rename(chance.per_mille(700).then(|| "studio-pc".to_owned())),
            9 => Steering::Remove,
            _ => {
                let chosen = LABELS.iter().filter(|_| chance.per_mille(500));
                Steering::Label(chosen.map(|label| (*label).to_owned()).collect())
            }
        }
    }

    /// So that every job finds its machines.
    pub(crate) fn all_labels() -> Steering {
        Steering::Label(LABELS.iter().map(|label| (*label).to_owned()).collect())
    }

    /// When a pause that begins now is over.
    pub(crate) fn until(&self, now: Moment) -> Option<Moment> {
        match self {
            Steering::Pause(span) => span.map(|span| now.after(span)),
            Steering::Resume
            | Steering::Drain
            | Steering::Rename(_)
            | Steering::Label(_)
            | Steering::Remove => None,
        }
    }

    pub(crate) fn carry_out(
        &self,
        coordinator: &mut Coordinator,
        now: Now,
        machine: MachineId,
    ) -> Result<(), MachineError> {
        match self {
            Steering::Pause(_) => coordinator.pause_machine(now, machine, self.until(now.moment)),
            Steering::Resume => coordinator.resume_machine(now, machine),
            Steering::Drain => coordinator.drain_machine(now, machine),
            Steering::Rename(name) => coordinator.rename_machine(now, machine, name.as_deref()),
            Steering::Label(labels) => coordinator.label_machine(now, machine, labels),
            Steering::Remove => coordinator.remove_machine(now, machine),
        }
    }
}
