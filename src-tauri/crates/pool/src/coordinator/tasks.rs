//! The tasks of one job: which wait, which are leased, which have ended.
//!
//! Ranges, not a struct a task. An index is in exactly one of: ready, delayed,
//! elsewhere, leased, done, failed. The fold by a kernel is a task as well,
//! with index = count; it exists once its input does.

use super::history::{Histories, History, Standing};
use super::ranges::Ranges;
use crate::id::{MachineId, Term};
use crate::limits::RETRY_DELAY_MAX;
use crate::message::Chunk;
use crate::moment::Moment;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Tasks {
    count: u32,
    ready: Ranges,
    /// Wait for their moment: (when, first) → how many.
    delayed: BTreeMap<(Moment, u32), u32>,
    delayed_len: u32,
    /// Wait for another machine, at most until then.
    elsewhere: BTreeSet<(Moment, u32)>,
    leases: BTreeMap<u32, Lease>,
    leased: u32,
    done: Ranges,
    failed: Ranges,
    histories: Histories,
    /// Leases that differ from their rows, by first index.
    unsaved: BTreeSet<u32>,
}

/// Consecutive tasks that one machine holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) count: u32,
    pub(super) machine: MachineId,
    pub(super) attempt: u32,
    pub(super) term: Term,
    /// How long the whole of it was expected to take.
    pub(super) micros: u64,
    pub(super) granted_wall_ms: i64,
    /// Granted by an earlier life of the coordinator, and its machine has not
    /// said since then that it holds it. Losing it is nobody's fault.
    pub(super) inherited: bool,
    /// When it was granted, as far as this life of the coordinator knows.
    pub(super) granted: Moment,
    /// Leases granted before it in this life.
    pub(super) order: u64,
    /// Every slot of its machine had a lease then.
    pub(super) queued: bool,
}

impl Tasks {
    /// All of them ready.
    pub(super) fn new(count: u32) -> Tasks {
        Tasks {
            count,
            ready: Ranges::of(0, count),
            delayed: BTreeMap::new(),
            delayed_len: 0,
            elsewhere: BTreeSet::new(),
            leases: BTreeMap::new(),
            leased: 0,
            done: Ranges::default(),
            failed: Ranges::default(),
            histories: Histories::default(),
            unsaved: BTreeSet::new(),
        }
    }

    /// As the store had them: `done` are tasks with a result, `failed` follow
    /// from the histories, and whatever is neither nor leased waits.
    pub(super) fn restored(
        count: u32,
        done: Ranges,
        histories: Histories,
        leases: Vec<(u32, Lease)>,
        now: Moment,
        with_fold: bool,
    ) -> Tasks {
        let mut tasks = Tasks {
            ready: Ranges::default(),
            done,
            histories,
            ..Tasks::new(count)
        };
        for (first, runs, history) in tasks.histories.iter() {
            if history.is_failed() {
                tasks.done.remove(first, runs);
                tasks.failed.insert(first, runs);
            }
        }
        let mut taken = tasks.done.clone();
        for (first, count) in tasks.failed.iter() {
            taken.insert(first, count);
        }
        for (first, lease) in leases {
            taken.insert(first, lease.count);
            tasks.leased += lease.count;
            tasks.leases.insert(first, lease);
        }
        for (first, count) in taken.missing(0, count + u32::from(with_fold)) {
            tasks.queue(first, count, now);
        }
        tasks
    }

    // ---- getters

    pub(super) fn waiting(&self) -> u32 {
        self.ready.len()
            + self.delayed_len
            + u32::try_from(self.elsewhere.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn ready(&self) -> &Ranges {
        &self.ready
    }

    pub(super) fn leased(&self) -> u32 {
        self.leased
    }

    pub(super) fn done(&self) -> &Ranges {
        &self.done
    }

    pub(super) fn failed(&self) -> &Ranges {
        &self.failed
    }

    /// Done, without the fold.
    pub(super) fn done_count(&self) -> u32 {
        self.done.len() - u32::from(self.done.contains(self.count))
    }

    /// Failed, without the fold.
    pub(super) fn failed_count(&self) -> u32 {
        self.failed.len() - u32::from(self.failed.contains(self.count))
    }

    pub(super) fn leases(&self) -> impl Iterator<Item = (u32, &Lease)> {
        self.leases.iter().map(|(&first, lease)| (first, lease))
    }

    pub(super) fn lease(&self, first: u32) -> Option<&Lease> {
        self.leases.get(&first)
    }

    pub(super) fn lease_of(&self, index: u32) -> Option<&Lease> {
        let (first, lease) = self.leases.range(..=index).next_back()?;
        (index - first < lease.count).then_some(lease)
    }

    pub(super) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// When the task may be tried again, if it waits for that or for another
    /// machine.
    pub(super) fn delayed_until(&self, index: u32) -> Option<Moment> {
        let waits = !self.ready.contains(index) && self.lease_of(index).is_none();
        match self.histories.get(index)?.standing {
            Standing::Delayed { until } if waits => Some(until),
            Standing::Delayed { .. } | Standing::Ready | Standing::Failed { .. } => None,
        }
    }

    pub(super) fn delayed(&self) -> Option<Moment> {
        self.delayed.keys().next().map(|(until, _)| *until)
    }

    /// Tasks that wait for another machine, in the order in which they stop
    /// being choosy.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = (Moment, u32)> {
        self.elsewhere.iter().copied()
    }

    /// When a task that waits for another machine next becomes less choosy.
    pub(super) fn next_elsewhere(&self, now: Moment) -> Option<Moment> {
        let given_in = self
            .elsewhere
            .iter()
            .map(|(until, _)| until.after(RETRY_DELAY_MAX))
            .find(|at| *at > now);
        let soon = self
            .elsewhere
            .range((now, u32::MAX)..)
            .next()
            .map(|(until, _)| *until)
            .filter(|at| *at > now);
        [given_in, soon].into_iter().flatten().min()
    }

    /// The first index of the lease that holds the task.
    pub(super) fn start_of(&self, index: u32) -> Option<u32> {
        let (&first, lease) = self.leases.range(..=index).next_back()?;
        (index - first < lease.count).then_some(first)
    }

    /// The parts of the chunk that `machine` holds under exactly this grant.
    pub(super) fn held(&self, chunk: &Chunk, machine: MachineId) -> Vec<(u32, u32)> {
        let Some(end) = chunk.first.checked_add(chunk.count) else {
            return Vec::new();
        };
        let from = self
            .leases
            .range(..=chunk.first)
            .next_back()
            .map_or(chunk.first, |(&first, _)| first);
        self.leases
            .range(from..end)
            .filter(|(_, lease)| {
                lease.machine == machine
                    && lease.attempt == chunk.attempt
                    && lease.term == chunk.term
            })
            .map(|(&first, lease)| (first.max(chunk.first), (first + lease.count).min(end)))
            .filter(|(first, end)| first < end)
            .map(|(first, end)| (first, end - first))
            .collect()
    }

    // ---- what happens to tasks

    /// The machine has said that it holds these: losing them from now on is
    /// no longer the coordinator's doing.
    pub(super) fn confirm(&mut self, held: &Ranges, machine: MachineId) {
        for (&first, lease) in &mut self.leases {
            if lease.inherited && lease.machine == machine && held.contains(first) {
                lease.inherited = false;
            }
        }
    }

    /// Grants `first..first + lease.count`, which must wait.
    pub(super) fn grant(&mut self, first: u32, lease: Lease) {
        self.ready.remove(first, lease.count);
        self.leased += lease.count;
        self.leases.insert(first, lease);
        self.unsaved.insert(first);
    }

    /// Takes a task out of those that wait for another machine, to be granted.
    pub(super) fn take_elsewhere(&mut self, until: Moment, index: u32) {
        self.elsewhere.remove(&(until, index));
        self.ready.insert(index, 1);
    }

    /// A planted mistake: leased tasks wait as well.
    #[cfg(feature = "mutants")]
    pub(super) fn grant_again(&mut self, first: u32, count: u32) {
        self.ready.insert(first, count);
    }

    /// Ends the part `first..first + count` of a lease; what is left of it
    /// stays leased.
    pub(super) fn end_lease(&mut self, first: u32, count: u32) -> Option<Ended> {
        let (&start, &lease) = self.leases.range(..=first).next_back()?;
        let end = start + lease.count;
        if first + count > end {
            return None;
        }
        self.leases.remove(&start);
        self.unsaved.insert(start);
        self.leased -= count;
        let mut rest = Vec::new();
        for (from, to) in [(start, first), (first + count, end)] {
            if from < to {
                let micros = lease.micros * u64::from(to - from) / u64::from(lease.count);
                let piece = Lease {
                    count: to - from,
                    micros,
                    ..lease
                };
                self.leases.insert(from, piece);
                self.unsaved.insert(from);
                rest.push((from, piece));
            }
        }
        Some(Ended { start, lease, rest })
    }

    /// The tasks have a result.
    pub(super) fn finish(&mut self, first: u32, count: u32) {
        self.done.insert(first, count);
    }

    /// The tasks' last attempt ended without a result; `change` says what is
    /// known of them now, and so where they wait.
    pub(super) fn put_back(
        &mut self,
        first: u32,
        count: u32,
        now: Moment,
        change: impl FnMut(&History) -> History,
    ) {
        self.histories.update(first, count, change);
        self.queue(first, count, now);
    }

    /// What is known of tasks that a person cancelled while they were leased.
    pub(super) fn note_attempt(&mut self, first: u32, count: u32, attempt: u32) {
        self.histories.update(first, count, |history| History {
            attempt,
            ..history.clone()
        });
    }

    /// Makes the fold a task that waits.
    pub(super) fn add_fold(&mut self, now: Moment) {
        self.queue(self.count, 1, now);
    }

    /// Moves what may be tried again to the ready ones.
    pub(super) fn release_delayed(&mut self, now: Moment) {
        while let Some((&(until, first), &count)) = self.delayed.first_key_value() {
            if until > now {
                break;
            }
            self.delayed.remove(&(until, first));
            self.delayed_len -= count;
            self.ready.insert(first, count);
        }
    }

    /// After a cancel: nothing waits any more.
    pub(super) fn withdraw(&mut self) {
        self.ready = Ranges::default();
        self.delayed.clear();
        self.delayed_len = 0;
        self.elsewhere.clear();
    }

    /// A person tries the failed and cancelled ones again: attempts go on,
    /// counters start at zero. Returns the failed tasks' histories as they were.
    pub(super) fn reopen(&mut self, now: Moment) -> Vec<(u32, u32, History)> {
        self.withdraw();
        let failed = core::mem::take(&mut self.failed);
        let before = failed
            .iter()
            .flat_map(|(first, count)| self.histories.within(first, count))
            .collect();
        for (first, count) in self.done.missing(0, self.count) {
            self.reopen_histories(first, count);
            self.queue(first, count, now);
        }
        if !self.done.contains(self.count) {
            self.reopen_histories(self.count, 1);
        }
        before
    }

    fn reopen_histories(&mut self, first: u32, count: u32) {
        for (first, count, _) in self.histories.within(first, count) {
            self.histories.update(first, count, History::reopened);
        }
    }

    /// Puts tasks where their histories say.
    fn queue(&mut self, first: u32, count: u32, now: Moment) {
        let end = first + count;
        let mut at = first;
        while at < end {
            let (history, same) = self.histories.uniform(at, end);
            match history {
                None => self.ready.insert(at, same),
                Some(history) => match &history.standing {
                    Standing::Failed { .. } => self.failed.insert(at, same),
                    Standing::Delayed { until } if !history.avoid.is_empty() => {
                        let until = *until;
                        self.elsewhere
                            .extend((at..at + same).map(|index| (until, index)));
                    }
                    Standing::Delayed { until } if *until > now => {
                        self.delayed.insert((*until, at), same);
                        self.delayed_len += same;
                    }
                    Standing::Delayed { .. } | Standing::Ready => self.ready.insert(at, same),
                },
            }
            at += same;
        }
    }

    /// Takes what differs from the rows: by first index, the lease that is
    /// there now, or none.
    pub(super) fn take_unsaved_leases(&mut self) -> Vec<(u32, Option<Lease>)> {
        core::mem::take(&mut self.unsaved)
            .into_iter()
            .map(|first| (first, self.leases.get(&first).copied()))
            .collect()
    }

    pub(super) fn take_unsaved_histories(&mut self) -> Vec<(u32, Option<(u32, &History)>)> {
        self.histories.take_unsaved()
    }

    /// Panics unless each index is in at most one place. `open`: in exactly one.
    pub(super) fn check(&self, open: bool, with_fold: bool) {
        for ranges in [&self.ready, &self.done, &self.failed] {
            ranges.check();
        }
        self.histories.check();
        let mut places: Vec<(u32, u32, &str)> = Vec::new();
        let mut put = |runs: Vec<(u32, u32)>, what| {
            places.extend(runs.into_iter().map(|(first, count)| (first, count, what)))
        };
        put(self.ready.iter().collect(), "ready");
        put(self.done.iter().collect(), "done");
        put(self.failed.iter().collect(), "failed");
        put(
            self.delayed
                .iter()
                .map(|(&(_, first), &count)| (first, count))
                .collect(),
            "delayed",
        );
        put(
            self.elsewhere
                .iter()
                .map(|&(_, index)| (index, 1))
                .collect(),
            "elsewhere",
        );
        put(
            self.leases
                .iter()
                .map(|(&first, lease)| (first, lease.count))
                .collect(),
            "leased",
        );
        places.sort_unstable();
        let mut end = 0;
        let mut all = 0;
        for (first, count, what) in places {
            assert!(first >= end, "task {first} is {what} and something else");
            assert!(count > 0, "no task is {what} at {first}");
            end = first + count;
            all += count;
        }
        assert!(end <= self.count + 1, "task {} of {}", end - 1, self.count);
        if open {
            assert_eq!(
                all,
                self.count + u32::from(with_fold),
                "every task is somewhere"
            );
        }
        assert_eq!(
            self.delayed_len,
            self.delayed.values().sum::<u32>(),
            "delayed tasks"
        );
        assert_eq!(
            self.leased,
            self.leases.values().map(|lease| lease.count).sum::<u32>(),
            "leased tasks"
        );
        for (&first, lease) in &self.leases {
            for index in [first, first + lease.count - 1] {
                let before = self
                    .histories
                    .get(index)
                    .map_or(0, |history| history.attempt);
                assert!(
                    before < lease.attempt,
                    "attempt {} of task {index} after attempt {before}",
                    lease.attempt
                );
            }
        }
        for (first, count) in self.failed.iter() {
            for index in [first, first + count - 1] {
                assert!(
                    self.histories.get(index).is_some_and(History::is_failed),
                    "task {index} failed without a history"
                );
            }
        }
    }
}

/// What [`Tasks::end_lease`] did.
#[derive(Debug)]
pub(super) struct Ended {
    /// The lease's first index, and the lease as it was.
    pub(super) start: u32,
    pub(super) lease: Lease,
    /// What is still leased of it.
    pub(super) rest: Vec<(u32, Lease)>,
}
