//! Peers that are let in and misbehave. Each time an honest one stays served.

use crate::{
    pool::{Pool, soon},
    raw::{self, Card, knock, say},
};
use bytes::Bytes;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, ReadError, RecvStream, VarInt};
use std::{sync::Arc, time::Duration};
use transport::{Outgoing, PoolListener, Refusal, Request, Session, StreamError, Timing, Uplink};

const TOO_SLOW: VarInt = VarInt::from_u32(1);
const TOO_LONG: VarInt = VarInt::from_u32(2);
const BROKEN: VarInt = VarInt::from_u32(3);

/// Deadlines that a test can wait for and an honest peer does not meet.
pub(crate) fn short() -> Timing {
    Timing {
        header: Duration::from_secs(2),
        write: Duration::from_secs(2),
        slow: Duration::from_secs(2),
        ..Timing::default()
    }
}

/// A hostile peer that was let in, and an honest one beside it.
pub(crate) struct Scene {
    pub(crate) pool: Pool,
    _listener: PoolListener,
    _endpoint: Endpoint,
    pub(crate) hostile: Connection,
    pub(crate) session: Session,
    pub(crate) honest: (Session, Uplink),
}

impl Scene {
    pub(crate) async fn new(timing: Timing) -> Scene {
        Scene::with(timing, |_| {}).await
    }

    async fn with(timing: Timing, set: impl FnOnce(&mut ClientConfig)) -> Scene {
        let mut pool = Pool::new();
        pool.timing = timing;
        let card = Card::good(&mut pool, 1);
        let member = pool.member(2);
        let listener = pool.listen();
        let endpoint = raw::endpoint();
        let mut config = raw::card_config(&card);
        set(&mut config);
        let to = listener.local_addr().unwrap();
        let hostile = knock(&endpoint, config, to).await.unwrap();
        let session = soon(listener.accept()).await.unwrap();
        let honest = pool.connected(&listener, &member).await;
        Scene {
            pool,
            _listener: listener,
            _endpoint: endpoint,
            hostile,
            session,
            honest,
        }
    }

    /// The honest peer gets a blob.
    pub(crate) async fn honest_is_served(&self) {
        let (session, uplink) = &self.honest;
        let serve = async {
            let mut out = granted(session, 100_000).await;
            out.send(Bytes::from(vec![1; 100_000])).await.unwrap();
            out.finish().await.unwrap();
        };
        let take = async {
            let mut incoming = uplink.fetch([1; 32], 0).await.unwrap();
            assert_eq!(incoming.next().await.unwrap().unwrap().len(), 100_000);
            assert_eq!(incoming.next().await, Ok(None));
        };
        soon(async { tokio::join!(serve, take) }).await;
    }

    /// Takes what the hostile peer asks for; there must be nothing.
    fn expect_nothing(&self) -> tokio::task::JoinHandle<Option<Request>> {
        let session = self.session.clone();
        tokio::spawn(async move { session.next_stream().await })
    }
}

async fn granted(session: &Session, total: u64) -> Outgoing {
    match soon(session.next_stream()).await {
        Some(Request::Fetch(fetch)) => fetch.grant(total).await.unwrap(),
        other => panic!("no fetch: {other:?}"),
    }
}

/// A frame that wants a blob.
fn fetch() -> Vec<u8> {
    let mut frame = vec![34, 0, 2];
    frame.extend([9; 32]);
    frame.push(0);
    frame
}

pub(crate) async fn reset_code(recv: &mut RecvStream) -> VarInt {
    loop {
        match soon(recv.read(&mut [0; 64])).await {
            Ok(Some(_)) => {}
            Err(ReadError::Reset(code)) => return code,
            other => panic!("not reset: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stream_that_never_says_what_it_is_for_is_reset() {
    let scene = Scene::new(short()).await;
    let nothing = scene.expect_nothing();
    let mut waiting = Vec::new();
    // Half a length, a length alone, half a header.
    for bytes in [&[34][..], &[34, 0], &fetch()[..20]] {
        waiting.push(say(&scene.hostile, bytes).await);
    }
    for (_send, recv) in &mut waiting {
        assert_eq!(reset_code(recv).await, TOO_SLOW);
    }
    scene.honest_is_served().await;
    assert!(!nothing.is_finished());
}

#[tokio::test]
async fn a_header_of_no_known_form_is_refused_and_the_session_goes_on() {
    let scene = Scene::new(Timing::default()).await;
    let session = scene.session.clone();
    let served = tokio::spawn(async move { session.next_stream().await });
    let refused = |refusal: u32| VarInt::from_u32(0x100 + refusal);
    let mut long = vec![0; 2];
    long.extend([0; 60]);
    let unknown = refused(Refusal::Unknown as u32);
    for (bytes, code) in [
        (vec![0, 0], BROKEN),
        (vec![0xFF, 0xFF], TOO_LONG),
        (vec![1, 4], TOO_LONG),
        // A kind that does not exist, one with too few bytes, one with too many.
        (vec![1, 0, 6], unknown),
        (vec![2, 0, 2, 9], unknown),
        (vec![2, 0, 1, 1], unknown),
        (long, BROKEN),
        (raw::HELLO.to_vec(), unknown),
    ] {
        let (_send, mut recv) = say(&scene.hostile, &bytes).await;
        assert_eq!(reset_code(&mut recv).await, code, "{bytes:?}");
    }
    for bytes in [&[][..], &[1], &fetch()[..20]] {
        let (mut send, mut recv) = say(&scene.hostile, bytes).await;
        send.finish().unwrap();
        assert_eq!(reset_code(&mut recv).await, BROKEN, "{bytes:?} and the end");
    }
    let (mut send, mut recv) = say(&scene.hostile, &fetch()).await;
    send.finish().unwrap();
    let Some(Request::Fetch(wanted)) = soon(served).await.unwrap() else {
        panic!("the good one did not come through");
    };
    wanted.refuse(Refusal::NotGranted).await.unwrap();
    let mut answer = [0; 4];
    soon(recv.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, [2, 0, 7, 0]);
    scene.honest_is_served().await;
}

#[tokio::test]
async fn a_header_in_single_bytes_and_one_with_its_bytes_behind_it_are_the_same() {
    let scene = Scene::new(Timing::default()).await;
    let (mut send, _recv) = soon(scene.hostile.open_bi()).await.unwrap();
    let mut all = raw::CONTROL.to_vec();
    all.extend(b"hello");
    for byte in &all {
        soon(send.write_all(&[*byte])).await.unwrap();
        tokio::task::yield_now().await;
    }
    let (_other, _its) = say(&scene.hostile, &all).await;
    for _ in 0..2 {
        let Some(Request::Control(_sender, mut receiver)) = soon(scene.session.next_stream()).await
        else {
            panic!("no control stream");
        };
        let mut heard = Vec::new();
        while heard.len() < 5 {
            heard.extend(soon(receiver.recv()).await.unwrap().unwrap());
        }
        assert_eq!(heard, b"hello");
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_loses_its_streams_and_costs_no_more_than_it_may() {
    let scene = Scene::with(short(), |config| {
        config.transport_config(Arc::new(raw::stingy()));
    })
    .await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(say(&scene.hostile, &fetch()).await);
    }
    unread.push(say(&scene.hostile, &raw::CONTROL).await);
    let mut sending = Vec::new();
    for _ in 0..unread.len() {
        let request = soon(scene.session.next_stream()).await.unwrap();
        sending.push(tokio::spawn(async move {
            match request {
                Request::Fetch(fetch) => {
                    let mut out = fetch.grant(1 << 30).await.unwrap();
                    let piece = Bytes::from(vec![0; 256 << 10]);
                    loop {
                        if let Err(error) = out.send(piece.clone()).await {
                            return error;
                        }
                    }
                }
                Request::Control(mut sender, _receiver) => loop {
                    let chunk = Bytes::from(vec![0; 4096]);
                    if let Err(error) = sender.send(chunk).await {
                        return error;
                    }
                },
                Request::Door(..) | Request::Offer(_) | Request::Renew(_) => {
                    panic!("{request:?}")
                }
            }
        }));
    }
    scene.honest_is_served().await;
    for sent in sending {
        assert_eq!(soon(sent).await.unwrap(), StreamError::TooSlow);
    }
    for (_send, recv) in &mut unread {
        assert_eq!(reset_code(recv).await, TOO_SLOW);
    }
    scene.honest_is_served().await;
}

#[tokio::test]
async fn what_nobody_reads_is_held_back_at_the_small_window() {
    let scene = Scene::with(Timing::default(), |_| {}).await;
    let mut senders = Vec::new();
    for _ in 0..8 {
        senders.push(say(&scene.hostile, &raw::CONTROL).await);
        // Taken, but not read.
        let request = soon(scene.session.next_stream()).await.unwrap();
        assert!(matches!(request, Request::Control(..)));
        tokio::spawn(async move {
            let _unread = request;
            std::future::pending::<()>().await;
        });
    }
    let mut taken = 0;
    for (send, _) in &mut senders {
        while let Ok(wrote) =
            tokio::time::timeout(Duration::from_millis(500), send.write(&[0; 4096])).await
        {
            taken += wrote.unwrap();
        }
    }
    assert!(taken > 0 && taken <= 256 << 10, "{taken} bytes");
    scene.honest_is_served().await;
}

#[tokio::test]
async fn a_peer_that_opens_and_resets_streams_without_end_is_sent_away() {
    let scene = Scene::new(Timing::default()).await;
    let nothing = scene.expect_nothing();
    let flood = async {
        loop {
            let Ok((mut send, _recv)) = scene.hostile.open_bi().await else {
                break;
            };
            let _ = send.write_all(&[0]).await;
            let _ = send.reset(VarInt::from_u32(0));
        }
    };
    soon(flood).await;
    let ConnectionError::ApplicationClosed(close) = soon(scene.hostile.closed()).await else {
        panic!("not closed by the coordinator");
    };
    assert_eq!(close.error_code, VarInt::from_u32(4));
    assert!(soon(nothing).await.unwrap().is_none());
    scene.honest_is_served().await;
}

#[tokio::test]
async fn a_peer_that_opens_streams_and_ends_them_empty_without_end_is_sent_away() {
    let scene = Scene::new(Timing::default()).await;
    let nothing = scene.expect_nothing();
    let flood = async {
        while let Ok((mut send, _recv)) = scene.hostile.open_bi().await {
            let _ = send.finish();
        }
    };
    soon(flood).await;
    assert!(soon(nothing).await.unwrap().is_none());
    scene.honest_is_served().await;
}

#[tokio::test]
async fn a_peer_that_takes_all_streams_leaves_the_others_theirs() {
    let scene = Scene::new(Timing::default()).await;
    let mut open = Vec::new();
    // The hello was one of its 64, and quinn gives places back in batches.
    while let Ok(Ok(halves)) =
        tokio::time::timeout(Duration::from_millis(500), scene.hostile.open_bi()).await
    {
        open.push(halves);
    }
    assert!(open.len() <= 64, "{} streams", open.len());
    scene.honest_is_served().await;
}
