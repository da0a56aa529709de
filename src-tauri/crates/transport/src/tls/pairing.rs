//! A newcomer knows nobody yet: it takes any certificate, but one that its
//! owner has the key of, and keeps what was shown for the exchange to bind.

use super::anchor::{Anchor, refused, schemes, tls12, tls13, unix};
use crate::{
    identity::{Leaf, Usage, spki_in},
    names::Spki,
};
use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::OnceLock;
use webpki::KeyUsage;

/// The keys that a pairing endpoint showed. The CA did sign the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    pub(crate) leaf: Spki,
    pub(crate) ca: Spki,
}

#[derive(Debug, Default)]
pub(crate) struct NewcomerVerifier {
    presented: OnceLock<Presented>,
}

impl NewcomerVerifier {
    pub(crate) fn presented(&self) -> Option<Presented> {
        self.presented.get().copied()
    }
}

impl ServerCertVerifier for NewcomerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let [ca] = intermediates else {
            return Err(refused());
        };
        let leaf = Leaf::parse(end_entity).map_err(|_| refused())?;
        let anchor = Anchor::new(ca).ok_or_else(refused)?;
        let spki = spki_in(ca).ok_or_else(refused)?;
        // A link pins the CA, so the CA must stand for the leaf. Dates say
        // nothing to one who cannot trust its own clock yet.
        let at = unix(leaf.not_before).max(now).min(unix(leaf.not_after));
        anchor
            .check(end_entity, KeyUsage::server_auth(), at)
            .map_err(|_| refused())?;
        if leaf.usage != Usage::Server {
            return Err(refused());
        }
        self.presented.get_or_init(|| Presented {
            leaf: leaf.spki,
            ca: spki,
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}
