//! Certificates end, and devices do not.

use crate::{
    pool::{Pool, soon},
    raw::{self, Card, alert, knock, leaf_params},
};
use std::time::{Duration, SystemTime};
use transport::{ConnectError, DeviceId, Refusal, Request, StreamError, Usage};

const EXPIRED: u8 = 45;
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_leaf_that_begins_later_is_refused_and_the_member_learns_that_it_is_the_clock() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let mut early = pool.member_signed_at(1, SystemTime::now() + 3600 * Duration::from_secs(1));
    pool.admit(&early);
    let error = early.connect(&pool.connector(), to).await.unwrap_err();
    assert!(matches!(error, ConnectError::Clock { .. }), "{error}");
    early.membership.leaf = pool.leaf(&early.device, Usage::Client, SystemTime::now());
    early.connect(&pool.connector(), to).await.unwrap();
}

#[tokio::test]
async fn an_expired_leaf_is_good_for_a_new_one_and_nothing_else() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let mut late = pool.member_signed_at(1, SystemTime::now() - 20 * DAY);
    pool.admit(&late);
    let (session, uplink) = pool.connected(&listener, &late).await;
    assert!(session.renewal_only() && uplink.renewal_only());
    let refused = StreamError::Refused(Refusal::RenewFirst);
    assert_eq!(uplink.open_control().await.unwrap_err(), refused);
    assert_eq!(uplink.fetch([1; 32], 0).await.unwrap_err(), refused);

    let csr = late.device.identity.csr();
    let sign = async {
        let Some(Request::Renew(renewal)) = session.next_stream().await else {
            panic!("no renewal");
        };
        let leaf = pool
            .ca
            .sign(
                renewal.csr(),
                session.device(),
                Usage::Client,
                SystemTime::now(),
            )
            .unwrap();
        renewal.grant(leaf).await.unwrap();
    };
    let (leaf, ()) = soon(async { tokio::join!(uplink.renew(csr), sign) }).await;
    late.membership.leaf = leaf.unwrap();
    let (session, uplink) = pool.connected(&listener, &late).await;
    assert!(!session.renewal_only() && !uplink.renewal_only());
    uplink.open_control().await.unwrap();
}

#[tokio::test]
async fn the_coordinator_itself_refuses_other_streams_to_an_expired_leaf() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let mut params = leaf_params(DeviceId([1; 16]), &pool);
    raw::dated(&mut params, SystemTime::now() - 20 * DAY, DAY);
    let card = Card::forged(&mut pool, 1, &params);
    let endpoint = raw::endpoint();
    let connection = knock(&endpoint, raw::card_config(&card), to).await.unwrap();
    let session = soon(listener.accept()).await.unwrap();
    let serve = tokio::spawn(async move { session.next_stream().await.is_none() });
    let (_send, mut recv) = raw::say(&connection, &raw::CONTROL).await;
    let error = soon(recv.read(&mut [0; 1])).await.unwrap_err();
    let renew_first = quinn::VarInt::from_u32(0x101);
    assert_eq!(error, quinn::ReadError::Reset(renew_first));
    connection.close(0u32.into(), b"");
    assert!(soon(serve).await.unwrap(), "no stream came through");
}

#[tokio::test]
async fn a_leaf_that_ended_more_than_a_year_ago_or_for_another_key_brings_nobody_in() {
    let mut pool = Pool::new();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let ancient = pool.member_signed_at(1, SystemTime::now() - 400 * DAY);
    pool.admit(&ancient);
    let error = ancient.connect(&pool.connector(), to).await.unwrap_err();
    let clock = matches!(
        error,
        ConnectError::Clock {
            coordinator_behind: None
        }
    );
    assert!(clock, "{error}");

    // Expired and unknown: the registry decides, as for any other.
    let unknown = pool.member_signed_at(2, SystemTime::now() - 20 * DAY);
    let error = unknown.connect(&pool.connector(), to).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAdmitted), "{error}");
    let mut params = leaf_params(DeviceId([3; 16]), &pool);
    raw::dated(&mut params, SystemTime::now() - 400 * DAY, DAY);
    let card = Card::forged(&mut pool, 3, &params);
    let error = knock(&raw::endpoint(), raw::card_config(&card), to).await;
    assert_eq!(alert(&error.unwrap_err()), Some(EXPIRED));
}

#[tokio::test]
async fn a_renewal_for_another_key_is_refused() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let other = pool.stranger(2);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    tokio::spawn(async move { while session.next_stream().await.is_some() {} });
    for csr in [other.device.identity.csr(), b"no request".to_vec()] {
        let refused = soon(uplink.renew(csr)).await.unwrap_err();
        assert_eq!(refused, StreamError::Refused(Refusal::NotGranted));
    }
}

#[tokio::test]
async fn a_coordinator_that_slept_through_its_renewal_is_known_by_its_key() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let leaf = |then| pool.leaf(&pool.coordinator, Usage::Server, then);
    for then in [SystemTime::now() - 30 * DAY, SystemTime::now() + DAY] {
        let listener = pool.listen_with(0, &pool.coordinator.identity, &leaf(then));
        pool.connected(&listener, &member).await;
    }
}

#[tokio::test]
async fn a_renewed_leaf_is_shown_without_a_restart() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let usage = Usage::Client;
    let wrong = pool.leaf(&pool.coordinator, usage, SystemTime::now());
    let listener = pool.listen_with(0, &pool.coordinator.identity, &wrong);
    let to = listener.local_addr().unwrap();
    member.connect(&pool.connector(), to).await.unwrap_err();
    let right = pool.leaf(&pool.coordinator, Usage::Server, SystemTime::now());
    listener
        .set_leaf(&pool.coordinator.identity, &right)
        .unwrap();
    pool.connected(&listener, &member).await;
}
