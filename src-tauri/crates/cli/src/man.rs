//! `skep man`: the manual pages, made from the same words as the help.

use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::{Stream, json};
use std::path::PathBuf;

/// Print a manual page, or write all of them to a folder
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep man job ls | man -l -
  skep man --all ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The command; none is skep itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the page of every command here, as packages do
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    all: Option<PathBuf>,
}

pub(crate) fn man(context: &Context, man: &Man) -> Result<(), Failure> {
    let output = &context.output;
    let mut whole = crate::typed::command();
    if let Some(folder) = &man.all {
        node::saved::check_folder(folder)?;
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(whole, folder)?;
        if output.json {
            let folder = folder.display().to_string();
            let document = serde_json::json!({ "schema": json::SCHEMA, "folder": folder });
            return output.document(&document);
        }
        output.note(format_args!("the pages are in {}", folder.display()));
        return Ok(());
    }
    whole.build();
    let mut found = &whole;
    for word in &man.command {
        found = found.find_subcommand(word).ok_or_else(|| {
            usage(format!("there is no command '{}'", man.command.join(" ")))
                .hint("skep --help lists them")
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(found.clone()).render(&mut page)?;
    if output.json {
        let page = String::from_utf8_lossy(&page);
        return output.document(&serde_json::json!({ "schema": json::SCHEMA, "man": page }));
    }
    output.guest(Stream::Stdout, &page)
}
