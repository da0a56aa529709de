//! The parent's hold on one executor process: gives it batches, hears its
//! answers, keeps its deadlines and its caps, stops and kills it. It believes
//! the process nothing that it can check.

mod folder;
mod hear;
mod watch;

use std::{collections::VecDeque, fs::File, io, path::PathBuf, time::Instant};

use rustix::process::Signal;
use tokio::{io::Interest, net::UnixStream};

use self::{
    folder::Scratch,
    watch::{Due, Pauses},
};
use crate::{
    compile::text,
    event::{End, Event},
    flight::Flight,
    frames::{Calls, Inbox},
    inert::inert,
    limits,
    outbox::{Outbox, Unreadable, wire_caps},
    process::{Process, in_words},
    profile::Entry,
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
        scratch: Option<(PathBuf, u64)>,
    ) -> Executor {
        let now = Instant::now();
        Executor {
            process,
            socket,
            errors,
            page,
            entry,
            scratch: scratch.map(|(folder, quota_bytes)| Scratch::new(folder, quota_bytes)),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            flight: Flight::default(),
            due: Due::now(),
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
                Some(scratch) => scratch.put(&caps, &shared, tasks),
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
        self.pauses.stop();
        self.due.look_at = None;
    }

    /// Lets a stopped process go on.
    pub fn resume(&mut self) {
        self.process.signal(Signal::CONT);
        if self.pauses.resume() {
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

    /// Folder, clock, socket: whichever has something.
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
        let running = self.flight.running(self.begun()).map(|(index, _)| index);
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
            unstarted.extend(scratch.abandon());
        }
        self.outbox.clear();
        self.due.look_at = None;
        self.events.push_back(Event::Gone {
            unstarted,
            why: said,
        });
    }
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
