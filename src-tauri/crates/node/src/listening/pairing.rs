//! Letting devices in: an endpoint that is open only while a code or an invite
//! lives, and a conversation with each newcomer that ends with a person's word.

use super::Listening;
use super::tokens::Tokens;
use crate::clock::wall_ms;
use crate::driver::Driving;
use crate::host::addresses;
use crate::node::Place;
use api::{CodeView, Error, ErrorCode};
use pool::{CodeId, InviteId, JoinId};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use transport::discovery::{Advert, Announcer};
use transport::limits::{PAIRING_PORT, PAIRING_PORTS_NEXT};
use transport::pairing::{
    ADDRESSES_MAX, Admission, Code, Exporter, Granted, Host, HostOutput, Introduction, Link, Proof,
    Refusal, Seed, Token,
};
use transport::{Address, At, PairingListener, PairingStream, Timing, Usage};

/// A code is guessed at no faster than this.
const ATTEMPT_EVERY: Duration = Duration::from_secs(1);
/// How long one that said its last word may take to hear ours.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The desk at which newcomers are let in. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Pairing(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    listening: Arc<Listening>,
    driving: Driving,
    pool: transport::PoolId,
    /// Says when the registry or those who wait have changed.
    registry: watch::Receiver<u64>,
    tokens: Tokens,
    open: Mutex<Option<Open>>,
    code: Mutex<Option<Shown>>,
    /// Attempts come one after the other.
    attempt: tokio::sync::Mutex<()>,
    /// Held while the endpoint is opened for something that is to live, or is
    /// found to be open for nothing: the one never closes what the other opened.
    gate: tokio::sync::Mutex<()>,
    /// Conversations with those who proved their secret. They are let end,
    /// whatever became of the secret meanwhile.
    deciding: AtomicUsize,
}

/// One such conversation.
struct Deciding(Arc<Desk>);

impl Deciding {
    fn begin(desk: &Arc<Desk>) -> Deciding {
        desk.deciding.fetch_add(1, Ordering::Relaxed);
        Deciding(desk.clone())
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        self.0.deciding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The endpoint while it is open.
#[derive(Debug)]
struct Open {
    port: u16,
    task: AbortHandle,
}

/// The code that is shown, and its secrets.
#[derive(Clone)]
struct Shown {
    id: CodeId,
    code: Code,
    /// The same as a link.
    link: InviteId,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Pairing {
    pub(crate) fn new(
        data: PathBuf,
        listening: Arc<Listening>,
        driving: Driving,
        pool: transport::PoolId,
        registry: watch::Receiver<u64>,
    ) -> Pairing {
        Pairing(Arc::new(Desk {
            listening,
            driving,
            pool,
            registry,
            tokens: Tokens::in_folder(&data.join("identity/invites")),
            open: Mutex::default(),
            code: Mutex::default(),
            attempt: tokio::sync::Mutex::default(),
            gate: tokio::sync::Mutex::default(),
            deciding: AtomicUsize::new(0),
        }))
    }

    /// Opens the endpoint where an invite lives from before, and closes it when
    /// nothing lives any more.
    pub(crate) async fn run(self) {
        let mut registry = self.0.registry.clone();
        let mut told = Told::default();
        loop {
            let gate = self.0.gate.lock().await;
            let lives = self
                .0
                .driving
                .look(|rules| rules.code().is_some() || rules.invites().next().is_some())
                .await;
            match lives {
                Ok(true) => {
                    if let Err(error) = self.open() {
                        tracing::warn!(%error, "no device can be let in");
                    }
                }
                Ok(false) if self.0.deciding.load(Ordering::Relaxed) > 0 => {}
                Ok(false) => self.close(),
                Err(_) => return,
            }
            drop(gate);
            if let Some(advert) = self.advert().await {
                told.tell(advert);
            }
            // What expires is looked at now and then too.
            let _ = tokio::time::timeout(Duration::from_secs(30), registry.changed()).await;
        }
    }

    /// What the network is told of this pool; nothing where it is listened for
    /// on this machine only.
    async fn advert(&self) -> Option<Advert> {
        let place = self.0.listening.place;
        if place.ip.is_some_and(|ip| ip.is_loopback()) {
            return None;
        }
        let named = self
            .0
            .driving
            .look(|rules| (rules.pool().name.clone(), rules.code().is_some()));
        let (name, asks) = named.await.ok()?;
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Advert {
            pool: self.0.pool,
            name,
            port: self.0.listening.port,
            pair: open.as_ref().filter(|_| asks).map(|open| open.port),
        })
    }

    /// Shows a new code; one that was open before is worth nothing any more.
    ///
    /// # Errors
    /// Where no port is free, or the disk is full.
    pub(crate) async fn show(&self) -> Result<CodeView, Error> {
        let _gate = self.gate().await;
        let port = self.open()?;
        self.hide().await?;
        let code = Code::new(random()?);
        let token = Token::new(random()?);
        let link = InviteId(token.id().0);
        self.0.tokens.keep_for_now(token.id(), token.key());
        let (id, expires_ms) = self
            .0
            .driving
            .ask(move |turn| {
                let opened = turn.coordinator.open_code(turn.now);
                let person = turn.coordinator.pool().founder;
                let life = opened.expires.since(turn.now.moment);
                let invite = pool::NewInvite {
                    id: link,
                    person,
                    unattended: false,
                    uses: 1,
                    life,
                    name: "the link of a code".to_owned(),
                };
                turn.coordinator
                    .invite(turn.now, invite)
                    .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
                let life_ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
                Ok((opened.id, wall_ms().saturating_add(life_ms)))
            })
            .await?;
        let shown = Shown {
            id,
            code: code.clone(),
            link,
        };
        *self.code() = Some(shown);
        let addresses = reached_at(self.0.listening.place, port);
        let link = self.link(addresses.clone(), token, expires_ms)?;
        Ok(CodeView {
            code: code.text(),
            expires_ms,
            addresses: addresses.iter().map(Address::to_string).collect(),
            link,
        })
    }

    /// The code that is shown is worth nothing any more.
    ///
    /// # Errors
    /// Where the disk is full.
    pub(crate) async fn hide(&self) -> Result<(), Error> {
        let Some(shown) = self.code().take() else {
            return Ok(());
        };
        self.0
            .driving
            .ask(move |turn| {
                turn.coordinator.close_code(turn.now);
                // It may have been used.
                let _ = turn.coordinator.revoke_invite(turn.now, shown.link);
                Ok(())
            })
            .await
    }

    /// The endpoint stays as it is until this is dropped.
    pub(crate) async fn gate(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.gate.lock().await
    }

    /// A token for machines at which nobody sits: its link. The gate is held
    /// until its invite is made.
    ///
    /// # Errors
    /// Where the token cannot be kept, or no port is free.
    pub(crate) fn token(&self, expires_ms: i64) -> Result<(Token, String), Error> {
        let port = self.open()?;
        let token = Token::new(random()?);
        let link = self.link(
            reached_at(self.0.listening.place, port),
            token.clone(),
            expires_ms,
        )?;
        Ok((token, link))
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    fn link(
        &self,
        addresses: Vec<Address>,
        token: Token,
        expires_ms: i64,
    ) -> Result<String, Error> {
        let ca = self.0.listening.ca.spki();
        let expires = u64::try_from(expires_ms / 1000).unwrap_or_default();
        let link = Link::new(addresses, ca, token, expires);
        Ok(link
            .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?
            .text())
    }

    fn code(&self) -> std::sync::MutexGuard<'_, Option<Shown>> {
        self.0.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port of the endpoint, which is opened where it is not open.
    fn open(&self) -> Result<u16, Error> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*open {
            return Ok(open.port);
        }
        let listening = &self.0.listening;
        let leaf = listening
            .ca
            .sign(
                &listening.identity.csr(),
                listening.device,
                Usage::Server,
                SystemTime::now(),
            )
            .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
        let at = At {
            ip: listening.place.ip,
            port: if listening.place.port == 0 {
                0
            } else {
                PAIRING_PORT
            },
            or_next: Some(PAIRING_PORTS_NEXT),
        };
        let listener = PairingListener::bind(
            &at,
            &listening.identity,
            &leaf,
            listening.ca.certificate(),
            Timing::default(),
        );
        let listener = listener.map_err(|error| super::unbound(&error))?;
        let bound = listener.local_addr();
        let port = bound
            .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?
            .port();
        let pairing = self.clone();
        let task = tokio::spawn(async move {
            while let Some(stream) = listener.accept().await {
                tokio::spawn(pairing.clone().converse(stream));
            }
        });
        tracing::info!(port, "devices can ask to be let in");
        *open = Some(Open {
            port,
            task: task.abort_handle(),
        });
        Ok(port)
    }

    /// Lets nobody ask any more.
    pub(crate) fn close(&self) {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.take() {
            // The listener goes with its task, and the port with it.
            open.task.abort();
            tracing::info!("no device can ask to be let in any more");
        }
    }

    async fn converse(self, mut stream: PairingStream) {
        let from = stream.remote();
        let Ok(seed) = random() else {
            return;
        };
        let name = self.0.driving.look(|rules| rules.pool().name.clone()).await;
        let mut host = Host::new(&name.unwrap_or_default(), &Seed::new(seed));
        let mut _deciding = None;
        loop {
            while let Some(output) = host.poll_output() {
                match output {
                    HostOutput::Send(message) => {
                        if stream.send(&message).await.is_err() {
                            host.handle_closed();
                        }
                    }
                    HostOutput::Charge { spki, .. } => {
                        let code = self.charge().await;
                        host.charged(code.as_ref(), &Exporter::new(stream.export(spki)));
                    }
                    HostOutput::LookUp { token, spki, .. } => {
                        let id = InviteId(token.0);
                        let lives = self
                            .0
                            .driving
                            .look(move |rules| rules.invites().any(|invite| invite.id == id))
                            .await;
                        let key = self.0.tokens.key(token).filter(|_| lives == Ok(true));
                        host.looked_up(key.as_ref(), &Exporter::new(stream.export(spki)));
                    }
                    HostOutput::Decide { joiner, by } => {
                        _deciding = Some(Deciding::begin(&self.0));
                        let allowed = host.time_allowed().unwrap_or_default();
                        let decided = tokio::select! {
                            decided = self.decide(&joiner, by) => decided,
                            () = stream.gone() => {
                                self.withdraw(&joiner).await;
                                host.handle_closed();
                                continue;
                            }
                            () = tokio::time::sleep(allowed) => {
                                self.withdraw(&joiner).await;
                                Err(Refusal::Unanswered)
                            }
                        };
                        match decided {
                            Ok(admission) => host.admit(admission),
                            Err(refusal) => host.refuse(refusal),
                        }
                    }
                    HostOutput::Done => {
                        tracing::info!(%from, "a device was let in");
                        stream.finish().await;
                        return;
                    }
                    HostOutput::Failed(why) => {
                        tracing::warn!(%from, %why, "a device was not let in");
                        let _ = tokio::time::timeout(LAST_WORDS, stream.finish()).await;
                        return;
                    }
                }
            }
            let within = host.time_allowed().unwrap_or_default();
            match stream.recv(within).await {
                Ok(message) => host.handle_message(&message),
                Err(transport::PairingError::TooSlow) => host.handle_timeout(),
                Err(_) => host.handle_closed(),
            }
        }
    }

    /// The code, once an attempt was taken from it and that is on disk.
    async fn charge(&self) -> Option<Code> {
        let _turn = self.0.attempt.lock().await;
        let shown = self.code().clone();
        let charged = match shown {
            None => None,
            Some(shown) => {
                let id = shown.id;
                let charged = self
                    .0
                    .driving
                    .ask(move |turn| {
                        turn.coordinator
                            .charge_code(turn.now, id)
                            .map_err(|error| Error::new(ErrorCode::CodeInvalid, error.to_string()))
                    })
                    .await;
                charged.ok().map(|_| shown.code)
            }
        };
        tokio::time::sleep(ATTEMPT_EVERY).await;
        charged
    }

    /// The rules decide, or a person does.
    async fn decide(&self, joiner: &Introduction, by: Proof) -> Result<Admission, Refusal> {
        if joiner.wire != u32::from(transport::limits::WIRE_VERSION) {
            return Err(Refusal::Wire);
        }
        let via = match by {
            Proof::Code => {
                let shown = self.code().clone().ok_or(Refusal::Spent)?;
                pool::Via::Code(shown.id)
            }
            Proof::Token(token) => pool::Via::Invite(InviteId(token.0)),
        };
        let request = pool::JoinRequest {
            device: pool::DeviceId(joiner.device.0),
            spki: pool::Spki(joiner.spki.0),
            name: joiner.name.clone(),
            os: joiner.os.clone(),
            via,
        };
        let mut registry = self.0.registry.clone();
        registry.mark_unchanged();
        let asked = self
            .0
            .driving
            .ask(move |turn| Ok(turn.coordinator.ask_to_join(turn.now, request)))
            .await
            .map_err(|_| Refusal::Trouble)?;
        let (device, again) = match asked {
            Ok(pool::Admission::Admitted(device)) => (device, matches!(by, Proof::Code)),
            Ok(pool::Admission::Waiting(id)) => {
                tracing::info!(join = %id, name = %joiner.name, "a device asks to be let in");
                (self.person(id, joiner, &mut registry).await?, false)
            }
            Err(error) => return Err(refusal(&error)),
        };
        self.admission(joiner, &device, again).await
    }

    /// Waits for a person's word.
    async fn person(
        &self,
        id: JoinId,
        joiner: &Introduction,
        registry: &mut watch::Receiver<u64>,
    ) -> Result<pool::registry::Device, Refusal> {
        let device = pool::DeviceId(joiner.device.0);
        loop {
            let seen = self
                .0
                .driving
                .look(move |rules| {
                    let waits = rules.joins().any(|join| join.id == id);
                    let known = rules.device(device).filter(|device| !device.is_revoked());
                    (waits, known.cloned())
                })
                .await;
            match seen {
                Ok((_, Some(device))) => return Ok(device),
                Ok((true, None)) => {}
                Ok((false, None)) => return Err(Refusal::Declined),
                Err(_) => return Err(Refusal::Trouble),
            }
            if registry.changed().await.is_err() {
                return Err(Refusal::Trouble);
            }
        }
    }

    async fn withdraw(&self, joiner: &Introduction) {
        let device = pool::DeviceId(joiner.device.0);
        let withdrawn = self.0.driving.ask(move |turn| {
            let join = turn.coordinator.joins().find(|join| join.device == device);
            if let Some(id) = join.map(|join| join.id) {
                turn.coordinator.withdraw_join(turn.now, id);
            }
            Ok(())
        });
        // It expires by itself where the disk is full.
        let _ = withdrawn.await;
    }

    async fn admission(
        &self,
        joiner: &Introduction,
        device: &pool::registry::Device,
        again: bool,
    ) -> Result<Admission, Refusal> {
        let listening = &self.0.listening;
        let leaf = listening
            .ca
            .sign(&joiner.csr, joiner.device, Usage::Client, SystemTime::now());
        let leaf = leaf.map_err(|error| {
            tracing::warn!(%error, "no certificate could be made");
            Refusal::Trouble
        })?;
        let id = device.person;
        let known = self.0.driving.look(move |rules| {
            let person = rules.person(id).map(|person| person.name.clone());
            (rules.pool().name.clone(), person.unwrap_or_default())
        });
        let (pool_name, person) = known.await.map_err(|_| Refusal::Trouble)?;
        Ok(Admission {
            leaf,
            ca: listening.ca.certificate().to_vec(),
            pool: self.0.pool,
            pool_name,
            coordinators: vec![listening.identity.spki()],
            addresses: reached_at(listening.place, listening.port),
            granted: Granted {
                person,
                work: device.roles.work,
                submit: device.roles.submit,
                admin: device.roles.admin,
            },
            again,
        })
    }
}

/// What the network was told. A hint: joining by address works without.
#[derive(Default)]
struct Told {
    announcer: Option<Announcer>,
    last: Option<Advert>,
    failed: bool,
}

impl Told {
    fn tell(&mut self, advert: Advert) {
        if self.failed || self.last.as_ref() == Some(&advert) {
            return;
        }
        let told = match &mut self.announcer {
            Some(announcer) => announcer.update(&advert),
            None => Announcer::start(&advert).map(|started| {
                self.announcer = Some(started);
            }),
        };
        match told {
            Ok(()) => self.last = Some(advert),
            Err(error) => {
                // Said once: a network without multicast stays so.
                tracing::info!(%error, "this pool cannot be found by itself; joining by address works");
                self.failed = true;
            }
        }
    }
}

/// Where other machines may reach a port of this one: the address that it
/// listens on, or all that it has.
pub(crate) fn reached_at(place: Place, port: u16) -> Vec<Address> {
    let at = |address: std::net::IpAddr| Address {
        host: address.to_string(),
        port,
    };
    match place.ip {
        Some(address) => vec![at(address)],
        None => addresses()
            .into_iter()
            .map(at)
            .take(ADDRESSES_MAX)
            .collect(),
    }
}

fn refusal(error: &pool::JoinError) -> Refusal {
    match error {
        pool::JoinError::Invalid => Refusal::Spent,
        pool::JoinError::DeviceTaken | pool::JoinError::Revoked => Refusal::NotThisDevice,
        pool::JoinError::TooManyWaiting | pool::JoinError::TooManyDevices => Refusal::Crowded,
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    Ok(bytes)
}
