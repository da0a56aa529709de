//! The scratch folder of an executor: filled before each task, listed after
//! it, emptied, and measured while the task runs. One task at a time has it.

use std::{collections::VecDeque, io, path::PathBuf, sync::Arc, time::Instant};

use tokio::task::JoinHandle;

use super::{Executor, Fate};
use crate::{
    event::{End, Event, OutFile},
    limits, scratch,
    task::{Caps, Program, Task},
};

/// The executor's folder and the tasks that wait for it.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: PathBuf,
    /// What one task may leave in it, in bytes.
    quota_bytes: u64,
    /// Given and not sent: one task at a time has the folder.
    waiting: VecDeque<Waiting>,
    /// The task that has the folder next, while it is filled.
    filling: Option<(Waiting, JoinHandle<io::Result<()>>)>,
    /// The end that is told when the files are collected.
    collecting: Option<Collecting>,
    /// Set while the folder is emptied with nothing to follow.
    emptying: Option<JoinHandle<io::Result<()>>>,
    measuring: Option<JoinHandle<io::Result<(u64, u64)>>>,
    pub(super) measure_at: Instant,
    /// Something may lie in the folder.
    dirty: bool,
}

/// A task that ended well and whose files are being listed.
#[derive(Debug)]
struct Collecting {
    index: u64,
    end: End,
    micros: u64,
    files: JoinHandle<io::Result<Vec<OutFile>>>,
    /// The batch ended with it.
    idle: bool,
}

#[derive(Debug)]
struct Waiting {
    caps: Caps,
    shared: Arc<Program>,
    task: Task,
    /// The batch ends with it.
    last: bool,
}

impl Scratch {
    pub(super) fn new(dir: PathBuf, quota_bytes: u64) -> Scratch {
        Scratch {
            dir,
            quota_bytes,
            waiting: VecDeque::new(),
            filling: None,
            collecting: None,
            emptying: None,
            measuring: None,
            measure_at: Instant::now(),
            dirty: false,
        }
    }

    /// Keeps a batch until its tasks have the folder.
    pub(super) fn put(&mut self, caps: &Caps, shared: &Arc<Program>, tasks: Vec<Task>) {
        let count = tasks.len();
        self.waiting
            .extend(tasks.into_iter().enumerate().map(|(place, task)| Waiting {
                caps: caps.clone(),
                shared: shared.clone(),
                task,
                last: place + 1 == count,
            }));
    }

    /// Batches that are not sent whole.
    pub(super) fn batches(&self) -> usize {
        let filling = self.filling.iter().map(|(waiting, _)| waiting);
        filling
            .chain(&self.waiting)
            .filter(|waiting| waiting.last)
            .count()
    }

    /// Lists what a task left, before its end is told.
    pub(super) fn collect(&mut self, index: u64, end: End, micros: u64) {
        let dir = self.dir.clone();
        let files = tokio::task::spawn_blocking(move || scratch::collect(&dir));
        self.collecting = Some(Collecting {
            index,
            end,
            micros,
            files,
            idle: false,
        });
    }

    /// The batch is done; answers whether that is told later, after its last files.
    pub(super) fn idle(&mut self) -> bool {
        match &mut self.collecting {
            Some(collecting) => {
                collecting.idle = true;
                true
            }
            None => false,
        }
    }

    /// Adds up the folder, where it is time to.
    pub(super) fn measure(&mut self, now: Instant) {
        if self.measure_at <= now {
            self.measure_at = now + limits::SCRATCH_WATCH;
            let dir = self.dir.clone();
            self.measuring
                .get_or_insert_with(|| tokio::task::spawn_blocking(move || scratch::measure(&dir)));
        }
    }

    /// The tasks that were given and not sent; nothing waits any more.
    pub(super) fn abandon(&mut self) -> Vec<u64> {
        let filling = self.filling.take().map(|(waiting, _)| waiting);
        let waiting = filling.into_iter().chain(self.waiting.drain(..));
        waiting.map(|waiting| waiting.task.index).collect()
    }
}

impl Executor {
    /// Does what the folder waits for; answers whether there was something.
    pub(super) async fn tend_scratch(&mut self) -> bool {
        let Some(scratch) = &mut self.scratch else {
            return false;
        };
        if let Some(collecting) = &mut scratch.collecting {
            let listed = flat((&mut collecting.files).await);
            let Some(Collecting {
                index,
                end,
                micros,
                idle,
                ..
            }) = scratch.collecting.take()
            else {
                return true;
            };
            let (end, out) = match listed {
                Ok(out) if out.iter().map(|file| file.bytes).sum::<u64>() > scratch.quota_bytes => {
                    (
                        End::OutputLimit {
                            limit: scratch.quota_bytes,
                        },
                        Vec::new(),
                    )
                }
                Ok(out) => (end, out),
                Err(error) => {
                    let message = format!("what it left in /out could not be read: {error}");
                    (End::HostRefused { message }, Vec::new())
                }
            };
            self.events.push_back(Event::Ended {
                index,
                end,
                micros,
                out,
            });
            if idle {
                self.events.push_back(Event::Idle);
            }
            return true;
        }
        if let Some(measured) = &mut scratch.measuring
            && measured.is_finished()
        {
            let result = flat(measured.await);
            scratch.measuring = None;
            if let Ok((bytes, entries)) = result
                && (bytes > scratch.quota_bytes || entries > limits::SCRATCH_ENTRIES_MAX)
            {
                let limit = scratch.quota_bytes;
                self.condemn(None, End::OutputLimit { limit });
            }
            return true;
        }
        if let Some((_, filled)) = &mut scratch.filling {
            let filled = flat(filled.await);
            let Some((waiting, _)) = scratch.filling.take() else {
                return true;
            };
            let Waiting {
                caps,
                shared,
                task,
                last,
            } = waiting;
            match filled {
                Ok(()) => self.put_programs(caps, &shared, vec![task], last),
                Err(error) => {
                    let message = format!("its files could not be laid out: {error}");
                    let end = End::HostRefused { message };
                    let index = task.index;
                    self.events.push_back(Event::Ended {
                        index,
                        end,
                        micros: 0,
                        out: Vec::new(),
                    });
                    if last {
                        self.events.push_back(Event::Idle);
                    }
                }
            }
            return true;
        }
        if !self.flight.is_empty() || !matches!(self.fate, Fate::Alive) {
            return false;
        }
        if scratch.emptying.is_none()
            && let Some(mut waiting) = scratch.waiting.pop_front()
        {
            let (dir, files) = (
                scratch.dir.clone(),
                waiting.task.files.take().unwrap_or_default(),
            );
            let filled = tokio::task::spawn_blocking(move || scratch::fill(&dir, &files));
            scratch.filling = Some((waiting, filled));
            scratch.dirty = true;
            return true;
        }
        if scratch.dirty {
            let dir = scratch.dir.clone();
            let emptying = scratch
                .emptying
                .get_or_insert_with(|| tokio::task::spawn_blocking(move || scratch::empty(&dir)));
            let emptied = flat(emptying.await);
            (scratch.dirty, scratch.emptying) = (false, None);
            if let Err(error) = emptied {
                tracing::warn!(%error, "a scratch folder could not be emptied");
                self.anomaly = true;
            }
            return true;
        }
        false
    }
}

fn flat<T>(result: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    result.unwrap_or_else(|error| Err(io::Error::other(error)))
}
