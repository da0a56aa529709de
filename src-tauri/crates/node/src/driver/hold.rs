//! Waiting for space: the batch that could not be committed is kept as it is,
//! people may look and are told why nothing moves, and what cannot be refused
//! waits its turn.

use super::{Input, Loop};
use crate::limits::FULL_DISK_RETRY;
use crate::space::full;
use tokio::time::{Instant, timeout_at};

impl Loop {
    /// Until the commit is to be tried again.
    pub(super) async fn hold(&mut self) {
        self.driver.space.held(true);
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
                | Input::Joined(..)
                | Input::Messages(..)
                | Input::Frames(..)
                | Input::Disconnected(..)
                | Input::ChoreDone(_)
                | Input::Ask { .. } => self.late.push(input),
            }
        }
        tokio::time::sleep_until(again).await;
    }
}
