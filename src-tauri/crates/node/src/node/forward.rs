//! Verbs of the pool, where another machine coordinates it.

use super::{Inner, verbs};
use crate::answer::{Answer, Then, Upload};
use crate::door::Client;
use crate::limits::{CHANGES_WAITING, VITALS_RESTING};
use crate::member::Member;
use api::{Changes, Error, ErrorCode, Event, Request};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The way to the coordinator, and the door behind it.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) member: Arc<Member>,
    /// Plain requests share one stream; it is made anew when it is gone.
    client: tokio::sync::Mutex<Option<Client>>,
}

impl Forwarding {
    pub(super) fn new(member: Arc<Member>) -> Forwarding {
        Forwarding {
            member,
            client: tokio::sync::Mutex::default(),
        }
    }

    /// As the coordinator answers it, with this device as the caller.
    ///
    /// # Errors
    /// The coordinator's, or `unreachable` with the step that failed.
    pub(super) async fn call(
        &self,
        request: Request,
        upload: Option<Upload>,
    ) -> Result<Answer, Error> {
        let client = self.client().await?;
        client.call(request, upload).await.map_err(|error| {
            if error.code == ErrorCode::Unreachable {
                error.hint("the coordinator went away in the middle; ask again")
            } else {
                error
            }
        })
    }

    async fn client(&self) -> Result<Client, Error> {
        let mut open = self.client.lock().await;
        if let Some(client) = open.as_ref().filter(|client| !client.is_gone()) {
            return Ok(client.clone());
        }
        let client = Client::of_member(self.member.clone()).await?;
        Ok(open.insert(client).clone())
    }
}

/// What the coordinator tells those who watch the pool from here: with what
/// this machine contributes in the place of what the coordinator's does.
pub(super) fn seen_from_here(node: Arc<Inner>, answer: Answer) -> Answer {
    let Answer { reply, then } = answer;
    let Then::Events(mut theirs, last) = then else {
        return Answer { reply, then };
    };
    let (events, ours) = mpsc::channel(CHANGES_WAITING);
    tokio::spawn(async move {
        let mut told = None;
        let mut looks = tokio::time::interval(VITALS_RESTING);
        loop {
            let event = tokio::select! {
                event = theirs.recv() => event,
                () = events.closed() => return,
                _ = looks.tick() => Some(Event::Changed(Box::default())),
            };
            let Some(event) = event else {
                return;
            };
            let event = match event {
                Event::Changed(mut changes) => {
                    changes.contribution = None;
                    if let Ok(now) = verbs::contribution(&node).await {
                        if changes.whole || told.as_ref() != Some(&now) {
                            changes.contribution = Some(now.clone());
                        }
                        told = Some(now);
                    }
                    if let (Some(status), Some(own)) = (&mut changes.status, &told) {
                        **status = verbs::own_status(&node, own.clone(), (**status).clone());
                    }
                    if *changes == Changes::default() {
                        continue;
                    }
                    Event::Changed(changes)
                }
                other @ (Event::Progress { .. }
                | Event::Results { .. }
                | Event::Output { .. }
                | Event::OutputDiffers
                | Event::TaskProgress { .. }
                | Event::Log(_)) => other,
            };
            if events.send(event).await.is_err() {
                return;
            }
        }
    });
    Answer {
        reply,
        then: Then::Events(ours, last),
    }
}
