//! Other programs' load: at once out of their way, and back when they have been
//! quiet for a while.

use crate::limits::LOAD_QUIET_FOR;
use crate::moment::Moment;
use core::time::Duration;

/// Whether other programs need the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Load {
    #[default]
    Quiet,
    Busy,
    /// Busy, and below the limit since.
    Calming(Moment),
}

impl Load {
    pub(super) fn next(self, now: Moment, limit: Option<u8>, percent: u8) -> Load {
        let Some(limit) = limit else {
            return Load::Quiet;
        };
        if percent > limit {
            return Load::Busy;
        }
        match self {
            Load::Quiet => Load::Quiet,
            Load::Busy => Load::Calming(now),
            Load::Calming(since) if now.since(since) >= LOAD_QUIET_FOR => Load::Quiet,
            Load::Calming(since) => Load::Calming(since),
        }
    }

    pub(super) fn is_busy(self) -> bool {
        match self {
            Load::Quiet => false,
            Load::Busy | Load::Calming(_) => true,
        }
    }

    /// When it counts as quiet if it stays below the limit.
    pub(super) fn changes_in(self, now: Moment) -> Option<Duration> {
        match self {
            Load::Calming(since) => Some(LOAD_QUIET_FOR.saturating_sub(now.since(since))),
            Load::Quiet | Load::Busy => None,
        }
    }
}
