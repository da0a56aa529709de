//! The coordinator's last word: what a machine that was let in needs to come
//! back as a member, or why it was not.

use super::address::Address;
use super::link::{ADDRESSES_MAX, is_whole};
use super::names::{PoolId, Spki};
use super::shown::shown;
use ring::digest;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a machine that was let in keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The device's first leaf certificate, in DER.
    #[serde(with = "serde_bytes")]
    pub leaf: Vec<u8>,
    /// The certificate of the pool's CA, in DER.
    #[serde(with = "serde_bytes")]
    pub ca: Vec<u8>,
    /// Which pool this is.
    pub pool: PoolId,
    /// What people call it.
    pub pool_name: String,
    /// Keys of which the coordinator has one, to be pinned; several while it is
    /// handed over.
    pub coordinators: Vec<Spki>,
    /// Where the pool's endpoint is, best first; at most [`ADDRESSES_MAX`]
    /// are sent, and fewer where they do not fit one message.
    pub addresses: Vec<Address>,
    /// What the device may do, to be told to its owner.
    pub granted: Granted,
    /// The registry held this key already: nothing new was decided.
    pub again: bool,
}

/// Whose device it is now, and which of the roles it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The person's name.
    pub person: String,
    /// It may run other devices' jobs.
    pub work: bool,
    /// It may send jobs, and sees that person's.
    pub submit: bool,
    /// It may steer the pool.
    pub admin: bool,
}

/// Why a machine that proved its code or token was not let in. Not to be told
/// before the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// A person said no.
    #[error("the person at the coordinator said no")]
    Declined,
    /// Nobody said anything for ten minutes.
    #[error("nobody answered at the coordinator within ten minutes: ask for a new code there")]
    Unanswered,
    /// Another machine was faster with the same code or token.
    #[error("another machine came in by this code first: ask for a new one at the coordinator")]
    Spent,
    /// As many wait for a decision as may.
    #[error("too many machines wait to be let in: let some of them in first")]
    Crowded,
    /// The device's id, or its key, belongs to another one of this pool, or
    /// was revoked.
    #[error("this device's name or key is another's in that pool, or was revoked")]
    NotThisDevice,
    /// Its program speaks no version of the pool's wire that the coordinator
    /// speaks.
    #[error("the two machines have versions of Skep that are too far apart: update the older one")]
    Wire,
    /// The coordinator could not do it (its disk, its state).
    #[error("the coordinator could not let this machine in: look at its log and try again")]
    Trouble,
}

/// The body of the last message.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verdict {
    Admitted(Box<Admission>),
    Refused(Refusal),
}

/// What is wrong with an admission, although the coordinator proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AdmissionError {
    /// The leaf is no certificate, or certifies another key than ours.
    #[error("the certificate that the coordinator made is not for this device's key")]
    Leaf,
    /// The CA is no certificate, or not the one that the link names.
    #[error("the pool's certificate is not the one that the link names")]
    Ca,
    /// No key of a coordinator to pin.
    #[error("the coordinator did not name its own key")]
    Coordinator,
}

impl Admission {
    /// Made fit to be shown and tried, after the checks that need no clock:
    /// the leaf is for our key, and the CA is the pinned one where there is a
    /// pin.
    pub(super) fn checked(
        mut self,
        own: Spki,
        pin: Option<Spki>,
    ) -> Result<Admission, AdmissionError> {
        if spki_of(&self.leaf) != Some(own) {
            return Err(AdmissionError::Leaf);
        }
        let ca = spki_of(&self.ca).ok_or(AdmissionError::Ca)?;
        if pin.is_some_and(|pin| pin != ca) {
            return Err(AdmissionError::Ca);
        }
        if self.coordinators.is_empty() {
            return Err(AdmissionError::Coordinator);
        }
        self.pool_name = shown(&self.pool_name);
        self.granted.person = shown(&self.granted.person);
        self.addresses.retain(is_whole);
        self.addresses.truncate(ADDRESSES_MAX);
        Ok(self)
    }
}

/// The name of a certificate's key; `None` where it is no certificate.
pub(super) fn spki_of(der: &[u8]) -> Option<Spki> {
    let certificate = CertificateDer::from(der);
    let parsed = ParsedCertificate::try_from(&certificate).ok()?;
    Some(spki_of_key(&parsed.subject_public_key_info()))
}

/// The name of a key, of its SubjectPublicKeyInfo in DER.
pub(super) fn spki_of_key(der: &[u8]) -> Spki {
    let mut spki = [0; 32];
    spki.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    Spki(spki)
}
