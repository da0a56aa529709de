//! A WebDriver client, as much of it as the stories need.

use crate::session::{LOOK_EVERY, PATIENCE, wait};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) struct Driver {
    base: String,
    agent: ureq::Agent,
}

impl Driver {
    /// Has the driver start the app.
    pub(crate) fn open(port: u16, app: &str, words: &[&str]) -> Driver {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let host = format!("http://127.0.0.1:{port}");
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "webkitgtk:browserOptions": {"binary": app, "args": words},
        }}});
        let mut answer = agent
            .post(format!("{host}/session"))
            .send_json(wanted)
            .expect("the driver answers");
        let answer: Value = answer.body_mut().read_json().expect("it answers JSON");
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no session: {answer}"))
            .to_owned();
        Driver {
            base: format!("{host}/session/{id}"),
            agent,
        }
    }

    /// An element that a person could see, by XPath.
    pub(crate) fn find(&self, path: &str) -> Option<String> {
        let found = self
            .post("/element", &json!({"using": "xpath", "value": path}))
            .ok()?;
        let element = found.as_object()?.values().next()?.as_str()?.to_owned();
        let shown = self.get(&format!("/element/{element}/displayed")).ok()?;
        (shown == true).then_some(element)
    }

    /// Waits for an element that takes a click, and clicks it.
    pub(crate) fn click(&self, path: &str) {
        wait(&format!("{path} takes a click"), || {
            let element = self.find(path)?;
            self.post(&format!("/element/{element}/click"), &json!({}))
                .ok()
        });
    }

    /// Waits until the text is somewhere in the page.
    pub(crate) fn reads(&self, text: &str) {
        assert!(
            self.comes_to_read(text, PATIENCE),
            "waited in vain for the page to read \"{text}\"; it reads:\n{}",
            self.text()
        );
    }

    /// Whether the text comes to stand somewhere in the page.
    pub(crate) fn comes_to_read(&self, text: &str, patience: Duration) -> bool {
        let begun = Instant::now();
        while !self.text().contains(text) {
            if begun.elapsed() > patience {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }

    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// What a script of the page returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Presses keys, by their WebDriver code points or as they are.
    pub(crate) fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                let key = key.to_string();
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]});
        self.post("/actions", &actions).expect("keys are pressed");
    }

    /// Turns the wheel over the middle of an element.
    pub(crate) fn wheel(&self, path: &str, down: i32) {
        let element = self.find(path).expect("it is there");
        let origin = json!({"element-6066-11e4-a52e-4f735466cecf": element});
        let turn = json!({
            "type": "scroll", "x": 0, "y": 0, "deltaX": 0, "deltaY": down,
            "duration": 0, "origin": origin,
        });
        let actions = json!({"actions": [{"type": "wheel", "id": "wheel", "actions": [turn]}]});
        self.post("/actions", &actions).expect("the wheel turns");
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        value(answer)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let answer = self
            .agent
            .post(format!("{}{path}", self.base))
            .send_json(body);
        value(answer)
    }
}

fn value(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let ok = answer.status().is_success();
    let body: Value = answer
        .body_mut()
        .read_json()
        .map_err(|error| error.to_string())?;
    if ok {
        Ok(body["value"].clone())
    } else {
        Err(body["value"]["message"].to_string())
    }
}
