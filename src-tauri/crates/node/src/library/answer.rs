//! The verbs that only read, each answered in this one place: for a node that
//! runs and for what one left on disk.

use super::Library;
use crate::answer::{Answer, Then};
use crate::modules;
use crate::node::people;
use api::{Error, ErrorCode, Reply, Request};

impl Library {
    /// # Errors
    /// As the verb says; [`ErrorCode::NoNode`] for one that needs a node.
    pub(crate) async fn answer(&self, request: Request) -> Result<Answer, Error> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what does not only read needs a node, whatever it is"
        )]
        let reply = match request {
            Request::Inspect { module } => modules::card(&module, self, &self.blobs).await?,
            Request::Jobs { cursor, limit } => self.jobs(cursor, limit).await?,
            Request::Job { job } => Reply::Job(Box::new(self.job(self.find(&job).await?).await?)),
            Request::Tasks { job, from, limit } => {
                self.tasks(self.find(&job).await?, from, limit).await?
            }
            Request::Task { job, index } => {
                Reply::Task(Box::new(self.task(self.find(&job).await?, index).await?))
            }
            Request::Results { job, from, limit } => {
                self.results(self.find(&job).await?, from, limit).await?
            }
            Request::Read { job, index, what } => {
                let (_, bytes, pieces) = self
                    .read_attempt(self.find(&job).await?, index, what)
                    .await?;
                return Ok(Answer {
                    reply: Reply::Bytes { bytes },
                    then: Then::Bytes(pieces),
                });
            }
            Request::Pool => Reply::Pool(Box::new(self.look(people::pool).await?)),
            Request::Devices => {
                self.look(|rules| people::devices(rules, rules.own_device()))
                    .await?
            }
            Request::Invites => self.look(people::invites).await?,
            Request::Modules => self.modules().await?,
            Request::Machines => Reply::Machines {
                machines: self.machines().await?,
            },
            Request::Machine { machine } => Reply::Machine(Box::new(self.machine(&machine).await?)),
            _ => {
                return Err(
                    Error::new(ErrorCode::NoNode, "no node runs for this data folder")
                        .hint("skep coordinator start"),
                );
            }
        };
        Ok(reply.into())
    }
}
