//! `skep module push`.

use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::json;
use crate::reach;
use crate::run::module::Module;
use api::Verdict;
use std::path::Path;

/// Give a module a name, by which it runs without its file
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep module push resize.wasm
  skep module push target/wasm32-wasip1/release/resize.wasm --name resize-2")]
pub(crate) struct Push {
    /// A .wasm or .wat file
    #[arg(value_name = "FILE")]
    file: String,
    /// What it is called from now on; without it, the file's name
    #[arg(long)]
    name: Option<String>,
}

pub(crate) async fn push(context: &Context, push: Push) -> Result<(), Failure> {
    let (file, bytes) = match Module::find(&push.file)? {
        Module::File { name, bytes } => (name, bytes),
        Module::Named(name) => {
            return Err(usage(format!("'{name}' is no file"))
                .hint("push takes a .wasm or .wat file")
                .into());
        }
    };
    if let Verdict::Refuse(refusal) = node::inspect(bytes.clone()).verdict {
        return Err(refusal.into());
    }
    let stem = Path::new(&file)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = push.name.or(stem).unwrap_or(file);
    let door = reach::to_change(context).await?;
    let pushed = async {
        let blob = door.upload(bytes).await?;
        door.push_module(name, blob).await
    };
    let pushed = pushed.await;
    door.leave().await;
    let module = pushed?;
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(&module));
    }
    output.line(&module.name)?;
    output.note(format_args!("skep run {} runs it", module.name));
    Ok(())
}
