//! Cases 1 to 12: modules that take for ever.

use crate::harness::{Bench, Case, peak_bytes, watch};
use sandbox::End;
use std::time::Duration;

const POLL: &str = r#"(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)"#;

/// A clock subscription at 0: relative unless `flags` is 1; nanoseconds.
fn sleep(nanoseconds: i64, flags: i32) -> String {
    format!(
        "(i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const {nanoseconds}))
         (i32.store16 (i32.const 40) (i32.const {flags}))
         (drop (call $poll (i32.const 0) (i32.const 104) (i32.const 1) (i32.const 200)))"
    )
}

#[test]
fn case_1_a_loop_in_main() {
    let case = Case::command(r#"(module (func (export "_start") (loop $l (br $l))))"#);
    Bench::new().run(&case).unwrap().is_over_its_deadline();
}

#[test]
fn case_2_a_loop_in_the_start_function() {
    let case = Case::command(
        r#"(module (func $s (loop $l (br $l))) (start $s) (func (export "_start")))"#,
    );
    Bench::new().run(&case).unwrap().is_over_its_deadline();
}

#[test]
fn case_3_a_loop_in_what_is_called_first() {
    let bench = Bench::new();
    let case = Case::function(
        r#"(module (global (mut i32) (i32.const 0)) (func (export "_initialize") (loop $l (br $l))) (func (export "f")))"#,
        "f",
    );
    bench.run(&case).unwrap().is_over_its_deadline();
    let case = Case::bytes(
        r#"(module (memory (export "memory") 1)
             (func (export "skep_alloc") (param i32) (result i32) (loop $l (br $l)) (i32.const 0))
             (func (export "skep_run") (param i32 i32) (result i64) (i64.const 0)))"#,
        b"x",
    );
    bench.run(&case).unwrap().is_over_its_deadline();
}

#[test]
fn case_3_a_loop_in_what_surrounds_a_components_call() {
    let bench = Bench::new();
    // After the call: the host has the result and gives back its memory.
    let post_return = r#"(component
  (core module $m
    (func (export "run") (result i32) (i32.const 0))
    (func (export "post") (param i32) (loop $l (br $l))))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run") (post-return (core func $i "post"))))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#;
    // In the middle: the host asks for room for the arguments.
    let realloc = r#"(component
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))
  (core module $memory (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) (i32.const 8)))
  (core instance $mem (instantiate $memory))
  (core func $get (canon lower (func $environment "get-arguments")
    (memory (core memory $mem "memory")) (realloc (core func $mem "cabi_realloc"))))
  (core module $m (import "w" "get" (func $get (param i32)))
    (func (export "run") (result i32) (call $get (i32.const 16)) (i32.const 0)))
  (core instance $i (instantiate $m (with "w" (instance (export "get" (func $get))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#;
    for text in [post_return, realloc] {
        bench
            .run(&Case::component(text))
            .unwrap()
            .is_over_its_deadline();
    }
}

#[test]
fn case_4_recursion_without_end() {
    let case = Case::command(r#"(module (func $f (export "_start") (call $f)))"#).patient();
    Bench::new().run(&case).unwrap().traps("stack");
}

#[test]
fn case_5_recursion_by_tail_calls() {
    let case = Case::command(
        r#"(module (func $a (export "_start") (return_call $b)) (func $b (return_call $a)))"#,
    );
    Bench::new().run(&case).unwrap().is_over_its_deadline();
}

#[test]
fn case_6_a_sleep_of_decades_can_be_ended_and_stopped() {
    let bench = Bench::new();
    let text = format!(
        "(module {POLL} (func (export \"_start\") {}))",
        sleep(1_000_000_000_000_000_000, 0)
    );
    bench
        .run(&Case::command(&text))
        .unwrap()
        .is_over_its_deadline();

    // Cancelled: gone long before its deadline.
    let case = Case::command(&text).patient();
    let cancel = async {
        let mut executor = bench.begin(&case).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        executor.stop();
        tokio::time::sleep(Duration::from_millis(50)).await;
        executor.resume();
        executor.kill();
        loop {
            let event = executor.next().await;
            if matches!(event, sandbox::Event::Gone { .. }) {
                break;
            }
            // Its deadline would end it as well, a minute later.
            let late = matches!(
                event,
                sandbox::Event::Ended {
                    end: End::DeadlineExceeded { .. },
                    ..
                }
            );
            assert!(!late, "the kill did nothing: {event:?}");
        }
    };
    bench.beside(|| bench.runtime.block_on(cancel));
}

#[test]
fn case_6_stopped_time_does_not_count() {
    let bench = Bench::new();
    let text = format!(
        "(module {POLL} (func (export \"_start\") {}))",
        sleep(600_000_000, 0)
    );
    let mut case = Case::command(&text);
    case.caps.task_time = Some(Duration::from_secs(3));
    let pause = async {
        let mut executor = bench.begin(&case).await;
        executor.stop();
        tokio::time::sleep(Duration::from_secs(4)).await;
        executor.resume();
        let seen = watch(&mut executor).await;
        assert!(
            seen.end.is_done(),
            "stopped for longer than its limit, it still ends well: {seen:?}"
        );
    };
    bench.beside(|| bench.runtime.block_on(pause));
}

#[test]
fn case_7_odd_polls() {
    let bench = Bench::new();
    // No subscriptions: an error number, no spin.
    let text = format!(
        "(module {POLL} (func (export \"_start\") (call $exit (call $poll (i32.const 0) (i32.const 104) (i32.const 0) (i32.const 200)))))"
    );
    let seen = bench.run(&Case::command(&text).patient()).unwrap();
    assert!(
        matches!(seen.end, End::Exit { code: 28 }),
        "EINVAL: {seen:?}"
    );
    // More than there can be: a typed end.
    let text = format!(
        "(module {POLL} (func (export \"_start\") (call $exit (call $poll (i32.const 0) (i32.const 104) (i32.const -2147483648) (i32.const 200)))))"
    );
    let seen = bench.run(&Case::command(&text).patient()).unwrap();
    assert!(
        matches!(seen.end, End::Trap { .. } | End::Exit { code: 1.. }),
        "{seen:?}"
    );
    // A moment that has passed: it returns.
    let text = format!("(module {POLL} (func (export \"_start\") {}))", sleep(1, 1));
    let seen = bench.run(&Case::command(&text).patient()).unwrap();
    assert!(seen.end.is_done(), "{seen:?}");
}

#[test]
fn case_8_a_billion_short_sleeps() {
    let text = format!(
        "(module {POLL} (func (export \"_start\") (loop $l {} (br $l))))",
        sleep(1, 0)
    );
    Bench::new()
        .run(&Case::command(&text))
        .unwrap()
        .is_over_its_deadline();
}

#[test]
fn case_9_bulk_operations() {
    let bench = Bench::new();
    for body in [
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 200000000))",
        "(memory.copy (i32.const 0) (i32.const 100000000) (i32.const 100000000))",
        "(table.fill $t (i32.const 0) (ref.null func) (i32.const 10000))",
    ] {
        let text = format!(
            r#"(module (memory 3100) (table $t 10000 funcref) (func (export "_start") (loop $l {body} (br $l))))"#
        );
        bench
            .run(&Case::command(&text))
            .unwrap()
            .is_over_its_deadline();
    }
}

#[test]
fn cases_10_and_11_floods_of_host_calls() {
    let bench = Bench::new();
    for (import, call) in [
        (
            "\"fd_write\" (func $f (param i32 i32 i32 i32) (result i32))",
            "(i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)",
        ),
        (
            "\"clock_time_get\" (func $f (param i32 i64 i32) (result i32))",
            "(i32.const 1) (i64.const 0) (i32.const 8)",
        ),
        (
            "\"random_get\" (func $f (param i32 i32) (result i32))",
            "(i32.const 64) (i32.const 1024)",
        ),
    ] {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" {import}) (memory (export "memory") 1)
                 (func (export "_start") (loop $l (drop (call $f {call})) (br $l))))"#
        );
        let seen = bench.run(&Case::command(&text)).unwrap();
        seen.is_over_its_deadline();
        assert_eq!(seen.stdout, b"");
    }
}

/// Executors that did a million empty writes, and one that did ten, differ by less.
const GROWTH_BYTES_MAX: u64 = 8 << 20;

#[test]
fn case_10_empty_writes_cost_the_executor_no_memory() {
    let bench = Bench::new();
    let peak = |writes: u32| {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                 (memory (export "memory") 1)
                 (func (export "_start") (local $i i32)
                   (loop $l (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                     (local.set $i (i32.add (local.get $i) (i32.const 1)))
                     (br_if $l (i32.lt_u (local.get $i) (i32.const {writes}))))))"#
        );
        let case = Case::command(&text).patient();
        bench.runtime.block_on(async {
            let mut executor = bench.begin(&case).await;
            let seen = watch(&mut executor).await;
            assert!(seen.end.is_done(), "{seen:?}");
            peak_bytes(executor.pid())
        })
    };
    let (few, many) = bench.beside(|| (peak(10), peak(1_000_000)));
    assert!(many < few + GROWTH_BYTES_MAX, "{few} bytes, then {many}");
}

#[test]
fn case_12_a_component_that_waits_for_ever() {
    let case = Case::component(
        r#"(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $pp (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pp))))))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "w" "block" (func $block (param i32)))
    (import "w" "subscribe" (func $subscribe (param i64) (result i32)))
    (func (export "run") (result i32) (call $block (call $subscribe (i64.const -1))) (i32.const 0)))
  (core instance $i (instantiate $m (with "w" (instance
    (export "block" (func $block)) (export "subscribe" (func $subscribe))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#,
    );
    Bench::new().run(&case).unwrap().is_over_its_deadline();
}

#[test]
fn an_executor_serves_on_after_a_trap() {
    let bench = Bench::new();
    let case = Case::command(r#"(module (func (export "_start") unreachable))"#).patient();
    bench.runtime.block_on(async {
        let mut executor = bench.begin(&case).await;
        watch(&mut executor).await.traps("unreachable");
        let process = executor.pid();
        for _ in 0..5 {
            executor.send(case.batch()).await.unwrap();
            watch(&mut executor).await.traps("unreachable");
        }
        assert_eq!(executor.pid(), process, "a typed trap costs no process");
    });
}
