//! Jobs of which something can be leased, in the order of their turns.

use crate::id::JobNo;
use crate::limits::{PASSED_BY_MAX, PRIORITY_LEVEL};
use crate::moment::Moment;
use std::collections::{BTreeMap, BTreeSet};

/// A job's rank is when it got its last lease (or was accepted), moved by its
/// priority: whoever waits long enough comes before everybody who was served
/// since, whatever their priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// Microseconds.
    rank: i64,
    /// Breaks ties in the order of service.
    served: u64,
    pub(super) no: JobNo,
}

/// Where a job stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What a task of it may use.
    pub(super) memory_bytes: u64,
    pub(super) turn: Turn,
}

/// Jobs whose tasks may use the same memory stand in one row, so that a
/// machine passes by those that it has no room for without a look at each.
#[derive(Debug, Default)]
pub(super) struct Queue {
    rows: BTreeMap<u64, BTreeSet<Turn>>,
}

impl Turn {
    pub(super) fn new(no: JobNo, since: Moment, priority: i8, served: u64) -> Turn {
        let level = i64::try_from(PRIORITY_LEVEL.as_micros()).unwrap_or(i64::MAX);
        let since = i64::try_from(since.0).unwrap_or(i64::MAX);
        let rank = since.saturating_sub(level * i64::from(priority));
        Turn { rank, served, no }
    }

    /// Whether it is so much earlier that it must not be passed by any more.
    pub(super) fn is_long_before(self, other: Turn) -> bool {
        let patience = i64::try_from(PASSED_BY_MAX.as_micros()).unwrap_or(i64::MAX);
        self.rank.saturating_add(patience) < other.rank
    }
}

impl Queue {
    pub(super) fn insert(&mut self, place: Place) {
        self.rows
            .entry(place.memory_bytes)
            .or_default()
            .insert(place.turn);
    }

    pub(super) fn remove(&mut self, place: Place) {
        if let Some(row) = self.rows.get_mut(&place.memory_bytes) {
            row.remove(&place.turn);
            if row.is_empty() {
                self.rows.remove(&place.memory_bytes);
            }
        }
    }

    pub(super) fn contains(&self, place: Place) -> bool {
        self.rows
            .get(&place.memory_bytes)
            .is_some_and(|row| row.contains(&place.turn))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.values().map(BTreeSet::len).sum()
    }

    /// Jobs in the order of their turns, of those for whose memory there is room.
    pub(super) fn with_room(&self, has_room: impl Fn(u64) -> bool) -> impl Iterator<Item = Turn> {
        let rows = self
            .rows
            .iter()
            .filter(move |(memory_bytes, _)| has_room(**memory_bytes));
        let mut rows: Vec<_> = rows.map(|(_, row)| row.iter().peekable()).collect();
        core::iter::from_fn(move || {
            let next = rows
                .iter_mut()
                .filter_map(|row| row.peek().copied().map(|turn| (*turn, row)));
            let (_, row) = next.min_by_key(|(turn, _)| *turn)?;
            row.next().copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Queue, Turn};
    use crate::id::JobNo;
    use crate::moment::Moment;

    #[test]
    fn turns_go_across_rows_and_pass_by_what_has_no_room() {
        let mut queue = Queue::default();
        let place = |no, since, memory_bytes| Place {
            memory_bytes,
            turn: Turn::new(JobNo(no), Moment(since), 0, 0),
        };
        let places = [
            place(1, 40, 2),
            place(2, 10, 1),
            place(3, 30, 2),
            place(4, 20, 3),
        ];
        for place in places {
            queue.insert(place);
        }
        let order = |queue: &Queue, room: u64| -> Vec<u32> {
            queue
                .with_room(|memory| memory <= room)
                .map(|turn| turn.no.0)
                .collect()
        };
        assert_eq!(order(&queue, 9), [2, 4, 3, 1]);
        assert_eq!(order(&queue, 2), [2, 3, 1]);
        assert_eq!(order(&queue, 0), [] as [u32; 0]);
        for place in places {
            assert!(queue.contains(place));
            queue.remove(place);
            assert!(!queue.contains(place));
        }
        assert!(queue.is_empty());
    }
}
