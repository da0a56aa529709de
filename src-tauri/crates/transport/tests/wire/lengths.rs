//! Blobs that are longer, shorter or slower than they should be.

use crate::{
    hostile::{Scene, reset_code, short},
    pool::soon,
    raw::{self, say},
};
use bytes::Bytes;
use quinn::VarInt;
use std::time::Duration;
use transport::{Offered, Request, StreamError, Timing};

const TOO_LONG: VarInt = VarInt::from_u32(2);

/// A frame that offers so many bytes.
fn offer(bytes: u64) -> Vec<u8> {
    let mut header = vec![3];
    header.extend([9; 32]);
    // Seven bits at a time, the lowest first.
    let mut left = bytes;
    while left > 127 {
        header.push(left as u8 | 0x80);
        left >>= 7;
    }
    header.push(left as u8);
    let mut frame = vec![header.len() as u8, 0];
    frame.extend(header);
    frame
}

#[tokio::test]
async fn a_blob_that_trickles_is_given_up() {
    let scene = Scene::new(short()).await;
    let (mut send, mut recv) = say(&scene.hostile, &offer(100)).await;
    let trickle = async {
        // One byte now and then, far less than a KiB a second.
        loop {
            if send.write_all(&[0]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let take = async {
        let Some(Request::Offer(offered)) = scene.session.next_stream().await else {
            panic!("no offer");
        };
        let (mut incoming, verdict) = offered.want(0).await.unwrap();
        assert_eq!(incoming.next().await, Err(StreamError::TooSlow));
        drop(verdict);
    };
    soon(async { tokio::join!(trickle, take) }).await;
    assert_eq!(reset_code(&mut recv).await, VarInt::from_u32(0));
    scene.honest_is_served().await;
}

#[tokio::test]
async fn of_a_blob_not_one_byte_more_is_taken_than_was_announced() {
    let scene = Scene::new(Timing::default()).await;
    let budget = scene.pool.budget.left();
    for extra in [1, 100_000] {
        let (mut send, _recv) = say(&scene.hostile, &offer(100)).await;
        let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
            panic!("no offer");
        };
        let (mut incoming, _verdict) = offered.want(0).await.unwrap();
        let sent = tokio::spawn(async move {
            let _ = send.write_all(&vec![0; 100 + extra]).await;
            send.stopped().await
        });
        let error = soon(incoming.next()).await.unwrap_err();
        assert_eq!(error, StreamError::TooLong { declared: 100 });
        assert_eq!(soon(sent).await.unwrap(), Ok(Some(TOO_LONG)));
    }
    assert_eq!(scene.pool.budget.left(), budget);
    scene.honest_is_served().await;
}

#[tokio::test]
async fn a_blob_that_ends_early_is_no_blob() {
    let scene = Scene::new(Timing::default()).await;
    for bytes in [0, 1, 99] {
        let (mut send, _recv) = say(&scene.hostile, &offer(100)).await;
        let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
            panic!("no offer");
        };
        let (mut incoming, _verdict) = offered.want(0).await.unwrap();
        send.write_all(&vec![0; bytes]).await.unwrap();
        send.finish().unwrap();
        let error = soon(incoming.next()).await.unwrap_err();
        let (got, declared) = (bytes as u64, 100);
        assert_eq!(error, StreamError::EarlyEnd { got, declared });
    }
    // The same for one that is given up, and for one whose peer is gone.
    let (mut send, _recv) = say(&scene.hostile, &offer(100)).await;
    let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
        panic!("no offer");
    };
    let (mut incoming, _verdict) = offered.want(0).await.unwrap();
    send.write_all(&[0; 50]).await.unwrap();
    send.reset(VarInt::from_u32(0)).unwrap();
    assert_eq!(soon(incoming.next()).await, Err(StreamError::Reset));
    let (_send, _recv) = say(&scene.hostile, &offer(100)).await;
    let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
        panic!("no offer");
    };
    let (mut incoming, _verdict) = offered.want(0).await.unwrap();
    scene.hostile.close(0u32.into(), b"");
    let error = soon(incoming.next()).await.unwrap_err();
    assert!(matches!(error, StreamError::Closed(_)), "{error}");
    scene.honest_is_served().await;
}

#[tokio::test]
async fn our_own_side_keeps_to_the_length_it_announced() {
    let scene = Scene::new(Timing::default()).await;
    let (session, uplink) = &scene.honest;
    let serve = async {
        let Some(Request::Offer(offered)) = session.next_stream().await else {
            panic!("no offer");
        };
        let (mut incoming, verdict) = offered.want(0).await.unwrap();
        let error = incoming.next().await.unwrap_err();
        assert_eq!(error, StreamError::Reset, "given up, which is no end");
        drop(verdict);
    };
    let give = async {
        let Offered::Want(mut out) = uplink.offer([1; 32], 10).await.unwrap() else {
            panic!("it has it already");
        };
        out.send(Bytes::from_static(b"12345")).await.unwrap();
        let error = out.send(Bytes::from_static(b"678901")).await.unwrap_err();
        assert_eq!(error, StreamError::TooLong { declared: 10 });
        let short = out.finish().await.unwrap_err();
        assert_eq!(
            short,
            StreamError::EarlyEnd {
                got: 5,
                declared: 10
            }
        );
    };
    soon(async { tokio::join!(serve, give) }).await;
}

#[tokio::test]
async fn a_granted_blob_may_be_further_under_way_than_anything_else() {
    let scene = Scene::new(Timing::default()).await;
    let (mut send, _recv) = say(&scene.hostile, &offer(20_000_000)).await;
    let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
        panic!("no offer");
    };
    let (_unread, _verdict) = offered.want(0).await.unwrap();
    // Nobody reads, and still more goes out than the small window lets.
    let mut taken = 0;
    while taken < 900_000 {
        taken += soon(send.write(&[0; 4096])).await.unwrap();
    }
    scene.honest_is_served().await;
}

#[tokio::test]
async fn after_a_blob_the_window_is_small_again() {
    for bytes in [400_000, 5_000_000, 20_000_000] {
        let scene = Scene::new(Timing::default()).await;
        let all = scene.pool.budget.left();
        let (mut send, _recv) = say(&scene.hostile, &offer(bytes)).await;
        let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
            panic!("no offer");
        };
        let give = async {
            send.write_all(&vec![1; bytes as usize]).await.unwrap();
            send.finish().unwrap();
        };
        let take = async {
            let (mut incoming, verdict) = offered.want(0).await.unwrap();
            while incoming.next().await.unwrap().is_some() {}
            verdict.kept().await.unwrap();
        };
        soon(async { tokio::join!(give, take) }).await;
        assert_eq!(scene.pool.budget.left(), all);

        let (mut send, _recv) = say(&scene.hostile, &raw::CONTROL).await;
        let _unread = soon(scene.session.next_stream()).await.unwrap();
        let mut taken = 0;
        while let Ok(wrote) =
            tokio::time::timeout(Duration::from_millis(500), send.write(&[0; 4096])).await
        {
            taken += wrote.unwrap();
        }
        assert!(taken <= 256 << 10, "{taken} bytes after one of {bytes}");
    }
}

#[tokio::test]
async fn what_a_peer_may_still_send_stays_charged_until_its_connection_ends() {
    let scene = Scene::new(Timing::default()).await;
    let all = scene.pool.budget.left();
    let (_send, _recv) = say(&scene.hostile, &offer(20_000_000)).await;
    let Some(Request::Offer(offered)) = soon(scene.session.next_stream()).await else {
        panic!("no offer");
    };
    let taken = offered.want(0).await.unwrap();
    let charged = all - scene.pool.budget.left();
    assert!(charged > 7 << 20, "{charged} bytes");
    drop(taken);
    assert_eq!(all - scene.pool.budget.left(), charged);
    scene.hostile.close(0u32.into(), b"");
    soon(scene.session.closed()).await;
    let Scene { pool, session, .. } = scene;
    drop(session);
    assert_eq!(pool.budget.left(), all);
}

#[tokio::test]
async fn where_the_budget_is_used_up_blobs_arrive_all_the_same() {
    let mut pool = crate::pool::Pool::new();
    pool.budget = transport::WindowBudget::new(0);
    let member = pool.member(1);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    let serve = async {
        let Some(Request::Offer(offered)) = session.next_stream().await else {
            panic!("no offer");
        };
        let (mut incoming, verdict) = offered.want(0).await.unwrap();
        let mut got = 0;
        while let Some(piece) = incoming.next().await.unwrap() {
            got += piece.len();
        }
        verdict.kept().await.unwrap();
        got
    };
    let give = async {
        let Offered::Want(mut out) = uplink.offer([1; 32], 20_000_000).await.unwrap() else {
            panic!("it has it already");
        };
        out.send(Bytes::from(vec![1; 20_000_000])).await.unwrap();
        out.finish().await.unwrap();
    };
    let (got, ()) = soon(async { tokio::join!(serve, give) }).await;
    assert_eq!(got, 20_000_000);
    assert_eq!(pool.budget.left(), 0);
}
