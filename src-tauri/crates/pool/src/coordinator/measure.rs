//! What was measured of a job, for people: how long its tasks take on each
//! machine, and how fast they end at the moment. Nothing is decided on it.

use crate::id::MachineId;
use crate::moment::Moment;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ends within this time of each other are one to [`Tempo`].
const TOGETHER: Duration = Duration::from_millis(250);
/// Ends that are remembered: ten seconds of a fast job, hours of a slow one.
const ENDS: usize = 40;
/// After a pause of so many times what is usual between two ends, and at
/// least [`PAUSE_MIN`], the tempo is taken anew.
const PAUSE_TIMES: u32 = 5;
const PAUSE_MIN: Duration = Duration::from_secs(30);

/// Tasks of a job that ended on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub machine: MachineId,
    pub tasks: u64,
    /// That they took together.
    pub micros: u64,
}

/// Adds what was measured on a machine.
pub(super) fn add(measured: &mut Vec<Measured>, machine: MachineId, tasks: u32, micros: u64) {
    let at = measured.iter().position(|other| other.machine == machine);
    let at = at.unwrap_or_else(|| {
        measured.push(Measured {
            machine,
            tasks: 0,
            micros: 0,
        });
        measured.len() - 1
    });
    measured[at].tasks += u64::from(tasks);
    measured[at].micros = measured[at].micros.saturating_add(micros);
}

/// When tasks ended of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Tempo {
    /// From when on, and how many in the [`TOGETHER`] that began then.
    ends: VecDeque<(Moment, u32)>,
}

impl Tempo {
    pub(super) fn note(&mut self, now: Moment, tasks: u32) {
        if let Some((last, count)) = self.ends.back_mut() {
            let pause = now.since(*last);
            if pause < TOGETHER {
                *count = count.saturating_add(tasks);
                return;
            }
            if self.is_pause(pause) {
                self.ends.clear();
            }
        }
        self.ends.push_back((now, tasks));
        if self.ends.len() > ENDS {
            self.ends.pop_front();
        }
    }

    /// How many tasks ended in how long, up to now.
    pub(super) fn of_late(&self, now: Moment) -> Option<(u32, Duration)> {
        let (first, last) = (self.ends.front()?.0, self.ends.back()?.0);
        let silent = now.since(last);
        if self.is_pause(silent) {
            return None;
        }
        // Those that ended first only begin the time; while nothing ends, it
        // goes on.
        let usual = self.usual()?;
        let until = if silent > usual * 2 { now } else { last };
        let counted = self.ends.iter().skip(1).map(|(_, count)| *count);
        Some((counted.fold(0, u32::saturating_add), until.since(first)))
    }

    /// Between two ends, on the average.
    fn usual(&self) -> Option<Duration> {
        let (first, last) = (self.ends.front()?.0, self.ends.back()?.0);
        let gaps = u32::try_from(self.ends.len() - 1).ok()?;
        last.since(first).checked_div(gaps)
    }

    fn is_pause(&self, silent: Duration) -> bool {
        silent > PAUSE_MIN
            && self
                .usual()
                .is_some_and(|usual| silent > usual * PAUSE_TIMES)
    }
}

#[cfg(test)]
mod tests {
    use super::{Measured, Tempo, add};
    use crate::id::MachineId;
    use crate::moment::Moment;
    use core::time::Duration;

    fn at(millis: u64) -> Moment {
        Moment(millis * 1_000)
    }

    #[test]
    fn a_steady_job_goes_as_fast_as_it_ends_tasks() {
        let mut tempo = Tempo::default();
        assert_eq!(tempo.of_late(at(0)), None);
        tempo.note(at(1_000), 1);
        assert_eq!(tempo.of_late(at(1_500)), None, "one end is no tempo");
        for second in 2..100 {
            tempo.note(at(second * 1_000), 3);
        }
        let (tasks, span) = tempo.of_late(at(99_500)).unwrap();
        assert_eq!(u64::from(tasks), 3 * span.as_secs());
    }

    #[test]
    fn while_nothing_ends_it_slows_down_and_after_a_pause_begins_anew() {
        let mut tempo = Tempo::default();
        for second in 0..10 {
            tempo.note(at(second * 1_000), 1);
        }
        assert_eq!(tempo.of_late(at(9_000)), Some((9, Duration::from_secs(9))));
        assert_eq!(
            tempo.of_late(at(18_000)),
            Some((9, Duration::from_secs(18)))
        );
        assert_eq!(tempo.of_late(at(60_000)), None);
        tempo.note(at(60_000), 1);
        assert_eq!(tempo.of_late(at(60_000)), None);
        tempo.note(at(61_000), 2);
        assert_eq!(tempo.of_late(at(61_000)), Some((2, Duration::from_secs(1))));
    }

    #[test]
    fn each_machine_is_measured_apart() {
        let mut measured = Vec::new();
        let machine = |n| MachineId([n; 16]);
        add(&mut measured, machine(1), 2, 10);
        add(&mut measured, machine(2), 1, u64::MAX);
        add(&mut measured, machine(1), 3, 5);
        add(&mut measured, machine(2), 1, 1);
        let of = |n, tasks, micros| Measured {
            machine: machine(n),
            tasks,
            micros,
        };
        assert_eq!(measured, [of(1, 5, 15), of(2, 2, u64::MAX)]);
    }
}
