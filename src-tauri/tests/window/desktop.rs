//! What the desktop around the window sees of Skep: files that are opened with
//! it, notifications, the list of what starts at login, and the question
//! before it ends.

use crate::session::{Session, wait};
use crate::stories::{ENTER, HELLO, close_window, ended, result, skip_welcome, status};
use api::{JobState, ModuleRef, Reply, Request};

/// A program that never ends by itself.
const FOREVER: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (br $again))))
"#;

/// Hands a program in, as the command line would; returns the job's id.
fn submit(session: &Session, name: &str, text: &str) -> String {
    let upload = Request::Upload {
        bytes: Some(text.len() as u64),
    };
    let Some((Reply::Blob { blob, .. }, _)) = session.send(upload, Some(text.as_bytes())) else {
        panic!("the program is not taken")
    };
    let job = serde_json::json!({
        "client_id": blob[..32], "module": ModuleRef::Blob { blob: blob.clone() },
        "module_name": name, "name": name, "args": [], "env": {}, "invoke": null, "params": {},
        "split": { "kind": "once" }, "stdin": null, "files": [], "fold": null,
        "limits": {}, "priority": 0, "timeout_ms": null, "chunk": null,
        "trial": false, "transient": false, "collect": false,
    });
    let job = serde_json::from_value(job).expect("a job of the contract");
    match session.ask(Request::Submit(Box::new(job))) {
        Some((Reply::Submitted { job, .. }, _)) => job,
        other => panic!("the job is not taken: {other:?}"),
    }
}

#[test]
fn a_file_that_is_opened_with_skep_comes_to_the_window_that_is_there() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    close_window(&session);
    let program = session.home().join("hello from me.wat");
    std::fs::write(&program, HELLO).expect("the program can be written");
    let address = format!("file://{}", program.display()).replace(' ', "%20");
    assert!(session.launch_again(&[&address]).success());
    wait("the window is back", || session.windows("Skep").pop());
    page.reads("hello from me.wat");
    wait("Enter would run it", || {
        let focused = "return document.activeElement?.textContent ?? ''";
        page.run(focused).as_str()?.starts_with("Run").then_some(())
    });
    page.press(ENTER);
    let job = ended(&session, "hello");
    assert_eq!(job.state, JobState::Done);
    assert_eq!(result(&session, &job, 0), b"Hello from the drop\n");
}

#[test]
fn what_ends_while_nobody_looks_is_told_and_leads_to_its_results() {
    let mut session = Session::start();
    let page = session.app(&["--safe-graphics"]);
    skip_welcome(&page);
    close_window(&session);
    session.notices.titled("Skep goes on in the tray");
    let job = submit(&session, "hello", HELLO);
    let notice = session.notices.titled("hello is done");
    assert_eq!(notice.body, "1 task done");
    session.notices.click(&notice, "Show results");
    wait("the window is back", || session.windows("Skep").pop());
    let results = format!("#/jobs/{job}/results");
    wait("it shows the results", || {
        (page.run("return location.hash") == results).then_some(())
    });
}

#[test]
fn starting_at_login_is_a_switch_and_leaves_nothing() {
    let mut session = Session::start();
    let page = session.app(&["--safe-graphics"]);
    skip_welcome(&page);
    page.run("location.hash = '#/settings'");
    let entry = session.home().join(".config/autostart/Skep.desktop");
    let switch = "//*[@role='switch' and @aria-label='Start at login']";
    page.click(switch);
    let text = wait("the session's list has it", || {
        std::fs::read_to_string(&entry).ok()
    });
    assert!(text.contains(&format!(
        "Exec=\"{}\" --hidden",
        env!("CARGO_BIN_EXE_skep-app")
    )));
    page.click(switch);
    wait("the session's list lacks it", || {
        (!entry.exists()).then_some(())
    });
    page.run("location.hash = '#/settings/about'");
    page.reads("safe graphics");
}

#[test]
fn quitting_while_a_task_runs_asks_how() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    submit(&session, "forever", FOREVER);
    wait("the task runs", || {
        (status(&session)?.tasks_running == 1).then_some(())
    });
    // What the tray tells, the question knows.
    wait("the tray tells it", || {
        let lines = session.tray.lines();
        lines
            .iter()
            .any(|line| line.label.starts_with("1 of "))
            .then_some(())
    });
    session.tray.click("Quit Skep");
    let question = wait("it asks", || session.windows("Quit Skep").pop());
    session.xdotool(&["windowactivate", "--sync", &question, "key", "Escape"]);
    wait("the question is gone", || {
        session.windows("Quit Skep").is_empty().then_some(())
    });
    assert!(status(&session).is_some(), "it was cancelled");

    session.tray.click("Quit Skep");
    let question = wait("it asks", || session.windows("Quit Skep").pop());
    session.xdotool(&["windowactivate", "--sync", &question, "key", "alt+f"]);
    session.tray.line("Finishing 1 task, then quitting");
    session.tray.click("Quit now");
    wait("the node is gone", || {
        status(&session).is_none().then_some(())
    });
}
