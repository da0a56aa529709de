//! `skep pool leave`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::json;

/// Leave the pool that this computer joined; it is a pool of its own again
///
/// Its own jobs stay; to come back it has to be let in again.
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool leave
  skep pool leave --profile studio")]
pub(crate) struct Leave {}

pub(crate) async fn leave(context: &Context) -> Result<(), Failure> {
    node::joining::leave(&context.folders).await?;
    let output = &context.output;
    if output.json {
        return output.document(&serde_json::json!({ "schema": json::SCHEMA, "left": true }));
    }
    output.note("this computer is a pool of its own again");
    Ok(())
}
