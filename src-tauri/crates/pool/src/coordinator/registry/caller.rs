//! Who asks, and what they may see and do.

use super::super::{Coordinator, JobView, MachineState, MachineView};
use crate::id::{DeviceId, Digest, JobId};
use crate::policy::reason;
use crate::registry::Caller;

impl Coordinator {
    /// Who the device is, if it belongs to the pool. To be asked at each
    /// request: what it may do can change between two.
    #[must_use]
    pub fn caller(&self, device: DeviceId) -> Option<Caller> {
        let device = self.registry.devices.get(&device)?;
        (!device.is_revoked()).then_some(Caller {
            device: device.id,
            person: device.person,
            roles: device.roles,
        })
    }

    /// Whether the caller sees and steers the job: false for another person's
    /// and for one that does not exist alike, so that nobody learns which.
    #[must_use]
    pub fn may(&self, caller: &Caller, job: JobId) -> bool {
        let job = self.by_id.get(&job).and_then(|no| self.jobs.get(no));
        #[cfg(feature = "mutants")]
        if self.is_planted(crate::Mutant::OwnerIgnored) {
            return job.is_some();
        }
        caller.has_jobs() && job.is_some_and(|job| job.facts.person == caller.person)
    }

    /// The jobs that the caller sees, as [`Coordinator::jobs`].
    pub fn jobs_of(&self, caller: &Caller) -> impl Iterator<Item = JobView> + use<'_> {
        let caller = *caller;
        self.jobs()
            .filter(move |job| caller.has_jobs() && job.person == caller.person)
    }

    /// As [`Coordinator::machines`], without the names of others' jobs.
    pub fn machines_for(&self, caller: &Caller) -> impl Iterator<Item = MachineView> + use<'_> {
        let caller = *caller;
        self.machines().map(move |mut machine| {
            let first = self.machines.get(&machine.id);
            let first = first.and_then(|known| known.leases.first());
            let job = first.and_then(|(no, _)| self.jobs.get(no));
            let others = job.is_some_and(|job| !self.may(&caller, job.id));
            if machine.state == MachineState::Working && others {
                machine.reason = reason::working_for_another();
            }
            machine
        })
    }

    /// Whether the device may have the blob: only what a lease names that it
    /// holds now.
    #[must_use]
    pub fn may_fetch(&self, device: DeviceId, blob: &Digest) -> bool {
        let works = self.caller(device).is_some_and(|caller| caller.roles.work);
        let Some(machine) = self.machines.get(&device.machine()).filter(|_| works) else {
            return false;
        };
        let mut last = None;
        machine.leases.iter().any(|(no, _)| {
            let looked_at = last.replace(*no) == Some(*no);
            let job = self.jobs.get(no).filter(|_| !looked_at);
            job.is_some_and(|job| {
                job.spec
                    .blobs()
                    .chain(job.fold_input())
                    .any(|it| it == *blob)
            })
        })
    }
}
