//! The project's own commands: `cargo xtask run`, `test`, `bench`, `check`,
//! `simulate`, `kernels`, `icons`, `package`.
//!
//! Each says what it runs, sets up what is missing on a fresh machine, and is
//! quick when nothing is. It knows no crate of ours and needs no other crate,
//! so that it is built in seconds.
#![forbid(unsafe_code)]

mod app;
mod bench;
mod check;
mod icons;
mod kernels;
mod package;
mod run;
mod shell;
mod simulate;
mod story;

use std::process::ExitCode;

const HELP: &str = "\
The project's own commands:

  cargo xtask run        set up, build, and open the app; without a desktop,
                         render a Mandelbrot in the terminal
  cargo xtask test       set up, build, and run every test
  cargo xtask bench      measure (release), print a table, write JSON beside it
  cargo xtask check      formatting, lints, licences, docs
  cargo xtask simulate   SKEP_SEED=n replays one seed; SKEP_SEEDS=n tries many;
                         --trace prints what happens
  cargo xtask kernels    build the kernels that ship with Skep
  cargo xtask icons      make the icon sets from their drawings
  cargo xtask package    make .deb and .rpm of the app, and a headless .deb
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rest = words.get(1..).unwrap_or_default();
    let done = match words.first().map(String::as_str) {
        Some("run") => run::run(rest),
        Some("test") => story::test(rest),
        Some("bench") => bench::bench(rest),
        Some("check") => check::check(),
        Some("simulate") => simulate::simulate(rest),
        Some("kernels") => kernels::build(),
        Some("icons") => icons::icons(),
        Some("package") => package::package(rest),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => Err(format!("there is no command `{other}`\n\n{HELP}")),
        None => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
