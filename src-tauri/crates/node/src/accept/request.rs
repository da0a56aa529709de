//! What was asked, checked piece by piece before anything is read or run.

use super::split::Cut;
use super::{Asked, own_fold, parameters, sweep};
use crate::limits::{ARGUMENT_BYTES_MAX, NAME_BYTES_MAX};
use crate::run::Input;
use crate::template::{Placeholder, Template};
use crate::views::refusal;
use api::{Error, ErrorCode, Fold, ModuleRef, Split, Submit};
use sandbox::inspect::{
    ArgumentError, Card, EntryError, KernelDescription, NumType, ParameterError,
    Split as KernelSplit, parse_arguments, parse_arguments_before_range,
};
use sandbox::limits::MEMORY_BYTES_MAX;
use sandbox::{Entry, Value};
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;

/// One page of WebAssembly memory, in bytes: no module gets along with less.
const MEMORY_BYTES_MIN: u64 = 64 << 10;

pub(super) fn client_id(hex: &str) -> Result<[u8; 16], Error> {
    let id = data_encoding::HEXLOWER_PERMISSIVE
        .decode(hex.as_bytes())
        .ok()
        .and_then(|id| id.try_into().ok());
    id.ok_or_else(|| usage(format!("a client id is 32 hex digits, and {hex:?} is not")))
}

/// A job of this module with these parameters and nothing else.
pub(super) fn bare(module: ModuleRef, params: BTreeMap<String, String>) -> Submit {
    Submit {
        client_id: String::new(),
        module,
        module_name: "this module".to_owned(),
        name: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        invoke: None,
        params,
        split: Split::Once,
        stdin: None,
        files: Vec::new(),
        fold: None,
        limits: api::Limits::default(),
        priority: 0,
        timeout_ms: None,
        chunk: None,
        on: Vec::new(),
        trial: false,
        transient: false,
        collect: false,
    }
}

/// With names as everybody will see them.
pub(super) fn named(mut submit: Submit) -> Submit {
    submit.module_name = plain(&submit.module_name);
    submit.name = submit.name.as_deref().map(plain);
    submit
}

/// Composed (NFC), and without characters that cannot be seen or that turn the
/// text around them: controls, and Bidi_Control of UAX #9.
fn plain(name: &str) -> String {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name: String = name
        .nfc()
        .filter(|c| !c.is_control() && !turns(*c))
        .collect();
    name.trim().to_owned()
}

/// What does not depend on the module.
pub(super) fn check(submit: &Submit) -> Result<(), Error> {
    for name in [Some(&submit.module_name), submit.name.as_ref()]
        .into_iter()
        .flatten()
    {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(usage(format!(
                "a name has 1 to {NAME_BYTES_MAX} bytes, and {:?} has {}",
                cut_off(name),
                name.len()
            )));
        }
    }
    for (name, value) in &submit.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(usage(format!(
                "the environment cannot have {:?}",
                cut_off(name)
            )));
        }
        if name.starts_with("SKEP_") {
            return Err(usage(format!(
                "the environment's {name} is set by Skep itself"
            )));
        }
    }
    if submit.args.iter().any(|arg| arg.contains('\0')) {
        return Err(usage("an argument cannot contain a zero byte".to_owned()));
    }
    let memory = submit.limits.memory_bytes;
    if let Some(memory) =
        memory.filter(|memory| !(MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(memory))
    {
        return Err(usage(format!(
            "a task may have 64 KiB to 4 GiB of memory, and {memory} bytes is not between them"
        )));
    }
    for (what, ms) in [
        ("task", submit.limits.task_timeout_ms),
        ("job", submit.timeout_ms),
    ] {
        if ms == Some(0) {
            return Err(usage(format!(
                "a {what} cannot have a time limit of nothing"
            )));
        }
    }
    if submit.chunk == Some(0) {
        return Err(usage("a lease cannot have 0 tasks".to_owned())
            .hint("leave --chunk out: the size is measured"));
    }
    if submit.stdin.is_some() && submit.split != Split::Once {
        return Err(
            usage("a job that is split has its pieces as standard input".to_owned())
                .hint("leave --stdin out, or give the file to every task with --in"),
        );
    }
    Ok(())
}

pub(super) fn ask(submit: &Submit, card: &Card) -> Result<Asked, Error> {
    let entry = card
        .entry_for(submit.invoke.as_deref())
        .map_err(|error| entry_error(error, submit))?;
    // A kernel's function is called as any other module's.
    let kernel = card.kernel.clone().filter(|_| submit.invoke.is_none());
    if let Some(kernel) = &kernel {
        check_split(kernel, &submit.split)?;
    }
    let function = matches!(entry, Entry::Function { .. } | Entry::Bytes);
    if function && (!submit.files.is_empty() || submit.collect || !submit.env.is_empty()) {
        return Err(
            usage("a function has no files and no environment".to_owned())
                .hint("leave --in, --collect and --env out; a WASI program has them"),
        );
    }
    if entry == Entry::Bytes && !submit.args.is_empty() {
        return Err(Error::new(
            ErrorCode::WrongArguments,
            "a bytes function takes its input, and no arguments",
        )
        .hint(
            "give the input with --stdin, or split it with --each-line, --items or --each-file",
        ));
    }
    if matches!(entry, Entry::Function { .. }) && submit.stdin.is_some() {
        return Err(usage(
            "a function of numbers has no standard input".to_owned(),
        ));
    }
    let mut argv = vec![Template::literal(submit.module_name.clone())];
    for arg in submit.args.iter().filter(|_| !function) {
        argv.push(Template::parse(arg, &sweep::names(&submit.split))?);
    }
    Ok(Asked {
        entry,
        parameters: parameters(card, submit)?,
        kernel,
        argv,
        env: submit
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

/// The arguments of a function: those of every call, and the type of the last
/// one where each task has its own.
pub(super) fn arguments(
    submit: &Submit,
    asked: &Asked,
    card: &Card,
    cut: &Cut,
) -> Result<(Vec<Value>, Option<NumType>), Error> {
    let Entry::Function { name } = &asked.entry else {
        return Ok((Vec::new(), None));
    };
    let function = card
        .function(name)
        .ok_or_else(|| Error::new(ErrorCode::NoSuchFunction, format!("there is no {name}")))?;
    let wrong = |error: ArgumentError| {
        with_hint(ErrorCode::WrongArguments, error.to_string(), error.hint())
    };
    match &cut.input {
        Input::Once { .. } | Input::Counted => Ok((
            parse_arguments(function, &submit.args).map_err(wrong)?,
            None,
        )),
        Input::Range { start, step } => {
            let last = start + step * i128::from(cut.count.saturating_sub(1));
            let narrow = |number: i128| {
                i64::try_from(number).map_err(|_| {
                    Error::new(
                        ErrorCode::BadRange,
                        format!("{number} is larger than the numbers a function is called with"),
                    )
                })
            };
            let (first, last) = (narrow(*start)?, narrow(last)?);
            Ok((
                parse_arguments_before_range(function, &submit.args, first, last).map_err(wrong)?,
                None,
            ))
        }
        Input::Items { .. } | Input::Lines { .. } => {
            // As many as with a range, whose values may be anything.
            let before =
                parse_arguments_before_range(function, &submit.args, 0, 0).map_err(wrong)?;
            let last = function.params.last().copied();
            if let Some(number) = last {
                cut.check_numbers(crate::run::Number::of(number), number.as_str())?;
            }
            Ok((before, last))
        }
        Input::Files { .. } => Err(usage(
            "a function of numbers cannot be called with files".to_owned(),
        )),
        Input::Sweep { .. } => Err(sweep::needs_program()),
    }
}

/// Every placeholder has a value in every task, and nobody's arguments and
/// environment are too long.
pub(super) fn check_words(asked: &Asked, cut: &Cut) -> Result<(), Error> {
    let mut uses = 0;
    for placeholder in asked.argv.iter().flat_map(Template::placeholders) {
        let (fits, of) = match placeholder {
            Placeholder::Index | Placeholder::Count => (true, ""),
            Placeholder::Item => {
                let fits = !matches!(
                    cut.input,
                    Input::Once { .. } | Input::Counted | Input::Sweep { .. }
                );
                (fits, "--range, --items, --each-line or --each-file")
            }
            Placeholder::Line => (matches!(cut.input, Input::Lines { .. }), "--each-line"),
            Placeholder::File | Placeholder::Stem => {
                (matches!(cut.input, Input::Files { .. }), "--each-file")
            }
            // Only names of the sweep became one.
            Placeholder::Parameter(_) => (true, ""),
        };
        if !fits {
            return Err(Error::new(
                ErrorCode::UnknownPlaceholder,
                format!("{{{}}} has no value here", placeholder.name()),
            )
            .hint(format!("it is the value of a task with {of}")));
        }
        uses += usize::from(matches!(
            placeholder,
            Placeholder::Item | Placeholder::Line | Placeholder::File | Placeholder::Stem
        ));
    }
    let given = asked.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>()
        + asked.parameters.iter().flatten().map(|(name, value)| name.len() + value.len() + 13).sum::<usize>()
        + asked.argv.iter().map(|arg| arg.fill(|_| "").len() + 21).sum::<usize>()
        // SKEP_JOB_ID and the like.
        + 512;
    if given > ARGUMENT_BYTES_MAX {
        return Err(too_long("arguments and environment", given));
    }
    if let Input::Sweep { sweep: swept } = &cut.input {
        return sweep::check_lengths(swept, &asked.argv, ARGUMENT_BYTES_MAX - given);
    }
    cut.check_items(uses, ARGUMENT_BYTES_MAX - given)
}

pub(super) fn fold(
    submit: &Submit,
    kernel: Option<&KernelDescription>,
) -> Result<pool::spec::Fold, Error> {
    use pool::spec::Fold as Rule;
    Ok(match submit.fold {
        None => own_fold(kernel),
        Some(Fold::None) => Rule::None,
        Some(Fold::Concat) => Rule::Concat,
        Some(Fold::Json) => Rule::Json,
        Some(Fold::Sum) => Rule::Sum,
        Some(Fold::Kernel) if own_fold(kernel) == Rule::Kernel => Rule::Kernel,
        Some(Fold::Kernel) => {
            return Err(
                usage(format!("{} has no fold of its own", submit.module_name))
                    .hint("fold with concat, json or sum, or leave --fold out"),
            );
        }
    })
}

/// A path below `/in` that means the same everywhere.
pub(super) fn check_guest_path(name: &str) -> Result<(), Error> {
    let fine = |part: &str| !part.is_empty() && part != "." && part != ".." && part.len() <= 255;
    let bad = name.len() > NAME_BYTES_MAX * 4
        || name.contains(['\0', '\\'])
        || !name.split('/').all(fine);
    if bad {
        return Err(usage(format!(
            "{:?} cannot be the name of a file under /in",
            cut_off(name)
        ))
        .hint("write a relative path of plain names: --in PATH::data/input.txt"));
    }
    Ok(())
}

pub(super) fn parameter_error(error: &ParameterError) -> Error {
    let code = match error {
        ParameterError::Unknown { .. } => ErrorCode::UnknownParameter,
        ParameterError::Twice { .. }
        | ParameterError::Missing { .. }
        | ParameterError::Value { .. }
        | ParameterError::Json { .. } => ErrorCode::BadParameter,
    };
    with_hint(code, error.to_string(), error.hint())
}

pub(super) fn too_long(what: &str, bytes: usize) -> Error {
    Error::new(
        ErrorCode::InputTooLarge,
        format!("{what} have {bytes} bytes; a task may have {ARGUMENT_BYTES_MAX}"),
    )
    .hint("give large values as a file with --in, or as standard input")
}

fn check_split(kernel: &KernelDescription, split: &Split) -> Result<(), Error> {
    match (kernel.split, split) {
        (KernelSplit::Plan, Split::Once) => Ok(()),
        (KernelSplit::Plan, _) => Err(usage(format!(
            "{} counts its own tasks, so it takes no split",
            kernel.title
        ))
        .hint("leave --range, --items, --each-line, --each-file and --param out")),
        (KernelSplit::Input, Split::Once) => Err(usage(format!(
            "{} needs an input to be split",
            kernel.title
        ))
        .hint("give it with --each-line FILE, --each-file GLOB or --items FILE")),
        (KernelSplit::Input, _) => Ok(()),
    }
}

fn entry_error(error: EntryError, submit: &Submit) -> Error {
    match error {
        EntryError::Refused(refused) => refusal(&refused),
        EntryError::FunctionNeeded { ref functions } => {
            Error::new(ErrorCode::FunctionNeeded, error.to_string()).hint(format!(
                "choose one: skep run --invoke NAME {} ARGS; it has {functions}",
                submit.module_name
            ))
        }
        EntryError::NoSuchFunction {
            ref suggestion,
            ref functions,
            ..
        } => Error::new(ErrorCode::NoSuchFunction, error.to_string()).hint(match suggestion {
            Some(near) => format!("did you mean {near}? It has {functions}"),
            None if functions.is_empty() => "it has no functions of numbers".to_owned(),
            None => format!("it has {functions}"),
        }),
    }
}

fn with_hint(code: ErrorCode, message: String, hint: Option<String>) -> Error {
    Error {
        code,
        message,
        hint,
    }
}

fn usage(message: String) -> Error {
    Error::new(ErrorCode::Usage, message)
}

fn cut_off(text: &str) -> &str {
    &text[..text.floor_char_boundary(60)]
}

#[cfg(test)]
mod tests {
    use super::plain;

    /// RELIABILITY case 42.
    #[test]
    fn a_name_is_what_everybody_sees() {
        for (given, shown) in [
            ("renders", "renders"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\u{2066}b\u{2069}", "ab"),
            ("\u{1b}[31mred\u{7}\r\n", "[31mred"),
            ("👩\u{200d}🚀 orbit", "👩\u{200d}🚀 orbit"),
            ("<img onerror=x>", "<img onerror=x>"),
            ("'; DROP TABLE job; --", "'; DROP TABLE job; --"),
            ("../../etc/passwd", "../../etc/passwd"),
            (" \u{200f}\n", ""),
        ] {
            assert_eq!(plain(given), shown, "{given:?}");
        }
    }
}
