//! Peers that do as they like: quinn and rustls without this crate.

use crate::pool::{Pool, soon};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig,
    crypto::rustls::QuicClientConfig,
};
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    version::TLS13,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use transport::{Admitted, DeviceId, Spki, Usage};

/// A frame that says hello in version 1.
pub(crate) const HELLO: [u8; 4] = [2, 0, 0, 1];
/// A frame that opens a control stream.
pub(crate) const CONTROL: [u8; 3] = [1, 0, 1];

/// A key and the certificates that it shows.
pub(crate) struct Card {
    pub(crate) key: KeyPair,
    pub(crate) chain: Vec<Vec<u8>>,
}

/// What a certificate says, before it is signed.
pub(crate) fn leaf_params(device: DeviceId, pool: &Pool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = format!("{device}.{}.pool.invalid", pool.id);
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(SerialNumber::from_slice(&[1; 16]));
    dated(&mut params, SystemTime::now(), Duration::from_secs(86_400));
    params
}

pub(crate) fn dated(params: &mut CertificateParams, from: SystemTime, life: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + from.duration_since(UNIX_EPOCH).unwrap();
    params.not_after = params.not_before + life;
}

pub(crate) fn new_key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

pub(crate) fn spki(key: &KeyPair) -> Spki {
    Spki::of(&key.subject_public_key_info())
}

impl Card {
    /// What an honest device of this number has, admitted.
    pub(crate) fn good(pool: &mut Pool, number: u8) -> Card {
        let key = new_key();
        let csr = CertificateParams::default()
            .serialize_request(&key)
            .unwrap();
        let device = DeviceId([number; 16]);
        let leaf = pool
            .ca
            .sign(csr.der(), device, Usage::Client, SystemTime::now())
            .unwrap();
        Card {
            chain: vec![leaf],
            key,
        }
        .admitted(pool, number)
    }

    /// Signed by the pool's own CA, whatever it says; its key is admitted.
    pub(crate) fn forged(pool: &mut Pool, number: u8, params: &CertificateParams) -> Card {
        let key = new_key();
        let leaf = params.signed_by(&key, &pool.issuer()).unwrap();
        Card {
            chain: vec![leaf.der().to_vec()],
            key,
        }
        .admitted(pool, number)
    }

    fn admitted(self, pool: &mut Pool, number: u8) -> Card {
        pool.admit_key(Admitted {
            spki: spki(&self.key),
            device: DeviceId([number; 16]),
        });
        self
    }
}

impl Pool {
    /// Its CA's key, which no one but its coordinator has.
    pub(crate) fn issuer(&self) -> Issuer<'static, KeyPair> {
        let key = std::fs::read(self.folder().join("ca.key")).unwrap();
        let key = PrivatePkcs8KeyDer::from(key);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ECDSA_P256_SHA256);
        Issuer::from_ca_cert_der(&self.ca.certificate().into(), key.unwrap()).unwrap()
    }
}

/// TLS as a peer likes it: resumption and early data are on.
pub(crate) fn tls(alpn: &[u8], card: Option<&Card>) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)));
    let mut config = match card {
        None => builder.with_no_client_auth(),
        Some(card) => {
            let chain = card
                .chain
                .iter()
                .cloned()
                .map(CertificateDer::from)
                .collect();
            let key = PrivatePkcs8KeyDer::from(card.key.serialize_der());
            builder.with_client_auth_cert(chain, key.into()).unwrap()
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = true;
    config
}

pub(crate) fn config(tls: rustls::ClientConfig) -> ClientConfig {
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

/// One who shows this card and speaks the pool's protocol.
pub(crate) fn card_config(card: &Card) -> ClientConfig {
    config(tls(b"skep/1", Some(card)))
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap()
}

/// Connects and says hello. An end before the answer is what the coordinator
/// has to say to it.
pub(crate) async fn knock(
    endpoint: &Endpoint,
    config: ClientConfig,
    to: SocketAddr,
) -> Result<Connection, ConnectionError> {
    soon(async {
        let connection = endpoint
            .connect_with(config, to, "pool.invalid")
            .unwrap()
            .await?;
        let (mut send, mut recv) = match connection.open_bi().await {
            Ok(halves) => halves,
            Err(_) => return Err(connection.closed().await),
        };
        let answered = async {
            send.write_all(&HELLO).await.ok()?;
            recv.read_exact(&mut [0; 3]).await.ok()
        };
        match answered.await {
            Some(()) => Ok(connection),
            None => Err(connection.closed().await),
        }
    })
    .await
}

/// The alert of TLS that a peer was sent away with.
pub(crate) fn alert(error: &ConnectionError) -> Option<u8> {
    match error {
        ConnectionError::ConnectionClosed(close) => {
            let code = u64::from(close.error_code);
            (0x100..0x200).contains(&code).then_some(code as u8)
        }
        ConnectionError::ApplicationClosed(_)
        | ConnectionError::CidsExhausted
        | ConnectionError::LocallyClosed
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::TransportError(_)
        | ConnectionError::VersionMismatch => None,
    }
}

/// Opens a stream and writes this to it.
pub(crate) async fn say(connection: &Connection, bytes: &[u8]) -> (SendStream, RecvStream) {
    let (mut send, recv) = soon(connection.open_bi()).await.unwrap();
    soon(send.write_all(bytes)).await.unwrap();
    (send, recv)
}

/// Settings of one that takes next to nothing.
pub(crate) fn stingy() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .stream_receive_window(1024u32.into())
        .receive_window(65_536u32.into());
    transport
}

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
