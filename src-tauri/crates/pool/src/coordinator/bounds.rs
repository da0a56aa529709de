//! That nothing grows without an end: each collection against its limit.

use super::Coordinator;
use super::history::History;
use super::machine::Machine;
use super::place::OUTLOOKS_KEPT;
use crate::limits::{
    ATTEMPTS_KEPT_MAX, BACKTRACE_FRAMES_MAX, BLOBS_TOLD_MAX, CORES_TOLD_MAX, JOBS_MAX, LABELS_MAX,
    LEASES_PER_WORKER_MAX, MACHINES_MAX, MESSAGE_BYTES_MAX, MODULES_MEASURED_MAX, MODULES_TOLD_MAX,
    NAME_CHARS_MAX, PERSONS_MAX, STRANGERS_MAX,
};

/// Timers that one machine or one job may have armed.
const TIMERS_EACH: usize = 4;

impl Coordinator {
    /// Panics with what is over its limit. For tests, after a turn whose
    /// results were polled to their end.
    pub fn check_bounds(&self) {
        let (jobs, machines) = (self.jobs.len(), self.machines.len());
        let strangers = self.peers.values().filter(|peer| peer.machine.is_none());
        let strangers = strangers.count();
        within("jobs", jobs, JOBS_MAX);
        within("ids of jobs", self.by_id.len(), jobs);
        within("ids that clients chose", self.by_client.len(), jobs);
        within("places in the queue", self.queue.len(), jobs);
        within("persons in the queue", self.queue.persons(), PERSONS_MAX);
        within("machines", machines, MACHINES_MAX);
        within("strangers", strangers, STRANGERS_MAX);
        within("connections", self.peers.len(), machines + strangers);
        self.registry.check_bounds();
        let timers = 2 + strangers + TIMERS_EACH * (machines + jobs);
        within("timers", self.timers.len(), timers);
        within("changed jobs", self.touched.len(), 0);
        within("leases that were not sent", self.unsent.len(), 0);
        within("records", self.records.len(), 0);
        within("messages", self.transmits.len(), 0);
        within("events", self.events.len(), 0);
        within("chores", self.chores.len(), 0);
        within("outlooks", self.outlooks.len(), OUTLOOKS_KEPT);
        let (modules, measured) = self.speeds.len();
        within("measured modules", modules, MODULES_MEASURED_MAX);
        within("machines of a module", measured, MACHINES_MAX);
        for machine in self.machines.values() {
            machine.check_bounds(jobs);
        }
        for job in self.jobs.values() {
            let tasks = job.spec.count as usize + 1;
            within("measured machines", job.pace.len(), MACHINES_MAX);
            within("machines of a job", job.facts.machines.len(), MACHINES_MAX);
            within("histories", job.tasks.histories().iter().count(), tasks);
            within("choosy tasks", job.tasks.elsewhere().count(), tasks);
            for (_, _, history) in job.tasks.histories().iter() {
                history.check_bounds(job.spec.elsewhere as usize + 1);
            }
        }
    }
}

impl Machine {
    fn check_bounds(&self, jobs: usize) {
        within(
            "leases of a machine",
            self.leases.len(),
            LEASES_PER_WORKER_MAX,
        );
        within("jobs a machine was told", self.told.len(), jobs);
        within("progress", self.progress.len(), LEASES_PER_WORKER_MAX);
        within("recalled leases", self.recalled.len(), self.leases.len());
        within("labels", self.orders.labels.len(), LABELS_MAX);
        let (modules, blobs) = self.stock();
        within("compiled modules", modules, MODULES_TOLD_MAX);
        within("blobs of a machine", blobs, BLOBS_TOLD_MAX);
        let cores = self
            .health
            .as_ref()
            .map_or(0, |health| health.core_loads.len());
        within("loads of cores", cores, CORES_TOLD_MAX);
        let why = self.pause.as_ref().map_or("", |pause| &pause.why);
        let about = &self.about;
        for name in [&about.name, &about.os, &about.program_version, why] {
            within("a name's characters", name.chars().count(), NAME_CHARS_MAX);
        }
    }
}

impl History {
    fn check_bounds(&self, avoided: usize) {
        within("machines to avoid", self.avoid.len(), avoided);
        within("attempts of a task", self.attempts.len(), ATTEMPTS_KEPT_MAX);
        let Some(failure) = &self.failure else {
            return;
        };
        within(
            "a failure's frames",
            failure.backtrace.len(),
            BACKTRACE_FRAMES_MAX,
        );
        for text in failure.backtrace.iter().chain([&failure.message]) {
            within("a failure's text", text.len(), MESSAGE_BYTES_MAX);
        }
    }
}

fn within(what: &str, count: usize, most: usize) {
    assert!(count <= most, "I23: {count} {what}, and {most} at most");
}
