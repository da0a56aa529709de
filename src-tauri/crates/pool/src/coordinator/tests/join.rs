//! Codes, invites and requests to join: who may ask, how often and how long.

use super::table::{Table, join_request, secs};
use crate::coordinator::*;
use crate::id::{CodeId, DeviceId, InviteId, JoinId, PersonId, Spki};
use crate::limits::{CODE_ATTEMPTS_MAX, CODE_LIFE, INVITES_MAX, JOIN_WITHIN, JOINS_MAX};
use crate::record::Record;
use crate::registry::{Entry, EntryKey, Roles};
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

pub(super) fn waits(table: &mut Table, name: u8) -> JoinId {
    let code = tried_code(table);
    let request = join_request(device(name), Via::Code(code));
    let admission = table.coordinator.ask_to_join(table.now, request);
    table.turn();
    let Ok(Admission::Waiting(id)) = admission else {
        panic!("{admission:?}")
    };
    id
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
fn an_invite_that_was_outlived_while_nobody_coordinated_is_told() {
    let mut table = Table::new();
    let id = InviteId([7; 16]);
    let invite = NewInvite {
        id,
        person: table.coordinator.pool().founder,
        unattended: true,
        uses: 1,
        life: Duration::from_secs(60),
        name: "rack".to_owned(),
    };
    assert!(table.coordinator.invite(table.now, invite).is_ok());
    table.turn();
    let ends = table.now.wall_ms + 60_000;
    table.restart();
    assert_eq!(table.coordinator.invites_outlived(ends - 1), []);
    assert_eq!(table.coordinator.invites_outlived(ends), [id]);
}
