//! What a device was given when it joined a pool.

use super::{KeyError, Leaf, LeafError, files};
use crate::names::{PoolId, Spki};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Kept beside the device's key. Where the coordinator was last seen is the
/// caller's to keep: it changes, this does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub pool: PoolId,
    /// The pool's CA certificate (DER).
    #[serde(with = "serde_bytes")]
    pub ca: Vec<u8>,
    /// Keys of which the coordinator has one. Several while it is handed over.
    pub coordinators: Vec<Spki>,
    /// This device's own leaf (DER), for its key in the same folder.
    #[serde(with = "serde_bytes")]
    pub leaf: Vec<u8>,
}

/// The first byte of the file, raised when its form changes.
const FORM: u8 = 1;
const FILE: &str = "membership";

impl Membership {
    /// Reads the membership in `folder`, if this device has one.
    pub fn load(folder: &Path) -> Result<Option<Membership>, KeyError> {
        let path = folder.join(FILE);
        let Some(bytes) = files::read(&path)? else {
            return Ok(None);
        };
        let read = match bytes.split_first() {
            Some((&FORM, rest)) => postcard::from_bytes::<Membership>(rest).ok(),
            Some(_) | None => None,
        };
        let whole = read.filter(|membership| Leaf::parse(&membership.leaf).is_ok());
        let bytes = bytes.len();
        whole.map(Some).ok_or(KeyError::Damaged { path, bytes })
    }

    /// Writes it to `folder`, in the place of an earlier one.
    pub fn save(&self, folder: &Path) -> Result<(), KeyError> {
        let mut bytes = vec![FORM];
        bytes.extend(postcard::to_stdvec(self).expect("plain data has a form"));
        files::write(&folder.join(FILE), &bytes)
    }

    /// Leaves the pool: the file is gone, the device's key stays.
    pub fn forget(folder: &Path) -> Result<(), KeyError> {
        files::remove(&folder.join(FILE))
    }

    /// Its own leaf, read.
    pub fn leaf(&self) -> Result<Leaf, LeafError> {
        Leaf::parse(&self.leaf)
    }
}
