//! Who belongs to the simulated pool, and how they come in.

use super::*;
use crate::gate::{Answer, Knock, Whose};
use pool::id::DeviceId;
use pool::{
    Admission, Founding, InviteId, JoinRequest, NewInvite, OthersRole, Ownership, PersonNamed,
    Spki, Via,
};
use std::time::Duration;

/// The computer that the node runs on, whose person founded the pool.
pub(crate) const OWN: DeviceId = DeviceId([0xee; 16]);

/// Another person's computer, from which jobs are sent and nothing else.
pub(crate) fn guest(number: u8) -> DeviceId {
    DeviceId([number; 16])
}

pub(crate) fn founding() -> Founding {
    Founding {
        device: OWN,
        spki: Some(spki_of(OWN)),
        device_name: "the node".to_owned(),
        os: "linux".to_owned(),
        person_name: "the founder".to_owned(),
        pool_name: "a pool".to_owned(),
    }
}

/// Everybody has one key, and no other.
fn spki_of(device: DeviceId) -> Spki {
    let mut spki = [0; 32];
    spki[..16].copy_from_slice(&device.0);
    Spki(spki)
}

fn request(device: DeviceId, via: Via) -> JoinRequest {
    JoinRequest {
        device,
        spki: spki_of(device),
        name: format!("computer {}", device.0[8]),
        os: "linux".to_owned(),
        via,
    }
}

fn someone(name: &str, role: OthersRole) -> Ownership {
    Ownership::Someone {
        person: PersonNamed::Name(name.to_owned()),
        role,
    }
}

impl Process {
    /// A machine of the founder's comes by an invite that was made for it, if
    /// it is new here.
    pub(super) fn let_in(&mut self, now: Now, device: DeviceId) {
        if let Some(Admission::Admitted(_)) = self.invite(now, device, true) {
            self.effects.push(Effect::LetIn(device));
        }
    }

    /// Another person's computer comes by a link, and its jobs are welcome.
    pub(super) fn let_in_guest(&mut self, now: Now, number: u8) {
        let device = guest(number);
        if let Some(Admission::Waiting(join)) = self.invite(now, device, false) {
            let whose = someone(&format!("guest {number}"), OthersRole::Submit);
            if self.coordinator.approve(now, join, whose).is_ok() {
                self.effects.push(Effect::LetIn(device));
            }
        }
    }

    fn invite(&mut self, now: Now, device: DeviceId, unattended: bool) -> Option<Admission> {
        let coordinator = &mut self.coordinator;
        if coordinator.device(device).is_some() {
            return None;
        }
        let id = InviteId(device.0);
        let invite = NewInvite {
            id,
            person: coordinator.pool().founder,
            unattended,
            uses: 1,
            life: Duration::from_secs(60),
            name: "a machine".to_owned(),
        };
        coordinator.invite(now, invite).ok()?;
        let request = request(device, Via::Invite(id));
        coordinator.ask_to_join(now, request).ok()
    }

    pub(super) fn knock(&mut self, now: Now, knock: &Knock, batch: &mut Batch) -> Answer {
        let coordinator = &mut self.coordinator;
        let effects = &mut batch.effects;
        match *knock {
            Knock::OpenCode => {
                let code = coordinator.open_code(now);
                effects.push(Effect::CodeOpened(code.id, code.expires));
                return Answer::Opened(code.id);
            }
            Knock::CloseCode => {
                coordinator.close_code(now);
                effects.push(Effect::CodeClosed);
            }
            Knock::Try(code) => {
                let left = coordinator.charge_code(now, code).ok();
                effects.push(Effect::CodeTried(code, now.moment, left));
                if left.is_some() {
                    return Answer::Tried(code);
                }
            }
            Knock::Ask(device, code) => {
                let known = coordinator.device(device).is_some()
                    || coordinator.joins().any(|join| join.device == device);
                let asked = coordinator.ask_to_join(now, request(device, Via::Code(code)));
                if asked.is_ok() && !known {
                    effects.push(Effect::AskedByCode(code, now.moment, device));
                }
                if let Ok(Admission::Waiting(join)) = asked {
                    return Answer::Waits(join);
                }
            }
            Knock::Approve(join, whose) => {
                let ownership = match whose {
                    Whose::Founders => Ownership::Mine {
                        person: coordinator.pool().founder,
                    },
                    Whose::Other { submits: true } => someone("a visitor", OthersRole::Submit),
                    Whose::Other { submits: false } => someone("a visitor", OthersRole::Work),
                };
                if let Ok(device) = coordinator.approve(now, join, ownership) {
                    effects.push(Effect::LetIn(device.id));
                }
            }
            Knock::Refuse(join) => drop(coordinator.refuse_join(now, join)),
            Knock::Withdraw(join) => coordinator.withdraw_join(now, join),
            Knock::Revoke(device) => {
                if coordinator.revoke(now, device).is_ok() {
                    effects.push(Effect::Revoked);
                }
            }
            Knock::Forget(device) => drop(coordinator.forget_device(now, device)),
            Knock::LetIn(device) => {
                self.let_in(now, device);
                effects.append(&mut self.effects);
            }
        }
        Answer::Said
    }
}
