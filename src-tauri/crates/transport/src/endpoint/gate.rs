//! How many strangers may be half-way in. quinn does not count them; each
//! costs 50 KiB until its handshake is done or given up.

use crate::limits::{UNFINISHED_MAX, UNFINISHED_PER_ADDRESS_MAX, UNFINISHED_RETRY};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Clones share the count.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: Mutex<Count>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// What to do with someone who knocks.
#[derive(Debug)]
pub(super) enum Decision {
    Accept(Slot),
    /// It shall first prove that it can be reached at its address.
    Retry,
    /// It did, but too many others are half-way in.
    Wait,
}

/// A handshake that is not finished, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    gate: Gate,
    address: IpAddr,
}

impl Gate {
    pub(super) fn decide(&self, from: IpAddr, validated: bool) -> Decision {
        let address = household(from);
        let mut count = self.count();
        let of_address = count.by_address.get(&address).copied().unwrap_or(0);
        if count.all >= UNFINISHED_RETRY && !validated {
            return Decision::Retry;
        }
        if count.all >= UNFINISHED_MAX || of_address >= UNFINISHED_PER_ADDRESS_MAX {
            return Decision::Wait;
        }
        count.all += 1;
        *count.by_address.entry(address).or_default() += 1;
        Decision::Accept(Slot {
            gate: self.clone(),
            address,
        })
    }

    /// A handshake ended since this was last awaited.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut count = self.gate.count();
        count.all -= 1;
        if let Some(of_address) = count.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                count.by_address.remove(&self.address);
            }
        }
        drop(count);
        self.gate.0.freed.notify_one();
    }
}

/// One machine has a whole network of IPv6 addresses to speak from.
fn household(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let network = u128::from(ip) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(decision: Decision) -> Option<Slot> {
        match decision {
            Decision::Accept(slot) => Some(slot),
            Decision::Retry | Decision::Wait => None,
        }
    }

    #[test]
    fn strangers_prove_their_address_when_many_are_half_way_in() {
        let gate = Gate::default();
        let address = |last| IpAddr::from([10, 0, (last / 250) as u8, (last % 250) as u8]);
        let mut slots: Vec<Slot> = (0..UNFINISHED_RETRY)
            .map(|n| accepted(gate.decide(address(n), false)).unwrap())
            .collect();
        assert!(matches!(gate.decide(address(900), false), Decision::Retry));
        slots.extend(
            (UNFINISHED_RETRY..UNFINISHED_MAX)
                .map(|n| accepted(gate.decide(address(n), true)).unwrap()),
        );
        assert!(matches!(gate.decide(address(900), true), Decision::Wait));
        slots.pop();
        assert!(accepted(gate.decide(address(900), true)).is_some());
        drop(slots);
        assert!(gate.count().by_address.is_empty());
    }

    #[test]
    fn one_address_does_not_take_every_place() {
        let gate = Gate::default();
        let many = |n: u16| IpAddr::from([0xfd00, 0, 0, 0, n, 0, 0, 1]);
        let slots: Vec<Slot> = (0..UNFINISHED_PER_ADDRESS_MAX)
            .map(|n| accepted(gate.decide(many(n as u16), true)).unwrap())
            .collect();
        assert!(matches!(gate.decide(many(999), true), Decision::Wait));
        let other = IpAddr::from([10, 0, 0, 1]);
        assert!(accepted(gate.decide(other, true)).is_some());
        drop(slots);
    }
}
