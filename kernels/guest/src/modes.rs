//! The three modes of a kernel, over whatever is outside of it.

use std::io::{self, Read, Write};

use crate::frames::{FrameError, Results, write_frame};
use crate::parameters::{ParameterError, Parameters};
use crate::{Failure, Kernel, Task};

/// Exit code for "another machine may do better": EX_TEMPFAIL of sysexits.
const EXIT_ELSEWHERE: u8 = 75;

/// What a kernel can reach: its variables and standard streams, or a test's.
pub(crate) struct Outside<'a> {
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) input: &'a mut dyn Read,
    pub(crate) output: &'a mut dyn Write,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ModeError {
    #[error("this is a kernel: `skep run` gives it its tasks")]
    NoMode,
    #[error("unknown SKEP_MODE {0:?}: expected plan, run or fold")]
    UnknownMode(String),
    #[error("{name} is a whole number, not {found:?}")]
    NotANumber { name: &'static str, found: String },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("cannot read the input: {0}")]
    Read(io::Error),
    #[error("cannot write the output: {0}")]
    Write(io::Error),
    #[error("cannot write the plan: {0}")]
    Plan(#[from] serde_json::Error),
    #[error("{0}")]
    Kernel(Failure),
}

impl ModeError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            ModeError::Kernel(Failure::Elsewhere(_)) => EXIT_ELSEWHERE,
            ModeError::Kernel(Failure::Wrong(_))
            | ModeError::NoMode
            | ModeError::UnknownMode(_)
            | ModeError::NotANumber { .. }
            | ModeError::Parameter(_)
            | ModeError::Frame(_)
            | ModeError::Read(_)
            | ModeError::Write(_)
            | ModeError::Plan(_) => 1,
        }
    }
}

pub(crate) fn act<K: Kernel>(outside: &mut Outside<'_>) -> Result<(), ModeError> {
    let mode = (outside.variable)("SKEP_MODE").ok_or(ModeError::NoMode)?;
    let parameters = K::Parameters::read(&|parameter| (outside.variable)(&parameter.variable()))?;
    match mode.as_str() {
        "plan" => plan::<K>(&parameters, outside),
        "run" => match number(outside, "SKEP_TASK_INDEX")? {
            Some(index) => run_one::<K>(&parameters, index, outside),
            // Without an index of its own the process does a batch.
            None => run_batch::<K>(&parameters, outside),
        },
        "fold" => fold::<K>(&parameters, outside),
        _ => Err(ModeError::UnknownMode(mode)),
    }
}

fn plan<K: Kernel>(parameters: &K::Parameters, outside: &mut Outside<'_>) -> Result<(), ModeError> {
    let given = number(outside, "SKEP_TASK_COUNT")?;
    let plan = K::plan(parameters, given).map_err(ModeError::Kernel)?;
    serde_json::to_writer(&mut *outside.output, &plan)?;
    outside.output.flush().map_err(ModeError::Write)
}

fn run_one<K: Kernel>(
    parameters: &K::Parameters,
    index: u64,
    outside: &mut Outside<'_>,
) -> Result<(), ModeError> {
    let mut input = Vec::new();
    outside
        .input
        .read_to_end(&mut input)
        .map_err(ModeError::Read)?;
    let result = K::run(parameters, &Task { index, input }).map_err(ModeError::Kernel)?;
    outside
        .output
        .write_all(&result)
        .map_err(ModeError::Write)?;
    outside.output.flush().map_err(ModeError::Write)
}

fn run_batch<K: Kernel>(
    parameters: &K::Parameters,
    outside: &mut Outside<'_>,
) -> Result<(), ModeError> {
    for frame in Results::new(outside.input) {
        let (index, input) = frame?;
        let result = K::run(parameters, &Task { index, input }).map_err(ModeError::Kernel)?;
        write_frame(outside.output, index, &result)?;
    }
    Ok(())
}

fn fold<K: Kernel>(parameters: &K::Parameters, outside: &mut Outside<'_>) -> Result<(), ModeError> {
    let mut results = Results::new(outside.input);
    K::fold(parameters, &mut results, outside.output).map_err(ModeError::Kernel)?;
    outside.output.flush().map_err(ModeError::Write)
}

fn number(outside: &Outside<'_>, name: &'static str) -> Result<Option<u64>, ModeError> {
    (outside.variable)(name)
        .map(|text| {
            text.parse()
                .map_err(|_| ModeError::NotANumber { name, found: text })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Description, Fold, Plan, Split};

    crate::parameters! {
        /// What to do to each input.
        struct Adding {
            /// What is added to each byte.
            add: integer = 1 in 0..=9,
        }
    }

    /// Adds to each byte; refuses an input that says so.
    struct Add;

    impl Kernel for Add {
        type Parameters = Adding;
        const DESCRIPTION: Description = Description {
            title: "Add",
            help: "Adds to each byte.",
            result: "application/octet-stream",
            split: Split::Input,
            fold: Fold::Kernel { associative: true },
            batch: true,
        };

        fn plan(_: &Adding, given: Option<u64>) -> Result<Plan, Failure> {
            match given {
                Some(0) => Err(Failure::Wrong("nothing to add to".to_owned())),
                Some(_) => Ok(Plan::as_given().note("adding")),
                None => Ok(Plan::grid(2, 3)),
            }
        }

        fn run(adding: &Adding, task: &Task) -> Result<Vec<u8>, Failure> {
            match task.input.as_slice() {
                b"wrong" => Err(Failure::Wrong(format!("task {} is wrong", task.index))),
                b"busy" => Err(Failure::Elsewhere("no room here".to_owned())),
                input => Ok(input
                    .iter()
                    .map(|byte| byte + adding.add.unsigned_abs() as u8)
                    .collect()),
            }
        }

        fn fold(
            _: &Adding,
            results: &mut Results<'_>,
            output: &mut dyn Write,
        ) -> Result<(), Failure> {
            for result in results {
                output.write_all(&result?.1)?;
            }
            Ok(())
        }
    }

    fn outcome(variables: &[(&str, &str)], mut input: &[u8]) -> (Result<(), ModeError>, Vec<u8>) {
        let mut output = Vec::new();
        let result = act::<Add>(&mut Outside {
            variable: &|name| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            },
            input: &mut input,
            output: &mut output,
        });
        (result, output)
    }

    fn frames(of: &[(u64, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, body) in of {
            write_frame(&mut bytes, *index, body).expect("memory takes every byte");
        }
        bytes
    }

    #[test]
    fn plan_prints_json() {
        let (result, output) = outcome(&[("SKEP_MODE", "plan")], b"");
        result.expect("planned");
        assert_eq!(
            String::from_utf8(output).expect("text"),
            r#"{"count":6,"grid":[2,3]}"#
        );

        let (result, output) = outcome(&[("SKEP_MODE", "plan"), ("SKEP_TASK_COUNT", "4")], b"");
        result.expect("accepted");
        assert_eq!(
            String::from_utf8(output).expect("text"),
            r#"{"note":"adding"}"#
        );
    }

    #[test]
    fn plan_may_refuse() {
        let (result, output) = outcome(&[("SKEP_MODE", "plan"), ("SKEP_TASK_COUNT", "0")], b"");
        assert_eq!(
            result.expect_err("refused").to_string(),
            "nothing to add to"
        );
        assert!(output.is_empty());
    }

    #[test]
    fn a_task_with_an_index_is_bare() {
        let (result, output) = outcome(
            &[
                ("SKEP_MODE", "run"),
                ("SKEP_TASK_INDEX", "3"),
                ("SKEP_PARAM_ADD", "2"),
            ],
            b"abc",
        );
        result.expect("done");
        assert_eq!(output, b"cde");
    }

    #[test]
    fn tasks_without_an_index_are_a_batch_of_frames() {
        let (result, output) = outcome(
            &[("SKEP_MODE", "run")],
            &frames(&[(4, b"a"), (9, b""), (5, b"bc")]),
        );
        result.expect("done");
        assert_eq!(output, frames(&[(4, b"b"), (9, b""), (5, b"cd")]));
    }

    #[test]
    fn a_failure_keeps_the_answers_before_it() {
        let (result, output) = outcome(
            &[("SKEP_MODE", "run")],
            &frames(&[(0, b"a"), (1, b"wrong"), (2, b"c")]),
        );
        let error = result.expect_err("the second task fails");
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            ("task 1 is wrong", 1)
        );
        assert_eq!(output, frames(&[(0, b"b")]));
    }

    #[test]
    fn elsewhere_is_exit_code_75() {
        let (result, _) = outcome(&[("SKEP_MODE", "run"), ("SKEP_TASK_INDEX", "0")], b"busy");
        assert_eq!(result.expect_err("not here").exit_code(), 75);
    }

    #[test]
    fn fold_reads_frames_and_writes_bare() {
        let (result, output) = outcome(
            &[("SKEP_MODE", "fold")],
            &frames(&[(0, b"one"), (1, b"two")]),
        );
        result.expect("folded");
        assert_eq!(output, b"onetwo");
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[], "this is a kernel: `skep run` gives it its tasks"),
            (
                &[("SKEP_MODE", "dance")],
                "unknown SKEP_MODE \"dance\": expected plan, run or fold",
            ),
            (
                &[("SKEP_MODE", "run"), ("SKEP_TASK_INDEX", "-1")],
                "SKEP_TASK_INDEX is a whole number, not \"-1\"",
            ),
            (
                &[("SKEP_MODE", "run"), ("SKEP_PARAM_ADD", "10")],
                "parameter add is a whole number from 0 to 9, not \"10\"",
            ),
        ];
        for (variables, message) in cases {
            assert_eq!(
                outcome(variables, b"").0.expect_err(message).to_string(),
                message
            );
        }
    }
}
