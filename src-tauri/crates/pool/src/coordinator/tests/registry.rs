//! Who is let in, who is not, and what becomes of whom.

use super::table::{OWN, Table, founding, join_request, secs, spec, spki_of, submit};
use crate::coordinator::*;
use crate::id::{CodeId, DeviceId, InviteId, JoinId, PersonId, Spki};
use crate::limits::{CODE_ATTEMPTS_MAX, CODE_LIFE, INVITES_MAX, JOIN_WITHIN, JOINS_MAX};
use crate::record::{Record, RegistryRow};
use crate::registry::{Device, Entry, EntryKey, Roles};
use bytes::Bytes;
use core::time::Duration;

fn device(name: u8) -> DeviceId {
    DeviceId([name; 16])
}

/// A code that somebody has tried once.
fn tried_code(table: &mut Table) -> CodeId {
    let code = table.coordinator.open_code(table.now).id;
    let left = table.coordinator.charge_code(table.now, code);
    assert_eq!(left, Ok(CODE_ATTEMPTS_MAX - 1));
    code
}

fn waits(table: &mut Table, name: u8) -> JoinId {
    let code = tried_code(table);
    let request = join_request(device(name), Via::Code(code));
    let admission = table.coordinator.ask_to_join(table.now, request);
    table.turn();
    let Ok(Admission::Waiting(id)) = admission else {
        panic!("{admission:?}")
    };
    id
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
fn the_own_device_takes_the_key_that_its_node_has_now() {
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
    assert_eq!((own.spki, own.name.as_str()), (changed.spki, "laptop"));
    assert_eq!(coordinator.device_by_spki(&spki_of(OWN)), None);
}

#[test]
fn a_code_is_tried_five_times_in_all() {
    let mut table = Table::new();
    let code = table.coordinator.open_code(table.now).id;
    for left in (0..CODE_ATTEMPTS_MAX).rev() {
        assert_eq!(table.coordinator.charge_code(table.now, code), Ok(left));
        table.turn();
    }
    // The fifth may be right.
    let request = join_request(device(1), Via::Code(code));
    assert!(table.coordinator.ask_to_join(table.now, request).is_ok());
    let code = table.coordinator.open_code(table.now).id;
    for _ in 0..CODE_ATTEMPTS_MAX {
        assert!(table.coordinator.charge_code(table.now, code).is_ok());
    }
    let sixth = table.coordinator.charge_code(table.now, code);
    assert_eq!(sixth, Err(CodeError::Invalid));
    table.turn();
    assert_eq!(table.coordinator.code(), None, "it is burned");
    let request = join_request(device(2), Via::Code(code));
    let asked = table.coordinator.ask_to_join(table.now, request);
    assert_eq!(asked, Err(JoinError::Invalid));
}

#[test]
fn a_try_is_a_record_before_anything_is_said() {
    let mut table = Table::new();
    let code = table.coordinator.open_code(table.now).id;
    table.turn();
    table
        .coordinator
        .charge_code(table.now, code)
        .expect("the first");
    let record = core::iter::from_fn(|| table.coordinator.poll_record()).find(
        |record| matches!(record, Record::Registry { key, .. } if *key == EntryKey::code(code)),
    );
    let Some(Record::Registry {
        key,
        value: Some(value),
    }) = record
    else {
        panic!("{record:?}")
    };
    let Ok(Entry::Code(row)) = Entry::read(key, &value) else {
        panic!("no code")
    };
    assert_eq!(row.attempts_left, CODE_ATTEMPTS_MAX - 1);
}

#[test]
fn a_code_lets_in_one_device_and_is_spent_when_it_asks() {
    let mut table = Table::new();
    let code = tried_code(&mut table);
    let asked = |table: &mut Table, name| {
        let request = join_request(device(name), Via::Code(code));
        let admission = table.coordinator.ask_to_join(table.now, request);
        table.turn();
        admission
    };
    let first = asked(&mut table, 1);
    let Ok(Admission::Waiting(id)) = first else {
        panic!("{first:?}")
    };
    assert_eq!(table.coordinator.code(), None);
    assert_eq!(
        asked(&mut table, 2),
        Err(JoinError::Invalid),
        "it raced for it"
    );
    assert_eq!(asked(&mut table, 1), first, "asks again with the same key");
    assert!(table.events.contains(&Event::JoinAsked(id)));
    // A crash before the decision: the code is gone, and so is the request.
    table.restart();
    assert_eq!(table.coordinator.joins().count(), 0);
    assert_eq!(asked(&mut table, 1), Err(JoinError::Invalid));
    assert_eq!(table.coordinator.devices().count(), 1);
}

#[test]
fn a_code_dies_of_age_of_a_newer_one_and_with_its_coordinator() {
    let mut table = Table::new();
    let dead = |table: &mut Table, code: CodeId| {
        let charged = table.coordinator.charge_code(table.now, code);
        assert_eq!(charged, Err(CodeError::Invalid));
        table.turn();
    };
    let code = table.coordinator.open_code(table.now).id;
    table.turn();
    table.pass(CODE_LIFE);
    assert_eq!(table.coordinator.code(), None);
    assert!(!table.disk.has_entry(EntryKey::code(code)), "no row stays");
    dead(&mut table, code);
    let older = tried_code(&mut table);
    let newer = table.coordinator.open_code(table.now).id;
    dead(&mut table, older);
    assert_eq!(table.coordinator.code().map(|code| code.id), Some(newer));
    table.restart();
    dead(&mut table, newer);
    assert!(!table.disk.has_entry(EntryKey::code(newer)));
    let untried = table.coordinator.open_code(table.now).id;
    let request = join_request(device(1), Via::Code(untried));
    let asked = table.coordinator.ask_to_join(table.now, request);
    assert_eq!(asked, Err(JoinError::Invalid), "nobody was charged for it");
    table.coordinator.close_code(table.now);
    dead(&mut table, untried);
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
fn what_cannot_be_decided_changes_nothing() {
    let mut table = Table::new();
    let id = waits(&mut table, 1);
    let nobody = PersonNamed::Id(PersonId([0; 16]));
    let invisible = PersonNamed::Name("\u{200b}".to_owned());
    for (person, error) in [
        (nobody, ApproveError::UnknownPerson),
        (invisible, ApproveError::EmptyName),
    ] {
        let role = OthersRole::Work;
        let someone = Ownership::Someone { person, role };
        let approved = table.coordinator.approve(table.now, id, someone);
        assert_eq!(approved, Err(error));
        table.turn();
        assert_eq!(table.coordinator.joins().count(), 1);
        assert_eq!(table.coordinator.devices().count(), 1);
    }
    assert_eq!(table.coordinator.refuse_join(table.now, id), Ok(()));
    table.turn();
    assert!(table.events.contains(&Event::JoinEnded(id)));
    let unknown = Err(ApproveError::UnknownJoin);
    assert_eq!(table.coordinator.refuse_join(table.now, id), unknown);
    let ada = table.coordinator.pool().founder;
    let mine = Ownership::Mine { person: ada };
    let approved = table.coordinator.approve(table.now, id, mine);
    assert_eq!(approved, Err(ApproveError::UnknownJoin));
}

#[test]
fn four_wait_at_most_and_nobody_for_ever() {
    let mut table = Table::new();
    for name in 1..=4 {
        waits(&mut table, name);
    }
    assert_eq!(table.coordinator.joins().count(), JOINS_MAX);
    let code = tried_code(&mut table);
    let request = join_request(device(5), Via::Code(code));
    let fifth = table.coordinator.ask_to_join(table.now, request);
    assert_eq!(fifth, Err(JoinError::TooManyWaiting));
    assert!(
        table.coordinator.code().is_some(),
        "it is not spent for that"
    );
    table.turn();
    table.pass(JOIN_WITHIN);
    assert_eq!(table.coordinator.joins().count(), 0);
    let gone = table.events.iter();
    let gone = gone.filter(|event| matches!(event, Event::JoinEnded(_)));
    assert_eq!(gone.count(), 4);
    let id = waits(&mut table, 6);
    table.coordinator.withdraw_join(table.now, id);
    assert_eq!(table.coordinator.joins().count(), 0);
}

#[test]
fn an_unattended_invite_admits_to_work_so_many_times() {
    let mut table = Table::new();
    let ada = table.coordinator.pool().founder;
    let id = InviteId([7; 16]);
    let invite = |uses, life| NewInvite {
        id,
        person: ada,
        unattended: true,
        uses,
        life,
        name: "rack".to_owned(),
    };
    let hour = Duration::from_secs(3_600);
    let made = table.coordinator.invite(table.now, invite(2, hour));
    assert_eq!(made.map(|invite| invite.uses_left), Ok(2));
    let taken = table.coordinator.invite(table.now, invite(2, hour));
    assert_eq!(taken, Err(InviteError::Taken));
    let join = |table: &mut Table, name| {
        let request = join_request(device(name), Via::Invite(id));
        let admission = table.coordinator.ask_to_join(table.now, request);
        table.turn();
        admission
    };
    let first = join(&mut table, 1);
    let Ok(Admission::Admitted(admitted)) = &first else {
        panic!("{first:?}")
    };
    assert_eq!((admitted.roles, admitted.person), (Roles::WORK, ada));
    assert_eq!(join(&mut table, 1), first, "again costs nothing");
    table.restart();
    assert_eq!(table.coordinator.invites().count(), 1, "one use is left");
    assert!(join(&mut table, 2).is_ok());
    assert_eq!(join(&mut table, 3), Err(JoinError::Invalid));
    assert_eq!(table.coordinator.invites().count(), 0);

    let made = table.coordinator.invite(table.now, invite(1, hour));
    assert!(made.is_ok());
    table.turn();
    table.pass(hour);
    assert_eq!(join(&mut table, 3), Err(JoinError::Invalid), "too late");
    let made = table.coordinator.invite(table.now, invite(1, hour));
    assert!(made.is_ok());
    assert_eq!(table.coordinator.revoke_invite(table.now, id), Ok(()));
    let again = table.coordinator.revoke_invite(table.now, id);
    assert_eq!(again, Err(InviteError::Unknown));
    assert_eq!(join(&mut table, 3), Err(JoinError::Invalid), "revoked");
}

#[test]
fn a_link_asks_a_person_and_is_used_up_when_it_asks() {
    let mut table = Table::new();
    let asked = table.join_by_invite(device(1), false);
    assert!(matches!(asked, Ok(Admission::Waiting(_))), "{asked:?}");
    assert_eq!(table.coordinator.invites().count(), 0);
    assert_eq!(table.coordinator.devices().count(), 1);
}

#[test]
fn invites_have_limits() {
    let mut table = Table::new();
    let ada = table.coordinator.pool().founder;
    let mut number = 0_u64;
    let mut make = |table: &mut Table, person, uses, life| {
        number += 1;
        let invite = NewInvite {
            id: InviteId(u128::from(number).to_le_bytes()),
            person,
            unattended: true,
            uses,
            life,
            name: String::new(),
        };
        table.coordinator.invite(table.now, invite).err()
    };
    let day = secs(86_400);
    let cases = [
        (ada, 0, day, Some(InviteError::Uses { uses: 0 })),
        (ada, 1_001, day, Some(InviteError::Uses { uses: 1_001 })),
        (ada, 1, Duration::ZERO, Some(InviteError::Life)),
        (ada, 1, Duration::MAX, Some(InviteError::Life)),
        (PersonId([0; 16]), 1, day, Some(InviteError::UnknownPerson)),
        (ada, 1_000, day, None),
    ];
    for (person, uses, life, error) in cases {
        assert_eq!(make(&mut table, person, uses, life), error);
    }
    for _ in 1..INVITES_MAX {
        assert_eq!(make(&mut table, ada, 1, day), None);
    }
    assert_eq!(make(&mut table, ada, 1, day), Some(InviteError::TooMany));
    table.turn();
    table.coordinator.check_bounds();
}

#[test]
fn one_id_is_one_key_and_one_key_is_one_id() {
    let mut table = Table::new();
    table.admit(device(1));
    let code = tried_code(&mut table);
    let via = Via::Code(code);
    let another_key = JoinRequest {
        spki: Spki([0x55; 32]),
        ..join_request(device(1), via)
    };
    let another_id = JoinRequest {
        device: device(2),
        ..join_request(device(1), via)
    };
    for request in [another_key.clone(), another_id] {
        let asked = table.coordinator.ask_to_join(table.now, request);
        assert_eq!(asked, Err(JoinError::DeviceTaken));
    }
    assert!(
        table.coordinator.code().is_some(),
        "it is not spent for that"
    );
    table.turn();
    waits(&mut table, 3);
    let code = tried_code(&mut table);
    let usurper = JoinRequest {
        device: device(3),
        via: Via::Code(code),
        ..another_key
    };
    let asked = table.coordinator.ask_to_join(table.now, usurper);
    assert_eq!(asked, Err(JoinError::DeviceTaken), "of one that waits, too");
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
