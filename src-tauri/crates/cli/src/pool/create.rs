//! `skep pool create`.

use super::status;
use crate::context::Context;
use crate::failure::Failure;
use crate::reach::{self, Door};

/// Name the pool of this computer, so that other machines can join it
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool create 'home lab'
  skep pool create render --profile studio")]
pub(crate) struct Create {
    /// What the pool is called
    #[arg(value_name = "NAME", value_parser = super::name)]
    name: String,
}

pub(crate) async fn create(context: &Context, create: Create) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let stays = matches!(door, Door::Client(_));
    let created = door.create_pool(create.name).await;
    door.leave().await;
    status::said(context, &created?)?;
    context.output.note(if stays {
        "skep pool code lets a machine in"
    } else {
        "skep coordinator start keeps it, and skep pool code then lets a machine in"
    });
    Ok(())
}
