//! The exchange over the pairing endpoint: real sessions, real exporters.

use std::{
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};
use transport::pairing::{
    Admission, Code, Exporter, Granted, Host, HostFailure, HostOutput, Introduction, JoinBy,
    JoinFailure, JoinOutput, Joiner, Seed,
};
use transport::*;

const WITHIN: Duration = Duration::from_secs(60);

async fn host(
    mut stream: PairingStream,
    ca: &Ca,
    pool: PoolId,
    code: &Code,
    seed: u8,
) -> Result<(), HostFailure> {
    let mut host = Host::new("home", &Seed::new([seed; 32]));
    loop {
        while let Some(output) = host.poll_output() {
            match output {
                HostOutput::Send(message) => stream.send(&message).await.expect("it goes"),
                HostOutput::Charge { spki, .. } => {
                    host.charged(Some(code), &Exporter::new(stream.export(spki)));
                }
                HostOutput::LookUp { .. } => unreachable!("it comes by code"),
                HostOutput::Decide { joiner, .. } => {
                    let leaf =
                        ca.sign(&joiner.csr, joiner.device, Usage::Client, SystemTime::now());
                    host.admit(Admission {
                        leaf: leaf.expect("a leaf"),
                        ca: ca.certificate().to_vec(),
                        pool,
                        pool_name: "home".to_owned(),
                        coordinators: vec![ca.spki()],
                        addresses: vec![],
                        granted: Granted {
                            person: "Ada".to_owned(),
                            work: true,
                            submit: true,
                            admin: false,
                        },
                        again: false,
                    });
                }
                HostOutput::Done => {
                    stream.finish().await;
                    return Ok(());
                }
                HostOutput::Failed(why) => {
                    stream.finish().await;
                    return Err(why);
                }
            }
        }
        match stream.recv(WITHIN).await {
            Ok(message) => host.handle_message(&message),
            Err(_) => host.handle_closed(),
        }
    }
}

async fn join(
    mut stream: PairingStream,
    own: &Identity,
    code: &Code,
) -> Result<Admission, JoinFailure> {
    let introduction = Introduction {
        spki: own.spki(),
        device: DeviceId([3; 16]),
        name: "studio-pc".to_owned(),
        os: "Linux".to_owned(),
        program: "0.1.0".to_owned(),
        wire: 1,
        csr: own.csr(),
    };
    let exporter = Exporter::new(stream.export(own.spki()));
    let mut joiner = Joiner::new(
        &introduction,
        &JoinBy::Code(code.clone()),
        exporter,
        &Seed::new([9; 32]),
    );
    loop {
        while let Some(output) = joiner.poll_output() {
            match output {
                JoinOutput::Send(message) => stream.send(&message).await.expect("it goes"),
                JoinOutput::Waiting { pool_name } => assert_eq!(pool_name, "home"),
                JoinOutput::Done(admission) => return Ok(*admission),
                JoinOutput::Failed(why) => return Err(why),
            }
        }
        match stream.recv(WITHIN).await {
            Ok(message) => joiner.handle_message(&message),
            Err(_) => joiner.handle_closed(),
        }
    }
}

struct Side {
    _folder: tempfile::TempDir,
    identity: Identity,
    ca: Ca,
    pool: PoolId,
}
fn side() -> Side {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::open(&folder.path().join("keys")).unwrap();
    let pool = PoolId([1; 16]);
    let ca = Ca::open(&folder.path().join("ca"), pool, SystemTime::now()).unwrap();
    Side {
        _folder: folder,
        identity,
        ca,
        pool,
    }
}
fn listen(side: &Side) -> (PairingListener, Vec<Address>) {
    let leaf = side
        .ca
        .sign(
            &side.identity.csr(),
            DeviceId([5; 16]),
            Usage::Server,
            SystemTime::now(),
        )
        .unwrap();
    let at = At::any_port(Ipv4Addr::LOCALHOST);
    let listener = PairingListener::bind(
        &at,
        &side.identity,
        &leaf,
        side.ca.certificate(),
        Timing::default(),
    )
    .unwrap();
    let address = listener.local_addr().unwrap().into();
    (listener, vec![address])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lets_a_machine_in_over_the_wire() {
    let (theirs, ours) = (side(), side());
    let (listener, addresses) = listen(&theirs);
    let code = Code::new([1, 2, 3, 4, 5]);
    let connector =
        PairingConnector::bind(&At::any_port(Ipv4Addr::LOCALHOST), Timing::default()).unwrap();
    let (hosted, joined) = tokio::join!(
        async {
            host(
                listener.accept().await.unwrap(),
                &theirs.ca,
                theirs.pool,
                &code,
                1,
            )
            .await
        },
        async {
            join(
                connector.connect(&addresses).await.unwrap(),
                &ours.identity,
                &code,
            )
            .await
        },
    );
    assert_eq!(hosted, Ok(()));
    let admission = joined.unwrap();
    assert_eq!(admission.ca, theirs.ca.certificate());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_between_two_real_sessions_fails_at_both_ends() {
    let (theirs, ours, thief) = (side(), side(), side());
    let (listener, addresses) = listen(&theirs);
    let (trap, trapped) = listen(&thief);
    let code = Code::new([1, 2, 3, 4, 5]);
    let connector =
        PairingConnector::bind(&At::any_port(Ipv4Addr::LOCALHOST), Timing::default()).unwrap();
    let relay = async {
        let mut up = connector.connect(&addresses).await.unwrap();
        let mut down = trap.accept().await.unwrap();
        for _ in 0..2 {
            up.send(&down.recv(WITHIN).await.unwrap()).await.unwrap();
            down.send(&up.recv(WITHIN).await.unwrap()).await.unwrap();
        }
        down.finish().await;
    };
    let (hosted, joined, ()) = tokio::join!(
        async {
            host(
                listener.accept().await.unwrap(),
                &theirs.ca,
                theirs.pool,
                &code,
                1,
            )
            .await
        },
        async {
            join(
                connector.connect(&trapped).await.unwrap(),
                &ours.identity,
                &code,
            )
            .await
        },
        relay,
    );
    assert_eq!(hosted, Err(HostFailure::WrongProof));
    assert_eq!(joined.unwrap_err(), JoinFailure::CodeInvalid);
}
