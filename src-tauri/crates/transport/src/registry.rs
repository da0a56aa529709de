//! Who belongs to the pool right now, and who is connected.
//!
//! A snapshot: who decides replaces it whole. Whoever is no longer in it loses
//! its connection at once.

use crate::{
    names::{DeviceId, Spki},
    session::{CloseReason, Ending},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A device that may connect. What it may do there is not the wire's to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub spki: Spki,
    pub device: DeviceId,
}

/// Clones share it.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    admitted: HashMap<Spki, DeviceId>,
    live: HashMap<DeviceId, Live>,
    /// Numbers of connections, in the order in which they entered.
    entered: u64,
}

struct Live {
    number: u64,
    spki: Spki,
    ending: Arc<Ending>,
}

impl Registry {
    /// Nobody belongs to the pool.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// From now on exactly these devices belong to the pool. The connections of
    /// all others close as revoked before this returns.
    pub fn replace(&self, admitted: impl IntoIterator<Item = Admitted>) {
        let admitted = admitted
            .into_iter()
            .map(|Admitted { spki, device }| (spki, device))
            .collect();
        let mut state = self.state();
        state.admitted = admitted;
        let State { admitted, live, .. } = &mut *state;
        let revoked: Vec<Live> = live
            .extract_if(|device, live| admitted.get(&live.spki) != Some(device))
            .map(|(_, live)| live)
            .collect();
        // A handshake asks the registry with its connection locked, so no
        // connection is touched with the registry locked.
        drop(state);
        for live in revoked {
            live.ending.close(CloseReason::Revoked);
        }
    }

    /// The device that has this key, if it belongs to the pool.
    pub fn device(&self, spki: &Spki) -> Option<DeviceId> {
        self.state().admitted.get(spki).copied()
    }

    /// Devices that are connected.
    pub fn connected(&self) -> Vec<DeviceId> {
        self.state().live.keys().copied().collect()
    }

    /// Enters a connection as its device's only one; an older one closes as
    /// superseded. In one step with the look at who belongs to the pool, so
    /// that no revocation slips between: `None` where it came first.
    pub(crate) fn enter(
        &self,
        device: DeviceId,
        spki: Spki,
        ending: &Arc<Ending>,
    ) -> Option<Entered> {
        let mut state = self.state();
        if state.admitted.get(&spki) != Some(&device) {
            return None;
        }
        state.entered += 1;
        let number = state.entered;
        let live = Live {
            number,
            spki,
            ending: Arc::clone(ending),
        };
        let older = state.live.insert(device, live);
        drop(state);
        if let Some(older) = older {
            older.ending.close(CloseReason::Superseded);
        }
        Some(Entered {
            registry: self.clone(),
            device,
            number,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way through a change of the maps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Registry")
            .field("admitted", &state.admitted.len())
            .field("live", &state.live.len())
            .finish()
    }
}

/// A connection's place among the live ones, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    registry: Registry,
    device: DeviceId,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = self.registry.state();
        // A newer connection of the same device may stand there by now.
        if state
            .live
            .get(&self.device)
            .is_some_and(|live| live.number == self.number)
        {
            state.live.remove(&self.device);
        }
    }
}
