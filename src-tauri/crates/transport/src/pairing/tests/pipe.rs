//! A joiner, a host, the coordinator's desk behind it, and the pipe between
//! them, which may be somebody's.

use crate::pairing::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;

pub(super) const DEVICE: DeviceId = DeviceId([3; 16]);

/// One pool's CA, and two machines' keys with requests and leaves.
pub(super) struct Certificates {
    pub(super) ca: Vec<u8>,
    pub(super) ca_spki: Spki,
    pub(super) mine: Machine,
    pub(super) other: Machine,
}

pub(super) struct Machine {
    pub(super) spki: Spki,
    pub(super) csr: Vec<u8>,
    pub(super) leaf: Vec<u8>,
}

pub(super) static CERTIFICATES: LazyLock<Certificates> = LazyLock::new(|| {
    let spki =
        |key: &KeyPair| crate::pairing::admission::spki_of_key(&key.subject_public_key_info());
    let ca_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca = params.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::from_params(&params, &ca_key);
    let machine = || {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::default();
        let leaf = params.signed_by(&key, &issuer).expect("a leaf");
        Machine {
            spki: spki(&key),
            csr: params
                .serialize_request(&key)
                .expect("a request")
                .der()
                .to_vec(),
            leaf: leaf.der().to_vec(),
        }
    };
    Certificates {
        ca_spki: spki(&ca_key),
        mine: machine(),
        other: machine(),
        ca: ca.der().to_vec(),
    }
});

pub(super) fn introduction() -> Introduction {
    Introduction {
        spki: CERTIFICATES.mine.spki,
        device: DEVICE,
        name: "studio-pc".to_owned(),
        os: "Debian 13".to_owned(),
        program: "0.1.0".to_owned(),
        wire: 1,
        csr: CERTIFICATES.mine.csr.clone(),
    }
}

pub(super) fn code() -> Code {
    Code::parse("K7QM-2XRT").expect("a code")
}

pub(super) fn token() -> Token {
    Token::new([0x5a; 16])
}

pub(super) fn by_token() -> JoinBy {
    JoinBy::Token {
        token: token(),
        ca: CERTIFICATES.ca_spki,
    }
}

pub(super) fn admission() -> Admission {
    Admission {
        leaf: CERTIFICATES.mine.leaf.clone(),
        ca: CERTIFICATES.ca.clone(),
        pool: PoolId([9; 16]),
        pool_name: "home".to_owned(),
        coordinators: vec![Spki([8; 32])],
        addresses: vec![Address::parse("192.168.1.4", 7537).expect("an address")],
        granted: Granted {
            person: "Ada".to_owned(),
            work: true,
            submit: true,
            admin: false,
        },
        again: false,
    }
}

/// What the registry knows, as simply as can be.
pub(super) struct Desk {
    pub(super) code: Option<Code>,
    pub(super) attempts_left: u32,
    pub(super) spent_by: Option<Spki>,
    pub(super) tokens: BTreeMap<TokenId, TokenKey>,
    pub(super) members: BTreeSet<Spki>,
    /// What the person says; `None` is nothing yet.
    pub(super) says: Option<Result<Admission, Refusal>>,
    pub(super) asked: Vec<Introduction>,
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk {
            code: Some(code()),
            attempts_left: 5,
            spent_by: None,
            tokens: BTreeMap::from([(token().id(), token().key())]),
            members: BTreeSet::new(),
            says: Some(Ok(admission())),
            asked: Vec::new(),
        }
    }

    fn charge(&mut self, spki: Spki) -> Option<Code> {
        if self.attempts_left == 0 || self.spent_by.is_some_and(|by| by != spki) {
            return None;
        }
        self.attempts_left -= 1;
        self.code.clone()
    }

    fn decide(&mut self, joiner: Introduction, by: Proof) -> Option<Result<Admission, Refusal>> {
        let spki = joiner.spki;
        self.asked.push(joiner);
        if by == Proof::Code && *self.spent_by.get_or_insert(spki) != spki {
            return Some(Err(Refusal::Spent));
        }
        if self.members.contains(&spki) {
            return Some(Ok(Admission {
                again: true,
                ..admission()
            }));
        }
        let says = self.says.clone();
        if let Some(Ok(_)) = says {
            self.members.insert(spki);
        }
        says
    }
}

/// One exchange. What each side said lies in `to_host` and `to_joiner` until
/// it is handed over.
pub(super) struct Pipe {
    pub(super) joiner: Joiner,
    pub(super) host: Host,
    pub(super) host_exporter: Exporter,
    pub(super) to_host: VecDeque<Vec<u8>>,
    pub(super) to_joiner: VecDeque<Vec<u8>>,
    /// Everything that the host sent, also what is handed over.
    pub(super) host_said: Vec<Vec<u8>>,
    pub(super) joiner_said: Vec<Vec<u8>>,
    pub(super) waiting: Option<String>,
    pub(super) joined: Option<Result<Admission, JoinFailure>>,
    pub(super) hosted: Option<Result<(), HostFailure>>,
}

impl Pipe {
    pub(super) fn new(by: &JoinBy) -> Pipe {
        Pipe::with(&introduction(), by, [1; 32], [1; 32])
    }

    pub(super) fn with(
        introduction: &Introduction,
        by: &JoinBy,
        joiner_exporter: [u8; 32],
        host_exporter: [u8; 32],
    ) -> Pipe {
        let mut pipe = Pipe {
            joiner: Joiner::new(
                introduction,
                by,
                Exporter::new(joiner_exporter),
                &Seed::new([2; 32]),
            ),
            host: Host::new("home", &Seed::new([4; 32])),
            host_exporter: Exporter::new(host_exporter),
            to_host: VecDeque::new(),
            to_joiner: VecDeque::new(),
            host_said: Vec::new(),
            joiner_said: Vec::new(),
            waiting: None,
            joined: None,
            hosted: None,
        };
        pipe.poll_joiner();
        pipe
    }

    pub(super) fn poll_joiner(&mut self) {
        while let Some(output) = self.joiner.poll_output() {
            assert!(self.joined.is_none(), "nothing after the last output");
            match output {
                JoinOutput::Send(message) => {
                    assert!(message.len() <= MESSAGE_BYTES_MAX);
                    self.joiner_said.push(message.clone());
                    self.to_host.push_back(message);
                }
                JoinOutput::Waiting { pool_name } => self.waiting = Some(pool_name),
                JoinOutput::Done(admission) => self.joined = Some(Ok(*admission)),
                JoinOutput::Failed(why) => self.joined = Some(Err(why)),
            }
        }
        assert_eq!(self.joiner.has_ended(), self.joined.is_some());
        assert_eq!(self.joiner.time_allowed().is_none(), self.joined.is_some());
    }

    pub(super) fn poll_host(&mut self, desk: &mut Desk) {
        while let Some(output) = self.host.poll_output() {
            assert!(self.hosted.is_none(), "nothing after the last output");
            match output {
                HostOutput::Charge { spki, .. } => {
                    assert_eq!(self.host.poll_output(), None, "it waits for the charge");
                    let code = desk.charge(spki);
                    self.host.charged(code.as_ref(), &self.host_exporter);
                }
                HostOutput::LookUp { token, .. } => {
                    let key = desk.tokens.get(&token);
                    self.host.looked_up(key, &self.host_exporter);
                }
                HostOutput::Send(message) => {
                    assert!(message.len() <= MESSAGE_BYTES_MAX);
                    self.host_said.push(message.clone());
                    self.to_joiner.push_back(message);
                }
                HostOutput::Decide { joiner, by } => match desk.decide(*joiner, by) {
                    Some(Ok(admission)) => self.host.admit(admission),
                    Some(Err(refusal)) => self.host.refuse(refusal),
                    None => {}
                },
                HostOutput::Done => self.hosted = Some(Ok(())),
                HostOutput::Failed(why) => self.hosted = Some(Err(why)),
            }
        }
        assert_eq!(self.host.has_ended(), self.hosted.is_some());
        assert_eq!(self.host.time_allowed().is_none(), self.hosted.is_some());
    }

    pub(super) fn hear_host(&mut self, message: &[u8]) {
        self.joiner.handle_message(message);
        self.poll_joiner();
    }

    pub(super) fn hear_joiner(&mut self, message: &[u8], desk: &mut Desk) {
        self.host.handle_message(message);
        self.poll_host(desk);
    }

    /// Hands everything over until nobody says more.
    pub(super) fn run(&mut self, desk: &mut Desk) {
        self.run_through(desk, |_, message| vec![message]);
    }

    /// The same, through somebody who may do anything with the messages:
    /// `nth` counts those of both sides, from 0.
    pub(super) fn run_through(
        &mut self,
        desk: &mut Desk,
        mut between: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>>,
    ) {
        let mut nth = 0;
        loop {
            if let Some(message) = self.to_host.pop_front() {
                for message in between(nth, message) {
                    self.hear_joiner(&message, desk);
                }
            } else if let Some(message) = self.to_joiner.pop_front() {
                for message in between(nth, message) {
                    self.hear_host(&message);
                }
            } else {
                return;
            }
            nth += 1;
        }
    }
}
