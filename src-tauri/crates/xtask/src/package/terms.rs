//! On which terms the packages are given: our own, and those of everybody
//! whose work is compiled into them, who want their notices to come along.

use super::contents::Package;
use crate::shell::{cargo, output, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Modules that are embedded in the node.
const EMBEDDED: &[&str] = &["mandelbrot", "word_count"];
/// How files are called that hold terms.
const NAMES: &[&str] = &["licen", "copying", "copyright", "notice", "unlicense"];
/// The crate that embeds the page.
const WINDOW: &str = "app";

/// Debian wants to read our own in one file.
pub(super) fn own() -> Result<String, String> {
    let read = |name: &str| {
        let path = root().join(name);
        fs::read_to_string(&path).map_err(|error| format!("cannot read {name}: {error}"))
    };
    Ok(format!(
        "Skep is given under either of two licences, at your option: MIT or Apache-2.0.\n\
         The terms of what is compiled into it are in third-party.gz.\n\n{}\n\n{}",
        read("LICENSE-MIT")?,
        read("LICENSE-APACHE")?,
    ))
}

/// Everybody else's: each text once, below the names of all who give theirs
/// under it.
pub(super) fn third_party(package: &Package) -> Result<String, String> {
    let crates = package.crates();
    let mut works = works_of_cargo(&crates)?;
    if crates.contains(WINDOW) {
        works.extend(works_of_npm()?);
    }
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut without = BTreeSet::new();
    for work in works {
        let found = terms_in(&work.folder)?;
        if found.is_empty() {
            without.insert(work.name.clone());
        }
        for text in found {
            texts.entry(text).or_default().insert(work.name.clone());
        }
    }
    let mut all = String::from(
        "Skep contains the works that are named here, besides the standard library of\n\
         Rust (MIT OR Apache-2.0), each on its own terms.\n",
    );
    for (text, names) in &texts {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rule = "-".repeat(79);
        let _ = write!(all, "\n{rule}\n{}\n{rule}\n\n{text}\n", names.join("\n"));
    }
    if !without.is_empty() {
        all.push_str("\nThese came without a text of their terms:\n\n");
        for name in without {
            let _ = writeln!(all, "{name}");
        }
    }
    Ok(all)
}

struct Work {
    /// Name, version and licence.
    name: String,
    folder: PathBuf,
}

/// What is linked, not what only builds it.
fn works_of_cargo(crates: &BTreeSet<&str>) -> Result<Vec<Work>, String> {
    let mut tree = cargo(&["tree", "--locked", "--edges", "normal", "--prefix", "none"]);
    tree.args(["--format", "{p}|{l}"]);
    for name in crates.iter().copied().chain(EMBEDDED.iter().copied()) {
        tree.args(["--package", name]);
    }
    let tree = output(&mut tree).ok_or("cargo does not say what the programs are made of")?;
    let sources = sources_of_cargo()?;
    let lines: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    let mut works = Vec::new();
    for line in lines {
        let Some((package, licence)) = line.split_once('|') else {
            continue;
        };
        // Ours come with their path.
        if package.contains('/') {
            continue;
        }
        let mut words = package.split(' ');
        let (name, version) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let version = version.trim_start_matches('v');
        let folder = sources
            .iter()
            .map(|source| source.join(format!("{name}-{version}")))
            .find(|folder| folder.is_dir())
            .ok_or_else(|| format!("the source of {package} is not where cargo keeps sources"))?;
        works.push(Work {
            name: format!("{name} {version} ({licence})"),
            folder,
        });
    }
    Ok(works)
}

/// The folders into which cargo unpacks what it downloads.
fn sources_of_cargo() -> Result<Vec<PathBuf>, String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
        .ok_or("this account has no home folder")?;
    folders_in(&home.join("registry/src"))
}

/// What is bundled into the page.
fn works_of_npm() -> Result<Vec<Work>, String> {
    let mut list = Command::new("npm");
    list.args(["ls", "--omit=dev", "--all", "--parseable"]);
    let ui = root().join("ui");
    let list = output(list.current_dir(&ui)).ok_or("npm does not say what the page is made of")?;
    Ok(list
        .lines()
        .map(PathBuf::from)
        .filter(|folder| *folder != ui)
        .filter_map(|folder| {
            let (_, name) = folder.to_str()?.rsplit_once("/node_modules/")?;
            Some(Work {
                name: format!("{name} (npm)"),
                folder: folder.clone(),
            })
        })
        .collect())
}

/// The texts in a work's top folder and in those that are called like terms.
fn terms_in(folder: &Path) -> Result<Vec<String>, String> {
    let is_named_so = |path: &Path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        NAMES.iter().any(|begin| name.starts_with(begin))
    };
    let mut texts = Vec::new();
    for path in entries(folder)? {
        if !is_named_so(&path) {
            continue;
        }
        let files = if path.is_dir() {
            entries(&path)?
        } else {
            vec![path]
        };
        for file in files.iter().filter(|file| file.is_file()) {
            let bytes = fs::read(file).map_err(|error| unread(file, &error))?;
            texts.push(
                String::from_utf8_lossy(&bytes)
                    .replace("\r\n", "\n")
                    .trim()
                    .to_owned(),
            );
        }
    }
    Ok(texts)
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unread(folder, &error))? {
        entries.push(entry.map_err(|error| unread(folder, &error))?.path());
    }
    entries.sort();
    Ok(entries)
}

fn unread(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
