//! Priority, and that nobody waits for ever.

use super::table::{Table, secs, spec};
use crate::id::JobId;
use crate::spec::Spec;

/// Runs one-second tasks on one slot, and says whose they were.
fn order(table: &mut Table, seat: super::table::Seat, tasks: usize) -> Vec<JobId> {
    let mut order = Vec::new();
    for _ in 0..tasks {
        let chunk = table.lease(seat);
        order.push(chunk.job);
        table.pass(secs(1));
        table.finish_in(seat, chunk, 1_000_000);
    }
    order
}

#[test]
fn jobs_of_the_same_priority_take_turns() {
    let mut table = Table::new();
    let large = table.submit(spec(1_000));
    let seat = table.seat(1, 1);
    order(&mut table, seat, 5);
    let small = table.submit(spec(3));
    let order = order(&mut table, seat, 7);
    assert_eq!(
        order.iter().filter(|job| **job == small).count(),
        3,
        "{order:?}"
    );
    assert!(order.contains(&large));
}

#[test]
fn a_higher_priority_comes_first() {
    let mut table = Table::new();
    let low = table.submit(spec(10));
    let high = table.submit(Spec {
        priority: 5,
        ..spec(10)
    });
    let seat = table.seat(1, 1);
    let order = order(&mut table, seat, 20);
    assert!(order[..10].iter().all(|job| *job == high), "{order:?}");
    assert!(order[10..].iter().all(|job| *job == low));
}

#[test]
fn the_lowest_priority_is_served_within_twenty_minutes() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let first = table.submit(Spec {
        priority: 10,
        ..spec(100_000)
    });
    let low = table.submit(Spec {
        priority: -10,
        ..spec(10)
    });
    let order = order(&mut table, seat, 1_300);
    let waited = order
        .iter()
        .position(|job| *job == low)
        .expect("served at last");
    assert!((1_100..=1_205).contains(&waited), "after {waited} s");
    assert_eq!(order[0], first);
}
