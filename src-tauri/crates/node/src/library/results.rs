//! What tasks left: results in pages, and bytes in pieces.

use super::{Found, Library, no_such_task};
use crate::limits::{PAGE_BYTES, PIECE_BYTES};
use crate::stored::{self, End, Kept, unread, unreadable};
use crate::views::Names;
use crate::{manifest, views};
use api::{BytesOf, Error, ErrorCode, PAGE_ROWS_MAX, Reply, ResultEntry, TaskState};
use bytes::Bytes;
use data_encoding::BASE64;
use pool::report::Outcome;
use pool::{FoldView, JobId, JobNo, OWN_NODE};
use std::io::Read;
use tokio::sync::mpsc;

/// The rows of results read at once.
const ROWS: u32 = 64;
/// Pieces of bytes that wait for whoever reads them.
const PIECES_AHEAD: usize = 4;

type BytesAhead = mpsc::Receiver<Result<Bytes, Error>>;

impl Library {
    /// In index order from `from` on; tasks without a result are in it too.
    pub(crate) async fn results(&self, id: JobId, from: u32, limit: u32) -> Result<Reply, Error> {
        let found = self.found(id).await?;
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let states = self.look(move |rules| rules.tasks(id, from, limit)).await?;
        let mut ends: Vec<End> = Vec::new();
        let stop = from.saturating_add(u32::try_from(states.len()).unwrap_or(limit));
        let mut at = from;
        let mut bytes = 0;
        while at < stop && bytes < PAGE_BYTES {
            let rows = self
                .reader
                .results(found.no.0, at, ROWS, PAGE_BYTES as u64)
                .await
                .map_err(|e| unread(&e))?;
            let Some(last) = rows.last() else { break };
            let next = last.first + last.count;
            for row in &rows {
                let some = stored::ends(row, at)?;
                bytes += some.iter().map(inline_bytes).sum::<usize>();
                ends.extend(some);
            }
            at = next;
        }
        let names = self.names().await?;
        let mut ends = ends.into_iter().peekable();
        let mut results = Vec::with_capacity(states.len());
        let mut next = None;
        let mut inline = 0;
        for state in &states {
            while ends.next_if(|end| end.index < state.index).is_some() {}
            let end = ends.next_if(|end| end.index == state.index);
            if inline > PAGE_BYTES {
                next = Some(state.index);
                break;
            }
            inline += end.as_ref().map_or(0, inline_bytes);
            let entry = match end {
                Some(end) => self.entry(end, &names).await?,
                None => unended(state, &names),
            };
            results.push(entry);
        }
        let next = next.or_else(|| Some(stop).filter(|stop| *stop < found.spec.count));
        let folded = self.folded(&found).await?.map(Box::new);
        Ok(Reply::Results {
            results,
            next,
            folded,
        })
    }

    /// The bytes that a task left, their number, and the attempt that left them.
    pub(crate) async fn read_attempt(
        &self,
        id: JobId,
        index: u32,
        what: BytesOf,
    ) -> Result<(u32, u64, BytesAhead), Error> {
        let found = self.found(id).await?;
        if index > found.spec.count {
            return Err(no_such_task(&found.spec, index));
        }
        let end = self
            .end_of(found.no, index)
            .await?
            .ok_or_else(|| no_result(&found, index))?;
        let attempt = end.attempt;
        let kept = match what {
            BytesOf::Result => end.output,
            BytesOf::Log => end.log,
            BytesOf::File { name } => self.file(end, &name).await?,
        };
        let (length, bytes) = self.stream(kept).await?;
        Ok((attempt, length, bytes))
    }

    /// The stored end of a task; index = count is the fold's.
    pub(crate) async fn end_of(&self, no: JobNo, index: u32) -> Result<Option<End>, Error> {
        let row = self
            .reader
            .result_of(no.0, index)
            .await
            .map_err(|error| unread(&error))?;
        let Some(row) = row else { return Ok(None) };
        Ok(stored::ends(&row, index)?
            .into_iter()
            .next()
            .filter(|end| end.index == index))
    }

    /// The one result that all became, or how far that is.
    async fn folded(&self, found: &Found) -> Result<Option<ResultEntry>, Error> {
        if let Some(end) = self.end_of(found.no, found.spec.count).await? {
            return Ok(Some(self.entry(end, &self.names().await?).await?));
        }
        let state = match &found.fold {
            FoldView::None => return Ok(None),
            FoldView::Waiting => TaskState::Queued,
            FoldView::Running | FoldView::Done => TaskState::Running,
            FoldView::Failed { .. } => TaskState::Failed,
        };
        let failure = match &found.fold {
            FoldView::Failed { message } => Some(views::fold_failure(message)),
            FoldView::None | FoldView::Waiting | FoldView::Running | FoldView::Done => None,
        };
        Ok(Some(ResultEntry {
            failure,
            ..empty(found.spec.count, state, 0)
        }))
    }

    async fn entry(&self, end: End, names: &Names) -> Result<ResultEntry, Error> {
        let done = matches!(end.outcome, Outcome::Done);
        let (text, base64) = match &end.output {
            Kept::Inline(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => (Some(text.to_owned()), None),
                Err(_) => (None, Some(BASE64.encode(bytes))),
            },
            Kept::Blob { .. } => (None, None),
        };
        let (exit_code, failure) = match &end.outcome {
            Outcome::Failed(failed) => {
                let failure = views::failure(failed);
                (failure.exit_code, Some(failure))
            }
            Outcome::Elsewhere => (Some(views::ELSEWHERE), None),
            Outcome::Done | Outcome::Lost { .. } | Outcome::Refused { .. } => {
                (done.then_some(0), None)
            }
        };
        let files = match &end.files {
            Some(files) => self
                .manifest(files)
                .await?
                .into_iter()
                .map(|entry| (entry.name, entry.bytes))
                .collect(),
            None => Vec::new(),
        };
        Ok(ResultEntry {
            index: end.index,
            state: if done {
                TaskState::Done
            } else {
                TaskState::Failed
            },
            attempt: end.attempt,
            machine: (end.machine != OWN_NODE).then(|| names.of(&end.machine)),
            bytes: end.output.bytes(),
            log_bytes: end.log.bytes(),
            hash: Some(end.output.hash()),
            exit_code,
            text,
            base64,
            files,
            failure,
        })
    }

    async fn manifest(&self, files: &pool::report::Files) -> Result<Vec<manifest::Entry>, Error> {
        let bytes = self
            .blobs
            .get(&files.manifest.0)
            .await
            .map_err(|error| unreadable(&error))?;
        manifest::read(&bytes)
            .map_err(|error| Error::new(ErrorCode::DataDamaged, error.to_string()))
    }

    async fn file(&self, end: End, name: &str) -> Result<Kept, Error> {
        let entries = match &end.files {
            Some(files) => self.manifest(files).await?,
            None => Vec::new(),
        };
        let entry = entries.into_iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| {
            Error::new(
                ErrorCode::NoResult,
                format!("task {} left no file {name:?} in /out", end.index),
            )
        })?;
        Ok(Kept::Blob {
            digest: entry.digest,
            bytes: entry.bytes,
        })
    }

    pub(crate) async fn stream(&self, kept: Kept) -> Result<(u64, BytesAhead), Error> {
        let (to, bytes) = mpsc::channel(PIECES_AHEAD);
        let length = kept.bytes();
        match kept {
            Kept::Inline(bytes) => {
                for start in (0..bytes.len()).step_by(PIECE_BYTES) {
                    // Inline values are a few KiB: they fit the channel.
                    let _ =
                        to.try_send(Ok(bytes.slice(start..bytes.len().min(start + PIECE_BYTES))));
                }
            }
            Kept::Blob { digest, .. } => {
                let (mut file, _) = self
                    .blobs
                    .open(&digest.0)
                    .await
                    .map_err(|error| unreadable(&error))?;
                tokio::task::spawn_blocking(move || {
                    loop {
                        let mut piece = vec![0; PIECE_BYTES];
                        let read = match file.read(&mut piece) {
                            Ok(0) => return,
                            Ok(read) => {
                                piece.truncate(read);
                                Ok(piece.into())
                            }
                            Err(error) => {
                                Err(Error::new(ErrorCode::FolderUnusable, error.to_string()))
                            }
                        };
                        let failed = read.is_err();
                        if to.blocking_send(read).is_err() || failed {
                            return;
                        }
                    }
                });
            }
        }
        Ok((length, bytes))
    }
}

fn no_result(found: &Found, index: u32) -> Error {
    let what = if index == found.spec.count {
        "no folded result".to_owned()
    } else {
        format!("no result of task {index}")
    };
    let ended = match found.state {
        pool::JobState::Done | pool::JobState::Failed | pool::JobState::Cancelled => "",
        pool::JobState::Queued | pool::JobState::Running | pool::JobState::Folding => " yet",
    };
    Error::new(ErrorCode::NoResult, format!("the job has {what}{ended}"))
}

fn unended(task: &pool::TaskView, names: &Names) -> ResultEntry {
    ResultEntry {
        machine: task.machine.map(|machine| names.of(&machine)),
        failure: task.last_failure.as_ref().map(views::failure),
        ..empty(task.index, views::task_state(task.state), task.attempt)
    }
}

fn empty(index: u32, state: TaskState, attempt: u32) -> ResultEntry {
    ResultEntry {
        index,
        state,
        attempt,
        machine: None,
        bytes: 0,
        log_bytes: 0,
        hash: None,
        exit_code: None,
        text: None,
        base64: None,
        files: Vec::new(),
        failure: None,
    }
}

/// What an entry adds to a page, about.
fn inline_bytes(end: &End) -> usize {
    match &end.output {
        Kept::Inline(bytes) => bytes.len() + 200,
        Kept::Blob { .. } => 200,
    }
}
