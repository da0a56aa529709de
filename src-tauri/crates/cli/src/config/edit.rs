//! `skep config edit`: the settings file in the person's own editor.

use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::json;
use crate::reach;
use api::{Error, ErrorCode};
use node::Settings;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// What a person sees who has no settings file yet.
const EMPTY: &str = "\
# Settings of Skep. skep config get lists them all, skep config explain KEY says
# what one does. They are written in sections:
#
# [limits]
# memory = \"1GiB\"
";

pub(super) async fn edit(context: &Context) -> Result<(), Failure> {
    let editor = editor()?;
    let file = &context.folders.config;
    let before = Settings::text(file).map_err(Error::from)?;
    // A draft beside nothing: what is wrong with it never becomes the file.
    let mut draft = tempfile::Builder::new()
        .prefix("skep-config-")
        .suffix(".toml")
        .tempfile()?;
    let begun = if before.is_empty() { EMPTY } else { &before };
    draft.write_all(begun.as_bytes())?;
    draft.flush()?;
    loop {
        open(&editor, draft.path()).await?;
        let after = std::fs::read_to_string(draft.path())?;
        if after == begun {
            context.output.note("nothing was changed");
            return said(context, false);
        }
        match Settings::replace(file, &after).map_err(Error::from) {
            Ok(()) => break,
            Err(error) if error.code == ErrorCode::ConfigInvalid && again(context, &error)? => {}
            Err(error) => return Err(error.hint("nothing was changed").into()),
        }
    }
    // Whatever else is wrong with the data folder, the file is written.
    let running = match reach::to_read(context).await {
        Ok(door) if door.is_node() => {
            door.reload_config().await?;
            true
        }
        Ok(_) | Err(_) => false,
    };
    context.output.note(format_args!(
        "{} is written, and in force{}",
        file.display(),
        if running {
            ""
        } else {
            " from the next start on"
        }
    ));
    said(context, true)
}

fn said(context: &Context, changed: bool) -> Result<(), Failure> {
    if !context.output.json {
        return Ok(());
    }
    let path = context.folders.config.display().to_string();
    let document = serde_json::json!({ "schema": json::SCHEMA, "path": path, "changed": changed });
    context.output.document(&document)
}

/// As git and crontab choose it. Without a terminal there is none to fall back to.
fn editor() -> Result<String, Error> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    set("VISUAL")
        .or_else(|| set("EDITOR"))
        .or_else(|| std::io::stdin().is_terminal().then(|| "vi".to_owned()))
        .ok_or_else(|| {
            usage("there is no terminal to edit in, and $EDITOR is not set")
                .hint("skep config set KEY VALUE changes one setting")
        })
}

/// Waits until it is closed. The shell reads the command, because it may have
/// options of its own.
async fn open(editor: &str, draft: &Path) -> Result<(), Error> {
    let ended = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg(editor)
        .arg(draft)
        .status()
        .await;
    let why = match ended {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Error::new(
        ErrorCode::InputUnreadable,
        format!("the editor {editor} did not end well: {why}"),
    )
    .hint("nothing was changed; VISUAL or EDITOR names another one"))
}

/// Whether the person wants to mend what is wrong.
fn again(context: &Context, error: &Error) -> Result<bool, Failure> {
    if context.output.json || !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    context.output.error(error);
    write!(std::io::stderr(), "Edit it again? [Y/n] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(!matches!(answer.trim(), "n" | "N" | "no"))
}
