//! One follower: makes events of news, at their pace.

use super::output::{Show, Shown};
use super::{News, Pending};
use crate::library::Library;
use crate::limits::{FOLLOWER_EVENTS, PROGRESS_EVERY};
use api::{BytesOf, Error, Event, Reply};
use data_encoding::BASE64;
use pool::JobId;
use pool::message::{Output, Stream};
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
    news: Arc<News>,
    library: Library,
    events: mpsc::Sender<Event>,
    /// Show results, and what a job of one task writes.
    output: bool,
    /// A job of one task, whose output is shown as it comes.
    single: bool,
    shown: Shown,
    /// No progress before.
    next_progress: Instant,
}

/// The follower has left, or cannot be told more.
struct Left;

/// Follows until the job has ended or been forgotten, or the follower leaves;
/// then calls `left`.
pub(crate) fn follow(
    job: JobId,
    news: Arc<News>,
    output: bool,
    single: bool,
    library: Library,
    left: impl Future<Output = ()> + Send + 'static,
) -> Following {
    let (events, received) = mpsc::channel(FOLLOWER_EVENTS);
    let (end, ended) = oneshot::channel();
    let follower = Follower {
        job,
        news,
        library,
        events,
        output,
        single: single && output,
        shown: Shown::default(),
        next_progress: Instant::now(),
    };
    tokio::spawn(async move {
        if let Ok(reply) = follower.run().await {
            // Whoever followed may have left just now.
            let _ = end.send(reply);
        }
        left.await;
    });
    Following {
        events: received,
        end: ended,
    }
}

impl Follower {
    async fn run(mut self) -> Result<Reply, Left> {
        let news = self.news.clone();
        let mut progress = true;
        loop {
            tokio::select! {
                biased;
                () = self.events.closed() => return Err(Left),
                () = news.came.notified() => {}
                () = sleep_until(self.next_progress), if progress => {
                    progress = false;
                    self.next_progress = Instant::now() + PROGRESS_EVERY;
                    self.progress().await?;
                    continue;
                }
            }
            let pending = news.take();
            progress |= pending.changed;
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
        if let Some((index, per_mille)) = pending.progress {
            self.send(Event::TaskProgress { index, per_mille }).await?;
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

    async fn progress(&self) -> Result<(), Left> {
        let job = self.library.job(self.job).await.map_err(|_| Left)?;
        self.send(Event::Progress {
            tasks: job.tasks,
            reason: job.reason.map(|reason| reason.text),
        })
        .await
    }

    async fn end(mut self) -> Result<Reply, Left> {
        if self.single {
            for (stream, what) in [
                (Stream::Stdout, BytesOf::Result),
                (Stream::Stderr, BytesOf::Log),
            ] {
                if let Err(error) = self.rest(stream, what).await? {
                    tracing::warn!(job = %self.job, %error, "the rest of the output could not be shown");
                }
            }
        }
        self.progress().await?;
        let job = self.library.job(self.job).await.map_err(|_| Left)?;
        Ok(Reply::Job(Box::new(job)))
    }

    /// What is stored of a stream and was not shown.
    async fn rest(&mut self, stream: Stream, what: BytesOf) -> Result<Result<(), Error>, Left> {
        if stream == Stream::Stdout && self.shown.differs() {
            return Ok(Ok(()));
        }
        let (attempt, mut bytes) = match self.library.read_attempt(self.job, 0, what).await {
            Ok((attempt, _, bytes)) => (attempt, bytes),
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
