//! SPAKE2 (RFC 9382's group of Ed25519, by the `spake2` crate), bound to one
//! TLS session.

use super::chance::Chance;
use super::code::Code;
use super::secret::{Exporter, Secret};
use core::fmt;
use spake2::{Ed25519Group, Identity, Password, Spake2};

/// One side's half of an exchange that has begun.
pub(super) struct Half(Spake2<Ed25519Group>);

impl Half {
    /// The joiner's half, and what to send.
    pub(super) fn joiner(code: &Code, exporter: &Exporter, chance: &mut Chance) -> (Half, Vec<u8>) {
        let (joiner, host) = identities(exporter);
        let (half, message) =
            Spake2::start_a_with_rng(&Password::new(code.symbols()), &joiner, &host, chance);
        (Half(half), message)
    }

    /// The host's half, and what to send.
    pub(super) fn host(code: &Code, exporter: &Exporter, chance: &mut Chance) -> (Half, Vec<u8>) {
        let (joiner, host) = identities(exporter);
        let (half, message) =
            Spake2::start_b_with_rng(&Password::new(code.symbols()), &joiner, &host, chance);
        (Half(half), message)
    }

    /// The key: the same at both sides where code and session are; `None`
    /// where the other half is no point of the curve.
    pub(super) fn finish(self, theirs: &[u8]) -> Option<Secret<32>> {
        let key = self.0.finish(theirs).ok()?;
        key.try_into().ok().map(Secret)
    }
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Half(…)")
    }
}

/// The exporter is part of who the two are: whoever relays between two
/// sessions makes them strangers.
fn identities(exporter: &Exporter) -> (Identity, Identity) {
    let of = |role: &[u8]| Identity::new(&[b"skep-pair/1 ", role, &exporter.0.0].concat());
    (of(b"joiner"), of(b"coordinator"))
}
