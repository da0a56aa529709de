//! Whether there is work, as the policy sees it: a gap between two tasks is no
//! rest, and looking at the machine anew in each would cost more than the tasks.

use crate::limits::REST_AFTER;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

#[derive(Debug, Default)]
pub(super) struct Work {
    going: bool,
    /// When it counts as ended, unless it goes on before.
    rests: Option<Instant>,
}

impl Work {
    pub(super) fn is_going(&self) -> bool {
        self.going
    }

    /// Resolves when it has begun or ended. `busy` says whether the worker has
    /// anything to do. Safe to give up.
    pub(super) async fn changes(&mut self, busy: &mut watch::Receiver<bool>) {
        loop {
            let works = *busy.borrow_and_update();
            if self.look(works, Instant::now()) {
                return;
            }
            tokio::select! {
                changed = busy.changed() => if changed.is_err() {
                    // The worker is gone, and the node with it.
                    std::future::pending().await
                },
                () = sleep_until(self.rests.unwrap_or_else(Instant::now)), if self.rests.is_some() => {}
            }
        }
    }

    /// Whether it has begun or ended just now.
    fn look(&mut self, works: bool, now: Instant) -> bool {
        self.rests = match works || !self.going {
            true => None,
            false => Some(self.rests.unwrap_or(now + REST_AFTER)),
        };
        let going = works || self.rests.is_some_and(|rests| now < rests);
        std::mem::replace(&mut self.going, going) != going
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_between_tasks_is_no_rest() {
        let gap = REST_AFTER / 2;
        let mut now = Instant::now();
        let mut work = Work::default();
        assert!(!work.look(false, now));
        assert!(work.look(true, now) && work.is_going());
        for _ in 0..5 {
            now += gap * 5;
            assert!(!work.look(false, now), "a task ended");
            now += gap;
            assert!(!work.look(true, now), "the next has begun");
        }
        assert!(!work.look(false, now));
        assert!(!work.look(false, now + gap), "counted from the last task");
        assert!(work.look(false, now + REST_AFTER) && !work.is_going());
        assert!(!work.look(false, now + REST_AFTER * 2));
    }
}
