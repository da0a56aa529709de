//! `kill -9` at any moment loses nothing.

use crate::harness::{Home, alive, children_of, finish, signal, until};
use crate::programs;
use rustix::process::Signal;
use std::io::Read;
use std::time::Duration;

/// As the issue asks; the long form raises it.
const KILLS: u32 = 30;

#[test]
fn a_node_killed_again_and_again_forgets_nothing_it_accepted() {
    let home = Home::new();
    let square = home.file("functions.wat", programs::functions());
    let sleep = home.file("sleep.wat", programs::sleep());
    let mut chance = 0x5eed_u64;
    let mut accepted: Vec<(String, bool)> = Vec::new();
    for round in 0..KILLS {
        let node = home.coordinator(&[]);
        // One job of many quick calls and one of slower programs, as long as they are taken.
        for (quick, args) in [
            (
                true,
                vec![
                    "-q", "run", "-d", "--range", "0..20000", "--invoke", "square", &square,
                ],
            ),
            (
                false,
                vec![
                    "-q", "run", "-d", "--range", "0..12", &sleep, "20", "{index}",
                ],
            ),
        ] {
            if round % 3 == u32::from(quick) {
                let outcome = home.run(&args).done();
                accepted.push((outcome.text().trim().to_owned(), quick));
            }
        }
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::sleep(Duration::from_millis(chance >> 32 & 0xff));
        let children = children_of(node.id());
        node.kill();
        until("no executor outlives its node", || {
            children.iter().all(|child| !alive(*child))
        });
    }
    let node = home.coordinator(&[]);
    let squares: String = (0..20_000i64).map(|i| format!("{}\n", i * i)).collect();
    let indexes: String = (0..12).map(|i| format!("{i}\n")).collect();
    for (id, quick) in &accepted {
        assert_eq!(home.run(&["job", "wait", id]).code, Some(0), "{id}");
        let results = home.run(&["job", "results", id]).done();
        assert!(
            results.text() == if *quick { &squares } else { &indexes },
            "{id}: {} bytes",
            results.stdout.len()
        );
    }
    assert_eq!(
        home.json(&["job", "ls"])["jobs"].as_array().unwrap().len(),
        accepted.len()
    );
    assert!(node.stop().success());
    assert_eq!(home.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn run_itself_killed_leaves_a_job_that_goes_on_later() {
    let home = Home::new();
    let sleep = home.file("sleep.wat", programs::sleep());
    let mut child = home
        .skep(&["run", "--range", "0..40", &sleep, "100", "{index}"])
        .spawn()
        .unwrap();
    until("the job is accepted", || {
        let jobs = home.run(&["--json", "job", "ls"]);
        jobs.code == Some(0) && jobs.text().contains("j_")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let job = home.json(&["job", "show", "last"]);
    assert!(
        job["reason"]["text"]
            .as_str()
            .unwrap()
            .contains("skep coordinator start"),
        "{job}"
    );
    let node = home.coordinator(&[]);
    assert_eq!(home.run(&["job", "wait", "last"]).code, Some(0));
    assert_eq!(
        home.run(&["job", "results", "last"]).done().text(),
        (0..40).map(|i| format!("{i}\n")).collect::<String>()
    );
    assert!(node.stop().success());
}

#[test]
fn a_lost_attempt_that_writes_something_else_again_is_said() {
    let home = Home::new();
    let module = home.file("environment.wat", programs::environment_and_sleep());
    home.run(&["config", "set", "retry.delay", "10ms"]).done();
    let node = home.coordinator(&[]);
    let mut child = home.skep(&["run", &module, "3000"]).spawn().unwrap();
    // The attempt's number is part of what it prints.
    let mut said = vec![0; 5];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();
    for executor in children_of(node.id()) {
        signal(executor, Signal::KILL);
    }
    let outcome = finish(child);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let shown = String::from_utf8_lossy(&said).into_owned() + outcome.text();
    assert!(shown.contains("SKEP_ATTEMPT=1\n"), "{shown}");
    assert!(
        !shown.contains("SKEP_ATTEMPT=2\n"),
        "two attempts are not mixed: {shown}"
    );
    assert!(
        outcome.stderr.contains("wrote something else"),
        "{outcome:?}"
    );
    let result = home.run(&["job", "results", "last"]).done();
    assert!(result.text().contains("SKEP_ATTEMPT=2\n"), "{result:?}");
    assert_eq!(home.json(&["task", "show", "last", "0"])["losses"], 1);
    assert!(node.stop().success());
}
