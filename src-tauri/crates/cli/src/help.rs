//! `skep help`: a command's help, and the list of errors.

use crate::context::Context;
use crate::failure::{Failure, exit_code, usage};
use crate::output::json;
use crate::output::table::{Column, table};
use api::ErrorCode;
use std::io::Write;

/// Print the help of a command, or `errors`: every error code there is
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep help run
  skep help errors")]
pub(crate) struct Help {
    /// A command, or errors
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

pub(crate) fn help(context: &Context, help: &Help) -> Result<(), Failure> {
    if help.topic.iter().map(String::as_str).eq(["errors"]) {
        return errors(context);
    }
    let mut command = crate::typed::command();
    command.build();
    let mut found = &mut command;
    for word in &help.topic {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            usage(format!("there is no command '{}'", help.topic.join(" ")))
                .hint("skep --help lists them")
        })?;
    }
    let text = found.render_long_help();
    if context.output.json {
        let document = serde_json::json!({ "schema": json::SCHEMA, "help": text.to_string() });
        return context.output.document(&document);
    }
    let mut stdout = std::io::stdout().lock();
    if context.output.stdout_colours() {
        write!(stdout, "{}", text.ansi())?
    } else {
        write!(stdout, "{text}")?
    }
    Ok(())
}

fn errors(context: &Context) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        let errors = ErrorCode::ALL.iter().map(|code| {
            serde_json::json!({ "code": code.as_str(), "exit_code": exit_code(*code), "meaning": code.meaning() })
        });
        let errors: Vec<_> = errors.collect();
        return output.document(&json::document("errors", &errors));
    }
    if output.quiet {
        return ErrorCode::ALL
            .iter()
            .try_for_each(|code| output.line(code.as_str()));
    }
    let columns = [
        Column::Text("code"),
        Column::Number("exit"),
        Column::Text("what happened"),
    ];
    let rows = ErrorCode::ALL.iter().map(|code| {
        vec![
            code.as_str().to_owned(),
            exit_code(*code).to_string(),
            code.meaning().to_owned(),
        ]
    });
    output.line(table(&columns, rows.collect(), output.stdout_colours()))
}
