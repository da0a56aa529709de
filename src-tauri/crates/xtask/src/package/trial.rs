//! Tries what was packed: the packages hold what was staged and nothing else,
//! and from where a package lays its files the command line runs the sample.

use super::contents::Package;
use super::empty;
use super::stage::{Stage, places};
use crate::shell::{Done, output, run};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Small enough to be done in a moment, and still several tasks.
const SAMPLE: &[&str] = &["sample:mandelbrot", "--width", "320", "--height", "180"];

pub(super) fn deb(package: &Package, stage: &Stage, file: &Path) -> Done {
    let unpacked = stage.tree.with_file_name("unpacked");
    empty(&unpacked)?;
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(file)
        .arg(&unpacked))?;
    same(stage, &places(&unpacked)?, file)?;
    let skep = |words: &[&str]| {
        run(Command::new(unpacked.join("usr/bin/skep"))
            // What was built is not what is tried.
            .env_remove("SKEP_EXECUTOR")
            .arg("--data")
            .arg(unpacked.join("data"))
            .args(words))
    };
    let picture = unpacked.join("picture.png");
    let picture = picture.display().to_string();
    skep(&[&["run", "--quiet", "-o", &picture], SAMPLE].concat())?;
    let begun = std::fs::read(&picture).unwrap_or_default();
    if !begun.starts_with(b"\x89PNG") {
        return Err(format!("the sample of {} made no picture", package.name));
    }
    skep(&["doctor"])
}

pub(super) fn rpm(stage: &Stage, file: &Path) -> Done {
    let listed = output(
        Command::new("rpm")
            .args(["--query", "--list", "--package"])
            .arg(file),
    )
    .ok_or_else(|| format!("rpm does not read {}", file.display()))?;
    let files: Vec<String> = listed
        .lines()
        .filter(|place| !stage.at(place).is_dir())
        .map(str::to_owned)
        .collect();
    same(stage, &files, file)
}

fn same(stage: &Stage, packed: &[String], file: &Path) -> Done {
    let staged: BTreeSet<String> = stage.places()?.into_iter().collect();
    let packed: BTreeSet<String> = packed.iter().cloned().collect();
    let differ: Vec<&String> = staged.symmetric_difference(&packed).collect();
    if differ.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} differs from what was staged in {differ:?}",
            file.display()
        ))
    }
}
