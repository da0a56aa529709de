//! Where Skep keeps its things on this machine. It finds and makes folders; it
//! never writes a file into them.

use api::{Error, ErrorCode};
use directories::{BaseDirs, ProjectDirs};
use std::io;
use std::path::{Path, PathBuf};

/// Longest path that a Unix socket's address can hold on Linux, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Longest name of a profile: it becomes part of a folder's name.
const PROFILE_BYTES_MAX: usize = 32;

/// What a person said about the place.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// `--data` or `SKEP_DATA`: all folders lie under it. Wins over the profile.
    pub data: Option<PathBuf>,
    /// `--profile` or `SKEP_PROFILE`: folders of their own, named `skep-NAME`.
    pub profile: Option<String>,
}

/// The folders and files of one pool on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Database, blobs, lock.
    pub data: PathBuf,
    /// Compiled modules; safe to delete.
    pub cache: PathBuf,
    /// The settings file (a file, not a folder).
    pub config: PathBuf,
    pub logs: PathBuf,
    /// The control socket (a file).
    pub socket: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum FoldersError {
    #[error("this account has no home folder")]
    NoHome,
    #[error("'{0}' cannot be the name of a profile")]
    Profile(String),
    #[error("the current folder cannot be read: {0}")]
    Current(io::Error),
    #[error("{folder} cannot be used: {why}")]
    Unusable { folder: PathBuf, why: io::Error },
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    #[error(
        "the path of the control socket is {} bytes long, and the system allows {SOCKET_PATH_BYTES_MAX}: {}",
        .0.as_os_str().len(), .0.display()
    )]
    SocketPath(PathBuf),
}

impl Folders {
    /// Says where everything is, without touching the disk.
    ///
    /// # Errors
    /// When there is no home folder, or the profile's name cannot be one.
    pub fn locate(place: &Place) -> Result<Folders, FoldersError> {
        if let Some(data) = &place.data {
            let data = std::path::absolute(data).map_err(FoldersError::Current)?;
            return Ok(Folders {
                cache: data.join("cache"),
                config: data.join("config.toml"),
                logs: data.join("logs"),
                socket: data.join("control.sock"),
                data,
            });
        }
        let name = match &place.profile {
            None => "skep".to_owned(),
            Some(profile) => format!("skep-{}", checked(profile)?),
        };
        let of = ProjectDirs::from("", "", &name).ok_or(FoldersError::NoHome)?;
        let data = of.data_dir().to_owned();
        let socket = of.runtime_dir().unwrap_or(&data).join("control.sock");
        let socket = if fits(&socket) {
            socket
        } else {
            data.join("control.sock")
        };
        Ok(Folders {
            cache: of.cache_dir().to_owned(),
            config: of.config_dir().join("config.toml"),
            logs: of.state_dir().unwrap_or(&data).join("logs"),
            socket,
            data,
        })
    }

    /// Makes what is missing, readable by this person only, and proves that it
    /// can be written. The data folder comes last, so that nothing of ours lies
    /// in a place that cannot be used.
    ///
    /// # Errors
    /// When one of them cannot be made or written, or the socket's path is too
    /// long.
    pub fn make(&self) -> Result<(), FoldersError> {
        if !fits(&self.socket) {
            return Err(FoldersError::SocketPath(self.socket.clone()));
        }
        for folder in [
            self.socket.parent(),
            self.config.parent(),
            Some(&*self.cache),
            Some(&*self.logs),
            Some(&*self.data),
        ]
        .into_iter()
        .flatten()
        {
            make(folder)?;
        }
        Ok(())
    }
}

/// The home folder as text, where it is one's own and not the root.
pub(crate) fn home() -> Option<String> {
    let home = BaseDirs::new()?.home_dir().to_str()?.to_owned();
    (home.len() > 1).then_some(home)
}

/// The home folder, for paths that a person reads: `~/…`.
#[must_use]
pub fn tilde(path: &Path) -> String {
    let home = BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

fn checked(profile: &str) -> Result<&str, FoldersError> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if profile.is_empty() || profile.len() > PROFILE_BYTES_MAX || !profile.chars().all(fine) {
        return Err(FoldersError::Profile(profile.to_owned()));
    }
    Ok(profile)
}

fn fits(socket: &Path) -> bool {
    socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX
}

fn make(folder: &Path) -> Result<(), FoldersError> {
    let unusable = |why| FoldersError::Unusable {
        folder: folder.to_owned(),
        why,
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => {}
        Err(error)
            if error.kind() == io::ErrorKind::AlreadyExists
                || error.kind() == io::ErrorKind::NotADirectory =>
        {
            return Err(FoldersError::NotAFolder(folder.to_owned()));
        }
        Err(error) => return Err(unusable(error)),
    }
    // A file that never has a name proves it, also for root and on read-only mounts.
    tempfile::tempfile_in(folder).map_err(unusable)?;
    Ok(())
}

impl From<FoldersError> for Error {
    fn from(error: FoldersError) -> Error {
        let message = error.to_string();
        match error {
            FoldersError::NoHome => Error::new(ErrorCode::FolderUnusable, message)
                .hint("set HOME, or say where with --data DIR"),
            FoldersError::Profile(_) => Error::new(ErrorCode::Usage, message).hint(format!(
                "use up to {PROFILE_BYTES_MAX} of a-z, 0-9, - and _"
            )),
            FoldersError::Current(_) => Error::new(ErrorCode::FolderUnusable, message),
            FoldersError::Unusable { ref why, .. } if why.kind() == io::ErrorKind::StorageFull => {
                Error::new(ErrorCode::StorageFull, message).hint("make room on that disk")
            }
            FoldersError::Unusable { .. } => Error::new(ErrorCode::FolderUnusable, message)
                .hint("make it writable for you, or choose another place with --data DIR"),
            FoldersError::NotAFolder(_) => Error::new(ErrorCode::FolderUnusable, message)
                .hint("choose another place with --data DIR"),
            FoldersError::SocketPath(_) => Error::new(ErrorCode::SocketPathTooLong, message)
                .hint("choose a shorter path with --data DIR"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Folders, FoldersError, Place, SOCKET_PATH_BYTES_MAX};
    use std::path::PathBuf;

    fn under(data: impl Into<PathBuf>) -> Result<Folders, FoldersError> {
        Folders::locate(&Place {
            data: Some(data.into()),
            profile: None,
        })
    }

    #[test]
    fn a_given_place_holds_everything_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/er");
        let folders = under(&data).unwrap();
        folders.make().unwrap();
        for path in [
            &folders.data,
            &folders.cache,
            &folders.config,
            &folders.logs,
            &folders.socket,
        ] {
            assert!(path.starts_with(&data), "{path:?}");
        }
        for folder in [&folders.data, &folders.cache, &folders.logs] {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&folder.metadata().unwrap().permissions());
            assert_eq!(mode & 0o777, 0o700, "{folder:?}");
        }
        folders.make().unwrap();
    }

    #[test]
    fn a_profile_has_folders_of_its_own() {
        let plain = Folders::locate(&Place::default()).unwrap();
        let lab = Folders::locate(&Place {
            data: None,
            profile: Some("lab".into()),
        })
        .unwrap();
        assert!(plain.data.ends_with("skep") && lab.data.ends_with("skep-lab"));
        assert_ne!(plain.socket, lab.socket);
        for name in ["", "../x", "a b", "A", &"x".repeat(33)] {
            let place = Place {
                data: None,
                profile: Some(name.into()),
            };
            assert!(
                matches!(Folders::locate(&place), Err(FoldersError::Profile(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_place_that_cannot_be_used_says_which_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = under(&file).unwrap().make().unwrap_err();
        assert!(matches!(error, FoldersError::NotAFolder(_)), "{error}");
        let error = under("/proc/skep").unwrap().make().unwrap_err();
        assert!(matches!(error, FoldersError::Unusable { .. }), "{error}");
        let error = under(dir.path().join("x".repeat(SOCKET_PATH_BYTES_MAX)))
            .unwrap()
            .make()
            .unwrap_err();
        assert!(matches!(error, FoldersError::SocketPath(_)), "{error}");
    }
}
