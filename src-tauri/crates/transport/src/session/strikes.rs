//! Counts the streams that a peer resets or breaks: opening and resetting is
//! cheap for it and dear for us.

use crate::limits::RESETS_PER_SECOND;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Strikes {
    since: Instant,
    at_start: u64,
    broken: u64,
}

impl Strikes {
    pub(super) fn new(now: Instant) -> Strikes {
        Strikes {
            since: now,
            at_start: 0,
            broken: 0,
        }
    }

    /// A stream had no good header.
    pub(super) fn broken(&mut self) {
        self.broken += 1;
    }

    /// Whether it is enough. `resets`: what the connection has counted so far.
    pub(super) fn too_many(&mut self, resets: u64, now: Instant) -> bool {
        let all = resets + self.broken;
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            self.since = now;
            self.at_start = all;
        }
        all - self.at_start > RESETS_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_a_second_are_borne_and_one_more_is_not() {
        let start = Instant::now();
        let mut strikes = Strikes::new(start);
        assert!(!strikes.too_many(RESETS_PER_SECOND, start));
        let later = start + Duration::from_secs(1);
        assert!(!strikes.too_many(RESETS_PER_SECOND * 2, later));
        assert!(!strikes.too_many(RESETS_PER_SECOND * 3, later));
        strikes.broken();
        assert!(strikes.too_many(RESETS_PER_SECOND * 3, later));
    }
}
