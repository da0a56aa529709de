//! Kernels that do many tasks in one instance, as frames on their own streams.

use bytes::Bytes;
use sandbox::{End, Entry, Stdin, Task};

use crate::harness::{hear, profile, programs, story, task};

/// Reads frames and answers each with its own bytes, as many tasks as come. A
/// task whose input begins with `t` traps, with `x` exits with 3, with `w` is
/// answered under another index, with `h` is answered by half.
const ECHO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 32)
  (func $read (param $at i32) (param $n i32) (result i32) (local $got i32)
    (block $end (loop $l
      (br_if $end (i32.eqz (local.get $n)))
      (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $n))
      (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
      (local.set $got (i32.load (i32.const 8)))
      (if (i32.eqz (local.get $got)) (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (local.get $got)))
      (local.set $n (i32.sub (local.get $n) (local.get $got)))
      (br $l)))
    (i32.const 1))
  (func $write (param $at i32) (param $n i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $n))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
  (func (export "_start") (local $length i32) (local $first i32)
    (loop $next
      (if (i32.eqz (call $read (i32.const 1024) (i32.const 4))) (then (return)))
      (local.set $length (i32.load (i32.const 1024)))
      (if (i32.eqz (call $read (i32.const 1028) (local.get $length))) (then unreachable))
      (local.set $first (i32.const 0))
      (if (i32.gt_u (local.get $length) (i32.const 8)) (then (local.set $first (i32.load8_u (i32.const 1036)))))
      (if (i32.eq (local.get $first) (i32.const 116)) (then unreachable))
      (if (i32.eq (local.get $first) (i32.const 120)) (then (call $exit (i32.const 3))))
      (if (i32.eq (local.get $first) (i32.const 119)) (then (i32.store8 (i32.const 1028) (i32.const 250))))
      (if (i32.eq (local.get $first) (i32.const 104)) (then (call $write (i32.const 1024) (i32.const 13)) (call $exit (i32.const 0))))
      (call $write (i32.const 1024) (i32.add (local.get $length) (i32.const 4)))
      (br $next))))"#;

fn tasks(inputs: &[&str]) -> Vec<Task> {
    let with = |(i, input): (u64, &&str)| Task {
        stdin: Stdin::Bytes(Bytes::from((*input).to_owned())),
        ..task(i)
    };
    (0..).zip(inputs).map(with).collect()
}

#[test]
fn a_batch_is_done_in_one_instance() {
    story(|bench| async move {
        let long = "l".repeat(200_000);
        let inputs = ["one", "", &long, "four"];
        let mut executor = bench.executor(ECHO, &profile(Entry::Kernel)).await;
        for _ in 0..3 {
            executor
                .send(programs(tasks(&inputs)))
                .await
                .expect("taken");
            let heard = hear(&mut executor, 1).await;
            heard.all_done(4);
            for (i, input) in (0..).zip(inputs) {
                assert_eq!(heard.text(i), input);
            }
        }
        let many: Vec<String> = (0..64).map(|i| format!("item {i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        executor.send(programs(tasks(&many))).await.expect("taken");
        executor
            .send(programs(tasks(&many)))
            .await
            .expect("taken ahead");
        let heard = hear(&mut executor, 1).await;
        heard.all_done(64);
        hear(&mut executor, 1).await.all_done(64);
        assert_eq!(heard.text(63), "item 63");
    });
}

#[test]
fn what_goes_wrong_fails_its_task_and_gives_the_rest_back() {
    story(|bench| async move {
        for (input, ended) in [
            ("trap", "Trap"),
            ("x", "Exit"),
            ("wrong", "AbiViolation"),
            ("half an answer", "AbiViolation"),
        ] {
            let mut executor = bench.executor(ECHO, &profile(Entry::Kernel)).await;
            executor
                .send(programs(tasks(&["a", "b", input, "d", "e"])))
                .await
                .expect("taken");
            let heard = hear(&mut executor, 1).await;
            assert!(
                heard.ends[&0].is_done() && heard.ends[&1].is_done(),
                "{input}"
            );
            assert_eq!(heard.text(1), "b");
            assert!(
                format!("{:?}", heard.ends[&2]).starts_with(ended),
                "{input}: {heard:?}"
            );
            assert_eq!(
                heard.gone.expect("a successor takes the rest").0,
                [3, 4],
                "{input}"
            );
        }
    });
}

#[test]
fn a_kernel_that_stops_early_fails_the_task_it_left() {
    story(|bench| async move {
        let text = "(module (func (export \"_start\")))";
        let heard = bench
            .run(text, &profile(Entry::Kernel), programs(tasks(&["a", "b"])))
            .await;
        assert!(
            matches!(&heard.ends[&0], End::AbiViolation { message } if message.contains("every task"))
        );
        assert_eq!(heard.gone.expect("gone").0, [1]);
    });
}
