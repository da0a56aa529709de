//! What helps a person: a report for others, manual pages, the settings in an
//! editor, what runs now, and the log.

use crate::harness::Home;
use crate::programs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The texts of a report by name, as another program unpacks it.
fn parts(document: &Value) -> BTreeMap<String, String> {
    let files = document["files"].as_array().unwrap();
    let text = |file: &Value, field: &str| file[field].as_str().unwrap().to_owned();
    files
        .iter()
        .map(|file| (text(file, "name"), text(file, "text")))
        .collect()
}

#[test]
fn a_report_says_what_there_is_and_not_who_asks() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let node = home.coordinator(&[]);
    let job = home.json(&["run", &hello])["job"].clone();
    home.run(&["config", "set", "limits.memory", "1GiB"]).done();
    let written = home.json(&["report", "-o", "report.zip"]);
    assert_eq!(&std::fs::read(home.path("report.zip")).unwrap()[..2], b"PK");
    let listed: Vec<&str> = written["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    let expected = [
        "versions.json",
        "settings.json",
        "health.json",
        "status.json",
        "log.jsonl",
    ];
    assert_eq!(listed, expected);
    let preview = parts(&home.json(&["report", "--preview"]));
    assert!(preview["log.jsonl"].contains(job.as_str().unwrap()));
    assert!(preview["settings.json"].contains("1GiB"));
    assert!(preview["status.json"].contains("data_folder"));
    let own = home.path("").display().to_string();
    for (name, text) in &preview {
        assert!(!text.contains(own.trim_end_matches('/')), "{name}: {text}");
    }
    assert!(node.stop().success());
    assert!(!parts(&home.json(&["report", "--preview"])).contains_key("status.json"));
}

#[test]
fn a_report_is_made_where_nothing_else_works() {
    let home = Home::new();
    std::fs::create_dir_all(home.data()).unwrap();
    let path = home.json(&["config", "path"])["path"].clone();
    let path = Path::new(path.as_str().unwrap());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "[limits]\nmemory = \"lots\"\n").unwrap();
    std::fs::write(home.data().join("skep.db"), "no database").unwrap();
    let preview = parts(&home.json(&["report", "--preview"]));
    assert!(preview["settings.json"].contains("config_invalid"));
    let health: Value = serde_json::from_str(&preview["health.json"]).unwrap();
    let bad = |check: &&Value| check["state"] == "bad";
    assert!(
        health.as_array().unwrap().iter().filter(bad).count() >= 2,
        "{health}"
    );
    let outcome = home.run(&[
        "--json",
        "report",
        "-o",
        path.to_str().unwrap(),
        "--preview",
    ]);
    outcome.refused(2, "usage");
}

#[test]
fn every_command_has_a_manual_page() {
    let home = Home::new();
    let page = home.run(&["man", "job", "ls"]).done();
    assert!(
        page.text().starts_with(".ie") && page.text().contains(".TH"),
        "{}",
        page.text()
    );
    home.run(&["man", "--all", "pages"]).done();
    for page in [
        "skep.1",
        "skep-run.1",
        "skep-job-ls.1",
        "skep-config-edit.1",
    ] {
        assert!(home.path("pages").join(page).is_file(), "{page}");
    }
    home.run(&["--json", "man", "jub"]).refused(2, "usage");
}

#[test]
fn settings_are_edited_and_what_is_wrong_is_not_taken_over() {
    let home = Home::new();
    let edit = |script: &str| {
        let mut command = home.skep(&["--json", "config", "edit"]);
        command.env("EDITOR", format!("sh -c '{script}' --"));
        crate::harness::finish(command.spawn().unwrap())
    };
    let memory = || home.json(&["config", "get", "limits.memory"])["settings"][0]["value"].clone();
    let node = home.coordinator(&[]);
    let outcome = edit("printf \"# mine\\n[limits]\\nmemory = \\\"1GiB\\\"\\n\" > \"$1\"").done();
    let said: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(said["changed"], true);
    assert_eq!(memory(), "1GiB", "the running node has taken it over");
    let outcome = edit("echo \"memory = lots\" >> \"$1\"");
    outcome.refused(1, "config_invalid");
    assert!(outcome.stderr.contains(":4:"), "{outcome:?}");
    edit("exit 3").refused(1, "input_unreadable");
    let outcome = edit("true").done();
    let said: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(said["changed"], false);
    assert_eq!(memory(), "1GiB");
    let path = said["path"].as_str().unwrap();
    assert!(
        std::fs::read_to_string(path)
            .unwrap()
            .starts_with("# mine\n")
    );
    assert!(node.stop().success());
    let outcome = home.run(&["--json", "config", "edit"]);
    outcome.refused(2, "usage");
}

#[test]
fn what_has_not_ended_is_listed() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let spin = home.file("spin.wat", programs::spin());
    assert!(home.run(&["ps"]).done().text().starts_with("nothing runs"));
    let node = home.coordinator(&[]);
    home.run(&["run", &hello]).done();
    let spinning = home.json(&["run", "-d", &spin])["job"].clone();
    let jobs = home.json(&["ps"])["jobs"].clone();
    assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
    assert_eq!(jobs[0]["id"], spinning);
    assert_eq!(
        home.run(&["-q", "ps"]).done().text().trim(),
        spinning.as_str().unwrap()
    );
    home.run(&["job", "cancel", "last"]).done();
    assert_eq!(home.json(&["ps"])["jobs"], serde_json::json!([]));
    assert!(node.stop().success());
}

#[test]
fn the_log_is_narrowed_by_job_machine_level_and_text() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let node = home.coordinator(&[]);
    let first = home.json(&["run", &hello])["job"].clone();
    home.run(&["run", &hello]).done();
    let lines = |args: &[&str]| -> Vec<Value> {
        let mut all = vec!["--json", "logs"];
        all.extend(args);
        let outcome = home.run(&all).done();
        outcome
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let of_first = lines(&["--job", first.as_str().unwrap()]);
    assert!(!of_first.is_empty() && of_first.iter().all(|line| line["job"] == first));
    let accepted = lines(&["--grep", "was accepted"]);
    assert_eq!(accepted.len(), 2, "{accepted:?}");
    assert!(lines(&["--level", "error"]).is_empty());
    let name = home.json(&["machine", "ls"])["machines"][0]["name"].clone();
    let of_machine = lines(&["--machine", name.as_str().unwrap()]);
    assert!(of_machine.len() >= 4, "{of_machine:?}");
    let outcome = home.run(&["--json", "logs", "--machine", "nobody"]);
    outcome.refused(6, "no_such_machine");
    home.run(&["--json", "logs", "--level", "loud"])
        .refused(2, "usage");
    assert!(node.stop().success());
}
