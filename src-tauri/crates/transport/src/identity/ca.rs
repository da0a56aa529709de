//! The pool's certificate authority: a coordinator's, and only a coordinator's.

use super::{KeyError, files, key_pair, random, spki_of};
use crate::{
    limits::{CA_LIFE, CSR_BYTES_MAX, LEAF_BEFORE, LEAF_LIFE},
    names::{DeviceId, PoolId, Spki, san},
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
    SubjectPublicKeyInfo,
};
use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

/// What a leaf is for; never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A member that dials.
    Client,
    /// The coordinator, or its pairing endpoint.
    Server,
}

/// Signs the leaves of a pool.
pub struct Ca {
    pool: PoolId,
    spki: Spki,
    certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// Why a request was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("the signing request has {0} bytes, more than {CSR_BYTES_MAX}")]
    TooLong(usize),
    #[error("the signing request is damaged or not signed by its own key")]
    Broken,
    #[error("the key in the signing request is no P-256 key")]
    WrongKey,
    #[error("the certificate could not be made: {0}")]
    Failed(String),
}

impl Ca {
    /// Reads the pool's CA in `folder`, or founds it: key, then certificate.
    pub fn open(folder: &Path, pool: PoolId, now: SystemTime) -> Result<Ca, KeyError> {
        let key = key_pair(folder, "ca.key")?;
        let path = folder.join("ca.crt");
        let certificate = match files::read(&path)? {
            Some(bytes) => {
                let ours = super::leaf::spki_in(&bytes).is_some_and(|spki| spki == spki_of(&key));
                if !ours {
                    let bytes = bytes.len();
                    return Err(KeyError::Damaged { path, bytes });
                }
                bytes
            }
            // Where the power went between the two, no leaf exists yet.
            None => {
                let made = ca_params(pool, now)?
                    .self_signed(&key)
                    .map_err(|error| KeyError::Random(error.to_string()))?;
                files::write(&path, made.der())?;
                made.der().to_vec()
            }
        };
        let spki = spki_of(&key);
        let issuer =
            Issuer::from_ca_cert_der(&certificate.as_slice().into(), key).map_err(|_| {
                KeyError::Damaged {
                    bytes: certificate.len(),
                    path,
                }
            })?;
        Ok(Ca {
            pool,
            spki,
            certificate,
            issuer,
        })
    }

    /// Whether there is one in `folder`.
    pub fn exists(folder: &Path) -> bool {
        folder.join("ca.crt").exists()
    }

    /// The CA's certificate (DER), which every member keeps.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// What a link pins.
    pub fn spki(&self) -> Spki {
        self.spki
    }

    /// A leaf (DER) for the key in a signing request. Nothing else of the
    /// request is looked at: who it is for, and for what, says the caller.
    pub fn sign(
        &self,
        csr: &[u8],
        device: DeviceId,
        usage: Usage,
        now: SystemTime,
    ) -> Result<Vec<u8>, SignError> {
        let key = requested_key(csr)?;
        let params = leaf_params(device, self.pool, usage, now)
            .map_err(|error| SignError::Failed(error.to_string()))?;
        let leaf = params
            .signed_by(&key, &self.issuer)
            .map_err(|error| SignError::Failed(error.to_string()))?;
        Ok(leaf.der().to_vec())
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca")
            .field("pool", &self.pool)
            .field("spki", &self.spki)
            .finish_non_exhaustive()
    }
}

/// The name of the key in a signing request that is signed by that key.
pub(crate) fn requested_spki(csr: &[u8]) -> Result<Spki, SignError> {
    Ok(Spki::of(&requested_key(csr)?.subject_public_key_info()))
}

/// The key itself, by its own bytes: rcgen would take the kind of key from the
/// request's signature.
fn requested_key(csr: &[u8]) -> Result<SubjectPublicKeyInfo, SignError> {
    if csr.len() > CSR_BYTES_MAX {
        return Err(SignError::TooLong(csr.len()));
    }
    let Ok(([], request)) = X509CertificationRequest::from_der(csr) else {
        return Err(SignError::Broken);
    };
    let spki = &request.certification_request_info.subject_pki;
    let key = SubjectPublicKeyInfo::from_der(spki.raw).map_err(|_| SignError::WrongKey)?;
    if key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
        return Err(SignError::WrongKey);
    }
    request.verify_signature().map_err(|_| SignError::Broken)?;
    Ok(key)
}

fn ca_params(pool: PoolId, now: SystemTime) -> Result<CertificateParams, KeyError> {
    let mut params = blank(now, CA_LIFE)?;
    params
        .distinguished_name
        .push(DnType::CommonName, format!("skep pool {pool}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn leaf_params(
    device: DeviceId,
    pool: PoolId,
    usage: Usage,
    now: SystemTime,
) -> Result<CertificateParams, KeyError> {
    let mut params = blank(now, LEAF_LIFE)?;
    let name = san(device, pool)
        .try_into()
        .expect("base32 and dots are ASCII");
    params.subject_alt_names = vec![SanType::DnsName(name)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match usage {
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A certificate that says nothing yet but when, and has a serial of its own.
/// Every default of rcgen is overridden.
fn blank(now: SystemTime, life: Duration) -> Result<CertificateParams, KeyError> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut serial: [u8; 16] = random()?;
    // A serial is a positive number, and always as long.
    serial[0] = serial[0] & 0x7F | 0x40;
    let mut params = CertificateParams::default();
    params.not_before = epoch + now.saturating_sub(LEAF_BEFORE);
    params.not_after = epoch + now + life;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = Vec::new();
    params.is_ca = IsCa::NoCa;
    params.key_usages = Vec::new();
    params.extended_key_usages = Vec::new();
    params.name_constraints = None;
    params.crl_distribution_points = Vec::new();
    params.custom_extensions = Vec::new();
    params.use_authority_key_identifier_extension = false;
    params.key_identifier_method = KeyIdMethod::Sha256;
    Ok(params)
}
