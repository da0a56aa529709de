//! What a session survives, and what ends it at once.

use crate::pool::{Member, PATIENCE, Pool, soon};
use bytes::Bytes;
use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Runtime, task::JoinSet};
use transport::{At, CloseReason, Receiver, Request, Sender, Session, Timing, Uplink};

/// A control stream between two sides.
struct Line {
    member: (Sender, Receiver),
    coordinator: (Sender, Receiver),
}

impl Line {
    async fn open(session: &Session, uplink: &Uplink) -> Line {
        let member = uplink.open_control().await.unwrap();
        let Some(Request::Control(sender, receiver)) = soon(session.next_stream()).await else {
            panic!("no control stream");
        };
        Line {
            member,
            coordinator: (sender, receiver),
        }
    }

    /// There and back.
    async fn echo(&mut self, byte: u8) {
        let said = Bytes::from(vec![byte]);
        self.member.0.send(said.clone()).await.unwrap();
        let heard = soon(self.coordinator.1.recv()).await.unwrap();
        self.coordinator.0.send(heard.unwrap()).await.unwrap();
        assert_eq!(soon(self.member.1.recv()).await.unwrap(), Some(said));
    }
}

#[tokio::test]
async fn a_session_follows_its_member_to_another_port_and_back_again() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let connector = pool.connector();
    let to = listener.local_addr().unwrap();
    let (session, uplink) =
        soon(async { tokio::join!(listener.accept(), member.connect(&connector, to)) }).await;
    let (session, uplink) = (session.unwrap(), uplink.unwrap());
    let mut line = Line::open(&session, &uplink).await;
    let mut ports = HashSet::from([session.remote().port()]);
    for turn in 0..5 {
        connector
            .rebind(&At::any_port(Ipv4Addr::LOCALHOST))
            .unwrap();
        line.echo(turn).await;
        let here = connector.local_addr().unwrap().port();
        // The coordinator moves on once the new path has proved itself.
        soon(async {
            while session.remote().port() != here {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        ports.insert(here);
        line.echo(turn).await;
    }
    assert!(ports.len() > 1);
    assert_eq!(pool.registry.connected(), [member.device.id]);
}

#[tokio::test]
async fn silence_is_borne_while_the_member_keeps_the_way_open() {
    let mut pool = Pool::new();
    pool.timing = Timing {
        idle: Duration::from_secs(4),
        keep_alive: Duration::from_millis(400),
        ..Timing::default()
    };
    let member = pool.member(1);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    let mut line = Line::open(&session, &uplink).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    line.echo(1).await;
}

#[tokio::test]
async fn a_peer_that_is_not_heard_any_more_has_timed_out_on_both_sides() {
    let mut pool = Pool::new();
    pool.timing = Timing {
        idle: Duration::from_secs(1),
        keep_alive: Duration::from_secs(60),
        ..Timing::default()
    };
    let member = pool.member(1);
    let listener = pool.listen();
    let (session, uplink) = pool.connected(&listener, &member).await;
    let (there, here) = soon(async { tokio::join!(session.closed(), uplink.closed()) }).await;
    for closed in [there, here] {
        assert!(closed.timed_out && !closed.by_us);
        assert_eq!(closed.reason, CloseReason::TimedOut);
    }
    drop((session, uplink));
    assert!(pool.registry.connected().is_empty());
}

#[tokio::test]
async fn a_coordinator_that_stops_in_good_order_tells_its_members() {
    let mut pool = Pool::new();
    let members: Vec<Member> = (1..=20).map(|number| pool.member(number)).collect();
    let listener = pool.listen();
    let mut connected = Vec::new();
    for member in &members {
        connected.push(pool.connected(&listener, member).await);
    }
    soon(listener.close()).await;
    for (session, uplink) in &connected {
        assert_eq!(soon(uplink.closed()).await.reason, CloseReason::Stopping);
        let here = soon(session.closed()).await;
        assert_eq!((here.reason, here.by_us), (CloseReason::Stopping, true));
    }
    assert!(soon(listener.accept()).await.is_none());
}

/// A coordinator on a runtime of its own, which can be killed: no goodbye
/// leaves it.
struct Mortal {
    runtime: Runtime,
    at: SocketAddr,
}

impl Mortal {
    fn start(pool: &Pool, port: u16) -> Mortal {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let listener = pool.listen_on(port);
        drop(guard);
        let at = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let mut sessions = Vec::new();
            while let Some(session) = listener.accept().await {
                sessions.push(session);
            }
        });
        Mortal { runtime, at }
    }

    fn kill(self) {
        // Its tasks are dropped wherever they wait; the socket closes unheard.
        self.runtime.shutdown_timeout(Duration::from_secs(10));
    }
}

#[test]
fn members_of_a_killed_coordinator_learn_from_its_successor_that_they_are_unknown() {
    let mut pool = Pool::new();
    // A time-out would come much later than the test waits.
    pool.timing.keep_alive = Duration::from_millis(200);
    pool.timing.idle = Duration::from_secs(600);
    let members: Vec<Member> = (1..=10).map(|number| pool.member(number)).collect();
    let here = Runtime::new().unwrap();
    let first = Mortal::start(&pool, 0);
    let at = first.at;
    let uplinks: Vec<Uplink> = here.block_on(async {
        let connector = pool.connector();
        let mut uplinks = Vec::new();
        for member in &members {
            uplinks.push(member.connect(&connector, at).await.unwrap());
        }
        uplinks
    });
    first.kill();
    let second = Mortal::start(&pool, at.port());
    here.block_on(async {
        for uplink in &uplinks {
            let closed = soon(uplink.closed()).await;
            assert_eq!(closed.reason, CloseReason::Restarted);
            assert!(!closed.timed_out && !closed.by_us);
        }
        for member in &members {
            member.connect(&pool.connector(), at).await.unwrap();
        }
    });
    second.kill();
}

#[tokio::test]
async fn more_members_than_may_be_half_way_in_come_from_one_address_at_once() {
    let mut pool = Pool::new();
    // However slow the machine is, nobody is forgotten meanwhile.
    pool.timing.connect = PATIENCE;
    pool.timing.handshake = PATIENCE;
    pool.timing.header = PATIENCE;
    let members: Vec<Member> = (1..=150).map(|number| pool.member(number)).collect();
    let count = members.len();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let connector = pool.connector();
    let mut connecting = JoinSet::new();
    let connected = Arc::new(AtomicUsize::new(0));
    for member in members {
        let (connector, connected) = (connector.clone(), Arc::clone(&connected));
        connecting.spawn(async move {
            let uplink = member.connect(&connector, to).await.unwrap();
            connected.fetch_add(1, Ordering::Relaxed);
            uplink
        });
    }
    let take = async {
        // As long as nobody takes them, 16 are ready and 128 are counted as
        // half-way in: the others have to wait.
        while connected.load(Ordering::Relaxed) < 144 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut sessions = Vec::new();
        while sessions.len() < count {
            sessions.push(listener.accept().await.unwrap());
        }
        sessions
    };
    let (uplinks, sessions) = soon(async { tokio::join!(connecting.join_all(), take) }).await;
    let devices: HashSet<_> = sessions.iter().map(Session::device).collect();
    assert_eq!(devices.len(), count);
    for uplink in &uplinks {
        uplink.open_control().await.unwrap();
    }
    for session in &sessions {
        let request = soon(session.next_stream()).await;
        assert!(matches!(request, Some(Request::Control(..))));
    }
}
