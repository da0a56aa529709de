//! Keeps the system from falling asleep while there is work: an inhibitor of
//! logind for its idle action, held by a child process. Closing the lid and
//! choosing to suspend work as ever.

use crate::limits::AWAKE_AFTER;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Holds the inhibitor as long as its standard input is open, so that it ends
/// with this process however that ends.
const HOLDER: [&str; 6] = [
    "--what=idle",
    "--who=Skep",
    "--why=Tasks are running",
    "--mode=block",
    "cat",
    "-",
];

#[derive(Debug, Default)]
pub(super) struct Awake {
    holder: Option<Child>,
    /// The last moment in which it was wanted.
    wanted: Option<Instant>,
    /// This system has no such thing; it is not tried again.
    refused: bool,
}

impl Awake {
    /// Holds while there is work, and a little longer while it still may.
    /// Whether the system is kept awake now.
    pub(super) fn keep(&mut self, work: bool, may: bool) -> bool {
        if work {
            self.wanted = Some(Instant::now());
        }
        let lately = self.wanted.is_some_and(|last| last.elapsed() < AWAKE_AFTER);
        if !(may && lately) {
            self.release();
            return false;
        }
        if let Some(holder) = &mut self.holder
            && !matches!(holder.try_wait(), Ok(None))
        {
            tracing::warn!("systemd-inhibit ended: the system may fall asleep while tasks run");
            self.holder = None;
            self.refused = true;
        }
        if self.holder.is_none() && !self.refused {
            self.hold();
        }
        self.holder.is_some()
    }

    fn hold(&mut self) {
        let holder = Command::new("systemd-inhibit")
            .args(HOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match holder {
            Ok(holder) => self.holder = Some(holder),
            Err(error) => {
                tracing::info!(%error, "systemd-inhibit cannot be run: the system may fall asleep while tasks run");
                self.refused = true;
            }
        }
    }

    fn release(&mut self) {
        if let Some(mut holder) = self.holder.take() {
            // One that is gone already has released it.
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.release();
    }
}
