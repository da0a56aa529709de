//! What lies where in the data folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub(crate) struct Layout {
    dir: PathBuf,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Layout {
        Layout {
            dir: dir.to_owned(),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(crate) fn mark(&self) -> PathBuf {
        self.dir.join("mark")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("skep.db")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("skep.db-wal")
    }

    /// The database and what SQLite keeps beside it.
    pub(crate) fn database_files(&self) -> [PathBuf; 4] {
        [
            self.database(),
            self.log(),
            self.dir.join("skep.db-shm"),
            self.dir.join("skep.db-journal"),
        ]
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.dir.join("backups")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.dir.join("quarantine")
    }
}

/// Makes a folder that only its owner can enter, with its parents.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes names in a folder durable: a new or renamed file is only there after
/// a power cut if its folder was synced.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// A time as a name that sorts, in UTC.
pub(crate) fn time_name() -> String {
    jiff::Timestamp::now()
        .strftime("%Y%m%d-%H%M%S-%3f")
        .to_string()
}

/// Whether an error says that there is no space (left) for us.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Whether an error says that we may not write here.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}
