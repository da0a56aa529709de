//! `cargo xtask test`: every test, the fast ones first.

use crate::shell::{Done, cargo, run, say, target};
use crate::{app, kernels};
use std::time::Instant;

/// Crates whose tests need nothing built before.
const PURE: &[&str] = &[
    "api",
    "xtask",
    "skep-kernel",
    "mandelbrot",
    "word_count",
    "store",
];

/// Crates that run modules, and the app. They are built by one command: another
/// choice of packages has other features, and the compiler for modules is slow
/// to build.
const RUNNING: &[&str] = &["sandbox", "executor", "bundle", "node", "cli", "app"];

/// All of it, or, with words, what `cargo test` makes of them with the same set-up.
pub(crate) fn test(rest: &[String]) -> Done {
    let begun = Instant::now();
    let executor = target().join("debug").join("skep-executor");
    if !rest.is_empty() {
        kernels::build()?;
        app::prepare()?;
        run(&mut cargo(&["build", "--locked", "--package", "executor"]))?;
        return run(cargo(&["test", "--locked"])
            .args(rest)
            .env("SKEP_EXECUTOR", executor));
    }
    say("The rules and their simulator");
    run(&mut cargo(&["test", "--locked", "--package", "pool"]))?;
    say("The rules with planted mistakes: each must be caught");
    run(&mut cargo(&[
        "test",
        "--locked",
        "--package",
        "pool",
        "--features",
        "mutants",
        "--test",
        "mutants",
    ]))?;
    say("What needs nothing built");
    run(cargo(&["test", "--locked"]).args(packages(PURE)))?;
    app::prepare()?;
    say("The page: its types, its state and its components");
    app::npm(&["run", "check"])?;
    app::npm(&["test"])?;
    kernels::build()?;
    say("Modules behind two walls, the node, and stories through the real binaries");
    // The executor's own tests have it built before any test runs.
    run(cargo(&["test", "--locked"])
        .args(packages(RUNNING))
        .env("SKEP_EXECUTOR", &executor))?;
    app::prepare_tests()?;
    say("Every screen of the page in a browser, and what keeps people out of it");
    app::npm(&["run", "shots", "--", "--quick"])?;
    say("The window, on a screen of its own");
    run(cargo(&["test", "--locked"])
        .args(packages(RUNNING))
        .args(["--test", "window", "--", "--test-threads", "1"])
        .env("SKEP_EXECUTOR", executor))?;
    say(&format!(
        "All tests passed, in {} s",
        begun.elapsed().as_secs()
    ));
    Ok(())
}

fn packages(names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    names.iter().flat_map(|name| ["--package", name])
}
