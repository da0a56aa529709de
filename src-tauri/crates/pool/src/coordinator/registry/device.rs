//! Devices: renamed, revoked, forgotten.

use super::super::machine::Link;
use super::super::timer::Timer;
use super::super::{Coordinator, Event, Peer};
use crate::id::DeviceId;
use crate::moment::Now;
use crate::registry::{EntryKey, short_name};

/// Why a device was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    #[error("there is no such device in this pool; it may have been forgotten")]
    Unknown,
    #[error("the pool's coordinator runs on this computer, so it cannot be removed from it")]
    Own,
    #[error("the device belongs to the pool; revoke it first")]
    NotRevoked,
    #[error("a name needs something that can be seen")]
    EmptyName,
}

impl Coordinator {
    /// # Errors
    /// When there is no such device, or nothing can be seen of the name.
    pub fn rename_device(&mut self, now: Now, id: DeviceId, name: &str) -> Result<(), DeviceError> {
        self.advance(now);
        let name = short_name(name).ok_or(DeviceError::EmptyName)?;
        let device = self.registry.devices.get_mut(&id);
        device.ok_or(DeviceError::Unknown)?.name = name;
        self.changed(EntryKey::device(id));
        Ok(())
    }

    /// From the commit on the device is let in nowhere: its connections end,
    /// and what it was running waits again, uncharged. Jobs that were sent from
    /// it stay their person's. Twice is as once.
    ///
    /// # Errors
    /// When there is no such device, or it is the coordinator's own.
    pub fn revoke(&mut self, now: Now, id: DeviceId) -> Result<(), DeviceError> {
        self.advance(now);
        if id == self.registry.own {
            return Err(DeviceError::Own);
        }
        let wall_ms = self.now.wall_ms;
        let device = self.registry.devices.get_mut(&id);
        let device = device.ok_or(DeviceError::Unknown)?;
        if device.is_revoked() {
            return Ok(());
        }
        device.revoked_wall_ms = Some(wall_ms);
        self.changed(EntryKey::device(id));
        self.events.push_back(Event::DeviceRevoked(id));
        #[cfg(feature = "mutants")]
        if self.is_planted(crate::Mutant::RevokedKeepsWorking) {
            return Ok(());
        }
        self.turn_away(id);
        Ok(())
    }

    /// Ends the device's connections, and takes its leases back.
    fn turn_away(&mut self, id: DeviceId) {
        let theirs = self.peers.iter();
        let theirs = theirs.filter(|(_, connection)| connection.device == id);
        for peer in theirs.map(|(peer, _)| *peer).collect::<Vec<Peer>>() {
            self.forget_peer(peer);
            self.refuse(peer, "this device was removed from the pool");
        }
        let machine = id.machine();
        self.take_back_all(machine);
        if let Some(known) = self.machines.get_mut(&machine) {
            known.link = Link::Gone;
            self.timers.disarm(Timer::Silence(machine));
            self.left(machine);
        }
    }

    /// Nothing of a revoked device is kept: it is unknown from then on, which
    /// is no better for it.
    ///
    /// # Errors
    /// When there is no such device, or it is not revoked.
    pub fn forget_device(&mut self, now: Now, id: DeviceId) -> Result<(), DeviceError> {
        self.advance(now);
        let device = self.registry.devices.get(&id).ok_or(DeviceError::Unknown)?;
        if !device.is_revoked() {
            return Err(DeviceError::NotRevoked);
        }
        if let Some(spki) = device.spki {
            self.registry.by_spki.remove(&spki);
        }
        self.registry.devices.remove(&id);
        self.changed(EntryKey::device(id));
        Ok(())
    }
}
