//! A kernel's parameters as they were typed, against what the kernel takes.

use serde_json::Value as Json;

use super::{
    function::near,
    kernel::{KernelDescription, Parameter, ParameterKind},
    show,
};
use crate::limits::PARAMETER_BYTES_MAX;

/// Why parameters do not fit a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The kernel has no such parameter.
    #[error("the kernel has no parameter `{name}`")]
    Unknown {
        /// As it was typed, inert.
        name: String,
        /// One with nearly this name.
        suggestion: Option<String>,
        /// All there are, as a list for people.
        known: String,
    },
    /// Given twice.
    #[error("parameter `{name}` is given twice")]
    Twice {
        /// Its name.
        name: String,
    },
    /// It has no default and is not given.
    #[error("parameter `{name}` is missing")]
    Missing {
        /// Its name.
        name: String,
        /// What it takes.
        accepts: String,
    },
    /// A value that it does not take.
    #[error("parameter `{name}` cannot be `{value}`: {problem}")]
    Value {
        /// Its name.
        name: String,
        /// As it was typed, inert.
        value: String,
        /// What it takes instead.
        problem: String,
        /// A choice with nearly this name.
        suggestion: Option<String>,
    },
    /// The JSON is not an object of single values.
    #[error("the parameters are not a JSON object of single values: {problem}")]
    Json {
        /// What it is, or where it breaks off.
        problem: String,
    },
}

impl ParameterError {
    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            ParameterError::Unknown {
                suggestion: Some(near),
                ..
            }
            | ParameterError::Value {
                suggestion: Some(near),
                ..
            } => Some(format!("Did you mean `{near}`?")),
            ParameterError::Unknown { known, .. } if known.is_empty() => {
                Some("This kernel takes no parameters.".into())
            }
            ParameterError::Unknown { known, .. } => Some(format!("It has {known}.")),
            ParameterError::Missing { name, accepts } => Some(format!(
                "Give it with --{}: {accepts}.",
                name.replace('_', "-")
            )),
            ParameterError::Json { .. } => {
                Some(r#"Write it as --params '{"width":640,"palette":"dusk"}'."#.into())
            }
            ParameterError::Twice { .. } | ParameterError::Value { .. } => None,
        }
    }
}

/// Every parameter of the kernel with its value, in the kernel's order:
/// defaults filled in, numbers checked against their range, choices against
/// their words. Names may be written with dashes for underscores.
pub fn check_parameters(
    kernel: &KernelDescription,
    given: &[(String, String)],
) -> Result<Vec<(String, String)>, ParameterError> {
    let mut values: Vec<Option<String>> = vec![None; kernel.parameters.len()];
    for (name, text) in given {
        let plain = name.replace('-', "_");
        let Some(at) = kernel
            .parameters
            .iter()
            .position(|parameter| parameter.name == plain)
        else {
            return Err(unknown(kernel, name, &plain));
        };
        let parameter = &kernel.parameters[at];
        if values[at].is_some() {
            return Err(ParameterError::Twice { name: plain });
        }
        let value = parameter
            .value(text)
            .map_err(|problem| ParameterError::Value {
                name: plain.clone(),
                value: show::name(text),
                problem,
                suggestion: parameter.nearest(text),
            })?;
        values[at] = Some(value);
    }
    let filled = kernel.parameters.iter().zip(values);
    filled
        .map(|(parameter, value)| {
            let value = value.or_else(|| parameter.default.clone());
            value
                .map(|value| (parameter.name.clone(), value))
                .ok_or_else(|| ParameterError::Missing {
                    name: parameter.name.clone(),
                    accepts: parameter.accepts(),
                })
        })
        .collect()
}

/// The parameters of a JSON object, as if they had been typed.
pub fn parameters_from_json(text: &str) -> Result<Vec<(String, String)>, ParameterError> {
    let json: Json = serde_json::from_str(text).map_err(|error| ParameterError::Json {
        problem: show::name(&error.to_string()),
    })?;
    let Json::Object(object) = json else {
        return Err(ParameterError::Json {
            problem: "it is not in braces".into(),
        });
    };
    object
        .iter()
        .map(|(name, value)| match scalar(value) {
            Some(text) => Ok((name.clone(), text)),
            None => Err(ParameterError::Json {
                problem: format!("`{}` is not a single value", show::name(name)),
            }),
        })
        .collect()
}

/// A string, number or truth value as it would be typed.
pub(super) fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn unknown(kernel: &KernelDescription, name: &str, plain: &str) -> ParameterError {
    let known = || {
        kernel
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
    };
    ParameterError::Unknown {
        name: show::name(name),
        suggestion: near(plain, known()),
        known: show::names(known(), kernel.parameters.len()),
    }
}

impl Parameter {
    /// The value as the kernel will read it, or what it takes instead.
    pub(super) fn value(&self, text: &str) -> Result<String, String> {
        let problem = || Err(format!("it takes {}", self.accepts()));
        match &self.kind {
            ParameterKind::Integer { min, max } => match text.parse::<i64>() {
                Ok(value) if (min..=max).contains(&&value) => Ok(value.to_string()),
                _ => problem(),
            },
            ParameterKind::Number { min, max } => match text.parse::<f64>() {
                // As typed: digits that the kernel parses itself lose nothing.
                Ok(value) if value.is_finite() && (min..=max).contains(&&value) => Ok(text.into()),
                _ => problem(),
            },
            ParameterKind::Bool if matches!(text, "true" | "false") => Ok(text.into()),
            ParameterKind::Choice(choices) if choices.iter().any(|choice| choice == text) => {
                Ok(text.into())
            }
            ParameterKind::String if text.len() <= PARAMETER_BYTES_MAX && !text.contains('\0') => {
                Ok(text.into())
            }
            ParameterKind::Bool | ParameterKind::Choice(_) | ParameterKind::String => problem(),
        }
    }

    /// The values it takes, in words.
    pub fn accepts(&self) -> String {
        match &self.kind {
            ParameterKind::Integer {
                min: i64::MIN,
                max: i64::MAX,
            } => "a whole number".into(),
            ParameterKind::Integer { min, max: i64::MAX } => {
                format!("a whole number from {min} upwards")
            }
            ParameterKind::Integer { min: i64::MIN, max } => format!("a whole number up to {max}"),
            ParameterKind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            ParameterKind::Number { min, max } if *min == f64::MIN && *max == f64::MAX => {
                "a number".into()
            }
            ParameterKind::Number { min, max } => format!("a number from {min:?} to {max:?}"),
            ParameterKind::String => {
                format!(
                    "text of at most {}",
                    show::bytes(PARAMETER_BYTES_MAX as u64)
                )
            }
            ParameterKind::Bool => "`true` or `false`".into(),
            ParameterKind::Choice(choices) => {
                let words: Vec<String> = choices.iter().map(|word| format!("`{word}`")).collect();
                match words.as_slice() {
                    [] => "nothing".into(),
                    [one] => one.clone(),
                    [most @ .., last] => format!("{} or {last}", most.join(", ")),
                }
            }
        }
    }

    fn nearest(&self, text: &str) -> Option<String> {
        match &self.kind {
            ParameterKind::Choice(choices) => near(text, choices.iter().map(String::as_str)),
            ParameterKind::Integer { .. }
            | ParameterKind::Number { .. }
            | ParameterKind::String
            | ParameterKind::Bool => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> KernelDescription {
        KernelDescription::parse(
            br#"{"schema":1,"title":"k","split":"plan","parameters":[
            {"name":"width","type":"integer","default":1920,"range":[1,32768]},
            {"name":"centre_re","type":"number","default":-0.5,"range":[-2,2]},
            {"name":"palette","type":"choice","default":"dusk","choices":["dusk","ocean"]},
            {"name":"smooth","type":"bool","default":false},
            {"name":"label","type":"string"}]}"#,
        )
        .expect("a good one")
    }

    fn check(given: &[(&str, &str)]) -> Result<Vec<(String, String)>, ParameterError> {
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        check_parameters(&kernel(), &given)
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        let values =
            check(&[("label", "x"), ("centre-re", "1e-1"), ("width", "+7")]).expect("good");
        let expected = [
            ("width", "7"),
            ("centre_re", "1e-1"),
            ("palette", "dusk"),
            ("smooth", "false"),
            ("label", "x"),
        ];
        assert_eq!(
            values,
            expected.map(|(name, value)| (name.into(), value.into()))
        );
    }

    #[test]
    fn wrong_values_say_what_fits() {
        for (given, message, hint) in [
            (
                ("widht", "1"),
                "the kernel has no parameter `widht`",
                Some("Did you mean `width`?"),
            ),
            (
                ("colour\u{1b}", "1"),
                "the kernel has no parameter `colour\\u{1b}`",
                Some("It has `width`, `centre_re`, `palette`, `smooth`, `label`."),
            ),
            (
                ("width", "0"),
                "parameter `width` cannot be `0`: it takes a whole number from 1 to 32768",
                None,
            ),
            (
                ("centre_re", "nan"),
                "parameter `centre_re` cannot be `nan`: it takes a number from -2.0 to 2.0",
                None,
            ),
            (
                ("palette", "ocaen"),
                "parameter `palette` cannot be `ocaen`: it takes `dusk` or `ocean`",
                Some("Did you mean `ocean`?"),
            ),
            (
                ("smooth", "yes"),
                "parameter `smooth` cannot be `yes`: it takes `true` or `false`",
                None,
            ),
        ] {
            let error = check(&[given]).expect_err("this is wrong");
            assert_eq!(
                (error.to_string().as_str(), error.hint().as_deref()),
                (message, hint)
            );
        }
        let error = check(&[]).expect_err("label has no default");
        assert_eq!(error.to_string(), "parameter `label` is missing");
        let error = check(&[("width", "1"), ("width", "2")]).expect_err("twice");
        assert_eq!(error.to_string(), "parameter `width` is given twice");
    }

    #[test]
    fn json_is_read_as_if_typed() {
        let typed = parameters_from_json(r#"{"width":640,"smooth":true,"palette":"ocean"}"#);
        let mut typed = typed.expect("an object");
        typed.sort();
        let expected = [("palette", "ocean"), ("smooth", "true"), ("width", "640")];
        assert_eq!(
            typed,
            expected.map(|(name, value)| (name.into(), value.into()))
        );
        for (json, problem) in [
            ("[1]", "it is not in braces"),
            (r#"{"width":[1]}"#, "`width` is not a single value"),
            (
                r#"{"width""#,
                "EOF while parsing an object at line 1 column 8",
            ),
        ] {
            let error = parameters_from_json(json).expect_err("this is wrong");
            assert_eq!(
                error,
                ParameterError::Json {
                    problem: problem.into()
                }
            );
        }
    }
}
