//! How much this machine works: cores at work over a stretch of time, and
//! tasks that ended, in that stretch and today.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::collections::HashMap;

/// Times are microseconds since 1970.
#[derive(Debug)]
pub(crate) struct Tally {
    /// When the stretch began.
    since: i64,
    /// Since when each core has been at its task.
    running: HashMap<u16, i64>,
    /// Time of cores in this stretch, without what runs.
    busy: i64,
    tasks: u32,
    today: Today,
}

/// What a stretch of time came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    /// Its length.
    micros: i64,
    /// Time of cores.
    busy: i64,
    /// That ended.
    pub(crate) tasks: u32,
}

impl Stretch {
    /// Cores at work on the average of `span_ms`, of which the stretch is the
    /// part in which this was counted.
    #[expect(clippy::cast_precision_loss, reason = "a mean over a minute or so")]
    pub(crate) fn cores_in(&self, span_ms: i64) -> f32 {
        self.busy as f32 / self.micros.max(span_ms * 1000).max(1) as f32
    }
}

#[derive(Debug)]
struct Today {
    /// The midnight that ends it, milliseconds since 1970.
    until_ms: i64,
    tasks: u32,
}

impl Tally {
    pub(crate) fn new(now: i64) -> Tally {
        Tally {
            since: now,
            running: HashMap::new(),
            busy: 0,
            tasks: 0,
            today: Today {
                until_ms: day(now / 1000).1,
                tasks: 0,
            },
        }
    }

    pub(crate) fn started(&mut self, core: u16, at: i64) {
        self.running.insert(core, at);
    }

    /// Tasks that took `micros` together ended on a core.
    pub(crate) fn ended(&mut self, core: u16, tasks: u32, micros: i64, now: i64) {
        let since = match self.running.remove(&core) {
            Some(started) => started,
            None => now - micros,
        };
        self.busy += now - since.max(self.since).min(now);
        self.tasks = self.tasks.saturating_add(tasks);
        self.today.turn(now / 1000);
        self.today.tasks = self.today.tasks.saturating_add(tasks);
    }

    /// What ran on the core did not come to its end.
    pub(crate) fn broke(&mut self, core: u16, now: i64) {
        if let Some(started) = self.running.remove(&core) {
            self.busy += now - started.max(self.since).min(now);
        }
    }

    /// Ends the stretch and begins the next.
    pub(crate) fn close(&mut self, now: i64) -> Stretch {
        let running: i64 = self
            .running
            .values()
            .map(|started| (now - started.max(&self.since)).max(0))
            .sum();
        let stretch = Stretch {
            micros: now - self.since,
            busy: self.busy + running,
            tasks: std::mem::take(&mut self.tasks),
        };
        self.busy = 0;
        self.since = now;
        stretch
    }

    /// Tasks that ended since midnight.
    pub(crate) fn today(&mut self, now: i64) -> u32 {
        self.today.turn(now / 1000);
        self.today.tasks
    }

    /// Tasks of today that ended before this node was started.
    pub(crate) fn remember(&mut self, tasks: u32) {
        self.today.tasks = self.today.tasks.saturating_add(tasks);
    }
}

impl Today {
    fn turn(&mut self, now_ms: i64) {
        if now_ms >= self.until_ms {
            *self = Today {
                until_ms: day(now_ms).1,
                tasks: 0,
            };
        }
    }
}

/// When the day around this time began and when it ends, where this machine
/// is, in milliseconds since 1970.
pub(crate) fn day(now_ms: i64) -> (i64, i64) {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let bounds = |time: Zoned| {
        let start = time.start_of_day()?;
        let end = time.tomorrow()?.start_of_day()?;
        Ok::<_, jiff::Error>((
            start.timestamp().as_millisecond(),
            end.timestamp().as_millisecond(),
        ))
    };
    let here = Timestamp::from_millisecond(now_ms).map(|time| time.to_zoned(TimeZone::system()));
    // A clock beyond the calendar has days as well.
    here.and_then(bounds).unwrap_or((
        now_ms - now_ms.rem_euclid(DAY_MS),
        now_ms - now_ms.rem_euclid(DAY_MS) + DAY_MS,
    ))
}

#[cfg(test)]
mod tests {
    use super::{Tally, day};

    const SECOND: i64 = 1_000_000;
    /// Noon of a day.
    const NOW: i64 = 1_700_000_000 * SECOND;

    #[test]
    fn cores_at_work_are_counted_over_the_stretch_they_work_in() {
        let mut tally = Tally::new(NOW);
        tally.started(0, NOW - 10 * SECOND);
        tally.ended(1, 100, 30 * SECOND, NOW + 40 * SECOND);
        let first = tally.close(NOW + 60 * SECOND);
        assert_eq!((first.cores_in(60_000), first.tasks), (1.5, 100));
        assert_eq!(first.cores_in(120_000), 0.75);
        tally.ended(0, 1, 100 * SECOND, NOW + 90 * SECOND);
        tally.started(1, NOW + 100 * SECOND);
        tally.broke(1, NOW + 130 * SECOND);
        let second = tally.close(NOW + 180 * SECOND);
        assert_eq!((second.cores_in(60_000), second.tasks), (0.5, 1));
    }

    #[test]
    fn what_was_done_today_ends_at_midnight() {
        let (start, end) = day(NOW / 1000);
        assert!((start..end).contains(&(NOW / 1000)));
        let mut tally = Tally::new(NOW);
        tally.remember(40);
        tally.ended(0, 2, 1, NOW);
        assert_eq!(tally.today(NOW), 42);
        assert_eq!(tally.today(end * 1000 - 1), 42);
        assert_eq!(tally.today(end * 1000), 0);
        assert_eq!(day(end).0, end, "the next day begins where this one ends");
    }
}
