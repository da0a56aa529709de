//! `skep pool`: which machines belong together, and how others come in.

mod code;
mod create;
mod decide;
mod device;
mod invite;
pub(crate) mod join;
mod leave;
mod status;
pub(crate) mod verbs;

use crate::context::Context;
use crate::failure::Failure;
use api::Roles;

/// The pool: name it, let machines in, join another
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Pool {
    Create(create::Create),
    Status(status::Status),
    Join(join::Join),
    Leave(leave::Leave),
    Code(code::Code),
    Invite(invite::Invite),
    #[command(subcommand)]
    Device(device::Device),
}

pub(crate) async fn pool(context: &Context, pool: Pool) -> Result<(), Failure> {
    match pool {
        Pool::Create(create) => create::create(context, create).await,
        Pool::Status(status) => status::status(context, &status).await,
        Pool::Join(join) => join::join(context, &join).await,
        Pool::Leave(_) => leave::leave(context).await,
        Pool::Code(_) => code::code(context).await,
        Pool::Invite(invite) => invite::invite(context, invite).await,
        Pool::Device(device) => device::device(context, device).await,
    }
}

/// What a device may do, in words.
fn roles(roles: Roles) -> String {
    let words = [
        (roles.work, "work"),
        (roles.submit, "submit"),
        (roles.admin, "admin"),
    ];
    let may: Vec<&str> = words
        .into_iter()
        .filter_map(|(may, word)| may.then_some(word))
        .collect();
    if may.is_empty() {
        "nothing".to_owned()
    } else {
        may.join(", ")
    }
}

/// A name that somebody gives.
fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a name has at least one letter".to_owned()),
        name => Ok(name.to_owned()),
    }
}
