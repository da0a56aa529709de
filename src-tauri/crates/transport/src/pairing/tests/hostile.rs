//! The exchange as nobody should make it go.

use super::pipe::*;
use crate::pairing::message::{Message, Proved};
use crate::pairing::*;
use proptest::prelude::*;

fn ways() -> [JoinBy; 2] {
    [JoinBy::Code(code()), by_token()]
}

/// A whole exchange, to take messages from.
fn recorded(by: &JoinBy, exporter: [u8; 32]) -> Pipe {
    let mut pipe = Pipe::with(&introduction(), by, exporter, exporter);
    pipe.run(&mut Desk::new());
    assert!(matches!(pipe.joined, Some(Ok(_))));
    pipe
}

#[test]
fn a_relay_between_two_sessions_fails_at_both_ends() {
    for by in ways() {
        let mut desk = Desk::new();
        let mut pipe = Pipe::with(&introduction(), &by, [1; 32], [2; 32]);
        pipe.run(&mut desk);
        assert_eq!(pipe.joined, Some(Err(JoinFailure::CodeInvalid)));
        assert_eq!(pipe.hosted, Some(Err(HostFailure::WrongProof)));
        assert!(desk.asked.is_empty());

        // One that keeps the bad news to itself and makes up a welcome.
        let mut pipe = Pipe::with(&introduction(), &by, [1; 32], [2; 32]);
        pipe.host = Host::new("home", &Seed::new([77; 32]));
        let welcome = recorded(&by, [1; 32]).host_said[1].clone();
        pipe.run_through(&mut Desk::new(), |nth, message| {
            if nth == 3 {
                vec![welcome.clone()]
            } else {
                vec![message]
            }
        });
        assert_eq!(pipe.joined, Some(Err(JoinFailure::NotTheCoordinator)));
    }
}

#[test]
fn a_false_coordinator_learns_nothing_to_try_codes_with_and_is_not_believed() {
    // It plays the host with a code of its own, and goes on after the wrong
    // proof as if it had been right.
    let mut desk = Desk::new();
    desk.code = Some(Code::new([0; 5]));
    let mut pipe = Pipe::new(&JoinBy::Code(code()));
    pipe.run_through(&mut desk, |nth, message| {
        if nth < 3 {
            return vec![message];
        }
        let (body, proof) = (b"\x04home".to_vec(), [0; 32]);
        vec![Message::Welcome(Proved { body, proof }).encode()]
    });
    assert_eq!(pipe.joined, Some(Err(JoinFailure::NotTheCoordinator)));
    assert_eq!(pipe.waiting, None);
}

#[test]
fn a_replayed_exchange_is_worth_nothing() {
    for by in ways() {
        for exporter in [[1; 32], [9; 32]] {
            let old = recorded(&by, [1; 32]);
            let mut desk = Desk::new();
            let mut pipe = Pipe::with(&introduction(), &by, exporter, exporter);
            // Another seed: a host never draws the same twice.
            pipe.host = Host::new("home", &Seed::new([77; 32]));
            for message in &old.joiner_said {
                pipe.hear_joiner(message, &mut desk);
            }
            assert_eq!(pipe.hosted, Some(Err(HostFailure::WrongProof)));
            assert!(desk.asked.is_empty());
            // And the host's old words to a joiner that asks again, with
            // chance of its own.
            let seed = Seed::new([78; 32]);
            pipe.joiner = Joiner::new(&introduction(), &by, Exporter::new(exporter), &seed);
            pipe.poll_joiner();
            for message in &old.host_said {
                pipe.hear_host(message);
            }
            assert!(matches!(
                pipe.joined,
                Some(Err(JoinFailure::NotTheCoordinator))
            ));
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_and_nobody_comes_in() {
    for by in ways() {
        let good = recorded(&by, [1; 32]);
        let messages = [
            &good.joiner_said[0],
            &good.host_said[0],
            &good.joiner_said[1],
            &good.host_said[1],
            &good.host_said[2],
        ];
        for (which, message) in messages.iter().enumerate() {
            for at in 0..message.len() {
                let mut desk = Desk::new();
                let mut pipe = Pipe::new(&by);
                pipe.run_through(&mut desk, |nth, mut message| {
                    if nth == which {
                        message[at] ^= 1 << (at % 8);
                    }
                    vec![message]
                });
                assert!(
                    !matches!(pipe.joined, Some(Ok(_))),
                    "message {which}, byte {at}"
                );
                if which < 3 {
                    assert!(desk.asked.is_empty(), "message {which}, byte {at}");
                    assert!(!matches!(pipe.hosted, Some(Ok(()))));
                }
            }
        }
    }
}

/// What somebody in the middle does with one message.
#[derive(Clone, Debug)]
enum Harm {
    Drop,
    Twice,
    Cut(usize),
    Longer(Vec<u8>),
    Instead(Vec<u8>),
    Flip(usize, u8),
    /// The message of the same exchange with this number.
    Swap(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..200);
    prop_oneof![
        Just(Harm::Drop),
        Just(Harm::Twice),
        (0_usize..1_000).prop_map(Harm::Cut),
        bytes().prop_map(Harm::Longer),
        bytes().prop_map(Harm::Instead),
        // The version is right, so that what follows is looked at.
        bytes().prop_map(|bytes| Harm::Instead([&[1], &bytes[..]].concat())),
        ((0_usize..2_000), 1_u8..).prop_map(|(at, mask)| Harm::Flip(at, mask)),
        (0_usize..5).prop_map(Harm::Swap),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_done_to_a_message_nobody_panics_or_comes_in(
        which in 0_usize..5,
        harm in harm(),
        token: bool,
    ) {
        let by = if token { by_token() } else { JoinBy::Code(code()) };
        let good = recorded(&by, [1; 32]);
        let said = [
            &good.joiner_said[0],
            &good.host_said[0],
            &good.joiner_said[1],
            &good.host_said[1],
            &good.host_said[2],
        ];
        let mut desk = Desk::new();
        let mut pipe = Pipe::new(&by);
        let mut harmless = false;
        pipe.run_through(&mut desk, |nth, mut message| {
            if nth != which {
                return vec![message];
            }
            let was = message.clone();
            let now = match &harm {
                Harm::Drop => Vec::new(),
                Harm::Twice => vec![message.clone(), message],
                Harm::Cut(at) => {
                    message.truncate(at % message.len());
                    vec![message]
                }
                Harm::Longer(more) => vec![[message, more.clone()].concat()],
                Harm::Instead(bytes) => vec![bytes.clone()],
                Harm::Flip(at, mask) => {
                    let at = at % message.len();
                    message[at] ^= mask;
                    vec![message]
                }
                Harm::Swap(other) => vec![said[*other].clone()],
            };
            // What is as it was, or is said once more to somebody who has
            // ended with it (this desk decides at once), is no harm.
            let again = matches!(which, 2 | 4) && now.first() == Some(&was);
            harmless = again || now == [was];
            now
        });
        if !harmless {
            prop_assert!(!matches!(pipe.joined, Some(Ok(_))));
            // A proof that was right is right, whatever the joiner hears then.
            if which < 3 && !matches!(harm, Harm::Twice) {
                prop_assert!(desk.asked.is_empty());
            }
        }
    }

    #[test]
    fn any_bytes_at_any_moment_are_an_error_and_no_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        versioned: bool,
        steps in 0_usize..5,
    ) {
        let bytes = if versioned { [&[1], &bytes[..]].concat() } else { bytes };
        let mut desk = Desk::new();
        desk.says = None;
        let mut pipe = Pipe::new(&JoinBy::Code(code()));
        pipe.run_through(&mut desk, |nth, message| {
            if nth < steps { vec![message] } else { Vec::new() }
        });
        pipe.hear_host(&bytes);
        pipe.hear_joiner(&bytes, &mut desk);
        prop_assert!(!matches!(pipe.joined, Some(Ok(_)) | None));
        prop_assert!(!matches!(pipe.hosted, Some(Ok(())) | None));
    }
}

#[test]
fn every_message_out_of_order_ends_the_exchange() {
    for by in ways() {
        let good = recorded(&by, [1; 32]);
        let all = good.joiner_said.iter().chain(&good.host_said);
        let invalid = Message::CodeInvalid.encode();
        let all: Vec<&Vec<u8>> = all.chain([&invalid]).collect();
        for steps in 0..4 {
            for message in &all {
                let mut desk = Desk::new();
                desk.says = None;
                let mut pipe = Pipe::new(&by);
                pipe.run_through(&mut desk, |nth, message| {
                    if nth < steps {
                        vec![message]
                    } else {
                        Vec::new()
                    }
                });
                // Which is the next in order, for either.
                let next_of_joiner = good.joiner_said.get(steps.div_ceil(2));
                let next_of_host = good.host_said.get(steps / 2);
                if next_of_joiner != Some(message) || steps == 3 {
                    pipe.hear_joiner(message, &mut desk);
                    assert_eq!(pipe.hosted, Some(Err(HostFailure::OutOfOrder)), "{steps}");
                }
                if next_of_host != Some(message) && *message != &invalid {
                    let mut pipe = Pipe::new(&by);
                    pipe.run_through(&mut desk, |nth, message| {
                        if nth < steps {
                            vec![message]
                        } else {
                            Vec::new()
                        }
                    });
                    pipe.hear_host(message);
                    let expected = Some(Err(JoinFailure::OutOfOrder));
                    assert_eq!(pipe.joined, expected, "{steps}");
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_no_message_are_told_apart_for_the_log_only() {
    let mut too_long = recorded(&JoinBy::Code(code()), [1; 32]).joiner_said[0].clone();
    too_long.resize(MESSAGE_BYTES_MAX + 1, 0);
    let cases = [
        (Vec::new(), MessageError::Malformed),
        (vec![1], MessageError::Malformed),
        (vec![1, 0], MessageError::Malformed),
        (vec![1, 5, 0], MessageError::Malformed),
        (vec![0, 5], MessageError::Version { theirs: 0 }),
        (vec![2, 5], MessageError::Version { theirs: 2 }),
        (vec![1, 6], MessageError::Kind { kind: 6 }),
        (
            vec![1, 255, 255, 255, 255, 15],
            MessageError::Kind { kind: 255 },
        ),
        (
            too_long,
            MessageError::TooLong {
                bytes: MESSAGE_BYTES_MAX + 1,
            },
        ),
    ];
    for (bytes, expected) in cases {
        let mut desk = Desk::new();
        let mut pipe = Pipe::new(&JoinBy::Code(code()));
        pipe.hear_joiner(&bytes, &mut desk);
        assert_eq!(pipe.hosted, Some(Err(HostFailure::Message(expected))));
        assert_eq!(pipe.host_said, [Message::CodeInvalid.encode()]);
        assert_eq!(desk.attempts_left, 5, "nothing was charged");
        pipe.hear_host(&bytes);
        let told = match expected {
            MessageError::Version { .. } => JoinFailure::Version(expected),
            MessageError::TooLong { .. } | MessageError::Kind { .. } | MessageError::Malformed => {
                JoinFailure::Message(expected)
            }
        };
        assert_eq!(pipe.joined, Some(Err(told)));
    }
}

#[test]
fn a_length_that_lies_allocates_nothing() {
    // A hello whose name claims four gibibytes; the lengths of the codec are
    // checked against what is there.
    let mut hello = vec![1, 0];
    hello.extend([0; 48]);
    hello.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    let mut pipe = Pipe::new(&JoinBy::Code(code()));
    pipe.hear_joiner(&hello, &mut Desk::new());
    let expected = HostFailure::Message(MessageError::Malformed);
    assert_eq!(pipe.hosted, Some(Err(expected)));
}
