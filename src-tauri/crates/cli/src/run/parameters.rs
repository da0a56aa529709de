//! A kernel's parameters among the words after MODULE: `--width 1920`. They
//! and our own options may mix; what is neither begins the module's arguments.

use super::RunOptions;
use crate::failure::{Failure, usage};
use crate::typed::{Command, Global, Refusal, Typed};
use api::{Card, Error, ErrorCode, KernelView, ParameterType};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What the words mean once the parameters are known.
pub(super) struct Taken {
    pub(super) options: RunOptions,
    pub(super) parameters: BTreeMap<String, String>,
    /// Set where options were found after a parameter.
    pub(super) global: Option<Global>,
}

/// Takes the parameters out of the words and reads the rest again, because
/// our options may follow them.
pub(super) fn take(
    mut options: RunOptions,
    words: &[OsString],
    card: &Card,
) -> Result<Taken, Failure> {
    let (mut parameters, mut global) = (BTreeMap::new(), None);
    let Some(kernel) = &card.kernel else {
        return Ok(Taken {
            options,
            parameters,
            global,
        });
    };
    let mut words = words.to_vec();
    while options.input.invoke.is_none() {
        let first_arg = words.len() - options.args.len();
        let escaped = words[..first_arg].last().is_some_and(|word| word == "--");
        let Some(word) = options
            .args
            .first()
            .filter(|_| !escaped)
            .and_then(|word| word.strip_prefix("--"))
        else {
            break;
        };
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let name = name.replace('-', "_");
        let Some(parameter) = kernel
            .parameters
            .iter()
            .find(|parameter| parameter.name == name)
        else {
            return Err(unknown(&name, kernel).into());
        };
        let (value, taken) = match value {
            Some(value) => (value, 1),
            None => match options.args.get(1) {
                // A switch may stand alone.
                next if parameter.type_ == ParameterType::Bool
                    && next.is_none_or(|next| next != "true" && next != "false") =>
                {
                    ("true".to_owned(), 1)
                }
                Some(value) => (value.clone(), 2),
                None => {
                    let message = format!("--{} needs a value", name.replace('_', "-"));
                    return Err(Error::new(ErrorCode::BadParameter, message).into());
                }
            },
        };
        if parameters.insert(name.clone(), value).is_some() {
            return Err(usage(format!("--{} is given twice", name.replace('_', "-"))).into());
        }
        words.drain(first_arg..first_arg + taken);
        let again = read_again(&words)?;
        (options, global) = (again.0, Some(again.1));
    }
    Ok(Taken {
        options,
        parameters,
        global,
    })
}

/// `--params '{"width": 1920}'`.
pub(super) fn object(json: &str) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |what: String| usage(format!("--params takes a JSON object: {what}"));
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    let text = |name: &str, value| match value {
        serde_json::Value::String(text) => Ok(text),
        value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
            Ok(value.to_string())
        }
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            Err(wrong(format!(
                "'{name}' is neither text, number nor true or false"
            )))
        }
    };
    fields
        .into_iter()
        .map(|(name, value)| Ok((name.clone(), text(&name, value)?)))
        .collect()
}

fn read_again(words: &[OsString]) -> Result<(RunOptions, Global), Failure> {
    match Typed::parse_words(words) {
        Ok(Typed {
            command: Command::Run(run),
            global,
        }) => Ok((run.options, global)),
        Ok(Typed {
            command: Command::Map(map),
            global,
        }) => Ok((map.options, global)),
        Ok(_) => Err(usage("the words after the kernel's parameters cannot be read").into()),
        Err(Refusal::Wrong(error)) => Err(error.into()),
        Err(Refusal::Help(help, code)) => {
            help.print()?;
            Err(Failure::Ended(code))
        }
    }
}

fn unknown(name: &str, kernel: &KernelView) -> Error {
    let option = |name: &str| format!("--{}", name.replace('_', "-"));
    let all = kernel
        .parameters
        .iter()
        .map(|parameter| option(&parameter.name))
        .collect::<Vec<_>>()
        .join(" ");
    Error::new(
        ErrorCode::UnknownParameter,
        format!("the kernel has no parameter {}", option(name)),
    )
    .hint(format!("its parameters are {all}"))
}
