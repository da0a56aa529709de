//! `skep report`: what helps whoever is asked for help, to be read before it
//! is sent.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::guest::inert_lines;
use crate::output::table::{Column, table};
use crate::output::{json, words};
use crate::reach;
use crate::run::fetch;
use api::{Error, Request};
use node::report::{self, Part};
use node::saved::NewFile;
use std::path::{Path, PathBuf};

/// Write versions, settings, health and the last log lines to a zip
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep report --preview
  skep report -o report.zip")]
pub(crate) struct Report {
    /// Print what it would hold, and write nothing
    #[arg(long, conflicts_with = "output")]
    preview: bool,
    /// The file; skep-report-TIME.zip here where none is named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn report(context: &Context, wanted: &Report) -> Result<(), Failure> {
    // Where nothing else works there is the more to report.
    let made = match reach::to_read(context).await {
        Ok(door) if door.is_node() => {
            let mut zip = Vec::new();
            fetch::bytes(&door, Request::Report, |piece| {
                zip.extend_from_slice(piece);
                Ok(())
            })
            .await?;
            report::unpack(zip)?
        }
        Ok(_) | Err(_) => alone(context).await,
    };
    if wanted.preview {
        return preview(context, &made);
    }
    let path = wanted.output.clone().unwrap_or_else(|| {
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
        PathBuf::from(format!("skep-report-{now}.zip"))
    });
    let mut file = NewFile::create(&path)?;
    file.write(&report::pack(&made)?)?;
    file.keep()?;
    written(context, &path, &made)
}

async fn alone(context: &Context) -> Vec<Part> {
    let settings = context.settings();
    let checks = node::doctor::alone(&context.folders, settings.clone()).await;
    let values = settings.and_then(|settings| settings.values(None).map_err(Error::from));
    report::parts(&context.folders, &values, &checks, None)
}

fn preview(context: &Context, parts: &[Part]) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output.document(&json::document("files", &parts));
    }
    for Part { name, text } in parts {
        if output.quiet {
            output.line(name)?;
        } else {
            output.line(format_args!("== {name}\n{}", inert_lines(text.as_bytes())))?;
        }
    }
    Ok(())
}

fn written(context: &Context, path: &Path, parts: &[Part]) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        let files: Vec<_> = parts
            .iter()
            .map(|part| serde_json::json!({ "name": part.name, "bytes": part.text.len() }))
            .collect();
        return output.document(&serde_json::json!({
            "schema": json::SCHEMA, "path": path.display().to_string(), "files": files
        }));
    }
    if output.quiet {
        return output.line(path.display());
    }
    let rows = parts
        .iter()
        .map(|part| vec![part.name.clone(), words::bytes(part.text.len() as u64)]);
    let columns = [Column::Text("file"), Column::Number("size")];
    output.line(table(&columns, rows.collect(), output.stdout_colours()))?;
    output.line(format_args!(
        "written to {}; skep report --preview prints what is in it",
        path.display()
    ))
}
