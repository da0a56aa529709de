//! One follower: makes events of news, at their pace.

use super::output::{Show, Shown};
use super::{News, Pending};
use crate::library::Library;
use crate::limits::{FOLLOWER_EVENTS, LOOK_EVERY, PROGRESS_EVERY, READ_WITHIN};
use crate::stored::Kept;
use crate::views::{self, Names};
use api::{Error, Event, Reply, TaskCounts};
use data_encoding::BASE64;
use pool::message::{Output, Stream};
use pool::{JobId, JobNo};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// What the door passes on.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) end: oneshot::Receiver<Reply>,
}

#[derive(Debug)]
struct Follower {
    job: JobId,
    no: JobNo,
    news: Arc<News>,
    library: Library,
    events: mpsc::Sender<Event>,
    /// Show results, and what a job of one task writes.
    output: bool,
    /// A job of one task, whose output is shown as it comes.
    single: bool,
    shown: Shown,
    /// When the job was last looked at.
    looked: Instant,
    /// What the last progress said.
    counts: Option<(TaskCounts, Option<String>)>,
    per_mille: Option<u16>,
}

/// The follower has left, or cannot be told more.
struct Left;

/// Follows until the job has ended or been forgotten, or the follower leaves;
/// then calls `left`.
pub(crate) fn follow(
    (job, no): (JobId, JobNo),
    news: Arc<News>,
    output: bool,
    single: bool,
    transient: bool,
    library: Library,
    left: impl Future<Output = ()> + Send + 'static,
) -> Following {
    let (events, received) = mpsc::channel(FOLLOWER_EVENTS);
    let (end, ended) = oneshot::channel();
    let follower = Follower {
        job,
        no,
        news,
        library,
        events,
        output,
        single: single && output,
        shown: Shown::default(),
        looked: Instant::now(),
        counts: None,
        per_mille: None,
    };
    tokio::spawn(async move {
        if let Ok(reply) = follower.run().await {
            let read_later = transient && !is_cancelled(&reply);
            // Whoever followed may have left just now.
            let told = end.send(reply).is_ok();
            if read_later && told {
                // Nothing of it stays once its followers have left, and its
                // last results are read after its end.
                tokio::time::sleep(READ_WITHIN).await;
            }
        }
        left.await;
    });
    Following {
        events: received,
        end: ended,
    }
}

fn is_cancelled(reply: &Reply) -> bool {
    matches!(reply, Reply::Job(job) if job.state == api::JobState::Cancelled)
}

impl Follower {
    async fn run(mut self) -> Result<Reply, Left> {
        let news = self.news.clone();
        let mut changed = true;
        self.looked -= PROGRESS_EVERY;
        loop {
            // What waits may wait for another reason now, and nobody says so.
            let look = self.looked + if changed { PROGRESS_EVERY } else { LOOK_EVERY };
            tokio::select! {
                biased;
                () = self.events.closed() => return Err(Left),
                () = news.came.notified() => {}
                () = sleep_until(look) => {
                    changed = false;
                    self.progress().await?;
                    continue;
                }
            }
            let pending = news.take();
            changed |= pending.changed;
            if pending.forgotten {
                return Ok(Reply::Done);
            }
            let ended = pending.ended;
            self.tell(pending).await?;
            if ended {
                return self.end().await;
            }
        }
    }

    async fn tell(&mut self, pending: Pending) -> Result<(), Left> {
        for output in &pending.output {
            self.piece(output).await?;
        }
        if self.output {
            for (first, count) in pending.ranges {
                self.send(Event::Results { first, count }).await?;
            }
        }
        Ok(())
    }

    async fn piece(&mut self, output: &Output) -> Result<(), Left> {
        let event = match self.shown.piece(output) {
            Show::Nothing => return Ok(()),
            Show::Bytes(bytes) => written(output.stream, bytes),
            Show::Differs => Event::OutputDiffers,
        };
        self.send(event).await
    }

    /// Tells how far the job is, where that is news.
    async fn progress(&mut self) -> Result<api::JobView, Left> {
        self.looked = Instant::now();
        let (id, single) = (self.job, self.single);
        let own = self.library.own();
        let looked = self.library.look(move |rules| {
            let task = if single { rules.task(id, 0) } else { None };
            (
                rules
                    .job(&id)
                    .map(|job| views::job(&job, &Names::read(rules, own))),
                task.and_then(|task| task.progress),
            )
        });
        let (job, per_mille) = looked.await.map_err(|_| Left)?;
        let job = job.ok_or(Left)?;
        let counts = Some((
            job.tasks,
            job.reason.as_ref().map(|reason| reason.text.clone()),
        ));
        if counts != self.counts {
            self.counts = counts.clone();
            if let Some((tasks, reason)) = counts {
                self.send(Event::Progress { tasks, reason }).await?;
            }
        }
        if per_mille != self.per_mille {
            self.per_mille = per_mille;
            if let Some(per_mille) = per_mille {
                self.send(Event::TaskProgress {
                    index: 0,
                    per_mille,
                })
                .await?;
            }
        }
        Ok(job)
    }

    async fn end(mut self) -> Result<Reply, Left> {
        if self.single {
            match self.library.end_of(self.no, 0).await {
                Ok(Some(end)) => {
                    for (stream, kept) in [(Stream::Stdout, end.output), (Stream::Stderr, end.log)]
                    {
                        if let Err(error) = self.rest(stream, end.attempt, kept).await? {
                            tracing::warn!(job = %self.job, %error, "the rest of the output could not be shown");
                        }
                    }
                }
                // A job that was cancelled has no more than was shown.
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(job = %self.job, %error, "the rest of the output could not be shown");
                }
            }
        }
        let job = self.progress().await?;
        Ok(Reply::Job(Box::new(job)))
    }

    /// What is stored of a stream and was not shown.
    async fn rest(
        &mut self,
        stream: Stream,
        attempt: u32,
        kept: Kept,
    ) -> Result<Result<(), Error>, Left> {
        if self.shown.is_all(stream, attempt, kept.bytes()) {
            return Ok(Ok(()));
        }
        let mut bytes = match self.library.stream(kept).await {
            Ok((_, bytes)) => bytes,
            Err(error) => return Ok(Err(error)),
        };
        let mut offset = 0;
        while let Some(piece) = bytes.recv().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Ok(Err(error)),
            };
            let len = piece.len() as u64;
            let bytes = serde_bytes::ByteBuf::from(piece);
            self.piece(&Output {
                job: self.job,
                index: 0,
                attempt,
                stream,
                offset,
                bytes,
            })
            .await?;
            offset += len;
        }
        if stream == Stream::Stdout && self.shown.stops_short() {
            self.send(Event::OutputDiffers).await?;
        }
        Ok(Ok(()))
    }

    async fn send(&self, event: Event) -> Result<(), Left> {
        self.events.send(event).await.map_err(|_| Left)
    }
}

fn written(stream: Stream, bytes: &[u8]) -> Event {
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    Event::Output {
        stream: stream.to_owned(),
        base64: BASE64.encode(bytes),
    }
}
