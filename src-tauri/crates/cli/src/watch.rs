//! Showing something again whenever it changed: `-w`.

use crate::context::Context;
use crate::failure::Failure;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Clears the screen and goes to its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Watch {
    /// Show it again whenever it changes
    #[arg(short, long)]
    watch: bool,
}

/// Prints what `look` gives, once or whenever it changed. On a terminal in
/// place; else one after the other.
pub(crate) async fn watch(
    context: &Context,
    watch: &Watch,
    look: impl AsyncFn() -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut before = None;
    loop {
        let now = look().await?;
        if before.as_ref() != Some(&now) {
            if watch.watch && std::io::stdout().is_terminal() && !context.output.json {
                write!(std::io::stdout(), "{CLEAR}")?;
            }
            if !now.is_empty() {
                context.output.line(&now)?;
            }
        }
        if !watch.watch {
            return Ok(());
        }
        before = Some(now);
        tokio::time::sleep(EVERY).await;
    }
}
