//! `cargo xtask test`: every test, the fast ones first.

use crate::kernels;
use crate::shell::{Done, cargo, run, say, target};
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

/// All of it, or, with words, what `cargo test` makes of them with the same set-up.
pub(crate) fn test(rest: &[String]) -> Done {
    let begun = Instant::now();
    if rest.is_empty() {
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
        run(cargo(&["test", "--locked"]).args(PURE.iter().flat_map(|name| ["--package", name])))?;
    }
    kernels::build()?;
    say("The executor");
    run(&mut cargo(&["build", "--locked", "--package", "executor"]))?;
    let executor = target().join("debug").join("skep-executor");
    if !rest.is_empty() {
        return run(cargo(&["test", "--locked"])
            .args(rest)
            .env("SKEP_EXECUTOR", executor));
    }
    say("Modules behind two walls, and hostile ones");
    run(cargo(&[
        "test",
        "--locked",
        "--package",
        "sandbox",
        "--package",
        "executor",
    ])
    .env("SKEP_EXECUTOR", &executor))?;
    say("The node, and stories through the real binaries");
    run(cargo(&[
        "test",
        "--locked",
        "--package",
        "bundle",
        "--package",
        "node",
        "--package",
        "cli",
    ])
    .env("SKEP_EXECUTOR", &executor))?;
    say(&format!(
        "All tests passed, in {} s",
        begun.elapsed().as_secs()
    ));
    Ok(())
}
