//! What will happen, by moment, and among equals in the order it was planned.

use pool::Peer;
use pool::message::Chunk;
use pool::report::Reports;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Microseconds since the run began: the world's own time, which no clock of
/// the simulated programs shows exactly.
pub(crate) type At = u64;

pub(crate) const MILLI: At = 1_000;
pub(crate) const SECOND: At = 1_000_000;
pub(crate) const MINUTE: At = 60 * SECOND;
pub(crate) const HOUR: At = 60 * MINUTE;

#[derive(Debug)]
pub(crate) enum Input {
    /// For the node that coordinates; dropped when its process is another by then.
    Node {
        life: u32,
        input: NodeInput,
    },
    /// The coordinating node's process starts.
    NodeStarts,
    Machine {
        machine: usize,
        life: u32,
        input: MachineInput,
    },
    MachineStarts {
        machine: usize,
    },
    /// The author of this story does the next thing.
    Author(usize),
    Fault,
}

#[derive(Debug)]
pub(crate) enum NodeInput {
    Frame {
        peer: Peer,
        bytes: Vec<u8>,
    },
    Connected {
        peer: Peer,
    },
    Disconnected {
        peer: Peer,
        timed_out: bool,
    },
    Turn,
    Committed,
    TryDiskAgain,
    /// A drain has taken as long as it may.
    Stop,
    Timer {
        generation: u64,
    },
    ChoreDone(pool::ChoreDone),
}

#[derive(Debug)]
pub(crate) enum MachineInput {
    Connect,
    Frame {
        peer: Peer,
        bytes: Vec<u8>,
    },
    Disconnected {
        peer: Peer,
    },
    Timer {
        generation: u64,
    },
    Bench {
        slot: u32,
        generation: u64,
    },
    Reports {
        slot: u32,
        chunk: Chunk,
        reports: Reports,
    },
    Output {
        slot: u32,
        output: pool::message::Output,
    },
    Free {
        slot: u32,
    },
}

#[derive(Debug)]
struct Entry {
    at: At,
    sequence: u64,
    input: Input,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    /// The earliest is the greatest, as the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    now: At,
    sequence: u64,
    heap: BinaryHeap<Entry>,
}

impl Agenda {
    pub(crate) fn now(&self) -> At {
        self.now
    }

    pub(crate) fn plan(&mut self, at: At, input: Input) {
        self.sequence += 1;
        self.heap.push(Entry {
            at: at.max(self.now),
            sequence: self.sequence,
            input,
        });
    }

    /// The clock jumps to the next input.
    pub(crate) fn next(&mut self) -> Option<Input> {
        let Entry { at, input, .. } = self.heap.pop()?;
        self.now = at;
        Some(input)
    }
}
