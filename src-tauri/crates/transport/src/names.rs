//! What devices, pools and keys are called on the wire.

use data_encoding::{BASE32_NOPAD, Encoding, HEXLOWER, Specification};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::LazyLock};

/// A device's 16 random bytes; for a worker also its machine's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub [u8; 16]);

/// A pool's 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolId(pub [u8; 16]);

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (DER): what the registry
/// decides by, and what a member pins of its coordinator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spki(pub [u8; 32]);

/// The text is not 26 characters of lower-case base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name of 26 characters a-z and 2-7")]
pub struct NameError;

/// Lower case, because names of hosts compare so.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification: Specification = BASE32_NOPAD.specification();
    specification.symbols.make_ascii_lowercase();
    specification
        .encoding()
        .expect("the lower-case alphabet is an alphabet")
});

fn parse(text: &str) -> Result<[u8; 16], NameError> {
    let bytes = BASE32.decode(text.as_bytes()).map_err(|_| NameError)?;
    bytes.try_into().map_err(|_| NameError)
}

macro_rules! name {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE32.encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                parse(text).map(Self)
            }
        }
    };
}
name!(DeviceId);
name!(PoolId);

impl Spki {
    /// The name of the key in a SubjectPublicKeyInfo (DER).
    pub fn of(spki_der: &[u8]) -> Spki {
        let digest = ring::digest::digest(&ring::digest::SHA256, spki_der);
        Spki(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for Spki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Spki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spki({self})")
    }
}

/// What every name of a leaf ends with: reserved, so that no resolver answers.
const DOMAIN: &str = "pool.invalid";

/// The one name in a device's leaf.
pub(crate) fn san(device: DeviceId, pool: PoolId) -> String {
    format!("{device}.{pool}.{DOMAIN}")
}

/// The name that a member asks for; its coordinator is known by its key.
pub(crate) fn server_name(pool: PoolId) -> String {
    format!("{pool}.{DOMAIN}")
}

/// Takes a leaf's name apart.
pub(crate) fn parse_san(name: &str) -> Option<(DeviceId, PoolId)> {
    let rest = name.strip_suffix(DOMAIN)?.strip_suffix('.')?;
    let (device, pool) = rest.split_once('.')?;
    Some((device.parse().ok()?, pool.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leafs_name_is_read_as_it_was_written_and_no_other_way() {
        let (device, pool) = (DeviceId([7; 16]), PoolId([0xF3; 16]));
        let name = san(device, pool);
        assert_eq!(parse_san(&name), Some((device, pool)));
        for wrong in [
            name.to_uppercase(),
            name.replace(".pool.invalid", ".pool.example"),
            format!("x.{name}"),
            format!("{name}."),
            name[1..].to_owned(),
            name.replacen('.', "", 1),
            String::new(),
        ] {
            assert_eq!(parse_san(&wrong), None, "{wrong}");
        }
    }
}
