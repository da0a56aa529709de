//! The pool as its people see it: who belongs to it, who asks to, and by what.

use serde::{Deserialize, Serialize};

/// What this node belongs to, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PoolView {
    pub id: String,
    pub name: String,
    /// This machine coordinates it; otherwise another does.
    pub coordinates: bool,
    /// Where other machines reach the coordinator, `HOST:PORT`; empty while
    /// this one coordinates and listens nowhere.
    pub addresses: Vec<String>,
    /// Of a member: whether the coordinator is reached.
    pub connected: bool,
    /// Why not, or why nothing is listened for; one sentence.
    pub reason: Option<String>,
    /// Whose device this is.
    pub person: String,
    pub roles: Roles,
}

/// What a device may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Roles {
    pub work: bool,
    pub submit: bool,
    pub admin: bool,
}

/// A device of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeviceView {
    pub id: String,
    pub name: String,
    pub os: String,
    pub person: String,
    pub roles: Roles,
    /// The one that asks.
    pub own: bool,
    pub coordinates: bool,
    pub connected: bool,
    pub joined_ms: i64,
    /// From then on it is let in nowhere.
    pub revoked_ms: Option<i64>,
}

/// A device that asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct JoinView {
    pub id: String,
    /// As it calls itself.
    pub name: String,
    pub os: String,
    pub asked_ms: i64,
    pub expires_ms: i64,
}

/// A person of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PersonView {
    pub id: String,
    pub name: String,
}

/// A token that lets machines in; what it is itself is told once, when it is
/// made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InviteView {
    pub id: String,
    pub name: String,
    pub uses_left: u32,
    /// Machines come in as workers without anybody being asked.
    pub unattended: bool,
    pub created_ms: i64,
    pub expires_ms: i64,
}

/// A pairing code, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CodeView {
    /// `XXXX-XXXX`.
    pub code: String,
    pub expires_ms: i64,
    /// Where a machine that wants to join finds the coordinator, `HOST:PORT`
    /// of the pairing port.
    pub addresses: Vec<String>,
    /// The same in one line that can be sent: `skep://join/…`.
    pub link: String,
}

/// Whose the device is that is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "whose", rename_all = "snake_case")]
pub enum Ownership {
    /// Of the person who decides: it may do all that they may.
    Mine,
    /// Somebody else's: of this person, or of a new one of this name.
    Someone { person: String, role: OthersRole },
}

/// What somebody else's device may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OthersRole {
    /// Runs tasks.
    Work,
    /// Sends jobs, and sees its person's.
    Submit,
}

/// What is asked of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Steer {
    /// No new tasks, and what runs is held; for so many milliseconds, or until
    /// it is resumed.
    Pause {
        ms: Option<u64>,
    },
    /// What runs may end, and nothing new begins until it is resumed.
    Drain,
    Resume,
    /// Another name in this pool; none: the one it has itself.
    Rename {
        name: Option<String>,
    },
    /// Words that jobs may ask for.
    Label {
        labels: Vec<String>,
    },
    /// The pool forgets it. One that is a device of the pool still comes back.
    Remove,
}
