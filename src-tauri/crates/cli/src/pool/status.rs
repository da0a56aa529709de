//! `skep pool status`.

use super::roles;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::json;
use crate::output::table::pairs;
use crate::reach;
use crate::watch::{Watch, watch};
use api::PoolView;
use node::joining;

/// Show which pool this computer belongs to, and how it stands
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool status
  skep pool status --json")]
pub(crate) struct Status {
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn status(context: &Context, status: &Status) -> Result<(), Failure> {
    watch(context, &status.watch, async || {
        let door = reach::to_read(context).await?;
        let left = if door.is_node() {
            None
        } else {
            joining::membership(&context.folders)?
        };
        let pool = match left {
            Some(mut pool) => {
                pool.reason = Some("no node runs here; skep worker start starts one".to_owned());
                pool
            }
            None => door.pool().await?,
        };
        Ok(shown(context, &pool))
    })
    .await
}

/// The pool, as it is from now on.
pub(crate) fn said(context: &Context, pool: &PoolView) -> Result<(), Failure> {
    context.output.line(shown(context, pool))
}

fn shown(context: &Context, pool: &PoolView) -> String {
    if context.output.json {
        return json::flat(pool).to_string();
    }
    if context.output.quiet {
        return pool.id.clone();
    }
    pairs(rows(pool))
}

fn rows(pool: &PoolView) -> Vec<(&'static str, String)> {
    let kept = match (pool.coordinates, pool.connected) {
        (true, _) => "this machine coordinates it",
        (false, true) => "another machine coordinates it, and is reached",
        (false, false) => "another machine coordinates it, and is not reached",
    };
    let at = if pool.addresses.is_empty() {
        "nowhere".to_owned()
    } else {
        pool.addresses.join(", ")
    };
    let mut rows = vec![
        ("pool", pool.name.clone()),
        ("id", pool.id.clone()),
        ("kept", kept.to_owned()),
        ("reached at", at),
        ("person", pool.person.clone()),
        ("may", roles(pool.roles)),
    ];
    rows.extend(pool.reason.clone().map(|reason| ("why", reason)));
    rows
}

#[cfg(test)]
mod tests {
    use super::{pairs, rows};
    use api::{PoolView, Roles};

    #[test]
    fn a_pool_reads_well_kept_here_and_kept_elsewhere() {
        let mut pool = PoolView {
            id: "p_6gqzkm".to_owned(),
            name: "home lab".to_owned(),
            coordinates: true,
            addresses: vec!["192.168.1.20:7537".to_owned(), "[fd00::20]:7537".to_owned()],
            connected: false,
            reason: None,
            person: "ada".to_owned(),
            roles: Roles {
                work: true,
                submit: true,
                admin: true,
            },
        };
        let here = pairs(rows(&pool));
        pool.coordinates = false;
        pool.roles = Roles::default();
        pool.reason = Some("nobody answers at 192.168.1.20:7537".to_owned());
        let lost = pairs(rows(&pool));
        pool.addresses.clear();
        pool.connected = true;
        pool.reason = None;
        let member = pairs(rows(&pool));
        insta::assert_snapshot!([here, lost, member].join("\n\n"));
    }
}
