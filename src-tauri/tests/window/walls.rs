//! What the page cannot do, whoever gets hold of it, and what stays text.

use crate::driver::Driver;
use crate::session::{Session, wait};
use crate::stories::{ended, skip_welcome, status};
use serde_json::{Value, json};

/// Prints, as its result and into its log, what a page would take for markup.
const MARKUP: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 512) "<img src=x onerror=\"window.caught=1\"></script><svg onload=alert(1)>\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const 68))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))))
"#;
const NAME: &str = "<img src=x onerror=window.caught=1>";
/// As large as an argument from a page gets.
const MIB: usize = 1 << 20;

/// Has the page invoke a command; what comes of it stands in `window.outcomes`.
fn invoke(page: &Driver, name: &str, command: &str, words: &Value) {
    page.run(&format!(
        "window.outcomes ??= {{}};
         const settle = (how) => () => {{ window.outcomes[{name}] = how; }};
         window.__TAURI_INTERNALS__.invoke({command}, JSON.parse({words})).then(settle('done'), settle('refused'))",
        name = json!(name),
        command = json!(command),
        words = json!(words.to_string()),
    ));
}

fn outcome(page: &Driver, name: &str) -> Option<String> {
    let outcome = page.run(&format!(
        "return window.outcomes?.[{}] ?? null",
        json!(name)
    ));
    outcome.as_str().map(str::to_owned)
}

/// The page still has what it may do.
fn still_answers(page: &Driver, name: &str) {
    invoke(page, name, "call", &status_request());
    let outcome = wait("the node's status is told", || outcome(page, name));
    assert_eq!(outcome, "done");
}

#[test]
fn case_65_the_page_has_two_commands_and_they_have_their_words() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    still_answers(&page, "before");
    // Held back by the frame between page and app: they are never answered.
    let commands = [
        ("plugin:fs|read_text_file", json!({"path": "/etc/passwd"})),
        ("plugin:shell|execute", json!({"program": "sh", "args": []})),
        ("plugin:opener|open_path", json!({"path": "/etc/passwd"})),
        ("plugin:dialog|open", json!({"options": {}})),
        (
            "plugin:webview|create_webview_window",
            json!({"options": {"label": "other", "url": "https://example.com"}}),
        ),
        ("plugin:window|close", json!({})),
        ("plugin:event|emit", json!({"event": "x"})),
        ("no_such_command", json!({})),
    ];
    for (command, words) in &commands {
        invoke(&page, command, command, words);
    }
    let long = "x".repeat(MIB);
    let held = [
        json!({"__proto__": {"api": {"verb": "status"}}}),
        json!({"constructor": {"prototype": {}}}),
        json!({"api": {"verb": "job", "job": long}}),
    ];
    for (number, request) in held.iter().enumerate() {
        let words = json!({"request": request});
        invoke(&page, &format!("held {number}"), "call", &words);
    }
    // They reach the app, and are in nobody's contract.
    for (number, request) in [
        json!({"shell": {"verb": "reveal", "what": "/etc/passwd"}}),
        json!({"shell": {"verb": "upload", "path": "/etc/passwd"}}),
        json!({"shell": {"verb": "upload", "file": "/etc/passwd"}}),
        json!({"api": {"verb": "upload", "bytes": 1}}),
        json!([[[[]]]]),
        Value::Null,
    ]
    .iter()
    .enumerate()
    {
        let name = format!("refused {number}");
        invoke(&page, &name, "call", &json!({"request": request}));
        let outcome = wait(&format!("{request} is answered"), || outcome(&page, &name));
        assert_eq!(outcome, "refused", "{request}");
    }
    still_answers(&page, "after");
    for (command, _) in &commands {
        assert_ne!(
            outcome(&page, command).as_deref(),
            Some("done"),
            "{command}"
        );
    }
    for number in 0..held.len() {
        let outcome = outcome(&page, &format!("held {number}"));
        assert_ne!(outcome.as_deref(), Some("done"), "{}", held[number]);
    }
    assert_eq!(session.windows("Skep").len(), 1);
}

fn status_request() -> Value {
    json!({"request": {"api": {"verb": "status"}}})
}

#[test]
fn cases_42_and_66_what_a_job_is_called_and_prints_stays_text() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    session.submit(NAME, MARKUP, 1);
    let job = ended(&session, "img");
    page.reads(NAME);
    for place in ["results", "logs"] {
        page.run(&format!("location.hash = '#/jobs/{}/{place}'", job.id));
        page.reads("<svg onload=alert(1)>");
        let made = page.run(
            "return document.querySelectorAll('img[src=x], [onerror], [onload]').length
               + (window.caught ?? 0)",
        );
        assert_eq!(made, 0, "{place}");
    }
}

#[test]
fn case_67_the_page_stays_where_it_is() {
    let mut session = Session::start();
    let page = session.app(&[]);
    skip_welcome(&page);
    let pid = wait("it answers", || status(&session)).pid;
    page.run(
        "window.refused = [];
         document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.effectiveDirective));
         window.mine = 1",
    );
    for address in [
        "https://example.com/",
        "file:///etc/passwd",
        "data:text/html,<p>other</p>",
        "about:blank",
    ] {
        page.run(&format!("location.href = {}", json!(address)));
        assert_eq!(page.run("return window.mine ?? 0"), 1, "{address}");
    }
    assert_eq!(
        page.run("return window.open('https://example.com/') === null"),
        true
    );
    page.run(
        "const add = (kind, make) => { const one = document.createElement(kind); make(one); document.body.append(one); };
         add('img', (one) => { one.src = 'https://example.com/x.png'; });
         add('script', (one) => { one.src = 'https://example.com/x.js'; });
         add('script', (one) => { one.textContent = 'window.caught = 1'; });
         add('iframe', (one) => { one.src = 'https://example.com/'; });
         add('object', (one) => { one.data = 'file:///etc/passwd'; });
         fetch('https://example.com/').catch(() => {});
         fetch('file:///etc/passwd').catch(() => {})",
    );
    for directive in ["img-src", "script-src-elem", "frame-src", "connect-src"] {
        wait(&format!("{directive} refuses"), || {
            let refused = page.run("return window.refused");
            refused
                .as_array()?
                .iter()
                .any(|one| one == directive)
                .then_some(())
        });
    }
    assert_eq!(page.run("return window.caught ?? 0"), 0);
    assert_eq!(page.run("return location.protocol"), "tauri:");
    page.reads("Overview");
    assert_eq!(session.windows("Skep").len(), 1);
    assert_eq!(wait("it answers", || status(&session)).pid, pid);
}
