//! Results as files of a person: each is there whole or not at all, has a name
//! that leads nowhere else, and an ending that says what it holds.

use api::{Error, ErrorCode};
use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use tempfile::NamedTempFile;

/// A file on its way: beside its place until it is complete.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    to: To,
    /// Written so far.
    pub bytes: u64,
}

#[derive(Debug)]
enum To {
    Beside(Box<BufWriter<NamedTempFile>>),
    /// A device or pipe that the person named: it is written, never replaced.
    There(std::fs::File),
}

impl NewFile {
    /// Makes the folders on the way too.
    ///
    /// # Errors
    /// When it cannot be written there, or `path` is a folder.
    pub fn create(path: &Path) -> Result<NewFile, Error> {
        let bad = |error| unwritable(path, &error);
        let to = match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(is_a_folder(path)),
            Ok(found) if !found.is_file() => To::There(
                std::fs::File::options()
                    .write(true)
                    .open(path)
                    .map_err(bad)?,
            ),
            Ok(_) | Err(_) => {
                let folder = folder_of(path);
                std::fs::create_dir_all(folder).map_err(bad)?;
                // As any other program would make it: the umask decides.
                let everyone = Permissions::from_mode(0o666);
                let file = tempfile::Builder::new()
                    .prefix(".skep-")
                    .suffix(".tmp")
                    .permissions(everyone)
                    .tempfile_in(folder);
                To::Beside(Box::new(BufWriter::new(file.map_err(bad)?)))
            }
        };
        Ok(NewFile {
            path: path.to_owned(),
            to,
            bytes: 0,
        })
    }

    /// Appends; nothing is seen of it before [`keep`](NewFile::keep).
    ///
    /// # Errors
    /// When the disk takes no more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        let written = match &mut self.to {
            To::Beside(file) => file.write_all(bytes),
            To::There(file) => file.write_all(bytes),
        };
        written.map_err(|error| unwritable(&self.path, &error))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// When the disk takes no more, or something else has come there.
    pub fn keep(self) -> Result<(), Error> {
        let path = self.path;
        match self.to {
            To::Beside(file) => {
                let file = file
                    .into_inner()
                    .map_err(|error| unwritable(&path, error.error()))?;
                file.persist(&path)
                    .map_err(|error| unwritable(&path, &error.error))?;
                Ok(())
            }
            To::There(mut file) => file.flush().map_err(|error| unwritable(&path, &error)),
        }
    }
}

/// Whether a file could be written there, without writing it.
///
/// # Errors
/// When it could not, and why.
pub fn check(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(is_a_folder(path)),
        Ok(found) if !found.is_file() => Ok(()),
        // A folder that is not there is rather a typing mistake than a wish.
        Ok(_) | Err(_) => {
            let folder = folder_of(path);
            let found = std::fs::metadata(folder).map_err(|error| unwritable(path, &error))?;
            if found.is_dir() {
                check_folder(folder)
            } else {
                check_folder(path)
            }
        }
    }
}

/// Whether files could be written into this folder, once it is made.
///
/// # Errors
/// When they could not, and why.
pub fn check_folder(folder: &Path) -> Result<(), Error> {
    let mut existing = folder;
    loop {
        match std::fs::metadata(existing) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => {
                return Err(Error::new(
                    ErrorCode::OutputUnwritable,
                    format!("{} is not a folder", existing.display()),
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => existing = folder_of(existing),
            Err(error) => return Err(unwritable(existing, &error)),
        }
    }
    tempfile::tempfile_in(existing)
        .map(drop)
        .map_err(|error| unwritable(existing, &error))
}

/// A name from a guest, as a path that stays below the folder it is joined to.
///
/// # Errors
/// When it is no such name.
pub fn below(name: &str) -> Result<PathBuf, Error> {
    let path = Path::new(name);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !plain {
        let message =
            format!("a file that a task left is called {name:?}, which is no place below a folder");
        return Err(Error::new(ErrorCode::OutputUnwritable, message));
    }
    Ok(path.to_owned())
}

/// Why a file could not be written, for people.
pub fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(
        code_of(error),
        format!("{} cannot be written: {error}", path.display()),
    )
}

/// Of an error while writing something for the person.
pub fn code_of(error: &io::Error) -> ErrorCode {
    if error.kind() == io::ErrorKind::StorageFull {
        ErrorCode::StorageFull
    } else {
        ErrorCode::OutputUnwritable
    }
}

/// The ending for results of this media type.
pub fn extension(result_type: Option<&str>) -> &'static str {
    match result_type {
        Some("image/png") => "png",
        Some("image/jpeg") => "jpg",
        Some("application/json") => "json",
        Some("text/csv") => "csv",
        Some(kind) if kind.starts_with("text/") => "txt",
        Some(_) | None => "out",
    }
}

fn is_a_folder(path: &Path) -> Error {
    Error::new(
        ErrorCode::OutputUnwritable,
        format!("{} is a folder", path.display()),
    )
    .hint(format!(
        "name a file: -o {}",
        path.join("result.out").display()
    ))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::{NewFile, below, check, check_folder};

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/result.png");
        let mut file = NewFile::create(&path).unwrap();
        file.write(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            0
        );
        let mut file = NewFile::create(&path).unwrap();
        file.write(b"whole").unwrap();
        file.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        check(&file).unwrap();
        check(&dir.path().join("new")).unwrap();
        assert!(check(&dir.path().join("none/new")).is_err());
        assert!(check(dir.path()).is_err());
        assert!(check(&file.join("below")).is_err());
        assert!(check_folder(&file).is_err());
        assert!(check(std::path::Path::new("/proc/none")).is_err());
        check(std::path::Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn a_guest_chooses_names_only_below() {
        assert!(below("a/b.txt").is_ok());
        for name in ["", "/etc/passwd", "../up", "a/../../b", "."] {
            assert!(below(name).is_err(), "{name}");
        }
    }
}
