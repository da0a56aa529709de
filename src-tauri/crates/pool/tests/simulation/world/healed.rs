//! What goes right again, and must then come to an end.

use super::*;
use crate::steer::{LABELS, Steering};
use pool::Order;

impl World {
    pub(super) fn heal(&mut self) {
        tell!(self.stage, "heals");
        self.healing = true;
        self.node.crashes_per_mille = 0;
        self.node.disk_is_full = false;
        let now = self.stage.agenda.now();
        self.stage.agenda.plan(now, Input::NodeStarts);
        let mut renewed = Vec::new();
        for at in 0..self.machines.len() {
            let Some(machine) = self.machines.get_mut(at) else {
                continue;
            };
            if machine.uninvited {
                machine.die(&mut self.stage, Break::Reset);
                continue;
            }
            if self.revoked.contains(&at) {
                // Its owner makes it another one, which is let in.
                machine.die(&mut self.stage, Break::Reset);
                machine.id.0[9] = 0xaa;
                renewed.push((at, machine.id));
            }
            if std::mem::replace(&mut machine.lies, false) {
                // What it did not say on this connection nobody will ever know.
                machine.die(&mut self.stage, Break::Reset);
            }
            let slots = machine.config.slots.max(1);
            let memory_bytes = 1 << 32;
            machine.configure(
                &mut self.stage,
                WorkerConfig {
                    slots,
                    memory_bytes,
                    paused: None,
                    slowed: None,
                    finishing: false,
                    ..machine.config.clone()
                },
            );
            machine.start(&mut self.stage);
        }
        for (at, id) in renewed {
            if let Some(known) = self.node.machines.get_mut(at) {
                *known = id;
            }
            self.ask_gate(Knock::LetIn(id.device()));
        }
        self.crowd();
        self.ask_authors();
    }

    /// Clients follow their jobs on whatever node is there.
    pub(super) fn ask_authors(&mut self) {
        let soon = self.stage.agenda.now() + SECOND;
        for story in 0..self.stories.len() {
            self.plan_author(story, soon);
        }
    }

    /// In a healed world nobody keeps a machine from working, and every job
    /// finds the machines that it asks for.
    pub(super) fn let_machines_work(&mut self) {
        let Some(coordinator) = self.node.coordinator().filter(|_| self.healing) else {
            return;
        };
        let mut commands = Vec::new();
        for machine in coordinator.machines() {
            if machine.order != Order::Work {
                commands.push(Command::Steer(machine.id, Steering::Resume));
            }
            if machine.labels.len() < LABELS.len() {
                commands.push(Command::Steer(machine.id, Steering::all_labels()));
            }
        }
        for command in commands {
            self.node.ask(&mut self.stage, usize::MAX, None, command);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let Some(coordinator) = self.node.coordinator() else {
            return false;
        };
        let told = self
            .stories
            .iter()
            .all(|story| story.job.is_some() || story.refused);
        told && self.node.is_at_rest()
            && coordinator.jobs().all(|view| {
                matches!(
                    view.state,
                    JobState::Done | JobState::Failed | JobState::Cancelled
                )
            })
    }

    /// I24: says which job waits, and why the coordinator thinks so.
    pub(super) fn explain_stall(&mut self) {
        let Some(coordinator) = self.node.coordinator() else {
            return self.stage.accuse("I24: the node does not come back");
        };
        let waiting: Vec<String> = coordinator
            .jobs()
            .filter(|view| {
                !matches!(
                    view.state,
                    JobState::Done | JobState::Failed | JobState::Cancelled
                )
            })
            .map(|view| {
                format!(
                    "{} is {:?} ({} of {} done): {:?}",
                    view.id,
                    view.state,
                    view.done,
                    view.total,
                    coordinator.explain(view.id, None)
                )
            })
            .collect();
        self.stage.accuse(format!(
            "I24: a healed world does not finish after {} steps: {}",
            self.steps,
            waiting.join("; ")
        ));
    }

    /// Every job goes, and nothing of any may remain.
    pub(super) fn forget_everything(&mut self) {
        if self.stage.broken.is_some() {
            return;
        }
        self.look();
        self.must_be_done();
        // Transient jobs go by themselves, ten minutes after they came. An author
        // whose job an old backup does not know submits it again, and every
        // machine may be asleep, for two hours at most.
        let until = self.stage.agenda.now() + 3 * HOUR;
        let mut ask_at = 0;
        while self.stage.broken.is_none()
            && self.node.disk.remains().is_some()
            && self.stage.agenda.now() < until
        {
            // The node may stop once more: then they are asked again.
            if self.stage.agenda.now() >= ask_at {
                ask_at = self.stage.agenda.now() + MINUTE;
                let jobs: Vec<_> = self
                    .node
                    .coordinator()
                    .map_or_else(Vec::new, |coordinator| {
                        coordinator.jobs().map(|view| view.id).collect()
                    });
                for job in jobs {
                    self.node
                        .ask(&mut self.stage, usize::MAX, None, Command::Forget(job));
                }
            }
            self.step();
        }
        self.model.check_at_rest(&mut self.stage, &self.node.disk);
        if let Some(remains) = self.node.disk.remains() {
            self.stage
                .accuse(format!("I16: every job is forgotten, and {remains} remain"));
        }
    }

    pub(super) fn must_be_done(&mut self) {
        if self.model.has_liars() {
            return;
        }
        let Some(coordinator) = self.node.coordinator() else {
            return;
        };
        for story in self.stories.iter().filter(|story| !story.gave_up) {
            let Some(id) = story.job.filter(|id| self.model.must_be_done(id)) else {
                continue;
            };
            if let Some(view) = coordinator.job(&id)
                && view.state != JobState::Done
                && !matches!(view.fold, pool::FoldView::Failed { .. })
            {
                self.stage.accuse(format!(
                    "I14: nothing was wrong with {id}, and it is {view:?}"
                ));
            }
        }
    }
}
