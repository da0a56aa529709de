//! QUIC's settings. None is left to a default that is not ours.

use crate::{
    identity::EndpointKeys,
    limits::{
        CRYPTO_BYTES_MAX, INCOMING_BYTES, INCOMING_BYTES_TOTAL, INCOMING_MAX, PAIRING_WINDOW,
        SEND_WINDOW, STREAM_WINDOW, STREAMS_MAX, WINDOW,
    },
    session::Timing,
};
use quinn::{
    ClientConfig, EndpointConfig, IdleTimeout, NoneTokenLog, NoneTokenStore, ServerConfig,
    TransportConfig, ValidationTokenConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use std::{sync::Arc, time::Duration};

const QUIC_V1: u32 = 1;

/// An endpoint that can tell those of before a restart that they are unknown.
pub(super) fn endpoint(keys: &EndpointKeys) -> EndpointConfig {
    let reset = hmac::Key::new(hmac::HMAC_SHA256, &keys.reset);
    let connection_ids = keys.connection_ids;
    let mut config = EndpointConfig::new(Arc::new(reset));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(connection_ids)));
    // After a restart a thousand members ask at once, and each is told.
    config.min_reset_interval(Duration::ZERO);
    // Its drafts are nobody's any more.
    config.supported_versions(vec![QUIC_V1]);
    config
}

/// The coordinator's side of a pool connection.
pub(super) fn pool_server(tls: QuicServerConfig, timing: &Timing) -> ServerConfig {
    let mut transport = pool_transport(timing);
    transport.max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX));
    server(tls, transport)
}

/// The member's side of one.
pub(super) fn pool_client(tls: QuicClientConfig, timing: &Timing) -> ClientConfig {
    let mut transport = pool_transport(timing);
    // Only the member opens streams, and only it keeps the way open.
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    transport.keep_alive_interval(Some(timing.keep_alive));
    client(tls, transport)
}

/// The coordinator's side of a newcomer's connection.
pub(super) fn pairing_server(tls: QuicServerConfig, timing: &Timing) -> ServerConfig {
    let mut transport = pairing_transport(timing);
    transport.max_concurrent_bidi_streams(VarInt::from_u32(1));
    server(tls, transport)
}

/// The newcomer's side of it.
pub(super) fn pairing_client(tls: QuicClientConfig, timing: &Timing) -> ClientConfig {
    let mut transport = pairing_transport(timing);
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    transport.keep_alive_interval(Some(timing.keep_alive));
    client(tls, transport)
}

fn server(tls: QuicServerConfig, transport: TransportConfig) -> ServerConfig {
    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0).log(Arc::new(NoneTokenLog));
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL)
        .validation_token_config(tokens)
        .migration(true);
    config
}

fn client(tls: QuicClientConfig, transport: TransportConfig) -> ClientConfig {
    let mut config = ClientConfig::new(Arc::new(tls));
    config
        .transport_config(Arc::new(transport))
        .token_store(Arc::new(NoneTokenStore));
    config
}

fn pool_transport(timing: &Timing) -> TransportConfig {
    let mut transport = transport(timing);
    transport
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(SEND_WINDOW);
    transport
}

fn pairing_transport(timing: &Timing) -> TransportConfig {
    let mut transport = transport(timing);
    transport
        .stream_receive_window(VarInt::from_u32(PAIRING_WINDOW))
        .receive_window(VarInt::from_u32(PAIRING_WINDOW))
        .send_window(u64::from(PAIRING_WINDOW));
    transport
}

fn transport(timing: &Timing) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        // No more than QUIC can say: then the longest there is.
        .max_idle_timeout(Some(
            IdleTimeout::try_from(timing.idle).unwrap_or(IdleTimeout::from(VarInt::MAX)),
        ))
        .crypto_buffer_size(CRYPTO_BYTES_MAX)
        .datagram_receive_buffer_size(None);
    transport
}
