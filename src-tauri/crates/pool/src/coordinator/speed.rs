//! How fast modules run on each machine, across jobs: where a job begins to
//! guess before it has measured anything itself.
//!
//! Tasks of one module are as long as their inputs make them, so the times of
//! two jobs are not compared. What is: the times of two machines within one
//! job. Integers throughout, so that every machine would decide the same.

use crate::id::{Digest, JobNo, MachineId};
use crate::limits::MODULES_MEASURED_MAX;
use std::collections::BTreeMap;

/// Machines that a guess is drawn from: more say little more.
const COMPARED_WITH: usize = 4;

/// A job whose tasks take so many times what they took in the job before is
/// another kind of work.
const OTHER_WORK: u64 = 2;

#[derive(Debug, Default)]
pub(super) struct Speeds {
    modules: BTreeMap<Digest, Module>,
    /// Counts measurements, to find the module that was used longest ago.
    clock: u64,
}

/// One module's task on each machine, nanoseconds, smoothed, as if all had
/// been measured in the same job.
#[derive(Debug)]
struct Module {
    job: JobNo,
    used: u64,
    nanos: BTreeMap<MachineId, u64>,
}

impl Speeds {
    /// A task of the job took `nanos` on the machine.
    pub(super) fn measure(&mut self, module: Digest, job: JobNo, machine: MachineId, nanos: u64) {
        self.clock += 1;
        let known = self.modules.entry(module).or_insert_with(|| Module {
            job,
            used: 0,
            nanos: BTreeMap::new(),
        });
        known.used = self.clock;
        if core::mem::replace(&mut known.job, job) != job {
            known.go_over_to(machine, nanos);
        }
        let smoothed = known
            .nanos
            .get(&machine)
            .map(|&before| smooth(before, nanos));
        known
            .nanos
            .insert(machine, smoothed.unwrap_or(nanos).max(1));
        if self.modules.len() > MODULES_MEASURED_MAX {
            let oldest = self.modules.iter().min_by_key(|(_, module)| module.used);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                self.modules.remove(&oldest);
            }
        }
    }

    /// What a task of the module takes on the machine, as far as earlier jobs
    /// tell: as it was there, else as it was elsewhere.
    pub(super) fn task_nanos(&self, module: &Digest, machine: MachineId) -> Option<u64> {
        let known = &self.modules.get(module)?.nanos;
        if let Some(&nanos) = known.get(&machine) {
            return Some(nanos);
        }
        self.guess(known.iter().map(|(&id, &nanos)| (id, nanos)), machine)
    }

    /// The machine has run the module.
    pub(super) fn ran(&self, module: &Digest, machine: MachineId) -> bool {
        let known = self.modules.get(module);
        known.is_some_and(|module| module.nanos.contains_key(&machine))
    }

    /// What a task takes on the machine that takes so long on those others.
    pub(super) fn guess(
        &self,
        elsewhere: impl Iterator<Item = (MachineId, u64)>,
        machine: MachineId,
    ) -> Option<u64> {
        let mut sum = 0_u64;
        let mut count = 0_u64;
        for (other, nanos) in elsewhere.take(COMPARED_WITH) {
            sum = sum.saturating_add(scale(nanos, self.per_mille(machine, other)));
            count += 1;
        }
        sum.checked_div(count).map(|mean| mean.max(1))
    }

    /// How long the machine takes for what takes the other 1,000, on the mean
    /// of the modules that both ran; 1,000 while nothing tells them apart.
    pub(super) fn per_mille(&self, machine: MachineId, other: MachineId) -> u64 {
        let mut sum = 0_u64;
        let mut count = 0_u64;
        for module in self.modules.values() {
            if let (Some(&mine), Some(&theirs)) =
                (module.nanos.get(&machine), module.nanos.get(&other))
            {
                let ratio = u128::from(mine) * 1_000 / u128::from(theirs.max(1));
                sum = sum.saturating_add(u64::try_from(ratio).unwrap_or(u64::MAX));
                count += 1;
            }
        }
        sum.checked_div(count).unwrap_or(1_000).clamp(1, 1_000_000)
    }

    pub(super) fn forget(&mut self, machine: MachineId) {
        for module in self.modules.values_mut() {
            module.nanos.remove(&machine);
        }
        self.modules.retain(|_, module| !module.nanos.is_empty());
    }

    /// Modules, and machines of the one that most ran.
    pub(super) fn len(&self) -> (usize, usize) {
        let machines = self.modules.values().map(|module| module.nanos.len());
        (self.modules.len(), machines.max().unwrap_or(0))
    }
}

impl Module {
    /// A new job measures: if its tasks are another kind of work, what is known
    /// of the other machines is brought in line with it.
    fn go_over_to(&mut self, machine: MachineId, nanos: u64) {
        let Some(&before) = self.nanos.get(&machine) else {
            self.nanos.clear();
            return;
        };
        let alike = nanos <= before.saturating_mul(OTHER_WORK)
            && before <= nanos.saturating_mul(OTHER_WORK);
        if alike {
            return;
        }
        for known in self.nanos.values_mut() {
            let scaled = u128::from(*known) * u128::from(nanos) / u128::from(before.max(1));
            *known = u64::try_from(scaled).unwrap_or(u64::MAX).max(1);
        }
    }
}

/// Three parts of what was known and one of what is new.
pub(super) fn smooth(before: u64, measured: u64) -> u64 {
    (before.saturating_mul(3).saturating_add(measured) / 4).max(1)
}

/// A time, stretched.
pub(super) fn scale(time: u64, per_mille: u64) -> u64 {
    u64::try_from(u128::from(time) * u128::from(per_mille) / 1_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Speeds;
    use crate::id::{Digest, JobNo, MachineId};
    use crate::limits::MODULES_MEASURED_MAX;

    const FAST: MachineId = MachineId([1; 16]);
    const SLOW: MachineId = MachineId([2; 16]);
    const NEW: MachineId = MachineId([3; 16]);

    fn module(number: u8) -> Digest {
        Digest([number; 32])
    }

    #[test]
    fn a_machine_that_never_ran_a_module_is_guessed_from_the_others() {
        let mut speeds = Speeds::default();
        assert_eq!(speeds.task_nanos(&module(1), FAST), None);
        speeds.measure(module(1), JobNo(1), FAST, 100);
        assert_eq!(speeds.task_nanos(&module(1), FAST), Some(100));
        assert_eq!(
            speeds.task_nanos(&module(1), SLOW),
            Some(100),
            "as elsewhere"
        );
        speeds.measure(module(2), JobNo(2), FAST, 1_000);
        speeds.measure(module(2), JobNo(2), SLOW, 4_000);
        assert_eq!(
            speeds.task_nanos(&module(1), SLOW),
            Some(400),
            "four times slower with another module"
        );
        assert_eq!(speeds.per_mille(FAST, SLOW), 250);
        assert_eq!(speeds.per_mille(NEW, SLOW), 1_000);
    }

    #[test]
    fn another_job_with_longer_tasks_does_not_make_a_machine_slow() {
        let mut speeds = Speeds::default();
        speeds.measure(module(1), JobNo(1), FAST, 100);
        speeds.measure(module(1), JobNo(1), SLOW, 400);
        speeds.measure(module(1), JobNo(2), SLOW, 400_000);
        assert_eq!(speeds.per_mille(SLOW, FAST), 4_000);
        assert_eq!(speeds.task_nanos(&module(1), FAST), Some(100_000));
        speeds.measure(module(1), JobNo(3), NEW, 7);
        assert_eq!(speeds.task_nanos(&module(1), NEW), Some(7));
        assert_eq!(
            speeds.per_mille(NEW, FAST),
            1_000,
            "nothing was measured of both"
        );
    }

    #[test]
    fn what_is_remembered_has_a_limit_and_goes_with_its_machine() {
        let mut speeds = Speeds::default();
        for number in 0..200 {
            speeds.measure(module(number), JobNo(1), FAST, 10);
            speeds.measure(module(0), JobNo(1), SLOW, u64::MAX);
        }
        assert_eq!(speeds.len(), (MODULES_MEASURED_MAX, 1 + 1));
        assert!(
            speeds.task_nanos(&module(0), SLOW).is_some(),
            "used again and again"
        );
        assert_eq!(speeds.task_nanos(&module(1), FAST), None);
        speeds.forget(SLOW);
        speeds.forget(FAST);
        assert_eq!(speeds.len(), (0, 0));
    }
}
