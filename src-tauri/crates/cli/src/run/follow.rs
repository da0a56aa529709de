//! Following a job to its end, over the end of a node too.
//!
//! Safety: nothing is shown twice, and a lost node never looks like an ended
//! job. Liveness: while this process lives, the job has a node; when one ends,
//! the clients that remain race for the data folder, one becomes the node, and
//! the others find it.

use super::printer::Printer;
use super::shown::Shown;
use crate::context::Context;
use crate::failure::{Failure, INTERRUPTED};
use crate::output::Stream;
use crate::output::progress::Progress;
use crate::reach::{self, Door, Start};
use crate::verbs::out_of_turn;
use api::{Error, ErrorCode, Event, JobView, Reply, Request};
use node::{Answer, Settings, Then};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Before a job is followed again after its node went away.
const FOLLOW_AGAIN: Duration = Duration::from_millis(100);

/// What is shown meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Nothing,
    /// What a job of one task writes.
    Output {
        stdout: bool,
    },
    /// What it writes to stderr, on our stdout.
    Log,
    /// A bar, and results in index order as they are there.
    Results,
    /// A bar.
    Progress,
}

/// What the first Ctrl-C does; the second leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    Cancels,
    Leaves,
}

pub(crate) struct Following<'c> {
    context: &'c Context,
    job: String,
    show: Show,
    interrupt: Interrupt,
    /// The node that this becomes where none is left.
    start: Start,
    interrupts: Interrupts,
    interrupted: u32,
    shown: Shown,
    printer: Printer,
    progress: Progress,
    /// The reason last told.
    said: Option<String>,
}

/// How following one node ended.
enum Round {
    Ended(Box<JobView>),
    NodeGone,
}

/// Ctrl-C and SIGTERM, heard from the moment this is made.
pub(crate) struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
}

impl<'c> Following<'c> {
    pub(crate) fn new(
        context: &'c Context,
        job: &str,
        show: Show,
        interrupt: Interrupt,
        start: Start,
        interrupts: Interrupts,
    ) -> Following<'c> {
        Following {
            context,
            job: job.to_owned(),
            show,
            interrupt,
            start,
            interrupts,
            interrupted: 0,
            shown: Shown::default(),
            printer: Printer::default(),
            progress: Progress::new(&context.output),
            said: None,
        }
    }

    /// What prints the rest.
    pub(crate) fn into_printer(self) -> Printer {
        match self.show {
            Show::Output { stdout: true } => Printer::streamed(),
            Show::Results
            | Show::Nothing
            | Show::Output { stdout: false }
            | Show::Log
            | Show::Progress => self.printer,
        }
    }

    /// Until the job has ended. `door` is another one afterwards where the
    /// node went away.
    pub(crate) async fn follow(&mut self, door: &mut Door) -> Result<JobView, Failure> {
        loop {
            match self.round(door).await {
                Ok(Round::Ended(job)) => {
                    self.progress.clear();
                    return Ok(*job);
                }
                Ok(Round::NodeGone) => self.next_node(door).await?,
                Err(Failure::Error(error)) if is_gone(&error) => self.next_node(door).await?,
                Err(Failure::Closed) => {
                    // Nobody wants to see the rest, so it is not computed either.
                    if self.interrupt == Interrupt::Cancels {
                        self.cancel(door).await?;
                    }
                    return Err(Failure::Closed);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The node went away: find the next one, or become it.
    async fn next_node(&mut self, door: &mut Door) -> Result<(), Failure> {
        self.progress.clear();
        self.context
            .output
            .note("the node has ended; going on with the next one");
        tokio::time::sleep(FOLLOW_AGAIN).await;
        *door = reach::to_node_or_start(self.context, self.start).await?;
        Ok(())
    }

    async fn round(&mut self, door: &Door) -> Result<Round, Failure> {
        let output = matches!(self.show, Show::Output { .. } | Show::Log | Show::Results);
        let request = Request::Follow {
            job: self.job.clone(),
            output,
        };
        let (mut events, last) = match door.call(request, None).await {
            Ok(Answer {
                then: Then::Events(events, last),
                ..
            }) => (events, last),
            Ok(Answer { .. }) => return Err(out_of_turn().into()),
            Err(error) if is_gone(&error) => return Ok(Round::NodeGone),
            Err(error) => return Err(error.into()),
        };
        self.shown.begin();
        self.events(door, &mut events).await?;
        self.end(last).await
    }

    async fn events(
        &mut self,
        door: &Door,
        events: &mut mpsc::Receiver<Event>,
    ) -> Result<(), Failure> {
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.event(door, event).await?,
                    None => return Ok(()),
                },
                () = self.interrupts.next() => self.interrupted(door).await?,
            }
        }
    }

    async fn end(&mut self, last: oneshot::Receiver<Reply>) -> Result<Round, Failure> {
        match last.await {
            Ok(Reply::Job(job)) => Ok(Round::Ended(job)),
            Ok(Reply::Done) => {
                Err(Error::new(ErrorCode::NoSuchJob, "the job was removed meanwhile").into())
            }
            Ok(_) => Err(out_of_turn().into()),
            Err(_) => Ok(Round::NodeGone),
        }
    }

    async fn interrupted(&mut self, door: &Door) -> Result<(), Failure> {
        self.interrupted += 1;
        if self.interrupt == Interrupt::Leaves || self.interrupted > 1 {
            self.progress.clear();
            return Err(Failure::Ended(INTERRUPTED));
        }
        self.progress.aside(|| {
            self.context
                .output
                .note("cancelling the job; Ctrl-C again leaves at once")
        });
        self.cancel(door).await
    }

    async fn cancel(&self, door: &Door) -> Result<(), Failure> {
        match door
            .ask(Request::Cancel {
                job: self.job.clone(),
            })
            .await
        {
            Ok(_) => Ok(()),
            // It ended before we asked, or its node did.
            Err(error) if error.code == ErrorCode::JobEnded || is_gone(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Says why nothing runs, which a bar does itself, and what to do about it
    /// where that is one command.
    fn waits(&self, reason: &str, bar: bool) {
        let output = &self.context.output;
        if !bar {
            output.note(reason);
        }
        let off = |settings: Settings| !settings.contribute;
        if self.context.settings().is_ok_and(off) {
            output.note("hint: skep contribute on");
        }
    }

    async fn event(&mut self, door: &Door, event: Event) -> Result<(), Failure> {
        match event {
            Event::Progress { tasks, reason } => {
                let bar = matches!(self.show, Show::Results | Show::Progress) && tasks.total > 1;
                if bar {
                    self.progress.update(tasks, reason.as_deref());
                }
                if reason != self.said {
                    if let Some(reason) = &reason {
                        self.progress.aside(|| self.waits(reason, bar));
                    }
                    self.said = reason;
                }
                Ok(())
            }
            Event::Results { first, count } => {
                if self.show == Show::Results && self.printer.came(first, count) {
                    self.printer
                        .print(self.context, door, &self.job, Some(&self.progress))
                        .await?;
                }
                Ok(())
            }
            Event::Output { stream, base64 } => self.output(&stream, &base64),
            Event::OutputDiffers => {
                self.differs();
                Ok(())
            }
            Event::TaskProgress { .. } | Event::Log(_) | Event::Changed(_) => Ok(()),
        }
    }

    fn output(&mut self, stream: &str, base64: &str) -> Result<(), Failure> {
        let bytes = data_encoding::BASE64
            .decode(base64.as_bytes())
            .unwrap_or_default();
        let (stream, wanted) = match stream {
            "stdout" => (
                Stream::Stdout,
                matches!(self.show, Show::Output { stdout: true }),
            ),
            _ => (
                Stream::Stderr,
                matches!(self.show, Show::Output { .. } | Show::Log),
            ),
        };
        let to = if self.show == Show::Log {
            Stream::Stdout
        } else {
            stream
        };
        match self.shown.piece(stream, &bytes) {
            Ok(new) if wanted => self.context.output.guest(to, new),
            Ok(_) => Ok(()),
            Err(_) => {
                self.differs();
                Ok(())
            }
        }
    }

    fn differs(&mut self) {
        self.shown.stop();
        self.context.output.warning(format_args!(
            "the task was lost and wrote something else when it ran again; its result: skep job results {}",
            self.job
        ));
    }
}

impl Interrupts {
    pub(crate) fn listen() -> Result<Interrupts, Failure> {
        Ok(Interrupts {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// `work`, unless an interrupt comes first.
    pub(crate) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.next() => Err(Failure::Ended(INTERRUPTED)),
        }
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The node of a door is not there any more.
pub(crate) fn is_gone(error: &Error) -> bool {
    matches!(
        error.code,
        ErrorCode::Unreachable | ErrorCode::NoNode | ErrorCode::Stopping
    )
}
