//! What proves invites' tokens: as secret as the tokens, in files that only
//! their owner reads. The rules know an invite by its id alone.

use std::collections::HashMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use transport::pairing::{TokenId, TokenKey};

#[derive(Debug)]
pub(crate) struct Tokens {
    folder: PathBuf,
    /// Of codes that are shown: they do not outlive this process.
    passing: Mutex<HashMap<TokenId, TokenKey>>,
}

impl Tokens {
    pub(crate) fn in_folder(folder: &Path) -> Tokens {
        Tokens {
            folder: folder.to_owned(),
            passing: Mutex::default(),
        }
    }

    pub(crate) fn keep_for_now(&self, id: TokenId, key: TokenKey) {
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.clear();
        passing.insert(id, key);
    }

    pub(crate) fn keep(&self, id: TokenId, key: &TokenKey) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(id))?;
        file.write_all(&key.to_bytes())?;
        file.sync_all()
    }

    pub(crate) fn key(&self, id: TokenId) -> Option<TokenKey> {
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = passing.get(&id) {
            return Some(key.clone());
        }
        let bytes = std::fs::read(self.path(id)).ok()?;
        Some(TokenKey::from_bytes(bytes.try_into().ok()?))
    }

    /// Harmless where there is none.
    pub(crate) fn forget(&self, id: TokenId) {
        drop(std::fs::remove_file(self.path(id)));
    }

    fn path(&self, id: TokenId) -> PathBuf {
        self.folder.join(data_encoding::HEXLOWER.encode(&id.0))
    }
}
