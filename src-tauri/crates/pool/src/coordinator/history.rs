//! What is known of tasks whose attempts did not end with a result.

use crate::id::{Digest, MachineId};
use crate::limits::{
    ATTEMPT_MESSAGE_BYTES_MAX, ATTEMPTS_KEPT_MAX, BACKTRACE_FRAMES_MAX, MESSAGE_BYTES_MAX,
};
use crate::moment::Moment;
use crate::report::{Failure, FailureKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The past of a task. One that is not as it was accepted has one; neighbours
/// with the same past share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    /// The last attempt that ended without a result; the next one is higher.
    pub(super) attempt: u32,
    /// Times the program failed.
    pub(super) failures: u32,
    /// Times the executor or the machine was lost under it.
    pub(super) losses: u32,
    /// Times it asked for another machine.
    pub(super) elsewhere: u32,
    /// Times a worker could not run it; only stretches the delay.
    pub(super) refusals: u32,
    pub(super) standing: Standing,
    /// Machines it asked to be kept away from.
    pub(super) avoid: Vec<MachineId>,
    pub(super) failure: Option<Box<Failure>>,
    /// The last few that were charged, this one too, newest last.
    pub(super) attempts: Vec<FailedAttempt>,
}

/// An attempt that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    pub attempt: u32,
    pub machine: MachineId,
    pub kind: FailureKind,
    /// At most [`ATTEMPT_MESSAGE_BYTES_MAX`] bytes.
    pub message: String,
    pub exit_code: Option<u32>,
}

/// What follows from a task's past while it is neither leased nor done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    #[default]
    Ready,
    /// May be tried again then; one with machines to avoid goes to others
    /// at once.
    Delayed { until: Moment },
    /// Given up. Blobs that its report refers to; `None` where there is no
    /// report, because the last attempt was lost.
    Failed { blobs: Option<Vec<Digest>> },
}

impl History {
    /// As a person's retry leaves it: attempts go on, the counters start again.
    pub(super) fn reopened(&self) -> History {
        History {
            attempt: self.attempt,
            attempts: self.attempts.clone(),
            ..History::default()
        }
    }

    /// Notes that this attempt did not end well, `what` about it alone, and what
    /// that means for the task.
    pub(super) fn note(&mut self, attempt: u32, machine: MachineId, what: &str, failure: Failure) {
        if self.attempts.len() >= ATTEMPTS_KEPT_MAX {
            self.attempts.remove(0);
        }
        self.attempts.push(FailedAttempt {
            attempt,
            machine,
            kind: failure.kind,
            message: cut_off(what, ATTEMPT_MESSAGE_BYTES_MAX).to_owned(),
            exit_code: failure.exit_code,
        });
        self.failure = Some(Box::new(failure));
    }

    pub(super) fn is_failed(&self) -> bool {
        match self.standing {
            Standing::Failed { .. } => true,
            Standing::Ready | Standing::Delayed { .. } => false,
        }
    }
}

/// A failure as short as it is kept; the whole of it lies with the result.
pub(super) fn shortened(failure: &Failure) -> Failure {
    let cut = |text: &str| cut_off(text, MESSAGE_BYTES_MAX).to_owned();
    let frames = failure.backtrace.iter().take(BACKTRACE_FRAMES_MAX);
    Failure {
        kind: failure.kind,
        message: cut(&failure.message),
        exit_code: failure.exit_code,
        backtrace: frames.map(|frame| cut(frame)).collect(),
    }
}

fn cut_off(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Histories of a job's tasks, as runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Histories {
    runs: BTreeMap<u32, Run>,
    /// Runs that differ from their rows, by first index.
    unsaved: BTreeSet<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    count: u32,
    history: History,
}

impl Histories {
    /// As the store had it.
    pub(super) fn restore(&mut self, first: u32, count: u32, history: History) {
        self.runs.insert(first, Run { count, history });
    }

    pub(super) fn get(&self, index: u32) -> Option<&History> {
        let (first, run) = self.runs.range(..=index).next_back()?;
        (index - first < run.count).then_some(&run.history)
    }

    /// The last attempt of `index`, and how many tasks from there on to `end`
    /// surely have the same past.
    pub(super) fn uniform(&self, index: u32, end: u32) -> (Option<&History>, u32) {
        if let Some((&first, run)) = self.runs.range(..=index).next_back()
            && index - first < run.count
        {
            return (Some(&run.history), (first + run.count).min(end) - index);
        }
        let next = self
            .runs
            .range(index..)
            .next()
            .map_or(end, |(&first, _)| first.min(end));
        (None, next - index)
    }

    /// Whether the runs are apart and end before `end`.
    pub(super) fn fit(&self, end: u32) -> bool {
        let mut at = 0;
        self.runs.iter().all(|(&first, run)| {
            let apart = first >= at;
            at = first + run.count;
            apart && at <= end
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32, &History)> {
        self.runs
            .iter()
            .map(|(&first, run)| (first, run.count, &run.history))
    }

    /// The histories of `first..first + count`, cut to it.
    pub(super) fn within(&self, first: u32, count: u32) -> Vec<(u32, u32, History)> {
        let end = first + count;
        let from = self
            .runs
            .range(..=first)
            .next_back()
            .map_or(first, |(&start, _)| start);
        self.runs
            .range(from..end)
            .map(|(&start, run)| (start.max(first), (start + run.count).min(end), &run.history))
            .filter(|(start, end, _)| start < end)
            .map(|(start, end, history)| (start, end - start, history.clone()))
            .collect()
    }

    /// Replaces the past of `first..first + count`, run by run, by what
    /// `change` makes of it.
    pub(super) fn update(
        &mut self,
        first: u32,
        count: u32,
        mut change: impl FnMut(&History) -> History,
    ) {
        let end = first + count;
        let mut at = first;
        while at < end {
            let (history, same) = self.uniform(at, end);
            let changed = match history {
                Some(history) => change(history),
                None => change(&History::default()),
            };
            self.set(at, same, changed);
            at += same;
        }
    }

    fn set(&mut self, first: u32, count: u32, history: History) {
        let end = first + count;
        self.cut(first);
        self.cut(end);
        while let Some((&inner, _)) = self.runs.range(first..end).next() {
            self.runs.remove(&inner);
            self.unsaved.insert(inner);
        }
        if let Some((&before, run)) = self.runs.range_mut(..first).next_back()
            && before + run.count == first
            && run.history == history
        {
            run.count += count;
            self.unsaved.insert(before);
            return;
        }
        self.runs.insert(first, Run { count, history });
        self.unsaved.insert(first);
    }

    /// Makes a run begin at `at` if one goes across it.
    fn cut(&mut self, at: u32) {
        let Some((&first, run)) = self.runs.range_mut(..at).next_back() else {
            return;
        };
        let end = first + run.count;
        if end <= at {
            return;
        }
        run.count = at - first;
        let rest = Run {
            count: end - at,
            history: run.history.clone(),
        };
        self.runs.insert(at, rest);
        self.unsaved.insert(first);
        self.unsaved.insert(at);
    }

    /// Takes what differs from the rows: by first index, the run that is there
    /// now, or none.
    pub(super) fn take_unsaved(&mut self) -> Vec<(u32, Option<(u32, &History)>)> {
        let runs = &self.runs;
        core::mem::take(&mut self.unsaved)
            .into_iter()
            .map(|first| (first, runs.get(&first).map(|run| (run.count, &run.history))))
            .collect()
    }

    pub(super) fn check(&self) {
        let mut end = 0;
        for (&first, run) in &self.runs {
            assert!(run.count > 0, "an empty run of histories at {first}");
            assert!(first >= end, "histories overlap at {first}");
            end = first + run.count;
        }
    }
}
