//! `skep completions`.

use crate::context::Context;
use crate::failure::Failure;
use std::io::Write;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep completions bash > ~/.local/share/bash-completion/completions/skep
  skep completions fish > ~/.config/fish/completions/skep.fish")]
pub(crate) struct Completions {
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(crate) fn completions(context: &Context, completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut crate::typed::command(),
        "skep",
        &mut script,
    );
    if context.output.json {
        let script = String::from_utf8_lossy(&script);
        return context.output.document(
            &serde_json::json!({ "schema": crate::output::json::SCHEMA, "script": script }),
        );
    }
    // Written by us, so a reader who has left is told like anywhere else.
    Ok(std::io::stdout().lock().write_all(&script)?)
}
