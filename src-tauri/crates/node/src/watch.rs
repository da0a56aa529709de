//! Those who watch the pool: what changed is noted as it happens, and told at
//! most four times a second, and only what differs from what was told.
//!
//! While nobody watches, an event costs a look at an empty list. However large
//! a job is, what is looked at are runs of tasks, not tasks.

mod cells;
mod portion;

use crate::library::Library;
use crate::limits::{
    CHANGES_EVERY, CHANGES_WAITING, JOBS_WATCHED, LOOK_EVERY, VITALS_EVERY, VITALS_RESTING,
};
use crate::spans::{self, Spans};
use crate::views::{self, Names};
use api::{
    CellRun, Changes, Contribution, Error, Event, JobState, JobView, MachineView, Reply, Status,
};
use pool::{Caller, Coordinator, Counts, JobId, MachineId};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Everybody who watches. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Watches {
    open: Arc<Mutex<Vec<Arc<Noted>>>>,
    pub(crate) spans: Arc<Spans>,
}

/// What one who watches has not been told yet.
#[derive(Debug, Default)]
struct Noted {
    pending: Mutex<Pending>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    jobs: BTreeSet<JobId>,
    gone: BTreeSet<JobId>,
    machines: bool,
}

/// What only the node itself knows.
pub(crate) trait Surroundings: Send + Sync + 'static {
    /// What people are told while the disk is full.
    fn storage(&self) -> Option<String>;
    fn contribution(&self) -> impl Future<Output = Result<Contribution, Error>> + Send;
    /// With these counts.
    fn status(
        &self,
        counts: Counts,
        machines: Vec<MachineView>,
        contribution: Contribution,
    ) -> Status;
}

impl Watches {
    pub(crate) fn new(spans: Arc<Spans>) -> Watches {
        Watches {
            open: Arc::default(),
            spans,
        }
    }

    /// Called by the driver for everything that is published.
    pub(crate) fn note(&self, event: &pool::Event) {
        if let pool::Event::JobForgotten(job) = event {
            self.spans.forget(job);
        }
        for noted in self.open().iter() {
            noted.note(event);
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Noted>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn note(&self, event: &pool::Event) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            pool::Event::JobAccepted(job)
            | pool::Event::JobChanged(job)
            | pool::Event::JobEnded(job)
            | pool::Event::Tasks { job, .. } => {
                pending.jobs.insert(*job);
            }
            pool::Event::JobForgotten(job) => {
                pending.jobs.remove(job);
                pending.gone.insert(*job);
            }
            pool::Event::MachineChanged(_) => pending.machines = true,
            pool::Event::Output(_)
            | pool::Event::RegistryChanged
            | pool::Event::JoinAsked(_)
            | pool::Event::JoinEnded(_)
            | pool::Event::DeviceAdmitted(_)
            | pool::Event::DeviceRevoked(_)
            | pool::Event::Superseded(_)
            | pool::Event::Term(_) => return,
        }
        drop(pending);
        self.came.notify_one();
    }

    fn take(&self) -> Pending {
        std::mem::take(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One who watches, and what was told.
struct Watching<S> {
    watches: Watches,
    noted: Arc<Noted>,
    job: Option<JobId>,
    library: Library,
    surroundings: S,
    events: mpsc::Sender<Event>,
    /// Jobs that have not ended, as they were told.
    jobs: HashMap<JobId, JobView>,
    machines: Vec<MachineView>,
    contribution: Option<Contribution>,
    /// The counts and the storage.
    counts: Option<(Counts, Option<String>)>,
    cells: Vec<CellRun>,
    /// As far as spans were told.
    spans: u64,
    vitals: Instant,
    looked: Instant,
}

/// Nobody watches any more, or nothing is left to see.
struct Left;

impl From<Error> for Left {
    fn from(_: Error) -> Left {
        Left
    }
}

/// Begins to watch, a job more closely than the rest where one is named.
/// Ends when the receivers are dropped, or with the node.
pub(crate) fn watch<S: Surroundings>(
    watches: Watches,
    job: Option<JobId>,
    library: Library,
    surroundings: S,
) -> (mpsc::Receiver<Event>, oneshot::Receiver<Reply>) {
    let (events, received) = mpsc::channel(CHANGES_WAITING);
    // A watch has no last reply: where nothing is left to see, the node stops.
    let (end, ended) = oneshot::channel();
    let noted = Arc::new(Noted::default());
    // Before the snapshot, so that nothing falls between the two.
    watches.open().push(noted.clone());
    let now = Instant::now();
    let watching = Watching {
        watches: watches.clone(),
        noted: noted.clone(),
        job,
        library,
        surroundings,
        events,
        jobs: HashMap::new(),
        machines: Vec::new(),
        contribution: None,
        counts: None,
        cells: Vec::new(),
        spans: 0,
        vitals: now,
        looked: now,
    };
    tokio::spawn(async move {
        let Err(Left) = watching.run().await;
        drop(end);
        watches.open().retain(|other| !Arc::ptr_eq(other, &noted));
    });
    (received, ended)
}

/// What the rules say at one moment.
struct Seen {
    jobs: Vec<(JobId, JobView)>,
    /// Of the jobs that were asked for, those that are no more.
    missing: Vec<JobId>,
    cells: Option<Vec<CellRun>>,
    counts: Counts,
}

/// Which jobs are looked at.
enum Which {
    /// All that have not ended, and the newest of the others.
    Whole,
    These(BTreeSet<JobId>),
}

impl<S: Surroundings> Watching<S> {
    async fn run(mut self) -> Result<std::convert::Infallible, Left> {
        let noted = self.noted.clone();
        let first = Pending {
            machines: true,
            ..Pending::default()
        };
        self.tell(Which::Whole, first, true).await?;
        let mut told = Instant::now();
        loop {
            tokio::select! {
                () = self.events.closed() => return Err(Left),
                () = noted.came.notified() => {
                    tokio::select! {
                        () = self.events.closed() => return Err(Left),
                        () = sleep_until(told + CHANGES_EVERY) => {}
                    }
                }
                () = sleep_until((self.vitals + self.vitals_every()).max(told + CHANGES_EVERY)) => {}
            }
            let mut pending = noted.take();
            let mut jobs = std::mem::take(&mut pending.jobs);
            if self.looked.elapsed() >= LOOK_EVERY {
                // What waits may wait for another reason now, what runs may
                // have slowed down, and nobody says so.
                self.looked = Instant::now();
                jobs.extend(self.jobs.keys().take(JOBS_WATCHED));
            }
            told = Instant::now();
            self.tell(Which::These(jobs), pending, false).await?;
        }
    }

    async fn tell(&mut self, which: Which, pending: Pending, whole: bool) -> Result<(), Left> {
        let (own, eyes, watched) = (self.library.own(), self.library.eyes(), self.job);
        let cells = match &which {
            Which::Whole => watched,
            Which::These(jobs) => watched.filter(|job| jobs.contains(job)),
        };
        let seen = self
            .library
            .look(move |rules| look(rules, (own, eyes), which, watched, cells))
            .await?;
        let mut changes = Changes {
            whole,
            ..Changes::default()
        };
        self.jobs(seen.jobs, &mut changes);
        let gone = pending.gone.into_iter().chain(seen.missing);
        let gone: BTreeSet<String> = gone
            .map(|job| {
                self.jobs.remove(&job);
                job.to_string()
            })
            .collect();
        changes.gone = gone.into_iter().collect();
        if let Some(cells) = seen.cells {
            changes.cells = cells::changed(&self.cells, &cells);
            self.cells = cells;
        }
        if let Some(job) = watched {
            let (spans, until) = self.watches.spans.since(&job, self.spans);
            self.spans = until;
            let machine = self.library.own_id();
            changes.spans = spans
                .iter()
                .map(|span| spans::view(span, &machine))
                .collect();
        }
        self.vitals(pending.machines, seen.counts, &mut changes)
            .await?;
        for portion in portion::portions(changes) {
            let event = Event::Changed(Box::new(portion));
            self.events.send(event).await.map_err(|_| Left)?;
        }
        Ok(())
    }

    /// A machine that rests is looked at less often: whoever watches it should
    /// not cost more than it does.
    fn vitals_every(&self) -> Duration {
        let works = self
            .counts
            .as_ref()
            .is_some_and(|(counts, _)| counts.tasks_running > 0);
        if works { VITALS_EVERY } else { VITALS_RESTING }
    }

    /// Adds the jobs that differ from what was told.
    fn jobs(&mut self, seen: Vec<(JobId, JobView)>, changes: &mut Changes) {
        for (id, job) in seen {
            if self.jobs.get(&id) == Some(&job) {
                continue;
            }
            if is_ended(&job) {
                self.jobs.remove(&id);
            } else {
                self.jobs.insert(id, job.clone());
            }
            changes.jobs.push(job);
        }
    }

    /// Machines, what this one contributes and the counts. Readings of a
    /// machine are news once in a while, what it does at once.
    async fn vitals(
        &mut self,
        machines_changed: bool,
        counts: Counts,
        changes: &mut Changes,
    ) -> Result<(), Left> {
        let due = self.vitals.elapsed() >= self.vitals_every() || self.contribution.is_none();
        let counted = Some((counts, self.surroundings.storage()));
        if !due && !machines_changed && self.counts == counted {
            return Ok(());
        }
        if due || machines_changed {
            let machines = self.library.machines().await?;
            let before = std::mem::take(&mut self.machines);
            for machine in machines {
                let machine = views::rounded(machine);
                let told = before.iter().find(|told| told.id == machine.id);
                if told != Some(&machine) {
                    changes.machines.push(machine.clone());
                }
                self.machines.push(machine);
            }
            let contribution = self.surroundings.contribution().await?;
            if self.contribution.as_ref() != Some(&contribution) {
                self.contribution = Some(contribution.clone());
                changes.contribution = Some(contribution);
            }
        }
        if due {
            self.vitals = Instant::now();
        }
        if self.counts != counted
            && let Some(contribution) = &self.contribution
        {
            let (machines, contribution) = (self.machines.clone(), contribution.clone());
            let status = self.surroundings.status(counts, machines, contribution);
            changes.status = Some(Box::new(status));
            self.counts = counted;
        }
        Ok(())
    }
}

fn look(
    rules: &Coordinator,
    (own, eyes): (Option<MachineId>, Option<Caller>),
    which: Which,
    watched: Option<JobId>,
    cells: Option<JobId>,
) -> Seen {
    let names = Names::read(rules, own);
    let theirs = |job: &pool::JobView| eyes.is_none_or(|caller| caller.person == job.person);
    let mut missing = Vec::new();
    let mut jobs = Vec::new();
    match which {
        Which::Whole => {
            let watched = watched
                .and_then(|job| rules.job(&job))
                .filter(|job| job.spec.transient);
            let listed = rules
                .jobs()
                .filter(theirs)
                .enumerate()
                .filter(|(place, job)| {
                    *place < JOBS_WATCHED
                        || matches!(
                            job.state,
                            pool::JobState::Queued
                                | pool::JobState::Running
                                | pool::JobState::Folding
                        )
                });
            let listed = listed.map(|(_, job)| job).chain(watched);
            jobs.extend(listed.map(|job| (job.id, views::job(&job, &names))));
        }
        Which::These(asked) => {
            for id in asked {
                match rules.job(&id) {
                    Some(job) if !theirs(&job) => {}
                    Some(job) if job.spec.transient && watched != Some(id) => {}
                    Some(job) => jobs.push((id, views::job(&job, &names))),
                    None => missing.push(id),
                }
            }
        }
    }
    Seen {
        jobs,
        missing,
        cells: cells
            .and_then(|job| rules.cells(job))
            .map(|cells| cells.iter().map(cells::view).collect()),
        counts: rules.counts(),
    }
}

fn is_ended(job: &JobView) -> bool {
    match job.state {
        JobState::Done | JobState::Failed | JobState::Cancelled => true,
        JobState::Queued | JobState::Running | JobState::Folding => false,
    }
}
