//! The second wall: what this process gives up before a module comes near it.
//!
//! Three layers, each enough for most of it: resource limits, Landlock (no
//! file but the scratch folder, no network, no signal to anyone) and seccomp
//! (an allow-list of system calls). Nothing here can be undone by the process.

pub(crate) mod landlock;
pub(crate) mod probe;
mod resources;
mod seccomp;

use std::{io, path::PathBuf};

pub(crate) use resources::Role;
pub(crate) use seccomp::Refusal;

/// What could not be given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WallError {
    #[error("set a resource limit: {0}")]
    Resources(#[from] io::Error),
    #[error("Landlock: {0}")]
    Landlock(#[from] self::landlock::LandlockError),
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccomp::SeccompError),
}

/// The only folder that stays reachable.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) folder: PathBuf,
    /// Largest file in bytes; the parent adds them up.
    pub(crate) quota_bytes: u64,
}

/// The wall around one process.
#[derive(Debug)]
pub(crate) struct Wall<'a> {
    /// What the process is for.
    pub(crate) role: Role,
    /// Where the process has files.
    pub(crate) scratch: Option<&'a Scratch>,
    /// What becomes of a call that is not allowed.
    pub(crate) refusal: Refusal,
    /// Goes on where the kernel has no such wall.
    pub(crate) tolerant: bool,
}

impl Wall<'_> {
    /// Limits, Landlock, the first filter: before the module's code is touched.
    pub(crate) fn raise(&self) -> Result<(), WallError> {
        resources::limit(self.role, self.scratch.map(|scratch| scratch.quota_bytes))?;
        let folder = self.scratch.map(|scratch| scratch.folder.as_path());
        self.tolerate(self::landlock::restrict(folder).map_err(WallError::from))?;
        self.tolerate(
            seccomp::allow_list(self.role, self.scratch.is_some(), self.refusal)
                .map_err(WallError::from),
        )
    }

    /// The second filter: after the module's code is loaded no code may come
    /// into being, and no descriptor.
    pub(crate) fn narrow(&self) -> Result<(), WallError> {
        self.tolerate(
            seccomp::narrow(self.scratch.is_some(), self.refusal).map_err(WallError::from),
        )
    }

    fn tolerate(&self, result: Result<(), WallError>) -> Result<(), WallError> {
        if self.tolerant { Ok(()) } else { result }
    }
}
