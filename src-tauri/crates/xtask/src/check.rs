//! `cargo xtask check`: formatting, lints, licences and docs.

use crate::app;
use crate::shell::{Done, cargo, output, run, say};
use std::process::Command;

/// Stops at the first that is not in order.
pub(crate) fn check() -> Done {
    say("Formatting");
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    app::prepare()?;
    say("Lints");
    run(&mut cargo(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;
    say("Docs");
    run(
        cargo(&["doc", "--locked", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )?;
    say("Licences and sources of dependencies");
    if output(Command::new("cargo-deny").arg("--version")).is_none() {
        run(&mut cargo(&["install", "--locked", "cargo-deny"]))?;
    }
    // Advisories come from a repository that not every builder reaches.
    run(&mut cargo(&[
        "deny",
        "--offline",
        "--config",
        ".config/deny.toml",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
}
