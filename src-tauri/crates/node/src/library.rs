//! Everything that can be read: jobs, tasks, results, modules and machines,
//! from a running coordinator or from what it left on disk.

use crate::driver::Driving;
use crate::host::Host;
use crate::limits::{LOG_TAIL_LINES, PAGE_BYTES, PIECE_BYTES};
use crate::pieces::Pieces;
use crate::run::{Input, Run};
use crate::stored::{self, End, Kept, unread, unreadable};
use crate::views::Names;
use crate::{manifest, modules, views};
use api::{BytesOf, Error, ErrorCode, PAGE_ROWS_MAX, Reply, ResultEntry, TaskState};
use bytes::Bytes;
use data_encoding::BASE64;
use pool::report::Outcome;
use pool::spec::Spec;
use pool::{Coordinator, FoldView, JobId, JobNo, OWN_NODE};
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Blobs, Reader};
use tokio::sync::mpsc;

/// The rows of results read at once.
const ROWS: u32 = 64;
/// Pieces of bytes that wait for whoever reads them.
const PIECES_AHEAD: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Library {
    rules: Rules,
    reader: Reader,
    blobs: Blobs,
    host: Arc<Host>,
    seen: Arc<modules::Seen>,
}

#[derive(Clone, Debug)]
enum Rules {
    Driven(Driving),
    /// As they were left; nobody changes them.
    Left(Arc<Mutex<Coordinator>>),
}

/// What reading a job's results needs to know of it.
#[derive(Clone, Debug)]
struct Found {
    no: JobNo,
    spec: Arc<Spec>,
    state: pool::JobState,
    fold: FoldView,
}

pub(crate) type BytesAhead = mpsc::Receiver<Result<Bytes, Error>>;

impl Library {
    pub(crate) fn of_node(
        driving: Driving,
        reader: Reader,
        blobs: Blobs,
        host: Arc<Host>,
    ) -> Library {
        Library {
            rules: Rules::Driven(driving),
            reader,
            blobs,
            host,
            seen: Arc::default(),
        }
    }

    pub(crate) fn left_behind(coordinator: Coordinator, reader: Reader, blobs: Blobs) -> Library {
        Library {
            rules: Rules::Left(Arc::new(Mutex::new(coordinator))),
            reader,
            blobs,
            host: Arc::new(Host::new()),
            seen: Arc::default(),
        }
    }

    pub(crate) fn seen(&self) -> &modules::Seen {
        &self.seen
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Coordinator) -> T + Send + 'static,
    ) -> Result<T, Error> {
        match &self.rules {
            Rules::Driven(driving) => driving.look(look).await,
            Rules::Left(coordinator) => Ok(look(
                &coordinator.lock().unwrap_or_else(PoisonError::into_inner),
            )),
        }
    }

    /// The job that a person means: its id, the beginning of it, or `last`.
    pub(crate) async fn find(&self, name: &str) -> Result<JobId, Error> {
        let name = name.to_owned();
        self.look(move |rules| find(rules, &name)).await?
    }

    pub(crate) async fn jobs(&self, cursor: Option<String>, limit: u32) -> Result<Reply, Error> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX) as usize;
        let (jobs, more) = self
            .look(move |rules| {
                // Newest first, so a page goes on after the last one's last job.
                let mut listed = rules
                    .jobs()
                    .filter(|job| !job.spec.transient)
                    .skip_while(|job| {
                        cursor
                            .as_ref()
                            .is_some_and(|last| job.id.to_string() != *last)
                    });
                if cursor.is_some() {
                    listed.next();
                }
                let jobs: Vec<_> = listed
                    .by_ref()
                    .take(limit)
                    .map(|job| views::job(&job, &Names::read(rules)))
                    .collect();
                (jobs, listed.next().is_some())
            })
            .await?;
        let cursor = jobs.last().filter(|_| more).map(|job| job.id.clone());
        Ok(Reply::Jobs { jobs, cursor })
    }

    pub(crate) async fn job(&self, id: JobId) -> Result<api::JobView, Error> {
        self.look(move |rules| {
            rules
                .job(&id)
                .map(|job| views::job(&job, &Names::read(rules)))
        })
        .await?
        .ok_or_else(|| no_such_job(&id.to_string()))
    }

    pub(crate) async fn tasks(&self, id: JobId, from: u32, limit: u32) -> Result<Reply, Error> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let found = self.found(id).await?;
        let views = self.look(move |rules| rules.tasks(id, from, limit)).await?;
        let next = views
            .last()
            .map(|task| task.index + 1)
            .filter(|next| *next < found.spec.count);
        let items = self
            .items(
                &found.spec,
                from,
                u32::try_from(views.len()).unwrap_or(limit),
            )
            .await?;
        let names = self.names().await?;
        let tasks = views
            .iter()
            .zip(items)
            .map(|(task, item)| views::task(task, item, &names))
            .collect();
        Ok(Reply::Tasks { tasks, next })
    }

    pub(crate) async fn task(&self, id: JobId, index: u32) -> Result<api::TaskView, Error> {
        let found = self.found(id).await?;
        let view = self
            .look(move |rules| rules.task(id, index))
            .await?
            .ok_or_else(|| no_such_task(&found.spec, index))?;
        let item = self.items(&found.spec, index, 1).await?.pop().flatten();
        let names = self.names().await?;
        let mut task = views::task(&view, item, &names);
        if let Some(end) = self.end_of(found.no, index).await? {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a task of 285 years may be a microsecond off"
            )]
            let run_ms = end.micros as f64 / 1000.0;
            task.run_ms = Some(run_ms);
            task.machine = Some(names.of(&end.machine));
            let tail = end.log.tail(&self.blobs).await?;
            task.log_tail = last_lines(&tail, end.log.bytes());
            if let Outcome::Failed(failure) = &end.outcome {
                task.failure = Some(views::failure(failure));
            }
        }
        Ok(task)
    }

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

    pub(crate) async fn modules(&self) -> Result<Reply, Error> {
        Ok(Reply::Modules {
            modules: modules::list(&self.reader, &self.blobs).await?,
        })
    }

    pub(crate) async fn machines(&self) -> Result<Vec<api::MachineView>, Error> {
        let host = self.host.reading();
        // All machines of this pool are this machine.
        self.look(move |rules| {
            rules
                .machines()
                .map(|machine| views::machine(&machine, Some(&host)))
                .collect()
        })
        .await
    }

    pub(crate) async fn machine(&self, name: &str) -> Result<api::MachineView, Error> {
        let machines = self.machines().await?;
        let id = name.strip_prefix("m_").unwrap_or(name);
        let mut fitting: Vec<_> = machines
            .into_iter()
            .filter(|machine| {
                machine.name == name || (!id.is_empty() && machine.id["m_".len()..].starts_with(id))
            })
            .collect();
        match (fitting.pop(), fitting.len()) {
            (Some(machine), 0) => Ok(machine),
            (Some(_), others) => Err(ambiguous("machines", name, others + 1)),
            (None, _) => Err(Error::new(
                ErrorCode::NoSuchMachine,
                format!("there is no machine {name:?}"),
            )
            .hint("skep machine ls lists them")),
        }
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

    async fn names(&self) -> Result<Names, Error> {
        self.look(Names::read).await
    }

    async fn found(&self, id: JobId) -> Result<Found, Error> {
        self.look(move |rules| {
            rules.job(&id).map(|job| Found {
                no: job.no,
                spec: job.spec,
                state: job.state,
                fold: job.fold,
            })
        })
        .await?
        .ok_or_else(|| no_such_job(&id.to_string()))
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

    /// What tasks were made from, as text, where they have a value.
    async fn items(
        &self,
        spec: &Spec,
        from: u32,
        count: u32,
    ) -> Result<Vec<Option<String>>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let unread = |why: String| Error::new(ErrorCode::DataDamaged, why);
        let run = Run::read(&spec.run).map_err(|error| unread(error.to_string()))?;
        match &run.input {
            Input::Once { .. } | Input::Counted => Ok(vec![None; count as usize]),
            Input::Range { start, step } => Ok((from..from + count)
                .map(|index| Some(Input::number(*start, *step, index).to_string()))
                .collect()),
            Input::Items { pieces } | Input::Lines { pieces } | Input::Files { pieces } => {
                let (file, bytes) = self
                    .blobs
                    .open(&pieces.0)
                    .await
                    .map_err(|error| unreadable(&error))?;
                let input = run.input.clone();
                tokio::task::spawn_blocking(move || {
                    let slice =
                        Pieces::open(file, bytes)?.slice(u64::from(from), u64::from(count))?;
                    (0..count as usize)
                        .map(|at| Ok(shown(&input, &slice, at)))
                        .collect()
                })
                .await
                .map_err(std::io::Error::other)
                .and_then(|items: std::io::Result<Vec<_>>| items)
                .map_err(|error| unread(error.to_string()))
            }
        }
    }
}

/// A value as it fits a list; long ones are only named.
fn shown(input: &Input, slice: &crate::pieces::Slice, at: usize) -> Option<String> {
    /// Longest value that a list shows, in bytes.
    const SHOWN_BYTES: u64 = 1 << 10;
    let (_, len) = slice.place(at);
    if len > SHOWN_BYTES {
        return Some(format!("({len} bytes)"));
    }
    slice
        .read_one(at)
        .ok()
        .and_then(|piece| input.item(&piece).text)
}

pub(crate) fn find(rules: &Coordinator, name: &str) -> Result<JobId, Error> {
    if name == "last" {
        return rules
            .last()
            .ok_or_else(|| Error::new(ErrorCode::NoSuchJob, "there are no jobs"));
    }
    let found = rules.find(name);
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(no_such_job(name)),
        many => Err(ambiguous("jobs", name, many.len())),
    }
}

fn no_such_job(name: &str) -> Error {
    Error::new(ErrorCode::NoSuchJob, format!("there is no job {name:?}"))
        .hint("skep job ls lists them")
}

fn no_such_task(spec: &Spec, index: u32) -> Error {
    let message = format!(
        "there is no task {index}; the job has {} tasks, counted from 0",
        spec.count
    );
    Error::new(ErrorCode::NoSuchTask, message)
}

fn ambiguous(what: &str, name: &str, count: usize) -> Error {
    Error::new(
        ErrorCode::AmbiguousId,
        format!("{count} {what} begin with {name:?}"),
    )
    .hint("write more of the id")
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

fn last_lines(tail: &[u8], whole: u64) -> Vec<String> {
    let text = String::from_utf8_lossy(tail);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if whole > tail.len() as u64 && !lines.is_empty() {
        // The first one was cut somewhere.
        lines.remove(0);
    }
    lines.split_off(lines.len().saturating_sub(LOG_TAIL_LINES))
}
