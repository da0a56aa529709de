//! One program, one task: what comes out, and with which exit code.

use crate::harness::{Home, finish, signal, until};
use crate::programs;
use std::io::Read;
use std::time::Duration;

#[test]
fn a_program_that_a_stranger_compiled_prints_what_it_prints() {
    let home = Home::new();
    let module = home.file("hello.wat", programs::hello());
    let outcome = home.run(&["run", &module]).done();
    assert_eq!(outcome.text(), "hello\n");
}

#[test]
fn a_binary_module_runs_as_its_text_does() {
    let home = Home::new();
    let module = home.file("hello.wasm", wat::parse_str(programs::hello()).unwrap());
    assert_eq!(home.run(&["run", &module]).done().text(), "hello\n");
}

#[test]
fn the_guest_gets_its_arguments_and_nothing_of_ours() {
    let home = Home::new();
    let module = home.file("arguments.wat", programs::arguments());
    let outcome = home
        .run(&[
            "run",
            "--memory",
            "64MiB",
            &module,
            "--priority",
            "3",
            "one",
            "--name",
            "two words",
        ])
        .done();
    // --priority stands directly after MODULE and is ours; --name comes after the guest's first word.
    assert_eq!(outcome.text(), "arguments.wat\none\n--name\ntwo words\n");
    let outcome = home.run(&["run", &module, "--", "--priority", "3"]).done();
    assert_eq!(outcome.text(), "arguments.wat\n--priority\n3\n");
}

#[test]
fn the_guest_sees_the_environment_it_was_given_and_no_other() {
    let home = Home::new();
    let module = home.file("environment.wat", programs::environment());
    let mut command = home.skep(&["run", "--env", "COLOUR=green", "--env", "MINE", &module]);
    command
        .env("MINE", "inherited")
        .env("SECRET", "not for guests");
    let outcome = finish(command.spawn().unwrap()).done();
    let mut names: Vec<&str> = outcome
        .text()
        .lines()
        .map(|line| line.split_once('=').unwrap().0)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "COLOUR",
            "MINE",
            "SKEP_ATTEMPT",
            "SKEP_JOB_ID",
            "SKEP_TASK_COUNT",
            "SKEP_TASK_INDEX"
        ]
    );
    assert!(outcome.text().contains("COLOUR=green\n"));
    assert!(outcome.text().contains("MINE=inherited\n"));
    assert!(outcome.text().contains("SKEP_ATTEMPT=1\n"));
}

#[test]
fn standard_input_arrives_byte_for_byte() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let bytes: Vec<u8> = (0..300_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let input = home.file("input.bin", &bytes);
    let outcome = home.run(&["run", "--stdin", &input, &module]).done();
    assert!(
        outcome.stdout == bytes,
        "{} bytes came back of {}",
        outcome.stdout.len(),
        bytes.len()
    );
}

#[test]
fn the_guests_exit_code_is_ours() {
    let home = Home::new();
    let module = home.file("exit.wat", programs::exit());
    for (given, expected) in [
        ("0", 0),
        ("7", 7),
        ("255", 255),
        ("256", 255),
        ("70000", 255),
    ] {
        assert_eq!(
            home.run(&["run", &module, given]).code,
            Some(expected),
            "exit {given}"
        );
    }
}

#[test]
fn a_trap_is_told_with_its_message_and_the_log() {
    let home = Home::new();
    let module = home.file("trap.wat", programs::trap());
    let outcome = home.run(&["run", &module]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.contains("about to fail"), "{outcome:?}");
    assert!(outcome.stderr.contains("unreachable"), "{outcome:?}");
    assert_eq!(outcome.stdout, b"");
}

#[test]
fn what_happened_is_in_the_log_though_nobody_asked() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    home.run(&["run", &hello]).done();
    let log = home.run(&["logs", "--grep", "was accepted"]).done();
    assert_eq!(log.text().lines().count(), 1, "{log:?}");
}

#[test]
fn a_task_that_never_ends_is_ended_at_its_limit() {
    let home = Home::new();
    let module = home.file("spin.wat", programs::spin());
    let outcome = home.run(&["run", "--task-timeout", "1s", &module]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    let job = home.json(&["job", "show", "last"]);
    assert_eq!(
        job["first_failure"][1]["kind"], "deadline_exceeded",
        "{job}"
    );
}

#[test]
fn a_job_that_takes_too_long_ends_with_124() {
    let home = Home::new();
    let module = home.file("spin.wat", programs::spin());
    let outcome = home.run(&["run", "--timeout", "1s", &module]);
    assert_eq!(outcome.code, Some(124), "{outcome:?}");
    assert_eq!(home.json(&["job", "show", "last"])["state"], "cancelled");
}

#[test]
fn output_beyond_its_cap_fails_the_task_and_keeps_what_came() {
    let home = Home::new();
    let module = home.file("flood.wat", programs::flood());
    let outcome = home.run(&["run", "--max-output", "64KiB", &module]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(
        outcome.stdout.len() <= 64 << 10,
        "{} bytes were let through",
        outcome.stdout.len()
    );
    assert!(outcome.stdout.iter().all(|byte| *byte == b'x'));
    assert_eq!(
        home.json(&["job", "show", "last"])["first_failure"][1]["kind"],
        "output_limit"
    );
}

#[test]
fn functions_are_called_with_numbers() {
    let home = Home::new();
    let module = home.file("functions.wat", programs::functions());
    assert_eq!(
        home.run(&["run", &module, "--invoke", "square", "--", "-12"])
            .done()
            .text(),
        "144\n"
    );
    assert_eq!(
        home.run(&["run", "--invoke", "scale", &module, "0.1", "3"])
            .done()
            .text(),
        "0.30000000000000004\n"
    );
    assert_eq!(
        home.run(&["run", "--invoke", "both", &module, "21"])
            .done()
            .text(),
        "21 42\n"
    );
    assert_eq!(
        home.run(&["run", "--invoke", "divide", &module, "0"]).code,
        Some(3)
    );
}

#[test]
fn a_bytes_function_turns_bytes_into_bytes() {
    let home = Home::new();
    let module = home.file("bytes.wat", programs::bytes());
    let input = home.file("input", b"HAL\x00");
    assert_eq!(
        home.run(&["run", "--stdin", &input, &module]).done().stdout,
        b"IBM\x01"
    );
}

#[test]
fn files_go_in_and_come_out() {
    let home = Home::new();
    let module = home.file("copy.wat", programs::copy_file("data.txt"));
    let input = home.file("data.txt", "some bytes\n".repeat(20_000));
    let out = home.path("collected");
    home.run(&[
        "run",
        "--in",
        &input,
        "--collect",
        out.to_str().unwrap(),
        &module,
    ])
    .done();
    assert_eq!(
        std::fs::read(out.join("copy")).unwrap(),
        std::fs::read(&input).unwrap()
    );
}

#[test]
fn the_result_is_written_where_it_should_go() {
    let home = Home::new();
    let module = home.file("hello.wat", programs::hello());
    let to = home.path("result.txt");
    let outcome = home
        .run(&["run", "-o", to.to_str().unwrap(), &module])
        .done();
    assert_eq!(outcome.stdout, b"");
    assert_eq!(std::fs::read_to_string(to).unwrap(), "hello\n");
}

#[test]
fn output_is_seen_as_it_comes() {
    let home = Home::new();
    let module = home.file("flood.wat", programs::flood());
    let mut child = home
        .skep(&["run", "--max-output", "1GiB", &module])
        .spawn()
        .unwrap();
    let mut first = [0; 32];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(first, [b'x'; 32]);
    drop(child.stdout.take()); // `| head`: it ends quietly
    let outcome = finish(child);
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    assert!(!outcome.stderr.contains("error:"), "{outcome:?}");
}

#[test]
fn ctrl_c_cancels_the_job_and_twice_leaves() {
    let home = Home::new();
    let module = home.file("spin.wat", programs::spin());
    let child = home.skep(&["run", &module]).spawn().unwrap();
    until("the task runs", || tasks_running(&home) == 1);
    signal(child.id(), rustix::process::Signal::INT);
    let outcome = finish(child);
    assert_eq!(outcome.code, Some(130), "{outcome:?}");
    assert_eq!(home.json(&["job", "show", "last"])["state"], "cancelled");

    let child = home.skep(&["run", &module]).spawn().unwrap();
    until("the task runs", || tasks_running(&home) == 1);
    signal(child.id(), rustix::process::Signal::INT);
    signal(child.id(), rustix::process::Signal::INT);
    assert_eq!(finish(child).code, Some(130));
}

#[test]
fn an_interrupt_leaves_no_job_behind_whenever_it_comes() {
    let home = Home::new();
    let module = home.file("spin.wat", programs::spin());
    let node = home.coordinator(&[]);
    // From before the first word is sent until the job runs. By SIGTERM, which
    // does the same: a shell without job control starts what it runs in the
    // background with SIGINT ignored, and so it is until the client listens.
    for wait in (0..60).step_by(3) {
        let child = home.skep(&["run", &module]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        signal(child.id(), rustix::process::Signal::TERM);
        let outcome = finish(child);
        assert!(
            matches!(outcome.code, None | Some(130)),
            "{wait}: {outcome:?}"
        );
        let open = home.json(&["ps"])["jobs"].clone();
        assert_eq!(open, serde_json::json!([]), "after {wait} ms");
    }
    assert!(node.stop().success());
}

fn tasks_running(home: &Home) -> u64 {
    let jobs = home.run(&["--json", "job", "ls"]);
    let Ok(jobs) = serde_json::from_slice::<serde_json::Value>(&jobs.stdout) else {
        return 0;
    };
    jobs["jobs"][0]["tasks"]["running"].as_u64().unwrap_or(0)
}
