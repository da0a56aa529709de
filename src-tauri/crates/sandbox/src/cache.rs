//! Compiled modules on disk. An entry is the code and a trailer that names what
//! it was compiled from and seals both with a keyed hash; what does not check
//! is deleted and never loaded.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{limits::CODE_BYTES_MAX, profile::CompileSettings, sealed};

/// Raised whenever entries change their meaning.
const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"skepcode";
/// Magic, format, key, length of the code, keyed hash of all before it.
const TRAILER_BYTES: usize = 8 + 4 + 32 + 8 + 32;
/// What is read at a time.
const READ_BYTES: usize = 256 << 10;
const EXTENSION: &str = "code";
const TEMPORARY: &str = ".new-";

/// What code was compiled from, and for.
pub(crate) type Key = [u8; 32];

/// The folder of compiled modules.
#[derive(Clone)]
pub(crate) struct Cache {
    dir: PathBuf,
    secret: [u8; 32],
    quota_bytes: u64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// Names the code that this module, engine and settings give.
pub(crate) fn key(module: &[u8; 32], fingerprint: &str, settings: CompileSettings) -> Key {
    let mut hash = Sha256::new();
    hash.update(module);
    hash.update(FORMAT.to_le_bytes());
    hash.update(settings.to_string());
    hash.update([0]);
    hash.update(fingerprint);
    hash.finalize().into()
}

impl Cache {
    /// Makes the folder where it is missing and takes away what a crash left half-written.
    pub(crate) fn open(dir: &Path, secret: [u8; 32], quota_bytes: u64) -> io::Result<Cache> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Cache {
            dir: dir.to_owned(),
            secret,
            quota_bytes,
        })
    }

    /// The code of this key in a file in memory; what is damaged or was made
    /// by somebody else is removed and counts as missing.
    pub(crate) fn load(&self, key: &Key) -> Option<File> {
        let path = self.path(key);
        match self.read(&path, key) {
            Ok(Some(code)) => Some(code),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a compiled module is made anew");
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(%error, path = %path.display(), "it could not be removed");
                }
                None
            }
        }
    }

    /// Keeps code. A cache that cannot be written costs time, not work: the
    /// failure is logged.
    pub(crate) fn store(&self, key: &Key, code: &mut File) {
        let kept = self.write(key, code).and_then(|()| self.shrink(key));
        if let Err(error) = kept {
            tracing::warn!(%error, dir = %self.dir.display(), "a compiled module was not kept");
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = data_encoding::HEXLOWER.encode(key);
        self.dir.join(name).with_extension(EXTENSION)
    }

    fn read(&self, path: &Path, key: &Key) -> io::Result<Option<File>> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let about = file.metadata()?;
        let code_bytes = about.len().checked_sub(TRAILER_BYTES as u64);
        let Some(code_bytes) = code_bytes.filter(|_| about.is_file()) else {
            return Err(damaged("it is no entry"));
        };
        if code_bytes > CODE_BYTES_MAX {
            return Err(damaged("it is too large"));
        }
        let mut code = sealed::memory_file("skep-code")?;
        let mut mac = self.mac();
        let mut piece = vec![0; READ_BYTES];
        let mut left = code_bytes;
        while left > 0 {
            let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let Some(piece) = piece.get_mut(..most) else {
                break;
            };
            file.read_exact(piece)?;
            mac.update(piece);
            code.write_all(piece)?;
            left -= most as u64;
        }
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact(&mut trailer)?;
        let (named, seal) = trailer.split_at(TRAILER_BYTES - 32);
        mac.update(named);
        mac.verify_slice(seal)
            .map_err(|_| damaged("its seal is broken"))?;
        if named != names(key, code_bytes) {
            return Err(damaged("it is another module's"));
        }
        // The newest are kept; a folder that cannot be written ages in order of writing.
        drop(file.set_modified(SystemTime::now()));
        Ok(Some(code))
    }

    fn write(&self, key: &Key, code: &mut File) -> io::Result<()> {
        use std::io::Seek;
        code.rewind()?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&self.dir)?;
        let mut mac = self.mac();
        let mut piece = vec![0; READ_BYTES];
        let mut code_bytes = 0;
        loop {
            let read = code.read(&mut piece)?;
            if read == 0 {
                break;
            }
            mac.update(&piece[..read]);
            file.write_all(&piece[..read])?;
            code_bytes += read as u64;
        }
        let named = names(key, code_bytes);
        mac.update(&named);
        file.write_all(&named)?;
        file.write_all(&mac.finalize().into_bytes())?;
        // Not synced: an entry that a power cut tore does not check, and is made anew.
        file.persist(self.path(key)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes the entries used longest ago until the rest fits; never the one just made.
    fn shrink(&self, newest: &Key) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
                && let Ok(about) = fs::symlink_metadata(&path)
            {
                entries.push((about.modified()?, about.len(), path));
            }
        }
        let mut sum: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        let newest = self.path(newest);
        entries.sort();
        for (_, bytes, path) in entries {
            if sum <= self.quota_bytes {
                break;
            }
            if path != newest {
                fs::remove_file(&path)?;
                sum -= bytes;
            }
        }
        Ok(())
    }

    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.secret).expect("a key of any length will do")
    }
}

/// What the trailer says before its seal.
fn names(key: &Key, code_bytes: u64) -> Vec<u8> {
    let format = FORMAT.to_le_bytes();
    [&MAGIC[..], &format, key, &code_bytes.to_le_bytes()].concat()
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::{io::Seek, time::Duration};

    use super::*;

    fn cache(dir: &Path, quota_bytes: u64) -> Cache {
        Cache::open(dir, [1; 32], quota_bytes).expect("a folder of our own")
    }

    fn code(bytes: &[u8]) -> File {
        let mut file = sealed::memory_file("test").expect("memory");
        file.write_all(bytes).expect("memory");
        file
    }

    fn loaded(cache: &Cache, key: &Key) -> Option<Vec<u8>> {
        let mut file = cache.load(key)?;
        let mut bytes = Vec::new();
        file.rewind().expect("memory");
        file.read_to_end(&mut bytes).expect("memory");
        Some(bytes)
    }

    #[test]
    fn what_was_stored_is_loaded_by_its_key_and_secret_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = cache(dir.path(), 1 << 20);
        assert_eq!(loaded(&cache, &[2; 32]), None);
        cache.store(&[2; 32], &mut code(b"machine code"));
        assert_eq!(
            loaded(&cache, &[2; 32]).as_deref(),
            Some(&b"machine code"[..])
        );
        assert_eq!(loaded(&cache, &[3; 32]), None);

        let other = Cache::open(dir.path(), [9; 32], 1 << 20).expect("the same folder");
        assert_eq!(loaded(&other, &[2; 32]), None, "made under another key");
        assert_eq!(loaded(&cache, &[2; 32]), None, "and so it was removed");
    }

    #[test]
    fn another_module_engine_or_setting_is_another_key() {
        let settings = CompileSettings::ALL;
        let mut keys = vec![
            key(&[1; 32], "engine", settings[0]),
            key(&[2; 32], "engine", settings[0]),
            key(&[1; 32], "engine of another version", settings[0]),
        ];
        keys.extend(
            settings[1..]
                .iter()
                .map(|settings| key(&[1; 32], "engine", *settings)),
        );
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert_eq!(
            key(&[1; 32], "engine", settings[0]),
            key(&[1; 32], "engine", settings[0])
        );
    }

    #[test]
    fn a_damaged_entry_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = cache(dir.path(), 1 << 20);
        let path = cache.path(&[2; 32]);
        cache.store(&[2; 32], &mut code(b"machine code"));
        let good = fs::read(&path).expect("the entry");
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&path, &bad).expect("our folder");
            assert_eq!(loaded(&cache, &[2; 32]), None, "flipped at {place}");
            assert!(!path.exists(), "flipped at {place}");
            fs::write(&path, &good[..place]).expect("our folder");
            assert_eq!(loaded(&cache, &[2; 32]), None, "cut at {place}");
        }
    }

    #[test]
    fn an_entry_that_is_no_file_is_never_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = cache(dir.path(), 1 << 20);
        let path = cache.path(&[2; 32]);
        cache.store(&[2; 32], &mut code(b"machine code"));
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(&path, &elsewhere).expect("our folder");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("our folder");
        assert_eq!(loaded(&cache, &[2; 32]), None);
        assert!(elsewhere.exists(), "only the link is removed");
    }

    #[test]
    fn the_entry_used_longest_ago_goes_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let entry = 1000 + TRAILER_BYTES as u64;
        let cache = cache(dir.path(), 2 * entry);
        for (age, key) in [(30, [1; 32]), (20, [2; 32])] {
            cache.store(&key, &mut code(&[0; 1000]));
            let file = File::options()
                .write(true)
                .open(cache.path(&key))
                .expect("the entry");
            file.set_modified(SystemTime::now() - Duration::from_secs(age))
                .expect("ours");
        }
        assert!(loaded(&cache, &[1; 32]).is_some(), "used now");
        cache.store(&[3; 32], &mut code(&[0; 1000]));
        assert!(cache.path(&[1; 32]).exists());
        assert!(!cache.path(&[2; 32]).exists());
        assert!(cache.path(&[3; 32]).exists());
    }

    #[test]
    fn half_written_entries_go_at_the_start() {
        let dir = tempfile::tempdir().expect("a folder");
        let stray = dir.path().join(".new-abc");
        fs::write(&stray, b"half").expect("our folder");
        drop(cache(dir.path(), 1));
        assert!(!stray.exists());
    }
}
