//! `skep config`: what is set, where it comes from, and setting it.

mod edit;

use crate::completions;
use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::json;
use crate::output::table::{Column, pairs, table};
use crate::reach::{self, Door};
use api::{ConfigValue, Error};
use clap_complete::ArgValueCandidates;

/// Settings: get, set, edit, explain, and the file they are in
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Config {
    Get(Get),
    Set(Set),
    Edit(Edit),
    Path(ShowPath),
    Explain(Explain),
}

/// Print one setting, or all
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep config get
  skep config get limits.memory")]
pub(crate) struct Get {
    /// A setting, such as limits.memory
    #[arg(value_name = "KEY", add = ArgValueCandidates::new(completions::settings))]
    key: Option<String>,
}

/// Write a setting to the file; a running node takes it over
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep config set limits.memory 1GiB
  skep config set contribute.cores --unset")]
pub(crate) struct Set {
    /// A setting, such as limits.memory
    #[arg(value_name = "KEY", add = ArgValueCandidates::new(completions::settings))]
    key: String,
    /// Its new value; skep config explain KEY says what it takes
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    /// Take it out of the file: back to the default
    #[arg(long, conflicts_with = "value")]
    unset: bool,
}

/// Open the settings file in your editor; what is wrong is not taken over
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep config edit
  EDITOR=nano skep config edit")]
pub(crate) struct Edit {}

/// Print where the settings file is
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep config path
  $EDITOR \"$(skep config path)\"")]
pub(crate) struct ShowPath {}

/// Say what a setting does, what it takes, and where its value comes from
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep config explain contribute.cores
  skep config explain limits.memory --json")]
pub(crate) struct Explain {
    /// A setting, such as limits.memory
    #[arg(value_name = "KEY", add = ArgValueCandidates::new(completions::settings))]
    key: String,
}

pub(crate) async fn config(context: &Context, config: Config) -> Result<(), Failure> {
    match config {
        Config::Get(get) => self::get(context, get.key).await,
        Config::Set(set) => self::set(context, set).await,
        Config::Edit(Edit {}) => edit::edit(context).await,
        Config::Path(ShowPath {}) => path(context),
        Config::Explain(explain) => self::explain(context, &explain.key).await,
    }
}

/// As the node has it, where one runs: a file edited since is not in force.
async fn values(context: &Context, key: Option<String>) -> Result<Vec<ConfigValue>, Failure> {
    let door = reach::to_read(context).await?;
    if !door.is_node() {
        return Ok(context
            .settings()?
            .values(key.as_deref())
            .map_err(Error::from)?);
    }
    Ok(door.config(key).await?)
}

async fn get(context: &Context, key: Option<String>) -> Result<(), Failure> {
    let one = key.is_some();
    let values = values(context, key).await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::document("settings", &values));
    }
    if one || output.quiet {
        let words = |value: &ConfigValue| {
            if one {
                value.value.clone()
            } else {
                value.key.clone()
            }
        };
        return values
            .iter()
            .try_for_each(|value| output.line(words(value)));
    }
    let columns = [
        Column::Text("key"),
        Column::Text("value"),
        Column::Text("from"),
    ];
    let rows = values
        .iter()
        .map(|value| vec![value.key.clone(), value.value.clone(), value.layer.clone()]);
    output.line(table(&columns, rows.collect(), output.stdout_colours()))
}

async fn set(context: &Context, set: Set) -> Result<(), Failure> {
    if set.value.is_none() && !set.unset {
        return Err(
            usage(format!("{} is to be set, and to what is missing", set.key))
                .hint(format!(
                    "skep config set {} VALUE, or --unset for the default",
                    set.key
                ))
                .into(),
        );
    }
    // Without a node nothing else may be in the way of changing a file of one's own.
    let door = reach::to_change(context).await?;
    let key = set.key.clone();
    let values = door.set_config(set.key, set.value).await;
    let running = matches!(door, Door::Client(_));
    door.leave().await;
    let values = values?;
    let output = &context.output;
    if output.json {
        return output.document(&json::document("settings", &values));
    }
    if let Some(value) = values.first() {
        output.note(format_args!(
            "{key} is {}{}",
            value.value,
            if running {
                ""
            } else {
                " from the next start on"
            }
        ));
        if value.layer == "environment" || value.layer == "flag" {
            output.warning(format_args!("the {} says otherwise, and wins", value.layer));
        }
    }
    Ok(())
}

fn path(context: &Context) -> Result<(), Failure> {
    let path = context.folders.config.display().to_string();
    if context.output.json {
        return context
            .output
            .document(&serde_json::json!({ "schema": json::SCHEMA, "path": path }));
    }
    context.output.line(path)
}

async fn explain(context: &Context, key: &str) -> Result<(), Failure> {
    let values = values(context, Some(key.to_owned())).await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::document("settings", &values));
    }
    let Some(value) = values.into_iter().next() else {
        return Ok(());
    };
    let file = context.folders.config.display();
    let from = match value.layer.as_str() {
        "config" => format!("the settings file, {file}"),
        "environment" => format!("the environment, {}", variable(&value.key)),
        "flag" => "an option of the running node".to_owned(),
        _ => "the default".to_owned(),
    };
    output.line(pairs(vec![
        ("setting", value.key.clone()),
        ("value", value.value),
        ("from", from),
        ("default", value.default),
        ("takes", value.accepts),
        ("what it is", value.help),
        ("variable", variable(&value.key)),
    ]))
}

fn variable(key: &str) -> String {
    format!("SKEP_{}", key.replace('.', "_").to_uppercase())
}
