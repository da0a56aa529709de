//! `skep pool invite`: links by which machines come in without being asked about.

use crate::completions;
use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::table::{Column, pairs, table};
use crate::output::{json, words};
use crate::reach;
use api::{InviteView, Request};
use clap_complete::ArgValueCandidates;
use std::time::Duration;

/// Make a link for machines at which nobody sits; they come in as workers
///
/// The link is shown once. Whoever has it may come in, until it is used up,
/// revoked or has expired.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    before_help = "Examples:
  skep pool invite --uses 10 --expires 24h --name rack
  skep pool invite ls"
)]
pub(crate) struct Invite {
    #[command(subcommand)]
    which: Option<Which>,
    /// Machines that may come in by it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    uses: u32,
    /// How long it lives
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = node::units::duration)]
    expires: Duration,
    /// What they may do: only work
    #[arg(long, value_name = "ROLE", default_value = "work", hide_default_value = true, value_parser = role)]
    role: Worker,
    /// What the invite is called in lists
    #[arg(long, value_name = "TEXT", value_parser = super::name)]
    name: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Which {
    /// List the invites that still let machines in
    #[command(before_help = "Examples:\n  skep pool invite ls\n  skep pool invite ls --json")]
    Ls,
    /// Take an invite back; who came in by it stays
    #[command(
        before_help = "Examples:\n  skep pool invite revoke i_4f7k2m\n  skep pool invite revoke $(skep -q pool invite ls)"
    )]
    Revoke {
        /// Ids, or beginnings of them
        #[arg(value_name = "ID", required = true, add = ArgValueCandidates::new(completions::invites))]
        invites: Vec<String>,
    },
}

/// The one role that nobody has to be asked about.
#[derive(Clone, Copy, Debug)]
struct Worker;

pub(crate) async fn invite(context: &Context, invite: Invite) -> Result<(), Failure> {
    match invite.which {
        None => make(context, invite).await,
        Some(Which::Ls) => ls(context).await,
        Some(Which::Revoke { invites }) => revoke(context, &invites).await,
    }
}

async fn make(context: &Context, typed: Invite) -> Result<(), Failure> {
    let Worker = typed.role;
    let life_ms = u64::try_from(typed.expires.as_millis())
        .ok()
        .filter(|ms| *ms > 0)
        .ok_or_else(|| usage("--expires is longer than nothing"))?;
    // The link says where the coordinator listens, so one has to.
    let door = reach::to_node(context).await?;
    let (invite, link) = door
        .invite(typed.name.unwrap_or_default(), typed.uses, life_ms)
        .await?;
    let output = &context.output;
    if output.json {
        return output.document(&serde_json::json!({
            "schema": json::SCHEMA,
            "invite": json::view(&invite),
            "link": link,
            "command": on_each(&link),
        }));
    }
    output.line(&link)?;
    output.note(format_args!(
        "\nThis link is shown only now. Whoever has it may come in, as a worker: {}, until {}.\n{}",
        words::count(invite.uses_left, "machine"),
        words::when(invite.expires_ms),
        pairs(vec![
            ("on each of them", on_each(&link)),
            (
                "to take it back",
                format!("skep pool invite revoke {}", words::short(&invite.id, []))
            ),
        ])
    ));
    Ok(())
}

/// What is typed on a machine that comes in by this link.
fn on_each(link: &str) -> String {
    format!("skep worker start --join {link}")
}

async fn ls(context: &Context) -> Result<(), Failure> {
    let invites = reach::to_read(context).await?.invites().await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::document("invites", &invites));
    }
    if output.quiet {
        return invites
            .iter()
            .try_for_each(|invite| output.line(&invite.id));
    }
    if invites.is_empty() {
        return output.line("no invite lets anybody in; skep pool invite makes one");
    }
    output.line(drawn(&invites, output.stdout_colours()))
}

fn drawn(invites: &[InviteView], colours: bool) -> String {
    let ids: Vec<&str> = invites.iter().map(|invite| invite.id.as_str()).collect();
    let columns = [
        Column::Text("id"),
        Column::Text("name"),
        Column::Number("uses left"),
        Column::Text("lets in"),
        Column::Text("made"),
        Column::Text("expires"),
    ];
    let rows = invites.iter().map(|invite| {
        let lets_in = if invite.unattended {
            "workers, unasked"
        } else {
            "whom you approve"
        };
        vec![
            words::short(&invite.id, ids.iter().copied()).to_owned(),
            invite.name.clone(),
            words::thousands(invite.uses_left.into()),
            lets_in.to_owned(),
            words::when(invite.created_ms),
            words::when(invite.expires_ms),
        ]
    });
    table(&columns, rows.collect(), colours)
}

async fn revoke(context: &Context, invites: &[String]) -> Result<(), Failure> {
    let door = reach::to_change(context).await?;
    let requests = invites.iter().map(|invite| Request::RevokeInvite {
        invite: invite.clone(),
    });
    let revoked = door.each(invites, requests).await;
    door.leave().await;
    context.output.done("revoked", revoked)
}

fn role(text: &str) -> Result<Worker, String> {
    match text {
        "work" => Ok(Worker),
        "submit" | "admin" => Err(
            "by an invite machines come in unasked, so they only work; skep pool code lets in one that may do more"
                .to_owned(),
        ),
        _ => Err("the role is work".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Invite, Which, drawn, words};
    use crate::pool::Pool;
    use crate::typed::{Command, Refusal, Typed};
    use api::InviteView;
    use std::ffi::OsString;
    use std::time::Duration;

    fn typed(line: &str) -> Result<Invite, String> {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        match Typed::parse_words(&words) {
            Ok(typed) => {
                let Command::Pool(Pool::Invite(invite)) = typed.command else {
                    return Err("another command".to_owned());
                };
                Ok(invite)
            }
            Err(Refusal::Wrong(error)) => Err(error.message),
            Err(Refusal::Help(..)) => Err("help".to_owned()),
        }
    }

    #[test]
    fn an_invite_is_for_one_worker_and_a_day_unless_more_is_said() {
        let plain = typed("skep pool invite").unwrap();
        assert!(plain.which.is_none());
        assert_eq!(
            (plain.uses, plain.expires, plain.name),
            (1, Duration::from_hours(24), None)
        );
        let rack = typed("skep pool invite --uses 10 --expires 90m --role work --name rack");
        let rack = rack.unwrap();
        let name = Some("rack".to_owned());
        assert_eq!(
            (rack.uses, rack.expires, rack.name),
            (10, Duration::from_mins(90), name)
        );
        let revoked = typed("skep pool invite revoke i_1 i_2").unwrap();
        assert!(
            matches!(revoked.which, Some(Which::Revoke { invites }) if invites == ["i_1", "i_2"])
        );
    }

    #[test]
    fn an_invite_that_cannot_be_is_refused() {
        for (line, said) in [
            ("skep pool invite --uses 0", "0 is not in"),
            ("skep pool invite --expires tomorrow", "is not a duration"),
            ("skep pool invite --role submit", "machines come in unasked"),
            ("skep pool invite --role admin", "machines come in unasked"),
            ("skep pool invite --role king", "the role is work"),
            ("skep pool invite revoke", "missing"),
        ] {
            let error = typed(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn invites_are_listed_with_what_is_left_of_them() {
        let invite = |id: &str, name: &str, uses_left| InviteView {
            id: id.to_owned(),
            name: name.to_owned(),
            uses_left,
            unattended: true,
            created_ms: 43_200_000,
            expires_ms: 129_600_000,
        };
        let invites = [
            invite("i_aaaaaaaa", "rack", 10),
            invite("i_bbbbbbbb", "", 1),
        ];
        // In whatever zone this runs.
        let made = words::when(invites[0].created_ms);
        let expires = words::when(invites[0].expires_ms);
        insta::assert_snapshot!(
            drawn(&invites, false)
                .replace(&made, "1970-01-01 12:00")
                .replace(&expires, "1970-01-02 12:00")
        );
    }
}
