//! The lock on the data folder: one program at a time, released by the system
//! even when its holder is killed.
//!
//! It lies in a file of its own. SQLite takes and loses locks on the database
//! whenever any descriptor of it is closed, so that one is never touched.

use crate::layout::{Layout, is_read_only, make_private_folder};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Proof that this process owns the data folder. Clones share it; the last one
/// to go releases it.
#[derive(Clone, Debug)]
pub struct Lock {
    dir: PathBuf,
    _file: Arc<File>,
}

impl Lock {
    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Why the data folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the data folder is in use by {}", holder(*pid, program.as_deref()))]
    Held {
        pid: Option<u32>,
        /// The holder's command line.
        program: Option<String>,
    },
    #[error("the data folder {} lies on a network file system ({kind}), where SQLite's log is not safe", dir.display())]
    Network { dir: PathBuf, kind: &'static str },
    #[error("cannot write in the data folder {}: {source}", dir.display())]
    ReadOnly { dir: PathBuf, source: io::Error },
    #[error("cannot lock the data folder {}: {source}", dir.display())]
    Io { dir: PathBuf, source: io::Error },
}

/// Takes the data folder for this process, making it where it is missing.
pub fn lock(dir: &Path) -> Result<Lock, LockError> {
    let failed = |source: io::Error| {
        let dir = dir.to_owned();
        if is_read_only(&source) {
            LockError::ReadOnly { dir, source }
        } else {
            LockError::Io { dir, source }
        }
    };
    make_private_folder(dir).map_err(failed)?;
    if let Some(kind) = network_file_system(dir).map_err(failed)? {
        return Err(LockError::Network {
            dir: dir.to_owned(),
            kind,
        });
    }
    let path = Layout::new(dir).lock();
    loop {
        let mut file = open_lock(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Somebody may have removed the file between opening and locking it.
        if !is_at(&file, &path).map_err(failed)? {
            continue;
        }
        sign(&mut file).map_err(failed)?;
        return Ok(Lock {
            dir: dir.to_owned(),
            _file: Arc::new(file),
        });
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sign(file: &mut File) -> io::Result<()> {
    let program: Vec<_> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n{}\n", std::process::id(), program.join(" ")).as_bytes())
}

fn held(file: &mut File) -> LockError {
    let mut text = String::new();
    // The holder may be about to sign: an unreadable signature is no signature.
    let (pid, program) = match file.read_to_string(&mut text) {
        Ok(_) => {
            let mut lines = text.lines();
            (
                lines.next().and_then(|line| line.parse().ok()),
                lines.next().map(str::to_owned),
            )
        }
        Err(_) => (None, None),
    };
    LockError::Held { pid, program }
}

fn holder(pid: Option<u32>, program: Option<&str>) -> String {
    match (pid, program) {
        (Some(pid), Some(program)) => format!("process {pid} ({program})"),
        (Some(pid), None) => format!("process {pid}"),
        (None, _) => "another process".to_owned(),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// The kind of network file system that a folder lies on, if it does.
#[cfg(target_os = "linux")]
fn network_file_system(dir: &Path) -> io::Result<Option<&'static str>> {
    // From linux/magic.h.
    const NFS: u64 = 0x6969;
    const CIFS: u64 = 0xFF53_4D42;
    const SMB2: u64 = 0xFE53_4D42;
    const P9: u64 = 0x0102_1997;
    let kind = rustix::fs::statfs(dir)?.f_type as u64 & 0xFFFF_FFFF;
    Ok(match kind {
        NFS => Some("nfs"),
        CIFS | SMB2 => Some("smb"),
        P9 => Some("9p"),
        _ => None,
    })
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}
