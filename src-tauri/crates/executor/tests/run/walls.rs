//! The walls as a node sees them.

use sandbox::{Entry, OpenError, Sandbox};

use crate::harness::{options, profile, programs, story, task};

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
        for (path, told) in [("/nowhere/skep-executor", "does not start"), ("/bin/true", "missing")] {
            let mut options = options(bench.dir.path());
            options.executor = path.into();
            let error = Sandbox::open(options).await.expect_err("no executor");
            assert!(error.to_string().contains(told), "{error}");
            assert!(matches!(error, OpenError::Executor { .. } | OpenError::Walls { .. }));
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
        let status = std::fs::read_to_string(format!("/proc/{}/status", executor.pid())).expect("proc");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.trim().to_owned()
        };
        assert_eq!(field("Threads:"), "1");
        assert_eq!(field("Seccomp:"), "2");
        assert_eq!(field("NoNewPrivs:"), "1");
        assert!(field("Seccomp_filters:").parse::<u32>().expect("a number") >= 2);
    });
}
