//! What persons decide of machines, from wherever they are.

use super::table::{Table, offer, part, secs, spec};
use crate::coordinator::{JobState, MachineError, MachineState, Order, ReasonCode};
use crate::id::MachineId;
use crate::message::{Health, Heartbeat, Stock, ToCoordinator, ToWorker};
use crate::spec::{On, Spec};

const NOBODY: MachineId = MachineId([99; 16]);

fn view(table: &Table, id: MachineId) -> crate::MachineView {
    let mut machines = table.coordinator.machines();
    machines
        .find(|machine| machine.id == id)
        .expect("a machine")
}

#[test]
fn a_paused_machine_gets_nothing_until_it_is_resumed_whatever_restarts() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(spec(3));
    let running = table.lease(seat);
    let pause = |table: &mut Table, until| {
        let paused = table
            .coordinator
            .pause_machine(table.now, seat.machine, until);
        paused.expect("it is known");
        table.turn();
    };
    pause(&mut table, None);
    let heard = table.heard(seat);
    assert!(
        matches!(heard.as_slice(), [ToWorker::Pause { .. }]),
        "{heard:?}"
    );
    pause(&mut table, None);
    assert_eq!(table.heard(seat), [], "it knows");
    let paused = view(&table, seat.machine);
    assert_eq!(
        (paused.state, paused.order, paused.reason.as_str()),
        (
            MachineState::Paused,
            Order::Pause { until: None },
            "Paused by a person, until somebody resumes it"
        )
    );
    table.finish(seat, running);
    assert_eq!(
        table.leases(seat),
        [],
        "what ran counts, and nothing follows"
    );
    let reason = table.job(job).reason.expect("it waits");
    assert_eq!(
        (reason.code, reason.text.as_str()),
        (
            ReasonCode::MachinesPaused,
            "waiting for a machine that is paused: paused by a person, until somebody resumes it"
        )
    );
    table.restart();
    let seat = table.seat(1, 1);
    let heard = table.heard(seat);
    assert!(
        matches!(heard.last(), Some(ToWorker::Pause { .. })),
        "told anew: {heard:?}"
    );
    let resumed = table.coordinator.resume_machine(table.now, seat.machine);
    resumed.expect("it is known");
    table.turn();
    let heard = table.heard(seat);
    assert!(matches!(heard[0], ToWorker::Resume), "{heard:?}");
    assert!(
        heard
            .iter()
            .any(|message| matches!(message, ToWorker::Lease(_)))
    );
}

#[test]
fn a_pause_with_an_end_ends_by_itself_after_a_restart_too() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    table.submit(spec(1));
    let chunk = table.lease(seat);
    let until = table.now.moment.after(secs(90 * 60));
    let paused = table
        .coordinator
        .pause_machine(table.now, seat.machine, Some(until));
    paused.expect("it is known");
    table.turn();
    assert_eq!(
        view(&table, seat.machine).reason,
        "Paused by a person, for 1 h 30 min more"
    );
    // The worker holds what runs for two minutes, as in a pause of its own.
    let why = table.heard(seat);
    let Some(ToWorker::Pause { why }) = why.first() else {
        panic!("{why:?}");
    };
    let beat = Heartbeat {
        paused: Some(why.clone()),
        held: vec![chunk],
        ..offer(1, 1 << 40)
    };
    table.beat(seat, beat);
    table.pass(secs(119));
    assert_eq!(table.heard(seat), []);
    table.pass(secs(2));
    assert_eq!(table.heard(seat), [ToWorker::Drop(vec![chunk])]);
    assert_eq!(table.task(chunk.job, 0).losses, 0, "nobody is charged");
    table.restart();
    let seat = table.seat(1, 1);
    assert_eq!(table.leases(seat), []);
    table.pass(secs(87 * 60));
    assert_eq!(table.leases(seat), []);
    table.pass(secs(60));
    assert_eq!(view(&table, seat.machine).order, Order::Work);
    assert_eq!(table.leases(seat).len(), 1);
}

#[test]
fn a_drained_machine_finishes_what_runs_and_gives_the_rest_back() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(1),
        ..spec(10)
    });
    let first = table.lease(seat);
    table.finish_in(seat, first, 10_000);
    let held = table.leases(seat);
    assert_eq!(held.len(), 2, "one runs, one waits");
    let drained = table.coordinator.drain_machine(table.now, seat.machine);
    drained.expect("it is known");
    table.turn();
    assert_eq!(table.heard(seat), [ToWorker::Recall(held.clone())]);
    table.say(seat, ToCoordinator::Return(vec![held[1]]));
    assert_eq!(
        (table.job(job).running, table.job(job).queued),
        (1, 8),
        "what was not begun waits for others"
    );
    assert_eq!(view(&table, seat.machine).state, MachineState::Draining);
    table.finish_in(seat, held[0], 10_000);
    assert_eq!(table.leases(seat), []);
    assert_eq!(
        view(&table, seat.machine).reason,
        "Drained: it takes nothing until somebody resumes it"
    );
    let other = table.seat(2, 1);
    assert!(!table.leases(other).is_empty(), "at once, on another");
    table.restart();
    let seat = table.seat(1, 1);
    assert_eq!(table.leases(seat), []);
    let resumed = table.coordinator.resume_machine(table.now, seat.machine);
    resumed.expect("it is known");
    table.turn();
    assert!(!table.leases(seat).is_empty());
}

#[test]
fn a_removed_machine_is_forgotten_and_what_it_held_is_not_lost() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let other = table.seat(2, 1);
    let job = table.submit(Spec {
        chunk: Some(1),
        ..spec(2)
    });
    let chunk = table.lease(seat);
    let theirs = table.lease(other);
    let removed = table.coordinator.remove_machine(table.now, seat.machine);
    removed.expect("it is known");
    table.turn();
    let heard = table.heard(seat);
    assert!(
        matches!(heard.as_slice(), [ToWorker::Refused { .. }]),
        "{heard:?}"
    );
    assert!(
        table
            .coordinator
            .machines()
            .all(|machine| machine.id != seat.machine)
    );
    assert!(
        table
            .disk
            .image()
            .machines
            .iter()
            .all(|(id, _)| *id != seat.machine)
    );
    table.finish(seat, chunk);
    assert_eq!(table.job(job).done, 0, "it has nothing to say any more");
    assert_eq!(table.task(job, chunk.first).losses, 0);
    table.disconnect(seat, false);
    table.finish_in(other, theirs, 30_000_000);
    let again = table.lease(other);
    assert_eq!((again.first, again.attempt), (chunk.first, 2));
    table.finish(other, again);
    assert_eq!(table.state(job), JobState::Done);
    let gone = table.coordinator.remove_machine(table.now, seat.machine);
    assert_eq!(gone, Err(MachineError::Unknown));
}

#[test]
fn names_and_labels_are_checked_and_kept() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let id = seat.machine;
    let label = |table: &mut Table, labels: &[&str]| {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let result = table.coordinator.label_machine(table.now, id, &labels);
        table.turn();
        result
    };
    assert_eq!(label(&mut table, &["gpu", "gpu", "rack-2.a_b"]), Ok(()));
    for bad in ["", "GPU", "a b", "ä", &"x".repeat(33)] {
        let refused = label(&mut table, &["fine", bad]);
        assert!(
            matches!(refused, Err(MachineError::Label { .. })),
            "{bad:?}"
        );
    }
    let many: Vec<String> = (0..17).map(|number| format!("l{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(label(&mut table, &many), Err(MachineError::TooManyLabels));
    let rename = |table: &mut Table, name: Option<&str>| {
        let result = table.coordinator.rename_machine(table.now, id, name);
        table.turn();
        result
    };
    assert_eq!(rename(&mut table, Some(" studio-pc ")), Ok(()));
    for bad in ["", "  ", "two\nlines", &"x".repeat(201)] {
        assert_eq!(
            rename(&mut table, Some(bad)),
            Err(MachineError::Name),
            "{bad:?}"
        );
    }
    table.restart();
    table.seat(1, 1);
    let known = view(&table, id);
    assert_eq!(known.name, "studio-pc");
    assert_eq!(
        known.labels.into_iter().collect::<Vec<_>>(),
        ["gpu", "rack-2.a_b"]
    );
    assert_eq!(rename(&mut table, None), Ok(()));
    assert_eq!(view(&table, id).name, "machine 1");
    let now = table.now;
    let coordinator = &mut table.coordinator;
    let unknown = [
        coordinator.pause_machine(now, NOBODY, None),
        coordinator.resume_machine(now, NOBODY),
        coordinator.drain_machine(now, NOBODY),
        coordinator.remove_machine(now, NOBODY),
        coordinator.rename_machine(now, NOBODY, None),
        coordinator.label_machine(now, NOBODY, &[]),
    ];
    assert!(
        unknown
            .iter()
            .all(|result| *result == Err(MachineError::Unknown))
    );
}

#[test]
fn a_job_runs_only_on_machines_that_it_asks_for() {
    let mut table = Table::new();
    let (plain, labelled, named) = (table.seat(1, 1), table.seat(2, 1), table.seat(3, 1));
    let job = table.submit(Spec {
        on: vec![On::Label("gpu".to_owned()), On::Machine(named.machine)],
        ..spec(4)
    });
    assert_eq!(table.leases(named).len(), 1);
    assert_eq!(table.leases(plain), []);
    assert_eq!(table.leases(labelled), []);
    let gpu = ["gpu".to_owned()];
    let result = table
        .coordinator
        .label_machine(table.now, labelled.machine, &gpu);
    result.expect("a label");
    table.turn();
    assert_eq!(table.leases(labelled).len(), 1, "in the same turn");
    assert_eq!(table.leases(plain), []);
    let anywhere = table.submit(spec(1));
    assert_eq!(table.leases(plain).len(), 1, "it is free for others");
    assert_eq!(table.state(anywhere), JobState::Running);
    assert_eq!(table.job(job).running, 2);
}

#[test]
fn jobs_that_wait_for_machines_that_are_not_there_keep_nobody_from_working() {
    let mut table = Table::new();
    for _ in 0..100 {
        table.submit(Spec {
            on: vec![On::Label("gpu".to_owned())],
            priority: 10,
            ..spec(1)
        });
    }
    let job = table.submit(spec(1));
    let seat = table.seat(1, 1);
    assert_eq!(table.lease(seat).job, job);
}

#[test]
fn a_job_whose_machines_are_not_there_says_which_and_why() {
    let mut table = Table::new();
    table.seat(1, 1);
    let job = table.submit(Spec {
        on: vec![On::Label("gpu".to_owned()), On::Machine(MachineId([2; 16]))],
        ..spec(1)
    });
    let why = |table: &Table| {
        let reason = table.job(job).reason.expect("it waits");
        assert_eq!(reason.code, ReasonCode::NotThere);
        reason.text
    };
    let asks = "the job asks for label gpu or m_aibaeaqcaibaeaqcaibaeaqcai";
    assert_eq!(
        why(&table),
        format!("{asks}, and the pool has no such machine")
    );
    let seat = table.seat(2, 1);
    let chunk = table.lease(seat);
    table.say(seat, ToCoordinator::Return(vec![chunk]));
    let paused = table
        .coordinator
        .pause_machine(table.now, seat.machine, None);
    paused.expect("it is known");
    table.turn();
    assert_eq!(
        why(&table),
        "the job asks for label gpu or machine 2; machine 2: paused by a person, until somebody resumes it"
    );
    table.disconnect(seat, false);
    assert_eq!(
        why(&table),
        "the job asks for label gpu or machine 2, and none of them is connected"
    );
}

#[test]
fn a_machine_tells_how_it_is_while_it_is_connected() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    assert_eq!(view(&table, seat.machine).health, None);
    let health = Health {
        core_loads: vec![1_000, 20],
        temperature_c: Some(61),
        ..Health::default()
    };
    table.say(seat, ToCoordinator::Health(health.clone()));
    assert_eq!(view(&table, seat.machine).health, Some(health));
    table.disconnect(seat, false);
    assert_eq!(view(&table, seat.machine).health, None);
    let seat = table.seat(1, 1);
    let endless = Stock {
        modules: vec![crate::Digest([1; 32]); 10_000],
        blobs: Vec::new(),
    };
    for _ in 0..10 {
        table.say(seat, ToCoordinator::Stock(endless.clone()));
    }
    assert!(matches!(
        table.heard(seat).last(),
        Some(ToWorker::Refused { .. })
    ));
}

#[test]
fn a_machine_that_leaves_in_good_order_hands_back_at_once() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let other = table.seat(2, 1);
    let job = table.submit(Spec {
        chunk: Some(10),
        ..spec(20)
    });
    let (mine, theirs) = (table.lease(seat), table.lease(other));
    table.finish(seat, part(mine, mine.first, 4));
    table.say(seat, ToCoordinator::Goodbye);
    table.finish(other, theirs);
    let rest = table.lease(other);
    assert_eq!(
        (rest.first, rest.count, rest.attempt),
        (mine.first + 4, 6, 2)
    );
    assert_eq!(table.task(job, rest.first).losses, 0);
}
