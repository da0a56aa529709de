//! What a member remembers of its pool beside its certificate: what it is
//! called, and where its coordinator was last.

use api::{Error, ErrorCode};
use serde::{Deserialize, Serialize};
use std::path::Path;
use transport::{Address, Membership};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) pool_name: String,
    /// The likeliest first.
    pub(crate) addresses: Vec<Address>,
    /// Whose device this is, as the coordinator said.
    pub(crate) person: String,
    pub(crate) submits: bool,
    pub(crate) works: bool,
    pub(crate) steers: bool,
}

const FILE: &str = "pool.json";

impl Known {
    /// What a member knows; `None` where this machine is none.
    ///
    /// # Errors
    /// Where a file is damaged.
    pub(crate) fn of_member(folder: &Path) -> Result<Option<Known>, Error> {
        let membership = Membership::load(folder);
        let membership =
            membership.map_err(|error| Error::new(ErrorCode::FolderUnusable, error.to_string()))?;
        membership.map(|_| Known::load(folder)).transpose()
    }

    /// # Errors
    /// Where there is none, or it is damaged.
    pub(crate) fn load(folder: &Path) -> Result<Known, Error> {
        let path = folder.join(FILE);
        let read =
            || -> std::io::Result<Known> { Ok(serde_json::from_slice(&std::fs::read(&path)?)?) };
        read().map_err(|error| {
            Error::new(
                ErrorCode::FolderUnusable,
                format!("{} cannot be read: {error}", path.display()),
            )
            .hint("leave the pool and join it again: skep pool leave, skep pool join")
        })
    }

    pub(crate) fn save(&self, folder: &Path) -> std::io::Result<()> {
        let temporary = folder.join("pool.new");
        std::fs::write(&temporary, serde_json::to_vec_pretty(self)?)?;
        std::fs::File::open(&temporary)?.sync_all()?;
        std::fs::rename(&temporary, folder.join(FILE))?;
        std::fs::File::open(folder)?.sync_all()
    }

    pub(crate) fn forget(folder: &Path) -> std::io::Result<()> {
        match std::fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) fn keep_addresses(folder: &Path, addresses: &[Address]) -> std::io::Result<()> {
        let bytes = std::fs::read(folder.join(FILE))?;
        let mut known: Known = serde_json::from_slice(&bytes)?;
        known.addresses = addresses.to_vec();
        known.save(folder)
    }
}
