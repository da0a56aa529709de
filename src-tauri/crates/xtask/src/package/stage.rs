//! A package's files in a folder, as they will lie from the root.

use super::contents::{File, Package, Source};
use super::{empty, terms, unwritten};
use crate::shell::{Done, root};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: u32 = 0o755;
const PAPER: u32 = 0o644;

#[derive(Debug)]
pub(super) struct Stage {
    /// The folder that stands for the root.
    pub(super) tree: PathBuf,
    programs: PathBuf,
}

impl Stage {
    /// Lays the package's files out in an empty `tree`; `programs` is where
    /// cargo left what it built.
    pub(super) fn make(package: &Package, programs: &Path, tree: PathBuf) -> Result<Stage, String> {
        empty(&tree)?;
        let stage = Stage {
            tree,
            programs: programs.to_owned(),
        };
        for file in package.files() {
            stage.lay(package, file)?;
        }
        open_folders(&stage.tree)?;
        Ok(stage)
    }

    /// Every file, by its place from the root, in order.
    pub(super) fn places(&self) -> Result<Vec<String>, String> {
        places(&self.tree)
    }

    /// Where something of this place lies now.
    pub(super) fn at(&self, place: &str) -> PathBuf {
        self.tree.join(place.trim_start_matches('/'))
    }

    fn lay(&self, package: &Package, file: &File) -> Done {
        let to = self.at(&file.place(package));
        let folder = to.parent().unwrap_or(&to);
        fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
        match file.from {
            Source::Program { name, .. } => {
                copy(&self.programs.join(name), &to)?;
                mode(&to, PROGRAM)
            }
            Source::Checkout(path) => {
                copy(&root().join(path), &to)?;
                mode(&to, PAPER)
            }
            Source::Compressed(path) => {
                let plain = to.with_extension("");
                copy(&root().join(path), &plain)?;
                compress(&[plain])
            }
            Source::Printed(words) => {
                let text = self.skep(words)?;
                write(&to, &text)
            }
            Source::Manual => self.manual(&to),
            Source::Terms => write(&to, terms::own()?.as_bytes()),
            Source::ThirdParty => {
                let plain = to.with_extension("");
                write(&plain, terms::third_party(package)?.as_bytes())?;
                compress(&[plain])
            }
        }
    }

    fn manual(&self, to: &Path) -> Done {
        let folder = to.display().to_string();
        self.skep(&["man", "--quiet", "--all", &folder])?;
        let mut pages = Vec::new();
        walk(to, &mut |page| {
            pages.push(page.to_owned());
            Ok(())
        })?;
        compress(&pages)
    }

    /// What the command line that was built prints.
    fn skep(&self, words: &[&str]) -> Result<Vec<u8>, String> {
        let program = self.programs.join("skep");
        let said = Command::new(&program)
            .args(words)
            .output()
            .map_err(|error| format!("{} could not be started: {error}", program.display()))?;
        if said.status.success() {
            Ok(said.stdout)
        } else {
            let why = String::from_utf8_lossy(&said.stderr);
            Err(format!("`skep {}` failed: {why}", words.join(" ")))
        }
    }
}

/// Every file below `tree` by its place, as if `tree` were the root, in order.
pub(super) fn places(tree: &Path) -> Result<Vec<String>, String> {
    let mut places = Vec::new();
    walk(tree, &mut |path| {
        if !path.is_dir() {
            let inside = path.strip_prefix(tree).unwrap_or(path);
            places.push(format!("/{}", inside.display()));
        }
        Ok(())
    })?;
    places.sort();
    Ok(places)
}

fn copy(from: &Path, to: &Path) -> Done {
    fs::copy(from, to).map(drop).map_err(|error| {
        format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    })
}

fn write(to: &Path, bytes: &[u8]) -> Done {
    fs::write(to, bytes).map_err(|error| unwritten(to, &error))?;
    mode(to, PAPER)
}

/// Without a name and a date in them, so that they are the same each time.
fn compress(files: &[PathBuf]) -> Done {
    files.iter().try_for_each(|file| mode(file, PAPER))?;
    let mut gzip = Command::new("gzip");
    gzip.args(["--best", "--no-name"]).args(files);
    match gzip.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("gzip ended with {status}")),
        Err(error) => Err(format!("gzip could not be started: {error}")),
    }
}

fn mode(path: &Path, mode: u32) -> Done {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| unwritten(path, &error))
}

/// Whatever the mask of who packs it.
fn open_folders(tree: &Path) -> Done {
    mode(tree, PROGRAM)?;
    walk(tree, &mut |path| {
        if path.is_dir() {
            mode(path, PROGRAM)
        } else {
            Ok(())
        }
    })
}

fn walk(folder: &Path, seen: &mut dyn FnMut(&Path) -> Done) -> Done {
    let unread = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        seen(&path)?;
        if path.is_dir() {
            walk(&path, seen)?;
        }
    }
    Ok(())
}
