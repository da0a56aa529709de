//! `skep coordinator start`: a node that keeps the pool, in the foreground.

use crate::address;
use crate::context::Context;
use crate::failure::Failure;
use crate::foreground::{Ending, Foreground, stay};
use crate::output::guest::inert;
use crate::reach::Start;
use api::{Error, ErrorCode, PoolView};
use node::{Place, joining};

/// A node that stays: keeps the pool and, while Contribute is on, works for it
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Coordinator {
    Start(StartWords),
}

/// Start a node in the foreground, until SIGTERM or Ctrl-C
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep coordinator start
  skep coordinator start --listen 192.168.1.20:7537 --cores 2")]
pub(crate) struct StartWords {
    /// Where other machines come in, over UDP; [::] is every address, and
    /// without this it is as the setting node.listen says
    #[arg(long, value_name = "ADDR:PORT", value_parser = address::listen)]
    listen: Option<Place>,
    /// Coordinate only
    #[arg(long)]
    no_work: bool,
    #[command(flatten)]
    foreground: Foreground,
}

pub(crate) async fn coordinator(
    context: &Context,
    coordinator: Coordinator,
) -> Result<(), Failure> {
    let Coordinator::Start(typed) = coordinator;
    let ending = Ending::listen()?;
    if let Some(pool) = joining::membership(&context.folders)? {
        return Err(member(&pool).into());
    }
    let place = typed.listen.or(context.settings()?.listen);
    let start = Start {
        work: !typed.no_work,
        cores: typed.foreground.cores,
        without_os_wall: typed.foreground.dangerously_run_without_os_wall,
        living_only: false,
        serve: true,
        listen: place,
    };
    let says = |pool: &PoolView| listens(context, place, pool);
    stay(context, start, typed.foreground.drain, ending, says).await
}

/// Another machine coordinates the pool of this one.
fn member(pool: &PoolView) -> Error {
    let message = format!(
        "this computer belongs to {}, which another machine coordinates",
        inert(&pool.name)
    );
    Error::new(ErrorCode::NotAllowed, message)
        .hint("skep worker start works for it, skep pool leave makes this a pool of its own again")
}

/// Where it listens, which need not be where it was to.
fn listens(context: &Context, wanted: Option<Place>, pool: &PoolView) -> String {
    if pool.addresses.is_empty() {
        return "listens nowhere".to_owned();
    }
    if let Some(wanted) = wanted.filter(|wanted| !wanted.strict && wanted.port != 0) {
        let suffix = format!(":{}", wanted.port);
        if !pool.addresses.iter().any(|at| at.ends_with(&suffix)) {
            context.output.note(format_args!(
                "another program has UDP port {}, so other machines come in by the next free one",
                wanted.port
            ));
        }
    }
    format!("listens at {}", pool.addresses.join(", "))
}
