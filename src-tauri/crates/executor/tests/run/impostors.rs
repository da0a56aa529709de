//! Case 62: executors that break the protocol. The parent tells a typed end,
//! gives back the tasks that never began, and stays as it was.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sandbox::{Batch, Caps, End, Entry, Event, Program, Sandbox, Stdin, Task};

use crate::harness::{
    Bench, Heard, binary, caps, digest, example, hear, options, profile, story, task,
};

/// A sandbox whose executor is the impostor of this name.
async fn sandbox(bench: &Bench, name: &str) -> Sandbox {
    let executor = bench.dir.path().join(name);
    std::os::unix::fs::symlink(example("impostor"), &executor).expect("our folder");
    let own = bench.dir.path().join(format!("of-{name}"));
    let options = sandbox::Options {
        executor,
        ..options(&own)
    };
    Sandbox::open(options).await.expect("it passes for one")
}

/// Gives it two tasks and listens to its end.
async fn meet(bench: &Bench, name: &str, caps: Caps) -> Heard {
    let sandbox = sandbox(bench, name).await;
    let module = binary("(module (func (export \"_start\")))");
    let prepared = sandbox
        .prepare(digest(&module), module, &profile(Entry::Command))
        .await
        .expect("something like code");
    let mut executor = sandbox.spawn(&prepared).await.expect("it starts");
    let input = Stdin::Bytes(Bytes::from(vec![b'i'; 1 << 20]));
    let tasks = vec![
        Task {
            stdin: input,
            ..task(0)
        },
        task(1),
    ];
    let shared = Arc::new(Program::default());
    executor
        .send(Batch::Programs {
            caps,
            shared,
            tasks,
        })
        .await
        .expect("taken");
    let heard = hear(&mut executor, 1).await;
    assert!(
        heard.gone.is_some(),
        "{name}: it was let live: {:?}",
        heard.ends
    );
    assert!(executor.spent());
    assert!(
        matches!(executor.next().await, Event::Gone { .. }),
        "{name}"
    );
    heard
}

#[test]
fn nonsense_ends_the_executor_and_blames_it() {
    story(|bench| async move {
        for name in [
            "garbage",
            "huge-frame",
            "empty-frame",
            "unknown-frame",
            "down-frame",
            "early-idle",
            "results-of-programs",
            "hangs-up",
            "exits",
        ] {
            let heard = meet(&bench, name, caps()).await;
            let crashed = matches!(heard.ends.get(&0), Some(End::Crashed { .. }));
            assert!(crashed, "{name}: {:?}", heard.ends);
            assert_eq!(heard.gone.expect("gone").0, [1], "{name}");
        }
    });
}

#[test]
fn answers_that_nobody_asked_for_are_not_taken() {
    story(|bench| async move {
        let heard = meet(&bench, "too-many-answers", caps()).await;
        // Two answers were due; what was said beyond them ended it.
        assert_eq!(heard.ends.len(), 2);
        assert_eq!(heard.gone.expect("gone").0, Vec::<u64>::new());
    });
}

#[test]
fn output_beyond_the_cap_is_not_taken() {
    story(|bench| async move {
        let small = Caps {
            output_bytes: 100_000,
            ..caps()
        };
        let heard = meet(&bench, "too-much-output", small).await;
        assert!(heard.stdout[&0].len() <= 100_000);
        assert!(matches!(heard.ends[&0], End::Crashed { .. }));
    });
}

#[test]
fn an_end_that_only_a_parent_tells_is_not_believed() {
    story(|bench| async move {
        let heard = meet(&bench, "blames-the-machine", caps()).await;
        let End::Crashed { message } = &heard.ends[&0] else {
            panic!("{:?}", heard.ends)
        };
        assert!(message.contains("not its to tell"), "{message}");
    });
}

#[test]
fn no_trick_with_the_clock_outlives_a_deadline() {
    story(|bench| async move {
        let short = Caps {
            task_time: Some(Duration::from_millis(200)),
            ..caps()
        };
        let meet = |name| meet(&bench, name, short.clone());
        let (a, b, c, d) = tokio::join!(
            meet("chatters"),
            meet("deaf"),
            meet("always-young"),
            meet("elsewhere"),
        );
        for heard in [a, b, c, d] {
            let limit = Duration::from_millis(200);
            assert_eq!(heard.ends[&0], End::DeadlineExceeded { limit });
            assert_eq!(heard.gone.expect("gone").0, [1]);
        }
    });
}
