//! What machines tell of themselves besides their offer: how they are, and what
//! lies ready there. It goes with the connection that told it.

use super::machine::Machine;
use super::{Coordinator, Event, Peer};
use crate::id::{Digest, MachineId};
use crate::limits::{BLOBS_TOLD_MAX, CORES_TOLD_MAX, MODULES_TOLD_MAX};
use crate::message::{Health, Stock};

impl Coordinator {
    pub(super) fn handle_health(&mut self, id: MachineId, health: Health) {
        if let Some(machine) = self.machines.get_mut(&id) {
            machine.take_health(health);
            self.events.push_back(Event::MachineChanged(id));
        }
    }

    pub(super) fn handle_stock(&mut self, peer: Peer, id: MachineId, stock: Stock) {
        if stock.modules.len() > MODULES_TOLD_MAX || stock.blobs.len() > BLOBS_TOLD_MAX {
            self.strike(peer, "tells of more modules and blobs than it may");
            return;
        }
        if let Some(machine) = self.machines.get_mut(&id) {
            machine.take_stock(stock);
        }
    }
}

impl Machine {
    /// What a connection said goes with it.
    pub(super) fn forget_news(&mut self) {
        self.recalled.clear();
        self.health = None;
        self.modules.clear();
        self.blobs.clear();
    }

    pub(super) fn take_stock(&mut self, stock: Stock) {
        self.modules = stock.modules.into_iter().take(MODULES_TOLD_MAX).collect();
        self.blobs = stock.blobs.into_iter().take(BLOBS_TOLD_MAX).collect();
    }

    pub(super) fn take_health(&mut self, mut health: Health) {
        health.core_loads.truncate(CORES_TOLD_MAX);
        self.health = Some(health);
    }

    /// How many modules and blobs it told of.
    pub(super) fn stock(&self) -> (usize, usize) {
        (self.modules.len(), self.blobs.len())
    }

    pub(super) fn has_module(&self, module: &Digest) -> bool {
        self.modules.contains(module)
    }

    pub(super) fn has_blob(&self, blob: &Digest) -> bool {
        self.blobs.contains(blob)
    }
}
