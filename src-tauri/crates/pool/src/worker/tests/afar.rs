//! What is asked of a worker from afar, and what it tells of its machine.

use super::*;
use crate::limits::{HELD_MAX, NEWS_EVERY};

fn paused(story: &mut Story) {
    let why = "later".to_owned();
    story.hear(ToWorker::Pause { why });
}

fn welcome(keep: Vec<Chunk>) -> ToWorker {
    ToWorker::Welcome {
        term: TERM,
        keep,
        drop: vec![],
        send: vec![],
    }
}

#[test]
fn a_pause_from_afar_is_as_the_own_one_and_ends_from_afar() {
    let mut story = Story::welcomed(1);
    let (running, waiting) = (chunk(job(1), 0, 4), chunk(job(1), 4, 4));
    story.hear(ToWorker::Lease(running));
    story.hear(ToWorker::Lease(waiting));
    story.does();
    paused(&mut story);
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
        (Some("later"), [running].as_slice())
    );
    story.hear(ToWorker::Lease(waiting));
    assert_eq!(story.said(), [ToCoordinator::Return(vec![waiting])]);
    story.hear(ToWorker::Resume);
    assert_eq!(story.does(), [Deed::Resume(0)]);
    let said = story.said();
    assert!(
        matches!(said.as_slice(), [ToCoordinator::Heartbeat(beat)] if beat.paused.is_none()),
        "{said:?}"
    );
}

#[test]
fn a_pause_from_afar_holds_for_two_minutes_and_through_a_new_connection() {
    let mut story = Story::welcomed(1);
    let running = chunk(job(1), 0, 4);
    story.hear(ToWorker::Lease(running));
    paused(&mut story);
    story.does();
    story.worker.handle_disconnected(story.now());
    let hello = story.later(Duration::from_secs(5)).connect();
    assert_eq!(hello.state.paused.as_deref(), Some("later"));
    story.hear(welcome(vec![running]));
    assert_eq!(story.does(), [], "it stays stopped");
    for _ in 0..HELD_MAX.as_secs() / 5 - 1 {
        story.later(Duration::from_secs(5));
        story.worker.handle_timeout(story.now());
    }
    assert_eq!(story.does(), [Deed::Kill(0, running)]);
    let back = ToCoordinator::Return(vec![running]);
    assert!(story.said().contains(&back));
}

#[test]
fn the_owner_s_own_pause_outlives_one_from_afar() {
    let mut story = Story::welcomed(1);
    let own = WorkerConfig {
        paused: Some("in use".to_owned()),
        ..config(1)
    };
    story.worker.configure(story.now(), own);
    paused(&mut story);
    story.hear(ToWorker::Resume);
    story.said();
    let lease = chunk(job(1), 0, 1);
    story.hear(ToWorker::Lease(lease));
    assert_eq!(story.said(), [ToCoordinator::Return(vec![lease])]);
}

#[test]
fn what_is_recalled_goes_back_unless_it_has_begun() {
    let mut story = Story::welcomed(1);
    let chunks: Vec<Chunk> = (0..4).map(|at| chunk(job(1), 4 * at, 4)).collect();
    for lease in &chunks {
        story.hear(ToWorker::Lease(*lease));
    }
    // The first has told how short tasks are, so the second is with the slot already.
    story.end(0, chunks[0]);
    story.said();
    let given = [0, 1, 2].map(|at| Deed::Run(0, chunks[at]));
    assert_eq!(story.does(), given);
    let older = Chunk {
        attempt: 0,
        ..chunks[3]
    };
    story.hear(ToWorker::Recall(vec![older]));
    assert_eq!(story.said(), [], "of another attempt");
    story.hear(ToWorker::Recall(chunks.clone()));
    assert_eq!(
        story.said(),
        [ToCoordinator::Return(vec![chunks[3], chunks[2]])]
    );
    assert_eq!(story.does(), [Deed::Kill(0, chunks[2])]);
    assert_eq!(story.worker.holding().collect::<Vec<_>>(), [chunks[1]]);
    story.end(0, chunks[1]);
    assert_eq!(story.said(), [results(chunks[1])], "what runs goes on");
}

#[test]
fn news_are_told_once_a_second_and_to_each_connection() {
    let mut story = Story::welcomed(1);
    let health = |load| Health {
        core_loads: vec![load; 2],
        ..Health::default()
    };
    let tell = |story: &mut Story, load| {
        story.worker.handle_health(story.now(), health(load));
        story.said()
    };
    assert_eq!(tell(&mut story, 10), [ToCoordinator::Health(health(10))]);
    assert_eq!(tell(&mut story, 20), []);
    story.later(NEWS_EVERY);
    assert_eq!(tell(&mut story, 10), [], "as it was told");
    assert_eq!(tell(&mut story, 30), [ToCoordinator::Health(health(30))]);
    let stock = Stock {
        modules: vec![Digest([1; 32]); 10_000],
        blobs: vec![Digest([2; 32])],
    };
    story.worker.handle_stock(story.now(), stock);
    let said = story.said();
    let [ToCoordinator::Stock(told)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!((told.modules.len(), told.blobs.len()), (128, 1));
    story.worker.handle_disconnected(story.now());
    assert_eq!(tell(&mut story, 40), [], "nobody listens");
    story.connect();
    story.hear(welcome(vec![]));
    let stock = ToCoordinator::Stock(told.clone());
    assert_eq!(story.said(), [ToCoordinator::Health(health(40)), stock]);
}
