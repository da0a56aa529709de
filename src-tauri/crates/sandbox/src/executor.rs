//! The parent's hold on one executor process: gives it batches, hears its
//! answers, keeps its deadlines and its caps, stops and kills it. It believes
//! the process nothing that it can check.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::{process::Signal, time::ClockId};
use tokio::{io::Interest, net::UnixStream, task::JoinHandle};

use crate::{
    compile::text,
    event::{End, Event, OutFile},
    flight::{Flight, OutOfTurn},
    frames::{self, Calls, Ended, FrameError, Inbox, Kind},
    inert::inert,
    limits,
    outbox::{Outbox, Unreadable, wire_caps},
    process::{Process, in_words},
    profile::Entry,
    scratch,
    task::{Batch, Caps, Program, Task},
};

/// One executor process, bound to one module and profile for its life.
/// Dropping it kills the process and takes its scratch folder away.
#[derive(Debug)]
pub struct Executor {
    process: Process,
    socket: UnixStream,
    /// What the process wrote to its standard error, for when it died.
    errors: File,
    page: File,
    entry: Entry,
    scratch: Option<Scratch>,
    inbox: Inbox,
    outbox: Outbox,
    events: VecDeque<Event>,
    flight: Flight,
    due: Due,
    pauses: Pauses,
    fate: Fate,
    born: Instant,
    programs: u64,
    anomaly: bool,
}

/// What is known of the task whose answer is due.
#[derive(Debug)]
struct Due {
    /// Whether its start was told.
    told: bool,
    stdout_bytes: u64,
    stderr_bytes: u64,
    /// When to look at the page again; `None` while nothing is awaited.
    look_at: Option<Instant>,
}

/// When the process was stopped and went on, in nanoseconds of the shared clock.
#[derive(Debug, Default)]
struct Pauses {
    since_ns: Option<u64>,
    past: Vec<(u64, u64)>,
}

/// What is to become of the process, and of the task it was in.
#[derive(Debug)]
enum Fate {
    /// It serves.
    Alive,
    /// We killed it, because of what this task did; the end is the task's.
    Condemned { index: Option<u64>, end: End },
    /// The node killed it.
    Killed,
    /// It is gone and that was told.
    Gone { why: String },
}

/// The executor's folder and the tasks that wait for it.
#[derive(Debug)]
struct Scratch {
    dir: PathBuf,
    /// Given and not sent: one task at a time has the folder.
    waiting: VecDeque<Waiting>,
    /// The task that has the folder next, while it is filled.
    filling: Option<(Waiting, JoinHandle<io::Result<()>>)>,
    /// The end that is told when the files are collected.
    collecting: Option<Collecting>,
    /// Set while the folder is emptied with nothing to follow.
    emptying: Option<JoinHandle<io::Result<()>>>,
    measuring: Option<JoinHandle<io::Result<(u64, u64)>>>,
    measure_at: Instant,
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

/// Why a batch was not taken. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The process is gone; `next` says why.
    #[error("the executor is gone")]
    Gone,
    /// It has two batches already.
    #[error("the executor has {} batches already", limits::BATCHES_MAX)]
    Full,
    /// No tasks, or too many.
    #[error("a batch of {count} tasks, where 1 to {most} are taken")]
    Size {
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Arguments and environment of a task are too long.
    #[error(
        "arguments and environment of {bytes} bytes, where {} are taken",
        limits::ARGUMENT_BYTES_MAX
    )]
    Arguments {
        /// Their length.
        bytes: usize,
    },
    /// Calls for an executor of programs, programs for one of a function, or
    /// files for one without a scratch folder.
    #[error("the executor was started for something else")]
    Mismatch,
}

impl Executor {
    pub(crate) fn new(
        process: Process,
        socket: UnixStream,
        errors: File,
        page: File,
        entry: Entry,
        folder: Option<PathBuf>,
    ) -> Executor {
        let now = Instant::now();
        Executor {
            process,
            socket,
            errors,
            page,
            entry,
            scratch: folder.map(|dir| Scratch {
                dir,
                waiting: VecDeque::new(),
                filling: None,
                collecting: None,
                emptying: None,
                measuring: None,
                measure_at: now,
                dirty: false,
            }),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            flight: Flight::default(),
            due: Due {
                told: false,
                stdout_bytes: 0,
                stderr_bytes: 0,
                look_at: None,
            },
            pauses: Pauses::default(),
            fate: Fate::Alive,
            born: now,
            programs: 0,
            anomaly: false,
        }
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Gives a batch. One is worked on, a second may be given ahead. The
    /// sending goes on in [`Executor::next`].
    pub async fn send(&mut self, batch: Batch) -> Result<(), SendError> {
        self.check(&batch)?;
        match batch {
            Batch::Programs {
                caps,
                shared,
                tasks,
            } => match &mut self.scratch {
                Some(scratch) => {
                    let count = tasks.len();
                    scratch
                        .waiting
                        .extend(tasks.into_iter().enumerate().map(|(place, task)| {
                            let last = place + 1 == count;
                            Waiting {
                                caps: caps.clone(),
                                shared: shared.clone(),
                                task,
                                last,
                            }
                        }));
                }
                None => self.put_programs(caps, &shared, tasks, true),
            },
            Batch::Calls {
                caps,
                args,
                range,
                first_index,
                count,
            } => {
                let wire_caps = wire_caps(&caps);
                self.outbox.calls(&Calls {
                    caps: wire_caps,
                    args,
                    range,
                    first_index,
                    count,
                });
                self.flight.calls(caps, first_index, count);
                self.arm();
            }
        }
        self.write_some();
        Ok(())
    }

    /// The next thing that happens. Cancel safe. After [`Event::Gone`] it answers that again.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if let Fate::Gone { why } = &self.fate {
                return Event::Gone {
                    unstarted: Vec::new(),
                    why: why.clone(),
                };
            }
            self.step().await;
        }
    }

    /// Stops the process where it is. Stopped time does not count against a deadline.
    pub fn stop(&mut self) {
        self.process.signal(Signal::STOP);
        self.pauses.since_ns.get_or_insert_with(now_ns);
        self.due.look_at = None;
    }

    /// Lets a stopped process go on.
    pub fn resume(&mut self) {
        self.process.signal(Signal::CONT);
        if let Some(since) = self.pauses.since_ns.take() {
            self.pauses.past.push((since, now_ns()));
            self.arm();
        }
    }

    /// Kills the process. `next` then tells what was still to come, and [`Event::Gone`].
    pub fn kill(&mut self) {
        if matches!(self.fate, Fate::Alive) {
            self.fate = Fate::Killed;
        }
        self.process.signal(Signal::KILL);
    }

    /// Whether it should be replaced when it is idle: it is old, has done much,
    /// or did something odd.
    pub fn spent(&self) -> bool {
        self.anomaly
            || !matches!(self.fate, Fate::Alive)
            || self.programs >= limits::PROGRAMS_MAX
            || self.born.elapsed() >= limits::AGE_MAX
    }

    fn check(&self, batch: &Batch) -> Result<(), SendError> {
        if !matches!(self.fate, Fate::Alive) {
            return Err(SendError::Gone);
        }
        let waiting = self.scratch.as_ref().map_or(0, Scratch::batches);
        if self.flight.batches() + waiting >= limits::BATCHES_MAX {
            return Err(SendError::Full);
        }
        let (count, most) = match batch {
            Batch::Programs { tasks, .. } => (tasks.len(), limits::BATCH_PROGRAMS_MAX),
            Batch::Calls { count, .. } => (*count as usize, limits::BATCH_CALLS_MAX as usize),
        };
        if count == 0 || count > most {
            return Err(SendError::Size { count, most });
        }
        match (batch, &self.entry) {
            (Batch::Calls { args, .. }, Entry::Function { .. }) => {
                let bytes = args.len() * size_of::<crate::Value>();
                if bytes > limits::ARGUMENT_BYTES_MAX {
                    return Err(SendError::Arguments { bytes });
                }
                Ok(())
            }
            (
                Batch::Programs { shared, tasks, .. },
                Entry::Command | Entry::Bytes | Entry::Kernel,
            ) => {
                let shared = text_bytes(&shared.argv, &shared.env);
                for task in tasks {
                    if task.files.is_some() && self.scratch.is_none() {
                        return Err(SendError::Mismatch);
                    }
                    let own = task.argv.as_deref().unwrap_or_default();
                    let bytes = shared + text_bytes(own, &task.env);
                    if bytes > limits::ARGUMENT_BYTES_MAX {
                        return Err(SendError::Arguments { bytes });
                    }
                }
                Ok(())
            }
            (Batch::Calls { .. }, _) | (Batch::Programs { .. }, Entry::Function { .. }) => {
                Err(SendError::Mismatch)
            }
        }
    }

    fn put_programs(&mut self, caps: Caps, shared: &Program, tasks: Vec<Task>, last: bool) {
        let indexes = tasks.iter().map(|task| task.index).collect();
        self.outbox.programs(&caps, shared, tasks);
        self.flight.programs(caps, indexes, last);
        self.arm();
    }

    // ---- one step: folder, socket, clock

    async fn step(&mut self) {
        if self.scratch.is_some() && self.tend_scratch().await {
            return;
        }
        // First: a process that never stops talking has its deadline too.
        if self.wake_at().is_some_and(|at| at <= Instant::now()) {
            return self.look();
        }
        self.write_some();
        let interest = if self.outbox.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let ready = self.socket.ready(interest);
        let ready = match self.wake_at() {
            Some(at) => tokio::time::timeout_at(at.into(), ready).await,
            None => Ok(ready.await),
        };
        match ready {
            Err(_) => self.look(),
            Ok(Err(_)) => self.bury().await,
            Ok(Ok(ready)) => {
                if ready.is_readable() || ready.is_read_closed() {
                    self.read().await;
                }
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let measure = self.scratch.as_ref().filter(|_| !self.flight.is_empty());
        [self.due.look_at, measure.map(|scratch| scratch.measure_at)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Writes as much as the socket takes now.
    fn write_some(&mut self) {
        while !self.outbox.is_empty() {
            let bytes = match self.outbox.next() {
                Ok(bytes) => bytes,
                Err(Unreadable { index, error }) => {
                    let message = format!("the task's input could not be read: {error}");
                    return self.condemn(Some(index), End::HostRefused { message });
                }
            };
            match self.socket.try_write(bytes) {
                Ok(bytes) => self.outbox.sent(bytes),
                // Not now, or never again: the reading side learns of the end.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.outbox.clear(),
            }
        }
    }

    async fn read(&mut self) {
        match self.socket.try_read(self.inbox.spare()) {
            Ok(bytes @ 1..) => {
                self.inbox.filled(bytes);
                if let Err(error) = self.take_frames() {
                    // Nothing that comes after can be understood.
                    self.condemn(None, crashed(&format!("it sent {error}")));
                    self.bury().await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => self.bury().await,
        }
    }

    // ---- what the executor says

    fn take_frames(&mut self) -> Result<(), FrameError> {
        while let Some((kind, body)) = self.inbox.take()? {
            let turn = |OutOfTurn| FrameError::Turn(kind);
            match kind {
                Kind::Stdout => {
                    let (index, caps) = self.flight.due().ok_or(FrameError::Turn(kind))?;
                    self.due.stdout_bytes += body.len() as u64;
                    if self.due.stdout_bytes > caps.output_bytes {
                        return Err(FrameError::Turn(kind));
                    }
                    if !body.is_empty() {
                        let bytes = Bytes::copy_from_slice(body);
                        self.events.push_back(Event::Stdout { index, bytes });
                    }
                }
                Kind::Stderr => {
                    let (index, caps) = self.flight.due().ok_or(FrameError::Turn(kind))?;
                    self.due.stderr_bytes += body.len() as u64;
                    if self.due.stderr_bytes > caps.log_bytes.saturating_add(LOG_NOTE_BYTES_MAX) {
                        return Err(FrameError::Turn(kind));
                    }
                    if !body.is_empty() {
                        let bytes = Bytes::copy_from_slice(body);
                        self.events.push_back(Event::Stderr { index, bytes });
                    }
                }
                Kind::Progress => {
                    let (index, _) = self.flight.due().ok_or(FrameError::Turn(kind))?;
                    let per_mille: [u8; 2] = body.try_into().map_err(|_| FrameError::Body(kind))?;
                    let per_mille = u16::from_le_bytes(per_mille).min(1000);
                    self.events.push_back(Event::Progress { index, per_mille });
                }
                Kind::Ended => {
                    let Ended { micros, end } = frames::owned(kind, body)?;
                    let index = self.flight.answer().map_err(turn)?;
                    self.ended(index, end, micros);
                }
                Kind::Results => {
                    let (micros, ends, texts) = frames::results(body)?;
                    let bytes = Bytes::copy_from_slice(texts);
                    let first_index = self.flight.answer_calls(ends.len()).map_err(turn)?;
                    self.events.push_back(Event::Calls {
                        first_index,
                        ends,
                        bytes,
                        micros,
                    });
                    self.next_is_due();
                }
                Kind::Idle => {
                    if self.flight.finish().map_err(turn)? {
                        self.idle();
                    }
                    self.next_is_due();
                }
                Kind::Load
                | Kind::Programs
                | Kind::Task
                | Kind::Stdin
                | Kind::Calls
                | Kind::Loaded => return Err(FrameError::Turn(kind)),
            }
        }
        Ok(())
    }

    fn ended(&mut self, index: u64, end: End, micros: u64) {
        self.programs += 1;
        // Ends that only a parent decides are not believed.
        let end = match end {
            End::DeadlineExceeded { .. } | End::Crashed { .. } => {
                self.anomaly = true;
                crashed("it claimed an end that is not its to tell")
            }
            End::HostRefused { message } => {
                self.anomaly = true;
                End::HostRefused {
                    message: inert(&message),
                }
            }
            End::Exit { .. }
            | End::Trap { .. }
            | End::MemoryLimit { .. }
            | End::TableLimit { .. }
            | End::OutOfFuel
            | End::OutputLimit { .. }
            | End::AbiViolation { .. }
            | End::LinkError { .. } => end,
        };
        match &mut self.scratch {
            Some(scratch) if end.is_done() => {
                let dir = scratch.dir.clone();
                let files = tokio::task::spawn_blocking(move || scratch::collect(&dir));
                scratch.collecting = Some(Collecting {
                    index,
                    end,
                    micros,
                    files,
                    idle: false,
                });
            }
            Some(_) | None => {
                self.events.push_back(Event::Ended {
                    index,
                    end,
                    micros,
                    out: Vec::new(),
                });
            }
        }
        self.next_is_due();
    }

    /// A batch is done; where its last files are still listed, that comes first.
    fn idle(&mut self) {
        match self
            .scratch
            .as_mut()
            .and_then(|scratch| scratch.collecting.as_mut())
        {
            Some(collecting) => collecting.idle = true,
            None => self.events.push_back(Event::Idle),
        }
    }

    fn next_is_due(&mut self) {
        self.due = Due {
            told: false,
            stdout_bytes: 0,
            stderr_bytes: 0,
            look_at: None,
        };
        self.arm();
    }

    // ---- the clock

    /// Looks at the page when the due task may have something to be told, or be over its deadline.
    fn arm(&mut self) {
        let stopped = self.pauses.since_ns.is_some();
        if self.due.look_at.is_none() && !stopped && self.flight.due().is_some() {
            let limit = self.flight.task_time().unwrap_or(limits::SHOW_AFTER);
            self.due.look_at = Some(Instant::now() + limit.min(limits::SHOW_AFTER));
        }
    }

    /// Looks which task runs and since when: tells its start, ends it at its deadline.
    fn look(&mut self) {
        let now = Instant::now();
        if let Some(scratch) = &mut self.scratch
            && scratch.measure_at <= now
        {
            scratch.measure_at = now + limits::SCRATCH_WATCH;
            let dir = scratch.dir.clone();
            scratch
                .measuring
                .get_or_insert_with(|| tokio::task::spawn_blocking(move || scratch::measure(&dir)));
        }
        if self.due.look_at.is_none_or(|at| at > now) {
            return;
        }
        self.due.look_at = None;
        let page = match read_page(&self.page) {
            Ok(page) => page,
            Err(error) => {
                return self.condemn(None, crashed(&format!("its page failed: {error}")));
            }
        };
        let Some((index, caps)) = self.flight.running(page.begun) else {
            // Between two tasks, or before the first.
            self.due.look_at = self.flight.due().map(|_| now + LOOK_AGAIN);
            return;
        };
        let is_due = self.flight.due().is_some_and(|(due, _)| due == index);
        let ran = self.pauses.ran(page.began_ns);
        let limit = caps.task_time;
        if is_due && !self.due.told {
            self.due.told = true;
            self.events.push_back(Event::Started { index });
        }
        match limit {
            Some(limit) if ran >= limit => {
                self.condemn(Some(index), End::DeadlineExceeded { limit });
            }
            Some(limit) => self.due.look_at = Some(now + (limit - ran)),
            None if is_due => {}
            None => self.due.look_at = Some(now + LOOK_AGAIN),
        }
    }

    // ---- its end

    /// Kills the process; `end` is the end of this task, or of the one that runs.
    fn condemn(&mut self, index: Option<u64>, end: End) {
        if matches!(self.fate, Fate::Alive) {
            self.fate = Fate::Condemned { index, end };
        }
        self.anomaly = true;
        self.outbox.clear();
        self.process.signal(Signal::KILL);
        self.due.look_at = None;
    }

    /// The socket is at its end: says what became of every task.
    async fn bury(&mut self) {
        self.process.signal(Signal::KILL);
        let status = match tokio::time::timeout(limits::EXIT_TIME, self.process.ended()).await {
            Ok(Ok(status)) => in_words(status),
            Ok(Err(error)) => format!("its end could not be learned: {error}"),
            Err(_) => "it does not end".to_owned(),
        };
        let begun = read_page(&self.page).map_or(0, |page| page.begun);
        let running = self.flight.running(begun).map(|(index, _)| index);
        let told = text(&mut self.errors);
        let said = if told.is_empty() {
            status
        } else {
            format!("{status}: {told}")
        };
        let fate = std::mem::replace(&mut self.fate, Fate::Gone { why: said.clone() });
        let (blamed, end) = match fate {
            Fate::Condemned { index, end } => (index.or(running), Some(end)),
            Fate::Killed => (running, None),
            Fate::Alive | Fate::Gone { .. } => (running, Some(crashed(&said))),
        };
        // A task may have ended between the verdict and its execution.
        let blamed = blamed.filter(|index| self.flight.is_unanswered(*index));
        if let (Some(index), Some(end)) = (blamed, end) {
            self.events.push_back(Event::Ended {
                index,
                end,
                micros: 0,
                out: Vec::new(),
            });
        }
        let mut unstarted = self.flight.abandon(blamed);
        if let Some(scratch) = &mut self.scratch {
            let filling = scratch.filling.take().map(|(waiting, _)| waiting);
            let waiting = filling.into_iter().chain(scratch.waiting.drain(..));
            unstarted.extend(waiting.map(|waiting| waiting.task.index));
        }
        self.outbox.clear();
        self.due.look_at = None;
        self.events.push_back(Event::Gone {
            unstarted,
            why: said,
        });
    }

    // ---- the folder

    /// Does what the folder waits for; answers whether there was something.
    async fn tend_scratch(&mut self) -> bool {
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
                Ok(out)
                    if out.iter().map(|file| file.bytes).sum::<u64>() > limits::SCRATCH_BYTES =>
                {
                    (
                        End::OutputLimit {
                            limit: limits::SCRATCH_BYTES,
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
                && (bytes > limits::SCRATCH_BYTES || entries > limits::SCRATCH_ENTRIES_MAX)
            {
                self.condemn(
                    None,
                    End::OutputLimit {
                        limit: limits::SCRATCH_BYTES,
                    },
                );
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

impl Scratch {
    /// Batches that are not sent whole.
    fn batches(&self) -> usize {
        let filling = self.filling.iter().map(|(waiting, _)| waiting);
        filling
            .chain(&self.waiting)
            .filter(|waiting| waiting.last)
            .count()
    }
}

impl Pauses {
    /// How long a task has run that began then, without the time it was stopped.
    fn ran(&mut self, began_ns: u64) -> Duration {
        let now = now_ns();
        self.past.retain(|(_, until)| *until > began_ns);
        let stopped: u64 = self
            .past
            .iter()
            .map(|(since, until)| until - (*since).max(began_ns))
            .sum();
        Duration::from_nanos(now.saturating_sub(began_ns).saturating_sub(stopped))
    }
}

/// The two words of the shared page.
struct Page {
    begun: u64,
    began_ns: u64,
}

/// How soon the page is looked at again where it does not say enough.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// What an executor adds to a log that was cut, in bytes.
const LOG_NOTE_BYTES_MAX: u64 = 256;

fn read_page(page: &File) -> io::Result<Page> {
    let mut words = [0; 16];
    page.read_exact_at(&mut words, 0)?;
    let word = |at: usize| {
        u64::from_le_bytes(
            words[at..at + 8]
                .try_into()
                .expect("eight of sixteen bytes"),
        )
    };
    // A moment in the future would never come to its deadline.
    Ok(Page {
        begun: word(0),
        began_ns: word(8).min(now_ns()),
    })
}

/// Nanoseconds of the clock that parent and executor share.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn crashed(message: &str) -> End {
    End::Crashed {
        message: inert(message),
    }
}

fn text_bytes(argv: &[String], env: &[(String, String)]) -> usize {
    let argv: usize = argv.iter().map(|argument| argument.len() + 1).sum();
    let env: usize = env
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    argv + env
}

fn flat<T>(result: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    result.unwrap_or_else(|error| Err(io::Error::other(error)))
}
