//! Two machines: one keeps the pool, the other joins it and works, and either
//! is killed at random without a task being lost.

use crate::harness::{Home, Node, finish, until};
use crate::programs;
use serde_json::Value;

/// Milliseconds that each task sleeps.
const SLEEP: &str = "150";
const TASKS: usize = 60;

/// Joins `home`'s pool by the code that it shows, as a computer of the same
/// person.
fn join(home: &Home, other: &Home) {
    let shown = home.json(&["pool", "code"]);
    let (code, at) = (text(&shown["code"]), text(&shown["addresses"][0]));
    let joining = other.skep(&["pool", "join", "--pool", at, code]);
    let joining = { joining }.spawn().unwrap();
    let mut asks = String::new();
    until("the other computer asks", || {
        let roll = home.json(&["pool", "device", "ls"]);
        asks = roll["joins"][0]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        !asks.is_empty()
    });
    home.run(&["pool", "device", "approve", &asks, "--mine"])
        .done();
    let joined = finish(joining).done();
    assert!(joined.stderr.contains("waiting"), "{joined:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn worker(home: &Home) -> Node {
    home.node(&["worker", "start", "--cores", "2"])
}

fn machines(home: &Home) -> Vec<Value> {
    home.json(&["machine", "ls"])["machines"]
        .as_array()
        .unwrap()
        .clone()
}

fn connected(home: &Home) -> usize {
    let machines = machines(home).into_iter();
    machines
        .filter(|machine| machine["state"] != "offline")
        .count()
}

#[test]
fn two_machines_run_one_job_and_either_of_them_sends_it() {
    let (home, other) = (Home::new(), Home::new());
    home.run(&["config", "set", "node.name", "studio-pc"])
        .done();
    other.run(&["config", "set", "node.name", "laptop"]).done();
    home.run(&["pool", "create", "home lab"]).done();
    let coordinator = home.coordinator(&["--cores", "2"]);
    join(&home, &other);
    let worker = worker(&other);
    until("both are there", || connected(&home) == 2);
    assert_eq!(other.json(&["pool", "status"])["name"], "home lab");
    assert_eq!(machines(&other).len(), 2, "the member sees both");

    let module = other.file("sleep.wat", programs::sleep());
    for from in [&home, &other] {
        let module = from.file("sleep.wat", programs::sleep());
        let range = format!("0..{TASKS}");
        let ran = from
            .run(&[
                "--json", "map", "--range", &range, "--chunk", "1", &module, SLEEP, "{index}",
            ])
            .done();
        let ran: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let job = text(&ran["job"]).to_owned();
        let shown = from.json(&["job", "show", &job]);
        let mut helped: Vec<&str> = shown["machines"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        helped.sort_unstable();
        assert_eq!(helped, ["laptop", "studio-pc"], "{shown}");
        assert_eq!(shown["tasks"]["done"], TASKS);
    }
    // Only where it is asked for.
    let on = other
        .run(&["--json", "run", "--on", "laptop", &module, "1", "here"])
        .done();
    let on: Value = serde_json::from_slice(&on.stdout).unwrap();
    let shown = home.json(&["job", "show", text(&on["job"])]);
    assert_eq!(shown["machines"], serde_json::json!(["laptop"]));
    assert!(worker.stop().success());
    until("the worker has left", || connected(&home) == 1);
    assert!(coordinator.stop().success());
}

#[test]
fn a_worker_and_the_coordinator_are_killed_and_no_task_is_lost() {
    let (home, other) = (Home::new(), Home::new());
    home.run(&["pool", "create", "home lab"]).done();
    let mut coordinator = home.coordinator(&["--no-work"]);
    let listens = coordinator
        .ready
        .rsplit("listens at ")
        .next()
        .unwrap()
        .trim()
        .to_owned();
    join(&home, &other);
    let mut working = worker(&other);
    until("it is there", || connected(&home) == 1);
    let module = home.file("sleep.wat", programs::sleep());
    let range = format!("0..{TASKS}");
    let job = home
        .run(&[
            "-q", "map", "-d", "--range", &range, "--chunk", "1", &module, SLEEP, "{index}",
        ])
        .done();
    let job = job.text().trim().to_owned();
    let done = |home: &Home| {
        home.json(&["job", "show", &job])["tasks"]["done"]
            .as_u64()
            .unwrap()
    };
    for kills in 1..=10_u64 {
        let before = done(&home);
        until("some more are done", || {
            done(&home) > before || done(&home) == TASKS as u64
        });
        if kills % 2 == 0 {
            coordinator.kill();
            coordinator = home.node(&["coordinator", "start", "--no-work", "--listen", &listens]);
        } else {
            working.kill();
            working = worker(&other);
        }
        until("it is there again", || connected(&home) == 1);
    }
    home.run(&["job", "wait", &job]).done();
    let results = home.json(&["job", "results", &job]);
    let results = results["results"].as_array().unwrap();
    assert_eq!(results.len(), TASKS);
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["text"], format!("{index}\n"), "{result}");
        assert_eq!(result["state"], "done");
    }
    assert!(working.stop().success());
    assert!(coordinator.stop().success());
}
