//! How long a job's tasks take, and so how many of them a lease carries.

use crate::limits::{CHUNK_GROWTH, CHUNK_TASKS_MAX, CHUNK_TIME, PREFETCH_BELOW};
use core::time::Duration;

/// A chunk at the end of a job is not cut below this much work: the slots end
/// together well enough, and each lease costs two rows.
const CHUNK_TIME_MIN: Duration = Duration::from_millis(2);

/// Measured in integers, so that every machine would decide the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Nanoseconds a task, smoothed.
    task_nanos: Option<u64>,
    /// Tasks in the next chunk; one while nothing is measured.
    chunk: u32,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace {
            task_nanos: None,
            chunk: 1,
        }
    }

    pub(super) fn is_measured(&self) -> bool {
        self.task_nanos.is_some()
    }

    /// Chunks are smaller yet than what the measured time allows.
    pub(super) fn is_growing(&self) -> bool {
        self.chunk < self.tasks_in(CHUNK_TIME).min(CHUNK_TASKS_MAX)
    }

    /// `count` tasks took `micros` together.
    pub(super) fn measure(&mut self, count: u32, micros: u64) {
        let Some(measured) = micros.saturating_mul(1_000).checked_div(u64::from(count)) else {
            return;
        };
        let measured = measured.max(1);
        let smoothed = match self.task_nanos {
            Some(before) => (before.saturating_mul(3).saturating_add(measured) / 4).max(1),
            None => measured,
        };
        self.task_nanos = Some(smoothed);
        self.chunk = self
            .tasks_in(CHUNK_TIME)
            .min(self.chunk.saturating_mul(CHUNK_GROWTH))
            .clamp(1, CHUNK_TASKS_MAX);
    }

    /// Tasks for one lease of a job in which `waiting` wait and which `slots`
    /// work at: half of an equal share at the end, so that all end together.
    pub(super) fn chunk(&self, waiting: u32, slots: u32) -> u32 {
        let share = waiting.div_ceil(slots.max(1).saturating_mul(2));
        self.chunk
            .min(share.max(self.tasks_in(CHUNK_TIME_MIN)))
            .max(1)
    }

    /// How long a chunk is expected to take; while unknown, too long to wait
    /// behind.
    pub(super) fn micros(&self, count: u32) -> u64 {
        match self.task_nanos {
            Some(nanos) => nanos.saturating_mul(u64::from(count)) / 1_000,
            None => micros_of(PREFETCH_BELOW),
        }
    }

    fn tasks_in(&self, span: Duration) -> u32 {
        let Some(nanos) = self.task_nanos else {
            return 1;
        };
        u32::try_from(micros_of(span) * 1_000 / nanos)
            .unwrap_or(u32::MAX)
            .max(1)
    }
}

/// Whole microseconds of a span.
pub(super) fn micros_of(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn a_job_begins_with_single_tasks_and_grows_by_four() {
        let mut pace = Pace::new();
        assert_eq!(pace.chunk(1_000_000, 2), 1);
        let mut sizes = Vec::new();
        for _ in 0..10 {
            pace.measure(
                pace.chunk(1_000_000, 2),
                u64::from(pace.chunk(1_000_000, 2)) * 6,
            );
            sizes.push(pace.chunk(1_000_000, 2));
        }
        assert_eq!(
            sizes,
            [4, 16, 64, 256, 1_024, 4_096, 12_500, 12_500, 12_500, 12_500]
        );
    }

    #[test]
    fn ten_long_tasks_go_one_by_one() {
        let mut pace = Pace::new();
        pace.measure(1, 90_000_000);
        assert_eq!(pace.chunk(9, 1), 1);
    }

    #[test]
    fn slower_tasks_shrink_the_chunk_at_once() {
        let mut pace = Pace::new();
        for _ in 0..10 {
            pace.measure(100, 600);
        }
        let fast = pace.chunk(1_000_000, 2);
        pace.measure(fast, u64::from(fast) * 10_000);
        assert!(pace.chunk(1_000_000, 2) < fast / 100, "{pace:?}");
    }

    #[test]
    fn the_end_of_a_job_is_shared_out() {
        let mut pace = Pace::new();
        for _ in 0..10 {
            pace.measure(1_000, 1_000_000);
        }
        assert_eq!(pace.chunk(1_000_000, 4), 75);
        assert_eq!(pace.chunk(80, 4), 10);
        assert_eq!(pace.chunk(3, 4), 2, "two milliseconds are the least");
    }

    #[test]
    fn nothing_that_is_measured_overflows() {
        let mut pace = Pace::new();
        pace.measure(u32::MAX, u64::MAX);
        pace.measure(0, 5);
        pace.measure(1, u64::MAX);
        pace.measure(1, 0);
        assert!(pace.chunk(u32::MAX, u32::MAX) >= 1);
        assert!(pace.micros(u32::MAX) > 0);
    }
}
