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

#[test]
fn a_lone_task_is_next_though_a_stream_of_small_ones_flows() {
    for chunk in [None, Some(1), Some(2_000)] {
        let mut table = Table::new();
        let seat = table.seat(1, 2);
        let stream = table.submit(Spec {
            chunk,
            ..spec(1_000_000)
        });
        let mut leases: std::collections::VecDeque<_> = table.leases(seat).into();
        let mut run = |table: &mut Table, chunks: usize| {
            let mut ran = Vec::new();
            for _ in 0..chunks {
                let Some(chunk) = leases.pop_front() else {
                    break;
                };
                ran.push(chunk.job);
                table.pass(core::time::Duration::from_micros(u64::from(chunk.count)));
                table.finish_in(seat, chunk, 1_000);
                leases.extend(table.leases(seat));
            }
            ran
        };
        run(&mut table, 60);
        let lone = table.submit(spec(1));
        let ran = run(&mut table, 200);
        let waited = ran
            .iter()
            .position(|job| *job == lone)
            .expect("served at last");
        assert!(waited <= 2 * 64, "behind {waited} chunks");
        assert!(ran.contains(&stream));
    }
}

#[test]
fn a_long_job_is_not_kept_waiting_by_a_stream_of_small_tasks() {
    let mut table = Table::new();
    let seat = table.seat(1, 1);
    let long = table.submit(spec(3));
    let chunk = table.lease(seat);
    table.finish_in(seat, chunk, 50_000_000);
    table.submit(Spec {
        chunk: Some(1),
        ..spec(100_000)
    });
    let mut leases: std::collections::VecDeque<_> = table.leases(seat).into();
    let mut long_ones = 0;
    for _ in 0..2_000 {
        let chunk = leases.pop_front().expect("there is always work");
        let micros = if chunk.job == long { 50_000_000 } else { 100 };
        table.pass(core::time::Duration::from_micros(micros));
        table.finish_in(seat, chunk, micros);
        long_ones += u32::from(chunk.job == long);
        leases.extend(table.leases(seat));
        if long_ones == 2 {
            return;
        }
    }
    panic!("{long_ones} of the long tasks ran");
}

#[test]
fn a_job_that_wants_much_memory_gets_it_within_a_minute() {
    let mut table = Table::new();
    let seat = table.seat_with(1, 4, 1 << 30, &[], &[]);
    table.submit(spec(100_000));
    let mut leases: std::collections::VecDeque<_> = table.leases(seat).into();
    let large = table.submit(Spec {
        limits: crate::spec::Limits {
            memory_bytes: 900 << 20,
            ..spec(1).limits
        },
        ..spec(1)
    });
    for second in 0..90 {
        let chunk = leases.pop_front().expect("there is always work");
        if chunk.job == large {
            assert!((59..70).contains(&second), "after {second} s");
            return;
        }
        table.pass(secs(1));
        table.finish_in(seat, chunk, 4_000_000);
        leases.extend(table.leases(seat));
    }
    panic!("it never ran");
}

/// A device of another person, who sends jobs.
fn another_person(table: &mut Table) -> crate::id::DeviceId {
    use crate::coordinator::{Admission, OthersRole, Ownership, PersonNamed};
    let device = crate::id::DeviceId([0xbe; 16]);
    let Ok(Admission::Waiting(join)) = table.join_by_invite(device, false) else {
        panic!("a link asks a person")
    };
    let ownership = Ownership::Someone {
        person: PersonNamed::Name("Ben".to_owned()),
        role: OthersRole::Submit,
    };
    let approved = table.coordinator.approve(table.now, join, ownership);
    approved.expect("a device that can be let in").id
}

#[test]
fn a_thousand_jobs_of_one_person_do_not_keep_anothers_one_waiting() {
    let mut table = Table::new();
    let ben = another_person(&mut table);
    let seat = table.seat(1, 1);
    for _ in 0..200 {
        table.submit(Spec {
            priority: 10,
            ..spec(5)
        });
    }
    order(&mut table, seat, 20);
    let bens = table.submit_from(ben, spec(30));
    let ran = order(&mut table, seat, 60);
    let turns = ran.iter().filter(|job| **job == bens).count();
    assert!((29..=30).contains(&turns), "{turns} of 60 were Ben's");
    let longest_gap = ran.split(|job| *job == bens).map(<[JobId]>::len).max();
    assert!(longest_gap <= Some(2), "{longest_gap:?}");
}

#[test]
fn persons_get_the_same_time_though_ones_tasks_are_far_longer() {
    let mut table = Table::new();
    let ben = another_person(&mut table);
    let seat = table.seat(1, 1);
    let long = table.submit(spec(100));
    let short = table.submit_from(
        ben,
        Spec {
            chunk: Some(1),
            ..spec(10_000)
        },
    );
    let mut leases: std::collections::VecDeque<_> = table.leases(seat).into();
    let mut seconds = [0_u64; 2];
    while seconds.iter().sum::<u64>() < 3_000 {
        let chunk = leases.pop_front().expect("there is always work");
        let (whose, took) = if chunk.job == long { (0, 60) } else { (1, 2) };
        seconds[whose] += took;
        table.pass(secs(took));
        table.finish_in(seat, chunk, took * 1_000_000);
        leases.extend(table.leases(seat));
    }
    assert!(table.job(short).done > 0);
    let [longs, shorts] = seconds;
    assert!(longs.abs_diff(shorts) < 300, "{longs} s and {shorts} s");
}

#[test]
fn a_large_job_of_another_person_gets_its_memory_within_a_minute() {
    let mut table = Table::new();
    let ben = another_person(&mut table);
    let seat = table.seat_with(1, 4, 1 << 30, &[], &[]);
    // Many jobs that all waited longer than the large one will have.
    for _ in 0..200 {
        table.submit(spec(40));
    }
    table.pass(secs(1));
    let mut leases: std::collections::VecDeque<_> = table.leases(seat).into();
    let large = table.submit_from(
        ben,
        Spec {
            limits: crate::spec::Limits {
                memory_bytes: 900 << 20,
                ..spec(1).limits
            },
            ..spec(1)
        },
    );
    for second in 0..90 {
        let chunk = leases.pop_front().expect("there is always work");
        if chunk.job == large {
            assert!((59..75).contains(&second), "after {second} s");
            return;
        }
        table.pass(secs(1));
        table.finish_in(seat, chunk, 4_000_000);
        leases.extend(table.leases(seat));
    }
    panic!("it never ran");
}
