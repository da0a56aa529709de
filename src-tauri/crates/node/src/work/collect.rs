//! Collects what the tasks of a chunk tell, and reports ended ones together.

use super::outcome;
use crate::keep::Keep;
use crate::limits::{INLINE_BYTES, LOG_TAIL_BYTES, REPORT_AFTER, REPORT_BYTES, REPORTED_BLOB_TIME};
use crate::manifest;
use bytes::Bytes;
use pool::message::{Chunk, Output, Stream};
use pool::report::{Failure, FailureKind, Files, Outcome, Payload, Plain, Report, Reports};
use sandbox::{End, OutFile};
use serde_bytes::ByteBuf;
use store::{BlobWriter, PutError};
use tokio::time::Instant;

/// Bytes of a stream that are kept in memory before they go to a file.
const SPILL_BYTES: usize = 256 << 10;

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
}

/// Tasks that ended and were not reported.
#[derive(Debug)]
enum Ended {
    Nothing,
    Plain(Plain),
    Each(Vec<Report>),
}

/// What the running task wrote to one stream.
#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    spilled: Option<BlobWriter>,
    /// The first error; a result that cannot be kept is not the program's fault.
    error: Option<PutError>,
    total: u64,
    tail: Vec<u8>,
}

/// Why a result is not on disk.
#[derive(Debug, thiserror::Error)]
enum Unkept {
    #[error(transparent)]
    Put(#[from] PutError),
    #[error("an equal blob was deleted in the same moment")]
    Deleted,
}

/// A part of a chunk, ended.
pub(super) type Part = (Chunk, Reports);

impl Collector {
    pub(super) fn new(keep: Keep, chunk: Chunk, live: bool) -> Collector {
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
        }
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
        written.add(self.keep.blobs(), &bytes).await;
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
        self.stdout = Written::default();
        self.stderr = Written::default();
    }

    /// The running task ended. Parts to report, in order.
    pub(super) async fn ended(&mut self, end: End, micros: u64, out: Vec<OutFile>) -> Vec<Part> {
        let mut parts = Vec::new();
        let stdout = std::mem::take(&mut self.stdout);
        let stderr = std::mem::take(&mut self.stderr);
        if end.is_done() && stderr.total == 0 && stdout.total <= INLINE_BYTES as u64 && out.is_empty() {
            self.plain(&mut parts, micros, &[stdout.bytes.len()], &stdout.bytes);
            return parts;
        }
        let last_line = outcome::last_line(&stderr.tail);
        let outcome = outcome::of(end, last_line);
        let report = match self.report(outcome, micros, stdout, stderr, out).await {
            Ok(report) => report,
            Err(error) => refused(micros, &error),
        };
        self.each(&mut parts, report);
        parts
    }

    /// Calls ended well: where the text of each ends in `bytes`.
    pub(super) fn calls(&mut self, ends: &[u32], bytes: &[u8], micros: u64) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut start = 0;
        let lengths: Vec<usize> = ends
            .iter()
            .map(|end| {
                let length = (*end as usize).saturating_sub(start);
                start = *end as usize;
                length
            })
            .collect();
        self.plain(&mut parts, micros, &lengths, bytes);
        parts
    }

    /// The next task ended without having run.
    pub(super) fn unrun(&mut self, outcome: Outcome) -> Vec<Part> {
        let mut parts = Vec::new();
        self.forget_running();
        self.each(&mut parts, bare(outcome, 0));
        parts
    }

    /// What has ended and was not reported.
    pub(super) fn flush(&mut self) -> Option<Part> {
        let reports = match std::mem::replace(&mut self.ended, Ended::Nothing) {
            Ended::Nothing => return None,
            Ended::Plain(plain) => Reports::Plain(plain),
            Ended::Each(each) => Reports::Each(each),
        };
        let count = reports.count();
        let part = Chunk { first: self.next, count, ..self.chunk };
        self.next += count;
        self.bytes = 0;
        Some((part, reports))
    }

    /// The task that runs, or runs next.
    pub(super) fn current(&self) -> u32 {
        self.next
            + match &self.ended {
                Ended::Nothing => 0,
                Ended::Plain(plain) => u32::try_from(plain.ends.len()).unwrap_or(u32::MAX),
                Ended::Each(each) => u32::try_from(each.len()).unwrap_or(u32::MAX),
            }
    }

    fn plain(&mut self, parts: &mut Vec<Part>, micros: u64, lengths: &[usize], bytes: &[u8]) {
        if !matches!(self.ended, Ended::Plain(_)) {
            parts.extend(self.flush());
            self.since = Instant::now();
            self.ended = Ended::Plain(Plain { micros: 0, ends: Vec::new(), bytes: ByteBuf::new() });
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
        self.flush_when_large(parts);
    }

    fn each(&mut self, parts: &mut Vec<Part>, report: Report) {
        if !matches!(self.ended, Ended::Each(_)) {
            parts.extend(self.flush());
            self.since = Instant::now();
            self.ended = Ended::Each(Vec::new());
        }
        self.bytes += size(&report);
        if let Ended::Each(each) = &mut self.ended {
            each.push(report);
        }
        self.flush_when_large(parts);
    }

    fn flush_when_large(&mut self, parts: &mut Vec<Part>) {
        if self.bytes >= REPORT_BYTES {
            parts.extend(self.flush());
        }
    }

    async fn report(
        &self,
        outcome: Outcome,
        micros: u64,
        stdout: Written,
        stderr: Written,
        out: Vec<OutFile>,
    ) -> Result<Report, Unkept> {
        let log_truncated = stderr.total >= sandbox::limits::LOG_BYTES_MAX;
        let output = stdout.payload(&self.keep).await?;
        let log = stderr.payload(&self.keep).await?;
        let files = if out.is_empty() { None } else { Some(self.files(out).await?) };
        Ok(Report { outcome, micros, output, log, log_truncated, files })
    }

    async fn files(&self, out: Vec<OutFile>) -> Result<Files, Unkept> {
        let mut entries = Vec::with_capacity(out.len());
        for file in out {
            let (digest, bytes) = self.keep.put_file(&file.path, file.bytes, REPORTED_BLOB_TIME).await?;
            entries.push(manifest::Entry { name: file.name, digest, bytes });
        }
        let mut blobs: Vec<_> = entries.iter().map(|entry| entry.digest).collect();
        blobs.sort_unstable();
        blobs.dedup();
        let manifest = self.keep.put(manifest::write(entries), REPORTED_BLOB_TIME).await?;
        Ok(Files { manifest, blobs })
    }
}

impl Written {
    async fn add(&mut self, blobs: &store::Blobs, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        self.keep_tail(bytes);
        if self.spilled.is_none() && self.bytes.len() + bytes.len() <= SPILL_BYTES {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        if self.error.is_none()
            && let Err(error) = self.spill(blobs, bytes).await
        {
            self.error = Some(error);
        }
    }

    async fn spill(&mut self, blobs: &store::Blobs, bytes: &[u8]) -> Result<(), PutError> {
        let writer = match &mut self.spilled {
            Some(writer) => writer,
            None => {
                let mut writer = blobs.writer();
                writer.write(&std::mem::take(&mut self.bytes)).await?;
                self.spilled.insert(writer)
            }
        };
        writer.write(bytes).await
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let keep = usize::try_from(LOG_TAIL_BYTES).unwrap_or(usize::MAX);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(keep)..]);
        let over = self.tail.len().saturating_sub(keep);
        self.tail.drain(..over);
    }

    async fn payload(self, keep: &Keep) -> Result<Payload, Unkept> {
        if let Some(error) = self.error {
            return Err(error.into());
        }
        if let Some(writer) = self.spilled {
            let kept = keep.finish(writer, REPORTED_BLOB_TIME).await?;
            return kept.map(|(digest, bytes)| Payload::Blob { digest, bytes }).ok_or(Unkept::Deleted);
        }
        if self.bytes.len() <= INLINE_BYTES {
            return Ok(Payload::Inline(ByteBuf::from(self.bytes)));
        }
        let bytes = self.bytes.len() as u64;
        let digest = keep.put(self.bytes.into(), REPORTED_BLOB_TIME).await?;
        Ok(Payload::Blob { digest, bytes })
    }
}

/// The result could not be kept, so the task is tried again.
fn refused(micros: u64, error: &Unkept) -> Report {
    bare(Outcome::Refused { why: format!("its result could not be kept: {error}") }, micros)
}

fn bare(outcome: Outcome, micros: u64) -> Report {
    Report { outcome, micros, output: Payload::empty(), log: Payload::empty(), log_truncated: false, files: None }
}

fn size(report: &Report) -> usize {
    let payload = |payload: &Payload| match payload {
        Payload::Inline(bytes) => bytes.len(),
        Payload::Blob { .. } => 40,
    };
    let message = match &report.outcome {
        Outcome::Done | Outcome::Elsewhere => 0,
        Outcome::Failed(failure) => failure.message.len() + failure.backtrace.iter().map(String::len).sum::<usize>(),
        Outcome::Lost { why } | Outcome::Refused { why } => why.len(),
    };
    let files = report.files.as_ref().map_or(0, |files| 32 * (files.blobs.len() + 1));
    32 + payload(&report.output) + payload(&report.log) + message + files
}

/// For every task of a chunk that its worker cannot even begin.
pub(super) fn failed(kind: FailureKind, message: String) -> Outcome {
    Outcome::Failed(Failure { kind, message, exit_code: None, backtrace: Vec::new() })
}
