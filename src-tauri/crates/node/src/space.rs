//! Whether the disk of the data folder has room, and what people are told
//! while it has none.

use crate::limits::{SPACE_LOOK_EVERY, SPACE_MIN_BYTES};
use api::{Error, ErrorCode};
use std::path::PathBuf;
use tokio::sync::watch;

/// As people read it in the status.
const FULL: &str = "the disk is full: nothing new is accepted, and what runs is recorded when there is space again";

/// Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Space(watch::Sender<State>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    /// A commit waits for room.
    held: bool,
    /// Less is free than anything new may take, or a blob did not fit.
    low: bool,
}

impl Space {
    pub(crate) fn new() -> Space {
        Space(watch::Sender::new(State::default()))
    }

    /// What people are told, while there is no room.
    pub(crate) fn said(&self) -> Option<String> {
        let state = *self.0.borrow();
        (state.held || state.low).then(|| FULL.to_owned())
    }

    /// # Errors
    /// While there is no room for anything new.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.said().is_some() {
            Err(full())
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
    pub(crate) async fn watch(self, data: PathBuf, mut ended: watch::Receiver<bool>) {
        loop {
            // Where the disk does not say how much is free, only writing tells.
            if let Ok(disk) = rustix::fs::statvfs(&data) {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                self.change(|state| state.low = free < SPACE_MIN_BYTES);
            }
            tokio::select! {
                () = tokio::time::sleep(SPACE_LOOK_EVERY) => {}
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
            before != *state
        });
    }
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
