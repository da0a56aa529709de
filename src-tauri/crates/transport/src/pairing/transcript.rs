//! What both sides saw of an exchange, and the keys that prove it.

use super::secret::Exporter;
use ring::{digest, hkdf, hmac};

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Joiner,
    Host,
}

/// SHA-256 of every message of both directions, in their order.
pub(super) struct Transcript(digest::Context);

impl Transcript {
    pub(super) fn new() -> Transcript {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"skep-pair/1 transcript");
        Transcript(context)
    }

    /// Adds a whole message, with its side and its length, so that no two
    /// exchanges are the same bytes.
    pub(super) fn add(&mut self, side: Side, message: &[u8]) {
        let side = match side {
            Side::Joiner => 0,
            Side::Host => 1,
        };
        let length = u64::try_from(message.len()).unwrap_or(u64::MAX);
        self.0.update(&[side]);
        self.0.update(&length.to_le_bytes());
        self.0.update(message);
    }

    fn hash(&self) -> digest::Digest {
        self.0.clone().finish()
    }
}

/// What a side proves with that it knows the secret, in this TLS session,
/// after these messages.
pub(super) struct Keys {
    joiner: hmac::Key,
    host: hmac::Key,
}

impl Keys {
    /// From SPAKE2's key or a token's, when everything before the
    /// confirmation was said.
    pub(super) fn new(secret: &[u8], exporter: &Exporter, transcript: &Transcript) -> Keys {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &exporter.0.0);
        let extracted = salt.extract(secret);
        let seen = transcript.hash();
        let key = |role: &[u8]| {
            let info = [b"skep-pair/1 ", role, seen.as_ref()];
            let okm = extracted.expand(&info, hmac::HMAC_SHA256);
            hmac::Key::from(okm.expect("one block of HKDF is as long as its hash"))
        };
        Keys {
            joiner: key(b"joiner"),
            host: key(b"host"),
        }
    }

    /// This side's proof of what was said so far, and of this body.
    pub(super) fn prove(&self, side: Side, transcript: &Transcript, body: &[u8]) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(self.of(side));
        mac.update(transcript.hash().as_ref());
        mac.update(body);
        let mut proof = [0; 32];
        proof.copy_from_slice(mac.sign().as_ref());
        proof
    }

    /// Whether it is that side's proof, in constant time.
    pub(super) fn holds(
        &self,
        side: Side,
        transcript: &Transcript,
        body: &[u8],
        proof: &[u8; 32],
    ) -> bool {
        let said = [transcript.hash().as_ref(), body].concat();
        hmac::verify(self.of(side), &said, proof).is_ok()
    }

    fn of(&self, side: Side) -> &hmac::Key {
        match side {
            Side::Joiner => &self.joiner,
            Side::Host => &self.host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &[(Side, &[u8])]) -> Transcript {
        let mut transcript = Transcript::new();
        for (side, message) in messages {
            transcript.add(*side, message);
        }
        transcript
    }

    #[test]
    fn no_two_exchanges_are_the_same_bytes() {
        let exchanges = [
            said(&[]),
            said(&[(Side::Joiner, b"ab")]),
            said(&[(Side::Host, b"ab")]),
            said(&[(Side::Joiner, b"a"), (Side::Joiner, b"b")]),
            said(&[(Side::Joiner, b"a"), (Side::Host, b"b")]),
            said(&[(Side::Joiner, b"ab"), (Side::Host, b"")]),
        ];
        for (nth, one) in exchanges.iter().enumerate() {
            for other in &exchanges[nth + 1..] {
                assert_ne!(one.hash().as_ref(), other.hash().as_ref());
            }
        }
    }

    #[test]
    fn a_proof_is_one_sides_of_one_session_one_secret_and_one_exchange() {
        let exporter = Exporter::new([1; 32]);
        let transcript = said(&[(Side::Joiner, b"hello")]);
        let keys = Keys::new(b"secret", &exporter, &transcript);
        let proof = keys.prove(Side::Joiner, &transcript, b"body");
        assert!(keys.holds(Side::Joiner, &transcript, b"body", &proof));
        // Sent back to whom it came from, it proves nothing.
        assert!(!keys.holds(Side::Host, &transcript, b"body", &proof));
        assert!(!keys.holds(Side::Joiner, &transcript, b"bodyx", &proof));
        let other = said(&[(Side::Joiner, b"hellp")]);
        assert!(!keys.holds(Side::Joiner, &other, b"body", &proof));
        for others in [
            Keys::new(b"secrets", &exporter, &transcript),
            Keys::new(b"secret", &Exporter::new([2; 32]), &transcript),
            Keys::new(b"secret", &exporter, &other),
        ] {
            assert!(!others.holds(Side::Joiner, &transcript, b"body", &proof));
        }
    }
}
