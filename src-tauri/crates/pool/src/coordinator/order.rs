//! What persons decide about a machine, wherever it is: a pause, a drain, its
//! name, its labels, and that it goes. Durable: it holds until somebody
//! decides otherwise, whatever restarts in between.

use super::machine::Machine;
use super::timer::Timer;
use super::{Coordinator, Event};
use crate::id::MachineId;
use crate::limits::{LABEL_CHARS_MAX, LABELS_MAX, NAME_CHARS_MAX};
use crate::message::{Chunk, ToWorker};
use crate::moment::{Moment, Now};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a person wants a machine to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Work, as far as its owner allows it.
    #[default]
    Work,
    /// Nothing before then, or before somebody lets it go on.
    Pause { until: Option<Moment> },
    /// Finish what runs, and take nothing new.
    Drain,
}

/// What is kept of a machine that it does not say itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) order: Order,
    /// Instead of the name by which it calls itself.
    pub(super) name: Option<String>,
    pub(super) labels: BTreeSet<String>,
}

/// Why a command about a machine was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    #[error("there is no such machine")]
    Unknown,
    #[error("a machine's name has between 1 and {NAME_CHARS_MAX} characters on one line")]
    Name,
    #[error(
        "\"{label}\" is not a label: up to {LABEL_CHARS_MAX} small letters, digits, '-', '_' and '.'"
    )]
    Label { label: String },
    #[error("a machine has at most {LABELS_MAX} labels")]
    TooManyLabels,
}

/// What a machine that is paused from afar tells its own people.
const PAUSED: &str = "a person of the pool paused it";

impl Coordinator {
    /// Leases it nothing; what it prefetched goes back at once, and what runs
    /// is held for [`crate::limits::HELD_MAX`] at most. `until`: it goes on by
    /// itself then. One that drains is paused instead.
    ///
    /// # Errors
    /// When there is no such machine.
    pub fn pause_machine(
        &mut self,
        now: Now,
        id: MachineId,
        until: Option<Moment>,
    ) -> Result<(), MachineError> {
        self.advance(now);
        self.command(id, Order::Pause { until })
    }

    /// Lets it work again after a pause or a drain from afar; its owner's own
    /// pause stays.
    ///
    /// # Errors
    /// When there is no such machine.
    pub fn resume_machine(&mut self, now: Now, id: MachineId) -> Result<(), MachineError> {
        self.advance(now);
        self.command(id, Order::Work)
    }

    /// It finishes what runs and takes nothing new until it is resumed; what
    /// has not begun goes back.
    ///
    /// # Errors
    /// When there is no such machine.
    pub fn drain_machine(&mut self, now: Now, id: MachineId) -> Result<(), MachineError> {
        self.advance(now);
        self.command(id, Order::Drain)
    }

    /// Calls it so, whatever it calls itself; `None` lets it have its own name.
    ///
    /// # Errors
    /// When there is no such machine, or that is no name.
    pub fn rename_machine(
        &mut self,
        now: Now,
        id: MachineId,
        name: Option<&str>,
    ) -> Result<(), MachineError> {
        self.advance(now);
        let name = name.map(str::trim);
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().count() <= NAME_CHARS_MAX
                && !name.chars().any(char::is_control)
        };
        if name.is_some_and(|name| !is_name(name)) {
            return Err(MachineError::Name);
        }
        let machine = self.machines.get_mut(&id).ok_or(MachineError::Unknown)?;
        machine.orders.name = name.map(str::to_owned);
        self.note_orders(id);
        Ok(())
    }

    /// Gives it these labels and no others.
    ///
    /// # Errors
    /// When there is no such machine, or one of them is no label.
    pub fn label_machine(
        &mut self,
        now: Now,
        id: MachineId,
        labels: &[String],
    ) -> Result<(), MachineError> {
        self.advance(now);
        if let Some(label) = labels.iter().find(|label| !is_label(label)) {
            return Err(MachineError::Label {
                label: label.chars().take(LABEL_CHARS_MAX).collect(),
            });
        }
        let labels: BTreeSet<String> = labels.iter().cloned().collect();
        if labels.len() > LABELS_MAX {
            return Err(MachineError::TooManyLabels);
        }
        let machine = self.machines.get_mut(&id).ok_or(MachineError::Unknown)?;
        machine.orders.labels = labels;
        self.note_orders(id);
        Ok(())
    }

    /// Forgets it: its tasks go back, uncharged, and its connection is refused.
    /// Whether it may come back is the registry's matter; if it does, it is a
    /// new machine.
    ///
    /// # Errors
    /// When there is no such machine.
    pub fn remove_machine(&mut self, now: Now, id: MachineId) -> Result<(), MachineError> {
        self.advance(now);
        let Some(machine) = self.machines.get(&id) else {
            return Err(MachineError::Unknown);
        };
        #[cfg(feature = "mutants")]
        if self.is_planted(super::Mutant::RemovalIgnored) {
            return Ok(());
        }
        let peer = machine.peer();
        self.take_back_all(id);
        if let Some(peer) = peer {
            self.forget_peer(peer);
            self.refuse(peer, "this machine was removed from the pool");
        }
        for timer in [
            Timer::Silence(id),
            Timer::Held(id),
            Timer::Rested(id),
            Timer::PauseOver(id),
        ] {
            self.timers.disarm(timer);
        }
        self.machines.remove(&id);
        self.speeds.forget(id);
        self.note_orders(id);
        Ok(())
    }

    /// The pause that a person set has lasted as long as it should.
    pub(super) fn handle_pause_over(&mut self, id: MachineId) {
        let due = self.machines.get(&id).and_then(Machine::paused_until);
        match due {
            Some(until) if until <= self.now.moment => self.order(id, Order::Work),
            Some(until) => self.timers.arm(Timer::PauseOver(id), until),
            None => {}
        }
    }

    /// What a machine that has just been welcomed must know of its orders.
    pub(super) fn repeat_orders(&mut self, id: MachineId) {
        let Some(machine) = self.machines.get(&id) else {
            return;
        };
        match machine.orders.order {
            Order::Pause { .. } => self.tell_pause(id),
            // It may have been paused when the connection broke.
            Order::Work | Order::Drain if machine.pause.is_some() => {
                self.send(id, ToWorker::Resume);
            }
            Order::Work | Order::Drain => {}
        }
        self.recall_drained(id);
    }

    /// Arms what must be looked at after a restart.
    pub(super) fn watch_orders(&mut self) {
        let pauses = self.machines.iter();
        let pauses = pauses.filter_map(|(id, machine)| Some((*id, machine.paused_until()?)));
        for (id, until) in pauses.collect::<Vec<_>>() {
            self.timers.arm(Timer::PauseOver(id), until);
        }
    }

    fn command(&mut self, id: MachineId, order: Order) -> Result<(), MachineError> {
        if !self.machines.contains_key(&id) {
            return Err(MachineError::Unknown);
        }
        self.order(id, order);
        Ok(())
    }

    fn order(&mut self, id: MachineId, order: Order) {
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        #[cfg(feature = "mutants")]
        if super::mutant::is_ignored(self.mutant, order) {
            return;
        }
        let before = core::mem::replace(&mut machine.orders.order, order);
        match (before, order) {
            (Order::Pause { .. }, Order::Pause { .. }) => {}
            (_, Order::Pause { .. }) => self.tell_pause(id),
            (Order::Pause { .. }, Order::Work | Order::Drain) => self.send(id, ToWorker::Resume),
            (Order::Work | Order::Drain, Order::Work | Order::Drain) => {}
        }
        self.recall_drained(id);
        match order {
            Order::Pause { until: Some(until) } => self.timers.arm(Timer::PauseOver(id), until),
            Order::Pause { until: None } | Order::Work | Order::Drain => {
                self.timers.disarm(Timer::PauseOver(id));
            }
        }
        self.note_orders(id);
    }

    fn tell_pause(&mut self, id: MachineId) {
        let why = PAUSED.to_owned();
        self.send(id, ToWorker::Pause { why });
    }

    /// What a machine that drains has not begun is somebody else's.
    fn recall_drained(&mut self, id: MachineId) {
        let drains = |machine: &Machine| machine.orders.order == Order::Drain;
        if !self.machines.get(&id).is_some_and(drains) {
            return;
        }
        let now = self.now.moment;
        let chunks = self.chunks_of(id);
        if let Some(machine) = self.machines.get_mut(&id) {
            let starts = chunks.iter().map(|(no, chunk)| ((*no, chunk.first), now));
            machine.recalled.extend(starts);
        }
        let chunks: Vec<Chunk> = chunks.into_iter().map(|(_, chunk)| chunk).collect();
        if !chunks.is_empty() {
            self.send(id, ToWorker::Recall(chunks));
        }
    }

    fn note_orders(&mut self, id: MachineId) {
        self.unsaved.machines.insert(id);
        self.events.push_back(Event::MachineChanged(id));
    }
}

impl Machine {
    /// When a person's pause ends by itself, if it does.
    fn paused_until(&self) -> Option<Moment> {
        match self.orders.order {
            Order::Pause { until } => until,
            Order::Work | Order::Drain => None,
        }
    }

    /// The sentence of a machine that does not work because a person said so.
    pub(super) fn ordered(&self, now: Moment) -> Option<String> {
        match self.orders.order {
            Order::Work => None,
            Order::Pause { until: None } => {
                Some("Paused by a person, until somebody resumes it".to_owned())
            }
            Order::Pause { until: Some(until) } => {
                let left = until.since(now);
                Some(format!("Paused by a person, for {} more", span(left)))
            }
            Order::Drain if self.leases.is_empty() => {
                Some("Drained: it takes nothing until somebody resumes it".to_owned())
            }
            Order::Drain => Some("Drains: it finishes what runs and takes nothing new".to_owned()),
        }
    }
}

/// A label is a word that is typed the same everywhere.
fn is_label(label: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    !label.is_empty() && label.len() <= LABEL_CHARS_MAX && label.chars().all(is_part)
}

/// A span as people read it, rounded up.
fn span(left: Duration) -> String {
    let minutes = left.as_secs().div_ceil(60).max(1);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
