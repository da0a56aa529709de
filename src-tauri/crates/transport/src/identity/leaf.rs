//! What a leaf says, and whether it has the one shape that a leaf has here.
//! Who signed it is not looked at: that is the verifier's.

use super::Usage;
use crate::names::{DeviceId, PoolId, Spki, parse_san};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{ExtendedKeyUsage, GeneralName},
    prelude::FromDer,
};

/// A device's certificate, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub device: DeviceId,
    pub pool: PoolId,
    pub usage: Usage,
    pub spki: Spki,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

/// Why a certificate is no leaf of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    #[error("the certificate is damaged")]
    Damaged,
    #[error("the certificate is an authority's, not a device's")]
    Authority,
    #[error("the certificate must be for exactly one of client and server")]
    Usage,
    #[error("the certificate must have exactly one name, that of a device in a pool")]
    Name,
}

impl Leaf {
    /// Reads a leaf (DER): no authority, exactly one use, exactly one name.
    pub fn parse(der: &[u8]) -> Result<Leaf, LeafError> {
        let Ok(([], certificate)) = X509Certificate::from_der(der) else {
            return Err(LeafError::Damaged);
        };
        if certificate.is_ca() {
            return Err(LeafError::Authority);
        }
        let (device, pool) = the_name(&certificate)?;
        Ok(Leaf {
            device,
            pool,
            usage: the_usage(&certificate)?,
            spki: Spki::of(certificate.public_key().raw),
            not_before: moment(certificate.validity().not_before.timestamp()),
            not_after: moment(certificate.validity().not_after.timestamp()),
        })
    }

    /// Half of its life is over.
    pub fn renew_due(&self, now: SystemTime) -> bool {
        let life = self
            .not_after
            .duration_since(self.not_before)
            .unwrap_or_default();
        now >= self.not_before + life / 2
    }

    /// It has ended: a session that it opens is for renewal only.
    pub fn expired(&self, now: SystemTime) -> bool {
        now > self.not_after
    }
}

/// Whether a leaf (DER) should be renewed: half of its life is over.
pub fn renew_due(leaf: &[u8], now: SystemTime) -> Result<bool, LeafError> {
    Ok(Leaf::parse(leaf)?.renew_due(now))
}

/// The key in any certificate (DER), authorities' too.
pub(crate) fn spki_in(der: &[u8]) -> Option<Spki> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(Spki::of(certificate.public_key().raw)),
        Ok(_) | Err(_) => None,
    }
}

fn the_name(certificate: &X509Certificate<'_>) -> Result<(DeviceId, PoolId), LeafError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| LeafError::Name)?
        .ok_or(LeafError::Name)?;
    match names.value.general_names.as_slice() {
        [GeneralName::DNSName(name)] => parse_san(name).ok_or(LeafError::Name),
        _ => Err(LeafError::Name),
    }
}

fn the_usage(certificate: &X509Certificate<'_>) -> Result<Usage, LeafError> {
    let usage = certificate
        .extended_key_usage()
        .map_err(|_| LeafError::Usage)?
        .ok_or(LeafError::Usage)?;
    let ExtendedKeyUsage {
        any,
        server_auth,
        client_auth,
        code_signing,
        email_protection,
        time_stamping,
        ocsp_signing,
        other,
    } = usage.value;
    let another = *any || *code_signing || *email_protection || *time_stamping || *ocsp_signing;
    match (client_auth, server_auth) {
        _ if another || !other.is_empty() => Err(LeafError::Usage),
        (true, false) => Ok(Usage::Client),
        (false, true) => Ok(Usage::Server),
        (true, true) | (false, false) => Err(LeafError::Usage),
    }
}

fn moment(seconds: i64) -> SystemTime {
    let away = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 {
        UNIX_EPOCH.checked_sub(away)
    } else {
        UNIX_EPOCH.checked_add(away)
    };
    moment.unwrap_or(UNIX_EPOCH)
}
