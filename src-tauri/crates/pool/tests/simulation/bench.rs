//! One slot's executor process, as far as time and ends of tasks go.

use crate::agenda::{At, MILLI};
use crate::chance::Chance;
use crate::workload::{Fate, Workload};
use pool::id::MachineId;
use pool::message::Chunk;
use pool::report::{Payload, Plain, Report, Reports};
use pool::spec::Spec;
use serde_bytes::ByteBuf;
use std::collections::VecDeque;
use std::rc::Rc;

/// Work that a process reports at a time.
const BATCH: At = 50 * MILLI;
const BATCH_TASKS: u32 = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Bench {
    runs: VecDeque<Run>,
    doing: Doing,
    stopped: bool,
    /// Of the wake-up that counts; earlier ones are about what no longer is.
    pub(crate) generation: u64,
    /// When the last word of this slot reaches its worker.
    pub(crate) heard_at: At,
}

#[derive(Debug)]
struct Run {
    chunk: Chunk,
    next: u32,
    workload: Rc<Workload>,
    task_micros_max: Option<u64>,
    /// How many times as long a task takes on this machine.
    slowness: u64,
    memory_bytes: u64,
}

#[derive(Debug, Default)]
enum Doing {
    #[default]
    Nothing,
    /// `count` tasks of the first run; while the process is held, `ends_at`
    /// is what it still needs.
    Tasks { count: u32, ends_at: At },
    /// The process was killed or died, and its successor is not there yet.
    Replacing { until: At },
}

/// What a wake-up brought.
pub(crate) enum Step {
    Nothing,
    Ended { chunk: Chunk, reports: Reports },
}

impl Bench {
    pub(crate) fn is_executing(&self) -> bool {
        !self.stopped && matches!(self.doing, Doing::Tasks { .. })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty() && matches!(self.doing, Doing::Nothing)
    }

    pub(crate) fn given(&self) -> usize {
        self.runs.len()
    }

    /// What its process may use: one chunk runs at a time.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.runs
            .iter()
            .map(|run| run.memory_bytes)
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn run(&mut self, chunk: Chunk, spec: &Spec, workload: Rc<Workload>, slowness: u64) {
        let task_micros_max = spec
            .limits
            .task_time
            .map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.runs.push_back(Run {
            chunk,
            next: chunk.first,
            workload,
            task_micros_max,
            slowness,
            memory_bytes: spec.limits.memory_bytes,
        });
    }

    /// Kills the chunk where it is; one that is over was never here.
    pub(crate) fn kill(&mut self, chunk: &Chunk, now: At, chance: &mut Chance) {
        let Some(at) = self.runs.iter().position(|run| run.chunk == *chunk) else {
            return;
        };
        self.runs.remove(at);
        if at == 0 && matches!(self.doing, Doing::Tasks { .. }) {
            self.stopped = false;
            self.doing = Doing::Replacing {
                until: now + chance.between(MILLI, 20 * MILLI),
            };
        }
    }

    pub(crate) fn stop(&mut self, now: At) {
        self.stopped = true;
        if let Doing::Tasks { ends_at, .. } = &mut self.doing {
            *ends_at = ends_at.saturating_sub(now);
        }
    }

    pub(crate) fn resume(&mut self, now: At) {
        if std::mem::replace(&mut self.stopped, false)
            && let Doing::Tasks { ends_at, .. } = &mut self.doing
        {
            *ends_at += now;
        }
    }

    /// Begins what can begin, and says when to be woken.
    pub(crate) fn go_on(&mut self, now: At, machine: MachineId) -> Option<At> {
        match self.doing {
            Doing::Replacing { until } => return Some(until),
            Doing::Tasks { ends_at, .. } => return (!self.stopped).then_some(ends_at),
            Doing::Nothing => {}
        }
        let run = self.runs.front()?;
        if self.stopped {
            return None;
        }
        let (count, micros) = run.batch(machine);
        let ends_at = now + micros;
        self.doing = Doing::Tasks { count, ends_at };
        Some(ends_at)
    }

    /// The wake-up's moment has come.
    pub(crate) fn step(&mut self, now: At, machine: MachineId, chance: &mut Chance) -> Step {
        match self.doing {
            Doing::Nothing => Step::Nothing,
            Doing::Replacing { .. } => {
                self.doing = Doing::Nothing;
                Step::Nothing
            }
            Doing::Tasks { count, .. } => {
                let Some(run) = self.runs.front_mut() else {
                    return Step::Nothing;
                };
                let chunk = Chunk {
                    first: run.next,
                    count,
                    ..run.chunk
                };
                let (reports, died) = run.reports(count, machine);
                run.next += count;
                if run.next == run.chunk.first + run.chunk.count {
                    self.runs.pop_front();
                }
                self.doing = if died {
                    Doing::Replacing {
                        until: now + chance.between(MILLI, 30 * MILLI),
                    }
                } else {
                    Doing::Nothing
                };
                Step::Ended { chunk, reports }
            }
        }
    }
}

impl Run {
    fn fate(&self, index: u32, machine: MachineId) -> (Fate, u64) {
        let fate = self.workload.fate(index, self.chunk.attempt, machine);
        let micros = self.workload.micros_of(index);
        match self.task_micros_max {
            Some(most) if fate == Fate::Hangs || micros > most => (Fate::Hangs, most),
            // A slow machine is not why a task is over its time here.
            Some(_) | None => (fate, micros * self.slowness),
        }
    }

    /// How many tasks are reported together, and how long they take.
    fn batch(&self, machine: MachineId) -> (u32, u64) {
        let end = self.chunk.first + self.chunk.count;
        let (mut count, mut total) = (0, 0);
        for index in self.next..end {
            let (fate, micros) = self.fate(index, machine);
            count += 1;
            total += micros;
            if fate == Fate::KillsExecutor
                || fate == Fate::Hangs
                || total >= BATCH
                || count >= BATCH_TASKS
            {
                break;
            }
        }
        (count, total)
    }

    /// The reports of the batch, and whether its process is gone after it.
    fn reports(&self, count: u32, machine: MachineId) -> (Reports, bool) {
        let tasks = self.next..self.next + count;
        let mut died = false;
        let mut all_plain = true;
        let mut each: Vec<Report> = Vec::new();
        let mut plain = Plain {
            micros: 0,
            ends: Vec::new(),
            bytes: ByteBuf::new(),
        };
        for index in tasks.clone() {
            let (fate, micros) = self.fate(index, machine);
            died |= matches!(fate, Fate::KillsExecutor | Fate::Hangs);
            all_plain &= fate == Fate::Done && self.workload.is_plain(index);
            if !all_plain {
                break;
            }
            if let Payload::Inline(bytes) = self.workload.output(index) {
                plain.bytes.extend_from_slice(&bytes);
            }
            plain.micros += micros;
            plain
                .ends
                .push(u32::try_from(plain.bytes.len()).expect("results of eight bytes"));
        }
        if all_plain {
            return (Reports::Plain(plain), died);
        }
        for index in tasks {
            let (fate, micros) = self.fate(index, machine);
            died |= matches!(fate, Fate::KillsExecutor | Fate::Hangs);
            each.push(
                self.workload
                    .report(index, self.chunk.attempt, fate, micros),
            );
        }
        (Reports::Each(each), died)
    }
}
