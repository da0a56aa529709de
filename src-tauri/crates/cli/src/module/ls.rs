//! `skep module ls`.

use crate::context::Context;
use crate::failure::Failure;
use crate::job::short_hash;
use crate::output::table::{Column, table};
use crate::output::{json, words};
use crate::reach;

/// List the samples and the modules that have a name
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep module ls
  skep module ls --json")]
pub(crate) struct Ls {}

pub(crate) async fn ls(context: &Context, _: &Ls) -> Result<(), Failure> {
    let modules = reach::to_read(context).await?.modules().await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::document("modules", &modules));
    }
    if output.quiet {
        return modules
            .iter()
            .try_for_each(|module| output.line(&module.name));
    }
    if modules.is_empty() {
        return output.line("no modules yet; skep module push FILE names one");
    }
    let columns = [
        Column::Text("name"),
        Column::Number("size"),
        Column::Text("hash"),
        Column::Text("what it is"),
    ];
    let rows = modules.iter().map(|module| {
        vec![
            module.name.clone(),
            words::bytes(module.bytes),
            short_hash(&module.hash),
            module.title.clone(),
        ]
    });
    output.line(table(&columns, rows.collect(), output.stdout_colours()))
}
