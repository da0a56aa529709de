//! What this machine gives, paused and resumed by the window and by the tray.

use crate::session::{Session, wait};
use crate::stories::{button, ended, result, skip_welcome, status};
use api::{JobState, MachineState, Reply, Request};
use std::time::Duration;

/// Sleeps for half a second and says so. Asleep, it is stopped where it is, as
/// anything else that runs.
const SLEEPER: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 512) "slept\n")
  (func (export "_start")
    (i32.store (i32.const 80) (i32.const 1)) (i64.store (i32.const 88) (i64.const 500000000))
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256)))
    (i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
"#;
const TASKS: u32 = 40;
/// Longer than a task: none that goes on stays unseen.
const LONGER: Duration = Duration::from_secs(2);
const UNTIL_RESUMED: &str = "Paused: until you resume it";

/// Tasks that have ended, and those that failed or were lost on the way.
fn counts(session: &Session, job: &str) -> (u32, u32) {
    let request = Request::Tasks {
        job: job.to_owned(),
        from: 0,
        limit: TASKS,
    };
    wait("the tasks are told", || {
        let (Reply::Tasks { tasks, .. }, _) = session.ask(request.clone())? else {
            return None;
        };
        let done = tasks
            .iter()
            .filter(|task| task.state == api::TaskState::Done);
        let blamed = tasks.iter().map(|task| task.failures + task.losses).sum();
        Some((u32::try_from(done.count()).ok()?, blamed))
    })
}

#[test]
fn the_window_pauses_this_machine_and_nothing_is_lost() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    let job = session.submit("sleepers", SLEEPER, TASKS);
    wait("it has begun", || {
        (counts(&session, &job).0 > 0).then_some(())
    });

    page.run("location.hash = '#/settings/machine'");
    page.reads("Why isn't it working?");
    page.click(&button("Pause this machine"));
    page.click("//*[@role='menuitem'][normalize-space()='Pause until I resume']");
    page.reads(UNTIL_RESUMED);
    // One sentence, wherever it is asked.
    session.tray.line(UNTIL_RESUMED);
    session.tray.line("Resume");
    let paused = wait("it answers", || status(&session));
    assert_eq!(paused.contribution.reason, UNTIL_RESUMED);
    assert_eq!(paused.machines[0].reason, UNTIL_RESUMED);
    assert_eq!(paused.machines[0].state, MachineState::Paused);

    std::thread::sleep(LONGER);
    let held = counts(&session, &job);
    std::thread::sleep(LONGER);
    assert_eq!(counts(&session, &job), held);
    assert!(held.0 < TASKS, "{held:?}");

    page.click(&button("Resume"));
    let ended = ended(&session, "sleepers");
    assert_eq!((ended.state, ended.tasks.done), (JobState::Done, TASKS));
    assert_eq!(counts(&session, &job), (TASKS, 0));
    assert_eq!(result(&session, &ended, TASKS - 1), b"slept\n");
    page.reads("Waiting for work");

    // The tray pauses by the clock, and the window shows until when.
    session.tray.click("Pause for 1 hour");
    let reason = wait("it is paused", || {
        let now = status(&session)?.contribution;
        now.paused_until_ms.map(|_| now.reason)
    });
    assert!(reason.starts_with("Paused: until "), "{reason}");
    page.reads(&reason);
    session.tray.click("Resume (1 h left)");
    page.reads("Waiting for work");
    session.tray.line("Pause until tomorrow");
}
