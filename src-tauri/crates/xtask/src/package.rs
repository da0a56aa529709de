//! `cargo xtask package`: what people install. The app with everything as .deb
//! and .rpm, and a .deb for machines without a desktop.
//!
//! `contents` is the one description of them. The formats' own tools, which
//! Debian has, find out which libraries the programs need and write the files;
//! then each package is unpacked and its programs are tried.

mod contents;
mod deb;
mod rpm;
mod stage;
mod terms;
mod trial;

use crate::shell::{Done, cargo, install_missing, output, root, run, say, target};
use crate::{app, kernels};
use contents::{APP, HEADLESS, Package};
use stage::Stage;
use std::path::PathBuf;
use std::process::Command;

/// What makes the packages, and Debian's packages of it.
const MAKERS: &[(&str, &str)] = &[
    ("dpkg-shlibdeps", "dpkg-dev"),
    ("rpmbuild", "rpm"),
    ("gzip", "gzip"),
];
static ALL: [Package; 2] = [APP, HEADLESS];
/// Who made it: the formats ask for an address too, and there is none.
const MAINTAINER: &str = "Skep contributors";

/// Makes and tries all of them, or those that `rest` names. `--debug` takes
/// the debug build: to try the packages, not to give away.
pub(crate) fn package(rest: &[String]) -> Done {
    let (debug, wanted) = read(rest)?;
    install_missing("Programs that make packages", MAKERS)?;
    kernels::build()?;
    if wanted.iter().any(|package| package.name == APP.name) {
        app::prepare()?;
    }
    say("Skep");
    let mut build = cargo(&["build", "--locked"]);
    for name in wanted.iter().flat_map(|package| package.crates()) {
        build.args(["--package", name]);
    }
    if !debug {
        build.arg("--release");
    }
    run(&mut build)?;
    let programs = target().join(if debug { "debug" } else { "release" });
    let folder = target().join("packages");
    let mut made = Vec::new();
    for package in wanted {
        say(&format!("The package {}", package.name));
        let stage = Stage::make(package, &programs, folder.join("tree"))?;
        let file = deb::build(package, &stage, &folder)?;
        trial::deb(package, &stage, &file)?;
        made.push(file);
        if package.name == APP.name {
            let file = rpm::build(package, &stage, &folder)?;
            trial::rpm(&stage, &file)?;
            made.push(file);
        }
    }
    say("Packages");
    for file in made {
        println!("{}", file.display());
    }
    Ok(())
}

fn read(words: &[String]) -> Result<(bool, Vec<&'static Package>), String> {
    let mut debug = false;
    let mut wanted = Vec::new();
    for word in words {
        match ALL.iter().find(|package| package.name == word) {
            Some(package) => wanted.push(package),
            None if word == "--debug" => debug = true,
            None => {
                let names = ALL.each_ref().map(|package| package.name).join(" and ");
                return Err(format!(
                    "`package` does not know `{word}`; it takes --debug, {names}"
                ));
            }
        }
    }
    if wanted.is_empty() {
        wanted.extend(ALL.iter());
    }
    Ok((debug, wanted))
}

/// As both formats order it: a version that is not out yet comes before it.
fn version() -> String {
    env!("CARGO_PKG_VERSION").replace('-', "~")
}

/// A tool of a format's. What it makes depends on the sources alone, not on
/// when it is made.
fn maker(program: &str) -> Command {
    let mut command = Command::new(program);
    let committed = output(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(root()),
    );
    if let Some(seconds) = committed {
        command.env("SOURCE_DATE_EPOCH", seconds);
    }
    command
}

/// Its paragraphs, each line behind `margin`.
fn described(package: &Package, margin: &str) -> String {
    package
        .description
        .lines()
        .map(|line| format!("{margin}{line}\n"))
        .collect()
}

fn unwritten(path: &std::path::Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// What is left of an earlier run would be packed too.
fn empty(folder: &PathBuf) -> Done {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))
}
