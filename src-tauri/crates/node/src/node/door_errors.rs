//! Why a node does not start, at the door.

use api::{Error, ErrorCode};
use pool::RestoreError;
use store::{LockError, OpenError};

pub(crate) fn locked(error: &LockError) -> Error {
    let message = error.to_string();
    match error {
        LockError::Held { .. } => Error::new(ErrorCode::DataInUse, message)
            .hint("use that one: every command of skep finds it; or choose another folder with --data DIR"),
        LockError::Network { .. } => {
            Error::new(ErrorCode::FolderUnusable, message).hint("choose a folder on a local disk with --data DIR")
        }
        LockError::ReadOnly { .. } | LockError::Io { .. } => Error::new(ErrorCode::FolderUnusable, message)
            .hint("make it writable for you, or choose another place with --data DIR"),
    }
}

pub(crate) fn unopened(error: &OpenError) -> Error {
    let message = error.to_string();
    match error {
        OpenError::Damaged { backup, .. } => {
            let hint = match backup {
                Some(_) => {
                    "go back to the newest backup: skep doctor --restore-backup; or begin anew: skep doctor --start-over"
                }
                None => "there is no backup; to begin anew: skep doctor --start-over",
            };
            Error::new(ErrorCode::DataDamaged, message).hint(hint)
        }
        OpenError::TooNew { .. } => {
            Error::new(ErrorCode::DataTooNew, message).hint("update Skep on this machine")
        }
        OpenError::Full => {
            Error::new(ErrorCode::StorageFull, message).hint("free some space on that disk")
        }
        OpenError::Missing { .. } => {
            Error::new(ErrorCode::NoNode, message).hint("skep run MODULE makes it")
        }
        OpenError::ReadOnly { .. } => Error::new(ErrorCode::FolderUnusable, message)
            .hint("make it writable for you, or choose another place with --data DIR"),
        OpenError::Failed { .. } => Error::new(ErrorCode::FolderUnusable, message),
    }
}

pub(crate) fn restored(error: &RestoreError) -> Error {
    Error::new(ErrorCode::DataDamaged, format!("the records do not fit together: {error}"))
        .hint("go back to the newest backup: skep doctor --restore-backup; or begin anew: skep doctor --start-over")
}

pub(crate) fn unwalled(error: &sandbox::OpenError) -> Error {
    let message = error.to_string();
    match error {
        sandbox::OpenError::Executor { .. } | sandbox::OpenError::Answer { .. } => {
            Error::new(ErrorCode::ExecutorMissing, message)
                .hint("install Skep again; from its source: cargo build -p executor")
        }
        sandbox::OpenError::Walls { .. } => Error::new(ErrorCode::NoOsWall, message)
            .hint("skep doctor says more; at your own risk: --dangerously-run-without-os-wall"),
        sandbox::OpenError::Folder { .. } | sandbox::OpenError::Machine(_) => {
            Error::new(ErrorCode::FolderUnusable, message)
        }
    }
}
