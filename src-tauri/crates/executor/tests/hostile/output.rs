//! Cases 52, 55 and 57: what a program sees, says and ends with.

use crate::harness::{Bench, Case};
use sandbox::End;

const WRITE: &str = r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)"#;

#[test]
fn case_52_arguments_and_environment_are_what_was_declared() {
    let bench = Bench::new();
    let text = format!(
        r#"(module (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32))) {WRITE}
             (func (export "_start")
               (drop (call $sizes (i32.const 0) (i32.const 4)))
               (drop (call $get (i32.const 100) (i32.const 1000)))
               (i32.store (i32.const 8) (i32.const 1000)) (i32.store (i32.const 12) (i32.load (i32.const 4)))
               (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 20)))))"#
    );
    let mut case = Case::command(&text).patient();
    let seen = bench.run(&case).unwrap();
    assert_eq!(seen.stdout, b"", "nothing of the parent's environment");
    case.env = vec![
        ("ONE".to_owned(), "1".to_owned()),
        ("TWO".to_owned(), "zwei".to_owned()),
    ];
    let seen = bench.run(&case).unwrap();
    assert_eq!(seen.stdout, b"ONE=1\0TWO=zwei\0");

    let arguments = text.replace("environ_", "args_");
    let mut case = Case::command(&arguments).patient();
    case.argv.push("second".to_owned());
    let seen = bench.run(&case).unwrap();
    assert_eq!(seen.stdout, b"hostile\0second\0");
}

#[test]
fn case_52_ten_megabytes_of_arguments_are_not_taken() {
    let bench = Bench::new();
    let mut case = Case::command(r#"(module (func (export "_start")))"#).patient();
    let refused = |case: &Case| {
        let seen = bench.run(case).unwrap_err();
        assert!(seen.0.contains("65536 are taken"), "{seen:?}");
    };
    case.argv.push("x".repeat(10 << 20));
    refused(&case);
    case.argv.truncate(1);
    case.env = vec![("LONG".to_owned(), "x".repeat(10 << 20))];
    refused(&case);
    case.env = vec![("LONG".to_owned(), "x".repeat(60 << 10))];
    assert!(bench.run(&case).unwrap().end.is_done());
}

/// Writes 64 KiB to `fd` again and again, as often as `times` says.
fn flood(fd: u32, times: u32) -> Case {
    let text = format!(
        r#"(module {WRITE} (func (export "_start") (local $i i32)
             (memory.fill (i32.const 65536) (i32.const 27) (i32.const 65536))
             (loop $l
               (i32.store (i32.const 8) (i32.const 65536)) (i32.store (i32.const 12) (i32.const 65536))
               (drop (call $write (i32.const {fd}) (i32.const 8) (i32.const 1) (i32.const 20)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $l (i32.lt_u (local.get $i) (i32.const {times}))))))"#
    );
    Case::command(&text).patient()
}

#[test]
fn case_55_a_flood_on_standard_output_fails_and_keeps_what_came() {
    let bench = Bench::new();
    let seen = bench.run(&flood(1, 160_000)).unwrap(); // 10 GiB
    assert!(
        matches!(seen.end, End::OutputLimit { limit } if limit == 1 << 20),
        "{:?}",
        seen.end
    );
    assert_eq!(
        seen.stdout.len(),
        1 << 20,
        "what came up to the cap is kept"
    );
    assert!(seen.stdout.iter().all(|byte| *byte == 27));
}

#[test]
fn case_55_a_flood_on_standard_error_is_cut_and_said() {
    let bench = Bench::new();
    let seen = bench.run(&flood(2, 1_000)).unwrap();
    assert!(seen.end.is_done(), "the task goes on: {:?}", seen.end);
    assert!(
        seen.stderr.len() < (1 << 20) + 4096,
        "{} bytes of log",
        seen.stderr.len()
    );
    assert!(seen.stderr.len() >= 1 << 16);
    let text = String::from_utf8_lossy(&seen.stderr);
    assert!(
        text.trim_end().ends_with("bytes of log left out]"),
        "it says so at its end"
    );
}

#[test]
fn case_57_odd_ends() {
    let bench = Bench::new();
    let exit = |body: &str| {
        Case::command(&format!(
            r#"(module {WRITE} (func $s (export "_start") {body}))"#
        ))
        .patient()
    };
    let partial = r#"(i32.store (i32.const 8) (i32.const 0)) (i32.store (i32.const 12) (i32.const 3))
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 20))) (call $exit (i32.const 0))"#;
    let seen = bench.run(&exit(partial)).unwrap();
    assert!(seen.end.is_done() && seen.stdout.len() == 3, "{seen:?}");
    for code in [1u32, 125, 126, 127, 134, 255, 256, 1 << 31, u32::MAX] {
        let seen = bench
            .run(&exit(&format!(
                "(call $exit (i32.const {}))",
                code.cast_signed()
            )))
            .unwrap();
        assert!(
            matches!(seen.end, End::Exit { code: told } if told == code),
            "{code}: {seen:?}"
        );
    }
    let text = format!(
        r#"(module {WRITE} (func $s (call $exit (i32.const 5))) (start $s) (func (export "_start")))"#
    );
    let seen = bench.run(&Case::command(&text).patient()).unwrap();
    assert!(matches!(seen.end, End::Exit { code: 5 }), "{seen:?}");
    bench
        .run(&exit("unreachable"))
        .unwrap()
        .traps("unreachable");
}
