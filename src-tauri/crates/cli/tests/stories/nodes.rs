//! A node that stays, its clients, and who may be one.

use crate::harness::{Home, finish, until};
use crate::programs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

#[test]
fn commands_are_clients_of_the_node_that_runs() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    let module = home.file("hello.wat", programs::hello());
    assert_eq!(home.run(&["run", &module]).done().text(), "hello\n");
    let id = home
        .run(&["-q", "run", "-d", &module])
        .done()
        .text()
        .trim()
        .to_owned();
    assert_eq!(home.run(&["job", "wait", &id]).code, Some(0));
    assert_eq!(home.run(&["job", "results", &id]).done().text(), "hello\n");
    // The log is written when nobody waits for anything.
    until("the log tells of both", || {
        let log = home.run(&["logs", "--job", &id]).done();
        log.text().contains("a job was accepted") && log.text().contains("the job ended")
    });
    let status = home.json(&["status"]);
    assert_eq!(status["pid"], node.id());
    assert_eq!(
        home.json(&["machine", "ls"])["machines"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(node.stop().success());
}

#[test]
fn a_second_node_on_the_same_folder_is_refused_and_told_who_holds_it() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    let outcome = home.run(&["--json", "coordinator", "start"]);
    outcome.refused(1, "data_in_use");
    assert!(
        outcome.stderr.contains(&node.id().to_string()),
        "{outcome:?}"
    );
    assert!(node.stop().success());
}

#[test]
fn the_socket_is_for_its_owner_only() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    let mut sockets = Vec::new();
    for entry in std::fs::read_dir(home.data()).unwrap().flatten() {
        if std::os::unix::fs::FileTypeExt::is_socket(&entry.file_type().unwrap()) {
            sockets.push(entry.metadata().unwrap().permissions().mode() & 0o777);
        }
    }
    assert_eq!(sockets, [0o600]);
    assert!(node.stop().success());
}

#[test]
fn a_stale_socket_is_no_obstacle_and_a_file_in_its_place_is() {
    let home = Home::new();
    home.coordinator(&[]).kill();
    let node = home.coordinator(&[]);
    assert!(node.stop().success());
    let socket = home.data().join("control.sock");
    let _ = std::fs::remove_file(&socket);
    std::fs::write(&socket, "mine").unwrap();
    home.run(&["--json", "coordinator", "start"])
        .refused(1, "socket_taken");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "mine");
}

#[test]
fn a_stopped_node_lets_short_tasks_end_and_forgets_none() {
    let home = Home::new();
    let node = home.coordinator(&["--cores", "1"]);
    let module = home.file("sleep.wat", programs::sleep());
    let id = home
        .run(&[
            "-q", "run", "-d", "--range", "0..40", &module, "100", "{index}",
        ])
        .done()
        .text()
        .trim()
        .to_owned();
    until("it began", || {
        home.json(&["job", "show", &id])["tasks"]["done"].as_u64() > Some(0)
    });
    assert!(node.stop().success());
    let before = home.json(&["job", "show", &id]);
    assert_ne!(before["state"], "done");
    let node = home.coordinator(&[]);
    assert_eq!(home.run(&["job", "wait", &id]).code, Some(0));
    let expected: String = (0..40).map(|i| format!("{i}\n")).collect();
    assert_eq!(home.run(&["job", "results", &id]).done().text(), expected);
    assert!(node.stop().success());
}

#[test]
fn a_machine_that_does_not_contribute_says_so() {
    let home = Home::new();
    let node = home.coordinator(&[]);
    home.run(&["contribute", "off"]).done();
    let module = home.file("hello.wat", programs::hello());
    let id = home
        .run(&["-q", "run", "-d", &module])
        .done()
        .text()
        .trim()
        .to_owned();
    until("it says why it waits", || {
        home.json(&["job", "show", &id])["reason"]["text"].is_string()
    });
    // Whoever waits for a job reads it at once, and what to do about it.
    let mut waits = home.skep(&["run", &module]).spawn().unwrap();
    let said = BufReader::new(waits.stderr.take().unwrap()).lines();
    let said: Vec<String> = said.map(Result::unwrap).take(2).collect();
    assert_eq!(
        said,
        [
            "waiting for a machine that is paused: Contribute is off",
            "hint: skep contribute on"
        ]
    );
    home.run(&["contribute", "on"]).done();
    assert_eq!(finish(waits).done().text(), "hello\n");
    assert_eq!(home.run(&["job", "wait", &id]).code, Some(0));
    assert!(node.stop().success());
}

#[test]
fn two_clients_without_a_node_share_the_first_ones() {
    let home = Home::new();
    let module = home.file("sleep.wat", programs::sleep());
    let first = home
        .skep(&["run", "--range", "0..6", &module, "300", "{index}"])
        .spawn()
        .unwrap();
    until("the first is a node", || {
        home.data().join("control.sock").exists()
    });
    let second = home
        .skep(&["run", "--range", "0..30", &module, "200", "{index}"])
        .spawn()
        .unwrap();
    // The first ends while the second still runs: the second becomes the node and goes on.
    let first = finish(first).done();
    let second = finish(second).done();
    assert_eq!(first.text(), "0\n1\n2\n3\n4\n5\n");
    assert_eq!(
        second.text(),
        (0..30).map(|i| format!("{i}\n")).collect::<String>()
    );
}

#[test]
fn doctor_says_when_the_service_stops_at_logout() {
    let home = Home::new();
    let uid = rustix::process::getuid().as_raw();
    let machine = [
        "run/systemd/system".to_owned(),
        "usr/lib/systemd/user/skep.service".to_owned(),
        "etc/systemd/user/default.target.wants/skep.service".to_owned(),
        format!(
            "sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/app.slice/skep.service"
        ),
    ];
    for part in machine {
        std::fs::create_dir_all(home.path("machine").join(part)).unwrap();
    }
    let doctor = || {
        let mut command = home.skep(&["doctor"]);
        command
            .env("SKEP_SYSTEM_ROOT", home.path("machine"))
            .env("USER", "ada");
        finish(command.spawn().unwrap())
    };
    let said = doctor();
    assert!(
        said.text()
            .contains("skep.service runs, and stops when you log out"),
        "{said:?}"
    );
    assert!(said.text().contains("loginctl enable-linger"), "{said:?}");
    std::fs::create_dir_all(home.path("machine/var/lib/systemd/linger/ada")).unwrap();
    let said = doctor();
    assert!(
        said.text()
            .contains("skep.service runs, also while you are logged out"),
        "{said:?}"
    );
    assert!(!said.text().contains("enable-linger"), "{said:?}");
}
