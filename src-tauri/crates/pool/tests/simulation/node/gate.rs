//! Who belongs to the simulated pool, and how they come in.

use super::*;
use pool::{Admission, DeviceId, Founding, InviteId, JoinRequest, NewInvite, Spki, Via};
use std::time::Duration;

/// The computer that the node runs on, whose person founded the pool.
pub(crate) const OWN: DeviceId = DeviceId([0xee; 16]);

pub(crate) fn founding() -> Founding {
    Founding {
        device: OWN,
        spki: Some(spki_of(OWN)),
        device_name: "the node".to_owned(),
        os: "linux".to_owned(),
        person_name: "the founder".to_owned(),
        pool_name: "a pool".to_owned(),
    }
}

/// Everybody's own key.
pub(crate) fn spki_of(device: DeviceId) -> Spki {
    let mut spki = [0; 32];
    spki[..16].copy_from_slice(&device.0);
    Spki(spki)
}

pub(crate) fn request(device: DeviceId, via: Via) -> JoinRequest {
    JoinRequest {
        device,
        spki: spki_of(device),
        name: format!("computer {}", device.0[8]),
        os: "linux".to_owned(),
        via,
    }
}

/// A machine comes by an invite that was made for it, if it is new here.
pub(super) fn let_in(coordinator: &mut Coordinator, now: Now, device: DeviceId) -> bool {
    if coordinator.device(device).is_some() {
        return false;
    }
    let id = InviteId(device.0);
    let invite = NewInvite {
        id,
        person: coordinator.pool().founder,
        unattended: true,
        uses: 1,
        life: Duration::from_secs(60),
        name: "a machine".to_owned(),
    };
    let made = coordinator.invite(now, invite);
    let came = coordinator.ask_to_join(now, request(device, Via::Invite(id)));
    made.is_ok() && matches!(came, Ok(Admission::Admitted(_)))
}
