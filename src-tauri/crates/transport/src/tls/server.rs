//! Whether a member may finish its handshake with the coordinator.

use super::anchor::{Anchor, generic, refused, schemes, system, tls12, tls13, unix};
use crate::{
    identity::{Leaf, Usage},
    limits::RENEWAL_GRACE,
    names::PoolId,
    registry::Registry,
};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use webpki::KeyUsage;

/// Its leaf must have the shape of a client's in this pool, be signed by the
/// pool's CA, and its key must be in the registry under the name it bears.
#[derive(Debug)]
pub(crate) struct MemberVerifier {
    pool: PoolId,
    anchor: Anchor,
    registry: Registry,
}

impl MemberVerifier {
    /// `None` where the CA's certificate cannot be read.
    pub(crate) fn new(pool: PoolId, ca: &[u8], registry: &Registry) -> Option<MemberVerifier> {
        Some(MemberVerifier {
            pool,
            anchor: Anchor::new(ca)?,
            registry: registry.clone(),
        })
    }

    /// An ended leaf passes for a year, if it was good at its end: what it
    /// opens is for renewal only, which the session sees by its date.
    fn signed(
        &self,
        der: &CertificateDer<'_>,
        leaf: &Leaf,
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let usage = KeyUsage::client_auth();
        match self.anchor.check(der, usage, now) {
            Err(webpki::Error::CertExpired { time, not_after })
                if now.as_secs() - unix(leaf.not_after).as_secs() <= RENEWAL_GRACE.as_secs() =>
            {
                let at_its_end = KeyUsage::client_auth();
                self.anchor
                    .check(der, at_its_end, unix(leaf.not_after))
                    // It was good then, or it is told the plain reason.
                    .map_err(|_| webpki::Error::CertExpired { time, not_after })
            }
            other => other,
        }
    }
}

impl ClientCertVerifier for MemberVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Strangers need not learn the authority's name.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if !intermediates.is_empty() {
            return Err(refused());
        }
        let leaf = Leaf::parse(end_entity).map_err(|_| refused())?;
        if let Err(error) = self.signed(end_entity, &leaf, now) {
            tracing::debug!(%error, device = %leaf.device, "refused a certificate");
            return Err(generic(&error));
        }
        if leaf.usage != Usage::Client || leaf.pool != self.pool {
            return Err(refused());
        }
        if self.registry.device(&leaf.spki) != Some(leaf.device) {
            tracing::debug!(device = %leaf.device, expired = leaf.expired(system(now)), "refused a device that the registry does not hold");
            return Err(refused());
        }
        Ok(ClientCertVerified::assertion())
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
