//! What a node left on disk, read without one: for commands that only look.

use crate::answer::Answer;
use crate::clock::Clock;
use crate::contribute::PausedUntil;
use crate::driver::{image, paused};
use crate::folders::Folders;
use crate::identity::onlooker;
use crate::library::Library;
use crate::node::door_errors::{restored, unopened};
use crate::stored::unread;
use api::{Error, Request};
use pool::Coordinator;
use store::Store;

/// A read-only view of a data folder. A node may be writing meanwhile; what
/// was committed when this was opened is what it shows.
#[derive(Clone, Debug)]
pub struct Offline {
    library: Library,
    paused: Option<PausedUntil>,
}

impl Offline {
    /// # Errors
    /// When there is nothing to read, or it is damaged.
    pub async fn open(folders: &Folders) -> Result<Offline, Error> {
        let (reader, blobs) = Store::open_read_only(&folders.data)
            .await
            .map_err(|error| unopened(&error))?;
        let stored = reader.restore().await.map_err(|error| unread(&error))?;
        let paused = paused(&stored).filter(|until| !until.is_over());
        let mut image = image(stored);
        // Where no node runs, no task does.
        image.leases.clear();
        let clock = Clock::from(image.moment);
        // Nothing is decided here, so chance has no say.
        let mut coordinator = Coordinator::restore(clock.now(), 0, image, &onlooker(&folders.data))
            .map_err(|error| restored(&error))?;
        coordinator.living_only(true);
        Ok(Offline {
            library: Library::left_behind(coordinator, reader, blobs),
            paused,
        })
    }

    /// The pause that the next node begins with.
    #[must_use]
    pub fn paused(&self) -> Option<PausedUntil> {
        self.paused
    }

    /// Answers the verbs that only read.
    ///
    /// # Errors
    /// As a node does; [`api::ErrorCode::NoNode`] for everything that needs one.
    pub async fn call(&self, request: Request) -> Result<Answer, Error> {
        self.library.answer(request).await
    }
}
