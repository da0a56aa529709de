//! Collects what the tasks of a chunk tell, and reports ended ones together.

use super::outcome;
use super::written::{Told, Unkept, Written, keep_all};
use crate::keep::Keep;
use crate::limits::{INLINE_BYTES, REPORT_AFTER, REPORT_BYTES, REPORTED_BLOB_TIME};
use crate::manifest;
use crate::spans::Lane;
use bytes::Bytes;
use pool::message::{Chunk, Output, Stream};
use pool::report::{Files, Outcome, Plain, Reports};
use sandbox::{End, OutFile};
use serde_bytes::ByteBuf;
use tokio::time::Instant;

/// Of one chunk, in the order of its tasks.
#[derive(Debug)]
pub(super) struct Collector {
    keep: Keep,
    chunk: Chunk,
    /// The first task that was not handed over as a report.
    next: u32,
    ended: Ended,
    bytes: usize,
    /// When the first of `ended` did.
    since: Instant,
    stdout: Written,
    stderr: Written,
    /// Pieces are shown as they come.
    live: bool,
    lane: Lane,
}

/// Tasks that ended and were not reported.
#[derive(Debug)]
enum Ended {
    Nothing,
    /// Done, and nothing to tell but a small result.
    Plain(Plain),
    Each(Vec<Told>),
}

/// A part of a chunk, ended.
pub(super) type Part = (Chunk, Reports);

impl Collector {
    pub(super) fn new(keep: Keep, chunk: Chunk, live: bool, lane: Lane) -> Collector {
        Collector {
            keep,
            chunk,
            next: chunk.first,
            ended: Ended::Nothing,
            bytes: 0,
            since: Instant::now(),
            stdout: Written::default(),
            stderr: Written::default(),
            live,
            lane,
        }
    }

    /// The running task takes long enough to be shown.
    pub(super) fn started(&mut self) {
        self.lane.started(self.current());
    }

    /// When what ended must be reported, if anything has.
    pub(super) fn due(&self) -> Option<Instant> {
        (!matches!(self.ended, Ended::Nothing)).then(|| self.since + REPORT_AFTER)
    }

    /// A piece of the running task's output; returned where somebody may be
    /// watching.
    pub(super) async fn written(&mut self, stream: Stream, bytes: Bytes) -> Option<Output> {
        let written = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let offset = written.total;
        written.add(&self.keep, &bytes).await;
        self.live.then(|| Output {
            job: self.chunk.job,
            index: self.current(),
            attempt: self.chunk.attempt,
            stream,
            offset,
            bytes: ByteBuf::from(Vec::from(bytes)),
        })
    }

    /// Forgets what a task wrote that must run again.
    pub(super) fn forget_running(&mut self) {
        self.lane.broke();
        self.stdout = Written::default();
        self.stderr = Written::default();
    }

    /// The running task ended. Parts to report, in order.
    pub(super) async fn ended(&mut self, end: End, micros: u64, out: Vec<OutFile>) -> Vec<Part> {
        self.lane.ended(self.current(), 1, micros, end.is_done());
        let stdout = std::mem::take(&mut self.stdout);
        let stderr = std::mem::take(&mut self.stderr);
        if end.is_done()
            && stderr.total == 0
            && stdout.total <= INLINE_BYTES as u64
            && out.is_empty()
        {
            return self
                .plain(micros, &[stdout.bytes.len()], &stdout.bytes)
                .await;
        }
        let outcome = outcome::of(end, outcome::last_line(stderr.tail()));
        let told = match self.told(outcome, micros, stdout, stderr, out).await {
            Ok(told) => told,
            Err(error) => Told::refused(micros, &error),
        };
        self.each(told).await
    }

    /// Calls ended well: where the text of each ends in `bytes`.
    pub(super) async fn calls(&mut self, ends: &[u32], bytes: &[u8], micros: u64) -> Vec<Part> {
        let count = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        self.lane.ended(self.current(), count, micros, true);
        let mut start = 0;
        let length = |end: &u32| {
            let length = (*end as usize).saturating_sub(start);
            start = *end as usize;
            length
        };
        let lengths: Vec<usize> = ends.iter().map(length).collect();
        self.plain(micros, &lengths, bytes).await
    }

    /// The next task ended without having run.
    pub(super) async fn unrun(&mut self, outcome: Outcome) -> Vec<Part> {
        self.forget_running();
        self.each(Told::bare(outcome, 0)).await
    }

    /// What has ended and was not reported.
    pub(super) async fn flush(&mut self) -> Option<Part> {
        let reports = match std::mem::replace(&mut self.ended, Ended::Nothing) {
            Ended::Nothing => return None,
            Ended::Plain(plain) => Reports::Plain(plain),
            Ended::Each(each) => Reports::Each(keep_all(each, &self.keep).await),
        };
        let count = reports.count();
        let part = Chunk {
            first: self.next,
            count,
            ..self.chunk
        };
        self.next += count;
        self.bytes = 0;
        Some((part, reports))
    }

    /// The task that runs, or runs next.
    pub(super) fn current(&self) -> u32 {
        let ended = match &self.ended {
            Ended::Nothing => 0,
            Ended::Plain(plain) => plain.ends.len(),
            Ended::Each(each) => each.len(),
        };
        self.next + u32::try_from(ended).unwrap_or(u32::MAX)
    }

    async fn plain(&mut self, micros: u64, lengths: &[usize], bytes: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        if !matches!(self.ended, Ended::Plain(_)) {
            parts.extend(self.flush().await);
            self.since = Instant::now();
            self.ended = Ended::Plain(Plain {
                micros: 0,
                ends: Vec::new(),
                bytes: ByteBuf::new(),
            });
        }
        if let Ended::Plain(plain) = &mut self.ended {
            plain.micros += micros;
            let mut end = plain.bytes.len();
            plain.ends.extend(lengths.iter().map(|length| {
                end += length;
                u32::try_from(end).unwrap_or(u32::MAX)
            }));
            plain.bytes.extend_from_slice(bytes);
        }
        self.bytes += bytes.len() + 4 * lengths.len();
        self.flush_when_large(parts).await
    }

    async fn each(&mut self, told: Told) -> Vec<Part> {
        let mut parts = Vec::new();
        if !matches!(self.ended, Ended::Each(_)) {
            parts.extend(self.flush().await);
            self.since = Instant::now();
            self.ended = Ended::Each(Vec::new());
        }
        self.bytes += told.bytes();
        if let Ended::Each(each) = &mut self.ended {
            each.push(told);
        }
        self.flush_when_large(parts).await
    }

    async fn flush_when_large(&mut self, mut parts: Vec<Part>) -> Vec<Part> {
        if self.bytes >= REPORT_BYTES {
            parts.extend(self.flush().await);
        }
        parts
    }

    async fn told(
        &self,
        outcome: Outcome,
        micros: u64,
        stdout: Written,
        stderr: Written,
        out: Vec<OutFile>,
    ) -> Result<Told, Unkept> {
        let log_truncated = stderr.total >= sandbox::limits::LOG_BYTES_MAX;
        let files = if out.is_empty() {
            None
        } else {
            Some(self.files(out).await?)
        };
        let (output, log) = (stdout.end(&self.keep).await?, stderr.end(&self.keep).await?);
        Ok(Told {
            outcome,
            micros,
            output,
            log,
            log_truncated,
            files,
        })
    }

    async fn files(&self, out: Vec<OutFile>) -> Result<Files, Unkept> {
        let mut entries = Vec::with_capacity(out.len());
        for file in out {
            let (digest, bytes) = self
                .keep
                .put_file(&file.path, file.bytes, REPORTED_BLOB_TIME)
                .await?;
            entries.push(manifest::Entry {
                name: file.name,
                digest,
                bytes,
            });
        }
        let mut blobs: Vec<_> = entries.iter().map(|entry| entry.digest).collect();
        blobs.sort_unstable();
        blobs.dedup();
        let manifest = self
            .keep
            .put(manifest::write(entries), REPORTED_BLOB_TIME)
            .await?;
        Ok(Files { manifest, blobs })
    }
}
