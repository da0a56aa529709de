//! The side of the machine that wants to come in.

use super::admission::{Admission, AdmissionError, Refusal, Verdict};
use super::chance::Chance;
use super::code::Code;
use super::message::{By, Introduction, Message, MessageError, Proved, Welcome, read};
use super::names::Spki;
use super::secret::{Exporter, Secret, Seed};
use super::shown::shown;
use super::spake::Half;
use super::token::Token;
use super::transcript::{Keys, Side, Transcript};
use super::{DECISION_TIME, EXCHANGE_TIME, MESSAGE_BYTES_MAX};
use core::fmt;
use std::collections::VecDeque;
use std::time::Duration;
use thiserror::Error;

/// One attempt to come in, as the machine sees it that tries. It knows neither
/// the clock nor the wire: after each input the caller takes every
/// [`JoinOutput`] in turn.
pub struct Joiner {
    own: Spki,
    pin: Option<Spki>,
    exporter: Exporter,
    transcript: Transcript,
    state: State,
    outputs: VecDeque<JoinOutput>,
}

/// By what a machine comes.
#[derive(Clone, Debug)]
pub enum JoinBy {
    /// A code that a person typed.
    Code(Code),
    /// A link's token. Whoever answered has shown, before this, a chain with
    /// the CA that the link names.
    Token {
        /// The token.
        token: Token,
        /// The CA's key, as the link names it: the admission's must be it.
        ca: Spki,
    },
}

enum State {
    AwaitAnswer(Knows),
    AwaitWelcome(Keys),
    AwaitVerdict(Keys),
    Ended,
}

/// What the joiner's proof will be made of.
enum Knows {
    Code(Box<Half>),
    Token(Secret<32>),
}

/// What the caller must do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum JoinOutput {
    /// Send this message.
    Send(Vec<u8>),
    /// Both sides proved themselves; whoever steers that pool is asked now,
    /// for [`DECISION_TIME`] at most.
    Waiting {
        /// The pool's name, as the coordinator says it.
        pool_name: String,
    },
    /// It is in: keep this, durably. The last output.
    Done(Box<Admission>),
    /// It is not. The last output.
    Failed(JoinFailure),
}

/// Why a machine did not come in, for the person who wanted it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JoinFailure {
    /// The coordinator does not take the code or token, and says no more.
    #[error(
        "the coordinator does not take it: it was mistyped, used before, or is too old; ask for a new one there"
    )]
    CodeInvalid,
    /// Whoever answered does not know the code or token.
    #[error(
        "whoever answered does not know the code or link: this is not the coordinator, or somebody stands between"
    )]
    NotTheCoordinator,
    /// The two programs are too far apart.
    #[error("the two machines cannot pair: {0}; update Skep on the older one")]
    Version(MessageError),
    /// No message of this protocol.
    #[error("the coordinator's answer makes no sense: {0}")]
    Message(MessageError),
    /// A message at the wrong moment.
    #[error("the coordinator sent a message out of order; try again")]
    OutOfOrder,
    /// What this machine says about itself does not fit one message.
    #[error(
        "this machine's certificate request is too long: its introduction has {bytes} bytes, and {MESSAGE_BYTES_MAX} are allowed"
    )]
    TooLong {
        /// How long the first message would be.
        bytes: usize,
    },
    /// The coordinator proved itself and said no.
    #[error(transparent)]
    Refused(Refusal),
    /// The coordinator proved itself and sent what is of no use.
    #[error(transparent)]
    Admission(AdmissionError),
    /// The coordinator said nothing for too long.
    #[error("the coordinator did not answer in time; try again")]
    TooSlow,
    /// The connection ended before there was an answer.
    #[error("the coordinator went away before it answered; try again")]
    Closed,
}

impl Joiner {
    /// Begins: the first output is the first message. The exporter is that of
    /// the session which the messages go over, for this machine's key.
    pub fn new(
        introduction: &Introduction,
        by: &JoinBy,
        exporter: Exporter,
        seed: &Seed,
    ) -> Joiner {
        let mut chance = Chance::new(seed);
        let (knows, by, pin) = match by {
            JoinBy::Code(code) => {
                let (half, ours) = Half::joiner(code, &exporter, &mut chance);
                (Knows::Code(Box::new(half)), By::Code(ours), None)
            }
            JoinBy::Token { token, ca } => {
                let by = By::Token(token.id(), chance.draw());
                (Knows::Token(token.key().0.clone()), by, Some(*ca))
            }
        };
        let mut joiner = Joiner {
            own: introduction.spki,
            pin,
            exporter,
            transcript: Transcript::new(),
            state: State::AwaitAnswer(knows),
            outputs: VecDeque::new(),
        };
        let hello = Message::Hello(Box::new(introduction.hello(by))).encode();
        if hello.len() > MESSAGE_BYTES_MAX {
            joiner.fail(JoinFailure::TooLong { bytes: hello.len() });
            return joiner;
        }
        joiner.transcript.add(Side::Joiner, &hello);
        joiner.outputs.push_back(JoinOutput::Send(hello));
        joiner
    }

    /// How long the present part of the exchange may take, from its beginning
    /// (the first message, or [`JoinOutput::Waiting`]): then the caller calls
    /// [`Joiner::handle_timeout`]. `None` when it has ended.
    pub fn time_allowed(&self) -> Option<Duration> {
        match self.state {
            State::AwaitAnswer(_) | State::AwaitWelcome(_) => Some(EXCHANGE_TIME),
            // The coordinator's own word on it should come first.
            State::AwaitVerdict(_) => Some(DECISION_TIME + EXCHANGE_TIME),
            State::Ended => None,
        }
    }

    /// Whether the last output was made.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// A whole message of the coordinator arrived.
    pub fn handle_message(&mut self, bytes: &[u8]) {
        if self.has_ended() {
            return;
        }
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error @ MessageError::Version { .. }) => {
                return self.fail(JoinFailure::Version(error));
            }
            Err(error) => return self.fail(JoinFailure::Message(error)),
        };
        match (core::mem::replace(&mut self.state, State::Ended), message) {
            (State::AwaitAnswer(_) | State::AwaitWelcome(_), Message::CodeInvalid) => {
                self.fail(JoinFailure::CodeInvalid);
            }
            (State::AwaitAnswer(knows), Message::Answer(theirs)) => {
                self.transcript.add(Side::Host, bytes);
                self.prove(knows, &theirs);
            }
            (State::AwaitWelcome(keys), Message::Welcome(welcome)) => {
                let told = self.proved::<Welcome>(&keys, &welcome);
                self.transcript.add(Side::Host, bytes);
                match told {
                    Ok(Welcome { pool_name }) => {
                        let pool_name = shown(&pool_name);
                        self.outputs.push_back(JoinOutput::Waiting { pool_name });
                        self.state = State::AwaitVerdict(keys);
                    }
                    Err(why) => self.fail(why),
                }
            }
            (State::AwaitVerdict(keys), Message::Verdict(verdict)) => {
                match self.proved::<Verdict>(&keys, &verdict) {
                    Ok(Verdict::Admitted(admission)) => self.admitted(*admission),
                    Ok(Verdict::Refused(refusal)) => self.fail(JoinFailure::Refused(refusal)),
                    Err(why) => self.fail(why),
                }
            }
            (_, _) => self.fail(JoinFailure::OutOfOrder),
        }
    }

    /// [`Joiner::time_allowed`] is over.
    pub fn handle_timeout(&mut self) {
        if !self.has_ended() {
            self.fail(JoinFailure::TooSlow);
        }
    }

    /// The connection ended, or its stream.
    pub fn handle_closed(&mut self) {
        if !self.has_ended() {
            self.fail(JoinFailure::Closed);
        }
    }

    /// What to do next; until `None`, after each input.
    pub fn poll_output(&mut self) -> Option<JoinOutput> {
        self.outputs.pop_front()
    }

    fn prove(&mut self, knows: Knows, theirs: &[u8]) {
        let key = match knows {
            Knows::Code(half) => half.finish(theirs),
            Knows::Token(key) => Some(key),
        };
        let Some(key) = key else {
            return self.fail(JoinFailure::NotTheCoordinator);
        };
        let keys = Keys::new(&key.0, &self.exporter, &self.transcript);
        let proof = keys.prove(Side::Joiner, &self.transcript, &[]);
        let message = Message::Proof(proof).encode();
        self.transcript.add(Side::Joiner, &message);
        self.outputs.push_back(JoinOutput::Send(message));
        self.state = State::AwaitWelcome(keys);
    }

    /// What the coordinator says, once it proved that it says it.
    fn proved<'a, T: serde::Deserialize<'a>>(
        &self,
        keys: &Keys,
        said: &'a Proved,
    ) -> Result<T, JoinFailure> {
        if !keys.holds(Side::Host, &self.transcript, &said.body, &said.proof) {
            return Err(JoinFailure::NotTheCoordinator);
        }
        read(&said.body).map_err(JoinFailure::Message)
    }

    fn admitted(&mut self, admission: Admission) {
        match admission.checked(self.own, self.pin) {
            Ok(admission) => {
                self.outputs
                    .push_back(JoinOutput::Done(Box::new(admission)));
                self.state = State::Ended;
            }
            Err(error) => self.fail(JoinFailure::Admission(error)),
        }
    }

    fn fail(&mut self, why: JoinFailure) {
        self.outputs.push_back(JoinOutput::Failed(why));
        self.state = State::Ended;
    }
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::AwaitAnswer(_) => "await answer",
            State::AwaitWelcome(_) => "await welcome",
            State::AwaitVerdict(_) => "await verdict",
            State::Ended => "ended",
        };
        f.debug_struct("Joiner")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
