//! Landlock: no files but the scratch folder, no network, no signals and no
//! abstract sockets beyond this process.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

/// The newest rights we name; an older kernel enforces those it knows.
const NEWEST: ABI = ABI::V6;

#[derive(Debug, thiserror::Error)]
pub(crate) enum LandlockError {
    #[error("{0}")]
    Ruleset(#[from] landlock::RulesetError),
    #[error("the scratch folder: {0}")]
    Scratch(#[from] landlock::PathFdError),
    #[error("this kernel does not enforce it")]
    Absent,
}

/// Gives up every right on files and network but those on the scratch folder.
pub(crate) fn restrict(scratch: Option<&Path>) -> Result<(), LandlockError> {
    let mut rules = ruleset()?;
    if let Some(scratch) = scratch {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let write = read
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::MakeSym
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
            | AccessFs::Refer;
        rules = rules
            .add_rule(PathBeneath::new(PathFd::new(scratch.join("in"))?, read))?
            .add_rule(PathBeneath::new(PathFd::new(scratch.join("out"))?, write))?
            .add_rule(PathBeneath::new(PathFd::new(scratch.join("tmp"))?, write))?;
    }
    let status = rules.restrict_self()?;
    if status.ruleset == RulesetStatus::NotEnforced {
        Err(LandlockError::Absent)
    } else {
        Ok(())
    }
}

/// The Landlock version of this kernel; zero where there is none.
pub(crate) fn abi() -> u32 {
    // SAFETY: with this flag the call only answers a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0,
            1, // LANDLOCK_CREATE_RULESET_VERSION
        )
    };
    u32::try_from(version).unwrap_or(0)
}

fn ruleset() -> Result<RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}
