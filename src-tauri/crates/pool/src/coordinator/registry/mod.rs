//! Who belongs to the pool and may do what, and how others are let in.
//!
//! Whoever connects is a device that is looked up here: at its connection, at
//! its hello and at each request. What a secret is, and whether somebody knows
//! it, is decided elsewhere; what knowing it is worth is decided here.

mod caller;
mod code;
mod device;
mod found;
mod invite;
mod join;
mod person;

pub use code::CodeError;
pub use device::DeviceError;
pub use found::Founding;
pub use invite::{InviteError, NewInvite};
pub use join::{
    Admission, ApproveError, JoinError, JoinRequest, OthersRole, Ownership, PersonNamed, Via,
};
pub use person::PersonError;

use super::timer::Timer;
use super::{Coordinator, Event};
use crate::id::{DeviceId, InviteId, JoinId, PersonId, Spki};
use crate::limits::{DEVICES_MAX, INVITES_MAX, JOINS_MAX, PERSONS_MAX};
use crate::moment::Moment;
use crate::record::Record;
use crate::registry::{Code, Device, Entry, EntryKey, Invite, Join, Person, Pool};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Registry {
    pool: Pool,
    /// The device that this coordinator runs on.
    own: DeviceId,
    persons: BTreeMap<PersonId, Person>,
    devices: BTreeMap<DeviceId, Device>,
    /// Of every device that has a key, revoked ones too: a key is never used
    /// for two.
    by_spki: BTreeMap<Spki, DeviceId>,
    code: Option<Code>,
    invites: BTreeMap<InviteId, Invite>,
    /// Not durable.
    joins: BTreeMap<JoinId, Join>,
    /// Entries that differ from their rows.
    unsaved: BTreeSet<EntryKey>,
}

impl Coordinator {
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.registry.pool
    }

    /// The device that this coordinator runs on: whoever uses its window or its
    /// command line is this device.
    #[must_use]
    pub fn own_device(&self) -> DeviceId {
        self.registry.own
    }

    pub fn persons(&self) -> impl Iterator<Item = &Person> {
        self.registry.persons.values()
    }

    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.registry.persons.get(&id)
    }

    /// Revoked ones too, until they are forgotten.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.registry.devices.values()
    }

    /// Also where it is revoked.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.registry.devices.get(&id)
    }

    /// Also where it is revoked.
    #[must_use]
    pub fn device_by_spki(&self, spki: &Spki) -> Option<&Device> {
        let id = self.registry.by_spki.get(spki)?;
        self.registry.devices.get(id)
    }

    /// The pairing code that is open, if one is.
    #[must_use]
    pub fn code(&self) -> Option<&Code> {
        let now = self.now.moment;
        self.registry
            .code
            .as_ref()
            .filter(|code| code.expires > now)
    }

    pub fn invites(&self) -> impl Iterator<Item = &Invite> {
        let now = self.now.moment;
        let invites = self.registry.invites.values();
        invites.filter(move |invite| invite.expires > now)
    }

    /// Who waits for a person's decision.
    pub fn joins(&self) -> impl Iterator<Item = &Join> {
        let now = self.now.moment;
        let joins = self.registry.joins.values();
        joins.filter(move |join| join.expires > now)
    }

    /// What became old goes, and the next one's end is waited for.
    pub(super) fn handle_expiry(&mut self) {
        let now = self.now.moment;
        let code = self.registry.code.as_ref();
        if code.is_some_and(|code| code.expires <= now) {
            self.remove_code();
        }
        let over = |invite: &&Invite| invite.expires <= now;
        let invites = self.registry.invites.values().filter(over);
        for id in invites.map(|invite| invite.id).collect::<Vec<_>>() {
            self.remove_invite(id);
        }
        let joins = self.registry.joins.values();
        let joins = joins.filter(|join| join.expires <= now);
        for id in joins.map(|join| join.id).collect::<Vec<_>>() {
            self.remove_join(id);
        }
        self.await_expiry();
    }

    fn await_expiry(&mut self) {
        match self.registry.next_expiry() {
            Some(at) => self.timers.arm(Timer::Expiry, at),
            None => self.timers.disarm(Timer::Expiry),
        }
    }

    /// The entry is another, or gone: it is written in this turn.
    fn changed(&mut self, key: EntryKey) {
        self.registry.unsaved.insert(key);
        if self.events.back() != Some(&Event::RegistryChanged) {
            self.events.push_back(Event::RegistryChanged);
        }
    }
}

impl Registry {
    fn next_expiry(&self) -> Option<Moment> {
        let code = self.code.iter().map(|code| code.expires);
        let invites = self.invites.values().map(|invite| invite.expires);
        let joins = self.joins.values().map(|join| join.expires);
        code.chain(invites).chain(joins).min()
    }

    pub(super) fn person_exists(&self, id: PersonId) -> bool {
        self.persons.contains_key(&id)
    }

    pub(super) fn check_bounds(&self) {
        let counts = [
            ("persons", self.persons.len(), PERSONS_MAX),
            ("devices", self.devices.len(), DEVICES_MAX + 1),
            ("invites", self.invites.len(), INVITES_MAX),
            ("requests to join", self.joins.len(), JOINS_MAX),
        ];
        for (what, count, most) in counts {
            assert!(count <= most, "I23: {count} {what}, and {most} at most");
        }
    }

    /// Panics where it does not fit together.
    pub(super) fn check(&self) {
        assert!(self.persons.contains_key(&self.pool.founder), "the founder");
        assert!(self.devices.contains_key(&self.own), "the own device");
        for device in self.devices.values() {
            let id = device.id;
            assert!(self.persons.contains_key(&device.person), "whose is {id}");
            let by_key = device.spki.map(|spki| self.by_spki.get(&spki));
            assert!(by_key.is_none_or(|known| known == Some(&id)), "key of {id}");
        }
        let keys = self.devices.values().filter(|device| device.spki.is_some());
        assert_eq!(self.by_spki.len(), keys.count(), "keys");
        for join in self.joins.values() {
            assert!(
                !self.devices.contains_key(&join.device),
                "{} waits",
                join.device
            );
        }
    }

    pub(super) fn take_records(&mut self) -> Vec<Record> {
        let unsaved = core::mem::take(&mut self.unsaved);
        let record = |key| Record::Registry {
            key,
            value: self.entry(key).map(|entry| entry.value()),
        };
        unsaved.into_iter().map(record).collect()
    }

    fn entry(&self, key: EntryKey) -> Option<Entry> {
        self.entries().find(|entry| entry.key() == key)
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        let persons = self.persons.values().cloned().map(Entry::Person);
        let devices = self.devices.values().cloned().map(Entry::Device);
        let code = self.code.iter().cloned().map(Entry::Code);
        let invites = self.invites.values().cloned().map(Entry::Invite);
        let pool = core::iter::once_with(|| Entry::Pool(self.pool.clone()));
        pool.chain(persons)
            .chain(devices)
            .chain(code)
            .chain(invites)
    }
}
