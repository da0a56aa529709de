//! What lies ready on this machine, for the coordinator to place tasks by.

use pool::Digest;
use pool::limits::{BLOBS_TOLD_MAX, MODULES_TOLD_MAX};
use pool::message::Stock;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// What was used last; some of it may have been deleted since, and is then
/// fetched again.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Used>);

/// The latest first.
#[derive(Debug, Default)]
struct Used {
    modules: VecDeque<Digest>,
    blobs: VecDeque<Digest>,
}

impl Shelf {
    /// It is compiled.
    pub(super) fn module(&self, digest: Digest) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        put(&mut used.modules, digest, MODULES_TOLD_MAX);
    }

    /// It is here.
    pub(super) fn blob(&self, digest: Digest) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        put(&mut used.blobs, digest, BLOBS_TOLD_MAX);
    }

    pub(super) fn stock(&self) -> Stock {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Stock {
            modules: used.modules.iter().copied().collect(),
            blobs: used.blobs.iter().copied().collect(),
        }
    }
}

fn put(list: &mut VecDeque<Digest>, digest: Digest, most: usize) {
    if list.front() == Some(&digest) {
        return;
    }
    list.retain(|other| *other != digest);
    list.push_front(digest);
    list.truncate(most);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_of_each_once_the_latest_first_and_of_no_more_than_may_be() {
        let shelf = Shelf::default();
        let digest = |name: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&name.to_le_bytes());
            Digest(bytes)
        };
        for name in [1, 2, 1] {
            shelf.module(digest(name));
        }
        assert_eq!(shelf.stock().modules, [digest(1), digest(2)]);
        for name in 0..=BLOBS_TOLD_MAX {
            shelf.blob(digest(name));
        }
        let blobs = shelf.stock().blobs;
        assert_eq!(blobs.len(), BLOBS_TOLD_MAX);
        assert_eq!(blobs[0], digest(BLOBS_TOLD_MAX));
        assert!(!blobs.contains(&digest(0)));
    }
}
