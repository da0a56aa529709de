//! The one door as other processes of this machine reach it: a socket that
//! only its owner can open, and the frames of [`api::frame`] on it.

pub mod client;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{Client, ConnectError};
pub(crate) use server::serve_device;
pub use server::{Desk, Door, DoorError};

use std::time::Duration;

/// How long a peer may take to say hello.
const HELLO_TIME: Duration = Duration::from_secs(5);
/// Requests that one connection may have open: more than any client needs, few
/// enough that their buffers stay small.
const REQUESTS_OPEN_MAX: usize = 64;
/// Connections at a time; a window and some dozens of commands fit well.
const CONNECTIONS_MAX: usize = 256;
/// Pieces or events that wait on either side of a stream: with pieces of
/// 64 KiB, a megabyte.
const PIECES_WAITING: usize = 16;
/// Frames that wait to be written on one connection.
const FRAMES_WAITING: usize = 16;
