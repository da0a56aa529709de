//! The names that the wire knows a device and a pool by.

use serde::{Deserialize, Serialize};

/// A device's name: 128 random bits, drawn once by the device itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub [u8; 16]);

/// A pool's name: 128 random bits, drawn when it was founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolId(pub [u8; 16]);

/// A public key's name: the SHA-256 of its SubjectPublicKeyInfo, in DER. What
/// the registry decides by, and what a pin pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spki(pub [u8; 32]);
