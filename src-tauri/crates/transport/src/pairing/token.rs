//! A token lets a machine in without a person who types: 128 bits in a link.

use super::secret::Secret;
use core::fmt;
use ring::{digest, hkdf};
use serde::{Deserialize, Serialize};

/// The secret in a [`Link`](super::Link): 128 random bits. It is not sent and
/// need not be kept: the coordinator knows it by its [`TokenId`] and checks it
/// by its [`TokenKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(pub(super) Secret<16>);

/// A token's name in the registry: the first 16 bytes of its SHA-256. Whoever
/// knows it cannot come in by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId(pub [u8; 16]);

/// What the coordinator checks a token with, kept beside its [`TokenId`]:
/// 32 bytes that prove the token, so as secret as the token itself.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(pub(super) Secret<32>);

impl Token {
    /// The token of these random bytes.
    pub fn new(random: [u8; 16]) -> Token {
        Token(Secret(random))
    }

    /// The name that it may be called by.
    pub fn id(&self) -> TokenId {
        let hash = digest::digest(&digest::SHA256, &self.0.0);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_ref()[..16]);
        TokenId(id)
    }

    /// What the coordinator keeps to check it.
    pub fn key(&self) -> TokenKey {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"skep-pair/1 token");
        let mut key = [0; 32];
        let expanded = salt.extract(&self.0.0);
        expanded
            .expand(&[b"key"], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("one block of HKDF is as long as its hash");
        TokenKey(Secret(key))
    }
}

impl TokenKey {
    /// As it was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> TokenKey {
        TokenKey(Secret(bytes))
    }

    /// To be kept, and shown to nobody.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.0
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}
