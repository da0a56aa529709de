//! Who belongs to the pool: answered where it is coordinated.

use super::Inner;
use crate::answer::Caller;
use crate::clock::wall_ms;
use crate::listening;
use crate::listening::pairing::{Pairing, reached_at};
use crate::member::Standing;
use api::{
    Check, CheckState, DeviceView, Error, ErrorCode, InviteView, JoinView, OthersRole, Ownership,
    PersonView, PoolView, Reply, Request,
};
use pool::limits::JOIN_WITHIN;
use pool::{Coordinator, DeviceId, InviteId, JoinId};
use std::time::Duration;
use transport::pairing::TokenId;

impl Inner {
    /// What this node belongs to.
    pub(super) async fn pool_view(&self) -> Result<PoolView, Error> {
        if let Some(forwarding) = &self.member {
            let known = forwarding.member.known();
            let mut view = known.view(forwarding.member.pool());
            match forwarding.member.standing() {
                Standing::Up(_) => view.connected = true,
                Standing::Reaching { why } => view.reason = why,
            }
            return Ok(view);
        }
        let mut view = self.driving.look(pool).await?;
        match &self.listening {
            Some(listening) => {
                let addresses = reached_at(listening.place, listening.port);
                view.addresses = addresses.iter().map(ToString::to_string).collect();
            }
            None => {
                view.reason =
                    Some("other machines cannot reach it: this node listens nowhere".to_owned());
            }
        }
        Ok(view)
    }

    /// How it stands with the pool, for `skep doctor`.
    pub(super) async fn pool_check(&self) -> Result<Check, Error> {
        let pool = self.pool_view().await?;
        let name = &pool.name;
        let (state, text, hint) = if pool.coordinates {
            let text = match pool.addresses.as_slice() {
                [] => format!("{name} is kept here, and other machines cannot reach it"),
                at => format!("{name} is kept here, reached at {}", at.join(", ")),
            };
            (CheckState::Good, text, None)
        } else if pool.connected {
            let text = format!("the coordinator of {name} is reached");
            (CheckState::Good, text, None)
        } else {
            let why = pool
                .reason
                .unwrap_or_else(|| "it is being looked for".to_owned());
            let text = format!("the coordinator of {name} is not reached: {why}");
            let hint = "see that it runs and that UDP gets there; where this machine was removed: skep pool leave, then join again";
            (CheckState::Attention, text, Some(hint.to_owned()))
        };
        Ok(Check {
            name: "pool".to_owned(),
            state,
            text,
            hint,
        })
    }

    /// Names this node's pool; it is listened for from the next start on.
    pub(super) async fn create_pool(&self, name: String) -> Result<(), Error> {
        if let Some(forwarding) = &self.member {
            let pool = &forwarding.member.known().pool_name;
            return Err(Error::new(
                ErrorCode::Usage,
                format!("this machine is a member of {pool}"),
            )
            .hint("skep pool leave"));
        }
        let pool = self
            .driving
            .ask(move |turn| {
                let renamed = turn.coordinator.rename_pool(turn.now, &name);
                renamed.map_err(|error| Error::new(ErrorCode::Usage, error.to_string()))?;
                Ok(transport::PoolId(turn.coordinator.pool().id.0))
            })
            .await?;
        // Its certificate is the mark of a pool that is for others too.
        listening::found(&self.options.folders.data, pool)
    }

    /// Answers a verb about persons, devices and how they are let in.
    pub(super) async fn people(&self, request: Request, caller: Caller) -> Result<Reply, Error> {
        let own = self.steers(caller).await?;
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other verb comes here")]
        match request {
            Request::OpenCode => Ok(Reply::Code(Box::new(self.pairing()?.show().await?))),
            Request::CloseCode => {
                self.pairing()?.hide().await?;
                Ok(Reply::Done)
            }
            Request::Invite {
                name,
                uses,
                life_ms,
            } => self.invite(own, name, uses, life_ms).await,
            Request::Invites => self.driving.look(invites).await,
            Request::RevokeInvite { invite } => {
                let id = self
                    .driving
                    .ask(move |turn| {
                        let id = found_invite(turn.coordinator, &invite)?;
                        let revoked = turn.coordinator.revoke_invite(turn.now, id);
                        revoked.map_err(|error| no_such(&error))?;
                        Ok(id)
                    })
                    .await?;
                if let Some(pairing) = &self.pairing {
                    pairing.tokens().forget(TokenId(id.0));
                }
                Ok(Reply::Done)
            }
            Request::Devices => self.driving.look(move |rules| devices(rules, own)).await,
            Request::Approve { device, ownership } => {
                self.driving
                    .ask(move |turn| {
                        let id = found_join(turn.coordinator, &device)?;
                        let caller = turn.coordinator.caller(own);
                        let person = caller.map_or(turn.coordinator.pool().founder, |it| it.person);
                        let ownership = match ownership {
                            Ownership::Mine => pool::Ownership::Mine { person },
                            Ownership::Someone { person, role } => pool::Ownership::Someone {
                                person: pool::PersonNamed::Name(person),
                                role: match role {
                                    OthersRole::Work => pool::OthersRole::Work,
                                    OthersRole::Submit => pool::OthersRole::Submit,
                                },
                            },
                        };
                        let approved = turn.coordinator.approve(turn.now, id, ownership);
                        approved.map_err(|error| Error::new(ErrorCode::Usage, error.to_string()))
                    })
                    .await?;
                Ok(Reply::Done)
            }
            Request::Refuse { device } => {
                self.driving
                    .ask(move |turn| {
                        let id = found_join(turn.coordinator, &device)?;
                        let refused = turn.coordinator.refuse_join(turn.now, id);
                        refused.map_err(|error| no_such(&error))
                    })
                    .await?;
                Ok(Reply::Done)
            }
            Request::Revoke { device } => {
                self.driving
                    .ask(move |turn| {
                        let id = found_device(turn.coordinator, &device)?;
                        let revoked = turn.coordinator.revoke(turn.now, id);
                        revoked.map_err(|error| Error::new(ErrorCode::Usage, error.to_string()))
                    })
                    .await?;
                Ok(Reply::Done)
            }
            _ => Err(Error::new(
                ErrorCode::Internal,
                "this verb is answered elsewhere",
            )),
        }
    }

    /// The device that asks, where it may steer the pool.
    pub(super) async fn steers(&self, caller: Caller) -> Result<DeviceId, Error> {
        let device = match caller {
            Caller::InProcess | Caller::Local { .. } => None,
            Caller::Device(device) => Some(device),
        };
        let seen = self.driving.look(move |rules| {
            let device = device.unwrap_or_else(|| rules.own_device());
            let caller = rules.caller(device);
            (device, caller.is_some_and(|caller| caller.roles.admin))
        });
        match seen.await? {
            (device, true) => Ok(device),
            (_, false) => Err(Error::new(
                ErrorCode::NotAllowed,
                "this device may not steer the pool",
            )
            .hint("ask whoever coordinates it; devices of that person may")),
        }
    }

    fn pairing(&self) -> Result<&Pairing, Error> {
        self.pairing.as_ref().ok_or_else(|| {
            Error::new(
                ErrorCode::Usage,
                "other machines cannot reach this node: it listens nowhere",
            )
            .hint("skep pool create NAME, then start it again: skep coordinator start")
        })
    }

    async fn invite(
        &self,
        own: DeviceId,
        name: String,
        uses: u32,
        life_ms: u64,
    ) -> Result<Reply, Error> {
        let pairing = self.pairing()?;
        let life = Duration::from_millis(life_ms);
        let expires_ms = wall_ms().saturating_add(i64::try_from(life_ms).unwrap_or(i64::MAX));
        let _gate = pairing.gate().await;
        let (token, link) = pairing.token(expires_ms)?;
        let id = token.id();
        let kept = pairing.tokens().keep(id, &token.key());
        kept.map_err(|error| {
            Error::new(
                ErrorCode::FolderUnusable,
                format!("the token cannot be kept: {error}"),
            )
        })?;
        let made = self
            .driving
            .ask(move |turn| {
                let caller = turn.coordinator.caller(own);
                let person = caller.map_or(turn.coordinator.pool().founder, |it| it.person);
                let new = pool::NewInvite {
                    id: InviteId(id.0),
                    person,
                    unattended: true,
                    uses,
                    life,
                    name,
                };
                let made = turn.coordinator.invite(turn.now, new);
                made.map_err(|error| Error::new(ErrorCode::Usage, error.to_string()))
            })
            .await;
        match made {
            Ok(invite) => Ok(Reply::Invited {
                invite: invite_view(&invite),
                link,
            }),
            Err(error) => {
                pairing.tokens().forget(id);
                Err(error)
            }
        }
    }
}

/// The pool as its coordinator knows it; where it is reached is not in it.
pub(crate) fn pool(rules: &Coordinator) -> PoolView {
    let own = rules.device(rules.own_device());
    let person = rules.person(rules.pool().founder);
    PoolView {
        id: rules.pool().id.to_string(),
        name: rules.pool().name.clone(),
        coordinates: true,
        addresses: Vec::new(),
        connected: true,
        reason: None,
        person: person.map(|person| person.name.clone()).unwrap_or_default(),
        roles: own.map(|own| roles(own.roles)).unwrap_or_default(),
    }
}

/// Tokens that let machines in.
pub(crate) fn invites(rules: &Coordinator) -> Reply {
    let shown = rules.invites().filter(|invite| invite.unattended);
    Reply::Invites {
        invites: shown.map(invite_view).collect(),
    }
}

/// Who belongs to the pool and who asks to, as `own` sees it.
pub(crate) fn devices(rules: &Coordinator, own: DeviceId) -> Reply {
    let person = |id| rules.person(id).map(|person| person.name.clone());
    let connected = |id: DeviceId| {
        let mut machines = rules.machines();
        machines.any(|machine| machine.id == id.machine() && machine.connected)
    };
    let devices = rules.devices().map(|device| DeviceView {
        id: device.id.to_string(),
        name: device.name.clone(),
        os: device.os.clone(),
        person: person(device.person).unwrap_or_default(),
        roles: roles(device.roles),
        own: device.id == own,
        coordinates: device.id == rules.own_device(),
        connected: device.id == rules.own_device() || connected(device.id),
        joined_ms: device.joined_wall_ms,
        revoked_ms: device.revoked_wall_ms,
    });
    let waits_ms = i64::try_from(JOIN_WITHIN.as_millis()).unwrap_or(i64::MAX);
    let joins = rules.joins().map(|join| JoinView {
        id: join.id.to_string(),
        name: join.name.clone(),
        os: join.os.clone(),
        asked_ms: join.asked_wall_ms,
        expires_ms: join.asked_wall_ms.saturating_add(waits_ms),
    });
    let persons = rules.persons().map(|person| PersonView {
        id: person.id.to_string(),
        name: person.name.clone(),
    });
    Reply::Devices {
        devices: devices.collect(),
        joins: joins.collect(),
        persons: persons.collect(),
    }
}

fn roles(roles: pool::Roles) -> api::Roles {
    api::Roles {
        work: roles.work,
        submit: roles.submit,
        admin: roles.admin,
    }
}

fn invite_view(invite: &pool::registry::Invite) -> InviteView {
    InviteView {
        id: invite.id.to_string(),
        name: invite.name.clone(),
        uses_left: invite.uses_left,
        unattended: invite.unattended,
        created_ms: invite.created_wall_ms,
        expires_ms: invite.expires_wall_ms,
    }
}

fn found_join(rules: &Coordinator, text: &str) -> Result<JoinId, Error> {
    let all = rules
        .joins()
        .map(|join| (join.id, join.id.to_string(), join.name.clone()));
    one(all, text, "nobody who asks to be let in is called")
}

fn found_device(rules: &Coordinator, text: &str) -> Result<DeviceId, Error> {
    let all = rules
        .devices()
        .map(|device| (device.id, device.id.to_string(), device.name.clone()));
    one(all, text, "no device is called")
}

fn found_invite(rules: &Coordinator, text: &str) -> Result<InviteId, Error> {
    let all = rules
        .invites()
        .map(|invite| (invite.id, invite.id.to_string(), invite.name.clone()));
    one(all, text, "no invite is called")
}

/// By name, id or prefix of it, where exactly one fits.
fn one<T>(
    all: impl Iterator<Item = (T, String, String)>,
    text: &str,
    none: &str,
) -> Result<T, Error> {
    let text = text.trim();
    let mut fits: Vec<T> = all
        .filter(|(_, id, name)| name == text || (text.len() >= 4 && id.starts_with(text)))
        .map(|(it, _, _)| it)
        .collect();
    match (fits.pop(), fits.is_empty()) {
        (Some(it), true) => Ok(it),
        (Some(_), false) => Err(Error::new(
            ErrorCode::Usage,
            format!("{text:?} means more than one; write more of its id"),
        )),
        (None, _) => Err(
            Error::new(ErrorCode::NoSuchDevice, format!("{none} {text:?}"))
                .hint("skep pool device ls"),
        ),
    }
}

fn no_such(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::NoSuchDevice, error.to_string())
}
