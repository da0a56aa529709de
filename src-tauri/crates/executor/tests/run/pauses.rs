//! Executors that stand back: at idle priority, and stopped while somebody
//! needs the machine.

use std::time::{Duration, Instant};

use sandbox::{Entry, Event, Executor, Priority, Profile, Sandbox};

use crate::harness::{binary, digest, hear, options, profile, programs, story, task};

/// Rounds of [`churn`]: a second or so of work.
const ROUNDS: u32 = 300_000_000;

/// Writes what its rounds of [`churn`] come to, eight bytes.
fn work() -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (local $state i64)
    (local.set $state (i64.const 1))
    (loop $l
      (local.set $state (i64.add (i64.mul (local.get $state) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const {ROUNDS}))))
    (i64.store (i32.const 64) (local.get $state))
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 8))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#
    )
}

/// The same in this process.
fn churn() -> u64 {
    (0..ROUNDS).fold(1, |state: u64, _| {
        state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407)
    })
}

/// Says that it sleeps, does so for half a second, and says that it woke.
const SLEEPER: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 512) "sleeps, ") (data (i32.const 520) "woke")
  (func $say (param $from i32) (param $bytes i32)
    (i32.store (i32.const 0) (local.get $from)) (i32.store (i32.const 4) (local.get $bytes))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "_start")
    (call $say (i32.const 512) (i32.const 8))
    (i32.store (i32.const 80) (i32.const 1)) (i64.store (i32.const 88) (i64.const 500000000))
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256)))
    (call $say (i32.const 520) (i32.const 4))))"#;

/// The words of `/proc/PID/stat` from the state on, which is word 3 of all.
fn stat(executor: &Executor) -> Vec<String> {
    let path = format!("/proc/{}/stat", executor.pid());
    let text = std::fs::read_to_string(path).expect("it lives");
    let (_, words) = text.rsplit_once(')').expect("after its name");
    words.split_whitespace().map(str::to_owned).collect()
}

fn is_stopped(executor: &Executor) -> bool {
    stat(executor)[0] == "T"
}

fn is_asleep(executor: &Executor) -> bool {
    stat(executor)[0] == "S"
}

/// Ticks of processor time that it had, its own and the system's for it.
fn ticks(executor: &Executor) -> u64 {
    let words = stat(executor);
    let count = |word: usize| words[word - 3].parse::<u64>().expect("a count");
    count(14) + count(15)
}

#[test]
fn stopped_executors_hold_and_go_on_with_nothing_lost() {
    story(|bench| async move {
        let prepared = bench.prepare(&work(), &profile(Entry::Command)).await;
        let mut executors = Vec::new();
        for _ in 0..2 {
            let mut executor = bench.sandbox.spawn(&prepared).await.expect("an executor");
            // One batch is worked on, the other waits in the socket.
            executor.send(programs(vec![task(0)])).await.expect("taken");
            executor.send(programs(vec![task(1)])).await.expect("ahead");
            executors.push(executor);
        }
        while executors.iter().any(|executor| ticks(executor) == 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for executor in &mut executors {
            executor.stop();
        }
        let asked = Instant::now();
        while !executors.iter().all(is_stopped) {
            assert!(asked.elapsed() < Duration::from_secs(10), "one goes on");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let before: Vec<u64> = executors.iter().map(ticks).collect();
        // Nothing is told of them meanwhile, and nothing is done.
        for executor in &mut executors {
            let told = tokio::time::timeout(Duration::from_millis(200), executor.next()).await;
            assert!(
                matches!(told, Err(_) | Ok(sandbox::Event::Started { .. })),
                "{told:?}"
            );
        }
        let after: Vec<u64> = executors.iter().map(ticks).collect();
        assert_eq!(before, after, "ticks of processor time");

        let right = churn().to_le_bytes();
        for executor in &mut executors {
            executor.resume();
        }
        for executor in &mut executors {
            let heard = hear(executor, 2).await;
            heard.all_done(2);
            for index in 0..2 {
                assert_eq!(heard.stdout[&index], right);
            }
            assert!(!executor.spent(), "it serves on");
        }
    });
}

/// A sleep that was interrupted so goes on by a system call of its own.
#[test]
fn a_guest_that_sleeps_while_it_is_stopped_wakes_after_it() {
    story(|bench| async move {
        for scratch in [false, true] {
            let profile = Profile {
                scratch,
                ..profile(Entry::Command)
            };
            let mut executor = bench.executor(SLEEPER, &profile).await;
            executor.send(programs(vec![task(0)])).await.expect("taken");
            // What it says is held back for a moment where it has files.
            loop {
                let said = tokio::time::timeout(Duration::from_millis(100), executor.next()).await;
                match said {
                    Ok(Event::Started { .. }) => {}
                    Ok(Event::Stdout { bytes, .. }) => assert_eq!(bytes, "sleeps, "),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) if is_asleep(&executor) => break,
                    Err(_) => {}
                }
            }
            executor.stop();
            while !is_stopped(&executor) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            executor.resume();
            let heard = hear(&mut executor, 1).await;
            heard.all_done(1);
            assert!(heard.text(0).ends_with("woke"), "scratch: {scratch}");
        }
    });
}

#[test]
fn an_idle_executor_asks_for_what_nobody_else_wants() {
    story(|bench| async move {
        for (priority, policy, nice, class) in [
            (Priority::Normal, libc::SCHED_OTHER, own_nice(), 0),
            (Priority::Idle, libc::SCHED_IDLE, 19, 3),
        ] {
            let options = sandbox::Options {
                priority,
                ..options(&bench.dir.path().join(priority.to_string()))
            };
            let sandbox = Sandbox::open(options).await.expect("a sandbox");
            let module = binary("(module (func (export \"_start\")))");
            let prepared = sandbox
                .prepare(digest(&module), module, &profile(Entry::Command))
                .await
                .expect("it compiles");
            let mut executor = sandbox.spawn(&prepared).await.expect("an executor");
            executor.send(programs(vec![task(0)])).await.expect("taken");
            hear(&mut executor, 1).await.all_done(1);
            let words = stat(&executor);
            assert_eq!(words[41 - 3], policy.to_string(), "{priority}: policy");
            assert_eq!(words[19 - 3], nice.to_string(), "{priority}: nice");
            let io = io_class(&executor);
            assert_eq!(io, class, "{priority}: class of its reads and writes");
        }
    });
}

/// What the executors of a test inherit.
fn own_nice() -> i32 {
    // SAFETY: a plain call on this process.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

fn io_class(executor: &Executor) -> i64 {
    const OF_PROCESS: libc::c_int = 1;
    // SAFETY: a plain call with numbers.
    let io = unsafe { libc::syscall(libc::SYS_ioprio_get, OF_PROCESS, executor.pid()) };
    assert!(io >= 0, "{}", std::io::Error::last_os_error());
    io >> 13
}
