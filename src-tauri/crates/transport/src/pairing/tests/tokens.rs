//! Coming in by a link's token.

use super::pipe::*;
use crate::pairing::*;

#[test]
fn the_right_token_lets_a_machine_in_and_is_never_sent() {
    let mut desk = Desk::new();
    let mut pipe = Pipe::new(&by_token());
    pipe.run(&mut desk);
    assert_eq!(pipe.joined, Some(Ok(admission())));
    assert_eq!(pipe.hosted, Some(Ok(())));
    assert_eq!(desk.attempts_left, 5, "no code was charged");
    let secrets = [[0x5a; 16].to_vec(), token().key().to_bytes().to_vec()];
    for said in pipe.joiner_said.iter().chain(&pipe.host_said) {
        for secret in &secrets {
            assert!(!said.windows(secret.len()).any(|bytes| bytes == secret));
        }
    }
}

#[test]
fn a_token_is_known_by_its_name_and_checked_by_its_key() {
    let kept = TokenKey::from_bytes(token().key().to_bytes());
    assert_eq!(kept, token().key());
    assert_eq!(token().id(), Token::new([0x5a; 16]).id());
    assert_ne!(token().id(), Token::new([0x5b; 16]).id());
    assert_ne!(token().key(), Token::new([0x5b; 16]).key());
    assert_ne!(token().key().to_bytes()[..16], token().id().0);
}

/// What the host said to a token's holder, and its own word for the log.
fn heard(desk: &mut Desk, by: &JoinBy) -> (Vec<usize>, Vec<u8>, Option<Result<(), HostFailure>>) {
    let mut pipe = Pipe::new(by);
    pipe.run(desk);
    assert_eq!(pipe.joined, Some(Err(JoinFailure::CodeInvalid)));
    assert!(desk.asked.is_empty());
    let lengths = pipe.host_said.iter().map(Vec::len).collect();
    (lengths, pipe.host_said.pop().expect("a word"), pipe.hosted)
}

#[test]
fn used_expired_unknown_and_forged_tokens_look_the_same() {
    // The registry's answer is the same for used, expired, revoked, unknown
    // and another CA's tokens: none.
    let mut desk = Desk::new();
    desk.tokens.clear();
    let unknown = heard(&mut desk, &by_token());
    // The name is right (it is no secret), the token is not.
    let mut desk = Desk::new();
    desk.tokens.insert(token().id(), Token::new([1; 16]).key());
    let forged = heard(&mut desk, &by_token());
    assert_eq!(unknown, forged);
    // And a wrong code ends with the same word.
    let mut wrong = Pipe::new(&JoinBy::Code(Code::new([0; 5])));
    wrong.run(&mut Desk::new());
    assert_eq!(wrong.host_said.last(), Some(&unknown.1));
}

#[test]
fn without_a_token_nothing_of_the_seed_proves_anything() {
    // Whoever knows the host's answer cannot tell what it draws next.
    let mut desk = Desk::new();
    desk.tokens.clear();
    let mut pipe = Pipe::new(&by_token());
    let hello = pipe.to_host.pop_front().expect("a hello");
    pipe.hear_joiner(&hello, &mut desk);
    let answer = pipe.to_joiner.pop_front().expect("an answer");
    assert!(answer.len() > 32);
    pipe.hear_host(&answer);
    pipe.run(&mut desk);
    assert_eq!(pipe.hosted, Some(Err(HostFailure::WrongProof)));
}
