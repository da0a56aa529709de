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

/// Calls everything that preview 1 has for files and writes a byte for each: its error number.
const EVERYTHING: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_tell" (func $fd_tell (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_advise" (func $fd_advise (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate" (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_datasync" (func $fd_datasync (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_sync" (func $fd_sync (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times" (func $fd_filestat_set_times (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $fd_fdstat_set_flags (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times" (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_readlink" (func $path_readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\05\00\00\00") (data (i32.const 24) "\00\10\00\00\04\00\00\00")
  (data (i32.const 64) "12345") (data (i32.const 100) "d") (data (i32.const 110) "d/f")
  (data (i32.const 120) "d/g") (data (i32.const 130) "d/s") (data (i32.const 140) "h")
  (func (export "_start")
    (i32.store8 (i32.const 8000) (call $path_create_directory (i32.const 4) (i32.const 100) (i32.const 1)))
    (i32.store8 (i32.const 8001) (call $path_open (i32.const 4) (i32.const 0) (i32.const 110) (i32.const 3) (i32.const 1) (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 60)))
    (i32.store8 (i32.const 8002) (call $fd_write (i32.load (i32.const 60)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store8 (i32.const 8003) (call $fd_pwrite (i32.load (i32.const 60)) (i32.const 0) (i32.const 1) (i64.const 3) (i32.const 8)))
    (i32.store8 (i32.const 8004) (call $fd_seek (i32.load (i32.const 60)) (i64.const 1) (i32.const 0) (i32.const 16)))
    (i32.store8 (i32.const 8005) (call $fd_tell (i32.load (i32.const 60)) (i32.const 16)))
    (i32.store8 (i32.const 8006) (call $fd_read (i32.load (i32.const 60)) (i32.const 24) (i32.const 1) (i32.const 8)))
    (i32.store8 (i32.const 8007) (call $fd_pread (i32.load (i32.const 60)) (i32.const 24) (i32.const 1) (i64.const 0) (i32.const 8)))
    (i32.store8 (i32.const 8008) (call $fd_advise (i32.load (i32.const 60)) (i64.const 0) (i64.const 10) (i32.const 1)))
    (i32.store8 (i32.const 8009) (call $fd_allocate (i32.load (i32.const 60)) (i64.const 0) (i64.const 10)))
    (i32.store8 (i32.const 8010) (call $fd_datasync (i32.load (i32.const 60))))
    (i32.store8 (i32.const 8011) (call $fd_sync (i32.load (i32.const 60))))
    (i32.store8 (i32.const 8012) (call $fd_filestat_get (i32.load (i32.const 60)) (i32.const 2048)))
    (i32.store8 (i32.const 8013) (call $fd_filestat_set_size (i32.load (i32.const 60)) (i64.const 5)))
    (i32.store8 (i32.const 8014) (call $fd_filestat_set_times (i32.load (i32.const 60)) (i64.const 1) (i64.const 2) (i32.const 5)))
    (i32.store8 (i32.const 8015) (call $fd_fdstat_get (i32.load (i32.const 60)) (i32.const 2048)))
    (i32.store8 (i32.const 8016) (call $fd_fdstat_set_flags (i32.load (i32.const 60)) (i32.const 1)))
    (i32.store8 (i32.const 8017) (call $fd_write (i32.load (i32.const 60)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store8 (i32.const 8018) (call $path_filestat_get (i32.const 4) (i32.const 0) (i32.const 110) (i32.const 3) (i32.const 2048)))
    (i32.store8 (i32.const 8019) (call $path_filestat_set_times (i32.const 4) (i32.const 0) (i32.const 110) (i32.const 3) (i64.const 3) (i64.const 4) (i32.const 5)))
    (i32.store8 (i32.const 8020) (call $path_link (i32.const 4) (i32.const 0) (i32.const 110) (i32.const 3) (i32.const 4) (i32.const 120) (i32.const 3)))
    (i32.store8 (i32.const 8021) (call $path_symlink (i32.const 112) (i32.const 1) (i32.const 4) (i32.const 130) (i32.const 3)))
    (i32.store8 (i32.const 8022) (call $path_readlink (i32.const 4) (i32.const 130) (i32.const 3) (i32.const 2048) (i32.const 16) (i32.const 8)))
    (i32.store8 (i32.const 8023) (call $path_rename (i32.const 4) (i32.const 120) (i32.const 3) (i32.const 5) (i32.const 140) (i32.const 1)))
    (i32.store8 (i32.const 8024) (call $fd_readdir (i32.const 4) (i32.const 2048) (i32.const 1000) (i64.const 0) (i32.const 8)))
    (i32.store8 (i32.const 8025) (call $path_unlink_file (i32.const 5) (i32.const 140) (i32.const 1)))
    (i32.store8 (i32.const 8026) (call $path_remove_directory (i32.const 4) (i32.const 100) (i32.const 1)))
    (i32.store8 (i32.const 8027) (call $fd_renumber (i32.load (i32.const 60)) (i32.const 5)))
    (i32.store8 (i32.const 8028) (call $fd_close (i32.const 5)))
    (i32.store (i32.const 0) (i32.const 8000)) (i32.store (i32.const 4) (i32.const 29))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

#[test]
fn everything_there_is_for_files_can_be_called() {
    story(|bench| async move {
        let tasks = vec![with_file(bench.dir.path(), 0, "text")];
        let heard = bench.run(EVERYTHING, &filed(), programs(tasks)).await;
        heard.all_done(1);
        let calls: Vec<&str> = EVERYTHING
            .lines()
            .filter(|line| line.contains("i32.store8"))
            .collect();
        let answers = &heard.stdout[&0];
        assert_eq!(answers.len(), calls.len());
        for (call, answer) in calls.iter().zip(answers) {
            let expected = match *call {
                _ if call.contains("$fd_allocate") => NOTSUP,
                _ if call.contains("$path_remove_directory") => NOTEMPTY,
                _ => 0,
            };
            assert_eq!(*answer, expected, "{call}");
        }
        let names: Vec<&str> = heard.out[&0]
            .iter()
            .map(|(file, _)| file.name.as_str())
            .collect();
        assert_eq!(names, ["d/f"], "a symbolic link is not collected");
        assert_eq!(heard.out[&0][0].1, b"1231212345");
    });
}

/// Preview 1's error numbers.
const NOTSUP: u8 = 58;
const NOTEMPTY: u8 = 55;
