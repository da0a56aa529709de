//! What goes wrong.

use super::*;
use crate::steer::Steering;

/// What may go wrong in a run; chosen anew for each, so that some runs have
/// few kinds of trouble and see deep into those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Reset,
    HalfOpen,
    MachineDies,
    PowerCut,
    Sleep,
    NodeCrash,
    NodeSleeps,
    OldBackup,
    DiskFull,
    ClockStep,
    Pause,
    Resize,
    Drain,
    Goodbye,
    NodeDrain,
    Steer,
    /// People come to the gate.
    Visits,
    Revoke,
}

pub(super) const FAULTS: [Fault; 18] = [
    Fault::Reset,
    Fault::HalfOpen,
    Fault::MachineDies,
    Fault::PowerCut,
    Fault::Sleep,
    Fault::NodeCrash,
    Fault::NodeSleeps,
    Fault::OldBackup,
    Fault::DiskFull,
    Fault::ClockStep,
    Fault::Pause,
    Fault::Resize,
    Fault::Drain,
    Fault::Goodbye,
    Fault::NodeDrain,
    Fault::Steer,
    Fault::Visits,
    Fault::Revoke,
];

impl World {
    pub(super) fn fault(&mut self) {
        if self.healing {
            return;
        }
        let next = self.stage.agenda.now() + self.stage.chance.between(1, 2 * self.fault_every);
        self.stage.agenda.plan(next, Input::Fault);
        let Some(fault) = self.stage.chance.pick(&self.faults).copied() else {
            return;
        };
        let at = usize::try_from(self.stage.chance.below(self.machines.len() as u64)).expect("few");
        tell!(self.stage, "fault {fault:?} (m{at})");
        let now = self.stage.agenda.now();
        let span = self.stage.chance.magnitude(SECOND, 3 * HOUR);
        let Some(machine) = self.machines.get_mut(at) else {
            return;
        };
        match fault {
            Fault::Reset | Fault::HalfOpen => {
                if let Some(peer) = machine.peer {
                    let how = match (fault, self.stage.chance.below(3)) {
                        (Fault::Reset, _) => Break::Reset,
                        (_, 0) => Break::Silent {
                            to_node: true,
                            to_machine: false,
                        },
                        (_, 1) => Break::Silent {
                            to_node: false,
                            to_machine: true,
                        },
                        (_, _) => Break::Silent {
                            to_node: true,
                            to_machine: true,
                        },
                    };
                    self.stage.break_link(peer, how);
                }
            }
            Fault::MachineDies | Fault::PowerCut => {
                let silent = Break::Silent {
                    to_node: true,
                    to_machine: true,
                };
                machine.die(
                    &mut self.stage,
                    if fault == Fault::PowerCut {
                        silent
                    } else {
                        Break::Reset
                    },
                );
                let back = now + self.stage.chance.magnitude(SECOND, 20 * MINUTE);
                self.stage
                    .agenda
                    .plan(back, Input::MachineStarts { machine: at });
            }
            Fault::Sleep => {
                if now < machine.asleep_until {
                    return;
                }
                let span = span.min(2 * HOUR);
                machine.asleep_until = now + span;
                if let Some(peer) = machine.peer
                    && span > 20 * SECOND
                {
                    self.stage.break_link(
                        peer,
                        Break::Silent {
                            to_node: true,
                            to_machine: true,
                        },
                    );
                }
            }
            Fault::NodeCrash => self.node.crash(&mut self.stage),
            // Whoever sleeps cannot wake up in between: what is on its way to it keeps its order.
            Fault::NodeSleeps if now < self.node_sleeps_until => {}
            Fault::NodeSleeps => self.node_sleeps_until = now + span.min(10 * MINUTE),
            Fault::OldBackup => self.old_backup(),
            Fault::DiskFull => self.node.disk_is_full = !self.node.disk_is_full,
            Fault::ClockStep => {
                let step = self.wall_chance.below(20 * 365 * 24 * 3_600_000);
                let step = i64::try_from(step).expect("twenty years") - 10 * 365 * 24 * 3_600_000;
                self.node.wall_ms += if self.wall_shift == 0 {
                    step
                } else {
                    -step / 3
                };
            }
            Fault::Pause => {
                let paused = machine
                    .config
                    .paused
                    .is_none()
                    .then(|| "the machine is in use".to_owned());
                // Of those that go on, some only end what they have; no chance
                // is drawn for it, so that older seeds stay what they are.
                let finishing = paused.is_none() && now.is_multiple_of(3);
                let config = WorkerConfig {
                    paused,
                    finishing,
                    ..machine.config.clone()
                };
                machine.configure(&mut self.stage, config);
            }
            Fault::Resize => {
                let slots = u32::try_from(self.stage.chance.below(5)).expect("few");
                let memory_bytes = u64::from(slots.max(1))
                    << *self.stage.chance.pick(&[27, 28, 29]).unwrap_or(&28);
                let config = WorkerConfig {
                    slots,
                    memory_bytes,
                    ..machine.config.clone()
                };
                machine.configure(&mut self.stage, config);
            }
            Fault::Steer => {
                let steering = Steering::choose(&mut self.stage.chance);
                let command = Command::Steer(machine.id, steering);
                self.node.ask(&mut self.stage, usize::MAX, None, command);
            }
            Fault::Drain => machine.drain(&mut self.stage),
            Fault::Goodbye => machine.goodbye(&mut self.stage),
            Fault::Visits => {
                for _ in 0..self.stage.chance.between(1, 8) {
                    let knock = self.gate.knock(&mut self.stage);
                    self.ask_gate(knock);
                }
            }
            Fault::Revoke => {
                let invited = !machine.uninvited;
                let device = machine.id.device();
                let others = self.machines.iter().filter(|machine| !machine.uninvited);
                if invited && others.count() > self.revoked.len() + 1 {
                    self.revoked.insert(at);
                    self.ask_gate(Knock::Revoke(device));
                }
            }
            Fault::NodeDrain => {
                self.node
                    .ask(&mut self.stage, usize::MAX, None, Command::Drain);
            }
        }
    }

    pub(super) fn ask_gate(&mut self, knock: Knock) {
        self.node
            .ask(&mut self.stage, usize::MAX, None, Command::Gate(knock));
    }

    /// Somebody puts yesterday's copy of the data folder back. What was
    /// promised since then is gone, and nothing else.
    fn old_backup(&mut self) {
        match self.backup.take() {
            None => {
                if self.node.is_at_rest() {
                    self.backup = Some(Backup {
                        disk: self.node.disk.clone(),
                        model: self.model.clone(),
                        names: self
                            .stories
                            .iter()
                            .map(|story| story.names.clone())
                            .collect(),
                    });
                }
            }
            Some(backup) => {
                tell!(self.stage, "an old backup is put back");
                self.node.crash(&mut self.stage);
                self.node.disk = backup.disk;
                self.model = backup.model;
                for (story, names) in self.stories.iter_mut().zip(backup.names) {
                    story.names = names;
                }
                for story in &mut self.stories {
                    if story.job.is_some_and(|job| !self.model.knows(&job)) {
                        story.job = None;
                        story.refused = false;
                    }
                }
                for story in 0..self.stories.len() {
                    let at = self.stage.agenda.now() + self.stage.chance.between(SECOND, MINUTE);
                    self.plan_author(story, at);
                }
                // Blobs that only the lost future referred to may be there, those of the past must be.
                self.model.put_back_blobs(&mut self.stage.blobs);
            }
        }
    }
}
