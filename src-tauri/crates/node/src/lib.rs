//! The imperative shell: drives the rules of a pool with real time, disk and
//! executors.
//!
//! [`Node`] owns one data folder. [`Node::call`] is its only entrance: the
//! command line in the same process, and clients of the local socket, all send
//! [`api::Request`]s there. Nothing here decides who may run what or what was
//! promised; `pool` does, and this crate carries it out by the one rule of the
//! driver: commit, then send, then publish, then arm the timer.
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod chores;
mod clock;
mod contribute;
pub mod doctor;
pub mod door;
mod driver;
mod fold;
pub mod folders;
mod follow;
mod host;
mod identity;
pub mod joining;
pub mod journal;
mod keep;
mod library;
mod limits;
mod listening;
mod manifest;
mod member;
mod modules;
mod node;
mod offline;
mod pieces;
pub mod report;
mod run;
mod samples;
pub mod saved;
pub mod settings;
mod space;
mod spans;
mod stops;
mod stored;
mod sweep;
mod tally;
pub mod template;
mod thumbnail;
mod tidy;
pub mod units;
mod views;
mod walk;
mod watch;
mod work;

pub use answer::{Answer, Caller, Then, Upload};
pub use contribute::PausedUntil;
pub use folders::Folders;
pub use node::{NoPlace, Node, Options, Place};
pub use offline::Offline;
pub use settings::Settings;

/// Who holds the data folder, if anybody does: a node that runs.
#[must_use]
pub fn holder(folders: &Folders) -> Option<String> {
    // Asking for the lock would make a folder that is not there.
    if !folders.data.exists() {
        return None;
    }
    match store::lock(&folders.data) {
        Err(error @ store::LockError::Held { .. }) => Some(error.to_string()),
        Ok(_) | Err(_) => None,
    }
}

/// Says what a module is, as [`api::Request::Inspect`] does, without a node.
#[must_use]
pub fn inspect(bytes: bytes::Bytes) -> api::Card {
    views::card(&modules::look_at(bytes, false), None)
}

/// The modules that ship with Skep, where no node ever ran.
#[must_use]
pub fn samples() -> Vec<api::ModuleView> {
    modules::samples()
}

/// Says what a sample is, without a node.
///
/// # Errors
/// When there is no sample of this name.
pub fn inspect_sample(name: &str) -> Result<api::Card, api::Error> {
    modules::inspect_sample(name)
}
