//! `skep contribute`: whether this machine works for the pool.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::pairs;
use crate::output::{json, words};
use crate::reach;
use api::{Contribution, PauseUntil, Request, Rule};
use node::PausedUntil;

/// Let this machine work for the pool, or not
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Contribute {
    /// This machine works
    #[command(before_help = "Examples:\n  skep contribute on\n  skep contribute on --profile lab")]
    On,
    /// This machine does not work; jobs wait
    #[command(
        before_help = "Examples:\n  skep contribute off\n  skep contribute off --profile lab"
    )]
    Off,
    /// It works no more for a while; what runs goes on afterwards, here or elsewhere
    #[command(
        before_help = "Examples:\n  skep contribute pause 1h\n  skep contribute pause tomorrow\n  skep contribute pause --finish"
    )]
    Pause {
        /// For this long, or `tomorrow`: until the morning; without it until you resume
        #[arg(value_name = "TIME", value_parser = until)]
        until: Option<PauseUntil>,
        /// Let what runs end before, and begin nothing new; until you resume
        #[arg(long, conflicts_with = "until")]
        finish: bool,
    },
    /// Ends a pause
    #[command(
        before_help = "Examples:\n  skep contribute resume\n  skep contribute resume --profile lab"
    )]
    Resume,
    /// Whether it works, and why
    #[command(before_help = "Examples:\n  skep contribute status\n  skep contribute status --json")]
    Status,
}

pub(crate) async fn contribute(context: &Context, contribute: &Contribute) -> Result<(), Failure> {
    match contribute {
        Contribute::On => change(context, Request::Contribute { on: true }).await,
        Contribute::Off => change(context, Request::Contribute { on: false }).await,
        Contribute::Pause { until, finish } => {
            let open = if *finish {
                PauseUntil::Finished
            } else {
                PauseUntil::Resumed
            };
            let until = until.unwrap_or(open);
            change(context, Request::Pause { until }).await
        }
        Contribute::Resume => change(context, Request::Resume).await,
        Contribute::Status => {
            let door = reach::to_read(context).await?;
            match &door {
                reach::Door::Client(_) | reach::Door::Own(_) => {
                    said(context, &door.contribution().await?)
                }
                reach::Door::Left(left) => without_node(context, left.paused()),
                reach::Door::New => without_node(context, None),
            }
        }
    }
}

async fn change(context: &Context, request: Request) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let stays = matches!(door, reach::Door::Client(_));
    let contribution = door.contribute(request).await;
    door.leave().await;
    let contribution = contribution?;
    if stays {
        return said(context, &contribution);
    }
    let paused = contribution
        .paused
        .then_some(match contribution.paused_until_ms {
            Some(ends) => PausedUntil::Wall(ends),
            None => PausedUntil::Resumed,
        });
    without_node(context, paused)
}

fn said(context: &Context, contribution: &Contribution) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(contribution));
    }
    if output.quiet {
        return output.line(word(contribution.on));
    }
    let rules = contribution.rules.iter();
    let mut lines = vec![
        ("contribute", word(contribution.on).to_owned()),
        ("why", contribution.reason.clone()),
        ("cores", contribution.cores.to_string()),
        ("memory", words::memory(contribution.memory_bytes)),
    ];
    let names: Vec<String> = rules.clone().map(|rule| rule.name.to_lowercase()).collect();
    // The first rule says what the first line said.
    let told = names
        .iter()
        .map(String::as_str)
        .zip(rules.map(line))
        .skip(1);
    lines.extend(told);
    output.line(pairs(lines))
}

fn line(rule: &Rule) -> String {
    let against = if rule.met {
        ""
    } else {
        "  ← stands against it"
    };
    format!("{} (set: {}){against}", rule.now, rule.setting)
}

/// What is set, where nothing works at the moment.
fn without_node(context: &Context, paused: Option<PausedUntil>) -> Result<(), Failure> {
    let on = context.settings()?.contribute;
    let output = &context.output;
    let until = match paused {
        Some(PausedUntil::Wall(ends)) => Some(format!("paused until {}", words::when(ends))),
        Some(PausedUntil::Resumed | PausedUntil::Finished) => {
            Some("paused until you resume it".to_owned())
        }
        None => None,
    };
    let reason = match (on, until) {
        (true, None) => "no node runs now; the next one works".to_owned(),
        (true, Some(until)) => format!("no node runs now, and the next one is {until}"),
        (false, _) => "no node runs now, and the next one will not work".to_owned(),
    };
    if output.json {
        return output.document(&serde_json::json!({
            "schema": json::SCHEMA,
            "on": on,
            "state": "offline",
            "reason": reason,
            "cores": 0,
            "cores_given": 0,
            "memory_bytes": 0,
            "paused": paused.is_some(),
            "paused_until": paused.and_then(PausedUntil::ends_ms).map(words::moment),
            "idle_source": "",
            "rules": [],
        }));
    }
    if output.quiet {
        return output.line(word(on));
    }
    output.line(pairs(vec![
        ("contribute", word(on).to_owned()),
        ("why", reason),
    ]))
}

fn until(text: &str) -> Result<PauseUntil, String> {
    if text == "tomorrow" {
        return Ok(PauseUntil::Tomorrow);
    }
    let span = node::units::duration(text)?;
    Ok(PauseUntil::For {
        ms: u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
    })
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
