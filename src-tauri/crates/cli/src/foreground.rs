//! A node in the foreground: it says when it is ready, and stays until it is
//! told to end.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::words;
use crate::reach::{Own, Start};
use api::{Error, ErrorCode, PoolView, Reply, Request};
use node::{Caller, Node};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What every node in the foreground can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Foreground {
    /// Tasks at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) cores: Option<u32>,
    /// Time that running tasks get when it ends
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = node::units::duration)]
    pub(crate) drain: Duration,
    /// Run modules behind one wall only, where the system has no second
    #[arg(long)]
    pub(crate) dangerously_run_without_os_wall: bool,
}

/// SIGTERM and Ctrl-C, heard from the moment this is made.
pub(crate) struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    pub(crate) fn listen() -> Result<Ending, Failure> {
        Ok(Ending {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Starts the node and stays with it to its end. `says` gives the words for
/// what it is, of its pool.
pub(crate) async fn stay(
    context: &Context,
    start: Start,
    drain: Duration,
    mut ending: Ending,
    says: impl FnOnce(&PoolView) -> String,
) -> Result<(), Failure> {
    // Its log is what it has to say; the files of the log come with the node.
    let settings = context.settings()?;
    context.folders.make().map_err(Error::from)?;
    context.start_journal(&settings, !context.output.quiet)?;
    let own = Own::start(context, start).await?;
    let pool = pool(&own.node).await;
    ready(context, pool.as_ref().map(says));
    let node = own.node.clone();
    let ended_by_itself = tokio::select! {
        () = ending.asked() => false,
        () = node.stopped() => true,
    };
    if ended_by_itself {
        return Err(Error::new(ErrorCode::Internal, "the node ended by itself")
            .hint("skep logs says why")
            .into());
    }
    context.output.note(format_args!(
        "draining for up to {}; a second signal ends at once",
        words::span(drain)
    ));
    tokio::select! {
        () = own.stop(drain) => Ok(()),
        // The executors end with this process.
        () = ending.asked() => Err(Failure::Ended(crate::failure::INTERRUPTED)),
    }
}

/// A node that cannot say what it belongs to is ready all the same.
async fn pool(node: &Node) -> Option<PoolView> {
    let answer = node.call(Request::Pool, Caller::InProcess, None).await;
    let Ok(Reply::Pool(pool)) = answer.map(|answer| answer.reply) else {
        return None;
    };
    Some(*pool)
}

/// The line that scripts wait for, on stderr whatever else is silent.
fn ready(context: &Context, what: Option<String>) {
    let socket = context.folders.socket.display();
    let what = what.map(|what| format!(", {what}")).unwrap_or_default();
    eprintln!("ready: process {}, {socket}{what}", std::process::id());
}
