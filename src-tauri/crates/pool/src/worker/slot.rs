//! One place for a running task: what it was given, and what is left of it.

use super::span;
use crate::message::Chunk;
use crate::moment::Moment;
use std::collections::VecDeque;

/// Chunks a slot has at most: the one that runs and the next.
const GIVEN_MAX: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Slot {
    /// In the order they were given; the first one runs.
    given: VecDeque<Given>,
    /// Since when its process stands still, if it does.
    pub(super) stopped: Option<Moment>,
    /// Per mille of the running task, when it says so.
    pub(super) progress: u16,
}

#[derive(Debug)]
struct Given {
    /// As it was given, which is how its driver knows it.
    chunk: Chunk,
    /// What was not reported yet.
    rest: Chunk,
    /// Largest memory its job may use.
    memory_bytes: u64,
    /// Its reports no longer matter; it is here until its process is gone.
    killed: bool,
}

impl Slot {
    /// Nothing was given that is not over.
    pub(super) fn is_free(&self) -> bool {
        self.given.is_empty()
    }

    /// A process of this slot may be executing.
    pub(super) fn is_active(&self) -> bool {
        !self.given.is_empty() && self.stopped.is_none()
    }

    /// There is room for one more behind a chunk that runs.
    pub(super) fn has_room_behind(&self) -> bool {
        self.given.len() == 1
            && self.stopped.is_none()
            && self.given.iter().all(|given| !given.killed)
    }

    pub(super) fn give(&mut self, chunk: Chunk, memory_bytes: u64) {
        debug_assert!(
            self.given.len() < GIVEN_MAX,
            "a slot has one chunk that runs and one that is next"
        );
        self.given.push_back(Given {
            chunk,
            rest: chunk,
            memory_bytes,
            killed: false,
        });
    }

    /// What it still means to run, the running chunk first.
    pub(super) fn holding(&self) -> impl Iterator<Item = Chunk> {
        self.given
            .iter()
            .filter(|given| !given.killed)
            .map(|given| given.rest)
    }

    /// The chunk that runs now.
    pub(super) fn running(&self) -> Option<Chunk> {
        self.given
            .front()
            .filter(|given| !given.killed)
            .map(|given| given.rest)
    }

    /// The chunk behind the one that runs.
    pub(super) fn next(&self) -> Option<Chunk> {
        self.given
            .get(1)
            .filter(|given| !given.killed)
            .map(|given| given.rest)
    }

    /// Memory that what it has may use: one chunk runs at a time.
    pub(super) fn reserved_bytes(&self) -> u64 {
        self.given
            .iter()
            .map(|given| given.memory_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Marks the chunk of which `rest` is left as killed, and returns it as it
    /// was given; `None` when it is not here.
    pub(super) fn kill(&mut self, rest: &Chunk) -> Option<Chunk> {
        let given = self
            .given
            .iter_mut()
            .find(|given| !given.killed && given.rest == *rest)?;
        given.killed = true;
        Some(given.chunk)
    }

    /// Takes the part that ended off what was given; `false` when it was never
    /// given, was killed, or is out of order: then its reports are worth nothing.
    pub(super) fn ended(&mut self, part: &Chunk) -> bool {
        let Some(at) = self.given.iter().position(|given| {
            span::same_grant(&given.rest, part)
                && given.rest.first == part.first
                && part.count <= given.rest.count
        }) else {
            return false;
        };
        // The process takes chunks in order: what lies before is over, if it
        // was killed; else the report is not to be believed.
        if self.given.iter().take(at).any(|given| !given.killed) {
            return false;
        }
        self.given.drain(..at);
        let Some(given) = self.given.front_mut() else {
            return false;
        };
        given.rest.first = span::end(part);
        given.rest.count -= part.count;
        let counts = !given.killed;
        if given.rest.count == 0 {
            self.given.pop_front();
        }
        self.progress = 0;
        counts
    }

    /// Its process has nothing left: killed chunks are gone for good.
    pub(super) fn free(&mut self) {
        self.given.retain(|given| !given.killed);
        if self.given.is_empty() {
            self.progress = 0;
        }
    }
}
