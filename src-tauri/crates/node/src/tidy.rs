//! What is done now and then: old jobs forgotten, nameless blobs swept, the
//! database backed up.

use crate::clock::wall_ms;
use crate::driver::Driving;
use crate::keep::Keep;
use crate::limits::TIDY_EVERY;
use crate::stored::unread;
use api::ErrorCode;
use pool::Digest;
use std::collections::HashSet;
use store::Reader;
use tokio::sync::watch;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Jobs forgotten in one turn of the driver, so that nobody waits for long.
const JOBS_PER_TURN: usize = 64;

#[derive(Debug)]
pub(crate) struct Tidy {
    pub(crate) driving: Driving,
    pub(crate) reader: Reader,
    pub(crate) keep: Keep,
    /// Days that ended jobs are kept.
    pub(crate) results_days: watch::Receiver<u32>,
}

impl Tidy {
    /// Until the node has stopped.
    pub(crate) async fn run(mut self) {
        loop {
            if self.forget_old(wall_ms()).await.is_err() || self.sweep().await.is_err() {
                return;
            }
            if let Err(error) = self.keep.blobs().measure().await {
                tracing::warn!(%error, "the blobs could not be counted");
            }
            if let Err(error) = self.reader.back_up().await {
                tracing::warn!(%error, "the database could not be backed up");
            }
            tokio::select! {
                () = tokio::time::sleep(TIDY_EVERY) => {}
                changed = self.results_days.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    /// Forgets what ended days before `now_ms`.
    pub(crate) async fn forget_old(&mut self, now_ms: i64) -> Result<(), api::Error> {
        let days = *self.results_days.borrow_and_update();
        let before = now_ms - i64::from(days) * DAY_MS;
        loop {
            let forgotten = self
                .driving
                .ask_patiently(move |turn| {
                    let old = turn
                        .coordinator
                        .ended_before(before)
                        .into_iter()
                        .take(JOBS_PER_TURN);
                    // One that was reopened in this very turn is not old any more.
                    Ok(old
                        .filter(|job| turn.coordinator.forget(turn.now, *job).is_ok())
                        .count())
                })
                .await?;
            if forgotten == 0 {
                return Ok(());
            }
            tracing::info!(
                jobs = forgotten,
                days,
                "jobs that ended long ago were forgotten"
            );
        }
    }

    async fn sweep(&self) -> Result<(), api::Error> {
        let named = async {
            let names = self.reader.names().await.map_err(|error| unread(&error))?;
            let named: HashSet<Digest> = self.driving.look(|rules| rules.blobs().collect()).await?;
            let names = names.into_iter().map(|name| Digest(name.digest));
            Ok::<_, api::Error>(named.into_iter().chain(names).collect())
        };
        match self.keep.sweep(named).await {
            // What is not known to be nameless stays.
            Err(error) if error.code != ErrorCode::Stopping => {
                tracing::warn!(%error, "the blob folder was not swept");
                Ok(())
            }
            swept => swept,
        }
    }
}
