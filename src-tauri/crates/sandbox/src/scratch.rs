//! The one folder that an executor with file jobs can reach: filled, collected
//! and emptied by the parent between tasks. Nothing in it is trusted: links
//! are not followed, names are checked.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Component, Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    event::OutFile,
    limits::{SCRATCH_DEPTH_MAX, SCRATCH_ENTRIES_MAX},
};

/// The folders that a guest sees, by their names.
pub(crate) const FOLDERS: [&str; 3] = ["in", "out", "tmp"];

/// Makes a new scratch folder under `parent`, which goes with its handle until that is kept.
pub(crate) fn create(parent: &Path) -> io::Result<TempDir> {
    let dir = tempfile::Builder::new().prefix("x-").tempdir_in(parent)?;
    for name in FOLDERS {
        fs::DirBuilder::new()
            .mode(0o700)
            .create(dir.path().join(name))?;
    }
    Ok(dir)
}

/// Removes what executors of an earlier node left. Call it with the node's lock held.
pub(crate) fn sweep(parent: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)?;
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Empties the folders and puts these files under `in`, as links where the
/// file system can and copies where not; a guest can only read them.
pub(crate) fn fill(dir: &Path, files: &[(String, PathBuf)]) -> io::Result<()> {
    empty(dir)?;
    for (name, from) in files {
        if !is_plain(Path::new(name)) {
            let message = format!("`{}` is no name under /in", crate::inert(name));
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let to = dir.join("in").join(name);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        if fs::hard_link(from, &to).is_err() {
            fs::copy(from, &to)?;
        }
    }
    Ok(())
}

/// Empties the folders, which stay themselves: the executor's right is on them.
pub(crate) fn empty(dir: &Path) -> io::Result<()> {
    for name in FOLDERS {
        for entry in fs::read_dir(dir.join(name))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// The regular files under `out`, by name; another name of an input is none of them.
pub(crate) fn collect(dir: &Path) -> io::Result<Vec<OutFile>> {
    let mut inputs = HashSet::new();
    walk(&dir.join("in"), 0, &mut |_, about| {
        inputs.insert((about.dev(), about.ino()));
    })?;
    let out = dir.join("out");
    let mut files = Vec::new();
    walk(&out, 0, &mut |path, about| {
        if about.is_file() && !inputs.contains(&(about.dev(), about.ino())) {
            let name = path
                .strip_prefix(&out)
                .expect("below the folder that was walked");
            // A name that is not UTF-8 was not made through WASI.
            if let Some(name) = name.to_str().filter(|name| is_plain(Path::new(name))) {
                let (name, path) = (name.to_owned(), path.to_owned());
                files.push(OutFile {
                    name,
                    path,
                    bytes: about.len(),
                });
            }
        }
    })?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Bytes on disk and entries in what the guest can write to.
pub(crate) fn measure(dir: &Path) -> io::Result<(u64, u64)> {
    let (mut bytes, mut entries) = (0, 0);
    for name in ["out", "tmp"] {
        walk(&dir.join(name), 0, &mut |_, about| {
            bytes += about.blocks() * 512;
            entries += 1;
        })?;
    }
    Ok((bytes, entries))
}

/// Visits everything below, following no link. What vanishes meanwhile is left out.
fn walk(dir: &Path, depth: usize, visit: &mut dyn FnMut(&Path, &fs::Metadata)) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if depth > 0 && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for (seen, entry) in entries.enumerate() {
        let path = entry?.path();
        let Ok(about) = fs::symlink_metadata(&path) else {
            continue;
        };
        visit(&path, &about);
        if about.is_dir() && depth < SCRATCH_DEPTH_MAX {
            walk(&path, depth + 1, visit)?;
        }
        if seen as u64 > SCRATCH_ENTRIES_MAX {
            break;
        }
    }
    Ok(())
}

/// Relative, of plain components only.
fn is_plain(path: &Path) -> bool {
    path.components().next().is_some()
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_filled_collected_and_emptied() {
        let parent = tempfile::tempdir().expect("a folder");
        let source = parent.path().join("source");
        fs::write(&source, b"input").expect("our folder");
        let dir = create(parent.path()).expect("a scratch folder").keep();
        fill(&dir, &[("a/b.txt".to_owned(), source.clone())]).expect("filled");
        assert_eq!(fs::read(dir.join("in/a/b.txt")).expect("there"), b"input");

        fs::create_dir(dir.join("out/deep")).expect("ours");
        fs::write(dir.join("out/deep/file"), b"12345").expect("ours");
        std::os::unix::fs::symlink("/etc/passwd", dir.join("out/link")).expect("ours");
        fs::hard_link(dir.join("in/a/b.txt"), dir.join("out/hard")).expect("ours");
        let files = collect(&dir).expect("collected");
        let names: Vec<_> = files
            .iter()
            .map(|file| (file.name.as_str(), file.bytes))
            .collect();
        assert_eq!(names, [("deep/file", 5)], "neither links nor inputs");

        empty(&dir).expect("emptied");
        assert_eq!(measure(&dir).expect("measured"), (0, 0));
        assert!(source.exists(), "the input itself stays");
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        let parent = tempfile::tempdir().expect("a folder");
        let source = parent.path().join("source");
        fs::write(&source, b"input").expect("our folder");
        let dir = create(parent.path()).expect("a scratch folder").keep();
        for name in ["../x", "/x", "a/../../x", "", "./x"] {
            assert!(
                fill(&dir, &[(name.to_owned(), source.clone())]).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_a_crash_left_is_swept() {
        let parent = tempfile::tempdir().expect("a folder");
        let left = create(parent.path()).expect("a scratch folder").keep();
        assert!(left.exists());
        fs::write(parent.path().join("stray"), b"").expect("ours");
        sweep(parent.path()).expect("swept");
        assert_eq!(fs::read_dir(parent.path()).expect("ours").count(), 0);
    }
}
