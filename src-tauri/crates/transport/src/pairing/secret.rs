//! Bytes that nobody may see: not in a log, not in a message of a panic.

use core::fmt;

/// A secret of `N` bytes. `Debug` does not show it, and it is overwritten when
/// it is dropped, as well as safe code can: a copy that the compiler made on
/// the way stays until its place is used again.
#[derive(Clone)]
pub(super) struct Secret<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> PartialEq for Secret<N> {
    /// Looks at every byte, whatever the first ones say.
    fn eq(&self, other: &Secret<N>) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}
impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.fill(0);
        // Without a reader the compiler may leave the writes out.
        core::hint::black_box(&self.0);
    }
}

/// What the TLS session exports (RFC 8446 §7.5) with the label `skep-pair` and
/// two [`Spki`](super::Spki) as the context: the joiner's, as it tells it, then
/// that of the certificate which the pairing endpoint showed. The same 32 bytes
/// at both ends of one session, and others in any other session.
#[derive(Clone, Debug)]
pub struct Exporter(pub(super) Secret<32>);

impl Exporter {
    /// These bytes.
    pub fn new(bytes: [u8; 32]) -> Exporter {
        Exporter(Secret(bytes))
    }
}

/// The chance of one exchange: 32 bytes from the system's generator, used for
/// one [`Joiner`](super::Joiner) or one [`Host`](super::Host) and never again.
#[derive(Debug)]
pub struct Seed(pub(super) Secret<32>);

impl Seed {
    /// These bytes.
    pub fn new(bytes: [u8; 32]) -> Seed {
        Seed(Secret(bytes))
    }
}
