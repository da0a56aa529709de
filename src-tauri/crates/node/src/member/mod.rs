//! This node as a member of a pool that another machine coordinates: it keeps
//! a way to the coordinator, and finds a new one whenever that is lost.

mod blobs;
mod known;

pub(crate) use blobs::Fetching;
pub(crate) use known::Known;

use crate::clock::wall_ms;
use crate::limits::{REACH_MAX, REACH_MIN};
use api::{Error, ErrorCode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use transport::{
    Address, CloseReason, Connector, Identity, Membership, PoolId, Receiver, Sender, Uplink,
    WindowBudget,
};

/// A member of a pool. The way is kept until this is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    pool: PoolId,
    /// As it was when this began.
    known: Known,
    standing: watch::Receiver<Standing>,
    keeper: AbortHandle,
}

impl Drop for Member {
    fn drop(&mut self) {
        // The connection goes with it, as a goodbye.
        self.keeper.abort();
    }
}

/// How it stands with the coordinator.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// It is being looked for; why it was not found, when that is known.
    Reaching {
        why: Option<String>,
    },
    Up(Uplink),
}

/// The task that keeps the way.
struct Keeping {
    folder: PathBuf,
    identity: Identity,
    membership: Membership,
    connector: Connector,
    /// Where it may be, the likeliest first.
    addresses: Vec<Address>,
    says: watch::Sender<Standing>,
}

impl Member {
    /// The member that the folder `identity/` speaks of, if it speaks of one.
    ///
    /// # Errors
    /// Where its files are damaged, or no socket can be had.
    pub(crate) fn of(data: &Path) -> Result<Option<Arc<Member>>, Error> {
        let folder = data.join("identity");
        let membership = Membership::load(&folder).map_err(|error| unusable(&error))?;
        let Some(membership) = membership else {
            return Ok(None);
        };
        let pool = membership.pool;
        let identity = Identity::open(&folder).map_err(|error| unusable(&error))?;
        let known = Known::load(&folder)?;
        let budget = WindowBudget::new(transport::limits::WINDOW_BUDGET);
        let connector = Connector::anywhere(&budget).map_err(|error| unusable(&error))?;
        let (says, standing) = watch::channel(Standing::Reaching { why: None });
        let keeping = Keeping {
            folder,
            identity,
            membership,
            connector,
            addresses: known.addresses.clone(),
            says,
        };
        let keeper = tokio::spawn(keeping.run()).abort_handle();
        Ok(Some(Arc::new(Member {
            pool,
            known,
            standing,
            keeper,
        })))
    }

    pub(crate) fn pool(&self) -> PoolId {
        self.pool
    }

    /// What is known of the pool.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// The way to the coordinator, as soon as there is one.
    pub(crate) async fn up(&self) -> Uplink {
        let mut standing = self.standing.clone();
        loop {
            if let Standing::Up(uplink) = &*standing.borrow_and_update() {
                return uplink.clone();
            }
            if standing.changed().await.is_err() {
                // Its keeper ends only with the process.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The way, or why there is none. One that was not tried yet is waited for.
    ///
    /// # Errors
    /// `unreachable`, with the step that failed.
    pub(crate) async fn soon(&self) -> Result<Uplink, Error> {
        let mut standing = self.standing.clone();
        let untried = |standing: &Standing| matches!(standing, Standing::Reaching { why: None });
        let tried = standing.wait_for(|standing| !untried(standing));
        let _ = tokio::time::timeout(FIRST_TRY, tried).await;
        match self.standing() {
            Standing::Up(uplink) => Ok(uplink),
            Standing::Reaching { why } => {
                let why = why.unwrap_or_else(|| "it is being looked for".to_owned());
                let pool = &self.known.pool_name;
                Err(Error::new(
                    ErrorCode::Unreachable,
                    format!("the coordinator of {pool} is not reached: {why}"),
                )
                .hint("what runs here goes on, and this machine tries again; skep doctor says how it stands"))
            }
        }
    }

    /// A stream of the rules, as soon as there can be one.
    pub(crate) async fn control(&self) -> (Sender, Receiver) {
        loop {
            let uplink = self.up().await;
            match uplink.open_control().await {
                Ok(stream) => return stream,
                // It is closing, and the keeper is about to hear so.
                Err(error) => {
                    tracing::debug!(%error, "no control stream");
                    let _ = tokio::time::timeout(REACH_MIN, uplink.closed()).await;
                }
            }
        }
    }

    pub(crate) fn round_trip_micros(&self) -> u32 {
        match &*self.standing.borrow() {
            Standing::Up(uplink) => u32::try_from(uplink.rtt().as_micros()).unwrap_or(u32::MAX),
            Standing::Reaching { .. } => 0,
        }
    }
}

impl Keeping {
    async fn run(mut self) {
        let mut failures = 0;
        while !self.says.is_closed() {
            let reached = self
                .connector
                .connect(&self.identity, &self.membership, &self.addresses)
                .await;
            let why = match reached {
                Ok(uplink) => {
                    let (why, again_after) = self.stay(uplink).await;
                    failures = again_after;
                    why
                }
                Err(error) => error.to_string(),
            };
            let news = match &*self.says.borrow() {
                Standing::Reaching { why: before } => before.as_ref() != Some(&why),
                Standing::Up(_) => true,
            };
            if news {
                tracing::warn!(%why, "the coordinator is not reached");
                self.says
                    .send_replace(Standing::Reaching { why: Some(why) });
            }
            tokio::time::sleep(pause(failures)).await;
            failures = failures.saturating_add(1);
        }
    }

    /// As long as the connection stands; why it ended, and after how many
    /// failures it counts as one.
    async fn stay(&mut self, uplink: Uplink) -> (String, u32) {
        self.found(&uplink);
        if uplink.renewal_only() {
            // Every other stream would be refused; the next connection is whole.
            return match self.renew(&uplink).await {
                Ok(()) => ("its certificate was renewed".to_owned(), 0),
                Err(why) => (why, HOPELESS_FOR_NOW),
            };
        }
        tracing::info!(coordinator = %uplink.remote(), "the coordinator is reached");
        self.says.send_replace(Standing::Up(uplink.clone()));
        let closed = loop {
            tokio::select! {
                closed = uplink.closed() => break closed,
                () = tokio::time::sleep(RENEWAL_LOOK) => {
                    if self.is_renewal_due()
                        && let Err(why) = self.renew(&uplink).await
                    {
                        tracing::warn!(%why, "this device's certificate was not renewed");
                    }
                }
            }
        };
        // A copy of this folder is sent away by this one's next connection, and
        // this one by the copy's: neither comes back at once.
        let superseded = closed.reason == CloseReason::Superseded;
        let again_after = if superseded { HOPELESS_FOR_NOW } else { 0 };
        (closed.to_string(), again_after)
    }

    /// The address that answered is tried first from now on.
    fn found(&mut self, uplink: &Uplink) {
        let at = Address::from(uplink.remote());
        if self.addresses.first() == Some(&at) {
            return;
        }
        self.addresses.retain(|other| *other != at);
        self.addresses.insert(0, at);
        self.addresses.truncate(ADDRESSES_MAX);
        if let Err(error) = Known::keep_addresses(&self.folder, &self.addresses) {
            tracing::warn!(%error, "the coordinator's address is not remembered");
        }
    }

    fn is_renewal_due(&self) -> bool {
        let leaf = self.membership.leaf();
        leaf.is_ok_and(|leaf| leaf.renew_due(SystemTime::now()))
    }

    async fn renew(&mut self, uplink: &Uplink) -> Result<(), String> {
        let leaf = uplink.renew(self.identity.csr()).await;
        self.membership.leaf = leaf.map_err(|error| error.to_string())?;
        self.membership
            .save(&self.folder)
            .map_err(|error| error.to_string())?;
        tracing::info!(at_ms = wall_ms(), "this device's certificate was renewed");
        Ok(())
    }
}

/// What would fail again is tried as late as after so many failures.
const HOPELESS_FOR_NOW: u32 = 5;
/// How long the first try to reach the coordinator is waited for.
const FIRST_TRY: Duration = Duration::from_secs(5);
/// Between two looks at the certificate's age, of 14 days.
const RENEWAL_LOOK: Duration = Duration::from_secs(3600);
/// Addresses of the coordinator that are remembered.
const ADDRESSES_MAX: usize = 16;

/// Full jitter over a span that doubles, so that a thousand members do not come
/// back at once (Brooker, "Exponential Backoff and Jitter", 2015).
fn pause(failures: u32) -> Duration {
    let span = REACH_MIN
        .saturating_mul(1 << failures.min(16))
        .min(REACH_MAX);
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    span.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

fn unusable(error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::FolderUnusable,
        format!("this device's place in its pool cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_are_not_the_same_for_all() {
        for failures in [0, 1, 5, 40] {
            let most = REACH_MIN
                .saturating_mul(1 << failures.min(16))
                .min(REACH_MAX);
            let pauses: Vec<Duration> = (0..64).map(|_| pause(failures)).collect();
            assert!(pauses.iter().all(|pause| *pause <= most));
            assert!(pauses.iter().any(|pause| pause != &pauses[0]));
        }
    }
}
