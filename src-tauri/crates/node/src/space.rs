//! Whether the disk of the data folder has room, and what people are told
//! while it has none.

use crate::limits::{SPACE_LOOK_EVERY, SPACE_MIN_BYTES};
use api::{Error, ErrorCode};
use std::path::PathBuf;
use store::Blobs;
use tokio::sync::watch;

/// As people read it in the status.
const FULL: &str = "the disk is full: nothing new is accepted, and what runs is recorded when there is space again";

/// As people read it in the status.
const OVER: &str =
    "inputs and results have reached storage.blob_quota: nothing new is accepted, and results wait";

/// Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Space(watch::Sender<State>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    /// A commit waits for room.
    held: bool,
    /// Less is free than anything new may take, or a blob did not fit.
    low: bool,
    /// The blobs have all that they may have.
    over: bool,
}

impl Space {
    pub(crate) fn new() -> Space {
        Space(watch::Sender::new(State::default()))
    }

    /// What people are told, while there is no room.
    pub(crate) fn said(&self) -> Option<String> {
        let state = *self.0.borrow();
        if state.held || state.low {
            Some(FULL.to_owned())
        } else {
            state.over.then(|| OVER.to_owned())
        }
    }

    /// # Errors
    /// While there is no room for anything new.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let state = *self.0.borrow();
        if state.held || state.low {
            Err(full())
        } else if state.over {
            Err(over_quota(OVER))
        } else {
            Ok(())
        }
    }

    pub(crate) fn held(&self, held: bool) {
        self.change(|state| state.held = held);
    }

    /// A blob did not fit.
    pub(crate) fn low(&self) {
        self.change(|state| state.low = true);
    }

    /// Looks at the disk now and then, so that people are told before a commit
    /// fails, and when there is room again.
    pub(crate) async fn watch(
        self,
        data: PathBuf,
        blobs: Blobs,
        quota: watch::Receiver<Option<u64>>,
        mut ended: watch::Receiver<bool>,
    ) {
        let mut quota_changes = quota.clone();
        loop {
            let (used, mut allowed) = (blobs.used(), *quota.borrow());
            // Where the disk does not say how much is free, only writing tells.
            if let Ok(disk) = rustix::fs::statvfs(&data) {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                self.change(|state| state.low = free < SPACE_MIN_BYTES);
                // Half of what would be free without them, so that it does not
                // shrink as they grow.
                allowed = allowed.or(Some(free.saturating_add(used) / 2));
            }
            let allowed = allowed.unwrap_or(u64::MAX);
            blobs.set_quota(allowed);
            self.change(|state| state.over = used >= allowed);
            tokio::select! {
                () = tokio::time::sleep(SPACE_LOOK_EVERY) => {}
                Ok(()) = quota_changes.changed() => {}
                _ = ended.wait_for(|ended| *ended) => return,
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.0.send_if_modified(|state| {
            let before = *state;
            change(state);
            let (was, is) = (before.held || before.low, state.held || state.low);
            match (was, is) {
                (false, true) => tracing::error!("{FULL}"),
                (true, false) => tracing::info!("there is space on the disk again"),
                (false, false) | (true, true) => {}
            }
            match (before.over, state.over) {
                (false, true) => tracing::error!("{OVER}"),
                (true, false) => tracing::info!("there is room for inputs and results again"),
                (false, false) | (true, true) => {}
            }
            before != *state
        });
    }
}

pub(crate) fn over_quota(why: &str) -> Error {
    Error::new(ErrorCode::StorageFull, why).hint(
        "remove jobs that have ended (skep job rm), or raise it: skep config set storage.blob_quota SIZE",
    )
}

pub(crate) fn full() -> Error {
    Error::new(
        ErrorCode::StorageFull,
        "the disk is full, so nothing was accepted",
    )
    .hint("free some space on the disk of the data folder; what already runs goes on by itself")
}

#[cfg(test)]
mod tests {
    use super::Space;

    #[test]
    fn it_is_full_while_anything_waits_for_room() {
        let space = Space::new();
        assert_eq!(space.said(), None);
        space.held(true);
        space.low();
        space.held(false);
        assert!(space.said().is_some() && space.check().is_err());
    }
}
