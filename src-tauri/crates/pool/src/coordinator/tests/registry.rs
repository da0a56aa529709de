//! The pool, its persons and their devices, and whose a job is.

use super::join::waits;
use super::table::{OWN, Table, founding, spec, spki_of, submit};
use crate::coordinator::*;
use crate::id::{DeviceId, PersonId, Spki};
use crate::record::RegistryRow;
use crate::registry::{Device, EntryKey, Roles};
use bytes::Bytes;

fn device(name: u8) -> DeviceId {
    DeviceId([name; 16])
}

/// The device is let in as somebody else's.
fn let_in(table: &mut Table, name: u8, person: &str, role: OthersRole) -> Device {
    let id = waits(table, name);
    let person = PersonNamed::Name(person.to_owned());
    let approved = table
        .coordinator
        .approve(table.now, id, Ownership::Someone { person, role });
    table.turn();
    approved.expect("a device that can be let in")
}

fn restored(table: &Table) -> Coordinator {
    Coordinator::restore(table.now, 3, table.disk.image(), &founding()).expect("it fits together")
}

#[test]
fn a_new_pool_is_one_person_and_the_computer_before_them() {
    let table = Table::new();
    let pool = table.coordinator.pool();
    let persons: Vec<_> = table.coordinator.persons().collect();
    assert_eq!((pool.name.as_str(), persons.len()), ("home", 1));
    assert_eq!(
        (persons[0].id, persons[0].name.as_str()),
        (pool.founder, "Ada")
    );
    let own = table
        .coordinator
        .device(OWN)
        .expect("it is in its own pool");
    assert_eq!((own.roles, own.person), (Roles::ALL, pool.founder));
    assert_eq!(table.coordinator.device_by_spki(&spki_of(OWN)), Some(own));
    let again = restored(&table);
    assert_eq!(again.pool(), pool, "a restart founds no other");
    assert!(again.devices().eq(table.coordinator.devices()));
}

#[test]
fn rows_from_before_there_were_persons_are_the_founders() {
    let mut table = Table::new();
    let job = table.submit(spec(3));
    let mut image = table.disk.image();
    image.registry.clear();
    let coordinator =
        Coordinator::restore(table.now, 5, image, &founding()).expect("a pool is founded");
    let founder = coordinator.pool().founder;
    assert_ne!(founder, table.coordinator.pool().founder);
    assert_eq!(coordinator.job(&job).expect("it is kept").person, founder);
}

#[test]
fn the_own_device_takes_the_key_and_the_name_that_its_node_has_now() {
    let table = Table::new();
    let changed = Founding {
        spki: Some(Spki([9; 32])),
        device_name: "another name".to_owned(),
        ..founding()
    };
    let coordinator =
        Coordinator::restore(table.now, 5, table.disk.image(), &changed).expect("it fits together");
    coordinator.check();
    let own = coordinator.device(OWN).expect("it is there");
    assert_eq!(
        (own.spki, own.name.as_str()),
        (changed.spki, "another name")
    );
    assert_eq!(coordinator.device_by_spki(&spki_of(OWN)), None);
    // Who only looks has no name for it.
    let onlooker = Founding {
        device_name: String::new(),
        ..changed
    };
    let image = table.disk.image();
    let coordinator = Coordinator::restore(table.now, 5, image, &onlooker).expect("it fits");
    assert_eq!(coordinator.device(OWN).expect("it is there").name, "laptop");
}

#[test]
fn mine_may_everything_and_somebody_elses_one_thing() {
    let mut table = Table::new();
    let ada = table.coordinator.pool().founder;
    let id = waits(&mut table, 1);
    let mine = Ownership::Mine { person: ada };
    let device = table
        .coordinator
        .approve(table.now, id, mine)
        .expect("mine");
    assert_eq!((device.roles, device.person), (Roles::ALL, ada));
    let ben = let_in(&mut table, 2, "Ben", OthersRole::Submit);
    assert_eq!(ben.roles, Roles::SUBMIT);
    let again = let_in(&mut table, 3, " BEN ", OthersRole::Work);
    assert_eq!((again.person, again.roles), (ben.person, Roles::WORK));
    assert_eq!(table.coordinator.persons().count(), 2);
    assert!(table.events.contains(&Event::DeviceAdmitted(ben.id)));
    let again = restored(&table);
    assert!(again.devices().eq(table.coordinator.devices()));
    assert!(again.persons().eq(table.coordinator.persons()));
}

#[test]
fn names_are_changed_and_stay_one_persons() {
    let mut table = Table::new();
    let ada = table.coordinator.pool().founder;
    let ben = let_in(&mut table, 1, "Ben", OthersRole::Submit);
    let coordinator = &mut table.coordinator;
    let rename = coordinator.rename_person(table.now, ben.person, "ADA");
    assert_eq!(rename, Err(PersonError::NameTaken));
    let rename = coordinator.rename_person(table.now, ada, "ada");
    assert_eq!(rename, Ok(()), "her own");
    let rename = coordinator.rename_person(table.now, ben.person, "\u{7}");
    assert_eq!(rename, Err(PersonError::EmptyName));
    let rename = coordinator.rename_person(table.now, PersonId([0; 16]), "Cy");
    assert_eq!(rename, Err(PersonError::Unknown));
    let rename = coordinator.rename_device(table.now, ben.id, "attic\n");
    assert_eq!(rename, Ok(()));
    let rename = coordinator.rename_device(table.now, device(9), "x");
    assert_eq!(rename, Err(DeviceError::Unknown));
    assert_eq!(coordinator.rename_pool(table.now, "the hive"), Ok(()));
    table.turn();
    let again = restored(&table);
    assert_eq!(again.pool().name, "the hive");
    let names = again.device(ben.id).map(|device| device.name.as_str());
    assert_eq!(names, Some("attic"));
    assert_eq!(
        again.person(ada).map(|person| person.name.as_str()),
        Some("ada")
    );
}

#[test]
fn a_revoked_device_is_let_in_nowhere_until_it_is_another() {
    let mut table = Table::new();
    table.admit(device(1));
    let revoke = table.coordinator.revoke(table.now, OWN);
    assert_eq!(revoke, Err(DeviceError::Own));
    let revoke = table.coordinator.revoke(table.now, device(9));
    assert_eq!(revoke, Err(DeviceError::Unknown));
    let forget = table.coordinator.forget_device(table.now, device(1));
    assert_eq!(forget, Err(DeviceError::NotRevoked));
    for _ in 0..2 {
        assert_eq!(table.coordinator.revoke(table.now, device(1)), Ok(()));
        table.turn();
        let said = table.events.iter();
        let said = said.filter(|event| **event == Event::DeviceRevoked(device(1)));
        assert_eq!(said.count(), 1);
    }
    assert_eq!(table.coordinator.caller(device(1)), None);
    assert_eq!(
        table.join_by_invite(device(1), true),
        Err(JoinError::Revoked)
    );
    table.restart();
    assert_eq!(
        table.join_by_invite(device(1), true),
        Err(JoinError::Revoked)
    );
    let forget = table.coordinator.forget_device(table.now, device(1));
    assert_eq!(forget, Ok(()));
    table.turn();
    assert_eq!(table.coordinator.caller(device(1)), None, "nor forgotten");
    assert!(
        table.join_by_invite(device(1), true).is_ok(),
        "as anybody new"
    );
}

#[test]
fn damaged_entries_are_refused_with_what_is_wrong() {
    let mut table = Table::new();
    table.admit(device(1));
    let person = EntryKey::person(table.coordinator.pool().founder);
    let restore = |change: &dyn Fn(&mut Vec<RegistryRow>)| {
        let mut image = table.disk.image();
        change(&mut image.registry);
        Coordinator::restore(table.now, 1, image, &founding()).err()
    };
    assert_eq!(restore(&|_| {}), None);
    let at = |rows: &mut Vec<RegistryRow>, key| {
        rows.iter().position(|row| row.key == key).expect("a row")
    };
    let refused = [
        restore(&|rows| rows[0].value = Bytes::from_static(b"\x01garbage")),
        restore(&|rows| rows[0].key.0[0] = 99),
        restore(&|rows| {
            let device = at(rows, EntryKey::device(device(1)));
            rows[device].key = EntryKey::device(DeviceId([2; 16]));
        }),
        restore(&|rows| {
            let at = at(rows, person);
            rows.remove(at);
        }),
        restore(&|rows| {
            let at = at(rows, EntryKey::POOL);
            rows.remove(at);
        }),
    ];
    for (case, refused) in refused.iter().enumerate() {
        let refused = refused.as_ref();
        let refused = refused.unwrap_or_else(|| panic!("case {case} was restored"));
        assert!(!refused.to_string().is_empty());
    }
}

#[test]
fn a_job_is_its_persons_and_nobody_elses() {
    let mut table = Table::new();
    let ben = let_in(&mut table, 1, "Ben", OthersRole::Submit);
    let worker = let_in(&mut table, 2, "Ben", OthersRole::Work);
    let mine = table.submit(spec(2));
    let from = |device, client| Submit {
        device,
        ..submit(client, spec(2))
    };
    // The same id of a client, which another person's client chose too.
    let bens = table.coordinator.submit(table.now, from(ben.id, 1));
    let bens = bens.expect("a device that may");
    assert!(!bens.existed && bens.job != mine);
    for device in [worker.id, device(9)] {
        let refused = table.coordinator.submit(table.now, from(device, 2));
        assert_eq!(refused, Err(SubmitError::NotAllowed));
    }
    table.turn();
    let coordinator = &table.coordinator;
    let caller = |device| coordinator.caller(device).expect("it belongs to the pool");
    let may = |device| [mine, bens.job].map(|job| coordinator.may(&caller(device), job));
    assert_eq!(
        may(OWN),
        [true, false],
        "an admin has no more of others' jobs"
    );
    assert_eq!(may(ben.id), [false, true]);
    assert_eq!(may(worker.id), [false, false], "it only works");
    let unknown = crate::id::JobId([0; 16]);
    assert!(!coordinator.may(&caller(OWN), unknown));
    let listed = |device| -> Vec<_> {
        let jobs = coordinator.jobs_of(&caller(device));
        jobs.map(|job| job.id).collect()
    };
    assert_eq!(listed(OWN), [mine]);
    assert_eq!(listed(ben.id), [bens.job]);
    assert_eq!(listed(worker.id), []);
}
