//! What a person lives through, from the first launch to the last.

use crate::driver::Driver;
use crate::session::{Session, end, wait};
use api::{BytesOf, JobState, JobView, Reply, Request, Status};
use std::path::Path;
use std::time::{Duration, Instant};

/// A program that needs nothing and prints one line.
pub(crate) const HELLO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "Hello from the drop\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 8))
    (i32.store (i32.const 4) (i32.const 20))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 40)))))
"#;
/// WebDriver's name for the key.
pub(crate) const ENTER: &str = "\u{e007}";

pub(crate) fn status(session: &Session) -> Option<Status> {
    match session.ask(Request::Status)? {
        (Reply::Status(status), _) => Some(*status),
        _ => None,
    }
}

pub(crate) fn contributes(session: &Session, on: bool) {
    wait(&format!("the machine contributes: {on}"), || {
        (status(session)?.contribution.on == on).then_some(())
    });
}

/// The newest job, once it has ended.
pub(crate) fn ended(session: &Session, name: &str) -> JobView {
    let jobs = || Request::Jobs {
        cursor: None,
        limit: 1,
    };
    wait(&format!("a job {name} has ended"), || {
        let (Reply::Jobs { jobs, .. }, _) = session.ask(jobs())? else {
            return None;
        };
        jobs.into_iter()
            .next()
            .filter(|job| job.name.contains(name) && job.ended_ms.is_some())
    })
}

pub(crate) fn result(session: &Session, job: &JobView, index: u32) -> Vec<u8> {
    let read = Request::Read {
        job: job.id.clone(),
        index,
        what: BytesOf::Result,
    };
    wait("the result can be read", || session.ask(read.clone())).1
}

pub(crate) fn close_window(session: &Session) {
    /// A key is lost on a window that is not quite there yet.
    const PRESS_AGAIN: Duration = Duration::from_secs(2);
    wait("the window is there", || session.windows("Skep").pop());
    let mut pressed: Option<Instant> = None;
    wait("the window is away", || {
        let Some(window) = session.windows("Skep").pop() else {
            return Some(());
        };
        if pressed.is_none_or(|pressed| pressed.elapsed() > PRESS_AGAIN) {
            pressed = Some(Instant::now());
            session.xdotool(&[
                "windowactivate",
                "--sync",
                &window,
                "key",
                "--clearmodifiers",
                "alt+F4",
            ]);
        }
        None
    });
}

pub(crate) fn button(label: &str) -> String {
    format!("//button[normalize-space()='{label}' or @aria-label='{label}']")
}

/// Past the first steps, as somebody who knows them.
pub(crate) fn skip_welcome(page: &Driver) {
    page.click(&button("Set up this machine"));
    page.click(&button("Skip"));
}

/// The button has the focus as soon as nothing more is to be said.
pub(crate) fn run_what_is_set_up(page: &Driver) {
    wait("Enter would run it", || {
        let focused = "return document.activeElement?.textContent ?? ''";
        page.run(focused).as_str()?.starts_with("Run").then_some(())
    });
    page.press(ENTER);
}

/// Has the page save, and answers the desktop's dialog.
fn save(session: &Session, page: &Driver, label: &str, title: &str, to: &Path) {
    page.click(&button(label));
    let dialog = wait("the dialog is there", || session.windows(title).pop());
    session.xdotool(&["windowactivate", "--sync", &dialog, "key", "ctrl+a"]);
    session.xdotool(&["type", "--delay", "20", &to.display().to_string()]);
    session.xdotool(&["key", "Return"]);
    wait("the file is saved", || to.exists().then_some(()));
}

#[test]
fn the_window_comes_and_goes_and_the_node_stays() {
    let mut session = Session::start();
    let page = session.app(&[]);
    page.reads("Skep runs your programs");
    let node = wait("a node answers", || status(&session));

    // What the tray switches is what the node does.
    assert!(session.tray.line("Contribute").checked);
    session.tray.click("Contribute");
    contributes(&session, false);
    wait("the tray shows it", || {
        (!session.tray.line("Contribute").checked).then_some(())
    });
    // The desktop marks a switch at the click; the sentence is the node's.
    session.tray.line("Paused: Contribute is off");
    session.tray.click("Contribute");
    contributes(&session, true);

    // Closed, it is away, and the same process goes on working and says so.
    close_window(&session);
    let again = wait("the node still answers", || status(&session));
    assert_eq!(again.pid, node.pid);
    let notice = session.notices.titled("Skep goes on in the tray");
    session.notices.click(&notice, "Open Skep");
    wait("the window is back", || session.windows("Skep").pop());

    // A second launch shows the first one's window and ends.
    close_window(&session);
    assert!(session.launch_again(&[]).success());
    wait("the window is back", || session.windows("Skep").pop());
    assert_eq!(session.notices.all().len(), 1, "it is explained once");

    // The tray leads into the page.
    session.tray.click("Settings…");
    page.reads("Close button");

    session.tray.click("Quit Skep");
    wait("the node is gone", || {
        status(&session).is_none().then_some(())
    });
}

#[test]
fn what_a_window_left_behind_goes_when_nobody_wants_it_again() {
    let mut session = Session::start_at_home();
    session.set("SKEP_HIDDEN_KEPT_MS", Path::new("500"));
    session.unwatched();
    wait("the window is there", || session.windows("Skep").pop());
    let node = wait("the node answers", || status(&session));
    let engine = || {
        let programs = crate::costs::costs(node.pid);
        programs.keys().any(|name| name.starts_with("WebKit"))
    };
    assert!(engine());

    close_window(&session);
    let anew = wait("the app has started anew", || {
        status(&session).filter(|now| now.started_ms != node.started_ms)
    });
    assert_eq!(anew.pid, node.pid, "it is the same process to the desktop");
    wait("nothing of the web engine is left", || {
        (!engine()).then_some(())
    });

    // It stands in the tray as before, and the window comes back.
    assert!(session.tray.line("Contribute").checked);
    session.tray.click("Open Skep");
    wait("the window is back", || session.windows("Skep").pop());
    assert!(engine());
    session.tray.click("Quit Skep");
    wait("the node is gone", || {
        status(&session).is_none().then_some(())
    });
}

#[test]
fn the_app_takes_over_from_a_node_that_is_killed() {
    let mut session = Session::start();
    let mut elsewhere = session.elsewhere();
    let first = wait("it answers", || status(&session));
    let page = session.app(&[]);
    session.tray.line("Contribute");
    let attached = wait("it answers", || status(&session));
    assert_eq!(attached.pid, first.pid);

    end(&mut elsewhere);
    let second = wait("another answers", || status(&session));
    assert_ne!(first.pid, second.pid);
    page.reads("Skep runs your programs");
    assert!(session.tray.line("Contribute").checked);
    session.tray.click("Contribute");
    contributes(&session, false);
}

#[test]
fn a_newcomer_sees_the_sample_and_runs_a_program_of_their_own() {
    let mut session = Session::start();
    let page = session.app(&[]);

    // The first steps, to a picture.
    page.click(&button("Set up this machine"));
    page.click(&button("Contribute"));
    contributes(&session, true);
    page.click(&button("Run the sample"));
    let sample = ended(&session, "mandelbrot");
    assert_eq!((sample.state, sample.tasks.done), (JobState::Done, 256));
    page.reads("This ran on 1 machine");
    let machine = status(&session).expect("a node answers").machines.remove(0);
    page.click(&button("Explore the picture"));
    page.reads("256");
    let picture = session.home().join("picture.png");
    save(&session, &page, "Save result", "Save the result", &picture);
    let saved = std::fs::read(&picture).expect("the picture is there");
    assert!(saved.starts_with(b"\x89PNG"));
    assert!(saved == result(&session, &sample, sample.tasks.total));

    // Who did what when, on a row of this machine.
    page.run(&format!("location.hash = '#/jobs/{}/timeline'", sample.id));
    wait("the timeline has a row", || {
        let rows = "return document.querySelector('.timeline .names')?.innerText ?? ''";
        page.run(rows)
            .as_str()?
            .contains(&machine.name)
            .then_some(())
    });

    // A file, from the file manager.
    let program = session.home().join("hello from me.wat");
    std::fs::write(&program, HELLO).expect("the program can be written");
    session.drag(&[&program], &page, "Drop to set up");
    run_what_is_set_up(&page);
    let job = ended(&session, "hello");
    assert_eq!(job.state, JobState::Done);
    assert_eq!(result(&session, &job, 0), b"Hello from the drop\n");
    let file = session.home().join("hello.txt");
    save(&session, &page, "Save result", "Save the result", &file);
    assert_eq!(
        std::fs::read(&file).ok(),
        Some(b"Hello from the drop\n".to_vec())
    );
}

#[test]
fn what_cannot_run_is_said_before_it_is_dropped() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    let file = session.home().join("not a module.wasm");
    std::fs::write(&file, "<img src=x onerror=alert(1)>").expect("the file can be written");
    session.drag(&[&file], &page, "It cannot run here");
    page.reads("It cannot run here");
    assert_eq!(
        page.run("return document.querySelectorAll('img[src=x]').length"),
        0
    );
}
