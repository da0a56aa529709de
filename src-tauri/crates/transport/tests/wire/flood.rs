//! What falls on the endpoint from outside, from nobody it knows.

use crate::{
    pool::{PATIENCE, Pool, soon},
    raw,
};
use std::{
    collections::HashSet,
    net::{Ipv4Addr, UdpSocket},
    sync::mpsc,
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

/// Handshakes' first packets, each its own, that nobody will continue.
fn first_packets(count: usize) -> Vec<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        Runtime::new().unwrap().block_on(async {
            let trap = UdpSocket::bind("127.0.0.1:0").unwrap();
            trap.set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            let endpoint = raw::endpoint();
            let config = raw::config(raw::tls(b"skep/1", None));
            let mut seen = HashSet::new();
            // One that is dropped would say goodbye to the trap.
            let mut connecting = Vec::new();
            while seen.len() < count {
                let to = trap.local_addr().unwrap();
                connecting.push(
                    endpoint
                        .connect_with(config.clone(), to, "pool.invalid")
                        .unwrap(),
                );
                let mut packet = vec![0; 2048];
                let bytes = tokio::task::block_in_place(|| trap.recv(&mut packet)).unwrap();
                packet.truncate(bytes);
                // Another may repeat itself meanwhile: where it wants to go, a
                // random number of the attempt's own, tells.
                let length = usize::from(packet[5]);
                if bytes >= 1200 && seen.insert(packet[6..6 + length].to_vec()) {
                    send.send(packet).unwrap();
                }
            }
        });
    });
    receive.iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_first_packets_from_everywhere_is_answered_little_and_honest_ones_come_in() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    // Some packets of an attempt repeat it; each attempt counts once.
    let packets = first_packets(200);
    let mut sent = 0;
    let sockets: Vec<UdpSocket> = packets
        .iter()
        .enumerate()
        .map(|(n, packet)| {
            let from = Ipv4Addr::new(127, 0, 1 + (n / 200) as u8, 1 + (n % 200) as u8);
            let socket = UdpSocket::bind((from, 0)).unwrap();
            socket.send_to(packet, to).unwrap();
            sent += packet.len();
            socket
        })
        .collect();
    // Honest ones prove their address, and are in while the others hang.
    pool.connected(&listener, &member).await;
    let (mut retries, mut came) = (0, 0);
    let mut packet = vec![0; 2048];
    for socket in &sockets {
        socket.set_nonblocking(true).unwrap();
        while let Ok(bytes) = socket.recv(&mut packet) {
            came += bytes;
            retries += usize::from(is_retry(&packet));
        }
    }
    assert!(came <= 3 * sent, "{came} bytes for {sent}");
    assert!(retries > 0, "nobody had to prove anything");
}

/// A long header of type Retry.
fn is_retry(packet: &[u8]) -> bool {
    packet[0] & 0xF0 == 0xF0
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_nobody_continues_are_forgotten() {
    let mut pool = Pool::new();
    pool.timing.handshake = Duration::from_secs(5);
    // QUIC's own end of a silent connection would hide a missing one of ours.
    pool.timing.idle = Duration::from_secs(600);
    let mut packets = first_packets(300).into_iter();
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    // Each from a port of its own, so that an answer is to this packet.
    let mut must_prove = || {
        let packet = packets.next().expect("none is left");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&packet, to).unwrap();
        let mut answer = [0; 2048];
        tokio::task::block_in_place(|| socket.recv(&mut answer)).expect("each is answered");
        is_retry(&answer)
    };
    while !must_prove() {}
    soon(async {
        while must_prove() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn noise_and_unknown_versions_disturb_nobody() {
    let mut pool = Pool::new();
    let member = pool.member(1);
    let listener = pool.listen();
    let to = listener.local_addr().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..2_000usize {
        let mut packet: Vec<u8> = (0..n % 1300).map(|at| (at * n * 7 + n / 3) as u8).collect();
        if n % 3 == 0 && packet.len() > 5 {
            // The form of a first packet, of a version that is none.
            packet[0] = 0xC0;
            packet[1..5].copy_from_slice(&[0x1a, 0x2a, 0x3a, n as u8]);
        }
        // A full buffer of the system drops noise like anything else.
        let _ = socket.send_to(&packet, to);
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    pool.connected(&listener, &member).await;
}
