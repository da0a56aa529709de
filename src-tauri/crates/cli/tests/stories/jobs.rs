//! Looking back at jobs: lists, logs, results, retries.

use crate::harness::Home;
use crate::programs;

#[test]
fn what_ran_is_remembered() {
    let home = Home::new();
    let module = home.file("hello.wat", programs::hello());
    home.run(&["run", "--name", "first", &module]).done();
    home.run(&["run", "--name", "second", &module]).done();
    let jobs = home.json(&["job", "ls"]);
    let names: Vec<&str> = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["second", "first"], "newest first");
    let id = jobs["jobs"][1]["id"].as_str().unwrap();
    assert_eq!(home.run(&["job", "results", id]).done().text(), "hello\n");
    let results = home.json(&["job", "results", &id[..10]]);
    assert_eq!(results["schema"], 1);
    assert_eq!(results["results"][0]["text"], "hello\n");
    assert_eq!(results["results"][0]["exit_code"], 0);
    assert_eq!(
        results["results"][0]["hash"],
        blake3::hash(b"hello\n").to_hex().as_str()
    );
    home.run(&["job", "rm", id]).done();
    home.run(&["--json", "job", "show", id])
        .refused(6, "no_such_job");
    assert_eq!(
        home.json(&["job", "ls"])["jobs"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_failed_task_says_why_and_can_be_tried_again() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    let module = home.file("trap.wat", programs::trap());
    let outcome = home.run(&["run", "--retries", "1", &module]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    let task = home.json(&["task", "show", "last", "0"]);
    assert_eq!(task["state"], "failed");
    assert_eq!(task["failures"], 2, "{task}");
    assert_eq!(task["attempt"], 2);
    assert!(
        home.run(&["job", "logs", "last"])
            .done()
            .text()
            .contains("about to fail")
    );
    assert!(
        home.run(&["task", "logs", "last", "0"])
            .done()
            .text()
            .contains("about to fail")
    );

    home.run(&["job", "retry", "last"]).done();
    assert_eq!(home.run(&["job", "wait", "last"]).code, Some(3));
    let task = home.json(&["task", "show", "last", "0"]);
    // Its one retry is there again.
    assert_eq!(task["attempt"], 4, "attempts go on counting: {task}");
    assert_eq!(task["failures"], 2, "failures begin again: {task}");
    assert!(node.stop().success());
}

#[test]
fn a_task_that_asks_for_another_machine_is_tried_again_then_given_up() {
    let home = Home::new();
    let module = home.file("exit.wat", programs::exit());
    let mut command = home.skep(&["run", &module, "75"]);
    command.env("SKEP_RETRY_DELAY", "10ms");
    let outcome = crate::harness::finish(command.spawn().unwrap());
    assert_eq!(outcome.code, Some(75), "{outcome:?}");
    let task = home.json(&["task", "show", "last", "0"]);
    assert_eq!(task["attempt"], 4, "once and three times more: {task}");
    assert_eq!(task["failures"], 0, "{task}");
    let told: Vec<u64> = task["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|earlier| earlier["attempt"].as_u64().unwrap())
        .collect();
    assert_eq!(told, [1, 2, 3], "the fourth is its failure: {task}");
    let shown = home.run(&["task", "show", "last", "0"]).done();
    let told = |attempt| format!("attempt {attempt} on ");
    assert!(
        (1..4).all(|attempt| shown.text().contains(&told(attempt))),
        "{}",
        shown.text()
    );
}

#[test]
fn modules_are_known_by_name() {
    let home = Home::new();
    let module = home.file("hello.wat", programs::hello());
    home.run(&["module", "push", &module, "--name", "greeting"])
        .done();
    std::fs::remove_file(&module).unwrap();
    assert_eq!(home.run(&["run", "greeting"]).done().text(), "hello\n");
    let modules = home.json(&["module", "ls"]);
    let known = modules["modules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "greeting")
        .unwrap()
        .clone();
    let hash = known["hash"].as_str().unwrap();
    assert_eq!(home.run(&["run", &hash[..12]]).done().text(), "hello\n");
    home.run(&["module", "rm", "greeting"]).done();
    home.run(&["--json", "run", "greeting"])
        .refused(6, "no_such_module");
}

#[test]
fn the_inspector_tells_what_a_module_is() {
    let home = Home::new();
    let module = home.file("functions.wat", programs::functions());
    let card = home.json(&["module", "inspect", &module]);
    let names: Vec<&str> = card["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["square", "scale", "both", "divide"]);
    let said = home.run(&["module", "inspect", &module]).done();
    assert!(said.text().contains("square"), "{said:?}");
}
