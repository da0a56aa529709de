//! Cases 35 to 41: the contract between module and host.

use crate::harness::{Bench, Case};
use sandbox::inspect::{Refusal, Verdict, inspect};
use sandbox::{End, Entry};

#[test]
fn case_35_what_is_missing_is_named() {
    let bench = Bench::new();
    for (text, name) in [
        (
            r#"(module (import "env" "launch" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
            "launch",
        ),
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_teleport" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
            "fd_teleport",
        ),
        (
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i64))) (memory (export "memory") 1) (func (export "_start")))"#,
            "proc_exit",
        ),
        (
            r#"(module (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1) (func (export "_start")))"#,
            "wasi_unstable",
        ),
    ] {
        let case = Case::command(text).patient();
        let Verdict::Refuse(Refusal { message, .. }) = inspect(&case.module).verdict else {
            panic!("not refused: {text}")
        };
        assert!(message.contains(name), "{message}");
        // The executor says the same, should anybody ask it.
        match bench.run(&case) {
            Ok(seen) => assert!(
                matches!(&seen.end, End::LinkError { message } if message.contains(name)),
                "{seen:?}"
            ),
            Err(refused) => assert!(refused.0.contains(name), "{refused:?}"),
        }
    }
}

#[test]
fn case_35_what_a_component_misses_is_named() {
    let bench = Bench::new();
    for (import, name) in [
        (
            r#"(import "wasi:http/types@0.2.0" (instance (export "fields" (type (sub resource)))))"#,
            "wasi:http/types",
        ),
        (
            r#"(import "acme:moon/launch@1.0.0" (instance (export "go" (func))))"#,
            "acme:moon/launch",
        ),
        // There, but not of this type.
        (
            r#"(import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (param "x" u32) (result u64)))))"#,
            "wasi:random/random",
        ),
    ] {
        let case = Case::component(&format!(
            r#"(component {import}
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#
        ))
        .patient();
        let seen = bench.run(&case).unwrap();
        assert!(
            matches!(&seen.end, End::LinkError { message } if message.contains(name)),
            "{seen:?}"
        );
    }
}

#[test]
fn case_36_nothing_to_call() {
    let bench = Bench::new();
    for text in [
        "(module)",
        r#"(module (memory (export "memory") 1) (func))"#,
    ] {
        let case = Case::command(text).patient();
        assert!(
            matches!(inspect(&case.module).verdict, Verdict::Refuse(Refusal { code, .. }) if code.as_str() == "no_entry"),
            "{text}"
        );
        let seen = bench.run(&case).unwrap();
        assert!(matches!(seen.end, End::AbiViolation { .. }), "{seen:?}");
    }
}

#[test]
fn case_36_a_program_without_a_memory() {
    let bench = Bench::new();
    for text in [
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32))) (memory 1)
             (func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))))"#,
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
             (func (export "memory")) (func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))))"#,
    ] {
        let case = Case::command(text).patient();
        assert!(
            matches!(inspect(&case.module).verdict, Verdict::Refuse(Refusal { code, .. }) if code.as_str() == "abi_violation"),
            "{text}"
        );
        if let Ok(seen) = bench.run(&case) {
            assert!(
                matches!(seen.end, End::AbiViolation { .. } | End::Trap { .. }),
                "{seen:?}"
            );
        }
    }
    let mut many = String::from("(module (func $f)");
    for i in 0..10_000 {
        many.push_str(&format!("(export \"_start{i}\" (func $f))"));
    }
    many.push(')');
    assert!(!matches!(
        inspect(&crate::harness::binary(&many)).verdict,
        Verdict::Run
    ));
}

const BOTH: &str = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 9)))
  (func (export "skep_alloc") (param i32) (result i32) (i32.const 16))
  (func (export "skep_run") (param i32 i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

#[test]
fn case_37_both_ways_in() {
    let bench = Bench::new();
    let mut case = Case::command(BOTH).patient();
    assert!(matches!(
        bench.run(&case).unwrap().end,
        End::Exit { code: 9 }
    ));
    case.profile.entry = Entry::Bytes;
    case.stdin = "as bytes".into();
    let seen = bench.run(&case).unwrap();
    assert!(seen.end.is_done() && seen.stdout == b"as bytes", "{seen:?}");
}

/// A bytes function that allocates at `at` and answers `result`.
fn bytes_function(at: &str, result: &str) -> Case {
    Case::bytes(
        &format!(
            r#"(module (memory (export "memory") 1)
                 (func (export "skep_alloc") (param i32) (result i32) {at})
                 (func (export "skep_run") (param i32 i32) (result i64) {result}))"#
        ),
        b"0123456789",
    )
    .patient()
}

#[test]
fn case_38_places_for_the_input_that_are_none() {
    let bench = Bench::new();
    for at in [
        "(i32.const -1)",
        "(i32.const 65536)",
        "(i32.const 65527)",
        "(i32.const 2147483647)",
    ] {
        let seen = bench.run(&bytes_function(at, "(i64.const 0)")).unwrap();
        assert!(
            matches!(seen.end, End::AbiViolation { .. }),
            "{at}: {seen:?}"
        );
    }
    // Odd but inside: it is the guest's own memory.
    for at in ["(i32.const 0)", "(i32.const 65526)", "(i32.const 13)"] {
        let seen = bench.run(&bytes_function(at, "(i64.const 0)")).unwrap();
        assert!(seen.end.is_done(), "{at}: {seen:?}");
    }
}

#[test]
fn case_39_results_outside_memory() {
    let bench = Bench::new();
    for result in [
        "(i64.const 0x0001000000000001)", // at the end
        "(i64.const 0x0000ffff00000002)", // across the end
        "(i64.const 0x00000008fffffff)",  // longer than memory
        "(i64.const 0xffffffff00000010)", // wraps
    ] {
        let seen = bench.run(&bytes_function("(i32.const 0)", result)).unwrap();
        assert!(
            matches!(seen.end, End::AbiViolation { .. } | End::OutputLimit { .. }),
            "{result}: {seen:?}"
        );
    }
    let seen = bench
        .run(&bytes_function(
            "(i32.const 0)",
            "(i64.const 0x0001000000000001)",
        ))
        .unwrap();
    assert!(matches!(seen.end, End::AbiViolation { .. }), "{seen:?}");
}

#[test]
fn case_40_a_result_one_byte_too_long() {
    let bench = Bench::new();
    let mut case = bytes_function("(i32.const 0)", "(i64.const 1001)");
    case.caps.output_bytes = 1000;
    let seen = bench.run(&case).unwrap();
    assert!(
        matches!(seen.end, End::OutputLimit { limit: 1000 }),
        "{seen:?}"
    );
    case = bytes_function("(i32.const 0)", "(i64.const 1000)");
    case.caps.output_bytes = 1000;
    let seen = bench.run(&case).unwrap();
    assert!(seen.end.is_done() && seen.stdout.len() == 1000, "{seen:?}");
    let seen = bench
        .run(&bytes_function(
            "(i32.const 0)",
            "(i64.const 0x0000001000000000)",
        ))
        .unwrap();
    assert!(seen.end.is_done() && seen.stdout.is_empty(), "{seen:?}");
}

#[test]
fn case_41_memory_that_moves_under_the_host() {
    let bench = Bench::new();
    // The input is placed in memory that did not exist before the call.
    let seen = bench
        .run(&bytes_function(
            "(i32.mul (memory.grow (i32.const 100)) (i32.const 65536))",
            "(drop (memory.grow (i32.const 100))) (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))",
        ))
        .unwrap();
    assert!(
        seen.end.is_done() && seen.stdout == b"0123456789",
        "{seen:?}"
    );
}
