//! Who is let in, and what the others are told.

use crate::{
    pool::{Member, Pool, soon},
    raw::{self, Card, alert, knock, leaf_params, new_key, spki},
};
use quinn::{ClientConfig, ConnectionError};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, SanType};
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};
use transport::{
    Address, Admitted, CloseReason, ConnectError, DeviceId, PoolListener, Request, Usage,
};

const UNKNOWN_CA: u8 = 48;
const ACCESS_DENIED: u8 = 49;
const CERTIFICATE_REQUIRED: u8 = 116;
const NO_PROTOCOL: u8 = 120;

/// Knocks, must be sent away in the handshake, and says with which alert.
async fn sent_away(listener: &PoolListener, config: ClientConfig) -> u8 {
    let to = listener.local_addr().unwrap();
    let error = knock(&raw::endpoint(), config, to).await.unwrap_err();
    alert(&error).unwrap_or_else(|| panic!("no alert of TLS: {error}"))
}

/// The listener still lets an honest member in, and had nobody else.
async fn still_lets_in(pool: &mut Pool, listener: &PoolListener) {
    let member = pool.member(250);
    let (session, _uplink) = pool.connected(listener, &member).await;
    assert_eq!(session.device(), member.device.id);
}

#[tokio::test]
async fn nobody_comes_in_without_a_certificate() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let config = raw::config(raw::tls(b"skep/1", None));
    assert_eq!(sent_away(&listener, config).await, CERTIFICATE_REQUIRED);
    still_lets_in(&mut pool, &listener).await;
}

#[tokio::test]
async fn a_certificate_of_another_pools_ca_is_refused_on_both_sides() {
    let mut pool = Pool::new();
    let mut other = Pool::numbered(2);
    let listener = pool.listen();
    let card = Card::good(&mut other, 1);
    assert_eq!(
        sent_away(&listener, raw::card_config(&card)).await,
        UNKNOWN_CA
    );

    let astray = other.member(2);
    let to = listener.local_addr().unwrap();
    let error = astray.connect(&other.connector(), to).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::OtherCoordinator { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("another pool"), "{error}");
    still_lets_in(&mut pool, &listener).await;
}

#[tokio::test]
async fn a_certificate_must_be_for_a_client_alone_and_bear_one_name_of_this_pool() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let good = leaf_params(DeviceId([1; 16]), &pool);
    let mut wrong = Vec::new();
    for uses in [
        vec![],
        vec![ExtendedKeyUsagePurpose::ServerAuth],
        vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ],
        vec![ExtendedKeyUsagePurpose::Any],
    ] {
        let mut params = good.clone();
        params.extended_key_usages = uses;
        wrong.push(("use", params));
    }
    let another = leaf_params(DeviceId([1; 16]), &Pool::numbered(2));
    let two = [&good, &another].map(|params| params.subject_alt_names[0].clone());
    for names in [vec![], another.subject_alt_names.clone(), two.to_vec()] {
        let mut params = good.clone();
        params.subject_alt_names = names;
        wrong.push(("name", params));
    }
    let mut params = good.clone();
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    wrong.push(("name", params));
    // Another device's name on an admitted key.
    wrong.push(("device", leaf_params(DeviceId([2; 16]), &pool)));
    let mut params = good.clone();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wrong.push(("authority", params));
    for (what, params) in &wrong {
        let card = Card::forged(&mut pool, 1, params);
        let told = sent_away(&listener, raw::card_config(&card)).await;
        assert_eq!(told, ACCESS_DENIED, "{what}: {params:?}");
    }
    let card = Card::forged(&mut pool, 1, &good);
    let to = listener.local_addr().unwrap();
    knock(&raw::endpoint(), raw::card_config(&card), to)
        .await
        .expect("the good one comes in");
}

#[tokio::test]
async fn a_leaf_that_brings_others_along_is_refused() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let card = Card::good(&mut pool, 1);
    let leaf = card.chain[0].clone();
    let ca = pool.ca.certificate().to_vec();
    for chain in [
        vec![leaf.clone(), ca.clone()],
        vec![leaf.clone(), leaf.clone(), leaf.clone(), leaf.clone(), ca],
    ] {
        let card = Card {
            chain,
            key: rcgen::KeyPair::try_from(card.key.serialize_der()).unwrap(),
        };
        let told = sent_away(&listener, raw::card_config(&card)).await;
        assert_eq!(told, ACCESS_DENIED);
    }
    // More than the handshake has room for ends it without being read.
    for leaves in [100, 1_000] {
        let card = Card {
            chain: vec![leaf.clone(); leaves],
            key: rcgen::KeyPair::try_from(card.key.serialize_der()).unwrap(),
        };
        let to = listener.local_addr().unwrap();
        let refused = knock(&raw::endpoint(), raw::card_config(&card), to).await;
        assert!(refused.is_err(), "{leaves} certificates");
    }
    still_lets_in(&mut pool, &listener).await;
}

#[tokio::test]
async fn a_device_that_the_registry_does_not_hold_is_refused_and_told_so() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let stranger = pool.stranger(1);
    let error = stranger.connect(&pool.connector(), to).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAdmitted), "{error}");

    let member = pool.member(2);
    pool.connected(&listener, &member).await;
    pool.revoke(member.device.id);
    let error = member.connect(&pool.connector(), to).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAdmitted), "{error}");
    still_lets_in(&mut pool, &listener).await;
}

#[tokio::test]
async fn a_member_speaks_only_with_the_key_it_pinned() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let impostor = crate::pool::Device::new(200);
    let leaf = pool.leaf(&impostor, Usage::Server, SystemTime::now());
    let listener = pool.listen_with(0, &impostor.identity, &leaf);
    let error = refused_by(&member, &pool, listener.local_addr().unwrap()).await;
    assert!(error.contains("its key is not the one"), "{error}");

    // A member's own leaf does not make a coordinator, nor one for both.
    let leaf = pool.leaf(&pool.coordinator, Usage::Client, SystemTime::now());
    let listener = pool.listen_with(0, &pool.coordinator.identity, &leaf);
    let error = refused_by(&member, &pool, listener.local_addr().unwrap()).await;
    assert!(error.contains("not one of a coordinator"), "{error}");
}

async fn refused_by(member: &Member, pool: &Pool, to: SocketAddr) -> String {
    let error = member.connect(&pool.connector(), to).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::OtherCoordinator { .. }),
        "{error}"
    );
    error.to_string()
}

#[tokio::test]
async fn another_protocol_is_refused_and_another_version_is_told_ours() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let card = Card::good(&mut pool, 1);
    for alpn in [&b"h3"[..], b"skep/2", b"skep-pair/1"] {
        let config = raw::config(raw::tls(alpn, Some(&card)));
        assert_eq!(sent_away(&listener, config).await, NO_PROTOCOL);
    }
    let endpoint = raw::endpoint();
    let config = raw::card_config(&card);
    let connecting = endpoint.connect_with(config, to, "pool.invalid").unwrap();
    let connection = soon(connecting).await.unwrap();
    let (_send, mut recv) = raw::say(&connection, &[2, 0, 0, 9]).await;
    let mut answer = [0; 4];
    soon(recv.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, [2, 0, 1, 1], "other version, ours is 1");
    let closed = soon(connection.closed()).await;
    let ConnectionError::ApplicationClosed(close) = closed else {
        panic!("{closed}");
    };
    assert_eq!(close.error_code, 3u32.into());
    still_lets_in(&mut pool, &listener).await;
}

#[tokio::test]
async fn nothing_is_resumed_and_nothing_is_sent_early() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let card = Card::good(&mut pool, 1);
    // One configuration, so that it remembers what it was given.
    let config = raw::card_config(&card);
    let endpoint = raw::endpoint();
    for _ in 0..2 {
        let connecting = endpoint
            .connect_with(config.clone(), to, "pool.invalid")
            .unwrap();
        let connecting = match connecting.into_0rtt() {
            Ok(_) => panic!("early data was offered"),
            Err(connecting) => connecting,
        };
        let connection = soon(connecting).await.unwrap();
        let (_send, mut recv) = raw::say(&connection, &raw::HELLO).await;
        soon(recv.read_exact(&mut [0; 3])).await.unwrap();
    }
    pool.revoke(DeviceId([1; 16]));
    let told = sent_away(&listener, config).await;
    assert_eq!(told, ACCESS_DENIED, "what it remembers opens nothing");
}

#[tokio::test]
async fn a_revoked_device_loses_its_connection_while_it_streams() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let other = pool.member(2);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    let (untouched, _keep) = pool.connected(&listener, &other).await;
    let (mut to, _from) = uplink.open_control().await.unwrap();
    let Some(Request::Control(_answer, mut asked)) = soon(session.next_stream()).await else {
        panic!("no control stream");
    };
    let stream = tokio::spawn(async move {
        let chunk = bytes::Bytes::from(vec![0; 8192]);
        while to.send(chunk.clone()).await.is_ok() {}
    });
    soon(asked.recv()).await.unwrap().unwrap();
    pool.revoke(member.device.id);
    // Far less than the time-out of a connection that nobody closes.
    let told = tokio::time::timeout(Duration::from_secs(10), uplink.closed());
    let told = told.await.expect("it was told at once");
    assert_eq!((told.reason, told.by_us), (CloseReason::Revoked, false));
    let here = soon(session.closed()).await;
    assert_eq!((here.reason, here.by_us), (CloseReason::Revoked, true));
    assert!(soon(session.next_stream()).await.is_none());
    soon(stream).await.unwrap();
    assert_eq!(pool.registry.connected(), [untouched.device()]);
}

#[tokio::test]
async fn a_device_that_is_revoked_between_its_handshake_and_its_hello_is_not_let_in() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let card = Card::good(&mut pool, 1);
    let endpoint = raw::endpoint();
    let config = raw::card_config(&card);
    let connecting = endpoint.connect_with(config, to, "pool.invalid").unwrap();
    let connection = soon(connecting).await.unwrap();
    // It has looked at the certificate when it says that the handshake is done.
    let (mut send, mut recv) = raw::say(&connection, &raw::HELLO[..2]).await;
    soon(async {
        while connection.stats().frame_rx.handshake_done == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    pool.revoke(DeviceId([1; 16]));
    soon(send.write_all(&raw::HELLO[2..])).await.unwrap();
    let ConnectionError::ApplicationClosed(close) = soon(connection.closed()).await else {
        panic!("not closed by the coordinator");
    };
    assert_eq!(close.error_code, 1u32.into());
    assert!(recv.read(&mut [0; 1]).await.is_err(), "no welcome");
    still_lets_in(&mut pool, &listener).await;
}

#[tokio::test]
async fn of_two_machines_with_one_key_the_newer_stays() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let (older, older_uplink) = pool.connected(&listener, &member).await;
    let (newer, newer_uplink) = pool.connected(&listener, &member).await;
    let told = soon(older_uplink.closed()).await;
    assert_eq!((told.reason, told.by_us), (CloseReason::Superseded, false));
    assert_eq!(soon(older.closed()).await.reason, CloseReason::Superseded);
    drop(older);
    assert_eq!(pool.registry.connected(), [newer.device()]);
    newer_uplink.open_control().await.unwrap();
    assert!(matches!(
        soon(newer.next_stream()).await,
        Some(Request::Control(..))
    ));
    drop((newer, newer_uplink));
    while !pool.registry.connected().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_key_under_another_devices_name_in_the_registry_is_not_that_device() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let stranger = pool.stranger(1);
    pool.admit_key(Admitted {
        spki: stranger.device.identity.spki(),
        device: DeviceId([2; 16]),
    });
    pool.admit_key(Admitted {
        spki: spki(&new_key()),
        device: stranger.device.id,
    });
    let to = listener.local_addr().unwrap();
    let error = stranger.connect(&pool.connector(), to).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAdmitted), "{error}");
}

#[tokio::test]
async fn the_address_that_answers_is_found_among_those_that_do_not() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let good = Address::from(listener.local_addr().unwrap());
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = Address::from(silent.local_addr().unwrap());
    let nowhere: Address = "no-such-host.invalid".parse().unwrap();
    let connector = pool.connector();
    let (identity, membership) = (&member.device.identity, &member.membership);
    let all = [nowhere.clone(), silent.clone(), good];
    let uplink = soon(connector.connect(identity, membership, &all)).await;
    uplink.unwrap();

    pool.timing.connect = Duration::from_millis(300);
    let connector = pool.connector();
    let error = soon(connector.connect(identity, membership, &[nowhere.clone(), silent])).await;
    assert!(
        matches!(error, Err(ConnectError::NoAnswer { .. })),
        "{error:?}"
    );
    let error = soon(connector.connect(identity, membership, &[nowhere])).await;
    assert!(
        matches!(error, Err(ConnectError::Resolve { .. })),
        "{error:?}"
    );
    let error = soon(connector.connect(identity, membership, &[])).await;
    assert!(matches!(error, Err(ConnectError::NoAddress)), "{error:?}");
}
