//! What goes wrong, and how a person reads of it and mends it.

use crate::driver::Driver;
use crate::session::{LOOK_EVERY, Session, end, wait};
use crate::stories::{button, ended, run_what_is_set_up, status};
use api::{JobState, Reply, Request};
use std::path::PathBuf;

/// Says a word to its log and asks for 300 MiB, more than a task may have.
const HUNGRY: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "hungry for ambergris\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 8))
    (i32.store (i32.const 4) (i32.const 21))
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 40)))
    (if (i32.eq (memory.grow (i32.const 4800)) (i32.const -1)) (then unreachable))))
"#;

/// Types into a field from its beginning.
fn fill(page: &Driver, label: &str, text: &str) {
    page.click(&format!("//input[@aria-label='{label}']"));
    page.run("document.activeElement.select()");
    page.press(text);
}

#[test]
fn a_job_that_fails_says_why_and_offers_what_helps() {
    let mut session = Session::start_at_home();
    let page = session.app(&[]);
    page.reads("Drop a .wasm anywhere");
    let program = session.home().join("hungry.wat");
    std::fs::write(&program, HUNGRY).expect("the program can be written");
    // As from the file manager.
    let path = program.display().to_string();
    assert!(session.launch_again(&[&path]).success());
    run_what_is_set_up(&page);

    let failed = ended(&session, "hungry");
    assert_eq!(failed.state, JobState::Failed);
    let (_, failure) = failed.first_failure.expect("a failure");
    page.reads("1 task: ");
    page.reads(&failure.message);
    // What kind of module it is stands there in words.
    page.reads("program ·");
    // Its own last words, in the task and on their own page.
    page.click(&button("Task 0"));
    page.reads("hungry for ambergris");

    // The log of the node knows of it too.
    page.press("\u{e00c}");
    page.press("gl");
    page.reads("the job ended");
    fill(&page, "Search the log", "the job ended");
    page.reads("1 match");
    fill(&page, "Search the log", "a word nobody wrote");
    page.reads("0 matches");

    // What is offered does help.
    page.run(&format!("location.hash = '#/jobs/{}'", failed.id));
    page.click("//section//button[starts-with(normalize-space(), 'Raise to 1 GiB')]");
    wait("the job is done", || {
        let job = Request::Job {
            job: failed.id.clone(),
        };
        match session.ask(job)? {
            (Reply::Job(job), _) => (job.state == JobState::Done).then_some(()),
            _ => None,
        }
    });
    page.reads("1 done in");
}

#[test]
fn a_node_that_is_gone_is_said_and_comes_back() {
    let mut session = Session::start_at_home();
    // An executor of its own, that can go as in an update.
    let built = PathBuf::from(std::env::var_os("SKEP_EXECUTOR").expect("the test command says"));
    let executor = session.home().join("skep-executor");
    std::fs::copy(&built, &executor).expect("the executor can be copied");
    session.set("SKEP_EXECUTOR", &executor);

    let mut elsewhere = session.elsewhere();
    let first = wait("it answers", || status(&session));
    let page = session.app(&[]);
    page.reads("Drop a .wasm anywhere");
    let away = executor.with_extension("away");
    std::fs::rename(&executor, &away).expect("the executor can go");
    end(&mut elsewhere);
    page.reads("Can't reach the pool: ");
    assert!(status(&session).is_none());
    // What was known stays.
    page.reads("Drop a .wasm anywhere");

    std::fs::rename(&away, &executor).expect("the executor can come back");
    let second = wait("a node answers", || status(&session));
    assert_ne!(first.pid, second.pid);
    wait("the page is at it again", || {
        std::thread::sleep(LOOK_EVERY);
        (!page.text().contains("Can't reach")).then_some(())
    });
}
