//! Invites: tokens that let devices in, a number of times, until a moment.

use super::super::Coordinator;
use crate::id::{InviteId, PersonId};
use crate::limits::{INVITE_LIFE_MAX, INVITE_USES_MAX, INVITES_MAX};
use crate::moment::Now;
use crate::registry::{EntryKey, Invite, short_name};
use core::time::Duration;

/// An invite to make. Its id is the first half of its token's SHA-256; the
/// token itself nobody keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvite {
    pub id: InviteId,
    pub person: PersonId,
    /// See [`Invite::unattended`].
    pub unattended: bool,
    pub uses: u32,
    pub life: Duration,
    pub name: String,
}

/// Why an invite was not made or not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    #[error("there are {INVITES_MAX} invites already; revoke one that is not needed")]
    TooMany,
    #[error("an invite lets in between 1 and {INVITE_USES_MAX} devices, not {uses}")]
    Uses { uses: u32 },
    #[error("an invite lives for between one second and 365 days; choose a time between them")]
    Life,
    #[error("there is no such person in this pool; choose one of those who are")]
    UnknownPerson,
    #[error("this token was used for another invite; make a new one")]
    Taken,
    #[error("there is no such invite; it was used up, revoked or has expired")]
    Unknown,
}

impl Coordinator {
    /// Makes an invite.
    ///
    /// # Errors
    /// See [`InviteError`].
    pub fn invite(&mut self, now: Now, new: NewInvite) -> Result<Invite, InviteError> {
        self.advance(now);
        let NewInvite {
            id,
            person,
            unattended,
            uses,
            life,
            name,
        } = new;
        if !(1..=INVITE_USES_MAX).contains(&uses) {
            return Err(InviteError::Uses { uses });
        }
        if life < Duration::from_secs(1) || life > INVITE_LIFE_MAX {
            return Err(InviteError::Life);
        }
        if !self.registry.person_exists(person) {
            return Err(InviteError::UnknownPerson);
        }
        if self.registry.invites.contains_key(&id) {
            return Err(InviteError::Taken);
        }
        if self.registry.invites.len() >= INVITES_MAX {
            return Err(InviteError::TooMany);
        }
        let life_ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        let invite = Invite {
            id,
            person,
            unattended,
            uses_left: uses,
            expires: self.now.moment.after(life),
            name: short_name(&name).unwrap_or_default(),
            created_wall_ms: self.now.wall_ms,
            expires_wall_ms: self.now.wall_ms.saturating_add(life_ms),
        };
        self.registry.invites.insert(id, invite.clone());
        self.changed(EntryKey::invite(id));
        self.await_expiry();
        Ok(invite)
    }

    /// The invite lets nobody in any more; who came by it stays.
    ///
    /// # Errors
    /// When there is no such invite.
    pub fn revoke_invite(&mut self, now: Now, id: InviteId) -> Result<(), InviteError> {
        self.advance(now);
        if !self.registry.invites.contains_key(&id) {
            return Err(InviteError::Unknown);
        }
        self.remove_invite(id);
        self.await_expiry();
        Ok(())
    }

    /// Invites whose time has passed as people count it. Moments stand still
    /// while no coordinator runs, so a driver revokes these when it starts;
    /// while it runs nothing is decided on a wall clock.
    #[must_use]
    pub fn invites_outlived(&self, wall_ms: i64) -> Vec<InviteId> {
        let invites = self.registry.invites.values();
        let outlived = invites.filter(|invite| invite.expires_wall_ms <= wall_ms);
        outlived.map(|invite| invite.id).collect()
    }

    /// Somebody knew the token: one use less, before anybody is let in for it.
    pub(super) fn use_invite(&mut self, id: InviteId) -> Result<Invite, InviteError> {
        let now = self.now.moment;
        let invite = self.registry.invites.get_mut(&id);
        let Some(invite) = invite.filter(|invite| invite.expires > now && invite.uses_left > 0)
        else {
            return Err(InviteError::Unknown);
        };
        invite.uses_left -= 1;
        let used = invite.clone();
        if used.uses_left == 0 {
            self.remove_invite(id);
        } else {
            self.changed(EntryKey::invite(id));
        }
        Ok(used)
    }

    pub(super) fn remove_invite(&mut self, id: InviteId) {
        if self.registry.invites.remove(&id).is_some() {
            self.changed(EntryKey::invite(id));
        }
    }
}
