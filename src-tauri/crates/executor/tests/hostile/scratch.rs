//! Case 51: modules that fill their scratch folder.

use sandbox::End;

use crate::harness::{Bench, Case};

/// What a task may leave there in these tests, in bytes.
const QUOTA: u64 = 4 << 20;
/// `fbig` of preview 1.
const TOO_LARGE: u32 = 22;

const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $resize (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 3)
  (global $n (mut i32) (i32.const 0))
  ;; a file with a new name of eight letters under /tmp
  (func $new (result i32) (local $i i32) (local $rest i32)
    (local.set $rest (global.get $n))
    (loop $l
      (i32.store8 offset=100 (local.get $i) (i32.add (i32.const 97) (i32.and (local.get $rest) (i32.const 15))))
      (local.set $rest (i32.shr_u (local.get $rest) (i32.const 4)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 8))))
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (if (call $open (i32.const 5) (i32.const 0) (i32.const 100) (i32.const 8) (i32.const 1) (i64.const 0x400040) (i64.const 0) (i32.const 0) (i32.const 60)) (then (call $exit (i32.const 99))))
    (i32.load (i32.const 60)))
  ;; 64 KiB to the file
  (func $fill (param $file i32) (result i32)
    (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 65536))
    (call $write (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8)))"#;

fn bench() -> Bench {
    Bench::with(|options| options.scratch_quota_bytes = QUOTA)
}

fn case(body: &str) -> Case {
    let text = format!("(module {IMPORTS} (func (export \"_start\") (local $file i32) {body}))");
    Case::command(&text).filed().patient()
}

#[test]
fn case_51_more_bytes_than_the_quota_in_many_files() {
    let seen = bench()
        .run(&case(
            "(loop $l (local.set $file (call $new)) (drop (call $fill (local.get $file))) (drop (call $close (local.get $file))) (br $l))",
        ))
        .unwrap();
    assert_eq!(seen.end, End::OutputLimit { limit: QUOTA });
}

#[test]
fn case_51_more_files_than_anybody_needs() {
    let seen = bench()
        .run(&case("(loop $l (drop (call $close (call $new))) (br $l))"))
        .unwrap();
    assert_eq!(seen.end, End::OutputLimit { limit: QUOTA });
}

#[test]
fn case_51_a_file_grows_to_the_quota_and_no_further() {
    let bench = bench();
    for grow in [
        "(loop $l (br_if $l (i32.eqz (call $fill (local.get $file))))) (call $exit (call $fill (local.get $file)))",
        // A file of a terabyte that would take no room.
        "(call $exit (call $resize (local.get $file) (i64.const 1099511627776)))",
    ] {
        let body = format!("(local.set $file (call $new)) {grow}");
        let seen = bench.run(&case(&body)).unwrap();
        assert_eq!(seen.end, End::Exit { code: TOO_LARGE }, "{grow}");
    }
}

#[test]
fn case_51_folders_within_folders() {
    // Each name has one more folder: a/a/a/… until the name is too long.
    let seen = bench()
        .run(&case(
            "(local $length i32) (local $error i32)
             (loop $l
               (i32.store8 offset=1000 (local.get $length) (i32.const 97))
               (local.set $length (i32.add (local.get $length) (i32.const 1)))
               (local.set $error (call $mkdir (i32.const 5) (i32.const 1000) (local.get $length)))
               (i32.store8 offset=1000 (local.get $length) (i32.const 47))
               (local.set $length (i32.add (local.get $length) (i32.const 1)))
               (br_if $l (i32.and (i32.eqz (local.get $error)) (i32.lt_u (local.get $length) (i32.const 60000)))))
             (call $exit (local.get $error))",
        ))
        .unwrap();
    assert!(
        matches!(
            seen.end,
            End::Exit { code: 1..=76 } | End::OutputLimit { .. }
        ),
        "{:?}",
        seen.end
    );
}

#[test]
fn case_51_a_name_of_64_kib() {
    let seen = bench()
        .run(&case(
            "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 65536))
             (call $exit (call $mkdir (i32.const 5) (i32.const 65536) (i32.const 65535)))",
        ))
        .unwrap();
    assert!(matches!(seen.end, End::Exit { code: 1..=76 }), "{seen:?}");
}
