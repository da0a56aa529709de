//! The temperature limit: a quarter of the cores less for each while above it,
//! none ten degrees higher, and back the same way when there is margin again.

use crate::limits::{
    HEAT_MARGIN_C, HEAT_PAUSE_ABOVE_C, HEAT_RECOVER_AFTER, HEAT_STEP_AFTER, HEAT_STEPS,
};
use crate::moment::Moment;
use core::time::Duration;

/// How far the machine was slowed down because of its temperature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heat {
    /// Quarters of the cores taken away; never all of them.
    steps: u32,
    /// Nothing runs until it has cooled down.
    paused: bool,
    /// The last step up or down.
    changed: Moment,
}

impl Heat {
    /// One that stops answering leaves things as they are: what is unknown
    /// never lets more run.
    pub(super) fn next(self, now: Moment, limit: Option<u8>, reading: Option<i16>) -> Heat {
        let Some(limit) = limit.map(i16::from) else {
            return Heat::default();
        };
        let Some(reading) = reading else {
            return self;
        };
        let since = now.since(self.changed);
        if reading >= limit + HEAT_PAUSE_ABOVE_C {
            return self.to(now, HEAT_STEPS, true);
        }
        if reading <= limit - HEAT_MARGIN_C {
            return match (self.paused, self.steps) {
                (true, _) => self.to(now, HEAT_STEPS, false),
                (false, steps) if steps > 0 && since >= HEAT_RECOVER_AFTER => {
                    self.to(now, steps - 1, false)
                }
                (false, _) => self,
            };
        }
        let due = self.steps == 0 || since >= HEAT_STEP_AFTER;
        if reading > limit && !self.paused && self.steps < HEAT_STEPS && due {
            return self.to(now, self.steps + 1, false);
        }
        self
    }

    pub(super) fn is_paused(self) -> bool {
        self.paused
    }

    pub(super) fn is_cool(self) -> bool {
        self.steps == 0 && !self.paused
    }

    /// Cores that are left of these.
    pub(super) fn cores(self, full: u32) -> u32 {
        let left = u64::from(HEAT_STEPS + 1 - self.steps);
        let cores = u64::from(full) * left / u64::from(HEAT_STEPS + 1);
        u32::try_from(cores).unwrap_or(full).max(1)
    }

    /// When the next step is due if the temperature stays.
    pub(super) fn changes_in(
        self,
        now: Moment,
        limit: Option<u8>,
        reading: Option<i16>,
    ) -> Option<Duration> {
        let (limit, reading) = (i16::from(limit?), reading?);
        let after = if reading > limit && !self.paused && self.steps < HEAT_STEPS {
            HEAT_STEP_AFTER
        } else if reading <= limit - HEAT_MARGIN_C && self.steps > 0 {
            HEAT_RECOVER_AFTER
        } else {
            return None;
        };
        Some(after.saturating_sub(now.since(self.changed)))
    }

    fn to(self, now: Moment, steps: u32, paused: bool) -> Heat {
        if (self.steps, self.paused) == (steps, paused) {
            return self;
        }
        Heat {
            steps,
            paused,
            changed: now,
        }
    }
}
