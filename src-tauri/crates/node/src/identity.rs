//! What this node is and keeps to itself: files of `identity/`, readable by
//! their owner only.

use crate::host;
use api::{Error, ErrorCode};
use pool::{DeviceId, Founding, MachineId};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) machine: MachineId,
    /// Seals compiled modules.
    pub(crate) cache_key: [u8; 32],
}

/// Reads the identity in the locked data folder, or makes it.
pub(crate) fn of(data: &Path) -> Result<Identity, Error> {
    let folder = data.join("identity");
    let unusable = |error: io::Error| {
        let code = if error.kind() == io::ErrorKind::StorageFull {
            ErrorCode::StorageFull
        } else {
            ErrorCode::FolderUnusable
        };
        Error::new(
            code,
            format!("{} cannot be used: {error}", folder.display()),
        )
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(unusable)?;
    Ok(Identity {
        machine: MachineId(secret(&folder.join("machine")).map_err(unusable)?),
        cache_key: secret(&folder.join("cache_key")).map_err(unusable)?,
    })
}

impl Identity {
    /// This computer as the first of a pool, should there be none yet.
    pub(crate) fn founding(&self, node_name: &str) -> Founding {
        founding(self.machine.device(), node_name)
    }
}

/// For those who only look at a pool: nothing of it is written.
pub(crate) fn onlooker(data: &Path) -> Founding {
    let known = std::fs::read(data.join("identity/machine")).ok();
    let device = known.and_then(|bytes| bytes.try_into().ok());
    founding(DeviceId(device.unwrap_or_default()), "")
}

fn founding(device: DeviceId, node_name: &str) -> Founding {
    let person_name = host::account().unwrap_or_else(|| "me".to_owned());
    Founding {
        device,
        // It has no key before it listens; until then nobody connects to it.
        spki: None,
        device_name: node_name.to_owned(),
        os: host::os(),
        pool_name: format!("{person_name}'s pool"),
        person_name,
    }
}

/// Random bytes that stay the same from the first time on. A file of another
/// length was cut off by a full disk, and is made anew.
fn secret<const N: usize>(path: &Path) -> io::Result<[u8; N]> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.read_to_end(&mut bytes)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Ok(bytes) = bytes.try_into() {
        return Ok(bytes);
    }
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::of;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_stays_the_same_and_is_read_by_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let (first, again) = (of(dir.path()).unwrap(), of(dir.path()).unwrap());
        assert_eq!(
            (first.machine, first.cache_key),
            (again.machine, again.cache_key)
        );
        let mode = dir
            .path()
            .join("identity/cache_key")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(of(other.path()).unwrap().machine, first.machine);
    }
}
