//! The idle executors of one slot, and the successor of the one at work.

use super::supply::{Key, Loaded, Supply};
use crate::limits::{WARM_PER_SLOT, WARM_TIME};
use sandbox::{Executor, SpawnError};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Warm {
    /// Newest last.
    idle: Vec<(Key, Executor, Instant)>,
    /// Being started, for the place of one that is or will be gone.
    successor: Option<(Key, Spawning)>,
}

pub(super) type Spawning = JoinHandle<Result<Executor, SpawnError>>;

/// An executor that is here, or will be.
#[derive(Debug)]
pub(super) enum Taken {
    Now(Box<Executor>),
    Soon(Spawning),
}

impl Warm {
    pub(super) fn take(&mut self, supply: &Arc<Supply>, loaded: &Arc<Loaded>) -> Taken {
        if let Some(at) = self
            .idle
            .iter()
            .rposition(|(key, executor, _)| *key == loaded.key && !executor.spent())
        {
            return Taken::Now(Box::new(self.idle.remove(at).1));
        }
        match self.successor.take_if(|(key, _)| *key == loaded.key) {
            Some((_, spawning)) => Taken::Soon(spawning),
            None => Taken::Soon(spawn(supply, loaded)),
        }
    }

    pub(super) fn put(&mut self, key: Key, executor: Executor) {
        if executor.spent() {
            return;
        }
        self.idle.push((key, executor, Instant::now() + WARM_TIME));
        if self.idle.len() > WARM_PER_SLOT {
            self.idle.remove(0);
        }
    }

    /// Starts the successor of an executor that is about to go, unless there is one.
    pub(super) fn expect(&mut self, supply: &Arc<Supply>, loaded: &Arc<Loaded>) {
        if self
            .successor
            .as_ref()
            .is_none_or(|(key, _)| *key != loaded.key)
        {
            self.successor = Some((loaded.key.clone(), spawn(supply, loaded)));
        }
    }

    /// When the first idle one has been kept long enough.
    pub(super) fn until(&self) -> Option<Instant> {
        self.idle.iter().map(|(_, _, until)| *until).min()
    }

    pub(super) fn cool(&mut self) {
        let now = Instant::now();
        self.idle.retain(|(_, _, until)| *until > now);
        if self.idle.is_empty() {
            self.successor = None;
        }
    }
}

fn spawn(supply: &Arc<Supply>, loaded: &Arc<Loaded>) -> Spawning {
    let (supply, loaded) = (supply.clone(), loaded.clone());
    tokio::spawn(async move { supply.spawn(&loaded).await })
}
