//! How the tasks of a job are run: the content of [`pool::spec::Spec::run`],
//! written when a job is accepted and read by workers.
//!
//! postcard, versioned by the outermost enum: variants are only appended.

use crate::limits::ITEM_ENV_BYTES_MAX;
use crate::sweep::Sweep;
use crate::template::{Placeholder, Template};
use pool::{Digest, JobId};
use sandbox::inspect::{Function, NumType, parse_arguments};
use sandbox::{Entry, Program, Value};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) entry: Entry,
    /// See [`sandbox::Profile`].
    pub(crate) on_demand: bool,
    /// The program's name first.
    pub(crate) argv: Vec<Template>,
    pub(crate) env: Vec<(String, String)>,
    /// Set for kernels: their parameters, checked and complete.
    pub(crate) parameters: Option<Vec<(String, String)>>,
    /// The arguments that all calls of a function have.
    pub(crate) arguments: Vec<Value>,
    /// What a function takes as its last argument, where that is an item or a line.
    pub(crate) last_argument: Option<Number>,
    pub(crate) input: Input,
    /// Under `/in` of every task.
    pub(crate) files: Vec<InFile>,
    /// What a task leaves in `/out` is kept.
    pub(crate) collect: bool,
    pub(crate) shown: Shown,
}

/// A type of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Number {
    I32,
    I64,
    F32,
    F64,
}

/// What the tasks are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Input {
    /// One task and its standard input.
    Once {
        stdin: Option<Blob>,
    },
    /// A kernel's own count: the index is all there is.
    Counted,
    Range {
        start: i128,
        step: i128,
    },
    /// A blob of [`crate::pieces`], each a JSON value.
    Items {
        pieces: Digest,
    },
    /// A blob of [`crate::pieces`], each a line without its end.
    Lines {
        pieces: Digest,
    },
    /// A blob of [`crate::pieces`], each an [`InFile`] in postcard.
    Files {
        pieces: Digest,
    },
    /// A combination of values each; nothing on standard input.
    Sweep {
        sweep: Sweep,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// A file under `/in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InFile {
    pub(crate) name: String,
    pub(crate) blob: Blob,
}

/// What only people are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) module_name: String,
    /// Media type of the result.
    pub(crate) result_type: Option<String>,
    pub(crate) grid: Option<(u32, u32)>,
    /// The same job again, as a command.
    pub(crate) command: String,
}

#[derive(Serialize, Deserialize)]
enum Stored {
    V1(Box<Run>),
}

/// The bytes are not those of a [`Run`] that this version knows.
#[derive(Debug, thiserror::Error)]
#[error("the job was written by another version of Skep: {0}")]
pub(crate) struct ReadError(#[from] postcard::Error);

/// What one task was made from, as its arguments and environment see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// The value, where it is text.
    pub(crate) text: Option<String>,
    /// `/in/NAME` of a file split.
    pub(crate) file: Option<String>,
    /// Names and values of a sweep.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Run {
    pub(crate) fn read(bytes: &[u8]) -> Result<Run, ReadError> {
        let Stored::V1(run) = postcard::from_bytes(bytes)?;
        Ok(*run)
    }

    pub(crate) fn write(self) -> ByteBuf {
        // Nothing in a Run can fail to be written: no unsized sequence, no map.
        ByteBuf::from(postcard::to_allocvec(&Stored::V1(Box::new(self))).unwrap_or_default())
    }

    /// Whether tasks differ in more than their input.
    pub(crate) fn varies(&self) -> bool {
        matches!(self.input, Input::Sweep { .. })
            || self
                .argv
                .iter()
                .flat_map(Template::placeholders)
                .any(|p| *p != Placeholder::Count)
    }

    /// Whether tasks need a scratch folder.
    pub(crate) fn has_files(&self) -> bool {
        self.collect
            || !self.files.is_empty()
            || (matches!(self.input, Input::Files { .. }) && self.names_file())
    }

    /// Whether the arguments name the file of a file split, which is then
    /// under `/in` too.
    pub(crate) fn names_file(&self) -> bool {
        self.argv
            .iter()
            .flat_map(Template::placeholders)
            .any(|p| *p == Placeholder::File)
    }

    /// Arguments and environment that all tasks of an attempt have.
    pub(crate) fn shared(&self, job: JobId, count: u32, attempt: u32) -> Program {
        let mut program = self.bare("run");
        if let Input::Sweep { sweep } = &self.input {
            // Each task has its own.
            program
                .env
                .retain(|(variable, _)| !sweep.names().any(|name| *variable == variable_of(name)));
        }
        if !self.varies() {
            program.argv = self.argv(0, count, &Item::default());
        }
        program
            .env
            .push(("SKEP_JOB_ID".to_owned(), job.to_string()));
        program
            .env
            .push(("SKEP_TASK_COUNT".to_owned(), count.to_string()));
        program
            .env
            .push(("SKEP_ATTEMPT".to_owned(), attempt.to_string()));
        program
    }

    /// What the same program gets in a kernel's other modes, `plan` and `fold`.
    pub(crate) fn bare(&self, mode: &str) -> Program {
        let mut env = self.env.clone();
        if let Some(parameters) = &self.parameters {
            env.push(("SKEP_MODE".to_owned(), mode.to_owned()));
            for (name, value) in parameters {
                env.push((variable_of(name), value.clone()));
            }
        }
        Program {
            argv: self
                .argv
                .first()
                .map(|name| name.fill(|_| ""))
                .into_iter()
                .collect(),
            env,
        }
    }

    /// The arguments of one task.
    pub(crate) fn argv(&self, index: u32, count: u32, item: &Item) -> Vec<String> {
        let (index, count) = (index.to_string(), count.to_string());
        let text = item.text.as_deref().unwrap_or_default();
        let file = item.file.as_deref().unwrap_or_default();
        let stem = Path::new(file)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        self.argv
            .iter()
            .map(|template| {
                template.fill(|placeholder| match placeholder {
                    Placeholder::Index => &index,
                    Placeholder::Count => &count,
                    Placeholder::Item | Placeholder::Line => text,
                    Placeholder::File => file,
                    Placeholder::Stem => stem,
                    Placeholder::Parameter(name) => item.parameter(name),
                })
            })
            .collect()
    }

    /// The environment that one task has beside the shared one. Kernels that
    /// get many tasks at once read their indices from the frames.
    pub(crate) fn env(&self, index: u32, item: &Item) -> Vec<(String, String)> {
        if self.entry == Entry::Kernel {
            return Vec::new();
        }
        let mut env = Vec::with_capacity(2);
        env.push(("SKEP_TASK_INDEX".to_owned(), index.to_string()));
        if let Some(text) = &item.text
            && text.len() <= ITEM_ENV_BYTES_MAX
            && !text.contains('\0')
        {
            env.push(("SKEP_ITEM".to_owned(), text.clone()));
        }
        let parameters = item.parameters.iter();
        env.extend(parameters.map(|(name, value)| (variable_of(name), value.clone())));
        env
    }
}

/// What the environment calls a parameter.
pub(crate) fn variable_of(parameter: &str) -> String {
    format!("SKEP_PARAM_{}", parameter.to_ascii_uppercase())
}

impl Item {
    fn parameter(&self, name: &str) -> &str {
        self.parameters
            .iter()
            .find(|(other, _)| other == name)
            .map_or("", |(_, value)| value)
    }
}

impl Number {
    pub(crate) fn of(num: NumType) -> Number {
        match num {
            NumType::I32 => Number::I32,
            NumType::I64 => Number::I64,
            NumType::F32 => Number::F32,
            NumType::F64 => Number::F64,
        }
    }

    /// The text as this number, where it is one.
    pub(crate) fn parse(self, text: &str) -> Option<Value> {
        let num = match self {
            Number::I32 => NumType::I32,
            Number::I64 => NumType::I64,
            Number::F32 => NumType::F32,
            Number::F64 => NumType::F64,
        };
        let of_one = Function {
            name: String::new(),
            params: vec![num],
            results: Vec::new(),
        };
        parse_arguments(&of_one, &[text.trim().to_owned()])
            .ok()?
            .pop()
    }
}

impl Input {
    /// The number a task of a range was made from.
    pub(crate) fn number(start: i128, step: i128, index: u32) -> i128 {
        start + step * i128::from(index)
    }

    /// What a task is made from where its index says it all.
    pub(crate) fn item_at(&self, index: u32) -> Item {
        match self {
            Input::Range { start, step } => Item {
                text: Some(Input::number(*start, *step, index).to_string()),
                ..Item::default()
            },
            Input::Sweep { sweep } => Item {
                parameters: sweep.values_of(index),
                ..Item::default()
            },
            Input::Once { .. }
            | Input::Counted
            | Input::Items { .. }
            | Input::Lines { .. }
            | Input::Files { .. } => Item::default(),
        }
    }

    /// Item's value for a piece of this input; `None` where it is not text.
    pub(crate) fn item(&self, piece: &[u8]) -> Item {
        match self {
            Input::Once { .. } | Input::Counted | Input::Range { .. } | Input::Sweep { .. } => {
                Item::default()
            }
            Input::Items { .. } => Item {
                text: Some(item_text(piece)),
                ..Item::default()
            },
            Input::Lines { .. } => Item {
                text: std::str::from_utf8(piece).ok().map(str::to_owned),
                ..Item::default()
            },
            Input::Files { .. } => match postcard::from_bytes::<InFile>(piece) {
                Ok(file) => Item {
                    file: Some(format!("/in/{}", file.name)),
                    text: Some(file.name),
                    ..Item::default()
                },
                Err(_) => Item::default(),
            },
        }
    }
}

/// The value of a JSON item as an argument: a string is its content, anything
/// else its JSON.
pub(crate) fn item_text(json: &[u8]) -> String {
    if json.first() == Some(&b'"')
        && let Ok(text) = serde_json::from_slice::<String>(json)
    {
        return text;
    }
    String::from_utf8_lossy(json).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Blob, InFile, Input, Item, Run, Shown};
    use crate::sweep::Sweep;
    use crate::template::Template;
    use pool::{Digest, JobId};
    use sandbox::{Entry, Value};

    fn run(argv: &[&str], input: Input) -> Run {
        Run {
            entry: Entry::Command,
            on_demand: false,
            argv: argv
                .iter()
                .map(|text| Template::parse(text, &["width".to_owned()]).unwrap())
                .collect(),
            env: vec![("A".to_owned(), "b".to_owned())],
            parameters: None,
            arguments: vec![Value::I64(-1), Value::F64(0.5)],
            last_argument: None,
            input,
            files: Vec::new(),
            collect: false,
            shown: Shown::default(),
        }
    }

    #[test]
    fn it_reads_as_it_was_written_and_refuses_other_versions() {
        let run = run(
            &["x.wasm", "{index}"],
            Input::Range {
                start: -5,
                step: i128::from(u64::MAX),
            },
        );
        let bytes = run.clone().write();
        assert_eq!(Run::read(&bytes).unwrap(), run);
        assert!(Run::read(&[7]).is_err() && Run::read(&[]).is_err());
    }

    #[test]
    fn arguments_and_environment_of_a_task() {
        let run = run(
            &["x.wasm", "-n{index}/{count}", "{item}"],
            Input::Range { start: 0, step: 1 },
        );
        let item = Item {
            text: Some("3".to_owned()),
            ..Item::default()
        };
        assert_eq!(run.argv(3, 9, &item), ["x.wasm", "-n3/9", "3"]);
        assert!(run.varies());
        assert_eq!(
            run.env(3, &item),
            [
                ("SKEP_TASK_INDEX".to_owned(), "3".to_owned()),
                ("SKEP_ITEM".to_owned(), "3".to_owned())
            ]
        );
        let shared = run.shared(JobId([0; 16]), 9, 2);
        assert!(
            shared
                .env
                .contains(&("SKEP_ATTEMPT".to_owned(), "2".to_owned()))
        );
        assert!(shared.env.contains(&("A".to_owned(), "b".to_owned())));
    }

    #[test]
    fn a_long_value_is_no_environment_variable() {
        let run = run(&["x.wasm"], Input::Counted);
        let item = Item {
            text: Some("x".repeat(40_000)),
            ..Item::default()
        };
        assert_eq!(run.env(0, &item).len(), 1);
        assert!(!run.varies());
    }

    #[test]
    fn a_sweep_gives_each_task_its_values() {
        let sweep = Sweep::new(vec![(
            "width".to_owned(),
            vec!["8".to_owned(), "16".to_owned()],
        )]);
        let run = Run {
            parameters: Some(vec![
                ("width".to_owned(), "8".to_owned()),
                ("seed".to_owned(), "1".to_owned()),
            ]),
            ..run(&["x.wasm", "-w{width}"], Input::Sweep { sweep })
        };
        let item = run.input.item_at(1);
        assert_eq!(run.argv(1, 2, &item), ["x.wasm", "-w16"]);
        let own = ("SKEP_PARAM_WIDTH".to_owned(), "16".to_owned());
        assert!(run.env(1, &item).contains(&own));
        let shared = run.shared(JobId([0; 16]), 2, 1).env;
        assert!(shared.contains(&("SKEP_PARAM_SEED".to_owned(), "1".to_owned())));
        assert!(!shared.iter().any(|(name, _)| name == "SKEP_PARAM_WIDTH"));
    }

    #[test]
    fn what_a_piece_is_called() {
        let pieces = Digest([0; 32]);
        let items = Input::Items { pieces };
        assert_eq!(items.item(br#""a \"b\"""#).text.as_deref(), Some("a \"b\""));
        assert_eq!(items.item(b"[1,2]").text.as_deref(), Some("[1,2]"));
        assert_eq!(Input::Lines { pieces }.item(b"\xff").text, None);
        let file = InFile {
            name: "a.b.txt".to_owned(),
            blob: Blob {
                digest: pieces,
                bytes: 1,
            },
        };
        let files = Input::Files { pieces };
        let item = files.item(&postcard::to_allocvec(&file).unwrap());
        assert_eq!(item.file.as_deref(), Some("/in/a.b.txt"));
        assert_eq!(
            run(&["x", "{file}", "{stem}"], files).argv(0, 1, &item),
            ["x", "/in/a.b.txt", "a.b"]
        );
    }
}
