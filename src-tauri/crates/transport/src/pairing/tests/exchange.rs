//! The exchange as it should go, and as people make it go.

use super::pipe::*;
use crate::pairing::*;

fn by_code() -> JoinBy {
    JoinBy::Code(code())
}

#[test]
fn the_right_code_lets_a_machine_in() {
    let mut desk = Desk::new();
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    assert_eq!(pipe.joined, Some(Ok(admission())));
    assert_eq!(pipe.hosted, Some(Ok(())));
    assert_eq!(pipe.waiting.as_deref(), Some("home"));
    assert_eq!(desk.asked, [introduction()]);
    assert_eq!(desk.attempts_left, 4);
    assert_eq!((pipe.joiner_said.len(), pipe.host_said.len()), (2, 3));
}

#[test]
fn a_wrong_code_costs_an_attempt_and_nobody_is_asked() {
    let mut desk = Desk::new();
    let mut pipe = Pipe::new(&JoinBy::Code(Code::parse("K7QM-2XRS").expect("a code")));
    pipe.run(&mut desk);
    assert_eq!(pipe.joined, Some(Err(JoinFailure::CodeInvalid)));
    assert_eq!(pipe.hosted, Some(Err(HostFailure::WrongProof)));
    assert_eq!(desk.attempts_left, 4);
    assert!(desk.asked.is_empty());
}

#[test]
fn after_five_attempts_the_right_code_is_as_good_as_none() {
    let mut desk = Desk::new();
    for nth in 0..5 {
        let mut pipe = Pipe::new(&JoinBy::Code(Code::new([nth; 5])));
        pipe.run(&mut desk);
        assert_eq!(pipe.hosted, Some(Err(HostFailure::WrongProof)));
    }
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    assert_eq!(pipe.joined, Some(Err(JoinFailure::CodeInvalid)));
    assert_eq!(pipe.hosted, Some(Err(HostFailure::NotCharged)));
    assert_eq!(
        pipe.host_said.len(),
        1,
        "no half of SPAKE2 without a charge"
    );
    assert!(desk.asked.is_empty());
}

#[test]
fn of_two_machines_with_one_code_one_comes_in() {
    let mut desk = Desk::new();
    let other = Introduction {
        spki: CERTIFICATES.other.spki,
        csr: CERTIFICATES.other.csr.clone(),
        device: DeviceId([4; 16]),
        ..introduction()
    };
    let mut first = Pipe::new(&by_code());
    let mut second = Pipe::with(&other, &by_code(), [6; 32], [6; 32]);
    // Both get their answer before either proves itself.
    for pipe in [&mut first, &mut second] {
        let hello = pipe.to_host.pop_front().expect("a hello");
        pipe.hear_joiner(&hello, &mut desk);
    }
    second.run(&mut desk);
    first.run(&mut desk);
    // The desk's only leaf is the first machine's; what counts is the host's.
    assert_eq!(second.hosted, Some(Ok(())));
    assert_eq!(
        first.joined,
        Some(Err(JoinFailure::Refused(Refusal::Spent)))
    );
    assert_eq!(
        first.hosted,
        Some(Err(HostFailure::Refused(Refusal::Spent)))
    );
    assert_eq!(desk.members.len(), 1);
    // And a third hears nothing new.
    let mut third = Pipe::new(&by_code());
    third.run(&mut desk);
    assert_eq!(third.joined, Some(Err(JoinFailure::CodeInvalid)));
}

#[test]
fn whoever_lost_its_answer_gets_it_again_with_the_same_key() {
    let mut desk = Desk::new();
    let mut lost = Pipe::new(&by_code());
    lost.run_through(
        &mut desk,
        |nth, message| {
            if nth < 4 { vec![message] } else { Vec::new() }
        },
    );
    assert_eq!((lost.hosted, lost.joined), (Some(Ok(())), None));
    let mut again = Pipe::new(&by_code());
    again.run(&mut desk);
    let admitted = again.joined.expect("an end").expect("it comes in");
    assert!(admitted.again);
    assert_eq!(desk.members.len(), 1);
    assert_eq!(desk.attempts_left, 3, "and is charged all the same");
}

#[test]
fn a_person_may_say_no_or_nothing() {
    let mut desk = Desk::new();
    desk.says = Some(Err(Refusal::Declined));
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    assert_eq!(
        pipe.joined,
        Some(Err(JoinFailure::Refused(Refusal::Declined)))
    );

    let mut desk = Desk::new();
    desk.says = None;
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    assert_eq!((&pipe.joined, pipe.hosted), (&None, None), "both wait");
    assert_eq!(pipe.host.time_allowed(), Some(DECISION_TIME));
    assert!(pipe.joiner.time_allowed() > Some(DECISION_TIME));
    pipe.host.handle_timeout();
    pipe.poll_host(&mut desk);
    pipe.run(&mut desk);
    assert_eq!(
        pipe.joined,
        Some(Err(JoinFailure::Refused(Refusal::Unanswered)))
    );
    // The person comes back too late: nothing is sent, nothing breaks.
    pipe.host.admit(admission());
    pipe.host.refuse(Refusal::Declined);
    assert_eq!(pipe.host.poll_output(), None);
}

#[test]
fn whoever_is_too_slow_or_gone_ends_the_exchange_at_every_step() {
    // At each number of messages handed over, each side's clock and wire.
    for steps in 0..5 {
        for what in 0..4 {
            let mut desk = Desk::new();
            let mut pipe = Pipe::new(&by_code());
            pipe.run_through(&mut desk, |nth, message| {
                if nth < steps {
                    vec![message]
                } else {
                    Vec::new()
                }
            });
            let was = (pipe.joined.clone(), pipe.hosted);
            match what {
                0 => pipe.joiner.handle_timeout(),
                1 => pipe.joiner.handle_closed(),
                2 => pipe.host.handle_timeout(),
                _ => pipe.host.handle_closed(),
            }
            pipe.poll_joiner();
            pipe.poll_host(&mut desk);
            match what {
                0 => assert_eq!(pipe.joined, Some(Err(JoinFailure::TooSlow))),
                1 => assert_eq!(pipe.joined, Some(Err(JoinFailure::Closed))),
                2 if was.1.is_none() => {
                    assert_eq!(pipe.hosted, Some(Err(HostFailure::TooSlow)));
                }
                3 if was.1.is_none() => {
                    assert_eq!(pipe.hosted, Some(Err(HostFailure::Closed)));
                }
                _ => assert_eq!(pipe.hosted, was.1, "it had ended"),
            }
        }
    }
}

#[test]
fn a_request_for_another_key_is_never_put_before_a_person() {
    let claims = [
        // Another machine's request under our key's name, and the reverse.
        (CERTIFICATES.mine.spki, CERTIFICATES.other.csr.clone()),
        (CERTIFICATES.other.spki, CERTIFICATES.mine.csr.clone()),
        (CERTIFICATES.mine.spki, Vec::new()),
        (CERTIFICATES.mine.spki, vec![0x30; 900]),
    ];
    for (spki, csr) in claims {
        let mut desk = Desk::new();
        let introduction = Introduction {
            spki,
            csr,
            ..introduction()
        };
        let mut pipe = Pipe::with(&introduction, &by_code(), [1; 32], [1; 32]);
        pipe.run(&mut desk);
        assert_eq!(pipe.hosted, Some(Err(HostFailure::Csr)));
        assert_eq!(
            pipe.joined,
            Some(Err(JoinFailure::Refused(Refusal::NotThisDevice)))
        );
        assert!(desk.asked.is_empty());
    }
}

#[test]
fn an_admission_of_no_use_is_not_kept() {
    let cases = [
        (
            CERTIFICATES.other.leaf.clone(),
            CERTIFICATES.ca.clone(),
            AdmissionError::Leaf,
        ),
        (vec![1, 2, 3], CERTIFICATES.ca.clone(), AdmissionError::Leaf),
        (
            CERTIFICATES.mine.leaf.clone(),
            Vec::new(),
            AdmissionError::Ca,
        ),
        // A certificate, but not that of the CA which the link names.
        (
            CERTIFICATES.mine.leaf.clone(),
            CERTIFICATES.other.leaf.clone(),
            AdmissionError::Ca,
        ),
    ];
    for (leaf, ca, expected) in cases {
        let mut desk = Desk::new();
        desk.says = Some(Ok(Admission {
            leaf,
            ca,
            ..admission()
        }));
        let mut pipe = Pipe::new(&by_token());
        pipe.run(&mut desk);
        assert_eq!(pipe.joined, Some(Err(JoinFailure::Admission(expected))));
    }
}

#[test]
fn an_admission_without_a_key_to_pin_is_not_kept_and_odd_addresses_are_left_out() {
    let mut desk = Desk::new();
    desk.says = Some(Ok(Admission {
        coordinators: Vec::new(),
        ..admission()
    }));
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    let expected = JoinFailure::Admission(AdmissionError::Coordinator);
    assert_eq!(pipe.joined, Some(Err(expected)));

    let odd = Address {
        host: "studio\u{1b}[2J".to_owned(),
        port: 7537,
    };
    let mut desk = Desk::new();
    desk.says = Some(Ok(Admission {
        addresses: [vec![odd], admission().addresses].concat(),
        ..admission()
    }));
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    assert_eq!(pipe.joined, Some(Ok(admission())));
}

#[test]
fn an_admission_takes_as_many_addresses_as_fit() {
    let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    let long = Address::parse(&long, 7537).expect("an address");
    let mut desk = Desk::new();
    desk.says = Some(Ok(Admission {
        addresses: vec![long.clone(); 40],
        ..admission()
    }));
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    let admitted = pipe.joined.expect("an end").expect("it comes in");
    assert!(
        (5..16).contains(&admitted.addresses.len()),
        "{}",
        admitted.addresses.len()
    );
    assert!(admitted.addresses.iter().all(|address| *address == long));

    desk = Desk::new();
    desk.says = Some(Ok(Admission {
        ca: vec![0; MESSAGE_BYTES_MAX],
        ..admission()
    }));
    let mut pipe = Pipe::new(&by_code());
    pipe.run(&mut desk);
    assert_eq!(pipe.hosted, Some(Err(HostFailure::AdmissionTooLong)));
    assert_eq!(
        pipe.joined,
        Some(Err(JoinFailure::Refused(Refusal::Trouble)))
    );
}

#[test]
fn names_are_made_fit_to_be_shown_by_whoever_hears_them() {
    let mut desk = Desk::new();
    desk.says = Some(Ok(Admission {
        pool_name: "ho\u{202e}me\n".to_owned(),
        ..admission()
    }));
    let long = Introduction {
        name: format!("\u{1b}[2J<b>{}", "x".repeat(500)),
        os: "\u{202e}suodibeD".to_owned(),
        program: String::new(),
        ..introduction()
    };
    let mut pipe = Pipe::with(&long, &by_code(), [1; 32], [1; 32]);
    pipe.run(&mut desk);
    let asked = &desk.asked[0];
    assert_eq!(asked.name, format!("[2J<b>{}", "x".repeat(54)));
    assert_eq!(asked.os, "suodibeD");
    let admitted = pipe.joined.expect("an end").expect("it comes in");
    assert_eq!(admitted.pool_name, "home");
}

#[test]
fn an_introduction_that_is_too_long_is_told_at_once() {
    let long = Introduction {
        csr: vec![0; MESSAGE_BYTES_MAX],
        ..introduction()
    };
    let pipe = Pipe::with(&long, &by_code(), [1; 32], [1; 32]);
    assert!(pipe.joiner_said.is_empty());
    assert!(matches!(
        pipe.joined,
        Some(Err(JoinFailure::TooLong { .. }))
    ));
}
