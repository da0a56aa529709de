//! `skep module`: what a file is, and modules by name.

mod inspect;
mod ls;
mod push;
mod rm;

use crate::context::Context;
use crate::failure::Failure;

/// Modules: inspect a file, list, name, forget a name
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Module {
    Inspect(inspect::Inspect),
    Ls(ls::Ls),
    Push(push::Push),
    Rm(rm::Rm),
}

pub(crate) async fn module(context: &Context, module: Module) -> Result<(), Failure> {
    match module {
        Module::Inspect(inspect) => inspect::inspect(context, &inspect).await,
        Module::Ls(ls) => ls::ls(context, &ls).await,
        Module::Push(push) => push::push(context, push).await,
        Module::Rm(rm) => rm::rm(context, rm).await,
    }
}
