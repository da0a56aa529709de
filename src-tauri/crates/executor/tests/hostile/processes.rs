//! Cases 62 and 65: processes that die.

use crate::harness::{Bench, Case, children_of, is_alive};
use sandbox::{End, Event};
use std::time::{Duration, Instant};

const SPIN: &str = r#"(module (func (export "_start") (loop $l (br $l))))"#;

#[test]
fn case_62_an_executor_that_dies_is_told_as_crashed() {
    let bench = Bench::new();
    let case = Case::command(SPIN).patient();
    let deaths = async {
        for signal in [libc::SIGKILL, libc::SIGSEGV, libc::SIGABRT] {
            let mut executor = bench.begin(&case).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let pid = i32::try_from(executor.pid()).unwrap();
            // A fault's handler answers the first signal by taking itself away;
            // a real fault would come again by itself.
            for _ in 0..2 {
                // SAFETY: kill has no memory effects; the process is our own child, not reaped yet.
                assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let mut end = None;
            loop {
                match executor.next().await {
                    Event::Ended { end: told, .. } => end = Some(told),
                    Event::Gone { .. } => break,
                    Event::Started { .. } | Event::Idle => {}
                    other @ (Event::Stdout { .. }
                    | Event::Stderr { .. }
                    | Event::Progress { .. }
                    | Event::Calls { .. }) => panic!("{other:?}"),
                }
            }
            assert!(
                matches!(end, Some(End::Crashed { .. })),
                "{signal}: {end:?}"
            );
        }
    };
    bench.beside(|| bench.runtime.block_on(deaths));
}

/// Set for the process that plays the node and is killed.
const ROLE: &str = "SKEP_TEST_PLAYS_NODE";

#[test]
fn case_65_no_executor_outlives_its_parent() {
    if std::env::var_os(ROLE).is_some() {
        play_node();
    }
    let bench = Bench::new();
    bench.beside(kill_a_node);
}

fn kill_a_node() {
    let mut node = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "processes::case_65_no_executor_outlives_its_parent",
            "--nocapture",
        ])
        .env(ROLE, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(node.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().ends_with("both executors work")));
    let executors = children_of(node.id());
    assert!(executors.len() >= 2, "{executors:?}");
    node.kill().unwrap();
    node.wait().unwrap();
    let begun = Instant::now();
    while executors.iter().any(|pid| is_alive(*pid)) {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "an executor outlived its parent"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One executor spins, another is stopped; then wait to be killed.
fn play_node() -> ! {
    let bench = Bench::new();
    let case = Case::command(SPIN).patient();
    bench.runtime.block_on(async {
        let _spinning = bench.begin(&case).await;
        let mut stopped = bench.begin(&case).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        stopped.stop();
        println!("both executors work");
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    panic!("nobody ended the node");
}
