//! What a person lives through, from the first launch to the last.

use crate::session::{Session, end, wait};
use serde_json::Value;
use std::process::Stdio;

/// What the node says of itself, by way of the command line.
fn status(session: &Session) -> Option<Value> {
    let output = session.skep().args(["status", "--json"]).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

fn contributes(session: &Session, on: bool) {
    wait(&format!("the machine contributes: {on}"), || {
        let status = status(session)?;
        (status["contribution"]["on"] == on).then_some(())
    });
}

fn close_window(session: &Session) {
    let window = wait("the window is there", || session.windows("Skep").pop());
    session.xdotool(&[
        "windowactivate",
        "--sync",
        &window,
        "key",
        "--clearmodifiers",
        "alt+F4",
    ]);
}

#[test]
fn the_window_comes_and_goes_and_the_node_stays() {
    let mut session = Session::start();
    let page = session.app(&[]);
    wait("the page is shown", || {
        (!page.text().is_empty()).then_some(())
    });
    let node = wait("a node answers", || status(&session));

    // What the tray switches is what the node does.
    assert!(session.tray.line("Contribute").checked);
    session.tray.click("Contribute");
    contributes(&session, false);
    wait("the tray shows it", || {
        (!session.tray.line("Contribute").checked).then_some(())
    });
    session.tray.click("Contribute");
    contributes(&session, true);

    // Closed, it is away, and the same process goes on working.
    close_window(&session);
    wait("the window is away", || {
        session.windows("Skep").is_empty().then_some(())
    });
    let again = wait("the node still answers", || status(&session));
    assert_eq!(again["pid"], node["pid"]);

    session.tray.click("Open Skep");
    wait("the window is back", || session.windows("Skep").pop());

    // A second launch shows the first one's window and ends.
    close_window(&session);
    wait("the window is away", || {
        session.windows("Skep").is_empty().then_some(())
    });
    assert!(session.launch_again(&[]).success());
    wait("the window is back", || session.windows("Skep").pop());

    session.tray.click("Quit Skep");
    wait("the node is gone", || {
        status(&session).is_none().then_some(())
    });
    let socket = session.home().join("run/skep/control.sock");
    wait("its socket is gone", || (!socket.exists()).then_some(()));
}

#[test]
fn the_app_takes_over_from_a_node_that_is_killed() {
    let mut session = Session::start();
    let mut elsewhere = session
        .skep()
        .args(["coordinator", "start"])
        .stderr(Stdio::null())
        .spawn()
        .expect("a node starts");
    let first = wait("it answers", || status(&session));
    let page = session.app(&[]);
    session.tray.line("Contribute");
    assert_eq!(
        status(&session).map(|now| now["pid"].clone()),
        Some(first["pid"].clone())
    );

    end(&mut elsewhere);
    let second = wait("another answers", || status(&session));
    assert_ne!(first["pid"], second["pid"]);
    wait("the page is still there", || {
        (!page.text().is_empty()).then_some(())
    });
    assert!(session.tray.line("Contribute").checked);
}
