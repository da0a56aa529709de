//! When tasks ran on which core of this machine, for the timeline.
//!
//! Kept in memory only, the newest of each job: a timeline is looked at while
//! a job runs or soon after, and what counts of it is in the results.

use crate::clock::wall_micros;
use crate::limits::{SPANS_KEPT, SPANS_PER_JOB};
use crate::tally::{Stretch, Tally};
use api::TaskState;
use pool::JobId;
use sandbox::limits::SHOW_AFTER;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A task shorter than this joins the span of the one before it on its core,
/// while that is shorter than [`JOINED_MICROS`] and ended less than
/// [`GAP_MICROS`] ago: a pixel of a timeline stands for more.
const SHORT_MICROS: i64 = 20_000;
const JOINED_MICROS: i64 = 100_000;
const GAP_MICROS: i64 = 10_000;

/// All spans of this machine.
#[derive(Debug)]
pub(crate) struct Spans(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Counts every change, so that whoever looks again sees only what is new.
    changes: u64,
    kept: usize,
    jobs: HashMap<JobId, Timeline>,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Timeline {
    spans: VecDeque<Span>,
    /// The number of the first of `spans`, counted from 0 in each job.
    first: u64,
    /// The last one on each core.
    newest: HashMap<u16, u64>,
    changed: u64,
}

/// Times are microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) index: u32,
    pub(crate) count: u32,
    pub(crate) attempt: u32,
    pub(crate) core: u16,
    pub(crate) started: i64,
    pub(crate) ended: Option<i64>,
    pub(crate) state: TaskState,
    changed: u64,
}

/// A page of a job's spans.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) spans: Vec<Span>,
    /// Where the next one begins.
    pub(crate) next: Option<u64>,
    /// Tasks with a result whose span is kept.
    pub(crate) done: u64,
}

/// As it is told; all spans are of this machine.
pub(crate) fn view(span: &Span, machine: &str) -> api::Span {
    api::Span {
        index: span.index,
        count: span.count,
        attempt: span.attempt,
        machine: machine.to_owned(),
        core: span.core,
        started_ms: span.started.div_euclid(1000),
        ended_ms: span.ended.map(|ended| ended.div_euclid(1000)),
        state: span.state,
    }
}

impl Spans {
    pub(crate) fn new() -> Spans {
        Spans(Mutex::new(State {
            changes: 0,
            kept: 0,
            jobs: HashMap::new(),
            tally: Tally::new(wall_micros()),
        }))
    }

    /// From the span with this number on. `total`: the job's tasks, without
    /// the fold.
    pub(crate) fn page(&self, job: &JobId, from: u64, limit: usize, total: u32) -> Page {
        let state = self.state();
        let Some(timeline) = state.jobs.get(job) else {
            return Page::default();
        };
        let skip = usize::try_from(from.saturating_sub(timeline.first)).unwrap_or(usize::MAX);
        let spans: Vec<Span> = timeline
            .spans
            .iter()
            .skip(skip)
            .take(limit)
            .copied()
            .collect();
        let next = skip.saturating_add(spans.len());
        let done = timeline
            .spans
            .iter()
            .filter(|span| span.state == TaskState::Done && span.index < total);
        Page {
            next: (next < timeline.spans.len()).then(|| timeline.first + next as u64),
            done: done.map(|span| u64::from(span.count)).sum(),
            spans,
        }
    }

    /// What changed since the count that came with the last look.
    pub(crate) fn since(&self, job: &JobId, seen: u64) -> (Vec<Span>, u64) {
        let state = self.state();
        let spans = match state.jobs.get(job) {
            Some(timeline) if timeline.changed > seen => timeline
                .spans
                .iter()
                .filter(|span| span.changed > seen)
                .copied()
                .collect(),
            Some(_) | None => Vec::new(),
        };
        (spans, state.changes)
    }

    pub(crate) fn forget(&self, job: &JobId) {
        let mut state = self.state();
        if let Some(timeline) = state.jobs.remove(job) {
            state.kept -= timeline.spans.len();
        }
    }

    /// What was worked since the last time this was asked.
    pub(crate) fn stretch(&self) -> Stretch {
        self.state().tally.close(wall_micros())
    }

    pub(crate) fn tasks_today(&self) -> u32 {
        self.state().tally.today(wall_micros())
    }

    /// Tasks of today that ended before this node was started.
    pub(crate) fn remember_today(&self, tasks: u32) {
        self.state().tally.remember(tasks);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the tasks of one chunk run: notes them as they start and end.
#[derive(Debug)]
pub(crate) struct Lane {
    spans: Arc<Spans>,
    core: u16,
    job: JobId,
    attempt: u32,
    /// The number of the span that has not ended.
    running: Option<u64>,
}

impl Lane {
    pub(crate) fn new(spans: Arc<Spans>, core: u16, job: JobId, attempt: u32) -> Lane {
        Lane {
            spans,
            core,
            job,
            attempt,
            running: None,
        }
    }

    /// A task is at work, and has been since [`SHOW_AFTER`].
    pub(crate) fn started(&mut self, index: u32) {
        self.broke();
        let late = i64::try_from(SHOW_AFTER.as_micros()).unwrap_or(0);
        let started = wall_micros() - late;
        let span = Span {
            index,
            count: 1,
            attempt: self.attempt,
            core: self.core,
            started,
            ended: None,
            state: TaskState::Running,
            changed: 0,
        };
        let mut state = self.spans.state();
        state.tally.started(self.core, started);
        self.running = Some(state.add(self.job, span));
    }

    /// Tasks from `index` on ended, after `micros` together.
    pub(crate) fn ended(&mut self, index: u32, count: u32, micros: u64, done: bool) {
        let now = wall_micros();
        let micros = i64::try_from(micros).unwrap_or(i64::MAX).min(now);
        let outcome = if done {
            TaskState::Done
        } else {
            TaskState::Failed
        };
        let mut state = self.spans.state();
        state.tally.ended(self.core, count, micros, now);
        match self.running.take() {
            Some(no) => state.end(self.job, no, now, outcome),
            None => {
                let span = Span {
                    index,
                    count,
                    attempt: self.attempt,
                    core: self.core,
                    started: now - micros,
                    ended: Some(now),
                    state: outcome,
                    changed: 0,
                };
                if !state.join(self.job, &span) {
                    state.add(self.job, span);
                }
            }
        }
    }

    /// What runs will not come to its end here.
    pub(crate) fn broke(&mut self) {
        if let Some(no) = self.running.take() {
            let now = wall_micros();
            let mut state = self.spans.state();
            state.tally.broke(self.core, now);
            state.end(self.job, no, now, TaskState::Cancelled);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.broke();
    }
}

impl State {
    fn add(&mut self, job: JobId, span: Span) -> u64 {
        self.changes += 1;
        let timeline = self.jobs.entry(job).or_default();
        let no = timeline.first + timeline.spans.len() as u64;
        timeline.newest.insert(span.core, no);
        timeline.changed = self.changes;
        timeline.spans.push_back(Span {
            changed: self.changes,
            ..span
        });
        self.kept += 1;
        if timeline.spans.len() > SPANS_PER_JOB {
            timeline.spans.pop_front();
            timeline.first += 1;
            self.kept -= 1;
        }
        if self.kept > SPANS_KEPT {
            self.forget_oldest(job);
        }
        no
    }

    /// Makes the last span of the core longer, where the new one only goes on
    /// with it.
    fn join(&mut self, job: JobId, span: &Span) -> bool {
        let Some(timeline) = self.jobs.get_mut(&job) else {
            return false;
        };
        let last = timeline.newest.get(&span.core).copied();
        let Some(last) = last.and_then(|no| timeline.at(no)) else {
            return false;
        };
        let Some(ended) = last.ended else {
            return false;
        };
        let goes_on = last.state == span.state
            && last.attempt == span.attempt
            && last.index.checked_add(last.count) == Some(span.index)
            && ended - last.started < JOINED_MICROS
            && span.started - ended < GAP_MICROS
            && span
                .ended
                .is_some_and(|ended| ended - span.started < SHORT_MICROS);
        if goes_on {
            self.changes += 1;
            last.count += span.count;
            last.ended = span.ended;
            last.changed = self.changes;
            timeline.changed = self.changes;
        }
        goes_on
    }

    fn end(&mut self, job: JobId, no: u64, now: i64, outcome: TaskState) {
        self.changes += 1;
        let Some(timeline) = self.jobs.get_mut(&job) else {
            return;
        };
        if let Some(span) = timeline.at(no) {
            span.ended = Some(now.max(span.started));
            span.state = outcome;
            span.changed = self.changes;
            timeline.changed = self.changes;
        }
    }

    /// The job that has not changed for longest, other than this one.
    fn forget_oldest(&mut self, but: JobId) {
        let others = self.jobs.iter().filter(|(job, _)| **job != but);
        let oldest = others
            .min_by_key(|(_, timeline)| timeline.changed)
            .map(|(job, _)| *job);
        if let Some(timeline) = oldest.and_then(|job| self.jobs.remove(&job)) {
            self.kept -= timeline.spans.len();
        }
    }
}

impl Timeline {
    fn at(&mut self, no: u64) -> Option<&mut Span> {
        let place = no.checked_sub(self.first)?;
        self.spans.get_mut(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, Spans};
    use crate::limits::{SPANS_KEPT, SPANS_PER_JOB};
    use api::TaskState;
    use pool::JobId;
    use std::sync::Arc;

    fn lane(spans: &Arc<Spans>, core: u16, job: u8) -> Lane {
        Lane::new(spans.clone(), core, JobId([job; 16]), 1)
    }

    #[test]
    fn a_task_is_told_of_when_it_starts_and_when_it_ends() {
        let spans = Arc::new(Spans::new());
        let mut lane = lane(&spans, 3, 1);
        lane.started(7);
        let (told, seen) = spans.since(&JobId([1; 16]), 0);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].index, told[0].core, told[0].state, told[0].ended),
            (7, 3, TaskState::Running, None)
        );
        assert_eq!(spans.since(&JobId([1; 16]), seen).0, []);
        lane.ended(7, 1, 60_000, false);
        let (told, seen) = spans.since(&JobId([1; 16]), seen);
        assert_eq!((told.len(), told[0].state), (1, TaskState::Failed));
        assert!(told[0].ended >= Some(told[0].started));
        lane.started(8);
        drop(lane);
        let (told, _) = spans.since(&JobId([1; 16]), seen);
        assert_eq!((told.len(), told[0].state), (1, TaskState::Cancelled));
        assert_eq!(spans.tasks_today(), 1, "one came to its end");
    }

    #[test]
    fn short_tasks_share_spans_and_each_is_in_one() {
        let spans = Arc::new(Spans::new());
        let mut lane = lane(&spans, 0, 1);
        for index in 0..1_000 {
            lane.ended(index, 1, 3, true);
        }
        let page = spans.page(&JobId([1; 16]), 0, usize::MAX, 1_000);
        assert!(page.spans.len() < 500, "{} spans", page.spans.len());
        assert_eq!(page.done, 1_000);
        let mut next = 0;
        for span in &page.spans {
            assert_eq!(span.index, next);
            next += span.count;
        }
    }

    #[test]
    fn pages_follow_each_other_and_only_so_many_are_kept() {
        let spans = Arc::new(Spans::new());
        let mut lane = lane(&spans, 0, 1);
        let extra = 10;
        for index in 0..SPANS_PER_JOB as u32 + extra {
            // Backwards, so that none goes on with the one before.
            lane.ended(u32::MAX - index, 1, 3, true);
        }
        let job = JobId([1; 16]);
        let first = spans.page(&job, 0, SPANS_PER_JOB - 1, u32::MAX);
        assert_eq!(first.spans.len(), SPANS_PER_JOB - 1);
        assert_eq!(first.spans[0].index, u32::MAX - extra);
        let second = spans.page(&job, first.next.unwrap(), 5, u32::MAX);
        assert_eq!((second.spans.len(), second.next), (1, None));
        spans.forget(&job);
        assert_eq!(spans.page(&job, 0, 5, 0).spans.len(), 0);
        assert_eq!(spans.state().kept, 0);
    }

    #[test]
    fn the_job_that_rested_longest_goes_first() {
        let spans = Arc::new(Spans::new());
        let jobs = u8::try_from(SPANS_KEPT / SPANS_PER_JOB).unwrap() + 1;
        for job in 0..jobs {
            let mut lane = lane(&spans, 0, job);
            for index in 0..SPANS_PER_JOB as u32 {
                lane.ended(u32::MAX - index, 1, 3, true);
            }
        }
        assert_eq!(spans.page(&JobId([0; 16]), 0, 1, 0).spans.len(), 0);
        assert_eq!(spans.page(&JobId([1; 16]), 0, 1, 0).spans.len(), 1);
        assert!(spans.state().kept <= SPANS_KEPT);
    }
}
