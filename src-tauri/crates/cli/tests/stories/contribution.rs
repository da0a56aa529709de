//! A machine that is paused, unplugged, hot or used: what it says, and that
//! window, tray and terminal would say the same.
//!
//! The readings come from a file, which builds for development read instead of
//! the machine the tests happen to run on.

use crate::harness::{Home, READINGS, until};
use crate::programs;
use serde_json::Value;
use std::ops::RangeInclusive;

fn read(home: &Home, readings: &str) {
    // Whole or not at all, as the node may read it at any time.
    let new = home.file("readings.new", readings);
    std::fs::rename(new, home.path(READINGS)).unwrap();
}

fn status(home: &Home) -> Value {
    home.json(&["contribute", "status"])
}

/// Waits for this sentence, and asks the others for theirs.
#[track_caller]
fn says(home: &Home, sentence: &str, state: &str, cores: RangeInclusive<u64>) {
    until(sentence, || status(home)["reason"] == sentence);
    let now = status(home);
    assert_eq!(now["state"], state, "{now}");
    assert!(cores.contains(&now["cores"].as_u64().unwrap()), "{now}");
    until("the machine says the same", || {
        let machines = home.json(&["machine", "ls"]);
        let machine = &machines["machines"][0];
        machine["reason"] == sentence && machine["state"] == state
    });
    let all = home.json(&["status"]);
    assert_eq!(all["contribution"]["reason"], sentence);
}

#[test]
fn the_same_sentence_wherever_it_is_asked() {
    let home = Home::new();
    read(&home, r#"{"temperature_c":50}"#);
    let node = home.coordinator(&["--cores", "4"]);
    says(&home, "Waiting for work", "ready", 4..=4);
    for (readings, sentence, state, cores) in [
        (
            r#"{"power":"battery"}"#,
            "Paused: it is on battery",
            "paused",
            0..=0,
        ),
        (
            r#"{"power":"mains","power_saver":true}"#,
            "Paused: the system's power saver is on",
            "paused",
            0..=0,
        ),
        (
            r#"{"power":"mains","idle_s":5}"#,
            "Slowed down: someone is using it",
            "slowed",
            2..=2,
        ),
        (
            r#"{"power":"mains","idle_s":-1}"#,
            "Slowed down: its last input cannot be read, which counts as in use",
            "slowed",
            2..=2,
        ),
        (
            r#"{"power":"mains","idle_s":200}"#,
            "Waiting for work",
            "ready",
            4..=4,
        ),
        (
            r#"{"temperature_c":90}"#,
            "Slowed down: to stay below 85 °C",
            "slowed",
            // One more goes each ten seconds that it lasts.
            1..=3,
        ),
        (
            r#"{"temperature_c":99}"#,
            "Paused: it reached 95 °C and cools down to 80 °C",
            "paused",
            0..=0,
        ),
    ] {
        read(&home, readings);
        says(&home, sentence, state, cores);
    }
    home.run(&["config", "set", "contribute.temperature_limit_c", "off"])
        .done();
    says(&home, "Waiting for work", "ready", 4..=4);
    home.run(&["config", "set", "contribute.other_load_percent", "50"])
        .done();
    read(&home, r#"{"other_load_percent":80}"#);
    says(
        &home,
        "Paused: other programs need more than 50 % of the processor",
        "paused",
        0..=0,
    );
    home.run(&["contribute", "off"]).done();
    says(&home, "Paused: Contribute is off", "paused", 0..=0);
    assert!(node.stop().success());
}

#[test]
fn somebody_sits_down_while_tasks_run() {
    const TASKS: u64 = 30;
    let home = Home::new();
    let node = home.coordinator(&["--cores", "2"]);
    home.run(&["config", "set", "contribute.when_in_use", "never"])
        .done();
    let module = home.file("count.wat", programs::count());
    let range = format!("0..{TASKS}");
    let id = home
        .run(&[
            "-q", "run", "-d", "--range", &range, &module, "500", "{index}",
        ])
        .done()
        .text()
        .trim()
        .to_owned();
    let done = || {
        home.json(&["job", "show", &id])["tasks"]["done"]
            .as_u64()
            .unwrap()
    };
    until("it began", || done() > 0);
    read(&home, r#"{"idle_s":0}"#);
    says(&home, "Paused: someone is using it", "paused", 0..=0);
    let stopped = done();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(done(), stopped);
    read(&home, r#"{"idle_s":600}"#);
    assert_eq!(home.run(&["job", "wait", &id]).code, Some(0));
    let expected: String = (0..TASKS).map(|i| format!("{i}\n")).collect();
    assert_eq!(home.run(&["job", "results", &id]).done().text(), expected);
    assert!(node.stop().success());
}

#[test]
fn a_pause_outlives_the_power_plug() {
    let home = Home::new();
    let node = home.coordinator(&["--cores", "2"]);
    let paused = home.json(&["contribute", "pause", "1h"]);
    assert_eq!(paused["state"], "paused");
    node.kill();
    let left = status(&home);
    assert_eq!(left["paused"], true, "{left}");
    assert_eq!(left["paused_until"], paused["paused_until"]);
    let node = home.coordinator(&["--cores", "2"]);
    let again = status(&home);
    assert_eq!(again["paused_until"], paused["paused_until"]);
    assert_eq!(again["reason"], paused["reason"]);
    home.run(&["contribute", "resume"]).done();
    says(&home, "Waiting for work", "ready", 2..=2);
    assert!(node.stop().success());
    home.run(&["contribute", "pause"]).done();
    let left = status(&home);
    assert_eq!(
        left["reason"],
        "no node runs now, and the next one is paused until you resume it"
    );
    home.run(&["contribute", "resume"]).done();
    assert_eq!(status(&home)["paused"], false);
    home.run(&["--json", "contribute", "pause", "soon"])
        .refused(2, "usage");
}

#[test]
fn the_system_is_kept_awake_while_there_is_work_and_let_go_after() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    read(&home, r#"{"power":"mains"}"#);
    // Stands where the system's own would: says what it was asked, and holds on.
    let held = home.path("held");
    let script = format!("#!/bin/sh\necho \"$@\" > {}\nexec cat\n", held.display());
    let inhibit = home.file("bin/systemd-inhibit", script);
    std::fs::set_permissions(inhibit, std::fs::Permissions::from_mode(0o755)).unwrap();
    let node = home.coordinator(&[]);
    let awake = || {
        let rules = status(&home)["rules"].as_array().unwrap().clone();
        let rule = rules.iter().find(|rule| rule["name"] == "Stay awake");
        rule.unwrap()["now"].clone()
    };
    assert_eq!(awake(), "may fall asleep");
    let module = home.file("sleep.wat", programs::sleep());
    let id = home
        .run(&["-q", "run", "-d", &module, "600000", "slept"])
        .done()
        .text()
        .trim()
        .to_owned();
    until("it is kept awake", || awake() == "kept awake");
    until("the system was asked", || {
        std::fs::read_to_string(&held).is_ok_and(|asked| asked.contains("--what=idle"))
    });
    read(&home, r#"{"power":"battery"}"#);
    until("it is let go on battery", || awake() == "may fall asleep");
    read(&home, r#"{"power":"mains"}"#);
    until("and kept awake again", || awake() == "kept awake");
    home.run(&["job", "cancel", &id]).done();
    until("it is let go when nothing is left to do", || {
        awake() == "may fall asleep"
    });
    assert!(node.stop().success());
}
