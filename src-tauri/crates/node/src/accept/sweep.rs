//! A sweep as it is asked for, checked before anything is accepted.

use super::request::too_long;
use super::split::{Cut, tasks};
use crate::limits::NAME_BYTES_MAX;
use crate::run::{Input, variable_of};
use crate::sweep::Sweep;
use crate::template::{Placeholder, Template};
use api::{Error, ErrorCode, Split, Submit, SweptParameter};
use sandbox::Entry;
use sandbox::inspect::{self, KernelDescription, ParameterError};
use std::collections::HashSet;

/// What the values of a sweep may have together, in bytes: they are part of
/// what every worker reads of the job.
const VALUES_BYTES_MAX: usize = 256 << 10;

/// # Errors
/// [`ErrorCode::BadSplit`] for names and values that cannot be swept.
pub(super) fn cut(parameters: &[SweptParameter], entry: &Entry) -> Result<Cut, Error> {
    if matches!(entry, Entry::Function { .. } | Entry::Bytes) {
        return Err(needs_program());
    }
    check(parameters)?;
    let sweep = Sweep::new(
        parameters
            .iter()
            .map(|SweptParameter { name, values }| (name.clone(), values.clone()))
            .collect(),
    );
    Ok(Cut {
        count: tasks(sweep.count())?,
        input: Input::Sweep { sweep },
        pieces: None,
        inputs: Vec::new(),
    })
}

pub(super) fn names(split: &Split) -> Vec<String> {
    swept(split)
        .iter()
        .map(|parameter| parameter.name.clone())
        .collect()
}

/// A kernel's parameters with those of a sweep among them, each of whose values
/// has to fit; the first ones stand for all.
pub(super) fn check_parameters(
    kernel: &KernelDescription,
    given: Vec<(String, String)>,
    submit: &Submit,
) -> Result<Vec<(String, String)>, ParameterError> {
    let swept = swept(&submit.split);
    let with = |at: usize, value: &String| {
        let mut given = given.clone();
        given.extend(swept.iter().enumerate().filter_map(|(other, parameter)| {
            let value = if other == at {
                Some(value)
            } else {
                parameter.values.first()
            };
            Some((parameter.name.clone(), value?.clone()))
        }));
        inspect::check_parameters(kernel, &given)
    };
    for (at, parameter) in swept.iter().enumerate() {
        for value in &parameter.values {
            with(at, value)?;
        }
    }
    match swept.first().and_then(|parameter| parameter.values.first()) {
        Some(first) => with(0, first),
        None => inspect::check_parameters(kernel, &given),
    }
}

/// The longest combination fits into `left` bytes of arguments and environment.
pub(super) fn check_lengths(sweep: &Sweep, argv: &[Template], left: usize) -> Result<(), Error> {
    let mut bytes = 0;
    for (name, values) in sweep.parameters() {
        let uses = argv
            .iter()
            .flat_map(Template::placeholders)
            .filter(|placeholder| **placeholder == Placeholder::Parameter(name.clone()))
            .count();
        let longest = values.iter().map(String::len).max().unwrap_or_default();
        bytes += longest * (uses + 1) + variable_of(name).len();
    }
    if bytes > left {
        return Err(too_long(
            "the longest combination of the sweep's values",
            bytes,
        ));
    }
    Ok(())
}

pub(super) fn needs_program() -> Error {
    Error::new(
        ErrorCode::BadSplit,
        "a function cannot be swept: it has neither placeholders nor an environment",
    )
    .hint("call it over numbers with --range, or over values with --items")
}

fn swept(split: &Split) -> &[SweptParameter] {
    match split {
        Split::Sweep { parameters } => parameters,
        Split::Once
        | Split::Range { .. }
        | Split::Items { .. }
        | Split::Lines { .. }
        | Split::Files { .. } => &[],
    }
}

fn check(parameters: &[SweptParameter]) -> Result<(), Error> {
    let bad = |why: String| {
        Error::new(ErrorCode::BadSplit, why)
            .hint("write --param NAME=V1,V2 or --param NAME=A..B[..STEP]")
    };
    if parameters.is_empty() {
        return Err(bad("a sweep has at least one parameter".to_owned()));
    }
    let mut variables = HashSet::new();
    let mut bytes = 0;
    for SweptParameter { name, values } in parameters {
        let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.starts_with(|c: char| !c.is_ascii_digit());
        if !word || name.len() > NAME_BYTES_MAX {
            return Err(bad(format!(
                "a parameter's name is made of letters, digits and _, and {name:?} is not"
            )));
        }
        if Placeholder::NAMED.iter().any(|named| named.name() == name) {
            return Err(bad(format!("{{{name}}} means something else already"))
                .hint("give the parameter another name"));
        }
        if !variables.insert(variable_of(name)) {
            return Err(bad(format!("the parameter {name} is there twice")));
        }
        if values.is_empty() {
            return Err(bad(format!("the parameter {name} has no values")));
        }
        if values.iter().any(|value| value.contains('\0')) {
            return Err(bad(format!("a value of {name} contains a zero byte")));
        }
        // Each with its length.
        bytes += values.iter().map(|value| value.len() + 1).sum::<usize>();
    }
    if bytes > VALUES_BYTES_MAX {
        return Err(Error::new(
            ErrorCode::InputTooLarge,
            format!("the values of the sweep have {bytes} bytes; they may have {VALUES_BYTES_MAX}"),
        )
        .hint("use --range where they are numbers, or --items with a file"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::cut;
    use api::{ErrorCode, SweptParameter};
    use sandbox::Entry;

    fn refused(parameters: &[(&str, &[&str])]) -> Option<ErrorCode> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, values)| SweptParameter {
                name: (*name).to_owned(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            })
            .collect();
        cut(&parameters, &Entry::Command)
            .map_err(|error| error.code)
            .err()
    }

    #[test]
    fn names_and_values_are_checked() {
        assert_eq!(refused(&[("a", &["1", "2"]), ("b", &[""])]), None);
        for wrong in [
            &[][..],
            &[("", &["1"][..])],
            &[("1a", &["1"])],
            &[("a-b", &["1"])],
            &[("index", &["1"])],
            &[("a", &["1"]), ("A", &["2"])],
            &[("a", &[])],
            &[("a", &["x\0"])],
        ] {
            assert_eq!(refused(wrong), Some(ErrorCode::BadSplit), "{wrong:?}");
        }
        let many = vec!["1"; 4_000];
        let wide: [(&str, &[&str]); 2] = [("a", &many), ("b", &many)];
        assert_eq!(refused(&wide), Some(ErrorCode::TooManyTasks));
        let long = "x".repeat(300 << 10);
        assert_eq!(
            refused(&[("a", &[long.as_str()])]),
            Some(ErrorCode::InputTooLarge)
        );
        let function = Entry::Function {
            name: "f".to_owned(),
        };
        let one = SweptParameter {
            name: "a".to_owned(),
            values: vec!["1".to_owned()],
        };
        assert_eq!(
            cut(&[one], &function).unwrap_err().code,
            ErrorCode::BadSplit
        );
    }
}
