//! The pairing endpoint: strangers, few bytes, nothing of the pool's.

use crate::{
    pool::{Device, Pool, soon},
    raw,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};
use transport::{
    Address, At, BindError, ConnectError, PairingConnector, PairingError, PairingListener,
    PairingStream, Timing, Usage,
};

const LONG: Duration = Duration::from_secs(60);

fn at() -> At {
    At::any_port(Ipv4Addr::LOCALHOST)
}

fn listen(pool: &Pool, timing: Timing) -> PairingListener {
    let leaf = pool.leaf(&pool.coordinator, Usage::Server, SystemTime::now());
    let identity = &pool.coordinator.identity;
    PairingListener::bind(&at(), identity, &leaf, pool.ca.certificate(), timing).unwrap()
}

async fn dial(to: SocketAddr) -> Result<PairingStream, ConnectError> {
    let connector = PairingConnector::bind(&at(), Timing::default()).unwrap();
    soon(connector.connect(&[Address::from(to)])).await
}

/// A newcomer that has sent its first message, and the host that got it.
async fn meet(listener: &PairingListener) -> (PairingStream, PairingStream) {
    let mut newcomer = dial(listener.local_addr().unwrap()).await.unwrap();
    newcomer.send(b"I am new").await.unwrap();
    let mut host = soon(listener.accept()).await.unwrap();
    assert_eq!(host.recv(LONG).await.unwrap(), b"I am new");
    (newcomer, host)
}

#[tokio::test]
async fn two_strangers_exchange_messages_and_share_what_nobody_else_knows() {
    let pool = Pool::new();
    let listener = listen(&pool, Timing::default());
    let (mut newcomer, mut host) = meet(&listener).await;
    host.send(&[7; 4096]).await.unwrap();
    host.send(b"x").await.unwrap();
    assert_eq!(newcomer.recv(LONG).await.unwrap(), [7; 4096]);
    assert_eq!(newcomer.recv(LONG).await.unwrap(), b"x");

    let spki = Device::new(1).identity.spki();
    assert_eq!(newcomer.export(spki), host.export(spki));
    assert_ne!(newcomer.export(spki), newcomer.export(newcomer.leaf_spki()));
    assert_eq!(newcomer.ca_spki(), pool.ca.spki());
    assert_eq!(newcomer.leaf_spki(), pool.coordinator.identity.spki());
    assert_eq!(newcomer.ca_spki(), host.ca_spki());
    assert_eq!(newcomer.leaf_spki(), host.leaf_spki());
    assert_eq!(newcomer.remote(), listener.local_addr().unwrap());

    let (other, its_host) = meet(&listener).await;
    assert_ne!(other.export(spki), newcomer.export(spki));
    assert_eq!(other.export(spki), its_host.export(spki));
}

#[tokio::test]
async fn one_in_the_middle_has_two_exports_that_differ() {
    let pool = Pool::new();
    let listener = listen(&pool, Timing::default());
    // It has a pool of its own, and relays every byte.
    let evil = Pool::numbered(2);
    let middle = listen(&evil, Timing::default());
    let (newcomer, towards_newcomer) = meet(&middle).await;
    let (towards_host, host) = meet(&listener).await;
    let spki = Device::new(1).identity.spki();
    assert_eq!(newcomer.export(spki), towards_newcomer.export(spki));
    assert_eq!(host.export(spki), towards_host.export(spki));
    assert_ne!(newcomer.export(spki), host.export(spki));
    assert_ne!(newcomer.ca_spki(), pool.ca.spki(), "a link's pin sees it");
}

#[tokio::test]
async fn a_ca_that_did_not_sign_the_leaf_is_not_shown_as_its_ca() {
    let (pool, evil) = (Pool::new(), Pool::numbered(2));
    let leaf = evil.leaf(&evil.coordinator, Usage::Server, SystemTime::now());
    let identity = &evil.coordinator.identity;
    let stolen = pool.ca.certificate();
    let listener =
        PairingListener::bind(&at(), identity, &leaf, stolen, Timing::default()).unwrap();
    let error = dial(listener.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn messages_have_a_length_and_a_time() {
    let pool = Pool::new();
    let listener = listen(&pool, Timing::default());
    let (mut newcomer, mut host) = meet(&listener).await;
    for wrong in [&[][..], &[0; 4097]] {
        let error = newcomer.send(wrong).await.unwrap_err();
        assert!(matches!(error, PairingError::Length), "{error}");
    }
    let error = host.recv(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, PairingError::TooSlow), "{error}");
    newcomer.finish().await;
    let error = host.recv(LONG).await.unwrap_err();
    assert!(matches!(error, PairingError::Ended), "{error}");
    drop(host);

    // One that breaks the rules by hand.
    let to = listener.local_addr().unwrap();
    for (bytes, length) in [([0xFF, 0xFF], true), ([0, 0], true), ([9, 0], false)] {
        let endpoint = raw::endpoint();
        let config = raw::config(raw::tls(b"skep-pair/1", None));
        let connecting = endpoint
            .connect_with(config, to, "pairing.invalid")
            .unwrap();
        let connection = soon(connecting).await.unwrap();
        let (mut send, _recv) = raw::say(&connection, &bytes).await;
        send.finish().unwrap();
        let mut host = soon(listener.accept()).await.unwrap();
        let error = host.recv(LONG).await.unwrap_err();
        assert_eq!(
            matches!(error, PairingError::Length),
            length,
            "{bytes:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_newcomer_gets_one_stream_and_a_small_window() {
    let pool = Pool::new();
    let listener = listen(&pool, Timing::default());
    let to = listener.local_addr().unwrap();
    let endpoint = raw::endpoint();
    let config = raw::config(raw::tls(b"skep-pair/1", None));
    let connecting = endpoint
        .connect_with(config, to, "pairing.invalid")
        .unwrap();
    let connection = soon(connecting).await.unwrap();
    let (mut send, _recv) = raw::say(&connection, &[1]).await;
    let host = soon(listener.accept()).await.unwrap();
    let wait = Duration::from_millis(300);
    assert!(
        tokio::time::timeout(wait, connection.open_bi())
            .await
            .is_err()
    );
    assert!(
        tokio::time::timeout(wait, connection.open_uni())
            .await
            .is_err()
    );
    let mut taken = 1;
    while let Ok(wrote) = tokio::time::timeout(wait, send.write(&[0; 1024])).await {
        taken += wrote.unwrap();
    }
    assert!(taken <= 16 << 10, "{taken} bytes");
    drop(host);
    soon(connection.closed()).await;
}

#[tokio::test]
async fn the_two_endpoints_know_nothing_of_each_other() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let pairing = listen(&pool, Timing::default());
    let listener = pool.listen();
    let error = dial(listener.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
    let to = pairing.local_addr().unwrap();
    let error = member.connect(&pool.connector(), to).await.unwrap_err();
    assert!(matches!(error, ConnectError::Version { .. }), "{error}");
    drop(pairing);
    pool.connected(&listener, &member).await;
}

#[tokio::test]
async fn those_who_only_hold_a_place_make_room_for_others() {
    let pool = Pool::new();
    let timing = Timing {
        header: Duration::from_secs(1),
        ..Timing::default()
    };
    let listener = listen(&pool, timing);
    let to = listener.local_addr().unwrap();
    let endpoint = raw::endpoint();
    let mut idle = Vec::new();
    for _ in 0..32 {
        let config = raw::config(raw::tls(b"skep-pair/1", None));
        let connecting = endpoint
            .connect_with(config, to, "pairing.invalid")
            .unwrap();
        idle.push(soon(connecting).await.unwrap());
    }
    // They never open a stream.
    for connection in &idle {
        soon(connection.closed()).await;
    }
    meet(&listener).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_or_stepped_over_as_asked() {
    let pool = Pool::new();
    let first = listen(&pool, Timing::default());
    let port = first.local_addr().unwrap().port();
    let taken = At { port, ..at() };
    let leaf = pool.leaf(&pool.coordinator, Usage::Server, SystemTime::now());
    let bind = |at: &At| {
        let identity = &pool.coordinator.identity;
        PairingListener::bind(
            at,
            identity,
            &leaf,
            pool.ca.certificate(),
            Timing::default(),
        )
    };
    let error = bind(&taken).unwrap_err();
    assert!(
        matches!(error, BindError::PortTaken { port: said } if said == port),
        "{error}"
    );
    let next = At {
        or_next: Some(port..=port.saturating_add(50)),
        ..taken
    };
    let second = bind(&next).unwrap();
    assert_ne!(second.local_addr().unwrap().port(), port);
    soon(first.close()).await;
    assert!(soon(first.accept()).await.is_none());
}
