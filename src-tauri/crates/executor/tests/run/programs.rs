//! Preview 1 programs: what they read, write, and end with.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sandbox::{Batch, End, Entry, Event, Program, SendError, Stdin, Task};

use crate::harness::{caps, hear, profile, programs, story, task};

const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func $write (param $fd i32) (param $at i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $len))
    (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
  (func $read (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $len))
    (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
    (i32.load (i32.const 8)))"#;

fn program(body: &str) -> String {
    format!("(module {IMPORTS} (func (export \"_start\") {body}))")
}

/// Copies its input to its output.
fn cat() -> String {
    program(
        "(local $n i32) (loop $l (local.set $n (call $read (i32.const 1024) (i32.const 65536)))
           (if (local.get $n) (then (call $write (i32.const 1) (i32.const 1024) (local.get $n)) (br $l))))",
    )
}

/// Writes its arguments, zero after each, then its environment.
fn told() -> String {
    program(
        "(drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
         (drop (call $args_get (i32.const 32) (i32.const 4096)))
         (call $write (i32.const 1) (i32.const 4096) (i32.load (i32.const 20)))
         (drop (call $environ_sizes_get (i32.const 16) (i32.const 20)))
         (drop (call $environ_get (i32.const 32) (i32.const 4096)))
         (call $write (i32.const 1) (i32.const 4096) (i32.load (i32.const 20)))",
    )
}

fn command() -> sandbox::Profile {
    profile(Entry::Command)
}

fn with_input(index: u64, stdin: Stdin) -> Task {
    Task {
        stdin,
        ..task(index)
    }
}

#[test]
fn a_batch_of_programs_reads_and_writes() {
    story(|bench| async move {
        let tasks = (0..64)
            .map(|i| with_input(i, Stdin::Bytes(Bytes::from(format!("item {i}")))))
            .collect();
        let heard = bench.run(&cat(), &command(), programs(tasks)).await;
        heard.all_done(64);
        for i in 0..64 {
            assert_eq!(heard.text(i), format!("item {i}"));
        }
        assert_eq!(heard.order, (0..64).collect::<Vec<_>>());
    });
}

#[test]
fn large_inputs_stream_from_bytes_and_from_files() {
    story(|bench| async move {
        let input: Vec<u8> = (0..5_000_000u32)
            .flat_map(|i| [(i % 251).to_le_bytes()[0]])
            .collect();
        let path = bench.dir.path().join("input");
        std::fs::write(&path, &input).expect("our folder");
        let open = || std::fs::File::open(&path).expect("our file");
        let len = input.len() as u64;
        let tasks = vec![
            with_input(0, Stdin::Bytes(Bytes::from(input.clone()))),
            with_input(
                1,
                Stdin::File {
                    file: open(),
                    offset: 0,
                    len,
                },
            ),
            with_input(
                2,
                Stdin::File {
                    file: open(),
                    offset: 1_000_000,
                    len: 7,
                },
            ),
        ];
        let heard = bench.run(&cat(), &command(), programs(tasks)).await;
        heard.all_done(3);
        assert!(heard.stdout[&0] == input && heard.stdout[&1] == input);
        assert_eq!(heard.stdout[&2], input[1_000_000..1_000_007]);
    });
}

#[test]
fn input_that_a_program_does_not_read_is_left_out() {
    story(|bench| async move {
        let text = program(
            "(call $write (i32.const 1) (i32.const 1024) (call $read (i32.const 1024) (i32.const 3)))",
        );
        let input = Bytes::from(vec![b'a'; 1_000_000]);
        let tasks = (0..3)
            .map(|i| with_input(i, Stdin::Bytes(input.clone())))
            .collect();
        let heard = bench.run(&text, &command(), programs(tasks)).await;
        heard.all_done(3);
        for i in 0..3 {
            assert_eq!(heard.text(i), "aaa");
        }
    });
}

#[test]
fn an_input_that_vanished_fails_its_task_and_no_other() {
    story(|bench| async move {
        let path = bench.dir.path().join("short");
        std::fs::write(&path, b"12").expect("our folder");
        let file = std::fs::File::open(&path).expect("our file");
        let tasks = vec![
            with_input(
                0,
                Stdin::File {
                    file,
                    offset: 0,
                    len: 100,
                },
            ),
            with_input(1, Stdin::Bytes(Bytes::new())),
        ];
        let heard = bench.run(&cat(), &command(), programs(tasks)).await;
        assert!(
            matches!(&heard.ends[&0], End::HostRefused { message } if message.contains("input"))
        );
        assert_eq!(heard.gone.expect("the executor was ended").0, [1]);
    });
}

#[test]
fn arguments_and_environment_are_shared_added_and_replaced() {
    story(|bench| async move {
        let shared = Program {
            argv: vec!["p".to_owned(), "shared".to_owned()],
            env: vec![("A".to_owned(), "1".to_owned())],
        };
        let mut own = task(1);
        own.argv = Some(vec!["p".to_owned(), "own".to_owned()]);
        own.env = vec![("SKEP_TASK_INDEX".to_owned(), "1".to_owned())];
        let batch = Batch::Programs {
            caps: caps(),
            shared: Arc::new(shared),
            tasks: vec![task(0), own],
        };
        let heard = bench.run(&told(), &command(), batch).await;
        assert_eq!(heard.text(0), "p\0shared\0A=1\0");
        assert_eq!(heard.text(1), "p\0own\0A=1\0SKEP_TASK_INDEX=1\0");
    });
}

#[test]
fn output_of_a_task_that_goes_on_is_seen() {
    story(|bench| async move {
        // Writes, then sleeps for an hour.
        let text = program(
            "(i32.store (i32.const 1024) (i32.const 0x0a6968))
             (call $write (i32.const 1) (i32.const 1024) (i32.const 3))
             (i32.store (i32.const 64) (i32.const 1)) (i64.store (i32.const 72) (i64.const 3600000000000))
             (drop (call $poll (i32.const 48) (i32.const 200) (i32.const 1) (i32.const 300)))",
        );
        let mut executor = bench.executor(&text, &command()).await;
        executor.send(programs(vec![task(9)])).await.expect("taken");
        let (mut started, mut shown) = (false, false);
        while !(started && shown) {
            let event = executor.next().await;
            if let Event::Stdout { index: 9, bytes } = event {
                shown = bytes == "hi\n";
            } else {
                assert!(matches!(event, Event::Started { index: 9 }), "{event:?}");
                started = true;
            }
        }
        executor.kill();
        let heard = hear(&mut executor, 1).await;
        assert!(heard.ends.is_empty(), "the node knows what it killed");
        assert_eq!(heard.gone.expect("gone").0, Vec::<u64>::new());
        assert!(matches!(
            executor.send(programs(vec![task(0)])).await,
            Err(SendError::Gone)
        ));
    });
}

#[test]
fn a_second_batch_may_be_given_ahead_and_no_third() {
    story(|bench| async move {
        let mut executor = bench.executor(&cat(), &command()).await;
        let batch = |from: u64| {
            let input = |i: u64| Stdin::Bytes(Bytes::from(i.to_string()));
            programs((from..from + 64).map(|i| with_input(i, input(i))).collect())
        };
        executor.send(batch(0)).await.expect("the first");
        executor.send(batch(64)).await.expect("the second");
        assert!(matches!(
            executor.send(batch(128)).await,
            Err(SendError::Full)
        ));
        let heard = hear(&mut executor, 2).await;
        heard.all_done(128);
        executor
            .send(batch(128))
            .await
            .expect("there is room again");
        hear(&mut executor, 1).await.all_done(64);
    });
}

#[test]
fn batches_that_cannot_be_are_refused() {
    story(|bench| async move {
        let mut executor = bench.executor(&cat(), &command()).await;
        let none = executor.send(programs(Vec::new())).await;
        assert!(matches!(none, Err(SendError::Size { count: 0, .. })));
        let many = executor.send(programs((0..65).map(task).collect())).await;
        assert!(matches!(many, Err(SendError::Size { count: 65, .. })));
        let mut long = task(0);
        long.argv = Some(vec!["x".repeat(70_000)]);
        let long = executor.send(programs(vec![long])).await;
        assert!(matches!(long, Err(SendError::Arguments { .. })));
        let mut filed = task(0);
        filed.files = Some(Vec::new());
        assert!(matches!(
            executor.send(programs(vec![filed])).await,
            Err(SendError::Mismatch)
        ));
        let calls = crate::harness::calls(Vec::new(), None, 0, 1);
        assert!(matches!(
            executor.send(calls).await,
            Err(SendError::Mismatch)
        ));
        executor
            .send(programs(vec![task(0)]))
            .await
            .expect("it still takes a good one");
        hear(&mut executor, 1).await.all_done(1);
    });
}

#[test]
fn the_deadline_ends_the_task_that_is_over_it_and_names_the_others() {
    story(|bench| async move {
        // Reads a byte; where it is `s` it spins.
        let text = program(
            "(drop (call $read (i32.const 1024) (i32.const 1)))
             (if (i32.eq (i32.load8_u (i32.const 1024)) (i32.const 115)) (then (loop $l (br $l))))
             (call $write (i32.const 1) (i32.const 1024) (i32.const 1))",
        );
        let mut executor = bench.executor(&text, &command()).await;
        let limit = Duration::from_millis(300);
        let batch = |from: u64| {
            let input = |i: u64| if i == 5 { "s" } else { "q" };
            let tasks = (from..from + 8)
                .map(|i| with_input(i, Stdin::Bytes(Bytes::from(input(i)))))
                .collect();
            let caps = sandbox::Caps {
                task_time: Some(limit),
                ..caps()
            };
            Batch::Programs {
                caps,
                shared: Arc::new(Program::default()),
                tasks,
            }
        };
        executor.send(batch(0)).await.expect("taken");
        executor.send(batch(8)).await.expect("taken");
        let heard = hear(&mut executor, 2).await;
        assert_eq!(heard.ends[&5], End::DeadlineExceeded { limit });
        let (unstarted, _) = heard.gone.expect("the process was killed");
        // Answers that were still on their way are given again.
        let told: Vec<u64> = heard
            .ends
            .keys()
            .copied()
            .filter(|index| *index != 5)
            .collect();
        let mut all: Vec<u64> = told.iter().chain(&unstarted).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..16).filter(|index| *index != 5).collect::<Vec<_>>());
        assert!(unstarted.ends_with(&(6..16).collect::<Vec<_>>()));
        assert!(executor.spent());
    });
}

#[test]
fn progress_is_passed_on() {
    story(|bench| async move {
        let text = r#"(module (import "skep" "progress" (func $progress (param i32)))
            (func (export "_start") (call $progress (i32.const 250)) (call $progress (i32.const 9999))))"#;
        let heard = bench.run(text, &command(), programs(vec![task(3)])).await;
        heard.all_done(1);
        assert_eq!(heard.progress.first(), Some(&(3, 250)));
        assert!(
            heard
                .progress
                .iter()
                .all(|(_, per_mille)| *per_mille <= 1000)
        );
    });
}

#[test]
fn a_trap_names_its_functions() {
    story(|bench| async move {
        let text =
            "(module (func $inner unreachable) (func $outer (export \"_start\") (call $inner)))";
        let heard = bench.run(text, &command(), programs(vec![task(0)])).await;
        let End::Trap { message, backtrace } = &heard.ends[&0] else {
            panic!("{heard:?}")
        };
        assert!(message.contains("unreachable"), "{message}");
        assert_eq!(backtrace, &["inner", "outer"]);
    });
}

#[test]
fn fuel_ends_a_loop_and_lets_a_short_program_through() {
    story(|bench| async move {
        let metered = sandbox::Profile {
            fuel: true,
            ..command()
        };
        let text = "(module (func (export \"_start\") (loop $l (br $l))))";
        let batch = |fuel| {
            let caps = sandbox::Caps { fuel, ..caps() };
            Batch::Programs {
                caps,
                shared: Arc::new(Program::default()),
                tasks: vec![task(0)],
            }
        };
        let heard = bench.run(text, &metered, batch(Some(1_000_000))).await;
        assert_eq!(heard.ends[&0], End::OutOfFuel);
        bench
            .run(&cat(), &metered, batch(Some(1_000_000)))
            .await
            .all_done(1);
        bench.run(&cat(), &metered, batch(None)).await.all_done(1);
    });
}

#[test]
fn nothing_of_a_task_is_left_for_the_next() {
    story(|bench| async move {
        // Exits with 1 where memory or a global is not as the module says.
        let text = r#"(module (memory (export "memory") 64) (data (i32.const 9) "\2a") (global $g (mut i32) (i32.const 7))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (func (export "_start") (local $at i32)
              (if (i32.ne (i32.load8_u (i32.const 9)) (i32.const 42)) (then (call $exit (i32.const 1))))
              (if (i32.ne (global.get $g) (i32.const 7)) (then (call $exit (i32.const 2))))
              (local.set $at (i32.const 65536))
              (loop $l
                (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (call $exit (i32.const 3))))
                (i64.store (local.get $at) (i64.const -1))
                (local.set $at (i32.add (local.get $at) (i32.const 512)))
                (br_if $l (i32.lt_u (local.get $at) (i32.const 4194304))))
              (i32.store8 (i32.const 9) (i32.const 1)) (global.set $g (i32.const 8))
              (drop (memory.grow (i32.const 100)))))"#;
        let text = text.replacen("(module (memory", "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory", 1)
            .replacen("\n            (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))", "", 1);
        bench
            .run(&text, &command(), programs((0..64).map(task).collect()))
            .await
            .all_done(64);
    });
}

#[test]
fn one_compilation_serves_all_who_ask_at_once() {
    story(|bench| async move {
        let (text, profile) = (cat(), command());
        let ask = || bench.prepare(&text, &profile);
        let _all = tokio::join!(ask(), ask(), ask(), ask());
        let entries = std::fs::read_dir(bench.dir.path().join("cache"))
            .expect("the cache")
            .count();
        assert_eq!(entries, 1);
    });
}

#[test]
fn a_main_without_a_runtime_is_a_program() {
    story(|bench| async move {
        for (text, code) in [
            ("(module (func (export \"main\")))", 0),
            (
                "(module (func (export \"main\") (result i32) (i32.const 3)))",
                3,
            ),
            (
                "(module (func (export \"main\") (param i32 i32) (result i32) (i32.add (local.get 0) (i32.const 4))))",
                4,
            ),
            ("(module (func (export \"main\") (param i32 i32)))", 0),
        ] {
            let heard = bench.run(text, &command(), programs(vec![task(0)])).await;
            assert_eq!(heard.ends[&0], End::Exit { code }, "{text}");
        }
        let text = "(module (func (export \"main\") (param f32)))";
        let heard = bench.run(text, &command(), programs(vec![task(0)])).await;
        assert!(
            matches!(heard.ends[&0], End::AbiViolation { .. }),
            "{heard:?}"
        );
    });
}
