//! What must hold whatever happened. Called by every test, after every step.

use super::Coordinator;
use super::job::{Ending, Folding, Phase};
use crate::id::{Digest, MachineId};
use std::collections::BTreeMap;

impl Coordinator {
    /// Panics with what is wrong, if anything is.
    pub fn check(&self) {
        self.timers.check();
        for job in self.jobs.values() {
            let open = !job.is_ended();
            job.tasks.check(open, job.with_fold_task());
            let (tasks, id) = (&job.tasks, job.id);
            match &job.facts.phase {
                Phase::Open => assert!(
                    tasks.waiting() + tasks.leased() > 0,
                    "{id} is open with nothing left to do"
                ),
                Phase::Folding(Folding::Task { .. } | Folding::Node | Folding::Assembling) => {
                    assert_eq!(
                        tasks.done_count(),
                        job.spec.count,
                        "{id} folds before its tasks are done"
                    );
                }
                Phase::Ended(ending) => {
                    assert_eq!(
                        tasks.leased() + tasks.waiting(),
                        0,
                        "{id} has ended with tasks to do"
                    );
                    match ending {
                        Ending::Done => {
                            assert_eq!(tasks.done_count(), job.spec.count, "{id} is done")
                        }
                        Ending::Failed { fold } => {
                            assert!(
                                fold.is_some() || tasks.failed_count() > 0,
                                "{id} failed without a failed task"
                            );
                        }
                        Ending::Cancelled { .. } => {}
                    }
                }
            }
            for (first, lease) in tasks.leases() {
                let machine = self.machines.get(&lease.machine);
                let known =
                    machine.is_some_and(|machine| machine.leases.contains(&(job.no, first)));
                assert!(
                    known,
                    "{} does not know that it holds task {first} of {id}",
                    lease.machine
                );
                assert!(lease.term <= self.term, "a lease of a term to come");
            }
            let waits = job.place.is_some_and(|place| self.queue.contains(place));
            assert_eq!(waits, job.place.is_some(), "{id} in the queue");
            if !self.touched.contains(&job.no) {
                assert_eq!(job.counted, tasks.waiting(), "waiting tasks of {id}");
                assert_eq!(job.place, job.wanted_place(), "the place of {id}");
            }
            assert_eq!(self.by_id.get(&id), Some(&job.no), "the id of {id}");
        }
        let counted = self.jobs.values().map(|job| u64::from(job.counted));
        assert_eq!(self.queued_count, counted.sum::<u64>(), "tasks that wait");
        assert_eq!(self.by_id.len(), self.jobs.len(), "ids");
        assert!(self.by_client.len() <= self.jobs.len(), "clients");
        let places = self.jobs.values().filter(|job| job.place.is_some()).count();
        assert_eq!(self.queue.len(), places, "queue");
        self.queue.check();
        for (id, machine) in &self.machines {
            machine.check(*id);
            for (no, first) in &machine.leases {
                let lease = self.jobs.get(no).and_then(|job| job.tasks.lease(*first));
                assert!(
                    lease.is_some_and(|lease| lease.machine == *id),
                    "{id} holds what it was not granted"
                );
            }
            if let Some(peer) = machine.peer() {
                let connection = self.peers.get(&peer);
                assert!(
                    connection.is_some_and(|c| c.machine == Some(*id)),
                    "the connection of {id}"
                );
            }
        }
        self.check_blobs();
        self.check_registry();
    }

    /// Whoever is connected or holds a lease may.
    fn check_registry(&self) {
        self.registry.check();
        for connection in self.peers.values() {
            let device = connection.device;
            assert!(self.caller(device).is_some(), "{device} is connected");
            let machine = connection.machine.map(MachineId::device);
            assert!(machine.is_none_or(|machine| machine == device));
        }
        for (id, machine) in &self.machines {
            let known = self.device(id.device());
            let may = known.is_none_or(|device| device.roles.work && !device.is_revoked());
            assert!(machine.leases.is_empty() || may, "{id} holds leases");
        }
        for job in self.jobs.values() {
            let person = job.facts.person;
            assert!(self.person(person).is_some(), "{} of {person}", job.id);
        }
    }

    /// Every reference that is known here is counted.
    fn check_blobs(&self) {
        let mut known: BTreeMap<Digest, u64> = BTreeMap::new();
        for job in self.jobs.values() {
            for blob in job.spec.blobs().chain(job.fold_input()) {
                *known.entry(blob).or_default() += 1;
            }
        }
        for (blob, count) in known {
            let counted = self.blobs.get(&blob).copied().unwrap_or(0);
            assert!(
                counted >= count,
                "{blob} is referenced {count} times, {counted} are counted"
            );
        }
        assert!(
            self.blobs.values().all(|count| *count > 0),
            "a blob without references is kept"
        );
    }
}
