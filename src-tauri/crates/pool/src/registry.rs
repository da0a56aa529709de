//! Who belongs to a pool: persons, their devices and what those may do, and
//! how others are let in.
//!
//! What is here is durable, as rows of [`crate::record::Record::Registry`],
//! but for requests to join. Keys, certificates and secrets are elsewhere: the
//! rules know a device by its id and by the hash of its key.

use crate::codec::{DecodeError, decode_row, encode_row};
use crate::id::{CodeId, DeviceId, InviteId, JoinId, PersonId, PoolId, Spki};
use crate::limits::SHORT_NAME_CHARS_MAX;
use crate::moment::Moment;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a device may do. Checked at each request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Roles {
    /// Runs tasks of anybody in the pool.
    pub work: bool,
    /// Sends jobs in its person's name, and sees and steers that person's.
    pub submit: bool,
    /// Lets devices in, revokes them, steers machines.
    pub admin: bool,
}

/// The pool itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub id: PoolId,
    pub name: String,
    /// Whose computer it began on.
    pub founder: PersonId,
    /// Milliseconds since 1970.
    pub founded_wall_ms: i64,
}

/// Who owns devices and the jobs that were sent from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    /// No two persons of a pool have the same, whatever its case.
    pub name: String,
}

/// One key that may connect, or might once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    /// `None` only for the coordinator's own, until its node has a key.
    pub spki: Option<Spki>,
    pub person: PersonId,
    pub roles: Roles,
    pub name: String,
    pub os: String,
    /// Milliseconds since 1970.
    pub joined_wall_ms: i64,
    /// Milliseconds since 1970; from then on it is let in nowhere.
    pub revoked_wall_ms: Option<i64>,
}

/// A pairing code that is shown to a person. There is one at most, and it does
/// not outlive its coordinator, whose memory alone holds its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub id: CodeId,
    pub expires: Moment,
    pub attempts_left: u8,
}

/// A token that lets devices in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    pub id: InviteId,
    /// Whose devices they become, if nobody is asked.
    pub person: PersonId,
    /// Devices that it admits may work, and nothing else, without anybody being
    /// asked; otherwise a person decides on each, as with a code.
    pub unattended: bool,
    pub uses_left: u32,
    pub expires: Moment,
    pub name: String,
    /// Milliseconds since 1970.
    pub created_wall_ms: i64,
    /// As people read it. Moments stand still while no coordinator runs: a
    /// driver that finds this passed at a start revokes the invite.
    pub expires_wall_ms: i64,
}

/// A device that waits for a person's decision. Forgotten at a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    pub id: JoinId,
    pub device: DeviceId,
    pub spki: Spki,
    pub name: String,
    pub os: String,
    pub expires: Moment,
    /// Milliseconds since 1970.
    pub asked_wall_ms: i64,
}

/// Who asks for something: a device that is in the registry and not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub device: DeviceId,
    pub person: PersonId,
    pub roles: Roles,
}

/// One row of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Pool(Pool),
    Person(Person),
    Device(Device),
    Code(Code),
    Invite(Invite),
}

/// Where an entry lies: its kind, then its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey(pub [u8; 17]);

/// Why a row is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("an entry of unknown kind {0}")]
    Kind(u8),
    #[error("the {what} cannot be read: {why}")]
    Value {
        what: &'static str,
        why: DecodeError,
    },
    #[error("an entry lies under another's name")]
    Misplaced,
}

impl Roles {
    /// A person's own computer.
    pub const ALL: Roles = Roles {
        work: true,
        submit: true,
        admin: true,
    };
    pub const WORK: Roles = Roles {
        work: true,
        submit: false,
        admin: false,
    };
    pub const SUBMIT: Roles = Roles {
        work: false,
        submit: true,
        admin: false,
    };
}

impl Device {
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked_wall_ms.is_some()
    }
}

impl Caller {
    /// Sees and steers its person's jobs.
    #[must_use]
    pub fn has_jobs(&self) -> bool {
        self.roles.submit || self.roles.admin
    }
}

impl EntryKey {
    /// There is one pool, so its place needs no name.
    pub const POOL: EntryKey = EntryKey([kind::POOL; 17]);

    #[must_use]
    pub fn person(id: PersonId) -> EntryKey {
        EntryKey::of(kind::PERSON, id.0)
    }
    #[must_use]
    pub fn device(id: DeviceId) -> EntryKey {
        EntryKey::of(kind::DEVICE, id.0)
    }
    #[must_use]
    pub fn code(id: CodeId) -> EntryKey {
        EntryKey::of(kind::CODE, id.0)
    }
    #[must_use]
    pub fn invite(id: InviteId) -> EntryKey {
        EntryKey::of(kind::INVITE, id.0)
    }

    fn of(kind: u8, id: [u8; 16]) -> EntryKey {
        let mut key = [0; 17];
        key[0] = kind;
        key[1..].copy_from_slice(&id);
        EntryKey(key)
    }
}

/// The first byte of a key.
mod kind {
    pub(super) const POOL: u8 = 1;
    pub(super) const PERSON: u8 = 2;
    pub(super) const DEVICE: u8 = 3;
    pub(super) const CODE: u8 = 4;
    pub(super) const INVITE: u8 = 5;
}

impl Entry {
    #[must_use]
    pub fn key(&self) -> EntryKey {
        match self {
            Entry::Pool(_) => EntryKey::POOL,
            Entry::Person(person) => EntryKey::person(person.id),
            Entry::Device(device) => EntryKey::device(device.id),
            Entry::Code(code) => EntryKey::code(code.id),
            Entry::Invite(invite) => EntryKey::invite(invite.id),
        }
    }

    pub(crate) fn value(&self) -> Bytes {
        match self {
            Entry::Pool(pool) => encode_row(pool),
            Entry::Person(person) => encode_row(person),
            Entry::Device(device) => encode_row(device),
            Entry::Code(code) => encode_row(code),
            Entry::Invite(invite) => encode_row(invite),
        }
    }

    /// Reads a row.
    ///
    /// # Errors
    /// When it was damaged, or another program wrote it.
    pub fn read(key: EntryKey, value: &[u8]) -> Result<Entry, EntryError> {
        fn row<R: serde::de::DeserializeOwned>(
            what: &'static str,
            value: &[u8],
        ) -> Result<R, EntryError> {
            decode_row(value).map_err(|why| EntryError::Value { what, why })
        }
        let entry = match key.0[0] {
            kind::POOL => Entry::Pool(row("pool's entry", value)?),
            kind::PERSON => Entry::Person(row("person's entry", value)?),
            kind::DEVICE => Entry::Device(row("device's entry", value)?),
            kind::CODE => Entry::Code(row("code's entry", value)?),
            kind::INVITE => Entry::Invite(row("invite's entry", value)?),
            other => return Err(EntryError::Kind(other)),
        };
        if entry.key() == key {
            Ok(entry)
        } else {
            Err(EntryError::Misplaced)
        }
    }
}

/// A name as people may see it: one short line, without what is invisible or
/// turns the direction of writing. `None` where nothing is left of it.
#[must_use]
pub fn short_name(name: &str) -> Option<String> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c,
                '\u{00ad}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
    };
    let shown: String = name.chars().filter(|c| !hidden(*c)).collect();
    let short: String = shown.trim().chars().take(SHORT_NAME_CHARS_MAX).collect();
    let short = short.trim_end();
    (!short.is_empty()).then(|| short.to_owned())
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn a_name_is_one_short_visible_line() {
        let cases = [
            ("studio-pc", Some("studio-pc")),
            ("  Ada's\tlaptop\n", Some("Ada'slaptop")),
            ("a\u{202e}cba\u{1b}[31m", Some("acba[31m")),
            ("<b>x</b>", Some("<b>x</b>")),
            ("\u{200b} \u{feff}", None),
            ("", None),
        ];
        for (name, shown) in cases {
            assert_eq!(short_name(name).as_deref(), shown, "{name:?}");
        }
        assert_eq!(
            short_name(&"é".repeat(1_000)).map(|name| name.chars().count()),
            Some(60)
        );
    }
}
