//! Stories of one worker: each names what must happen and that nothing else does.

mod afar;

use super::*;
use crate::id::Life;
use crate::report::{Outcome, Payload, Plain, Report};
use crate::spec::{Fold, Limits};
use core::time::Duration;
use serde_bytes::ByteBuf;

const TERM: Term = Term(3);
const GIB: u64 = 1 << 30;

/// A worker, a clock, and what came out of it last.
struct Story {
    worker: Worker,
    at: Duration,
}

fn job(number: u8) -> JobId {
    JobId([number; 16])
}

fn chunk(job: JobId, first: u32, count: u32) -> Chunk {
    Chunk {
        job,
        first,
        count,
        attempt: 1,
        term: TERM,
    }
}

fn spec(memory_bytes: u64) -> Arc<Spec> {
    Arc::new(Spec {
        name: "story".to_owned(),
        module: Digest([7; 32]),
        count: 1000,
        fold: Fold::Kernel,
        inputs: Vec::new(),
        run: ByteBuf::new(),
        limits: Limits {
            memory_bytes,
            task_time: None,
            fuel: None,
            output_bytes: 1 << 20,
        },
        retries: 0,
        elsewhere: 3,
        lost: 5,
        retry_delay: Duration::from_secs(1),
        priority: 0,
        timeout: None,
        trial: false,
        transient: false,
        followed: false,
        chunk: None,
        on: Vec::new(),
    })
}

fn config(slots: u32) -> WorkerConfig {
    WorkerConfig {
        slots,
        memory_bytes: GIB,
        paused: None,
        slowed: None,
        finishing: false,
        turnaround_micros: 1000,
    }
}

/// Reports of tasks that ended well and took a millisecond each.
fn plain(count: u32) -> Reports {
    let ends = (1..=count).collect();
    Reports::Plain(Plain {
        micros: u64::from(count) * 1000,
        ends,
        bytes: ByteBuf::from(vec![b'x'; count as usize]),
    })
}

impl Story {
    /// Connected, welcomed, and told of a job.
    fn welcomed(slots: u32) -> Story {
        let mut story = Story::unconnected(slots);
        story.connect();
        story.hear(ToWorker::Welcome {
            term: TERM,
            keep: vec![],
            drop: vec![],
            send: vec![],
        });
        story.hear(ToWorker::Job {
            job: job(1),
            person: PersonId([1; 16]),
            spec: spec(1 << 20),
            fold_input: None,
        });
        assert_eq!(story.said(), [], "a welcome needs no answer");
        story
    }

    fn unconnected(slots: u32) -> Story {
        let options = WorkerOptions {
            machine: MachineId([1; 16]),
            life: Life(1),
            name: "desk".to_owned(),
            os: "linux".to_owned(),
            program_version: "0.1.0".to_owned(),
            cores: slots,
        };
        Story {
            worker: Worker::new(Now::default(), options, config(slots)),
            at: Duration::ZERO,
        }
    }

    fn now(&self) -> Now {
        Now {
            moment: Moment::default().after(self.at),
            wall_ms: 0,
        }
    }

    fn later(&mut self, by: Duration) -> &mut Story {
        self.at += by;
        self
    }

    fn connect(&mut self) -> Hello {
        self.worker.handle_connected(self.now());
        match self.said().as_slice() {
            [ToCoordinator::Hello(hello)] => hello.clone(),
            other => panic!("a connection begins with a hello, not {other:?}"),
        }
    }

    fn hear(&mut self, message: ToWorker) {
        self.worker.handle_message(self.now(), message);
        self.worker.check();
    }

    fn end(&mut self, slot: u32, part: Chunk) {
        self.worker
            .handle_reports(self.now(), SlotId(slot), part, plain(part.count));
        self.worker.check();
    }

    fn said(&mut self) -> Vec<ToCoordinator> {
        std::iter::from_fn(|| self.worker.poll_transmit()).collect()
    }

    /// What it does, in brief: the spec of a run is of no interest here.
    fn does(&mut self) -> Vec<Deed> {
        std::iter::from_fn(|| self.worker.poll_action())
            .map(|action| match action {
                Action::Run { slot, chunk, .. } => Deed::Run(slot.0, chunk),
                Action::Kill { slot, chunk } => Deed::Kill(slot.0, chunk),
                Action::Stop { slot } => Deed::Stop(slot.0),
                Action::Resume { slot } => Deed::Resume(slot.0),
                Action::Forget { job } => Deed::Forget(job),
                Action::Close { .. } => Deed::Close,
            })
            .collect()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Run(u32, Chunk),
    Kill(u32, Chunk),
    Stop(u32),
    Resume(u32),
    Forget(JobId),
    Close,
}

fn results(part: Chunk) -> ToCoordinator {
    ToCoordinator::Results(crate::message::Results {
        chunk: part,
        reports: plain(part.count),
    })
}

#[test]
fn a_result_is_kept_until_it_is_accepted() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 4);
    story.hear(ToWorker::Lease(lease));
    assert_eq!(story.does(), [Deed::Run(0, lease)]);
    story.end(0, chunk(job(1), 0, 3));
    assert_eq!(story.said(), [results(chunk(job(1), 0, 3))]);
    story.hear(ToWorker::Accepted(chunk(job(1), 0, 2)));
    assert_eq!(
        story.worker.undelivered().collect::<Vec<_>>(),
        [chunk(job(1), 2, 1)]
    );
    assert_eq!(
        story.worker.holding().collect::<Vec<_>>(),
        [chunk(job(1), 3, 1)]
    );
    story.hear(ToWorker::Accepted(chunk(job(1), 2, 1)));
    assert_eq!(story.worker.undelivered().count(), 0);
}

#[test]
fn a_new_connection_says_what_is_held_and_what_is_undelivered() {
    let mut story = Story::welcomed(2);
    let (first, second, third) = (
        chunk(job(1), 0, 2),
        chunk(job(1), 2, 2),
        chunk(job(1), 4, 2),
    );
    for lease in [first, second, third] {
        story.hear(ToWorker::Lease(lease));
    }
    story.end(0, first);
    story.said();
    story.does();
    story.worker.handle_disconnected(story.now());
    let hello = story.later(Duration::from_secs(3)).connect();
    assert_eq!(hello.undelivered, [first]);
    assert_eq!(
        hello.holding,
        [third, second],
        "in the order of their slots"
    );
    story.hear(ToWorker::Welcome {
        term: TERM,
        keep: vec![second],
        drop: vec![third],
        send: vec![first],
    });
    assert_eq!(story.said(), [results(first)]);
    assert_eq!(story.does(), [Deed::Kill(0, third)]);
    assert_eq!(story.worker.holding().collect::<Vec<_>>(), [second]);
}

#[test]
fn what_a_welcome_does_not_name_is_dropped() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 2);
    story.hear(ToWorker::Lease(lease));
    story.end(0, chunk(job(1), 0, 1));
    story.does();
    story.worker.handle_disconnected(story.now());
    story.connect();
    story.hear(ToWorker::Welcome {
        term: Term(4),
        keep: vec![],
        drop: vec![],
        send: vec![],
    });
    assert_eq!(story.does(), [Deed::Kill(0, lease), Deed::Forget(job(1))]);
    assert_eq!(story.said(), []);
    assert!(story.worker.undelivered().next().is_none());
}

#[test]
fn results_that_came_between_hello_and_welcome_are_sent() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 1);
    story.hear(ToWorker::Lease(lease));
    story.worker.handle_disconnected(story.now());
    story.connect();
    story.end(0, lease);
    assert_eq!(story.said(), [], "nothing is said before the welcome");
    story.hear(ToWorker::Welcome {
        term: TERM,
        keep: vec![lease],
        drop: vec![],
        send: vec![],
    });
    assert_eq!(story.said(), [results(lease)]);
}

#[test]
fn what_changed_between_hello_and_welcome_is_told() {
    let mut story = Story::unconnected(1);
    story.connect();
    let off = || Some("off".to_owned());
    let paused = WorkerConfig {
        paused: off(),
        ..config(1)
    };
    story.worker.configure(story.now(), paused);
    assert_eq!(story.said(), [], "nothing is said before the welcome");
    story.hear(ToWorker::Welcome {
        term: TERM,
        keep: vec![],
        drop: vec![],
        send: vec![],
    });
    let said = story.said();
    let [ToCoordinator::Heartbeat(beat)] = said.as_slice() else {
        panic!("the pause is told at once, not {said:?}")
    };
    assert_eq!(beat.paused, off());
}

#[test]
fn a_pause_holds_what_runs_and_gives_back_the_rest() {
    let mut story = Story::welcomed(1);
    let (running, waiting) = (chunk(job(1), 0, 4), chunk(job(1), 4, 4));
    story.hear(ToWorker::Lease(running));
    story.hear(ToWorker::Lease(waiting));
    story.does();
    story.worker.configure(
        story.now(),
        WorkerConfig {
            paused: Some("in use".to_owned()),
            ..config(1)
        },
    );
    assert_eq!(story.does(), [Deed::Stop(0)]);
    let said = story.said();
    let [
        ToCoordinator::Return(returned),
        ToCoordinator::Heartbeat(beat),
    ] = said.as_slice()
    else {
        panic!("a pause gives back and says so, not {said:?}")
    };
    assert_eq!(returned, &[waiting]);
    assert_eq!(
        (beat.paused.as_deref(), beat.held.as_slice()),
        (Some("in use"), [running].as_slice())
    );
    story.later(Duration::from_secs(60));
    story.worker.configure(story.now(), config(1));
    assert_eq!(
        story.does(),
        [Deed::Close, Deed::Resume(0)],
        "after a minute without a heartbeat it asks again"
    );
}

#[test]
fn a_pause_that_ends_goes_on_in_place() {
    let mut story = Story::welcomed(1);
    story.hear(ToWorker::Lease(chunk(job(1), 0, 4)));
    story.does();
    story.worker.configure(
        story.now(),
        WorkerConfig {
            paused: Some("in use".to_owned()),
            ..config(1)
        },
    );
    assert_eq!(story.does(), [Deed::Stop(0)]);
    story.later(Duration::from_secs(4));
    story.worker.configure(story.now(), config(1));
    assert_eq!(story.does(), [Deed::Resume(0)]);
}

#[test]
fn one_that_finishes_ends_what_runs_and_takes_nothing_new() {
    let mut story = Story::welcomed(1);
    let (runs, waits) = (chunk(job(1), 0, 4), chunk(job(1), 4, 4));
    story.hear(ToWorker::Lease(runs));
    story.hear(ToWorker::Lease(waits));
    story.does();
    story.said();
    let finishing = WorkerConfig {
        finishing: true,
        ..config(1)
    };
    story.worker.configure(story.now(), finishing);
    assert_eq!(story.does(), [], "what runs goes on");
    let said = story.said();
    assert!(
        said.contains(&ToCoordinator::Return(vec![waits])),
        "{said:?}"
    );
    let offers = said.iter().any(|said| {
        matches!(said, ToCoordinator::Heartbeat(beat) if beat.slots == 0 && beat.paused.is_none())
    });
    assert!(offers, "{said:?}");
    // One that was on its way comes back.
    let late = chunk(job(1), 8, 1);
    story.hear(ToWorker::Lease(late));
    assert_eq!(story.does(), []);
    assert!(story.said().contains(&ToCoordinator::Return(vec![late])));
    story.worker.configure(story.now(), config(1));
    story.hear(ToWorker::Lease(late));
    story.end(0, runs);
    assert!(!story.worker.is_gone());
}

#[test]
fn what_is_held_too_long_is_given_back() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 4);
    story.hear(ToWorker::Lease(lease));
    story.end(0, chunk(job(1), 0, 1));
    story.worker.configure(
        story.now(),
        WorkerConfig {
            paused: Some("hot".to_owned()),
            ..config(1)
        },
    );
    story.does();
    let until = story.at + HELD_MAX;
    while story.at < until {
        let (moment, _) = story.worker.poll_timeout().expect("it is held until then");
        story.said();
        assert_eq!(story.does(), []);
        story.at = moment.since(Moment::default());
        story.worker.handle_timeout(story.now());
    }
    assert_eq!(story.at, until);
    assert_eq!(story.does(), [Deed::Kill(0, lease)]);
    assert!(
        story
            .said()
            .contains(&ToCoordinator::Return(vec![chunk(job(1), 1, 3)]))
    );
    story.worker.handle_free(story.now(), SlotId(0));
    assert_eq!(story.does(), [Deed::Resume(0)], "each stop has its resume");
}

#[test]
fn fewer_slots_stop_the_youngest_and_a_free_one_lets_it_go_on() {
    let mut story = Story::welcomed(2);
    let (older, younger) = (chunk(job(1), 0, 1), chunk(job(1), 1, 1));
    story.hear(ToWorker::Lease(older));
    story.hear(ToWorker::Lease(younger));
    assert_eq!(story.does(), [Deed::Run(0, older), Deed::Run(1, younger)]);
    story.worker.configure(story.now(), config(1));
    assert_eq!(story.does(), [Deed::Stop(1)]);
    assert_eq!(story.worker.active(), 1);
    story.end(0, older);
    assert_eq!(story.does(), [Deed::Resume(1)]);
}

#[test]
fn a_chunk_waits_in_a_slot_only_behind_a_short_one() {
    let mut story = Story::welcomed(1);
    let leases = [
        chunk(job(1), 0, 10),
        chunk(job(1), 10, 10),
        chunk(job(1), 20, 1000),
        chunk(job(1), 1020, 1),
    ];
    for lease in leases {
        story.hear(ToWorker::Lease(lease));
    }
    assert_eq!(
        story.does(),
        [Deed::Run(0, leases[0])],
        "nothing is measured yet"
    );
    story.end(0, leases[0]);
    assert_eq!(
        story.does(),
        [Deed::Run(0, leases[1]), Deed::Run(0, leases[2])],
        "ten tasks of a millisecond"
    );
    story.end(0, leases[1]);
    assert_eq!(
        story.does(),
        [],
        "a thousand of them take too long to wait behind"
    );
}

#[test]
fn a_drain_ends_delivers_and_says_goodbye() {
    let mut story = Story::welcomed(1);
    let (running, waiting) = (chunk(job(1), 0, 1), chunk(job(1), 1, 1));
    story.hear(ToWorker::Lease(running));
    story.hear(ToWorker::Lease(waiting));
    story.does();
    story.hear(ToWorker::Drain);
    let said = story.said();
    let [
        ToCoordinator::Return(returned),
        ToCoordinator::Heartbeat(beat),
    ] = said.as_slice()
    else {
        panic!("a drain gives back and says so, not {said:?}")
    };
    assert_eq!((returned.as_slice(), beat.slots), ([waiting].as_slice(), 0));
    story.end(0, running);
    assert_eq!(story.said(), [results(running)]);
    assert_eq!(story.does(), []);
    story.hear(ToWorker::Accepted(running));
    assert_eq!(story.said(), [ToCoordinator::Goodbye]);
    assert_eq!(story.does(), [Deed::Close]);
    assert!(story.worker.is_gone());
}

#[test]
fn a_goodbye_kills_what_runs() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 1);
    story.hear(ToWorker::Lease(lease));
    story.does();
    story.worker.goodbye(story.now());
    assert_eq!(story.does(), [Deed::Kill(0, lease), Deed::Close]);
    assert_eq!(story.said(), [ToCoordinator::Goodbye]);
}

#[test]
fn a_machine_that_slept_asks_before_it_goes_on() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 2);
    story.hear(ToWorker::Lease(lease));
    story.does();
    story.later(Duration::from_secs(3600));
    story.end(0, chunk(job(1), 0, 1));
    assert_eq!(
        story.said(),
        [],
        "nothing is published that may be somebody else's by now"
    );
    assert_eq!(story.does(), [Deed::Close]);
    story.worker.handle_disconnected(story.now());
    let hello = story.connect();
    assert_eq!(hello.undelivered, [chunk(job(1), 0, 1)]);
    assert_eq!(hello.holding, [chunk(job(1), 1, 1)]);
}

#[test]
fn nothing_is_started_that_may_be_lost_by_now() {
    let mut story = Story::welcomed(1);
    let (running, waiting) = (chunk(job(1), 0, 1), chunk(job(1), 1, 1));
    story.hear(ToWorker::Lease(running));
    story.hear(ToWorker::Lease(waiting));
    story.does();
    story.worker.handle_disconnected(story.now());
    story.later(SILENCE_MAX).end(0, running);
    assert_eq!(story.does(), [], "its lease may be somebody else's");
    story.connect();
    story.hear(ToWorker::Welcome {
        term: TERM,
        keep: vec![waiting],
        drop: vec![],
        send: vec![running],
    });
    assert_eq!(story.does(), [Deed::Run(0, waiting)]);
}

#[test]
fn the_rest_of_a_chunk_goes_on_when_a_part_is_dropped() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 6);
    story.hear(ToWorker::Lease(lease));
    story.does();
    story.hear(ToWorker::Drop(vec![chunk(job(1), 2, 1)]));
    assert_eq!(
        story.does(),
        [Deed::Kill(0, lease)],
        "the slot is busy until its process is gone"
    );
    story.worker.handle_free(story.now(), SlotId(0));
    assert_eq!(story.does(), [Deed::Run(0, chunk(job(1), 0, 2))]);
    assert_eq!(story.worker.holding().count(), 2);
}

#[test]
fn a_newer_attempt_replaces_an_older_and_never_the_other_way() {
    let mut story = Story::welcomed(1);
    let (old, new) = (
        chunk(job(1), 0, 2),
        Chunk {
            attempt: 2,
            ..chunk(job(1), 1, 1)
        },
    );
    story.hear(ToWorker::Lease(old));
    story.does();
    story.hear(ToWorker::Lease(new));
    assert_eq!(story.does(), [Deed::Kill(0, old)]);
    assert_eq!(
        story.worker.holding().collect::<Vec<_>>(),
        [chunk(job(1), 0, 1), new]
    );
    story.hear(ToWorker::Lease(old));
    assert_eq!(
        story.said(),
        [],
        "the part that is still held was leased already"
    );
    story.hear(ToWorker::Lease(chunk(job(1), 1, 1)));
    assert_eq!(
        story.said(),
        [ToCoordinator::Return(vec![chunk(job(1), 1, 1)])]
    );
}

#[test]
fn what_it_cannot_run_goes_back() {
    let mut story = Story::welcomed(1);
    story.hear(ToWorker::Job {
        job: job(2),
        person: PersonId([2; 16]),
        spec: spec(2 * GIB),
        fold_input: None,
    });
    for lease in [
        chunk(job(2), 0, 1),
        chunk(job(3), 0, 1),
        Chunk {
            term: Term(9),
            ..chunk(job(1), 0, 1)
        },
    ] {
        story.hear(ToWorker::Lease(lease));
        assert_eq!(story.said(), [ToCoordinator::Return(vec![lease])]);
    }
    assert_eq!(story.does(), []);
}

#[test]
fn memory_is_a_limit_of_what_runs_together() {
    let mut story = Story::welcomed(4);
    story.hear(ToWorker::Job {
        job: job(2),
        person: PersonId([2; 16]),
        spec: spec(GIB / 2),
        fold_input: None,
    });
    for first in 0..4 {
        story.hear(ToWorker::Lease(chunk(job(2), first, 1)));
    }
    assert_eq!(
        story.does(),
        [
            Deed::Run(0, chunk(job(2), 0, 1)),
            Deed::Run(1, chunk(job(2), 1, 1))
        ]
    );
    story.end(1, chunk(job(2), 1, 1));
    assert_eq!(
        story.does().first(),
        Some(&Deed::Run(1, chunk(job(2), 2, 1)))
    );
}

#[test]
fn what_is_given_back_while_nobody_listens_goes_back_with_the_welcome() {
    let mut story = Story::welcomed(1);
    let (lease, waiting) = (chunk(job(1), 0, 4), chunk(job(1), 4, 4));
    story.hear(ToWorker::Lease(lease));
    story.hear(ToWorker::Lease(waiting));
    story.said();
    story.worker.handle_disconnected(story.now());
    let hello = story.connect();
    assert_eq!((hello.holding, hello.life), (vec![lease, waiting], Life(1)));
    story.worker.drain(story.now());
    story.hear(ToWorker::Welcome {
        term: TERM,
        keep: vec![lease, waiting],
        drop: vec![],
        send: vec![],
    });
    assert_eq!(
        story.said().first(),
        Some(&ToCoordinator::Return(vec![waiting]))
    );
}

#[test]
fn forgetting_a_job_stops_its_tasks_and_drops_its_results() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 2);
    story.hear(ToWorker::Lease(lease));
    story.end(0, chunk(job(1), 0, 1));
    story.does();
    story.hear(ToWorker::Forget { job: job(1) });
    assert_eq!(story.does(), [Deed::Kill(0, lease), Deed::Forget(job(1))]);
    assert_eq!(story.worker.undelivered().count(), 0);
    story.end(0, chunk(job(1), 1, 1));
    assert_eq!(
        story.worker.undelivered().count(),
        0,
        "killed tasks have no results"
    );
}

#[test]
fn results_larger_than_a_frame_are_cut() {
    let mut story = Story::welcomed(1);
    let lease = chunk(job(1), 0, 16);
    story.hear(ToWorker::Lease(lease));
    let report = Report {
        outcome: Outcome::Done,
        micros: 5,
        output: Payload::Inline(ByteBuf::from(vec![1; crate::limits::FRAME_BYTES_MAX / 6])),
        log: Payload::empty(),
        log_truncated: false,
        files: None,
    };
    story.worker.handle_reports(
        story.now(),
        SlotId(0),
        lease,
        Reports::Each(vec![report; 16]),
    );
    let said = story.said();
    let mut tasks = 0;
    for message in &said {
        let mut frame = Vec::new();
        crate::codec::encode(message, &mut frame).expect("each fits a frame");
        let ToCoordinator::Results(results) = message else {
            panic!("only results, not {message:?}")
        };
        assert_eq!(
            (results.chunk.first, results.chunk.count),
            (tasks, results.reports.count())
        );
        tasks += results.chunk.count;
    }
    assert_eq!(tasks, 16);
    assert!(said.len() > 1);
}

#[test]
fn plain_results_are_cut_without_losing_a_byte() {
    let ends: Vec<u32> = (1..=1000_u32).map(|task| task * 4096).collect();
    let bytes: Vec<u8> = (0..1000_u32)
        .flat_map(|task| [task.to_le_bytes()[0]; 4096])
        .collect();
    let mut outbox = Outbox::default();
    let reports = Reports::Plain(Plain {
        micros: 1000,
        ends,
        bytes: ByteBuf::from(bytes.clone()),
    });
    let parts = outbox.keep(chunk(job(1), 0, 1000), reports);
    let mut whole = Vec::new();
    for part in &parts {
        let Reports::Plain(plain) = &part.reports else {
            panic!("plain stays plain")
        };
        assert_eq!(
            plain.ends.last().copied(),
            u32::try_from(plain.bytes.len()).ok()
        );
        whole.extend_from_slice(&plain.bytes);
    }
    assert_eq!(whole, bytes);
    assert!(parts.len() > 1);
}

#[test]
fn a_goodbye_before_the_welcome_is_said_after_it() {
    let mut story = Story::unconnected(1);
    story.connect();
    story.worker.goodbye(story.now());
    assert_eq!((story.said(), story.does()), (vec![], vec![]));
    story.hear(ToWorker::Welcome {
        term: TERM,
        keep: vec![],
        drop: vec![],
        send: vec![],
    });
    assert_eq!(story.said(), [ToCoordinator::Goodbye]);
    assert_eq!(story.does(), [Deed::Close]);
}
