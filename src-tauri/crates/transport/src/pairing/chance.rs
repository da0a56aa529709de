//! What an exchange draws, all of it from its seed.

use super::secret::Seed;
use rand_core::{CryptoRng, RngCore};
use ring::hmac;

/// HMAC-SHA-256 of a counter, keyed by the seed: the output of HKDF's kind of
/// expansion, without an end.
pub(super) struct Chance {
    key: hmac::Key,
    counter: u64,
}

impl Chance {
    pub(super) fn new(seed: &Seed) -> Chance {
        Chance {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed.0.0),
            counter: 0,
        }
    }

    /// 32 bytes that nobody else can tell from random ones.
    pub(super) fn draw(&mut self) -> [u8; 32] {
        let tag = hmac::sign(&self.key, &self.counter.to_le_bytes());
        self.counter += 1;
        let mut drawn = [0; 32];
        drawn.copy_from_slice(tag.as_ref());
        drawn
    }
}

impl RngCore for Chance {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for piece in dest.chunks_mut(32) {
            piece.copy_from_slice(&self.draw()[..piece.len()]);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Chance {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_the_same_and_another_something_else() {
        let draw = |seed: u8| {
            let mut bytes = [0; 100];
            Chance::new(&Seed::new([seed; 32])).fill_bytes(&mut bytes);
            bytes
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let bytes = draw(1);
        assert_ne!(bytes[..32], bytes[32..64], "the counter counts");
    }
}
