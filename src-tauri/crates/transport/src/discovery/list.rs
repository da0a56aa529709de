//! The pools that were heard of, as long as they are heard of.

use super::advert::Advert;
use crate::pairing::{ADDRESSES_MAX, PoolId};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How many pools are listed. Nobody has as many; somebody may pretend.
pub const FOUND_MAX: usize = 50;

/// How long a pool is listed that is not heard of again: longer than mDNS
/// itself believes an address (RFC 6762 §10), so this is the second line.
pub(super) const HEARD_MAX: Duration = Duration::from_secs(150);

/// A pool that was heard of. Nothing of it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which pool it says it is.
    pub pool: PoolId,
    /// What it calls itself: one line, at most 60 characters, none of them
    /// unseen.
    pub name: String,
    /// Where its coordinator may be, IPv4 first; at most 16, without those
    /// that need a scope or lead to ourselves.
    pub addresses: Vec<IpAddr>,
    /// The UDP port of the pool's endpoint.
    pub port: u16,
    /// The UDP port of the pairing endpoint, while a code or link lives there.
    pub pair: Option<u16>,
}

impl Found {
    pub(super) fn new(
        advert: Advert,
        addresses: impl Iterator<Item = IpAddr>,
        reachable: impl Fn(&IpAddr) -> bool,
    ) -> Option<Found> {
        let mut addresses: Vec<IpAddr> = addresses.filter(reachable).collect();
        addresses.sort();
        addresses.dedup();
        addresses.truncate(ADDRESSES_MAX);
        let Advert {
            pool,
            name,
            port,
            pair,
        } = advert;
        (!addresses.is_empty()).then_some(Found {
            pool,
            name,
            addresses,
            port,
            pair,
        })
    }
}

/// Whether another machine's address can be tried from here as it is.
pub(super) fn leads_elsewhere(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            !(v4.is_loopback() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            let mapped = v6.to_ipv4_mapped().is_some();
            let scoped = v6.is_unicast_link_local();
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || mapped || scoped)
        }
    }
}

/// At most [`FOUND_MAX`] pools, by the name of their announcement. Who is on
/// the list stays on it: newcomers do not push others out.
#[derive(Debug, Default)]
pub(super) struct List {
    rows: BTreeMap<String, (Found, Instant)>,
    left_out: bool,
}

impl List {
    /// A pool was heard of, or heard of again.
    pub(super) fn hear(&mut self, announcement: &str, found: Found, now: Instant) {
        self.forget(now);
        if self.rows.len() >= FOUND_MAX && !self.rows.contains_key(announcement) {
            self.left_out = true;
            return;
        }
        self.rows.insert(announcement.to_owned(), (found, now));
    }

    /// It said goodbye, or was not heard for as long as it said it would be.
    pub(super) fn gone(&mut self, announcement: &str) {
        self.rows.remove(announcement);
        self.left_out = false;
    }

    /// Those that are heard of now: pools that can be joined first, then by
    /// their names.
    pub(super) fn found(&mut self, now: Instant) -> Vec<Found> {
        self.forget(now);
        let mut found: Vec<Found> = self.rows.values().map(|(found, _)| found.clone()).collect();
        found.sort_by(|a, b| {
            let key = |found: &Found| (found.pair.is_none(), found.name.to_lowercase(), found.pool);
            key(a).cmp(&key(b))
        });
        found
    }

    /// Whether somebody was left out because the list was full.
    pub(super) fn left_out(&self) -> bool {
        self.left_out
    }

    fn forget(&mut self, now: Instant) {
        let before = self.rows.len();
        self.rows
            .retain(|_, (_, heard)| now.saturating_duration_since(*heard) < HEARD_MAX);
        self.left_out &= self.rows.len() == before;
    }
}
