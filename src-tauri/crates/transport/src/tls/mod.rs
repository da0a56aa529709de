//! TLS 1.3 as the pool speaks it: both sides known, nothing resumed, nothing
//! sent early. The configurations are made by hand, because quinn's own turn
//! early data on.

mod anchor;
mod client;
mod pairing;
mod server;

pub(crate) use client::PoolVerifier;
pub use client::Refused;
pub(crate) use pairing::NewcomerVerifier;
pub(crate) use server::MemberVerifier;

use crate::identity::Identity;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    ClientConfig, ServerConfig,
    client::{Resumption, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, danger::ClientCertVerifier},
    version::TLS13,
};
use std::sync::{Arc, LazyLock};

/// What a member says it wants to speak.
pub(crate) const POOL_ALPN: &[u8] = b"skep/1";
/// What a newcomer says it wants to speak.
pub(crate) const PAIRING_ALPN: &[u8] = b"skep-pair/1";

/// The one provider of cryptography, named at every use: a default of the
/// process could be another.
pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// A certificate of ours cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("this device's own certificate cannot be used: {0}")]
pub struct Unusable(rustls::Error);

/// The side that listens. Without a verifier it asks for no certificate.
pub(crate) fn server(
    alpn: &[u8],
    identity: &Identity,
    chain: &[&[u8]],
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<QuicServerConfig, Unusable> {
    let builder = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(Unusable)?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(certificates(chain), identity.tls_key())
        .map_err(Unusable)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    // A resumed session would not pass the verifier.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(QuicServerConfig::try_from(config).expect("the provider has QUIC's first cipher"))
}

/// The side that dials, with a certificate where it has one to show.
pub(crate) fn client(
    alpn: &[u8],
    own: Option<(&Identity, &[u8])>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<QuicClientConfig, Unusable> {
    let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(Unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own {
        Some((identity, leaf)) => builder
            .with_client_auth_cert(certificates(&[leaf]), identity.tls_key())
            .map_err(Unusable)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(QuicClientConfig::try_from(config).expect("the provider has QUIC's first cipher"))
}

fn certificates(chain: &[&[u8]]) -> Vec<CertificateDer<'static>> {
    chain
        .iter()
        .map(|der| CertificateDer::from(der.to_vec()))
        .collect()
}

/// The leaf that a peer showed in its handshake.
pub(crate) fn shown_leaf(connection: &quinn::Connection) -> Option<Vec<u8>> {
    let chain = connection.peer_identity()?;
    let chain = chain.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    Some(chain.first()?.to_vec())
}
