//! A running node: what it is started with, its one entrance, and its end.

use crate::answer::{Answer, Caller, Upload};
use api::{Error, ErrorCode, Request};
use std::time::Duration;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs tasks on this machine; without it the node only coordinates.
    pub work: bool,
    /// Tasks at once; `None`: as the settings say.
    pub cores: Option<u32>,
    pub without_os_wall: bool,
    /// Runs only jobs that a living client follows: the node of `skep run`.
    pub living_only: bool,
}

/// A handle to the running node; cheap to clone. Dropping the last one does
/// not stop it.
///
/// It is started and lives inside a tokio runtime; a current-thread one is
/// enough, and is what was measured.
#[derive(Clone, Debug)]
pub struct Node {}

impl Node {
    /// Takes the data folder's lock, opens the store and goes on where it was
    /// left.
    ///
    /// # Errors
    /// Whatever keeps this folder from being used; nothing was changed.
    pub async fn start(options: Options) -> Result<Node, Error> {
        let _ = options;
        Ok(Node {})
    }

    /// Answers one request.
    ///
    /// # Errors
    /// As [`api::ErrorCode`] lists them.
    pub async fn call(&self, request: Request, caller: Caller, upload: Option<Upload>) -> Result<Answer, Error> {
        let _ = (request, caller, upload);
        Err(Error::new(ErrorCode::Internal, "this version of the node answers nothing"))
    }

    /// Ends the node: no new leases; tasks that end within `drain` are
    /// delivered, the rest goes back uncharged.
    pub async fn stop(&self, drain: Duration) {
        let _ = drain;
    }

    /// Waits until the node has ended.
    pub async fn stopped(&self) {}
}
