use super::{Client, ConnectError, Desk, Door, DoorError};
use crate::answer::{Answer, Caller, Then, Upload};
use api::{BytesOf, Error, ErrorCode, Event, LogFilter, Reply, Request, TaskCounts};
use bytes::Bytes;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Answers from what it is asked, so that a wrong pairing shows.
#[derive(Clone)]
struct Echo {
    left: mpsc::Sender<()>,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "it has an answer of its own to a few requests only"
)]
impl Desk for Echo {
    async fn call(
        &self,
        request: Request,
        caller: Caller,
        upload: Option<Upload>,
    ) -> Result<Answer, Error> {
        assert_eq!(
            caller,
            Caller::Local {
                uid: rustix::process::geteuid().as_raw(),
                pid: Some(i32::try_from(std::process::id()).unwrap())
            }
        );
        match request {
            Request::Upload { .. } => {
                let mut upload = upload.unwrap();
                let mut hash = blake3::Hasher::new();
                let mut bytes = 0;
                while let Some(piece) = upload.recv().await {
                    hash.update(&piece);
                    bytes += piece.len() as u64;
                }
                Ok(Reply::Blob {
                    blob: hash.finalize().to_hex().to_string(),
                    bytes,
                }
                .into())
            }
            Request::Read {
                index,
                what: BytesOf::Result,
                ..
            } => {
                let (pieces, then) = mpsc::channel(1);
                tokio::spawn(async move {
                    for nth in 0..index {
                        pieces.send(Ok(piece(nth))).await.unwrap();
                    }
                });
                Ok(Answer {
                    reply: Reply::Bytes {
                        bytes: u64::from(index) * 100_000,
                    },
                    then: Then::Bytes(then),
                })
            }
            Request::Read { .. } => {
                let (pieces, then) = mpsc::channel(2);
                pieces.send(Ok(piece(0))).await.unwrap();
                pieces
                    .send(Err(Error::new(ErrorCode::BlobCorrupt, "rotten")))
                    .await
                    .unwrap();
                Ok(Answer {
                    reply: Reply::Bytes { bytes: 1 << 30 },
                    then: Then::Bytes(then),
                })
            }
            Request::Follow { job, .. } if job == "forever" => {
                let (events, then) = mpsc::channel::<Event>(1);
                let left = self.left.clone();
                tokio::spawn(async move {
                    events.closed().await;
                    left.send(()).await.unwrap();
                });
                let (last, reply) = oneshot::channel();
                tokio::spawn(async move {
                    let _never = last;
                    std::future::pending::<()>().await;
                });
                Ok(Answer {
                    reply: Reply::Following,
                    then: Then::Events(then, reply),
                })
            }
            Request::Follow { .. } => {
                let (events, then) = mpsc::channel(1);
                let (last, reply) = oneshot::channel();
                tokio::spawn(async move {
                    for done in 0..100 {
                        let tasks = TaskCounts {
                            done,
                            ..TaskCounts::default()
                        };
                        events
                            .send(Event::Progress {
                                tasks,
                                reason: None,
                            })
                            .await
                            .unwrap();
                    }
                    last.send(Reply::Done).unwrap();
                });
                Ok(Answer {
                    reply: Reply::Following,
                    then: Then::Events(then, reply),
                })
            }
            Request::Task { index, .. } => {
                // The later asked, the sooner answered.
                tokio::time::sleep(Duration::from_millis(u64::from(20 - index))).await;
                Ok(Reply::Bytes { bytes: 0 }.into())
                    .and_then(|_: Answer| Err(Error::new(ErrorCode::NoSuchTask, index.to_string())))
            }
            Request::Machine { machine } => Err(Error::new(
                ErrorCode::NoSuchMachine,
                machine.repeat(1 << 20),
            )),
            _ => Ok(Reply::Done.into()),
        }
    }
}

fn piece(nth: u32) -> Bytes {
    vec![u8::try_from(nth % 251).unwrap(); 100_000].into()
}

struct Open {
    _dir: tempfile::TempDir,
    socket: PathBuf,
    serving: tokio::task::JoinHandle<()>,
    left: mpsc::Receiver<()>,
}

async fn open() -> Open {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    let door = Door::open(&socket).await.unwrap();
    let (sender, left) = mpsc::channel(1);
    let serving = tokio::spawn(async move { door.serve(Echo { left: sender }).await });
    Open {
        _dir: dir,
        socket,
        serving,
        left,
    }
}

#[tokio::test]
async fn many_requests_share_a_connection_and_each_gets_its_own_answer() {
    let open = open().await;
    let client = Client::connect(&open.socket).await.unwrap();
    let asked: Vec<_> = (0..20)
        .map(|index| {
            let client = client.clone();
            tokio::spawn(async move {
                client
                    .call(
                        Request::Task {
                            job: "j".into(),
                            index,
                        },
                        None,
                    )
                    .await
            })
        })
        .collect();
    for (index, answer) in asked.into_iter().enumerate() {
        assert_eq!(
            answer.await.unwrap().unwrap_err().message,
            index.to_string()
        );
    }
}

#[tokio::test]
async fn bytes_go_both_ways_while_events_come() {
    let open = open().await;
    let client = Client::connect(&open.socket).await.unwrap();
    let (pieces, upload) = mpsc::channel(1);
    let up = tokio::spawn({
        let client = client.clone();
        async move {
            client
                .call(Request::Upload { bytes: None }, Some(upload))
                .await
                .unwrap()
                .reply
        }
    });
    let Then::Events(mut events, last) = client
        .call(
            Request::Follow {
                job: "j".into(),
                output: true,
            },
            None,
        )
        .await
        .unwrap()
        .then
    else {
        panic!()
    };
    let Then::Bytes(mut down) = client
        .call(
            Request::Read {
                job: "j".into(),
                index: 30,
                what: BytesOf::Result,
            },
            None,
        )
        .await
        .unwrap()
        .then
    else {
        panic!()
    };
    let mut whole = blake3::Hasher::new();
    for nth in 0..30 {
        whole.update(&piece(nth));
    }
    tokio::spawn(async move {
        for nth in 0..30 {
            pieces.send(piece(nth)).await.unwrap();
        }
    });
    let came = tokio::spawn(async move {
        let mut came = blake3::Hasher::new();
        while let Some(some) = down.recv().await {
            came.update(&some.unwrap());
        }
        came.finalize()
    });
    for done in 0..100 {
        let Some(Event::Progress { tasks, .. }) = events.recv().await else {
            panic!()
        };
        assert_eq!(tasks.done, done);
    }
    assert!(events.recv().await.is_none());
    assert_eq!(last.await.unwrap(), Reply::Done);
    let expected = whole.finalize();
    assert_eq!(came.await.unwrap(), expected);
    assert_eq!(
        up.await.unwrap(),
        Reply::Blob {
            blob: expected.to_hex().to_string(),
            bytes: 3_000_000
        }
    );
}

#[tokio::test]
async fn a_download_that_fails_ends_with_its_error_and_never_as_if_whole() {
    let open = open().await;
    let client = Client::connect(&open.socket).await.unwrap();
    let read = Request::Read {
        job: "j".into(),
        index: 0,
        what: BytesOf::Log,
    };
    let Then::Bytes(mut down) = client.call(read, None).await.unwrap().then else {
        panic!()
    };
    let mut last = None;
    while let Some(some) = down.recv().await {
        last = Some(some);
    }
    assert_eq!(last.unwrap().unwrap_err().code, ErrorCode::BlobCorrupt);
}

#[tokio::test]
async fn who_leaves_is_noticed_and_a_node_that_leaves_too() {
    let mut open = open().await;
    let client = Client::connect(&open.socket).await.unwrap();
    let answer = client
        .call(
            Request::Follow {
                job: "forever".into(),
                output: false,
            },
            None,
        )
        .await
        .unwrap();
    drop((client, answer));
    tokio::time::timeout(Duration::from_secs(20), open.left.recv())
        .await
        .unwrap()
        .unwrap();

    let client = Client::connect(&open.socket).await.unwrap();
    let Then::Events(mut events, last) = client
        .call(
            Request::Follow {
                job: "forever".into(),
                output: false,
            },
            None,
        )
        .await
        .unwrap()
        .then
    else {
        panic!()
    };
    open.serving.abort();
    assert!(events.recv().await.is_none());
    assert!(last.await.is_err());
    assert_eq!(
        client.call(Request::Status, None).await.unwrap_err().code,
        ErrorCode::Unreachable
    );
    drop(open.serving.await);
    assert!(!open.socket.exists(), "a closed door leaves no socket");
    assert!(matches!(
        Client::connect(&open.socket).await,
        Err(ConnectError::Nobody)
    ));
}

#[tokio::test]
async fn an_answer_too_long_for_a_frame_is_said_and_the_connection_lives_on() {
    let open = open().await;
    let client = Client::connect(&open.socket).await.unwrap();
    let error = client
        .call(
            Request::Machine {
                machine: "xx".into(),
            },
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Internal);
    assert_eq!(
        client.call(Request::Modules, None).await.unwrap().reply,
        Reply::Done
    );
}

#[tokio::test]
async fn logs_without_following_have_no_events() {
    let open = open().await;
    let client = Client::connect(&open.socket).await.unwrap();
    let logs = Request::Logs {
        filter: LogFilter::default(),
        limit: 1,
        follow: false,
    };
    assert!(matches!(
        client.call(logs, None).await.unwrap().then,
        Then::Nothing
    ));
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(matches!(
        Client::connect(&socket).await,
        Err(ConnectError::Nobody)
    ));
    let door = Door::open(&socket).await.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(
        Door::open(&socket).await,
        Err(DoorError::Taken(_))
    ));
    drop(door);
    std::fs::write(&socket, "a file of somebody").unwrap();
    assert!(matches!(
        Door::open(&socket).await,
        Err(DoorError::NotASocket(_))
    ));
    assert_eq!(std::fs::read(&socket).unwrap(), b"a file of somebody");
}

#[tokio::test]
async fn garbage_and_silence_cost_the_door_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let open = open().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 64],
        &[5, 0, 0, 0, 1, 0, 0, 0, 0],
    ] {
        let mut stream = tokio::net::UnixStream::connect(&open.socket).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut rest = Vec::new();
        // Reset or closed: both are an end.
        drop(
            tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
                .await
                .unwrap(),
        );
    }
    let _silent = tokio::net::UnixStream::connect(&open.socket).await.unwrap();
    let client = Client::connect(&open.socket).await.unwrap();
    assert_eq!(
        client.call(Request::Modules, None).await.unwrap().reply,
        Reply::Done
    );
}
