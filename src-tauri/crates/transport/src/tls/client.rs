//! Whether a member speaks with its own coordinator.

use super::anchor::{Anchor, generic, refused, schemes, tls12, tls13, unix};
use crate::{
    identity::{Leaf, Membership, Usage},
    names::{PoolId, Spki},
};
use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::OnceLock;
use webpki::KeyUsage;

/// The coordinator's leaf must be signed by the pool's CA, name the pool, be a
/// server's, and have a key that the member pinned. Its dates do not count: a
/// coordinator that slept through its renewal is the same coordinator.
#[derive(Debug)]
pub(crate) struct PoolVerifier {
    pool: PoolId,
    pins: Vec<Spki>,
    anchor: Anchor,
    refused: OnceLock<Refused>,
}

/// Why the other side is not our coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is the coordinator of another pool")]
    OtherPool,
    #[error("its key is not the one this device knows")]
    OtherKey,
    #[error("its certificate is not one of a coordinator")]
    NoCoordinator,
}

impl PoolVerifier {
    /// `None` where the CA's certificate cannot be read.
    pub(crate) fn new(membership: &Membership) -> Option<PoolVerifier> {
        Some(PoolVerifier {
            pool: membership.pool,
            pins: membership.coordinators.clone(),
            anchor: Anchor::new(&membership.ca)?,
            refused: OnceLock::new(),
        })
    }

    /// Why the handshake failed here, if it did.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused.get().copied()
    }

    fn look(&self, der: &CertificateDer<'_>, alone: bool, now: UnixTime) -> Result<(), Doubt> {
        let leaf = Leaf::parse(der).map_err(|_| Refused::NoCoordinator)?;
        // The nearest moment at which it is valid.
        let at = unix(leaf.not_before).max(now).min(unix(leaf.not_after));
        self.anchor
            .check(der, KeyUsage::server_auth(), at)
            .map_err(Doubt::Signature)?;
        if leaf.pool != self.pool {
            return Err(Refused::OtherPool.into());
        }
        if !alone || leaf.usage != Usage::Server {
            return Err(Refused::NoCoordinator.into());
        }
        if !self.pins.contains(&leaf.spki) {
            return Err(Refused::OtherKey.into());
        }
        Ok(())
    }
}

enum Doubt {
    Signature(webpki::Error),
    Refused(Refused),
}

impl From<Refused> for Doubt {
    fn from(refused: Refused) -> Self {
        Doubt::Refused(refused)
    }
}

impl ServerCertVerifier for PoolVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (reason, told) = match self.look(end_entity, intermediates.is_empty(), now) {
            Ok(()) => return Ok(ServerCertVerified::assertion()),
            Err(Doubt::Refused(reason)) => (reason, refused()),
            Err(Doubt::Signature(error)) => {
                let reason = if matches!(error, webpki::Error::UnknownIssuer) {
                    Refused::OtherPool
                } else {
                    Refused::NoCoordinator
                };
                (reason, generic(&error))
            }
        };
        self.refused.get_or_init(|| reason);
        Err(told)
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
