//! When machines did not work, and the sentence that said why, for the gaps
//! of a timeline.
//!
//! Kept in memory only, like the spans between which the gaps are.

use crate::limits::STOPS_PER_MACHINE;
use pool::{MachineId, MachineState, MachineView};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// All stops of all machines.
#[derive(Debug, Default)]
pub(crate) struct Stops(Mutex<HashMap<MachineId, VecDeque<Stop>>>);

/// Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) from_ms: i64,
    /// `None` while it lasts.
    pub(crate) to_ms: Option<i64>,
    pub(crate) reason: String,
}

impl Stops {
    /// How the machine is now; nothing happens where that is no news.
    pub(crate) fn note(&self, machine: &MachineView, now_ms: i64) {
        let stands = match machine.state {
            MachineState::Paused | MachineState::Draining | MachineState::Offline => true,
            MachineState::Working | MachineState::Ready | MachineState::Slowed => false,
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = all.entry(machine.id).or_default();
        if let Some(last) = stops.back_mut().filter(|last| last.to_ms.is_none()) {
            if stands && last.reason == machine.reason {
                return;
            }
            last.to_ms = Some(now_ms);
        }
        if stands {
            if stops.len() >= STOPS_PER_MACHINE {
                stops.pop_front();
            }
            stops.push_back(Stop {
                from_ms: now_ms,
                to_ms: None,
                reason: machine.reason.clone(),
            });
        }
    }

    /// Those that had not ended by then, by machine, oldest first.
    pub(crate) fn since(&self, from_ms: i64) -> Vec<(MachineId, Stop)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<(MachineId, Stop)> = all
            .iter()
            .flat_map(|(machine, stops)| stops.iter().map(|stop| (*machine, stop.clone())))
            .filter(|(_, stop)| stop.to_ms.is_none_or(|ended| ended >= from_ms))
            .collect();
        found.sort_by_key(|(machine, stop)| (*machine, stop.from_ms));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(state: MachineState, reason: &str) -> MachineView {
        MachineView {
            id: MachineId([1; 16]),
            name: "studio-pc".to_owned(),
            state,
            reason: reason.to_owned(),
            cores: 8,
            slots: 0,
            busy: 0,
            memory_bytes: 0,
            reserved_bytes: 0,
            os: "Linux".to_owned(),
            version: "0.1.0".to_owned(),
            last_seen_wall_ms: 0,
            connected: true,
            order: pool::Order::Work,
            labels: std::collections::BTreeSet::new(),
            health: None,
        }
    }

    fn told(stops: &Stops, from_ms: i64) -> Vec<(i64, Option<i64>, String)> {
        let stops = stops.since(from_ms).into_iter();
        stops
            .map(|(_, stop)| (stop.from_ms, stop.to_ms, stop.reason))
            .collect()
    }

    #[test]
    fn a_stop_lasts_until_it_works_or_stands_for_another_reason() {
        let stops = Stops::default();
        let hot = "Paused: it is hot".to_owned();
        let away = "Not connected".to_owned();
        stops.note(&machine(MachineState::Working, "Working on tiles"), 5);
        assert_eq!(told(&stops, 0), []);
        stops.note(&machine(MachineState::Paused, &hot), 10);
        stops.note(&machine(MachineState::Paused, &hot), 12);
        assert_eq!(told(&stops, 0), [(10, None, hot.clone())]);
        stops.note(&machine(MachineState::Offline, &away), 20);
        stops.note(&machine(MachineState::Ready, "Waiting for work"), 30);
        stops.note(&machine(MachineState::Slowed, "Slowed down: in use"), 40);
        let both = [(10, Some(20), hot), (20, Some(30), away)];
        assert_eq!(told(&stops, 0), both);
        assert_eq!(told(&stops, 25), both[1..]);
        for n in 0..2 * STOPS_PER_MACHINE as i64 {
            stops.note(&machine(MachineState::Paused, &n.to_string()), 100 + n);
        }
        assert_eq!(told(&stops, 0).len(), STOPS_PER_MACHINE, "the oldest go");
    }
}
