//! `skep version`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::json;

/// Print the version
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep version
  skep version --json")]
pub(crate) struct Version {}

pub(crate) fn version(context: &Context) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let output = &context.output;
    if output.json {
        let document = serde_json::json!({ "schema": json::SCHEMA, "version": version, "contract": api::VERSION });
        return output.document(&document);
    }
    if output.quiet {
        output.line(version)
    } else {
        output.line(format_args!("skep {version}"))
    }
}
