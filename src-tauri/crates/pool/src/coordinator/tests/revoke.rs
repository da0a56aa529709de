//! Connections of devices: whose they are, what their device may do, and how
//! they end when it is revoked.

use super::table::{OWN, Seat, Table, hello, offer, part, secs, spec};
use crate::coordinator::*;
use crate::id::{DeviceId, MachineId};
use crate::limits::SILENCE_MAX;
use crate::message::{ToCoordinator, ToWorker};
use crate::spec::Spec;

fn refused(table: &mut Table, peer: Peer) -> String {
    let machine = MachineId([0; 16]);
    let heard = table.heard(Seat { peer, machine });
    let [.., ToWorker::Refused { why }] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    why.clone()
}

fn connect(table: &mut Table, peer: u64, device: DeviceId) -> Peer {
    let peer = Peer(peer);
    table.coordinator.handle_connected(table.now, peer, device);
    table.turn();
    peer
}

#[test]
fn what_a_revoked_device_runs_waits_again_at_once_and_uncharged() {
    let mut table = Table::new();
    let seat = table.seat(1, 2);
    let job = table.submit(Spec {
        chunk: Some(4),
        ..spec(8)
    });
    let leases = table.leases(seat);
    assert_eq!(leases.len(), 2);
    let device = seat.machine.device();
    table
        .coordinator
        .revoke(table.now, device)
        .expect("it is another's");
    table.turn();
    assert!(refused(&mut table, seat.peer).contains("removed"));
    let task = table.task(job, 0);
    assert_eq!((task.state, task.losses), (TaskState::Queued, 0));
    assert_eq!(task.attempt, 1);
    // What it says now is not heard, and its connection ends late.
    table.finish(seat, leases[0]);
    table.disconnect(seat, true);
    table.pass(2 * SILENCE_MAX);
    assert_eq!((table.job(job).done, table.task(job, 0).losses), (0, 0));
    // Another has them under new attempts, and it never again.
    let other = table.seat(2, 1);
    let all = table.work(other, 1_000);
    assert!(all.iter().all(|chunk| chunk.attempt == 2));
    assert_eq!(table.state(job), JobState::Done);
    let back = connect(&mut table, 1_000, device);
    assert!(refused(&mut table, back).contains("does not belong"));
    table.restart();
    let back = connect(&mut table, 1_001, device);
    assert!(refused(&mut table, back).contains("does not belong"));
}

#[test]
fn nothing_that_was_decided_in_the_same_turn_reaches_a_revoked_device() {
    let mut table = Table::new();
    table.submit(spec(5));
    table.admit(DeviceId([1; 16]));
    let peer = Peer(1_000);
    let device = DeviceId([1; 16]);
    table.coordinator.handle_connected(table.now, peer, device);
    let hello = ToCoordinator::Hello(hello(1, offer(4, 1 << 40), &[], &[]));
    table.coordinator.handle_message(table.now, peer, hello);
    table
        .coordinator
        .revoke(table.now, device)
        .expect("it is another's");
    table.turn();
    let machine = device.machine();
    let heard = table.heard(Seat { peer, machine });
    assert!(
        matches!(heard.as_slice(), [ToWorker::Refused { .. }]),
        "{heard:?}"
    );
}

#[test]
fn one_that_connected_and_said_nothing_is_turned_away_too() {
    let mut table = Table::new();
    let device = DeviceId([1; 16]);
    table.admit(device);
    let peer = connect(&mut table, 1_000, device);
    table
        .coordinator
        .revoke(table.now, device)
        .expect("it is another's");
    table.turn();
    refused(&mut table, peer);
}

#[test]
fn a_hello_in_anothers_name_is_refused() {
    let mut table = Table::new();
    let honest = table.seat(1, 1);
    let job = table.submit(spec(1));
    let chunk = table.lease(honest);
    table.admit(DeviceId([2; 16]));
    let liar = connect(&mut table, 1_000, DeviceId([2; 16]));
    let machine = honest.machine;
    let as_liar = Seat {
        peer: liar,
        machine,
    };
    let lie = hello(1, offer(4, 1 << 40), &[chunk], &[]);
    table.say(as_liar, ToCoordinator::Hello(lie));
    assert!(refused(&mut table, liar).contains("another machine"));
    table.finish(as_liar, chunk);
    assert_eq!(table.job(job).done, 0);
    table.finish(honest, chunk);
    assert_eq!(table.job(job).done, 1, "the honest one was not disturbed");
}

#[test]
fn a_device_that_only_submits_gets_no_work() {
    let mut table = Table::new();
    let device = DeviceId([1; 16]);
    let Ok(Admission::Waiting(id)) = table.join_by_invite(device, false) else {
        panic!("a link asks")
    };
    let person = PersonNamed::Name("Ben".to_owned());
    let role = OthersRole::Submit;
    let someone = Ownership::Someone { person, role };
    let approved = table.coordinator.approve(table.now, id, someone);
    assert!(approved.is_ok());
    table.submit(spec(3));
    let peer = connect(&mut table, 1_000, device);
    let hello = ToCoordinator::Hello(hello(1, offer(4, 1 << 40), &[], &[]));
    let machine = device.machine();
    table.say(Seat { peer, machine }, hello);
    assert!(refused(&mut table, peer).contains("may not work"));
    assert_eq!(table.coordinator.machines().count(), 0);
}

#[test]
fn of_two_connections_of_one_device_the_newer_counts() {
    let mut table = Table::new();
    let older = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(2),
        ..spec(2)
    });
    let chunk = table.lease(older);
    // A copied data folder: the same key, another life.
    let newer = table.seat(1, 1);
    assert!(refused(&mut table, older.peer).contains("again"));
    let device = older.machine.device();
    assert!(table.events.contains(&Event::Superseded(device)));
    table.finish(older, part(chunk, 0, 1));
    assert_eq!(table.job(job).done, 0);
    table.pass(secs(1));
    let again = table.lease(newer);
    assert!(again.attempt > chunk.attempt);
    table.finish(newer, again);
    assert_eq!(table.state(job), JobState::Done);
    // Before its hello too.
    let silent = connect(&mut table, 1_000, device);
    connect(&mut table, 1_001, device);
    assert!(refused(&mut table, silent).contains("again"));
}

#[test]
fn a_device_may_fetch_what_its_leases_name_and_as_long_as_it_holds_them() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let input = crate::id::Digest([5; 32]);
    let other = crate::id::Digest([6; 32]);
    let of = |inputs| Spec { inputs, ..spec(1) };
    let job = table.submit(of(vec![input]));
    let may = |table: &Table, blob| table.coordinator.may_fetch(seat.machine.device(), &blob);
    let module = table.job(job).spec.module;
    assert!(may(&table, input) && may(&table, module));
    assert!(!may(&table, other));
    assert!(
        !table.coordinator.may_fetch(OWN, &input),
        "it holds nothing"
    );
    let chunk = table.lease(seat);
    table.finish(seat, chunk);
    assert!(!may(&table, input));
}
