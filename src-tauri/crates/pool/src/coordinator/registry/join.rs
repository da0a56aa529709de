//! How a device is let in: it asks, and an invite or a person decides.
//!
//! Whatever it came with is used up when it asks, in the transaction that lets
//! it in or before: a restart in between costs a new code, never a second device.

use super::super::{Coordinator, Event};
use crate::id::{CodeId, DeviceId, InviteId, JoinId, PersonId, Spki};
use crate::limits::{DEVICES_MAX, JOIN_WITHIN, JOINS_MAX, PERSONS_MAX};
use crate::moment::Now;
use crate::registry::{Device, EntryKey, Join, Roles, short_name};

/// A device that has shown that it holds this key, and knows a code or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    pub device: DeviceId,
    pub spki: Spki,
    /// As it calls itself.
    pub name: String,
    pub os: String,
    pub via: Via,
}

/// What a device knew when it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Code(CodeId),
    Invite(InviteId),
}

/// What a request to join comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It belongs to the pool, by an unattended invite or since before.
    Admitted(Device),
    /// A person decides, until the request expires.
    Waiting(JoinId),
}

/// Whose the device is, as a person says when it is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Of the person who decides: it may do everything that they may.
    Mine { person: PersonId },
    /// Somebody else's: it works, or it submits and sees that person's jobs.
    Someone {
        person: PersonNamed,
        role: OthersRole,
    },
}

/// A person of the pool, or one to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonNamed {
    Id(PersonId),
    /// Whoever is called so, in whatever case; otherwise a new person.
    Name(String),
}

/// What somebody else's device may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OthersRole {
    Work,
    Submit,
}

/// Why a device may not even ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error(
        "the code or link is not valid: it was used, tried too often or has expired; ask for a new one"
    )]
    Invalid,
    #[error("another computer is known under this one's id; reset its identity and join again")]
    DeviceTaken,
    #[error("this computer was removed from the pool; reset its identity and join again")]
    Revoked,
    #[error("{JOINS_MAX} computers wait to be let in already; decide on one of them first")]
    TooManyWaiting,
    #[error("the pool has {DEVICES_MAX} devices already; forget those that were revoked")]
    TooManyDevices,
}

/// Why a device was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApproveError {
    #[error(
        "nobody waits under this id; it was decided already, took back its request or waited too long"
    )]
    UnknownJoin,
    #[error("there is no such person in this pool; choose one of those who are")]
    UnknownPerson,
    #[error("a person needs a name that can be seen")]
    EmptyName,
    #[error("the pool has {PERSONS_MAX} persons already; choose one of them")]
    TooManyPersons,
    #[error("the pool has {DEVICES_MAX} devices already; forget those that were revoked")]
    TooManyDevices,
}

impl Coordinator {
    /// A device wants to belong to the pool. Whoever is in it already, with the
    /// same key, is told so again; so is who waits. Otherwise the code is
    /// spent, or the invite has one use less, whatever becomes of the request.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn ask_to_join(&mut self, now: Now, request: JoinRequest) -> Result<Admission, JoinError> {
        self.advance(now);
        if let Some(known) = self.standing_of(&request)? {
            return Ok(known);
        }
        if self.registry.devices.len() >= DEVICES_MAX {
            return Err(JoinError::TooManyDevices);
        }
        // Whom nobody is asked about does not wait.
        let waits = match request.via {
            Via::Code(_) => true,
            Via::Invite(id) => {
                let invite = self.registry.invites.get(&id);
                invite.is_some_and(|invite| !invite.unattended)
            }
        };
        if waits && self.joins().count() >= JOINS_MAX {
            return Err(JoinError::TooManyWaiting);
        }
        let admitted_by = match request.via {
            Via::Code(id) => {
                self.spend_code(id).map_err(|_| JoinError::Invalid)?;
                None
            }
            Via::Invite(id) => {
                let invite = self.use_invite(id).map_err(|_| JoinError::Invalid)?;
                invite.unattended.then_some(invite.person)
            }
        };
        let join = Join {
            id: JoinId(self.chance.bytes()),
            device: request.device,
            spki: request.spki,
            name: short_name(&request.name).unwrap_or_else(|| "a computer without a name".into()),
            os: short_name(&request.os).unwrap_or_default(),
            expires: self.now.moment.after(JOIN_WITHIN),
            asked_wall_ms: self.now.wall_ms,
        };
        let admission = match admitted_by {
            Some(person) => Admission::Admitted(self.admit(&join, person, Roles::WORK)),
            None => {
                self.events.push_back(Event::JoinAsked(join.id));
                let id = join.id;
                self.registry.joins.insert(id, join);
                Admission::Waiting(id)
            }
        };
        self.await_expiry();
        Ok(admission)
    }

    /// What is known of the device or its key already.
    fn standing_of(&self, request: &JoinRequest) -> Result<Option<Admission>, JoinError> {
        let by_id = self.registry.devices.get(&request.device);
        let by_key = self.device_by_spki(&request.spki);
        match by_id.or(by_key) {
            Some(known) if known.is_revoked() => return Err(JoinError::Revoked),
            Some(known) if known.id == request.device && known.spki == Some(request.spki) => {
                return Ok(Some(Admission::Admitted(known.clone())));
            }
            Some(_) => return Err(JoinError::DeviceTaken),
            None => {}
        }
        for join in self.joins() {
            match (join.device == request.device, join.spki == request.spki) {
                (true, true) => return Ok(Some(Admission::Waiting(join.id))),
                (false, false) => {}
                (true, false) | (false, true) => return Err(JoinError::DeviceTaken),
            }
        }
        Ok(None)
    }

    /// A person lets the device in, and says whose it is.
    ///
    /// # Errors
    /// See [`ApproveError`].
    pub fn approve(
        &mut self,
        now: Now,
        id: JoinId,
        ownership: Ownership,
    ) -> Result<Device, ApproveError> {
        self.advance(now);
        let join = self.joins().find(|join| join.id == id).cloned();
        let join = join.ok_or(ApproveError::UnknownJoin)?;
        if self.registry.devices.len() >= DEVICES_MAX {
            return Err(ApproveError::TooManyDevices);
        }
        let (person, roles) = match ownership {
            Ownership::Mine { person } => (PersonNamed::Id(person), Roles::ALL),
            Ownership::Someone { person, role } => (
                person,
                match role {
                    OthersRole::Work => Roles::WORK,
                    OthersRole::Submit => Roles::SUBMIT,
                },
            ),
        };
        let person = self.person_named(person)?;
        self.remove_join(id);
        let device = self.admit(&join, person, roles);
        self.await_expiry();
        Ok(device)
    }

    /// A person does not let the device in.
    ///
    /// # Errors
    /// When it waits no more.
    pub fn refuse_join(&mut self, now: Now, id: JoinId) -> Result<(), ApproveError> {
        self.advance(now);
        if !self.registry.joins.contains_key(&id) {
            return Err(ApproveError::UnknownJoin);
        }
        self.remove_join(id);
        self.await_expiry();
        Ok(())
    }

    /// The device that asked is gone. Harmless for one that waits no more.
    pub fn withdraw_join(&mut self, now: Now, id: JoinId) {
        self.advance(now);
        self.remove_join(id);
        self.await_expiry();
    }

    pub(super) fn remove_join(&mut self, id: JoinId) {
        if self.registry.joins.remove(&id).is_some() {
            self.events.push_back(Event::JoinEnded(id));
        }
    }

    fn admit(&mut self, join: &Join, person: PersonId, roles: Roles) -> Device {
        let device = Device {
            id: join.device,
            spki: Some(join.spki),
            person,
            roles,
            name: join.name.clone(),
            os: join.os.clone(),
            joined_wall_ms: self.now.wall_ms,
            revoked_wall_ms: None,
        };
        self.registry.by_spki.insert(join.spki, device.id);
        self.registry.devices.insert(device.id, device.clone());
        self.changed(EntryKey::device(device.id));
        self.events.push_back(Event::DeviceAdmitted(device.id));
        device
    }
}
