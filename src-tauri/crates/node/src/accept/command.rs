//! The same job again, as a command to copy. Files are called what the person
//! called them, so it works where they lie.

use api::{Fold, ModuleRef, Split, Submit, SweptParameter};

pub(super) fn line(submit: &Submit) -> String {
    let mut words = vec!["skep".to_owned(), "run".to_owned()];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), value]);
        }
    };
    option("--name", submit.name.clone());
    match &submit.split {
        Split::Once => {}
        Split::Range { start, end, step } => {
            let step = if step == "1" {
                String::new()
            } else {
                format!("..{step}")
            };
            option("--range", Some(format!("{start}..{end}{step}")));
        }
        Split::Items { .. } => option("--items", Some("FILE".to_owned())),
        Split::Lines { per_task, .. } => {
            option("--each-line", Some("FILE".to_owned()));
            let several = (*per_task != 1).then(|| per_task.to_string());
            option("--lines-per-task", several);
        }
        Split::Sweep { parameters } => {
            for SweptParameter { name, values } in parameters {
                option("--param", Some(format!("{name}={}", written(values))));
            }
        }
        Split::Files { files } => {
            for file in files.iter().take(SHOWN_FILES) {
                option("--each-file", Some(file.name.clone()));
            }
            option(
                "--each-file",
                (files.len() > SHOWN_FILES).then(|| "…".to_owned()),
            );
        }
    }
    option("--stdin", submit.stdin.as_ref().map(|_| "FILE".to_owned()));
    for file in &submit.files {
        option("--in", Some(file.name.clone()));
    }
    for (name, value) in &submit.env {
        option("--env", Some(format!("{name}={value}")));
    }
    let limits = &submit.limits;
    option(
        "--memory",
        limits.memory_bytes.map(|bytes| bytes.to_string()),
    );
    option(
        "--task-timeout",
        limits.task_timeout_ms.map(|ms| format!("{ms}ms")),
    );
    option("--timeout", submit.timeout_ms.map(|ms| format!("{ms}ms")));
    option("--fuel", limits.fuel.map(|fuel| fuel.to_string()));
    option(
        "--max-output",
        limits.output_bytes.map(|bytes| bytes.to_string()),
    );
    option(
        "--retries",
        limits.retries.map(|retries| retries.to_string()),
    );
    option(
        "--priority",
        (submit.priority != 0).then(|| submit.priority.to_string()),
    );
    option("--chunk", submit.chunk.map(|chunk| chunk.to_string()));
    for word in &submit.on {
        option("--on", Some(word.clone()));
    }
    option("--collect", submit.collect.then(|| "DIR".to_owned()));
    option("--fold", submit.fold.map(|fold| word(fold).to_owned()));
    option("--invoke", submit.invoke.clone());
    words.push(match &submit.module {
        ModuleRef::Name { name } => name.clone(),
        ModuleRef::Blob { .. } => submit.module_name.clone(),
    });
    for (name, value) in &submit.params {
        words.extend([format!("--{}", name.replace('_', "-")), value.clone()]);
    }
    // A first argument that looks like an option would be taken for ours.
    if submit.args.first().is_some_and(|arg| arg.starts_with('-')) {
        words.push("--".to_owned());
    }
    words.extend(submit.args.iter().cloned());
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The values of a sweep: whole numbers at equal distances as a range, others
/// one by one.
fn written(values: &[String]) -> String {
    /// Fewer are read more easily one by one.
    const RANGE_MIN: usize = 4;
    let numbers: Option<Vec<i64>> = values.iter().map(|value| value.parse().ok()).collect();
    if let Some([first, second, .., last]) = numbers.as_deref()
        && values.len() >= RANGE_MIN
        && let Some(step) = second.checked_sub(*first).filter(|step| *step != 0)
        && let Some(end) = last.checked_add(step.signum())
        && values
            .iter()
            .zip(0_i64..)
            .all(|(value, nth)| *value == (first + step * nth).to_string())
    {
        return match step {
            1 => format!("{first}..{end}"),
            step => format!("{first}..{end}..{step}"),
        };
    }
    values.join(",")
}

/// Files of a split that are written out.
const SHOWN_FILES: usize = 20;

fn word(fold: Fold) -> &'static str {
    match fold {
        Fold::None => "none",
        Fold::Concat => "concat",
        Fold::Json => "json",
        Fold::Sum => "sum",
        Fold::Kernel => "kernel",
    }
}

/// As a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%{}…".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{quoted, written};

    #[test]
    fn values_of_a_sweep_are_as_short_as_they_were_typed() {
        let of = |text: &str| written(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("0,1,2,3"), "0..4");
        assert_eq!(of("9,6,3,0"), "9..-1..-3");
        for as_typed in ["1,2,3", "1,2,3,5", "01,02,03,04", "7,7,7,7", "a,b,c,d", "x"] {
            assert_eq!(of(as_typed), as_typed);
        }
    }

    #[test]
    fn a_shell_reads_the_word_back() {
        for (word, expected) in [
            ("a.wasm", "a.wasm"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$x", "'$x'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
