//! `skep worker start`: a node that only works for a pool that another machine
//! coordinates, in the foreground.

use crate::context::Context;
use crate::failure::Failure;
use crate::foreground::{Ending, Foreground, stay};
use crate::output::guest::inert;
use crate::pool::join::{self, At, WhatOfJobs};
use crate::reach::Start;
use api::{Error, ErrorCode, PoolView};
use node::joining;

/// A node that only works, for a pool that another machine coordinates
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Worker {
    Start(StartWords),
}

/// Start a worker in the foreground, until SIGTERM or Ctrl-C
///
/// With --join it joins the pool first, unless it belongs to one already.
/// SKEP_POOL and SKEP_TOKEN of the environment stand for --pool and --join.
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep worker start
  skep worker start --pool studio-pc:7538 --join K7QM-2XRT")]
pub(crate) struct StartWords {
    /// The code that the coordinator shows, or a link that begins with skep://join/
    #[arg(
        long,
        value_name = "CODE|LINK",
        env = "SKEP_TOKEN",
        hide_env = true,
        value_parser = join::by
    )]
    join: Option<String>,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    unfinished: WhatOfJobs,
    #[command(flatten)]
    foreground: Foreground,
}

pub(crate) async fn worker(context: &Context, worker: Worker) -> Result<(), Failure> {
    let Worker::Start(typed) = worker;
    match (joining::membership(&context.folders)?, &typed.join) {
        (Some(pool), Some(_)) => context.output.note(format_args!(
            "this computer belongs to {} already",
            inert(&pool.name)
        )),
        (Some(_), None) => {}
        (None, Some(by)) => {
            join::into(context, by, &typed.at, typed.unfinished).await?;
        }
        (None, None) => return Err(no_member().into()),
    }
    // Until here a signal ends it at once: there was nothing to drain.
    let ending = Ending::listen()?;
    let start = Start {
        work: true,
        cores: typed.foreground.cores,
        without_os_wall: typed.foreground.dangerously_run_without_os_wall,
        living_only: false,
        serve: true,
        listen: None,
    };
    let says = |pool: &PoolView| format!("works for {}", inert(&pool.name));
    stay(context, start, typed.foreground.drain, ending, says).await
}

fn no_member() -> Error {
    Error::new(
        ErrorCode::NotAllowed,
        "this computer belongs to no other machine's pool",
    )
    .hint("skep worker start --join CODE joins one; skep pool code shows a code on the machine that coordinates it")
}
