//! A pool before the second machine comes: named, shown, opened by codes and
//! invites; and every wrong way to do so.

use crate::harness::{Home, finish, until};
use crate::programs;
use serde_json::Value;

/// Coordinates only: these stories run no modules.
fn coordinator(home: &Home) -> crate::harness::Node {
    home.coordinator(&["--no-work"])
}

fn length(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

#[test]
fn a_pool_is_named_and_says_who_belongs_to_it() {
    let home = Home::new();
    let created = home.json(&["pool", "create", "home lab"]);
    assert_eq!(created["name"], "home lab");
    assert_eq!(created["coordinates"], true);
    assert_eq!(created["addresses"], serde_json::json!([]));
    let node = coordinator(&home);
    let status = home.json(&["pool", "status"]);
    assert_eq!(status["name"], "home lab", "the name outlives its command");
    assert_eq!(status["id"], created["id"]);
    let at = status["addresses"][0].as_str().unwrap();
    assert!(at.starts_with("127.0.0.1:"), "{status}");
    assert!(
        node.ready.contains(&format!("listens at {at}")),
        "{}",
        node.ready
    );
    let roll = home.json(&["pool", "device", "ls"]);
    assert_eq!(length(&roll["devices"]), 1, "{roll}");
    let own = &roll["devices"][0];
    assert_eq!(
        (&own["own"], &own["coordinates"]),
        (&true.into(), &true.into())
    );
    assert_eq!(own["person"], status["person"]);
    assert_eq!((length(&roll["joins"]), length(&roll["persons"])), (0, 1));
    let said = home.run(&["pool", "device", "ls"]).done();
    assert!(said.text().contains("this one, coordinates"), "{said:?}");
    assert!(!said.text().contains("Asking to be let in"), "{said:?}");
    let id = home.run(&["-q", "pool", "status"]).done();
    assert_eq!(id.text().trim(), status["id"].as_str().unwrap());
    assert!(node.stop().success());
}

#[test]
fn a_pool_without_a_node_still_says_what_it_is() {
    let home = Home::new();
    home.run(&["--json", "pool", "status"])
        .refused(5, "no_node");
    home.run(&["pool", "create", "home lab"]).done();
    let status = home.json(&["pool", "status"]);
    assert_eq!(status["name"], "home lab");
    assert_eq!(length(&home.json(&["pool", "device", "ls"])["devices"]), 1);
    assert_eq!(length(&home.json(&["pool", "invite", "ls"])["invites"]), 0);
}

#[test]
fn a_code_is_printed_where_nobody_can_answer() {
    let home = Home::new();
    home.run(&["pool", "create", "home lab"]).done();
    home.run(&["--json", "pool", "code"]).refused(5, "no_node");
    let node = coordinator(&home);
    let said = home.run(&["pool", "code"]).done();
    let code = said.text().lines().nth(1).unwrap().trim().to_owned();
    assert_eq!(code.len(), 9, "{said:?}");
    for line in [
        format!("skep pool join {code}"),
        "good for              10 minutes".to_owned(),
        "skep://join/".to_owned(),
    ] {
        assert!(said.text().contains(&line), "{line}: {said:?}");
    }
    let shown = home.json(&["pool", "code"]);
    let again = shown["code"].as_str().unwrap();
    assert_ne!(again, code, "a new code closes the old one");
    let at = shown["addresses"][0].as_str().unwrap();
    assert_eq!(
        shown["command"],
        format!("skep worker start --pool {at} --join {again}")
    );
    assert!(shown["expires"].as_str().unwrap().ends_with('Z'));
    assert_eq!(home.run(&["-q", "pool", "code"]).done().text().len(), 10);
    assert!(node.stop().success());
}

#[test]
fn an_invite_is_made_listed_and_taken_back() {
    let home = Home::new();
    home.run(&["pool", "create", "home lab"]).done();
    home.run(&["--json", "pool", "invite"])
        .refused(5, "no_node");
    let node = coordinator(&home);
    let made = home.json(&[
        "pool",
        "invite",
        "--uses",
        "10",
        "--expires",
        "2h",
        "--name",
        "rack",
    ]);
    let (id, link) = (&made["invite"]["id"], made["link"].as_str().unwrap());
    assert!(link.starts_with("skep://join/"), "{made}");
    assert_eq!(made["command"], format!("skep worker start --join {link}"));
    assert_eq!(made["invite"]["uses_left"], 10);
    let said = home.run(&["pool", "invite"]).done();
    assert_eq!(said.text().lines().count(), 1, "{said:?}");
    assert!(said.stderr.contains("shown only now"), "{said:?}");
    let listed = home.json(&["pool", "invite", "ls"]);
    assert_eq!(length(&listed["invites"]), 2);
    assert!(!listed.to_string().contains("skep://"), "{listed}");
    let text = home.run(&["pool", "invite", "ls"]).done();
    assert!(text.text().contains("rack"), "{text:?}");
    let id = id.as_str().unwrap();
    let revoked = home.json(&["pool", "invite", "revoke", id]);
    assert_eq!(revoked["revoked"], serde_json::json!([id]));
    home.run(&["--json", "pool", "invite", "revoke", id])
        .refused(6, "no_such_device");
    assert_eq!(length(&home.json(&["pool", "invite", "ls"])["invites"]), 1);
    assert!(node.stop().success());
    // What lets in is known without a node too, and taken back.
    let left = home.run(&["-q", "pool", "invite", "ls"]).done();
    let left = left.text().trim().to_owned();
    home.run(&["pool", "invite", "revoke", &left]).done();
    let none = home.run(&["pool", "invite", "ls"]).done();
    assert!(none.text().contains("no invite"), "{none:?}");
}

#[test]
fn a_machine_is_renamed_labelled_paused_and_resumed() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    until("it works here", || {
        length(&home.json(&["machine", "ls"])["machines"]) == 1
    });
    let id = home.run(&["-q", "machine", "ls"]).done();
    let id = id.text().trim().to_owned();
    let renamed = home.json(&["machine", "rename", &id, "studio-pc"]);
    assert_eq!(length(&renamed["renamed"]), 1);
    assert_eq!(home.json(&["machine", "show", "studio-pc"])["id"], *id);
    home.run(&["machine", "pause", "studio-pc"]).done();
    until("it is paused", || {
        home.json(&["machine", "show", &id])["state"] == "paused"
    });
    home.run(&["machine", "resume", "studio-pc"]).done();
    until("it is ready", || {
        home.json(&["machine", "show", &id])["state"] == "ready"
    });
    home.run(&["machine", "label", "studio-pc", "fast"]).done();
    let hello = home.file("hello.wat", programs::hello());
    for on in ["studio-pc", "fast", &id] {
        let ran = home.run(&["run", "--on", on, &hello]).done();
        assert_eq!(ran.text(), "hello\n", "{on}");
    }
    home.run(&["--json", "machine", "pause", "nobody"])
        .refused(6, "no_such_machine");
    home.run(&["machine", "rename", "studio-pc", "--own"])
        .done();
    home.run(&["--json", "machine", "show", "studio-pc"])
        .refused(6, "no_such_machine");
    assert!(node.stop().success());
}

#[test]
fn a_worker_comes_in_by_an_invite_and_leaves_again() {
    let (home, other) = (Home::new(), Home::new());
    home.run(&["pool", "create", "home lab"]).done();
    let node = coordinator(&home);
    let made = home.json(&["pool", "invite", "--name", "rack"]);
    let link = made["link"].as_str().unwrap();
    let worker = other.node(&["worker", "start", "--join", link]);
    assert!(
        worker.ready.contains("works for home lab"),
        "{}",
        worker.ready
    );
    until("it is there to work", || {
        let machines = home.json(&["machine", "ls"])["machines"].clone();
        machines
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["state"] == "ready")
    });
    let status = other.json(&["pool", "status"]);
    assert_eq!(
        (&status["name"], &status["coordinates"]),
        (&"home lab".into(), &false.into())
    );
    assert_eq!(status["roles"]["admin"], false, "unasked, it only works");
    let hello = home.file("hello.wat", programs::hello());
    assert_eq!(home.run(&["run", &hello]).done().text(), "hello\n");
    assert!(worker.stop().success());
    until("it is seen to be away", || {
        home.run(&["machine", "ls"])
            .done()
            .text()
            .contains("offline")
    });
    other
        .run(&["--json", "coordinator", "start"])
        .refused(4, "not_allowed");
    // It belongs to the pool already, so the used link is not needed again.
    let worker = other.node(&["worker", "start", "--join", link]);
    assert!(worker.stop().success());
    other.run(&["pool", "leave"]).done();
    other
        .run(&["--json", "worker", "start"])
        .refused(4, "not_allowed");
    assert!(node.stop().success());
}

#[test]
fn wrong_words_about_pools_are_refused_with_2() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let cases: &[&[&str]] = &[
        &["pool"],
        &["pool", "create"],
        &["pool", "create", "  "],
        &["pool", "join"],
        &["pool", "join", "K7QM"],
        &["pool", "join", "https://example.org"],
        &["pool", "join", "--pool", "pc:0", "K7QM-2XRT"],
        &["pool", "join", "--finish", "--cancel", "K7QM-2XRT"],
        &["pool", "code", "K7QM-2XRT"],
        &["pool", "invite", "--uses", "none"],
        &["pool", "invite", "--role", "admin"],
        &["pool", "invite", "--expires", "0s"],
        &["pool", "device", "approve", "pc"],
        &["pool", "device", "approve", "pc", "--person", "ben"],
        &["pool", "device", "refuse"],
        &["pool", "device", "revoke", "pc"],
        &["machine", "pause"],
        &["machine", "pause", "pc", "--for", "0s"],
        &["machine", "rename", "pc"],
        &["machine", "label", "pc"],
        &["machine", "label", "pc", " "],
        &["run", "--on", "", &hello],
        &["coordinator", "start", "--listen", "7537"],
        &["coordinator", "start", "--listen", "localhost:7537"],
        &["worker"],
        &["worker", "start", "--join", "K7QM"],
        &["worker", "start", "--pool", "a b"],
    ];
    for args in cases {
        let mut all = vec!["--json"];
        all.extend(*args);
        let outcome = home.run(&all);
        assert_eq!(outcome.code, Some(2), "{args:?}: {outcome:?}");
        outcome.refused(2, "usage");
    }
    assert!(!home.data().join("skep.db").exists(), "nothing was made");
}

#[test]
fn a_worker_belongs_to_a_pool_or_is_not_started() {
    let home = Home::new();
    let outcome = home.run(&["--json", "worker", "start"]);
    outcome.refused(4, "not_allowed");
    assert!(outcome.stderr.contains("skep pool code"), "{outcome:?}");
    home.run(&["--json", "pool", "leave"]).refused(2, "usage");
    assert!(!home.data().join("skep.db").exists(), "nothing was made");
    let mut wrong = home.skep(&["--json", "worker", "start"]);
    let wrong = wrong.env("SKEP_TOKEN", "K7QM").spawn().unwrap();
    finish(wrong).refused(2, "usage");
}

#[test]
fn a_pool_that_nobody_answers_for_is_not_joined() {
    let home = Home::new();
    // Nobody listens where this socket is bound, and nobody else can.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap().to_string();
    let outcome = home.run(&["--json", "pool", "join", "--pool", &at, "K7QM-2XRT"]);
    outcome.refused(5, "unreachable");
    home.run(&["--json", "worker", "start"])
        .refused(4, "not_allowed");
}

#[test]
fn unfinished_jobs_are_not_forgotten_by_joining() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    home.run(&["contribute", "off"]).done();
    let hello = home.file("hello.wat", programs::hello());
    let id = home.run(&["-q", "run", "-d", &hello]).done();
    let id = id.text().trim().to_owned();
    assert!(node.stop().success());
    let join = [
        "--json",
        "pool",
        "join",
        "--pool",
        "127.0.0.1:9",
        "K7QM-2XRT",
    ];
    let outcome = home.run(&join);
    outcome.refused(2, "job_running");
    assert!(outcome.stderr.contains("--finish"), "{outcome:?}");
    assert_eq!(home.json(&["job", "show", &id])["state"], "queued");
}

#[test]
fn a_node_that_runs_is_not_taken_into_another_pool() {
    let home = Home::new();
    let node = coordinator(&home);
    let join = [
        "--json",
        "pool",
        "join",
        "--pool",
        "127.0.0.1:9",
        "K7QM-2XRT",
    ];
    home.run(&join).refused(1, "data_in_use");
    assert!(node.stop().success());
}
