//! The one place that reads clocks.

use pool::moment::{Moment, Now};
use rustix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that also advances while the machine sleeps.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
/// On macOS the monotonic clock does.
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Counts on from the moment that was last recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Moment,
    micros_at_start: u64,
}

impl Clock {
    pub(crate) fn from(start: Moment) -> Clock {
        Clock {
            start,
            micros_at_start: micros(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            moment: self.moment(),
            wall_ms: wall_ms(),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment(self.start.0 + micros().saturating_sub(self.micros_at_start))
    }
}

/// Milliseconds since 1970, for people.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds since 1970, for the timeline.
pub(crate) fn wall_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn micros() -> u64 {
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000 + nanos / 1_000
}
