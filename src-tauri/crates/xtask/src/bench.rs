//! `cargo xtask bench`: measures release builds and shows both sides of each
//! comparison from the same run.
//!
//! A bench is an example that prints one JSON object a line: `name`, `unit`,
//! `median`, `min`, `max`, `runs` and, where there is one, `floor` and
//! `note`. Nothing here asserts a time: these figures are for people.

use crate::shell::{Done, cargo, root, run, say, target};
use crate::{app, kernels};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Package and example, cheap ones first.
const BENCHES: &[(&str, &str)] = &[
    ("pool", "bench_pool"),
    ("store", "bench_store"),
    ("executor", "bench_executor"),
    ("cli", "bench_pool_of_one"),
    ("cli", "bench_yield"),
];

/// The window's figures take a quarter of an hour, so only where they are named.
const WINDOW: &str = "window";

/// What the benches run; the kernels natively, to compare with.
const BINARIES: &[&str] = &["cli", "executor", "mandelbrot", "word_count"];

/// The app and what it brings, as it is packed.
const APP: &[&str] = &["app", "executor", "cli"];

/// All benches but the window's, or those whose example's name contains a word
/// of `rest`.
pub(crate) fn bench(rest: &[String]) -> Done {
    let is_wanted =
        |example: &str| rest.is_empty() || rest.iter().any(|word| example.contains(word.as_str()));
    let wanted: Vec<_> = BENCHES
        .iter()
        .filter(|(_, example)| is_wanted(example))
        .collect();
    kernels::build()?;
    if !wanted.is_empty() {
        say("Release builds");
        run(cargo(&["build", "--release", "--locked"])
            .args(BINARIES.iter().flat_map(|name| ["--package", name])))?;
    }
    let mut lines = Vec::new();
    println!("{}", machine());
    for (package, example) in wanted {
        say(&format!("{package}: {example}"));
        lines.extend(figures(example, of_example(package, example))?);
    }
    if rest.iter().any(|word| word == WINDOW) {
        app::prepare()?;
        app::prepare_tests()?;
        say("The window");
        // The app starts executors that lie beside it.
        run(cargo(&["build", "--release", "--locked"])
            .args(APP.iter().flat_map(|name| ["--package", name])))?;
        lines.extend(figures(WINDOW, of_window())?);
    }
    let path = target().join("bench.jsonl");
    std::fs::write(&path, lines.join("\n") + "\n")
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    eprintln!("The figures as JSON: {}", path.display());
    Ok(())
}

fn of_example(package: &str, example: &str) -> Command {
    cargo(&[
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        package,
        "--example",
        example,
    ])
}

fn of_window() -> Command {
    let mut command = cargo(&["bench", "--locked", "--quiet"]);
    command
        .args(APP.iter().flat_map(|name| ["--package", name]))
        .args(["--bench", "window"]);
    command
}

fn figures(name: &str, mut command: Command) -> Result<Vec<String>, String> {
    command
        .env("SKEP_BENCH_BINARIES", target().join("release"))
        .current_dir(root())
        .stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| format!("{name} could not be started: {error}"))?;
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
        let line = line.map_err(|error| error.to_string())?;
        println!("{}", row(&line));
        if line.starts_with('{') {
            lines.push(line);
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        Ok(lines)
    } else {
        Err(format!("{name} ended with {status}"))
    }
}

/// One line of the table.
fn row(line: &str) -> String {
    let (Some(name), Some(median)) = (field(line, "name"), field(line, "median")) else {
        return line.to_owned();
    };
    let of = |key: &str| field(line, key).unwrap_or_default();
    let mut row = format!(
        "{name:<58} {:>12} {:<10} {} – {}",
        short(&median),
        of("unit"),
        short(&of("min")),
        short(&of("max"))
    );
    for key in ["floor", "note"] {
        if let Some(value) = field(line, key) {
            row.push_str(&format!("   {key}: {value}"));
        }
    }
    row
}

/// A value of a flat JSON object: enough for the lines that our benches print.
fn field(line: &str, key: &str) -> Option<String> {
    let rest = line.split_once(&format!("\"{key}\":"))?.1.trim_start();
    let value = match rest.strip_prefix('"') {
        Some(text) => text.split_once('"')?.0,
        None => rest.split([',', '}']).next()?.trim(),
    };
    Some(value.to_owned())
}

/// A number as people read it.
fn short(number: &str) -> String {
    let Ok(value) = number.parse::<f64>() else {
        return number.to_owned();
    };
    match value.abs() {
        size if size >= 10_000.0 => {
            let digits = format!("{value:.0}");
            let mut out = String::new();
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) && digit.is_ascii_digit() {
                    out.push(',');
                }
                out.push(digit);
            }
            out
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn machine() -> String {
    let read = |path: &str, key: &str| {
        std::fs::read_to_string(path)
            .ok()
            .and_then(|text| {
                Some(
                    text.lines()
                        .find(|line| line.starts_with(key))?
                        .split_once(':')?
                        .1
                        .trim()
                        .to_owned(),
                )
            })
            .unwrap_or_else(|| "unknown".to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "machine: {} · {cores} cores · {} memory · Linux {}",
        read("/proc/cpuinfo", "model name"),
        read("/proc/meminfo", "MemTotal"),
        system.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::{field, short};

    #[test]
    fn fields_of_a_line_are_found() {
        let line = r#"{"name":"warm program","unit":"µs","median":5.61,"runs":7}"#;
        assert_eq!(field(line, "name").as_deref(), Some("warm program"));
        assert_eq!(field(line, "median").as_deref(), Some("5.61"));
        assert_eq!(field(line, "runs").as_deref(), Some("7"));
        assert_eq!(field(line, "floor"), None);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short("1234567.8"), "1,234,568");
        assert_eq!(short("40000"), "40,000");
        assert_eq!(short("123.4"), "123");
        assert_eq!(short("5.613"), "5.61");
        assert_eq!(short("0.4321"), "0.432");
    }
}
