//! Followers of jobs: what the driver tells them, kept small however slowly
//! they read.
//!
//! The driver only notes what happened; a task for each follower makes events
//! of it. Output that a follower did not get in time is read from the store
//! when the job has ended, so nothing is ever missing at the end.

mod follower;
mod output;

pub(crate) use follower::{Following, follow};

use crate::limits::LIVE_BYTES;
use pool::message::{Output, Stream};
use pool::{Event, JobId};
use serde_bytes::ByteBuf;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Everybody who follows, by job.
#[derive(Debug, Default)]
pub(crate) struct Follows {
    last: u64,
    by_job: HashMap<JobId, Vec<Arc<News>>>,
    /// What running jobs of one task wrote so far, for those who come late.
    live: HashMap<JobId, Live>,
}

/// What one follower has not been told yet.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) id: u64,
    output: bool,
    pending: Mutex<Pending>,
    pub(crate) came: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) changed: bool,
    pub(crate) ended: bool,
    pub(crate) forgotten: bool,
    /// Durable results, as joined ranges.
    pub(crate) ranges: Vec<(u32, u32)>,
    pub(crate) output: VecDeque<Output>,
    output_bytes: usize,
}

/// The beginning of what an attempt wrote.
#[derive(Debug, Default)]
struct Live {
    attempt: u32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Follows {
    /// `ended`: what is stored is all there will be.
    pub(crate) fn add(&mut self, job: JobId, output: bool, ended: bool) -> Arc<News> {
        self.last += 1;
        let news = Arc::new(News {
            id: self.last,
            output,
            pending: Mutex::default(),
            came: Notify::new(),
        });
        if ended {
            news.pending().ended = true;
            news.came.notify_one();
        }
        if output && let Some(live) = self.live.get(&job) {
            for (stream, bytes) in [
                (Stream::Stdout, &live.stdout),
                (Stream::Stderr, &live.stderr),
            ] {
                if !bytes.is_empty() {
                    let bytes = ByteBuf::from(bytes.clone());
                    news.output(&Output {
                        job,
                        index: 0,
                        attempt: live.attempt,
                        stream,
                        offset: 0,
                        bytes,
                    });
                }
            }
        }
        self.by_job.entry(job).or_default().push(news.clone());
        news
    }

    pub(crate) fn remove(&mut self, job: JobId, id: u64) {
        if let Some(followers) = self.by_job.get_mut(&job) {
            followers.retain(|news| news.id != id);
            if followers.is_empty() {
                self.by_job.remove(&job);
            }
        }
    }

    pub(crate) fn publish(&mut self, event: Event) {
        match event {
            Event::JobChanged(job) => self.tell(job, |pending| pending.changed = true),
            Event::JobEnded(job) => {
                self.live.remove(&job);
                self.tell(job, |pending| pending.ended = true);
            }
            Event::JobForgotten(job) => {
                self.live.remove(&job);
                self.tell(job, |pending| pending.forgotten = true);
            }
            Event::Tasks { job, first, count } => self.tell(job, |pending| {
                pending.changed = true;
                pending.add_range(first, count);
            }),
            Event::Output(output) => {
                self.live.entry(output.job).or_default().add(&output);
                for news in self.by_job.get(&output.job).into_iter().flatten() {
                    news.output(&output);
                }
            }
            Event::JobAccepted(_)
            | Event::MachineChanged(_)
            | Event::RegistryChanged
            | Event::JoinAsked(_)
            | Event::JoinEnded(_)
            | Event::DeviceAdmitted(_)
            | Event::DeviceRevoked(_)
            | Event::Superseded(_)
            | Event::Term(_) => {}
        }
    }

    fn tell(&self, job: JobId, change: impl Fn(&mut Pending)) {
        for news in self.by_job.get(&job).into_iter().flatten() {
            change(&mut news.pending());
            news.came.notify_one();
        }
    }
}

impl News {
    pub(crate) fn take(&self) -> Pending {
        std::mem::take(&mut self.pending())
    }

    fn output(&self, output: &Output) {
        let mut pending = self.pending();
        if self.output && pending.output_bytes + output.bytes.len() <= 2 * LIVE_BYTES {
            pending.output_bytes += output.bytes.len();
            pending.output.push_back(output.clone());
            drop(pending);
            self.came.notify_one();
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn add_range(&mut self, first: u32, count: u32) {
        let joined = self.ranges.iter_mut().rev().take(16).find_map(|range| {
            if range.0 + range.1 == first {
                range.1 += count;
                Some(())
            } else if first + count == range.0 {
                *range = (first, range.1 + count);
                Some(())
            } else {
                None
            }
        });
        if joined.is_none() {
            self.ranges.push((first, count));
        }
    }
}

impl Live {
    fn add(&mut self, output: &Output) {
        if output.attempt > self.attempt {
            *self = Live {
                attempt: output.attempt,
                ..Live::default()
            };
        }
        let stream = match output.stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        // Only a beginning without a hole is of use to somebody who comes late.
        if output.attempt == self.attempt
            && output.offset == stream.len() as u64
            && stream.len() + output.bytes.len() <= LIVE_BYTES
        {
            stream.extend_from_slice(&output.bytes);
        }
    }
}
