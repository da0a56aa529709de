//! What a worker tells of its machine besides its offer: how it is, and what
//! lies ready there. Only the latest counts, and once a second is often enough.

use super::{Link, Worker};
use crate::limits::{BLOBS_TOLD_MAX, CORES_TOLD_MAX, MODULES_TOLD_MAX, NEWS_EVERY};
use crate::message::{Health, Stock, ToCoordinator};
use crate::moment::{Moment, Now};

/// The latest word of one kind, and what the coordinator heard of it.
#[derive(Debug, Default)]
pub(super) struct News<T> {
    latest: T,
    /// On this connection: what, and when.
    told: Option<(T, Moment)>,
}

impl<T: Clone + Default + PartialEq> News<T> {
    /// What is to be said now, if anything is.
    fn due(&mut self, now: Moment) -> Option<T> {
        let is_due = match &self.told {
            Some((told, at)) => *told != self.latest && at.after(NEWS_EVERY) <= now,
            None => self.latest != T::default(),
        };
        is_due.then(|| {
            self.told = Some((self.latest.clone(), now));
            self.latest.clone()
        })
    }
}

impl Worker {
    /// How the machine is now; told at most every [`NEWS_EVERY`].
    pub fn handle_health(&mut self, now: Now, mut health: Health) {
        health.core_loads.truncate(CORES_TOLD_MAX);
        self.health.latest = health;
        self.settle(now);
    }

    /// All that lies ready on the machine now, the latest used first; told as
    /// often.
    pub fn handle_stock(&mut self, now: Now, mut stock: Stock) {
        stock.modules.truncate(MODULES_TOLD_MAX);
        stock.blobs.truncate(BLOBS_TOLD_MAX);
        self.stock.latest = stock;
        self.settle(now);
    }

    /// A new connection has heard nothing yet.
    pub(super) fn forget_told_news(&mut self) {
        self.health.told = None;
        self.stock.told = None;
    }

    pub(super) fn tell_news(&mut self, now: Now) {
        if !matches!(self.link, Link::Up { .. }) {
            return;
        }
        let health = self.health.due(now.moment).map(ToCoordinator::Health);
        let stock = self.stock.due(now.moment).map(ToCoordinator::Stock);
        self.transmits.extend(health.into_iter().chain(stock));
    }
}
