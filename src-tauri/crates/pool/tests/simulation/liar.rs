//! A worker that lies: what it sends instead of, or besides, what is so.

use crate::stage::{Stage, tell};
use pool::Peer;
use pool::id::Term;
use pool::message::{Chunk, Heartbeat, Results, ToCoordinator};
use pool::report::{Plain, Reports};
use serde_bytes::ByteBuf;

/// Sends what the worker wanted to send, or something else.
pub(crate) fn transmit(stage: &mut Stage, peer: Peer, message: ToCoordinator) {
    if !stage.chance.per_mille(150) {
        stage.send_to_node(peer, &message);
        return;
    }
    let lie = stage.chance.below(10);
    tell!(stage, "p{} lies in way {lie}", peer.0);
    match lie {
        // Twice.
        0 => {
            stage.send_to_node(peer, &message);
            stage.send_to_node(peer, &message);
        }
        // A result of a task that somebody else holds or held.
        1 => {
            if let Some(chunk) = stage.overheard() {
                let results = forged(stage, chunk);
                stage.send_to_node(peer, &results);
            }
            stage.send_to_node(peer, &message);
        }
        // A result of an attempt that never was, or was before.
        2 => {
            if let ToCoordinator::Results(results) = message {
                let chunk = another_attempt(stage, results.chunk);
                stage.send_to_node(
                    peer,
                    &ToCoordinator::Results(Results {
                        chunk,
                        reports: results.reports,
                    }),
                );
            }
        }
        // More tasks than reports, and ranges that reach too far.
        3 => {
            if let ToCoordinator::Results(results) = message {
                let chunk = Chunk {
                    count: results
                        .chunk
                        .count
                        .saturating_add(1 + stage.chance.below(9) as u32),
                    ..results.chunk
                };
                stage.send_to_node(
                    peer,
                    &ToCoordinator::Results(Results {
                        chunk,
                        reports: results.reports,
                    }),
                );
            }
        }
        // A flood.
        4 => {
            for _ in 0..stage.chance.between(10, 60) {
                let beat = Heartbeat {
                    slots: stage.chance.next() as u32,
                    memory_bytes: stage.chance.next(),
                    paused: None,
                    slowed: None,
                    held: Vec::new(),
                    turnaround_micros: stage.chance.next() as u32,
                    progress: Vec::new(),
                };
                stage.send_to_node(peer, &ToCoordinator::Heartbeat(beat));
            }
            stage.send_to_node(peer, &message);
        }
        // Gives back, or claims to hold, what it never had.
        5 => {
            let chunks: Vec<Chunk> = (0..3).filter_map(|_| stage.overheard()).collect();
            stage.send_to_node(peer, &ToCoordinator::Return(chunks));
            stage.send_to_node(peer, &message);
        }
        6 => {
            let held: Vec<Chunk> = (0..3).filter_map(|_| stage.overheard()).collect();
            if let ToCoordinator::Hello(mut hello) = message {
                hello.holding.extend(held.iter().copied());
                hello.undelivered.extend(held);
                stage.send_to_node(peer, &ToCoordinator::Hello(hello));
            } else {
                stage.send_to_node(peer, &message);
            }
        }
        // Bytes that are no message.
        7 => {
            // Which device it is decides its key; a hello that says nothing is none.
            if matches!(message, ToCoordinator::Hello(_)) {
                return stage.send_to_node(peer, &message);
            }
            let mut bytes = Vec::new();
            pool::codec::encode(&message, &mut bytes).expect("it fitted before");
            let at = stage.chance.below(bytes.len() as u64) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << stage.chance.below(8);
            }
            stage.send_bytes_to_node(peer, bytes);
        }
        // Who it is says its key, not its hello.
        8 => {
            let another = stage.chance.pick(&stage.machines).copied();
            if let (ToCoordinator::Hello(mut hello), Some(another)) = (message.clone(), another) {
                hello.machine = another;
                stage.send_to_node(peer, &ToCoordinator::Hello(hello));
            } else {
                stage.send_to_node(peer, &message);
            }
        }
        // Nothing at all: it never answers.
        _ => {}
    }
}

fn another_attempt(stage: &mut Stage, chunk: Chunk) -> Chunk {
    match stage.chance.below(4) {
        0 => Chunk {
            attempt: chunk.attempt.wrapping_add(1),
            ..chunk
        },
        1 => Chunk {
            attempt: chunk.attempt.wrapping_sub(1),
            ..chunk
        },
        2 => Chunk {
            term: Term(chunk.term.0.wrapping_add(1)),
            ..chunk
        },
        _ => Chunk {
            first: chunk.first.wrapping_add(chunk.count),
            ..chunk
        },
    }
}

/// Reports that anybody can make up.
fn forged(stage: &mut Stage, chunk: Chunk) -> ToCoordinator {
    let chunk = if stage.chance.per_mille(300) {
        another_attempt(stage, chunk)
    } else {
        chunk
    };
    let ends = (1..=chunk.count.min(100)).collect::<Vec<u32>>();
    let bytes = ByteBuf::from(vec![b'!'; ends.len()]);
    ToCoordinator::Results(Results {
        chunk,
        reports: Reports::Plain(Plain {
            micros: 1,
            ends,
            bytes,
        }),
    })
}
