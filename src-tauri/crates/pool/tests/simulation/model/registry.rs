//! I18 to I21 and I30: who belongs to the pool, what they may do, and what
//! they were told, seen from outside.

use super::*;
use pool::Moment;
use pool::id::{CodeId, DeviceId, PersonId};
use pool::limits::CODE_ATTEMPTS_MAX;
use pool::registry::{Device, Entry, EntryKey};

#[derive(Clone, Debug, Default)]
pub(super) struct Registry {
    devices: BTreeMap<DeviceId, Device>,
    codes: BTreeMap<CodeId, Code>,
}

/// What is durable of a code.
#[derive(Clone, Debug)]
struct Code {
    expires: Moment,
    tried: u8,
    asked: Option<DeviceId>,
    open: bool,
}

impl Registry {
    /// Codes live no longer than the node that shows them.
    pub(super) fn restarted(&mut self) {
        self.close_codes();
    }

    fn close_codes(&mut self) {
        for code in self.codes.values_mut() {
            code.open = false;
        }
    }

    /// Whoever is there and not revoked.
    fn welcome(&self, device: DeviceId) -> Option<&Device> {
        let device = self.devices.get(&device)?;
        (!device.is_revoked()).then_some(device)
    }

    pub(super) fn person_of(&self, device: DeviceId) -> Option<PersonId> {
        self.devices.get(&device).map(|device| device.person)
    }
}

impl Model {
    /// The registry's row is durable, of a turn that had these effects.
    pub(super) fn registered(
        &mut self,
        stage: &mut Stage,
        key: EntryKey,
        value: Option<&[u8]>,
        effects: &[Effect],
    ) {
        let Some(value) = value else {
            self.registry
                .devices
                .retain(|id, _| EntryKey::device(*id) != key);
            return;
        };
        let device = match Entry::read(key, value) {
            Ok(Entry::Device(device)) => device,
            Ok(Entry::Pool(_) | Entry::Person(_) | Entry::Code(_) | Entry::Invite(_)) => return,
            Err(error) => return stage.accuse(format!("an entry that does not decode: {error}")),
        };
        let id = device.id;
        let let_in = |effect: &Effect| matches!(effect, Effect::LetIn(device) if *device == id);
        let known = self.registry.devices.contains_key(&id) || id == crate::node::OWN;
        if !known && !effects.iter().any(let_in) {
            stage.accuse(format!("I18, I19: {id} appeared and nobody let it in"));
        }
        self.registry.devices.insert(id, device);
    }

    /// I18 and I20: a lease of this machine is durable.
    pub(super) fn check_holder(&self, stage: &mut Stage, machine: MachineId) {
        match self.registry.welcome(machine.device()) {
            None => stage.accuse(format!(
                "I18: {machine} is granted a lease, and does not belong to the pool"
            )),
            Some(device) if !device.roles.work => stage.accuse(format!(
                "I20: {machine} is granted a lease, and may not work"
            )),
            Some(_) => {}
        }
    }

    /// I18: leases of a revoked device end with its revocation.
    pub(super) fn check_revoked(&self, stage: &mut Stage, disk: &Disk) {
        for (key, (_, value)) in &disk.leases {
            let Some(machine) = Disk::holder(value) else {
                continue;
            };
            if self.registry.welcome(machine.device()).is_none() {
                stage.accuse(format!("I18: {machine} still holds {key:?}"));
            }
        }
    }

    /// Something but a refusal is said to a machine.
    pub(super) fn check_spoken_to(&self, stage: &mut Stage, machine: MachineId) {
        match self.registry.welcome(machine.device()) {
            None => stage.accuse(format!(
                "I18: {machine} is spoken to and does not belong here"
            )),
            Some(device) if !device.roles.work => {
                stage.accuse(format!("I20: {machine} is spoken to and may not work"))
            }
            Some(_) => {}
        }
    }

    /// I20: whose a job is that was sent from the device.
    pub(super) fn author_of(&self, stage: &mut Stage, device: DeviceId) -> PersonId {
        match self.registry.welcome(device) {
            Some(device) if device.roles.submit => device.person,
            Some(device) => {
                stage.accuse(format!("I20: a job of {}, which may not submit", device.id));
                device.person
            }
            None => {
                stage.accuse(format!("I18: a job of {device}, which is not of the pool"));
                PersonId([0; 16])
            }
        }
    }

    /// I21: nobody but its person steers or reads a job.
    fn check_steered(&self, stage: &mut Stage, device: DeviceId, job: JobId) {
        let Some(job) = self.jobs.get(&job) else {
            return;
        };
        if self.registry.person_of(device) != Some(job.person) {
            stage.accuse(format!("I21: {device} steered a job of {}", job.person));
        }
    }

    /// What happened at the gate is durable.
    pub(super) fn take_gate(&mut self, stage: &mut Stage, effect: &Effect) {
        match effect {
            Effect::Steered(device, job) => self.check_steered(stage, *device, *job),
            Effect::CodeOpened(id, expires) => {
                self.registry.close_codes();
                let code = Code {
                    expires: *expires,
                    tried: 0,
                    asked: None,
                    open: true,
                };
                self.registry.codes.insert(*id, code);
            }
            Effect::CodeClosed => self.registry.close_codes(),
            Effect::CodeTried(id, at, left) => self.tried(stage, *id, *at, *left),
            Effect::AskedByCode(id, at, device) => self.asked(stage, *id, *at, *device),
            Effect::LetIn(_)
            | Effect::Revoked
            | Effect::Accept { .. }
            | Effect::Follow(..)
            | Effect::Unfollow(..)
            | Effect::Left(_)
            | Effect::Retry(..)
            | Effect::Release(_)
            | Effect::Forget(_)
            | Effect::Hold(_)
            | Effect::LetGo(_)
            | Effect::Folded(..)
            | Effect::Assembled(..)
            | Effect::Steer(..)
            | Effect::Greeted(_) => {}
        }
    }

    /// I19: five tries in all, of a code that is open.
    fn tried(&mut self, stage: &mut Stage, id: CodeId, at: Moment, left: Option<u8>) {
        let Some(code) = self.registry.codes.get_mut(&id) else {
            // Of a time that an old backup does not know, perhaps.
            if left.is_some() {
                stage.accuse(format!("I19: {id} was tried and never shown"));
            }
            return;
        };
        let usable = code.open && at < code.expires && code.tried < CODE_ATTEMPTS_MAX;
        let Some(left) = left else {
            if usable {
                stage.accuse(format!("I19: {id} is open and was not taken: {code:?}"));
            }
            code.open = false;
            return;
        };
        code.tried += 1;
        if !usable || left != CODE_ATTEMPTS_MAX.saturating_sub(code.tried) {
            stage.accuse(format!("I19: {id} was tried with {left} left: {code:?}"));
        }
    }

    /// I19: one device, of a code that was tried and is open.
    fn asked(&mut self, stage: &mut Stage, id: CodeId, at: Moment, device: DeviceId) {
        let Some(code) = self.registry.codes.get_mut(&id) else {
            return stage.accuse(format!("I19: {device} came by {id}, which was never shown"));
        };
        if !code.open || at >= code.expires || code.tried == 0 || code.asked.is_some() {
            stage.accuse(format!("I19: {device} came by {id}: {code:?}"));
        }
        code.asked = Some(device);
        code.open = false;
    }
}
