//! The pool's beginning, and the registry from its rows.

use super::super::{Coordinator, RestoreError};
use super::Registry;
use crate::id::{DeviceId, PersonId, PoolId, Spki};
use crate::moment::Now;
use crate::record::RegistryRow;
use crate::registry::{Device, Entry, EntryKey, Person, Pool, Roles, short_name};
use std::collections::{BTreeMap, BTreeSet};

/// What a node brings along when it coordinates: of a new pool all of it, of
/// one that exists only which device it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// The node's own device; its worker is the machine of the same id.
    pub device: DeviceId,
    /// Its key, where it has one yet. Another than before replaces that.
    pub spki: Option<Spki>,
    /// Empty: as it was called before.
    pub device_name: String,
    pub os: String,
    /// Whose computer it is.
    pub person_name: String,
    pub pool_name: String,
}

impl Registry {
    /// A pool of one: a person and the computer before them.
    pub(in crate::coordinator) fn found(
        now: Now,
        founding: &Founding,
        mut random: impl FnMut() -> [u8; 16],
    ) -> Registry {
        let person = Person {
            id: PersonId(random()),
            name: short_name(&founding.person_name).unwrap_or_else(|| "me".to_owned()),
        };
        let pool = Pool {
            id: PoolId(random()),
            name: short_name(&founding.pool_name).unwrap_or_else(|| "pool".to_owned()),
            founder: person.id,
            founded_wall_ms: now.wall_ms,
        };
        let mut registry = Registry {
            own: founding.device,
            unsaved: BTreeSet::from([EntryKey::POOL, EntryKey::person(person.id)]),
            persons: BTreeMap::from([(person.id, person)]),
            pool,
            devices: BTreeMap::new(),
            by_spki: BTreeMap::new(),
            code: None,
            invites: BTreeMap::new(),
            joins: BTreeMap::new(),
        };
        registry.see_to_own(now, founding);
        registry
    }

    /// Where there is no pool in the rows, one is founded.
    pub(in crate::coordinator) fn restore(
        now: Now,
        founding: &Founding,
        rows: Vec<RegistryRow>,
        random: impl FnMut() -> [u8; 16],
    ) -> Result<Registry, RestoreError> {
        let inconsistent = |what| RestoreError::Registry { what };
        let mut registry = Registry::found(now, founding, random);
        let mut founded = true;
        let mut entries = Vec::new();
        for row in rows {
            let entry = Entry::read(row.key, &row.value).map_err(RestoreError::Entry)?;
            if let Entry::Pool(pool) = entry {
                registry.pool = pool;
                founded = false;
            } else {
                entries.push(entry);
            }
        }
        if founded {
            let empty = entries.is_empty();
            return empty
                .then_some(registry)
                .ok_or(inconsistent("entries without a pool"));
        }
        registry.forget_beginning();
        for entry in entries {
            match entry {
                Entry::Pool(_) => {}
                Entry::Person(person) => drop(registry.persons.insert(person.id, person)),
                Entry::Device(device) => {
                    let taken = device
                        .spki
                        .and_then(|spki| registry.by_spki.insert(spki, device.id));
                    if taken.is_some() {
                        return Err(inconsistent("two devices with one key"));
                    }
                    registry.devices.insert(device.id, device);
                }
                // Its secret is gone with the process that showed it.
                Entry::Code(code) => drop(registry.unsaved.insert(EntryKey::code(code.id))),
                Entry::Invite(invite) => drop(registry.invites.insert(invite.id, invite)),
            }
        }
        let devices = registry.devices.values().map(|device| device.person);
        let invites = registry.invites.values().map(|invite| invite.person);
        let mut named = devices.chain(invites).chain([registry.pool.founder]);
        if !named.all(|person| registry.persons.contains_key(&person)) {
            return Err(inconsistent("something of an unknown person"));
        }
        registry.see_to_own(now, founding);
        Ok(registry)
    }

    fn forget_beginning(&mut self) {
        self.persons.clear();
        self.devices.clear();
        self.by_spki.clear();
        self.unsaved.clear();
    }

    /// Whoever holds the pool's records is its coordinator, and one of its
    /// founder's devices.
    fn see_to_own(&mut self, now: Now, founding: &Founding) {
        let founder = self.pool.founder;
        let before = self.devices.get(&founding.device);
        // Another device's key is not taken over: that one was let in with it.
        let free = |spki: &Spki| {
            let holder = self.by_spki.get(spki);
            holder.is_none_or(|holder| *holder == founding.device)
        };
        let new_key = founding.spki.filter(free);
        let own = Device {
            id: founding.device,
            spki: new_key.or(before.and_then(|device| device.spki)),
            person: before.map_or(founder, |device| device.person),
            roles: Roles::ALL,
            // It is called as its node is.
            name: short_name(&founding.device_name)
                .or_else(|| before.map(|device| device.name.clone()))
                .unwrap_or_else(|| "this computer".to_owned()),
            os: short_name(&founding.os).unwrap_or_default(),
            joined_wall_ms: before.map_or(now.wall_ms, |device| device.joined_wall_ms),
            revoked_wall_ms: None,
        };
        if before == Some(&own) {
            return;
        }
        if let Some(spki) = before.and_then(|device| device.spki) {
            self.by_spki.remove(&spki);
        }
        if let Some(spki) = own.spki {
            self.by_spki.insert(spki, own.id);
        }
        self.unsaved.insert(EntryKey::device(own.id));
        self.devices.insert(own.id, own);
    }

    pub(in crate::coordinator) fn founder(&self) -> PersonId {
        self.pool.founder
    }
}

impl Coordinator {
    /// Jobs of persons that nobody knows are the founder's: they were accepted
    /// before there were persons.
    pub(in crate::coordinator) fn owner_or_founder(&self, person: PersonId) -> PersonId {
        if self.registry.person_exists(person) {
            person
        } else {
            self.registry.founder()
        }
    }
}
