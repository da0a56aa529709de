//! How leases are sized and handed out.

use super::table::{MIB, Table, offer, spec};
use crate::coordinator::{JobState, MachineState, Measured};
use crate::limits::{CHUNK_TASKS_MAX, CHUNKS_PER_SLOT};
use crate::message::{Heartbeat, ToCoordinator};
use crate::spec::{Limits, Spec};

#[test]
fn a_million_small_tasks_take_few_leases() {
    let mut table = Table::new();
    let seat = table.seat(1, 2);
    let job = table.submit(spec(1_000_000));
    let chunks = table.work(seat, 1);
    assert_eq!(table.state(job), JobState::Done);
    assert_eq!(chunks[0].count, 1, "nothing is measured yet");
    assert_eq!(
        chunks.iter().map(|chunk| chunk.count).max(),
        Some(CHUNK_TASKS_MAX)
    );
    assert!(chunks.len() < 90, "{} leases", chunks.len());
    let mut end = 0;
    let mut sorted = chunks.clone();
    sorted.sort_unstable();
    for chunk in sorted {
        assert_eq!((chunk.first, chunk.attempt), (end, 1), "each task once");
        end += chunk.count;
    }
    assert_eq!(end, 1_000_000);
}

#[test]
fn ten_long_tasks_are_leased_one_by_one_and_none_waits_behind_another() {
    let mut table = Table::new();
    let seat = table.seat(1, 2);
    let job = table.submit(spec(10));
    let mut leases = table.leases(seat);
    assert_eq!(leases.len(), 2, "one for each slot");
    for left in (0..10_usize).rev() {
        table.finish_in(seat, leases.remove(0), 60_000_000);
        leases.extend(table.leases(seat));
        assert_eq!(leases.len(), left.min(2));
        assert!(leases.iter().all(|chunk| chunk.count == 1));
    }
    assert_eq!(table.state(job), JobState::Done);
}

#[test]
fn what_tasks_took_is_known_of_each_machine() {
    let mut table = Table::new();
    let seats = [table.seat(1, 1), table.seat(2, 1)];
    let job = table.submit(Spec {
        chunk: Some(2),
        ..spec(4)
    });
    assert_eq!(table.job(job).measured, []);
    for (seat, micros) in seats.into_iter().zip([10, 1_000]) {
        let chunk = table.lease(seat);
        table.finish_in(seat, chunk, micros);
    }
    assert_eq!(table.state(job), JobState::Done);
    let measured = table.job(job).measured;
    let of = |seat: usize, micros| Measured {
        machine: seats[seat].machine,
        tasks: 2,
        micros,
    };
    assert_eq!(measured, [of(0, 20), of(1, 2_000)]);
    table.restart();
    assert_eq!(table.job(job).measured, measured);
}

#[test]
fn measured_tasks_are_leased_ahead_by_credit() {
    let mut table = Table::new();
    let seat = table.seat(1, 2);
    let job = table.submit(Spec {
        chunk: Some(10),
        ..spec(100_000)
    });
    for chunk in table.leases(seat) {
        table.finish_in(seat, chunk, 10);
    }
    table.leases(seat);
    let running = |table: &Table| table.job(job).running;
    // 500 microseconds of turnaround, three of them for two slots: thirty chunks of 100.
    assert_eq!(running(&table), 300);
    table.beat(
        seat,
        Heartbeat {
            turnaround_micros: 0,
            ..offer(2, 1 << 40)
        },
    );
    let chunks = table.leases(seat).len();
    assert_eq!(chunks, 0, "what was granted stays granted");
    table.beat(
        seat,
        Heartbeat {
            turnaround_micros: 1_000,
            ..offer(2, 1 << 40)
        },
    );
    assert_eq!(running(&table), 600);
    table.beat(
        seat,
        Heartbeat {
            turnaround_micros: 1_000_000,
            ..offer(2, 1 << 40)
        },
    );
    assert_eq!(
        running(&table),
        2 * 64 * 10,
        "there is a limit, however slow the disk"
    );
}

#[test]
fn machines_get_a_chunk_for_each_slot_before_any_gets_more() {
    let mut table = Table::new();
    let warm = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(1),
        ..spec(400)
    });
    let chunk = table.lease(warm);
    table.finish_in(warm, chunk, 1_000);
    assert_eq!(table.job(job).running, CHUNKS_PER_SLOT);
    let late = table.seat(2, 3);
    assert_eq!(table.leases(late).len(), 6);
    let views: Vec<_> = table
        .coordinator
        .machines()
        .map(|m| (m.state, m.busy, m.reason))
        .collect();
    let works = "Working on tiles".to_owned();
    assert_eq!(
        views,
        [
            (MachineState::Working, 1, works.clone()),
            (MachineState::Working, 3, works)
        ]
    );
}

#[test]
fn leases_never_promise_more_memory_than_is_offered() {
    let mut table = Table::new();
    let seat = table.seat_with(1, 4, 1_024 * MIB, &[], &[]);
    let large = Limits {
        memory_bytes: 600 * MIB,
        ..spec(1).limits
    };
    table.submit(Spec {
        limits: large,
        ..spec(9)
    });
    assert_eq!(table.leases(seat).len(), 1, "two would take 1,200 MiB");
    table.submit(spec(9));
    assert_eq!(table.leases(seat).len(), 1, "256 MiB fit beside it once");
    let machine = table.coordinator.machines().next().expect("a machine");
    assert_eq!(machine.reserved_bytes, 856 * MIB);
}

#[test]
fn fewer_slots_mean_no_new_leases_until_enough_have_ended() {
    let mut table = Table::new();
    let seat = table.seat(1, 4);
    let job = table.submit(spec(100));
    let chunks = table.leases(seat);
    assert_eq!(chunks.len(), 4);
    table.beat(seat, offer(1, 1 << 40));
    for chunk in &chunks[..3] {
        table.finish_in(seat, *chunk, 10_000_000);
        assert_eq!(table.leases(seat), []);
    }
    table.finish_in(seat, chunks[3], 10_000_000);
    assert_eq!(table.leases(seat).len(), 1);
    assert_eq!(table.job(job).done, 4);
}

#[test]
fn a_part_of_a_chunk_may_be_delivered_before_the_rest() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(10),
        ..spec(10)
    });
    let chunk = table.lease(seat);
    assert_eq!(chunk.count, 10);
    let of = |first, count| super::table::part(chunk, first, count);
    table.finish(seat, of(4, 2));
    table.finish(seat, of(0, 1));
    assert_eq!((table.job(job).done, table.job(job).running), (3, 7));
    table.say(seat, ToCoordinator::Return(vec![of(1, 3)]));
    assert_eq!(table.job(job).queued, 3);
    table.finish(seat, of(6, 4));
    table.pass(super::table::secs(1));
    let again = table.lease(seat);
    assert_eq!((again.first, again.count, again.attempt), (1, 3, 2));
    table.finish(seat, again);
    assert_eq!(table.state(job), JobState::Done);
}
