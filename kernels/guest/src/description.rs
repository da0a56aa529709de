//! What a kernel says about itself, and the JSON of it that its module carries.
//!
//! The text is made while the kernel compiles: the custom section of a module
//! is a constant, so nothing has to run to read it.

use crate::Kernel;
use crate::parameters::{Parameter, ParameterKind, Parameters};

/// Longest description in bytes: what the pool reads of a section.
pub const DESCRIPTION_BYTES_MAX: usize = 64 * 1024;

/// What a person and the pool should know before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    pub title: &'static str,
    /// One line: what the kernel makes.
    pub help: &'static str,
    /// Media type of a task's result.
    pub result: &'static str,
    pub split: Split,
    pub fold: Fold,
    /// Whether one process may do many tasks, one after the other.
    pub batch: bool,
}

/// Who divides the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The kernel's plan.
    Plan,
    /// A split of the person: lines, files, items or a range.
    Input,
}

/// What becomes of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// They stay as they are.
    None,
    /// Their bytes in order of index, nothing between.
    Concat,
    /// The kernel makes one of them.
    Kernel {
        /// Whether folds of parts may be folded again.
        associative: bool,
    },
}

/// Length of [`description_json`], in bytes.
#[must_use]
pub const fn description_bytes<K: Kernel>() -> usize {
    describe(&K::DESCRIPTION, <K::Parameters as Parameters>::TABLE).length
}

/// The description as JSON, `schema` 1. `N` must be [`description_bytes`].
#[must_use]
pub const fn description_json<K: Kernel, const N: usize>() -> [u8; N] {
    let text = describe(&K::DESCRIPTION, <K::Parameters as Parameters>::TABLE);
    assert!(
        text.length == N,
        "description_bytes says how long the description is"
    );
    let mut json = [0; N];
    let mut at = 0;
    while at < N {
        json[at] = text.bytes[at];
        at += 1;
    }
    json
}

const fn describe(description: &Description, parameters: &[Parameter]) -> Text {
    let mut text = Text {
        bytes: [0; DESCRIPTION_BYTES_MAX],
        length: 0,
    };
    text.raw("{\"schema\":1,\"title\":");
    text.quoted(description.title);
    text.raw(",\"help\":");
    text.quoted(description.help);
    text.raw(",\"parameters\":[");
    let mut at = 0;
    while at < parameters.len() {
        text.comma_after_the_first(at);
        text.parameter(&parameters[at]);
        at += 1;
    }
    text.raw("],\"result\":");
    text.quoted(description.result);
    text.raw(match description.split {
        Split::Plan => ",\"split\":\"plan\"",
        Split::Input => ",\"split\":\"input\"",
    });
    text.raw(match description.fold {
        Fold::None => ",\"fold\":\"none\",\"associative\":false",
        Fold::Concat => ",\"fold\":\"concat\",\"associative\":true",
        Fold::Kernel { associative: true } => ",\"fold\":\"kernel\",\"associative\":true",
        Fold::Kernel { associative: false } => ",\"fold\":\"kernel\",\"associative\":false",
    });
    text.raw(if description.batch {
        ",\"batch\":true}"
    } else {
        ",\"batch\":false}"
    });
    text
}

/// JSON under construction, in a buffer a constant can have.
struct Text {
    bytes: [u8; DESCRIPTION_BYTES_MAX],
    length: usize,
}

impl Text {
    const fn parameter(&mut self, parameter: &Parameter) {
        self.raw("{\"name\":");
        self.quoted(parameter.name);
        self.raw(",\"type\":");
        self.quoted(parameter.kind.name());
        self.raw(",\"default\":");
        match parameter.kind {
            ParameterKind::Integer | ParameterKind::Number | ParameterKind::Bool => {
                self.raw(parameter.default);
            }
            ParameterKind::String | ParameterKind::Choice => self.quoted(parameter.default),
        }
        if let Some([min, max]) = parameter.range {
            self.raw(",\"range\":[");
            self.raw(min);
            self.raw(",");
            self.raw(max);
            self.raw("]");
        }
        if let ParameterKind::Choice = parameter.kind {
            self.raw(",\"choices\":[");
            let mut at = 0;
            while at < parameter.choices.len() {
                self.comma_after_the_first(at);
                self.quoted(parameter.choices[at]);
                at += 1;
            }
            self.raw("]");
        }
        self.raw(",\"help\":");
        self.quoted(parameter.help.trim_ascii());
        self.raw("}");
    }

    const fn comma_after_the_first(&mut self, at: usize) {
        if at > 0 {
            self.raw(",");
        }
    }

    const fn quoted(&mut self, text: &str) {
        let text = text.as_bytes();
        self.byte(b'"');
        let mut at = 0;
        while at < text.len() {
            match text[at] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                byte => {
                    assert!(byte >= b' ', "a description has no control characters");
                    self.byte(byte);
                }
            }
            at += 1;
        }
        self.byte(b'"');
    }

    const fn raw(&mut self, json: &str) {
        let json = json.as_bytes();
        let mut at = 0;
        while at < json.len() {
            self.byte(json[at]);
            at += 1;
        }
    }

    const fn byte(&mut self, byte: u8) {
        assert!(
            self.length < DESCRIPTION_BYTES_MAX,
            "the description is longer than 64 KiB"
        );
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Failure, Plan, Task};

    crate::parameters! {
        /// One of each type.
        struct Example {
            /// A "quoted" \ help
            /// over two lines.
            width: integer = 1920 in 16..=16_384,
            /// A number.
            zoom: number = 1.5 in -0.5..=1e13,
            /// A word.
            colour: choice = "red" of ["red", "green"],
            /// A text.
            name: string = "über",
            /// A switch.
            loud: bool = true,
        }
    }

    struct Described;

    impl Kernel for Described {
        type Parameters = Example;
        const DESCRIPTION: Description = Description {
            title: "An example",
            help: "Shows every type.",
            result: "text/plain",
            split: Split::Input,
            fold: Fold::Kernel { associative: true },
            batch: false,
        };

        fn plan(_: &Example, _: Option<u64>) -> Result<Plan, Failure> {
            Ok(Plan::as_given())
        }

        fn run(_: &Example, _: &Task) -> Result<Vec<u8>, Failure> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn the_description_is_json_of_schema_1() {
        const BYTES: usize = description_bytes::<Described>();
        let section: [u8; BYTES] = description_json::<Described, BYTES>();
        let description: serde_json::Value = serde_json::from_slice(&section).expect("valid JSON");
        assert_eq!(
            description,
            json!({
                "schema": 1, "title": "An example", "help": "Shows every type.",
                "parameters": [
                    {"name": "width", "type": "integer", "default": 1920, "range": [16, 16384],
                     "help": "A \"quoted\" \\ help over two lines."},
                    {"name": "zoom", "type": "number", "default": 1.5, "range": [-0.5, 1e13],
                     "help": "A number."},
                    {"name": "colour", "type": "choice", "default": "red",
                     "choices": ["red", "green"], "help": "A word."},
                    {"name": "name", "type": "string", "default": "über", "help": "A text."},
                    {"name": "loud", "type": "bool", "default": true, "help": "A switch."},
                ],
                "result": "text/plain", "split": "input", "fold": "kernel",
                "associative": true, "batch": false,
            })
        );
    }
}
