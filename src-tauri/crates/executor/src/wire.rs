//! The executor's end of the socket: frames in, frames out, and the streams
//! of the task that runs. Memory stays bounded whatever a task writes.

use std::{
    fs::File,
    io::{Read, Write},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use sandbox::{
    End,
    frames::{self, Ended, FrameError, Inbox, Kind, WireCaps},
    limits,
};

use crate::{
    kernel::KernelBatch,
    page::{Page, now_ns},
};

/// The wire, shared with the streams of the running task. One thread has it,
/// so the lock is never waited for.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<Mutex<Line>>);

/// What is behind the lock.
#[derive(Debug)]
pub(crate) struct Line {
    socket: File,
    page: Page,
    inbox: Inbox,
    out: Vec<u8>,
    /// The stream's frame at the end of `out`, where it may still grow.
    open: Option<(Kind, usize)>,
    sent_ns: u64,
    /// Sends every write at once: the guest may sleep where nobody sees it.
    eager: bool,
    pub(crate) running: Running,
    /// The tasks of the kernel that runs; none where a plain program does.
    pub(crate) kernel: Option<KernelBatch>,
}

/// Counts of the task that runs.
#[derive(Debug)]
pub(crate) struct Running {
    began_ns: u64,
    pub(crate) caps: WireCaps,
    stdout_bytes: u64,
    stderr_bytes: u64,
    stderr_left_out: u64,
    over_output: bool,
    progress_ns: u64,
    /// Input that came and was not read yet.
    pub(crate) piece: Bytes,
    /// Input that is still to come.
    pub(crate) stdin_left: u64,
}

/// The task's result is larger than its cap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("the result is larger than its cap")]
    TooLarge,
    #[error("{0}")]
    Violation(String),
}

/// A task as it came.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) argv: Option<Vec<String>>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) index: u64,
    pub(crate) stdin_len: u64,
}

impl Wire {
    pub(crate) fn new(socket: File, inbox: Inbox, page: Page, eager: bool) -> Wire {
        let caps = WireCaps {
            fuel: None,
            output_bytes: 0,
            log_bytes: 0,
        };
        Wire(Arc::new(Mutex::new(Line {
            socket,
            page,
            inbox,
            out: Vec::with_capacity(2 * limits::SEND_BYTES),
            open: None,
            sent_ns: now_ns(),
            eager,
            running: Running::new(0, caps),
            kernel: None,
        })))
    }

    /// The line, for a moment; never held while a guest runs.
    pub(crate) fn line(&self) -> MutexGuard<'_, Line> {
        // A panic of one task is caught; the counts it leaves are reset by the next.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Running {
    fn new(began_ns: u64, caps: WireCaps) -> Running {
        Running {
            began_ns,
            caps,
            stdout_bytes: 0,
            stderr_bytes: 0,
            stderr_left_out: 0,
            over_output: false,
            progress_ns: 0,
            piece: Bytes::new(),
            stdin_left: 0,
        }
    }
}

impl Line {
    /// The next frame; ends the process when the parent is gone.
    pub(crate) fn next(&mut self) -> Result<(Kind, &[u8]), FrameError> {
        self.wait()?;
        Ok(self.inbox.take()?.expect("a whole frame is there"))
    }

    /// Waits until a frame is here, so that the next task does not pay for it.
    pub(crate) fn wait(&mut self) -> Result<(), FrameError> {
        while !self.inbox.has_frame() {
            // An absurd header is an error now, not a wait for ever.
            if let Some((kind, _)) = self.inbox.take()? {
                return Err(FrameError::Turn(kind));
            }
            if !self.out.is_empty() {
                self.send();
            }
            match self.socket.read(self.inbox.spare()) {
                Ok(bytes @ 1..) => self.inbox.filled(bytes),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // The parent is gone, and nobody is left to tell.
                Ok(0) | Err(_) => std::process::exit(0),
            }
        }
        Ok(())
    }

    /// A task begins, at the moment that this answers in nanoseconds.
    pub(crate) fn begin(&mut self, caps: WireCaps) -> u64 {
        let now = now_ns();
        self.page.begin(now);
        self.running = Running::new(now, caps);
        now
    }

    /// Takes the next task of a batch of programs, whose input can then be read.
    pub(crate) fn take_task(&mut self) -> Result<Given, FrameError> {
        let (given, piece) = {
            let (kind, body) = self.next()?;
            if kind != Kind::Task {
                return Err(FrameError::Turn(kind));
            }
            let task: frames::Task<'_> = frames::body(kind, body)?;
            let own = |text: &&str| (*text).to_owned();
            let given = Given {
                argv: task.argv.map(|argv| argv.iter().map(own).collect()),
                env: task
                    .env
                    .iter()
                    .map(|(name, value)| (own(name), own(value)))
                    .collect(),
                index: task.index,
                stdin_len: task.stdin_len,
            };
            (given, Bytes::copy_from_slice(task.stdin))
        };
        self.running.stdin_left = given
            .stdin_len
            .checked_sub(piece.len() as u64)
            .ok_or(FrameError::Body(Kind::Task))?;
        self.running.piece = piece;
        if let Some(kernel) = &mut self.kernel {
            kernel.answers.give(given.index);
        }
        Ok(given)
    }

    /// At most `most` bytes of the task's input; empty at its end.
    pub(crate) fn read_stdin(&mut self, most: usize) -> Result<Bytes, FrameError> {
        if self.kernel.is_some() {
            self.give_kernel_input()?;
        }
        self.read_input(most)
    }

    fn read_input(&mut self, most: usize) -> Result<Bytes, FrameError> {
        if self.running.piece.is_empty() && self.running.stdin_left > 0 {
            let (kind, body) = self.next()?;
            if kind != Kind::Stdin {
                return Err(FrameError::Turn(kind));
            }
            let piece = Bytes::copy_from_slice(body);
            self.running.stdin_left = self
                .running
                .stdin_left
                .checked_sub(piece.len() as u64)
                .ok_or(FrameError::Body(kind))?;
            self.running.piece = piece;
        }
        let most = most.min(self.running.piece.len());
        Ok(self.running.piece.split_to(most))
    }

    /// Leaves out what the task did not read of its input.
    pub(crate) fn skip_stdin(&mut self) -> Result<(), FrameError> {
        self.running.piece = Bytes::new();
        while !self.read_input(usize::MAX)?.is_empty() {}
        Ok(())
    }

    /// The guest wrote to its standard output.
    pub(crate) fn write_stdout(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        if self.kernel.is_some() {
            return self.write_kernel_output(bytes);
        }
        self.put_stdout(bytes)
    }

    pub(crate) fn put_stdout(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let left = self.running.caps.output_bytes - self.running.stdout_bytes;
        let fits = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.running.stdout_bytes += fits as u64;
        self.put_stream(Kind::Stdout, &bytes[..fits]);
        if fits < bytes.len() {
            self.running.over_output = true;
            return Err(OutputError::TooLarge);
        }
        Ok(())
    }

    /// The guest wrote to its log. What is beyond its cap or its rate is left out.
    pub(crate) fn write_stderr(&mut self, bytes: &[u8]) {
        let seconds = now_ns().saturating_sub(self.running.began_ns) / 1_000_000_000 + 1;
        let by_rate = seconds.saturating_mul(limits::LOG_BYTES_PER_SECOND);
        let allowed = self.running.caps.log_bytes.min(by_rate);
        let left = allowed.saturating_sub(self.running.stderr_bytes);
        let fits = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.running.stderr_bytes += fits as u64;
        self.running.stderr_left_out += (bytes.len() - fits) as u64;
        self.put_stream(Kind::Stderr, &bytes[..fits]);
    }

    /// The guest said how far it is.
    pub(crate) fn progress(&mut self, per_mille: u16) {
        let now = now_ns();
        let pause_ns = 1_000_000_000 / u64::from(limits::PROGRESS_PER_SECOND);
        if now.saturating_sub(self.running.progress_ns) < pause_ns {
            return;
        }
        self.running.progress_ns = now;
        self.open = None;
        frames::put_raw(&mut self.out, Kind::Progress, &per_mille.to_le_bytes());
        self.send();
    }

    /// The task ended.
    pub(crate) fn end(&mut self, end: End) {
        if self.running.stderr_left_out > 0 {
            let note = format!(
                "\n[{} bytes of log left out]\n",
                self.running.stderr_left_out
            );
            self.put_stream(Kind::Stderr, note.as_bytes());
        }
        let now = now_ns();
        let micros = now.saturating_sub(self.running.began_ns) / 1000;
        let end = if self.running.over_output {
            End::OutputLimit {
                limit: self.running.caps.output_bytes,
            }
        } else {
            end
        };
        self.open = None;
        frames::put(&mut self.out, Kind::Ended, &Ended { micros, end });
        self.send_when_due(now, limits::SEND_AFTER);
    }

    /// Results of consecutive calls.
    pub(crate) fn results(&mut self, micros: u64, ends: &[u32], texts: &[u8]) {
        self.open = None;
        frames::put_results(&mut self.out, micros, ends, texts);
    }

    /// All tasks of the batch are answered.
    pub(crate) fn idle(&mut self) {
        self.open = None;
        frames::put_raw(&mut self.out, Kind::Idle, &[]);
        self.send();
    }

    /// The module is loaded, or this process is of no use.
    pub(crate) fn loaded(&mut self, failure: Option<String>) {
        frames::put(&mut self.out, Kind::Loaded, &frames::Loaded { failure });
        self.send();
    }

    /// Sends what is not sent; ends the process when the parent is gone.
    pub(crate) fn send(&mut self) {
        self.open = None;
        if self.socket.write_all(&self.out).is_err() {
            std::process::exit(0);
        }
        self.out.clear();
        self.sent_ns = now_ns();
    }

    /// Sends what is not sent, if anything.
    pub(crate) fn send_rest(&mut self) {
        if !self.out.is_empty() {
            self.send();
        }
    }

    fn send_when_due(&mut self, now: u64, after: Duration) {
        let due = now.saturating_sub(self.sent_ns) >= u64::try_from(after.as_nanos()).unwrap_or(0);
        if due || self.out.len() >= limits::SEND_BYTES {
            self.send();
        }
    }

    /// Appends to the stream's frame at the end, or begins one.
    fn put_stream(&mut self, kind: Kind, mut bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        while !bytes.is_empty() {
            let start = match self.open {
                Some((open, start)) if open == kind => start,
                Some(_) | None => frames::begin(&mut self.out, kind),
            };
            let room = limits::PIECE_BYTES_MAX.saturating_sub(self.out.len() - start - 5);
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            self.out.extend_from_slice(piece);
            frames::finish(&mut self.out, start);
            self.open = if rest.is_empty() {
                Some((kind, start))
            } else {
                None
            };
            bytes = rest;
            if self.out.len() >= limits::SEND_BYTES {
                self.send();
            }
        }
        let after = if self.eager {
            Duration::ZERO
        } else {
            limits::SHOW_AFTER
        };
        self.send_when_due(now_ns(), after);
    }
}
