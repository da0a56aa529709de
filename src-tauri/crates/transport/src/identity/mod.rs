//! Who this device is: its key, the pool's CA where it coordinates, and what
//! it was given when it joined. Files of one private folder, made once.

mod ca;
mod files;
mod leaf;
mod membership;

pub(crate) use ca::requested_spki;
pub use ca::{Ca, SignError, Usage};
pub(crate) use leaf::spki_in;
pub use leaf::{Leaf, LeafError, renew_due};
pub use membership::Membership;

use crate::names::Spki;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{fmt, io, path::Path, path::PathBuf};

/// The key pair (P-256) of this device. It never leaves its file.
pub struct Identity {
    key: KeyPair,
    spki: Spki,
}

/// Why a key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the key file {} is damaged or was cut short ({bytes} bytes); put it back from a backup, or remove it and join the pool again",
        path.display()
    )]
    Damaged { path: PathBuf, bytes: usize },
    #[error("no room on the disk for the key file {}; make room and try again", path.display())]
    DiskFull { path: PathBuf },
    #[error("cannot use the key file {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot make a key: {0}")]
    Random(String),
}

impl Identity {
    /// Reads the device's key in `folder`, or makes both.
    pub fn open(folder: &Path) -> Result<Identity, KeyError> {
        let key = key_pair(folder, "device.key")?;
        Ok(Identity {
            spki: spki_of(&key),
            key,
        })
    }

    /// What the registry knows this device by.
    pub fn spki(&self) -> Spki {
        self.spki
    }

    /// A signing request (DER) for this key. It names nothing: whoever signs
    /// decides what the leaf says.
    pub fn csr(&self) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let csr = params
            .serialize_request(&self.key)
            .expect("a key that signs makes a request");
        csr.der().to_vec()
    }

    pub(crate) fn tls_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("spki", &self.spki)
            .finish_non_exhaustive()
    }
}

/// The secrets of a listening endpoint. Kept, so that a coordinator that was
/// killed can tell its members at once that their connections are gone.
#[derive(Clone)]
pub struct EndpointKeys {
    pub(crate) reset: [u8; 64],
    pub(crate) connection_ids: u64,
}

impl EndpointKeys {
    /// Reads the keys in `folder`, or makes them.
    pub fn open(folder: &Path) -> Result<EndpointKeys, KeyError> {
        Ok(EndpointKeys {
            reset: secret(folder, "reset.key")?,
            connection_ids: u64::from_le_bytes(secret(folder, "connection_id.key")?),
        })
    }

    /// Keys of an endpoint that nobody will miss.
    pub fn passing() -> Result<EndpointKeys, KeyError> {
        Ok(EndpointKeys {
            reset: random()?,
            connection_ids: u64::from_le_bytes(random()?),
        })
    }
}

impl fmt::Debug for EndpointKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointKeys").finish_non_exhaustive()
    }
}

fn spki_of(key: &KeyPair) -> Spki {
    Spki::of(&key.subject_public_key_info())
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(bytes)
}

/// The key pair in a file, made the first time.
fn key_pair(folder: &Path, name: &str) -> Result<KeyPair, KeyError> {
    let path = folder.join(name);
    if let Some(bytes) = files::read(&path)? {
        let damaged = |_| KeyError::Damaged {
            bytes: bytes.len(),
            path: path.clone(),
        };
        let der = PrivatePkcs8KeyDer::from(bytes.as_slice());
        return KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(damaged);
    }
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|error| KeyError::Random(error.to_string()))?;
    files::write(&path, &key.serialize_der())?;
    Ok(key)
}

/// Random bytes in a file, made the first time.
fn secret<const N: usize>(folder: &Path, name: &str) -> Result<[u8; N], KeyError> {
    let path = folder.join(name);
    if let Some(bytes) = files::read(&path)? {
        let damaged = |bytes: Vec<u8>| KeyError::Damaged {
            bytes: bytes.len(),
            path: path.clone(),
        };
        return bytes.try_into().map_err(damaged);
    }
    let bytes = random()?;
    files::write(&path, &bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
