//! Waiting for space: the batch that could not be committed is kept as it is,
//! people may look and are told why nothing moves, and what cannot be refused
//! waits its turn.

use super::{Input, Loop};
use crate::limits::FULL_DISK_RETRY;
use api::{Error, ErrorCode};
use tokio::time::{Instant, timeout_at};

/// As people read it in the status.
const FULL: &str = "the disk is full: nothing new is accepted, and what runs is recorded when there is space again";

impl Loop {
    /// Until the commit is to be tried again.
    pub(super) async fn hold(&mut self) {
        let news = self
            .driver
            .storage
            .send_if_modified(|storage| storage.replace(FULL.to_owned()).is_none());
        if news {
            tracing::error!("{FULL}");
        }
        let again = Instant::now() + FULL_DISK_RETRY;
        while let Ok(Some(input)) = timeout_at(again, self.driver.inbox.recv()).await {
            match input {
                Input::Look(look) => look(&self.driver.coordinator),
                Input::Ask {
                    ask,
                    patient: false,
                } => {
                    ask(Err(full()));
                }
                Input::Stop => {
                    self.stopping = true;
                    return;
                }
                Input::Connected(..)
                | Input::Frames(..)
                | Input::Disconnected(..)
                | Input::ChoreDone(_)
                | Input::Ask { .. } => self.late.push(input),
            }
        }
        tokio::time::sleep_until(again).await;
    }
}

pub(crate) fn full() -> Error {
    Error::new(
        ErrorCode::StorageFull,
        "the disk is full, so nothing was accepted",
    )
    .hint("free some space on the disk of the data folder; what already runs goes on by itself")
}
