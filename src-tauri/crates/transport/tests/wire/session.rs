//! What two sides that know each other do.

use crate::pool::{Pool, soon};
use bytes::Bytes;
use transport::{
    CloseReason, Fetch, Offer, Offered, Refusal, Request, Session, StreamError, Uplink,
};

/// Bytes that are all different from their neighbours.
fn blob(bytes: usize) -> Bytes {
    (0..bytes).map(|n| (n * 31 / 8) as u8).collect()
}

async fn fetch(session: &Session) -> Fetch {
    match soon(session.next_stream()).await {
        Some(Request::Fetch(fetch)) => fetch,
        other => panic!("no fetch: {other:?}"),
    }
}

async fn offer(session: &Session) -> Offer {
    match soon(session.next_stream()).await {
        Some(Request::Offer(offer)) => offer,
        other => panic!("no offer: {other:?}"),
    }
}

/// A member with its session, and the pool that must outlive them.
async fn pair() -> (Pool, transport::PoolListener, Session, Uplink) {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    (pool, listener, session, uplink)
}

#[tokio::test]
async fn a_member_is_welcomed_and_both_sides_know_whom_they_speak_with() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    assert_eq!(session.device(), member.device.id);
    assert_eq!(session.spki(), member.device.identity.spki());
    assert!(!session.renewal_only() && !uplink.renewal_only());
    assert_eq!(uplink.remote(), listener.local_addr().unwrap());
    assert!(uplink.clock_skew_ms().abs() < 60_000);
    assert_eq!(pool.registry.connected(), [member.device.id]);
}

#[tokio::test]
async fn buffers_flow_both_ways_on_a_control_stream_in_their_order() {
    let (_pool, _listener, session, uplink) = pair().await;
    let (mut to, mut from) = soon(uplink.open_control()).await.unwrap();
    to.send_many(vec![Bytes::from_static(b"he"), Bytes::from_static(b"llo")])
        .await
        .unwrap();
    let Some(Request::Control(mut answer, mut asked)) = soon(session.next_stream()).await else {
        panic!("no control stream");
    };
    let mut heard = Vec::new();
    while heard.len() < 5 {
        heard.extend(soon(asked.recv()).await.unwrap().unwrap());
    }
    assert_eq!(heard, b"hello");
    answer.send(Bytes::from(heard)).await.unwrap();
    answer.finish();
    let mut echoed = Vec::new();
    while let Some(chunk) = soon(from.recv()).await.unwrap() {
        echoed.extend(chunk);
    }
    assert_eq!(echoed, b"hello");
    to.finish();
    assert_eq!(soon(asked.recv()).await, Ok(None));
}

#[tokio::test]
async fn a_blob_is_fetched_from_an_offset_in_large_pieces() {
    let (_pool, _listener, session, uplink) = pair().await;
    let whole = blob(3_000_000);
    let serve = async {
        let fetch = fetch(&session).await;
        assert_eq!((fetch.digest(), fetch.offset()), ([7; 32], 1_000));
        let mut out = fetch.grant(3_000_000).await.unwrap();
        out.send(whole.slice(1_000..)).await.unwrap();
        out.finish().await.unwrap();
    };
    let take = async {
        let mut incoming = uplink.fetch([7; 32], 1_000).await.unwrap();
        assert_eq!(
            (incoming.bytes_total(), incoming.offset()),
            (3_000_000, 1_000)
        );
        let mut pieces = Vec::new();
        while let Some(piece) = incoming.next().await.unwrap() {
            pieces.push(piece);
        }
        pieces
    };
    let ((), pieces) = soon(async { tokio::join!(serve, take) }).await;
    assert_eq!(pieces.concat(), whole[1_000..]);
    let (_, full) = pieces.split_last().unwrap();
    assert!(full.iter().all(|piece| piece.len() >= 256 << 10));
}

#[tokio::test]
async fn an_offered_blob_is_taken_from_where_it_was_left_and_kept() {
    let (pool, _listener, session, uplink) = pair().await;
    let budget = pool.budget.left();
    let whole = blob(9_000_000);
    let serve = async {
        let offer = offer(&session).await;
        assert_eq!((offer.digest(), offer.bytes()), ([8; 32], 9_000_000));
        let (mut incoming, verdict) = offer.want(500_000).await.unwrap();
        assert!(pool.budget.left() < budget, "its window was raised");
        let mut got = Vec::new();
        while let Some(piece) = incoming.next().await.unwrap() {
            got.extend(piece);
        }
        verdict.kept().await.unwrap();
        got
    };
    let give = async {
        let Offered::Want(mut out) = uplink.offer([8; 32], 9_000_000).await.unwrap() else {
            panic!("it has it already");
        };
        let from = out.offset() as usize;
        out.send_from(&mut &whole[from..]).await.unwrap();
        out.finish().await.unwrap();
    };
    let (got, ()) = soon(async { tokio::join!(serve, give) }).await;
    assert_eq!(got, whole[500_000..]);
    assert_eq!(pool.budget.left(), budget, "the window was given back");
}

#[tokio::test]
async fn what_is_there_already_is_not_sent_and_what_is_refused_says_why() {
    let (_pool, _listener, session, uplink) = pair().await;
    let serve = async {
        offer(&session).await.have().await.unwrap();
        offer(&session)
            .await
            .refuse(Refusal::TooLarge)
            .await
            .unwrap();
        fetch(&session)
            .await
            .refuse(Refusal::NotGranted)
            .await
            .unwrap();
        let offer = offer(&session).await;
        let (mut incoming, verdict) = offer.want(0).await.unwrap();
        assert_eq!(incoming.next().await.unwrap().unwrap(), b"ab".as_slice());
        assert_eq!(incoming.next().await, Ok(None));
        verdict.refuse(Refusal::WrongBytes).await.unwrap();
    };
    let ask = async {
        assert!(matches!(uplink.offer([1; 32], 5).await, Ok(Offered::Have)));
        let refused = uplink.offer([1; 32], 1 << 40).await.unwrap_err();
        assert_eq!(refused, StreamError::Refused(Refusal::TooLarge));
        let refused = uplink.fetch([1; 32], 0).await.unwrap_err();
        assert_eq!(refused, StreamError::Refused(Refusal::NotGranted));
        let Ok(Offered::Want(mut out)) = uplink.offer([1; 32], 2).await else {
            panic!("not wanted");
        };
        out.send(Bytes::from_static(b"ab")).await.unwrap();
        let refused = out.finish().await.unwrap_err();
        assert_eq!(refused, StreamError::Refused(Refusal::WrongBytes));
    };
    soon(async { tokio::join!(serve, ask) }).await;
}

#[tokio::test]
async fn a_goodbye_is_heard_as_one_on_both_sides() {
    let (_pool, _listener, session, uplink) = pair().await;
    uplink.close(CloseReason::Goodbye);
    let (there, here) = soon(async { tokio::join!(session.closed(), uplink.closed()) }).await;
    assert_eq!(
        (there.reason, there.by_us, there.timed_out),
        (CloseReason::Goodbye, false, false)
    );
    assert_eq!((here.reason, here.by_us), (CloseReason::Goodbye, true));
    assert!(soon(session.next_stream()).await.is_none());
}

#[tokio::test]
async fn streams_are_given_back_however_they_end() {
    let (pool, _listener, session, uplink) = pair().await;
    let budget = pool.budget.left();
    let whole = blob(1_000_000);
    let serve = async {
        for n in 0..300 {
            let Some(request) = session.next_stream().await else {
                panic!("the session ended after {n} streams");
            };
            match request {
                Request::Fetch(fetch) if n % 3 == 0 => {
                    fetch.refuse(Refusal::NotGranted).await.unwrap();
                }
                Request::Fetch(fetch) => {
                    let mut out = fetch.grant(1_000_000).await.unwrap();
                    // The member may have given it up by now.
                    let _ = out.send(whole.clone()).await;
                    let _ = out.finish().await;
                }
                Request::Control(..)
                | Request::Door(..)
                | Request::Offer(_)
                | Request::Renew(_) => {
                    panic!("{request:?}");
                }
            }
        }
    };
    let ask = async {
        for n in 0..300 {
            let answer = uplink.fetch([1; 32], 0).await;
            match n % 3 {
                0 => drop(answer.unwrap_err()),
                1 => {
                    let mut incoming = answer.unwrap();
                    while incoming.next().await.unwrap().is_some() {}
                }
                _ => drop(answer.unwrap()),
            }
        }
    };
    soon(async { tokio::join!(serve, ask) }).await;
    drop((session, uplink));
    while pool.budget.left() != budget {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_channel_has_ready_goes_out_together_and_the_stream_ends_with_it() {
    let (_pool, _listener, session, uplink) = pair().await;
    let (sender, _receiver) = uplink.open_door().await.unwrap();
    let (put, take) = tokio::sync::mpsc::channel(1_000);
    let pump = tokio::spawn(sender.pump(take));
    let hear = async {
        let Some(Request::Door(_sender, mut receiver)) = session.next_stream().await else {
            panic!("no door stream");
        };
        let mut heard = Vec::new();
        while let Some(chunk) = receiver.recv().await.unwrap() {
            heard.extend(chunk);
        }
        heard
    };
    let say = async {
        for n in 0..5_000u16 {
            put.send(Bytes::copy_from_slice(&n.to_le_bytes()))
                .await
                .unwrap();
        }
        drop(put);
    };
    let (heard, ()) = soon(async { tokio::join!(hear, say) }).await;
    assert_eq!(
        heard,
        (0..5_000u16)
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    );
    soon(pump).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_door_stream_can_be_used_like_any_other() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_pool, _listener, session, uplink) = pair().await;
    let (mut to, mut from) = uplink.open_door().await.unwrap();
    let serve = async {
        let Some(Request::Door(mut answer, mut asked)) = session.next_stream().await else {
            panic!("no door stream");
        };
        let mut heard = Vec::new();
        asked.read_to_end(&mut heard).await.unwrap();
        answer.write_all(&heard).await.unwrap();
        answer.shutdown().await.unwrap();
    };
    let ask = async {
        to.write_all(&blob(2_000_000)).await.unwrap();
        to.shutdown().await.unwrap();
        let mut echoed = Vec::new();
        from.read_to_end(&mut echoed).await.unwrap();
        echoed
    };
    let ((), echoed) = soon(async { tokio::join!(serve, ask) }).await;
    assert_eq!(echoed, blob(2_000_000));
}

#[tokio::test]
async fn what_was_delivered_is_there_although_the_session_closes_at_once() {
    let (_pool, _listener, session, uplink) = pair().await;
    let (mut sender, _receiver) = uplink.open_control().await.unwrap();
    let hear = async {
        let Some(Request::Control(_sender, mut receiver)) = session.next_stream().await else {
            panic!("no control stream");
        };
        let mut heard = 0;
        while let Some(chunk) = receiver.recv().await.unwrap() {
            heard += chunk.len();
        }
        heard
    };
    let say = async {
        sender.send(blob(200_000)).await.unwrap();
        sender.delivered().await.unwrap();
    };
    let (heard, ()) = soon(async { tokio::join!(hear, say) }).await;
    uplink.close(CloseReason::Goodbye);
    assert_eq!(heard, 200_000);

    let (_pool, _listener, session, uplink) = pair().await;
    let (mut sender, _receiver) = uplink.open_control().await.unwrap();
    sender.send(Bytes::from_static(b"x")).await.unwrap();
    let request = soon(session.next_stream()).await;
    drop(request);
    let refused = soon(sender.delivered()).await.unwrap_err();
    assert_eq!(refused, StreamError::Reset);
}
