//! What a node left on disk, read without one: for commands that only look.

use crate::answer::{Answer, Then};
use crate::clock::Clock;
use crate::driver::image;
use crate::folders::Folders;
use crate::library::Library;
use crate::modules;
use crate::node::door_errors::{restored, unopened};
use crate::stored::unread;
use api::{Error, ErrorCode, Reply, Request};
use pool::Coordinator;
use store::{Blobs, Store};

/// A read-only view of a data folder. A node may be writing meanwhile; what
/// was committed when this was opened is what it shows.
#[derive(Clone, Debug)]
pub struct Offline {
    library: Library,
    blobs: Blobs,
}

impl Offline {
    /// # Errors
    /// When there is nothing to read, or it is damaged.
    pub async fn open(folders: &Folders) -> Result<Offline, Error> {
        let (reader, blobs) = Store::open_read_only(&folders.data)
            .await
            .map_err(|error| unopened(&error))?;
        let mut image = image(reader.restore().await.map_err(|error| unread(&error))?);
        // Where no node runs, no task does.
        image.leases.clear();
        let clock = Clock::from(image.moment);
        // Nothing is decided here, so chance has no say.
        let mut coordinator =
            Coordinator::restore(clock.now(), 0, image).map_err(|error| restored(&error))?;
        coordinator.living_only(true);
        Ok(Offline {
            library: Library::left_behind(coordinator, reader, blobs.clone()),
            blobs,
        })
    }

    /// Answers Inspect, Jobs, Job, Tasks, Task, Results, Read, Modules, Machines
    /// and Machine.
    ///
    /// # Errors
    /// As a node does; [`ErrorCode::NoNode`] for everything that needs one.
    pub async fn call(&self, request: Request) -> Result<Answer, Error> {
        let library = &self.library;
        let reply = match request {
            Request::Inspect { module } => modules::card(&module, library, &self.blobs).await?,
            Request::Jobs { cursor, limit } => library.jobs(cursor, limit).await?,
            Request::Job { job } => {
                Reply::Job(Box::new(library.job(library.find(&job).await?).await?))
            }
            Request::Tasks { job, from, limit } => {
                library
                    .tasks(library.find(&job).await?, from, limit)
                    .await?
            }
            Request::Task { job, index } => Reply::Task(Box::new(
                library.task(library.find(&job).await?, index).await?,
            )),
            Request::Results { job, from, limit } => {
                library
                    .results(library.find(&job).await?, from, limit)
                    .await?
            }
            Request::Read { job, index, what } => {
                let (_, bytes, pieces) = library
                    .read_attempt(library.find(&job).await?, index, what)
                    .await?;
                return Ok(Answer {
                    reply: Reply::Bytes { bytes },
                    then: Then::Bytes(pieces),
                });
            }
            Request::Modules => library.modules().await?,
            Request::Machines => Reply::Machines {
                machines: library.machines().await?,
            },
            Request::Machine { machine } => {
                Reply::Machine(Box::new(library.machine(&machine).await?))
            }
            Request::Status
            | Request::Upload { .. }
            | Request::Submit(_)
            | Request::Release { .. }
            | Request::Follow { .. }
            | Request::Cancel { .. }
            | Request::Retry { .. }
            | Request::RemoveJob { .. }
            | Request::PushModule { .. }
            | Request::RemoveModule { .. }
            | Request::Contribution
            | Request::Contribute { .. }
            | Request::Doctor
            | Request::Logs { .. }
            | Request::Config { .. }
            | Request::SetConfig { .. } => {
                return Err(
                    Error::new(ErrorCode::NoNode, "no node runs for this data folder")
                        .hint("skep coordinator start"),
                );
            }
        };
        Ok(reply.into())
    }
}
