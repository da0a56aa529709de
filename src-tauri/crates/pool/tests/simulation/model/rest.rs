//! What must hold of everything, where all that was decided is durable.

use super::*;
use crate::node::Offer;
use pool::limits::{CHUNKS_PER_SLOT_MAX, SLOTS_MAX};

impl Model {
    pub(crate) fn knows(&self, id: &JobId) -> bool {
        self.jobs.contains_key(id)
    }

    /// A backup of the data folder has the blobs of its time too.
    pub(crate) fn put_back_blobs(&self, blobs: &mut BTreeSet<Digest>) {
        blobs.extend(self.references.keys().chain(self.fold_inputs.values()));
    }

    pub(crate) fn is_referenced(&self, digest: &Digest) -> bool {
        self.references.contains_key(digest)
            || self.fold_inputs.values().any(|input| input == digest)
    }

    /// I13: what a machine that was just given more holds, against what it
    /// said that it offers.
    pub(crate) fn check_load(
        &self,
        stage: &mut Stage,
        disk: &Disk,
        machine: MachineId,
        offer: Offer,
    ) {
        let mut memory: Vec<u64> = Vec::new();
        for ((no, _), (_, value)) in &disk.leases {
            let job = self.numbers.get(no).and_then(|id| self.jobs.get(id));
            if let Some(job) = job.filter(|_| Disk::holder(value) == Some(machine)) {
                memory.push(job.spec.limits.memory_bytes);
            }
        }
        let slots = offer.slots.min(SLOTS_MAX);
        if memory.len() > slots as usize * CHUNKS_PER_SLOT_MAX as usize {
            stage.accuse(format!(
                "I13: {machine} with {slots} slots holds {} leases",
                memory.len()
            ));
        }
        // One lease runs in each slot: the largest may run together.
        memory.sort_unstable_by(|a, b| b.cmp(a));
        let reserved: u64 = memory.iter().take(slots as usize).sum();
        if reserved > offer.memory_bytes {
            stage.accuse(format!(
                "I13: {machine} offers {} bytes, and its leases may use {reserved}",
                offer.memory_bytes
            ));
        }
    }

    /// I23: what is remembered of a job's tasks is less than the tasks.
    fn check_bounds(&self, stage: &mut Stage, disk: &Disk) {
        for job in self.jobs.values() {
            let rows = disk.histories.range((job.no, 0)..=(job.no, u32::MAX));
            if rows.count() > job.tasks.len() {
                stage.accuse(format!("I23: {:?} has more histories than tasks", job.no));
            }
        }
        if disk.jobs.len() != self.jobs.len() {
            stage.accuse(format!(
                "I1, I23: {} jobs are on disk, {} were promised",
                disk.jobs.len(),
                self.jobs.len()
            ));
        }
    }

    /// I1, I15 and I16, over everything.
    pub(crate) fn check_at_rest(&self, stage: &mut Stage, disk: &Disk) {
        self.check_bounds(stage, disk);
        self.check_revoked(stage, disk);
        for (client, id) in &self.acknowledged {
            if !disk.jobs.values().any(|row| row.id == *id) {
                stage.accuse(format!(
                    "I1: {id} of {client:?} was acknowledged and is not on disk"
                ));
            }
        }
        for digest in self.references.keys() {
            if !stage.blobs.contains(digest) {
                stage.accuse(format!("I15: blob {digest} is referenced and gone"));
            }
            if !disk.blobs.contains_key(digest) {
                stage.accuse(format!("I15: blob {digest} is referenced and not counted"));
            }
        }
        for digest in disk.blobs.keys() {
            if !self.is_referenced(digest) {
                stage.accuse(format!(
                    "I16: blob {digest} is counted and nothing refers to it"
                ));
            }
        }
    }

    /// I24: when the job was last given a machine, if tasks of it may be leased.
    pub(crate) fn served_at(&self, id: &JobId) -> Option<At> {
        let job = self.jobs.get(id)?;
        let wanted = !(job.spec.followed || self.living_only) || !job.followers.is_empty();
        let released = !job.spec.trial || job.released;
        (wanted && released).then_some(job.served_at)
    }

    /// How a job that harmless tasks were made of must have ended.
    pub(crate) fn must_be_done(&self, id: &JobId) -> bool {
        self.jobs.get(id).is_some_and(|job| {
            let in_time = job
                .spec
                .limits
                .task_time
                .is_none_or(|time| u128::from(job.workload.micros) <= time.as_micros());
            let kept = !self.lost_some_of(id);
            kept && job.workload.is_harmless()
                && in_time
                && job.spec.timeout.is_none()
                && !job.spec.transient
        })
    }
}
