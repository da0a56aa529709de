//! The imperative shell: drives the rules of a pool with real time, disk and
//! executors.
//!
//! [`Node`] owns one data folder. [`Node::call`] is its only entrance: the
//! command line in the same process, and clients of the local socket, all send
//! [`api::Request`]s there. Nothing here decides who may run what or what was
//! promised; `pool` does, and this crate carries it out by the one rule of the
//! driver: commit, then send, then publish, then arm the timer.
#![forbid(unsafe_code)]

mod answer;
mod node;

pub use answer::{Answer, Caller, Then, Upload};
pub use node::{Node, Options};
