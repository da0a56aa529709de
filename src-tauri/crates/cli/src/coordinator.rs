//! `skep coordinator start`: a node in the foreground.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::words;
use crate::reach::{Own, Start};
use api::{Error, ErrorCode};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A node that stays: keeps the pool and, while Contribute is on, works for it
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Coordinator {
    Start(StartWords),
}

/// Start a node in the foreground, until SIGTERM or Ctrl-C
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep coordinator start
  skep coordinator start --cores 2")]
pub(crate) struct StartWords {
    /// Tasks at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    cores: Option<u32>,
    /// Coordinate only
    #[arg(long)]
    no_work: bool,
    /// Time that running tasks get when it ends
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = drain)]
    drain: Duration,
    /// Run modules behind one wall only, where the system has no second
    #[arg(long)]
    dangerously_run_without_os_wall: bool,
}

pub(crate) async fn coordinator(
    context: &Context,
    coordinator: Coordinator,
) -> Result<(), Failure> {
    let Coordinator::Start(typed) = coordinator;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Its log is what it has to say; the files of the log come with the node.
    let settings = context.settings()?;
    context.folders.make().map_err(Error::from)?;
    context.start_journal(&settings, !context.output.quiet)?;
    let start = Start {
        work: !typed.no_work,
        cores: typed.cores,
        without_os_wall: typed.dangerously_run_without_os_wall,
        living_only: false,
        serve: true,
    };
    let own = Own::start(context, start).await?;
    ready(context);
    let node = own.node.clone();
    let ended_by_itself = tokio::select! {
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
        () = node.stopped() => true,
    };
    if ended_by_itself {
        return Err(Error::new(ErrorCode::Internal, "the node ended by itself")
            .hint("skep logs says why")
            .into());
    }
    context.output.note(format_args!(
        "draining for up to {}; a second signal ends at once",
        words::span(typed.drain)
    ));
    tokio::select! {
        () = own.stop(typed.drain) => Ok(()),
        _ = terminate.recv() => at_once(),
        _ = interrupt.recv() => at_once(),
    }
}

/// The line that scripts wait for, on stderr whatever else is silent.
fn ready(context: &Context) {
    let socket = context.folders.socket.display();
    eprintln!("ready: process {}, {socket}", std::process::id());
}

/// The executors end with this process.
fn at_once() -> Result<(), Failure> {
    Err(Failure::Ended(crate::failure::INTERRUPTED))
}

fn drain(text: &str) -> Result<Duration, String> {
    node::units::duration(text)
}
