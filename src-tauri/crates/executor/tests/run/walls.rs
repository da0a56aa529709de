//! The walls as a node sees them.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
};

use sandbox::{Entry, OpenError, Sandbox};

use crate::harness::{example, options, profile, programs, story, task};

#[test]
fn every_layer_stands_and_says_so() {
    story(|bench| async move {
        let walls = bench.sandbox.walls();
        assert!(walls.stand(), "{walls:?}");
        assert_eq!(walls.missing(), None);
        assert!(walls.landlock.sentence.contains("version"), "{walls:?}");
    });
}

#[test]
fn something_else_in_the_executors_place_is_refused() {
    story(|bench| async move {
        for (path, told) in [
            ("/nowhere/skep-executor", "does not start"),
            ("/bin/true", "missing"),
        ] {
            let mut options = options(bench.dir.path());
            options.executor = path.into();
            let error = Sandbox::open(options).await.expect_err("no executor");
            assert!(error.to_string().contains(told), "{error}");
            assert!(matches!(
                error,
                OpenError::Executor { .. } | OpenError::Walls { .. }
            ));
        }
    });
}

#[test]
fn an_executor_has_one_thread_and_four_descriptors() {
    story(|bench| async move {
        let text = "(module (func (export \"_start\")))";
        let mut executor = bench.executor(text, &profile(Entry::Command)).await;
        executor.send(programs(vec![task(0)])).await.expect("taken");
        crate::harness::hear(&mut executor, 1).await.all_done(1);
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", executor.pid())).expect("proc");
        let field = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .expect("a field");
            line.trim().to_owned()
        };
        assert_eq!(field("Threads:"), "1");
        assert_eq!(field("Seccomp:"), "2");
        assert_eq!(field("NoNewPrivs:"), "1");
        assert!(field("Seccomp_filters:").parse::<u32>().expect("a number") >= 2);
    });
}

/// Native code that raises the executor's own wall and then tries to get out.
fn intruder(words: &[&str]) -> Output {
    Command::new(example("intruder"))
        .args(words)
        .output()
        .expect("it starts")
}

fn attempts(output: &Output) -> BTreeMap<String, String> {
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8_lossy(&output.stdout);
    let pairs = lines.lines().filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, answer)| (name.to_owned(), answer.to_owned()))
        .collect()
}

#[test]
fn case_61_native_code_in_the_executors_place_is_refused_everything() {
    let tried = attempts(&intruder(&["all"]));
    assert!(tried.len() > 80, "{tried:?}");
    for (name, answer) in &tried {
        let refused = format!("refused {}", libc::EPERM);
        assert_eq!(*answer, refused, "{name}: {answer}");
    }
    assert!(!Path::new("/tmp/skep-intruder").exists());
}

#[test]
fn case_61_landlock_alone_keeps_files_neighbours_and_the_network_away() {
    let tried = attempts(&intruder(&["landlock"]));
    assert!(tried.len() >= 8, "{tried:?}");
    for (name, answer) in &tried {
        let by_rights = [libc::EACCES, libc::EPERM].map(|error| format!("refused {error}"));
        assert!(by_rights.contains(answer), "{name}: {answer}");
    }
}

#[test]
fn case_61_as_shipped_one_forbidden_call_is_the_last() {
    for attempt in [
        "openat-read",
        "socket-inet",
        "execve",
        "clone",
        "mmap-exec",
        "recvmsg",
        "ptrace",
    ] {
        let output = intruder(&["kill", attempt]);
        assert_eq!(
            output.status.signal(),
            Some(libc::SIGSYS),
            "{attempt}: {output:?}"
        );
        assert!(output.stdout.is_empty(), "{attempt}");
    }
}
