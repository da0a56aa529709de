//! Time as the rules see it: microseconds that only ever grow.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Microseconds since the pool was made, on a clock that also advances while
/// the machine sleeps. It goes on from the last record after a restart and is
/// never compared with another node's.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `span` later; saturates instead of wrapping.
    #[must_use]
    pub fn after(self, span: Duration) -> Moment {
        Moment(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The moment that decisions are made with, and the wall clock that people
/// read. Nothing is ever decided on `wall_ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub moment: Moment,
    /// Milliseconds since 1970 (UTC).
    pub wall_ms: i64,
}
