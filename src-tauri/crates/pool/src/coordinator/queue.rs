//! Jobs of which something can be leased, in the order of their turns.
//!
//! Persons take turns first: next is whoever was given least work, so that one
//! person's thousand jobs are no more than another's one. Among a person's jobs
//! next is the one that waited longest, moved by its priority.

use crate::id::{JobNo, PersonId};
use crate::limits::{PASSED_BY_MAX, PERSON_LEAD_MAX, PRIORITY_LEVEL};
use crate::moment::Moment;
use crate::spec::{On, Spec};
use core::iter::Peekable;
use std::collections::{BTreeMap, BTreeSet, btree_set};

/// Jobs of one person that are looked at for each lease. One that is passed by
/// wants another machine, which is over soon.
const JOBS_LOOKED_AT: usize = 64;

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
    person: PersonId,
}

/// What jobs of one row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// What a task may use.
    pub(super) memory_bytes: u64,
    /// Stands for the machines that it asks for; 0: any.
    pub(super) on: u64,
}

/// Where a job stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) row: Row,
    pub(super) turn: Turn,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Persons who wait, in the order of their turns.
    order: BTreeSet<PersonTurn>,
    /// Those who waited before, too: what they were given is not forgotten.
    persons: BTreeMap<PersonId, Waiting>,
    /// What whoever was served last had been given before. Whoever comes anew
    /// begins there: nobody saves up turns by not asking.
    virtual_micros: u64,
    served: u64,
}

/// Least work first, then whoever was served longest ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PersonTurn {
    /// Expected work of all leases; comparable among persons only.
    given_micros: u64,
    served: u64,
    person: PersonId,
}

/// One person's jobs. Those that ask the same of a machine stand in one row, so
/// that a machine passes by those that it has no room for, or that do not want
/// it, without a look at each.
#[derive(Debug)]
struct Waiting {
    turn: PersonTurn,
    /// When the person was last served, or began to wait.
    since: Moment,
    rows: BTreeMap<Row, BTreeSet<Turn>>,
}

impl Row {
    pub(super) fn of(spec: &Spec) -> Row {
        Row {
            memory_bytes: spec.limits.memory_bytes,
            on: spec.on.iter().fold(0, fnv),
        }
    }
}

/// A step of FNV-1a, over each byte of what it names. Two lists that meet in
/// one number would share a row: one may then wait for the other's machines,
/// but never get them.
fn fnv(mark: u64, on: &On) -> u64 {
    let (kind, name): (u8, &[u8]) = match on {
        On::Machine(id) => (1, &id.0),
        On::Label(label) => (2, label.as_bytes()),
    };
    let bytes = name.iter().chain([&kind]);
    bytes.fold(mark ^ 0xcbf2_9ce4_8422_2325, |mark, byte| {
        (mark ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Turn {
    pub(super) fn new(
        person: PersonId,
        no: JobNo,
        since: Moment,
        priority: i8,
        served: u64,
    ) -> Turn {
        let level = i64::try_from(PRIORITY_LEVEL.as_micros()).unwrap_or(i64::MAX);
        let since = i64::try_from(since.0).unwrap_or(i64::MAX);
        let rank = since.saturating_sub(level * i64::from(priority));
        Turn {
            rank,
            served,
            no,
            person,
        }
    }

    /// Whether it is so much earlier that it must not be passed by any more.
    fn is_long_before(self, other: Turn) -> bool {
        let patience = i64::try_from(PASSED_BY_MAX.as_micros()).unwrap_or(i64::MAX);
        self.rank.saturating_add(patience) < other.rank
    }
}

impl Queue {
    pub(super) fn insert(&mut self, now: Moment, place: Place) {
        let person = place.turn.person;
        let waiting = self.persons.entry(person).or_insert_with(|| Waiting {
            turn: PersonTurn {
                given_micros: 0,
                served: 0,
                person,
            },
            since: now,
            rows: BTreeMap::new(),
        });
        if waiting.rows.is_empty() {
            let turn = &mut waiting.turn;
            turn.given_micros = turn.given_micros.max(self.virtual_micros);
            waiting.since = now;
            self.order.insert(waiting.turn);
        }
        let row = waiting.rows.entry(place.row).or_default();
        row.insert(place.turn);
    }

    pub(super) fn remove(&mut self, place: Place) {
        let Some(waiting) = self.persons.get_mut(&place.turn.person) else {
            return;
        };
        let Some(row) = waiting.rows.get_mut(&place.row) else {
            return;
        };
        row.remove(&place.turn);
        if row.is_empty() {
            waiting.rows.remove(&place.row);
        }
        if waiting.rows.is_empty() {
            self.order.remove(&waiting.turn);
        }
    }

    /// A job in this place is given a lease of so much expected work. Nobody
    /// gets further ahead than what the others can be asked to wait for, nor
    /// further behind than what they would have to wait for once it fits.
    pub(super) fn serve(&mut self, now: Moment, turn: Turn, micros: u64) {
        let lead_max = u64::try_from(PERSON_LEAD_MAX.as_micros()).unwrap_or(u64::MAX);
        let least = self.order.first().map(|turn| turn.given_micros);
        let Some(waiting) = self.persons.get_mut(&turn.person) else {
            return;
        };
        let waits = self.order.remove(&waiting.turn);
        let turn = &mut waiting.turn;
        let before = turn.given_micros;
        let before = before.max(self.virtual_micros.saturating_sub(lead_max));
        let least = least.unwrap_or(before).min(before);
        self.virtual_micros = self.virtual_micros.max(before);
        let after = before.saturating_add(micros.max(1));
        turn.given_micros = after.min(least.saturating_add(lead_max)).max(before);
        self.served += 1;
        turn.served = self.served;
        waiting.since = now;
        if waits {
            self.order.insert(waiting.turn);
        }
    }

    pub(super) fn contains(&self, place: Place) -> bool {
        let waiting = self.persons.get(&place.turn.person);
        let row = waiting.and_then(|waiting| waiting.rows.get(&place.row));
        row.is_some_and(|row| row.contains(&place.turn))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        let rows = self
            .persons
            .values()
            .flat_map(|waiting| waiting.rows.values());
        rows.map(BTreeSet::len).sum()
    }

    /// Persons that it knows.
    pub(super) fn persons(&self) -> usize {
        self.persons.len()
    }

    /// Jobs in the order of their turns, of those rows that fit (it is asked with
    /// one job of each): the first of each person, and no more than make sense.
    pub(super) fn fitting(&self, fits: impl Fn(Row, JobNo) -> bool) -> impl Iterator<Item = Turn> {
        self.waiting().flat_map(move |waiting| {
            let jobs = waiting.fitting(&fits);
            jobs.take(JOBS_LOOKED_AT)
        })
    }

    /// Whether one of those jobs has been passed by for too long to let this
    /// one go before it again.
    pub(super) fn is_starved_by(
        &self,
        now: Moment,
        granted: Turn,
        cramped: impl Fn(Row, JobNo) -> bool,
    ) -> bool {
        let Some(theirs) = self.persons.get(&granted.person) else {
            return false;
        };
        self.waiting().any(|waiting| {
            let Some(first) = waiting.fitting(&cramped).next() else {
                return false;
            };
            if first.person == granted.person {
                return first.is_long_before(granted);
            }
            waiting.turn < theirs.turn && waiting.since.after(PASSED_BY_MAX) < now
        })
    }

    /// Those who wait, in the order of their turns.
    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        let persons = self.order.iter();
        persons.filter_map(|turn| self.persons.get(&turn.person))
    }

    /// Panics where it does not fit together.
    pub(super) fn check(&self) {
        for waiting in self.persons.values() {
            let waits = self.order.contains(&waiting.turn);
            let person = waiting.turn.person;
            assert_eq!(waits, !waiting.rows.is_empty(), "the turn of {person}");
            let rows = waiting.rows.values();
            assert!(rows.flatten().all(|turn| turn.person == person));
            assert!(waiting.rows.values().all(|row| !row.is_empty()));
        }
        let waiting = self.persons.values().filter(|it| !it.rows.is_empty());
        assert_eq!(self.order.len(), waiting.count(), "persons who wait");
    }
}

impl Waiting {
    fn fitting(&self, fits: impl Fn(Row, JobNo) -> bool) -> InTurn<'_> {
        let rows = self.rows.iter().filter(|(row, turns)| {
            let first = turns.first();
            first.is_some_and(|first| fits(**row, first.no))
        });
        InTurn(rows.map(|(_, row)| row.iter().peekable()).collect())
    }
}

/// The turns of several rows, earliest first.
struct InTurn<'q>(Vec<Peekable<btree_set::Iter<'q, Turn>>>);

impl Iterator for InTurn<'_> {
    type Item = Turn;

    fn next(&mut self) -> Option<Turn> {
        let next = self
            .0
            .iter_mut()
            .filter_map(|row| row.peek().copied().map(|turn| (*turn, row)));
        let (_, row) = next.min_by_key(|(turn, _)| *turn)?;
        row.next().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Queue, Row, Turn};
    use crate::id::{JobNo, PersonId};
    use crate::limits::{PASSED_BY_MAX, PERSON_LEAD_MAX};
    use crate::moment::Moment;

    const NOW: Moment = Moment(1_000);

    fn person(name: u8) -> PersonId {
        PersonId([name; 16])
    }

    fn place(of: u8, no: u32, since: u64, memory_bytes: u64) -> Place {
        Place {
            row: Row {
                memory_bytes,
                on: 0,
            },
            turn: Turn::new(person(of), JobNo(no), Moment(since), 0, 0),
        }
    }

    fn order(queue: &Queue, room: u64) -> Vec<u32> {
        queue
            .fitting(|row, _| row.memory_bytes <= room)
            .map(|turn| turn.no.0)
            .collect()
    }

    /// Serves whoever is next so often, and says whose turn it was.
    fn serve(queue: &mut Queue, times: usize, micros: impl Fn(u32) -> u64) -> Vec<u32> {
        let mut served = Vec::new();
        for _ in 0..times {
            let next = queue.fitting(|_, _| true).next().expect("somebody waits");
            queue.serve(NOW, next, micros(next.no.0));
            queue.check();
            served.push(next.no.0);
        }
        served
    }

    #[test]
    fn turns_go_across_rows_and_pass_by_what_has_no_room() {
        let mut queue = Queue::default();
        let places = [
            place(1, 1, 40, 2),
            place(1, 2, 10, 1),
            place(1, 3, 30, 2),
            place(1, 4, 20, 3),
        ];
        for place in places {
            queue.insert(NOW, place);
        }
        assert_eq!(order(&queue, 9), [2, 4, 3, 1]);
        assert_eq!(order(&queue, 2), [2, 3, 1]);
        assert_eq!(order(&queue, 0), [] as [u32; 0]);
        for place in places {
            assert!(queue.contains(place));
            queue.remove(place);
            assert!(!queue.contains(place));
            queue.check();
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn persons_get_the_same_work_however_many_jobs_they_have_and_however_long() {
        let mut queue = Queue::default();
        for no in 1..=100 {
            queue.insert(NOW, place(1, no, 0, 1));
        }
        queue.insert(NOW, place(2, 1_000, 900, 1));
        let micros = |no| if no == 1_000 { 10 } else { 40 };
        let served = serve(&mut queue, 500, micros);
        let second = served.iter().filter(|no| **no == 1_000).count();
        assert!((399..=401).contains(&second), "{second} of 500");
    }

    #[test]
    fn nobody_saves_up_turns_and_nobody_owes_for_ever() {
        let mut queue = Queue::default();
        queue.insert(NOW, place(1, 1, 0, 1));
        let hour = 3_600_000_000;
        serve(&mut queue, 10, |_| hour);
        // Whoever comes now begins where the other stands, but for its lead.
        queue.insert(NOW, place(2, 2, 0, 1));
        let lead = u64::try_from(PERSON_LEAD_MAX.as_micros()).expect("minutes");
        let served = serve(&mut queue, 40, |_| lead / 10);
        let first = served.iter().position(|no| *no == 1).expect("served again");
        assert!(first <= 10, "{served:?}");
        let second = served.iter().filter(|no| **no == 2).count();
        assert!((20..=25).contains(&second), "{served:?}");
        // Who left and comes back has nothing to its credit.
        queue.remove(place(2, 2, 0, 1));
        serve(&mut queue, 50, |_| lead / 10);
        queue.insert(NOW, place(2, 2, 0, 1));
        let served = serve(&mut queue, 20, |_| lead / 10);
        let second = served.iter().filter(|no| **no == 2).count();
        assert!((10..=15).contains(&second), "{served:?}");
    }

    #[test]
    fn whoever_is_passed_by_for_a_minute_is_passed_by_no_more() {
        let mut queue = Queue::default();
        let (small, large) = (place(1, 1, 0, 1), place(2, 2, 0, 9));
        queue.insert(NOW, small);
        queue.insert(NOW, large);
        queue.serve(NOW, small.turn, 50);
        let starved = |queue: &Queue, now| {
            queue.is_starved_by(now, small.turn, |row, _| row.memory_bytes > 5)
        };
        assert!(!starved(&queue, NOW.after(PASSED_BY_MAX)));
        let late = Moment(NOW.after(PASSED_BY_MAX).0 + 1);
        assert!(starved(&queue, late));
        // Not where it had its share.
        queue.serve(late, large.turn, 500);
        assert!(!starved(&queue, Moment(2 * late.0)));
    }

    #[test]
    fn one_persons_choosy_jobs_do_not_hide_anothers() {
        let mut queue = Queue::default();
        for no in 1..=1_000 {
            queue.insert(NOW, place(1, no, 0, 1));
        }
        queue.insert(NOW, place(2, 5_000, 0, 1));
        assert!(order(&queue, 9).contains(&5_000));
        assert!(order(&queue, 9).len() < 100);
    }
}
