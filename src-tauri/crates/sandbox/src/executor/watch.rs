//! The clock of an executor: which task it is in, since when, and whether that
//! is too long. The executor itself says so, on the page it shares; where it
//! says nothing that can be, the parent's own clock has the last word.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    time::{Duration, Instant},
};

use rustix::time::ClockId;

use super::{Executor, crashed};
use crate::{
    event::{End, Event},
    limits,
};

/// What is known of the task whose answer is due.
#[derive(Debug)]
pub(super) struct Due {
    /// Since when it is due, on the shared clock.
    since_ns: u64,
    /// Whether its start was told.
    told: bool,
    pub(super) stdout_bytes: u64,
    pub(super) stderr_bytes: u64,
    /// When to look at the page again; `None` while nothing is awaited.
    pub(super) look_at: Option<Instant>,
}

/// When the process was stopped and went on, in nanoseconds of the shared clock.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    since_ns: Option<u64>,
    past: Vec<(u64, u64)>,
}

/// The two words of the shared page.
struct Page {
    begun: u64,
    began_ns: u64,
}

/// How soon the page is looked at again where it does not say enough.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How much longer than its limit a task may be due, when the page does not
/// show that it is over it: an honest executor on a busy machine begins a
/// batch late, and one that lies is found out all the same.
const DOUBT: Duration = Duration::from_secs(10);

impl Due {
    pub(super) fn now() -> Due {
        Due {
            since_ns: now_ns(),
            told: false,
            stdout_bytes: 0,
            stderr_bytes: 0,
            look_at: None,
        }
    }
}

impl Pauses {
    pub(super) fn stop(&mut self) {
        self.since_ns.get_or_insert_with(now_ns);
    }

    /// Ends a pause, where there is one.
    pub(super) fn resume(&mut self) -> bool {
        let since = self.since_ns.take();
        self.past.extend(since.map(|since| (since, now_ns())));
        since.is_some()
    }

    /// How long ago this moment is, without the time that was paused since.
    fn ran(&self, from_ns: u64, now_ns: u64) -> Duration {
        let paused: u64 = self
            .past
            .iter()
            .map(|(since, until)| until.saturating_sub((*since).max(from_ns)))
            .sum();
        Duration::from_nanos(now_ns.saturating_sub(from_ns).saturating_sub(paused))
    }

    /// Forgets pauses that ended before this moment.
    fn forget(&mut self, before_ns: u64) {
        self.past.retain(|(_, until)| *until > before_ns);
    }
}

impl Executor {
    /// The answer that was due is here; another one is.
    pub(super) fn next_is_due(&mut self) {
        self.due = Due::now();
        self.pauses.forget(self.due.since_ns);
        self.arm();
    }

    /// Looks at the page when the due task may have something to be told, or be over its deadline.
    pub(super) fn arm(&mut self) {
        let stopped = self.pauses.since_ns.is_some();
        if self.due.look_at.is_none() && !stopped && self.flight.due().is_some() {
            let limit = self.flight.task_time().unwrap_or(limits::SHOW_AFTER);
            self.due.look_at = Some(Instant::now() + limit.min(limits::SHOW_AFTER));
        }
    }

    /// When there is something to look at.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let folder = self.scratch.as_ref().filter(|_| !self.flight.is_empty());
        let measure_at = folder.map(|scratch| scratch.measure_at);
        [self.due.look_at, measure_at].into_iter().flatten().min()
    }

    /// Looks which task runs and since when: tells its start, ends it at its deadline.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        if let Some(scratch) = &mut self.scratch {
            scratch.measure(now);
        }
        if self.due.look_at.is_none_or(|at| at > now) {
            return;
        }
        self.due.look_at = None;
        let page = match read_page(&self.page) {
            Ok(page) => page,
            Err(error) => {
                return self.condemn(None, crashed(&format!("its page failed: {error}")));
            }
        };
        let Some((due, limit)) = self.flight.due().map(|(due, caps)| (due, caps.task_time)) else {
            return;
        };
        let now_ns = now_ns();
        let running = self.flight.running(page.begun);
        let running = running.map(|(index, caps)| (index, caps.task_time));
        if running.is_some_and(|(index, _)| index == due) && !self.due.told {
            self.due.told = true;
            self.events.push_back(Event::Started { index: due });
        }
        if let Some((index, Some(limit))) = running {
            let left = limit.saturating_sub(self.pauses.ran(page.began_ns, now_ns));
            if left.is_zero() {
                return self.condemn(Some(index), End::DeadlineExceeded { limit });
            }
        }
        if let Some(limit) = limit {
            let doubted = limit.saturating_mul(2).saturating_add(DOUBT);
            if self.pauses.ran(self.due.since_ns, now_ns) >= doubted {
                return self.condemn(Some(due), End::DeadlineExceeded { limit });
            }
        }
        self.due.look_at = match running {
            Some((_, Some(limit))) => {
                Some(now + limit.saturating_sub(self.pauses.ran(page.began_ns, now_ns)))
            }
            // Told, and it may take as long as it likes.
            Some((index, None)) if index == due => None,
            // Between two tasks, before the first, or ahead of its answers.
            Some((_, None)) | None => Some(now + LOOK_AGAIN),
        };
    }

    /// How many tasks the process has begun.
    pub(super) fn begun(&self) -> u64 {
        read_page(&self.page).map_or(0, |page| page.begun)
    }
}

fn read_page(page: &File) -> io::Result<Page> {
    let mut begun = [0; 8];
    let mut began_ns = [0; 8];
    // In this order, as the executor writes them in the other: whoever sees a
    // count sees a moment at least as new.
    page.read_exact_at(&mut begun, 0)?;
    page.read_exact_at(&mut began_ns, 8)?;
    // A moment in the future would never come to its deadline.
    let began_ns = u64::from_le_bytes(began_ns).min(now_ns());
    Ok(Page {
        begun: u64::from_le_bytes(begun),
        began_ns,
    })
}

/// Nanoseconds of the clock that parent and executor share.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paused_time_does_not_count_as_running() {
        let ran = |past: &[(u64, u64)], from, now| {
            let pauses = Pauses {
                since_ns: None,
                past: past.to_vec(),
            };
            u64::try_from(pauses.ran(from, now).as_nanos()).expect("small")
        };
        assert_eq!(ran(&[], 100, 150), 50);
        assert_eq!(ran(&[(110, 130), (140, 145)], 100, 150), 25);
        assert_eq!(ran(&[(50, 60)], 100, 150), 50, "before it began");
        assert_eq!(ran(&[(50, 120)], 100, 150), 30, "it began while stopped");
        let mut pauses = Pauses {
            since_ns: None,
            past: vec![(1, 5), (3, 20)],
        };
        pauses.forget(10);
        assert_eq!(pauses.past, [(3, 20)]);
    }
}
