//! Tasks with files: `/in` to read, `/out` to leave something, `/tmp` for nobody.

use std::path::Path;

use sandbox::{Entry, Profile, Task};

use crate::harness::{hear, profile, programs, story, task};

/// Copies `/in/a.txt` to `/out/b.txt`; exits with 1 to 9 by what failed, and
/// with 20 and above where it could do what it must not.
const COPY: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "a.txt") (data (i32.const 110) "b.txt") (data (i32.const 120) "../in/a.txt") (data (i32.const 140) "/etc/passwd")
  ;; preopened: 3 is /in, 4 is /out, 5 is /tmp
  (func $path (param $dir i32) (param $at i32) (param $n i32) (param $create i32) (param $rights i64) (result i32)
    (call $open (local.get $dir) (i32.const 0) (local.get $at) (local.get $n) (local.get $create) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 60)))
  (func (export "_start") (local $fd i32)
    (if (call $path (i32.const 3) (i32.const 100) (i32.const 5) (i32.const 0) (i64.const 2)) (then (call $exit (i32.const 1))))
    (local.set $fd (i32.load (i32.const 60)))
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1000))
    (if (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $exit (i32.const 2))))
    (if (call $close (local.get $fd)) (then (call $exit (i32.const 3))))
    ;; creating a file under /in, climbing out, an absolute path: all refused
    (if (i32.eqz (call $path (i32.const 3) (i32.const 110) (i32.const 5) (i32.const 1) (i64.const 64))) (then (call $exit (i32.const 20))))
    (if (i32.eqz (call $path (i32.const 4) (i32.const 120) (i32.const 11) (i32.const 0) (i64.const 2))) (then (call $exit (i32.const 21))))
    (if (i32.eqz (call $path (i32.const 4) (i32.const 140) (i32.const 11) (i32.const 0) (i64.const 2))) (then (call $exit (i32.const 22))))
    ;; nothing of another task is here
    (if (i32.eqz (call $path (i32.const 4) (i32.const 110) (i32.const 5) (i32.const 0) (i64.const 2))) (then (call $exit (i32.const 23))))
    (if (i32.eqz (call $path (i32.const 5) (i32.const 110) (i32.const 5) (i32.const 0) (i64.const 2))) (then (call $exit (i32.const 24))))
    (if (call $path (i32.const 5) (i32.const 110) (i32.const 5) (i32.const 1) (i64.const 64)) (then (call $exit (i32.const 4))))
    (if (call $path (i32.const 4) (i32.const 110) (i32.const 5) (i32.const 1) (i64.const 64)) (then (call $exit (i32.const 5))))
    (local.set $fd (i32.load (i32.const 60)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $exit (i32.const 6))))))"#;

fn filed() -> Profile {
    Profile {
        scratch: true,
        ..profile(Entry::Command)
    }
}

fn with_file(dir: &Path, index: u64, text: &str) -> Task {
    let path = dir.join(format!("source-{index}"));
    std::fs::write(&path, text).expect("our folder");
    Task {
        files: Some(vec![("a.txt".to_owned(), path)]),
        ..task(index)
    }
}

#[test]
fn files_go_in_and_come_out_and_nothing_stays() {
    story(|bench| async move {
        let mut executor = bench.executor(COPY, &filed()).await;
        let batch = |from: u64| {
            let texts =
                (from..from + 3).map(|i| with_file(bench.dir.path(), i, &format!("file {i}")));
            programs(texts.collect())
        };
        executor.send(batch(0)).await.expect("taken");
        executor.send(batch(3)).await.expect("taken ahead");
        let heard = hear(&mut executor, 1).await;
        executor.send(batch(6)).await.expect("taken ahead again");
        let mut rest = hear(&mut executor, 2).await;
        rest.all_done(6);
        heard.all_done(3);
        rest.out.extend(heard.out);
        for i in 0..9 {
            let [(file, bytes)] = rest.out[&i].as_slice() else {
                panic!("{:?}", rest.out[&i])
            };
            assert_eq!(
                (file.name.as_str(), bytes.as_slice()),
                ("b.txt", format!("file {i}").as_bytes())
            );
            let source = bench.dir.path().join(format!("source-{i}"));
            let text = std::fs::read_to_string(source).expect("the source stays");
            assert_eq!(text, format!("file {i}"));
        }
        drop(executor);
        // Whoever takes the dead away takes the folder too, a moment later.
        let scratch = bench.dir.path().join("scratch");
        while std::fs::read_dir(&scratch).expect("the folder").count() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_missing_file_fails_its_task_and_no_other() {
    story(|bench| async move {
        let mut missing = with_file(bench.dir.path(), 1, "");
        missing.files = Some(vec![("a.txt".to_owned(), bench.dir.path().join("nowhere"))]);
        let tasks = vec![
            with_file(bench.dir.path(), 0, "zero"),
            missing,
            with_file(bench.dir.path(), 2, "two"),
        ];
        let heard = bench.run(COPY, &filed(), programs(tasks)).await;
        assert!(
            heard.ends[&0].is_done() && heard.ends[&2].is_done(),
            "{heard:?}"
        );
        assert!(
            matches!(heard.ends[&1], sandbox::End::HostRefused { .. }),
            "{heard:?}"
        );
    });
}

#[test]
fn waiting_for_a_file_to_be_readable_needs_a_thread_and_gets_one() {
    story(|bench| async move {
        // poll_oneoff on a file: tag 1 (read) on the descriptor of /in/a.txt.
        let text = r#"(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 100) "a.txt")
  (func (export "_start")
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 60)) (then (call $exit (i32.const 1))))
    (i32.store8 (i32.const 208) (i32.const 1)) (i32.store (i32.const 216) (i32.load (i32.const 60)))
    (call $exit (call $poll (i32.const 200) (i32.const 304) (i32.const 1) (i32.const 400)))))"#;
        let tasks = (0..2)
            .map(|i| with_file(bench.dir.path(), i, "text"))
            .collect();
        let heard = bench.run(text, &filed(), programs(tasks)).await;
        heard.all_done(2);
    });
}
