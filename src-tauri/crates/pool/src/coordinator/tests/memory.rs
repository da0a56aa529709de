//! What a hundred thousand tasks cost.

use super::table::{Table, spec};
use crate::coordinator::JobState;
use crate::spec::Spec;

#[test]
fn tasks_that_wait_cost_nothing_each() {
    let mut table = Table::new();
    let job = table.submit(spec(10_000_000));
    assert_eq!(table.job(job).queued, 10_000_000);
    assert_eq!(
        table.disk.row_count(),
        0,
        "no row for a task that is as it was accepted"
    );
}

#[test]
fn neighbours_with_the_same_past_share_a_row() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let job = table.submit(Spec {
        chunk: Some(1_000),
        ..spec(5_000)
    });
    let mut failed = 0;
    while table.state(job) != JobState::Failed {
        for chunk in table.leases(seat) {
            table.report(seat, chunk, super::table::trap());
            failed += chunk.count;
        }
    }
    assert_eq!((failed, table.job(job).failed), (5_000, 5_000));
    assert_eq!(table.disk.image().histories.len(), 1);
}
