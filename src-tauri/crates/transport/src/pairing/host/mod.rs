//! The coordinator's side of pairing.

mod output;

pub use output::{HostFailure, HostOutput, Proof};

use crate::pairing::admission::{Admission, Refusal, Verdict, spki_of_key};
use crate::pairing::chance::Chance;
use crate::pairing::code::Code;
use crate::pairing::message::{By, Introduction, Message, Proved, Welcome};
use crate::pairing::names::Spki;
use crate::pairing::secret::{Exporter, Secret, Seed};
use crate::pairing::shown::shown;
use crate::pairing::spake::Half;
use crate::pairing::token::TokenKey;
use crate::pairing::transcript::{Keys, Side, Transcript};
use crate::pairing::{ADDRESSES_MAX, DECISION_TIME, EXCHANGE_TIME, MESSAGE_BYTES_MAX};
use core::fmt;
use rcgen::{CertificateSigningRequestParams, PublicKeyData};
use std::collections::VecDeque;
use std::time::Duration;

/// One joiner's exchange, as the coordinator sees it. It knows neither the
/// registry nor the clock nor the wire: after each input the caller takes
/// every [`HostOutput`] in turn, and answers those that ask.
///
/// The joiner proves itself first, and until its proof was right it hears one
/// word, whatever went wrong. What is told to the caller in
/// [`HostOutput::Failed`] is for the log.
pub struct Host {
    pool_name: String,
    chance: Chance,
    transcript: Transcript,
    state: State,
    outputs: VecDeque<HostOutput>,
}

enum State {
    /// Nothing was said yet.
    AwaitHello,
    /// The caller was asked to charge the code, or to look up the token.
    Asked(Box<Introduction>, By),
    /// Answered; the joiner must prove that it knows the secret.
    AwaitProof(Box<Introduction>, Proof, Keys),
    /// Proved, both ways; the caller was asked to decide.
    Deciding(Keys),
    Ended,
}

impl Host {
    /// An exchange over one TLS session. The joiner is told the pool's name
    /// once it proved itself.
    pub fn new(pool_name: &str, seed: &Seed) -> Host {
        Host {
            pool_name: shown(pool_name),
            chance: Chance::new(seed),
            transcript: Transcript::new(),
            state: State::AwaitHello,
            outputs: VecDeque::new(),
        }
    }

    /// How long the present part of the exchange may take, from its beginning
    /// (the connection, or [`HostOutput::Decide`]): then the caller calls
    /// [`Host::handle_timeout`]. `None` when it has ended.
    pub fn time_allowed(&self) -> Option<Duration> {
        match self.state {
            State::AwaitHello | State::Asked(..) | State::AwaitProof(..) => Some(EXCHANGE_TIME),
            State::Deciding(_) => Some(DECISION_TIME),
            State::Ended => None,
        }
    }

    /// Whether the last output was made.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// A whole message of the joiner arrived.
    pub fn handle_message(&mut self, bytes: &[u8]) {
        if self.has_ended() {
            return;
        }
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => return self.fail(HostFailure::Message(error)),
        };
        match (core::mem::replace(&mut self.state, State::Ended), message) {
            (State::AwaitHello, Message::Hello(hello)) => {
                self.transcript.add(Side::Joiner, bytes);
                let (joiner, by) = hello.parts();
                self.ask(joiner, by);
            }
            (State::AwaitProof(joiner, by, keys), Message::Proof(proof)) => {
                if !keys.holds(Side::Joiner, &self.transcript, &[], &proof) {
                    return self.say_invalid(HostFailure::WrongProof);
                }
                self.transcript.add(Side::Joiner, bytes);
                self.welcome(joiner, by, keys);
            }
            (state, _) => {
                self.state = state;
                self.fail(HostFailure::OutOfOrder);
            }
        }
    }

    /// [`Host::time_allowed`] is over.
    pub fn handle_timeout(&mut self) {
        match self.state {
            State::Deciding(_) => self.refuse(Refusal::Unanswered),
            State::AwaitHello | State::Asked(..) | State::AwaitProof(..) => {
                self.fail(HostFailure::TooSlow);
            }
            State::Ended => {}
        }
    }

    /// The connection ended, or its stream.
    pub fn handle_closed(&mut self) {
        if !self.has_ended() {
            self.end(HostFailure::Closed);
        }
    }

    /// Answers [`HostOutput::Charge`]: with the code, when an attempt was
    /// taken from it and that is on disk; with `None` where there is no code
    /// or no attempt left. Without a question it does nothing.
    pub fn charged(&mut self, code: Option<&Code>, exporter: &Exporter) {
        let State::Asked(joiner, By::Code(theirs)) = &self.state else {
            return;
        };
        let Some(code) = code else {
            return self.say_invalid(HostFailure::NotCharged);
        };
        let (half, ours) = Half::host(code, exporter, &mut self.chance);
        let Some(key) = half.finish(theirs) else {
            return self.say_invalid(HostFailure::WrongProof);
        };
        let joiner = joiner.clone();
        self.answer(joiner, Proof::Code, ours, &key, exporter);
    }

    /// Answers [`HostOutput::LookUp`]: with the token's key where it may be
    /// used, and with `None` where there is no such token, or it is used up,
    /// expired or revoked: the joiner cannot tell these apart, nor from a
    /// wrong proof. Without a question it does nothing.
    pub fn looked_up(&mut self, key: Option<&TokenKey>, exporter: &Exporter) {
        let State::Asked(joiner, By::Token(id, _)) = &self.state else {
            return;
        };
        let ours = self.chance.draw().to_vec();
        // Nobody knows this one: the exchange goes on as if.
        let unknown = Secret(self.chance.draw());
        let key = key.map_or(&unknown, |key| &key.0);
        let (joiner, by) = (joiner.clone(), Proof::Token(*id));
        self.answer(joiner, by, ours, key, exporter);
    }

    /// Answers [`HostOutput::Decide`]: let it in. When this is called the
    /// device is in the registry, durably. Does nothing where nothing is to
    /// be decided, because the joiner went away or took too long; the same
    /// key may come again and be admitted again.
    pub fn admit(&mut self, mut admission: Admission) {
        let State::Deciding(keys) = &self.state else {
            return;
        };
        admission.addresses.truncate(ADDRESSES_MAX);
        loop {
            let verdict = Verdict::Admitted(Box::new(admission.clone()));
            let message = proved(keys, &self.transcript, &verdict);
            if message.len() <= MESSAGE_BYTES_MAX {
                self.outputs.push_back(HostOutput::Send(message));
                self.outputs.push_back(HostOutput::Done);
                self.state = State::Ended;
                return;
            }
            if admission.addresses.pop().is_none() {
                return self.refuse_because(Refusal::Trouble, HostFailure::AdmissionTooLong);
            }
        }
    }

    /// Answers [`HostOutput::Decide`]: do not let it in. Does nothing where
    /// nothing is to be decided.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.refuse_because(refusal, HostFailure::Refused(refusal));
    }

    /// What to do next; until `None`, after each input.
    pub fn poll_output(&mut self) -> Option<HostOutput> {
        self.outputs.pop_front()
    }

    fn ask(&mut self, joiner: Introduction, by: By) {
        let Introduction { spki, device, .. } = joiner;
        self.outputs.push_back(match &by {
            By::Code(_) => HostOutput::Charge { spki, device },
            By::Token(token, _) => HostOutput::LookUp {
                token: *token,
                spki,
                device,
            },
        });
        self.state = State::Asked(Box::new(joiner), by);
    }

    fn answer(
        &mut self,
        joiner: Box<Introduction>,
        by: Proof,
        ours: Vec<u8>,
        key: &Secret<32>,
        exporter: &Exporter,
    ) {
        let message = Message::Answer(ours).encode();
        self.transcript.add(Side::Host, &message);
        let keys = Keys::new(&key.0, exporter, &self.transcript);
        self.outputs.push_back(HostOutput::Send(message));
        self.state = State::AwaitProof(joiner, by, keys);
    }

    fn welcome(&mut self, joiner: Box<Introduction>, by: Proof, keys: Keys) {
        let welcome = Welcome {
            pool_name: self.pool_name.clone(),
        };
        let body = postcard::to_stdvec(&welcome).expect("these types have a form");
        let proof = keys.prove(Side::Host, &self.transcript, &body);
        let message = Message::Welcome(Proved { body, proof }).encode();
        self.transcript.add(Side::Host, &message);
        self.outputs.push_back(HostOutput::Send(message));
        let asked = key_of(&joiner.csr);
        let told = joiner.spki;
        self.state = State::Deciding(keys);
        if asked == Some(told) {
            self.outputs.push_back(HostOutput::Decide { joiner, by });
        } else {
            self.refuse_because(Refusal::NotThisDevice, HostFailure::Csr);
        }
    }

    fn refuse_because(&mut self, refusal: Refusal, why: HostFailure) {
        let State::Deciding(keys) = &self.state else {
            return;
        };
        let message = proved(keys, &self.transcript, &Verdict::Refused(refusal));
        self.outputs.push_back(HostOutput::Send(message));
        self.end(why);
    }

    /// Ends the exchange because of what the joiner did.
    fn fail(&mut self, why: HostFailure) {
        match self.state {
            State::AwaitHello | State::Asked(..) | State::AwaitProof(..) => self.say_invalid(why),
            // It proved itself, and is told that this is over.
            State::Deciding(_) => self.refuse_because(Refusal::Trouble, why),
            State::Ended => {}
        }
    }

    /// The one word for everything that fails before the proof.
    fn say_invalid(&mut self, why: HostFailure) {
        self.outputs
            .push_back(HostOutput::Send(Message::CodeInvalid.encode()));
        self.end(why);
    }

    fn end(&mut self, why: HostFailure) {
        self.outputs.push_back(HostOutput::Failed(why));
        self.state = State::Ended;
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::AwaitHello => "await hello",
            State::Asked(..) => "asked",
            State::AwaitProof(..) => "await proof",
            State::Deciding(_) => "deciding",
            State::Ended => "ended",
        };
        f.debug_struct("Host")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// The message of a decision.
fn proved(keys: &Keys, transcript: &Transcript, verdict: &Verdict) -> Vec<u8> {
    let body = postcard::to_stdvec(verdict).expect("these types have a form");
    let proof = keys.prove(Side::Host, transcript, &body);
    Message::Verdict(Proved { body, proof }).encode()
}

/// The name of the key that a request asks to be certified, where its own
/// signature holds: who made it has that key.
fn key_of(csr: &[u8]) -> Option<Spki> {
    let request = CertificateSigningRequestParams::from_der(&csr.into()).ok()?;
    Some(spki_of_key(&request.public_key.subject_public_key_info()))
}
