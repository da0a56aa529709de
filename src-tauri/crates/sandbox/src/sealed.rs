//! Files that live in memory and, once sealed, never change: how compiled code
//! reaches an executor that opens nothing.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

/// An empty file in memory, which can be sealed.
pub(crate) fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into())
}

/// A file of so many zeros that can be written but neither shrunk nor grown:
/// whoever maps it may read it without fear of a missing page.
pub(crate) fn fixed_file(name: &str, bytes: usize) -> io::Result<File> {
    let file = memory_file(name)?;
    ftruncate(&file, bytes as u64)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// A file whose bytes never change again.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: File,
    bytes: u64,
}

impl Sealed {
    /// Seals what was written.
    pub(crate) fn seal(file: File) -> io::Result<Sealed> {
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        fcntl_add_seals(&file, seals)?;
        let bytes = file.metadata()?.len();
        Ok(Sealed { file, bytes })
    }

    /// Writes and seals.
    pub(crate) fn of(name: &str, bytes: &[u8]) -> io::Result<Sealed> {
        let mut file = memory_file(name)?;
        file.write_all(bytes)?;
        Sealed::seal(file)
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }

    /// The same bytes with a position of their own, read-only, from the start.
    pub(crate) fn reopen(&self) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}", self.file.as_fd().as_raw_fd());
        Ok(File::open(path)?.into())
    }
}
