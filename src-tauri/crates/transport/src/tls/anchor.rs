//! Whether an authority signed a leaf, asked at a moment: webpki around the
//! one root that counts.

use super::PROVIDER;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, TrustAnchor, UnixTime},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// A pool's authority.
#[derive(Clone, Debug)]
pub(super) struct Anchor(TrustAnchor<'static>);

impl Anchor {
    /// `None` where the certificate (DER) cannot be read.
    pub(super) fn new(ca: &[u8]) -> Option<Anchor> {
        let ca = CertificateDer::from(ca);
        Some(Anchor(anchor_from_trusted_cert(&ca).ok()?.to_owned()))
    }

    /// Checks signature and dates of a leaf that comes alone.
    pub(super) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        usage: KeyUsage,
        at: UnixTime,
    ) -> Result<(), webpki::Error> {
        EndEntityCert::try_from(leaf)?.verify_for_usage(
            PROVIDER.signature_verification_algorithms.all,
            std::slice::from_ref(&self.0),
            &[],
            at,
            usage,
            None,
            None,
        )?;
        Ok(())
    }
}

/// What the peer is told: quinn sends it the text, so it names no detail.
pub(super) fn generic(error: &webpki::Error) -> Error {
    let told = if matches!(error, webpki::Error::UnknownIssuer) {
        CertificateError::UnknownIssuer
    } else if matches!(error, webpki::Error::CertExpired { .. }) {
        CertificateError::Expired
    } else if matches!(error, webpki::Error::CertNotValidYet { .. }) {
        CertificateError::NotValidYet
    } else {
        CertificateError::ApplicationVerificationFailure
    };
    told.into()
}

/// The same for a reason of our own.
pub(super) fn refused() -> Error {
    CertificateError::ApplicationVerificationFailure.into()
}

pub(super) fn unix(moment: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn system(moment: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(moment.as_secs())
}

/// TLS 1.2 is not spoken; the trait asks all the same.
pub(super) fn tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms = &PROVIDER.signature_verification_algorithms;
    verify_tls12_signature(message, certificate, signed, algorithms)
}

pub(super) fn tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms = &PROVIDER.signature_verification_algorithms;
    verify_tls13_signature(message, certificate, signed, algorithms)
}

pub(super) fn schemes() -> Vec<SignatureScheme> {
    PROVIDER
        .signature_verification_algorithms
        .supported_schemes()
}
