//! Everything that can be read: jobs, tasks, results, modules and machines,
//! from a running coordinator or from what it left on disk.

mod answer;
mod jobs;
pub(crate) mod machines;
mod results;
mod timeline;

use crate::driver::Driving;
use crate::host::Host;
use crate::spans::Spans;
use crate::stops::Stops;
use crate::views::Names;
use crate::{modules, views};
use api::{Error, ErrorCode, Reply};
use pool::spec::Spec;
use pool::{Caller, Coordinator, FoldView, JobId, JobNo, MachineId};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Blobs, Reader};

#[derive(Clone, Debug)]
pub(crate) struct Library {
    rules: Rules,
    reader: Reader,
    blobs: Blobs,
    host: Arc<Host>,
    seen: Arc<modules::Seen>,
    /// This machine, where it may work for the pool.
    own: Option<MachineId>,
    spans: Arc<Spans>,
    stops: Arc<Stops>,
    /// Who looks, where that is a device of the network: it sees its person's
    /// jobs and no others.
    eyes: Option<Caller>,
}

#[derive(Clone, Debug)]
enum Rules {
    Driven(Driving),
    /// As they were left; nobody changes them.
    Left(Arc<Mutex<Coordinator>>),
}

/// What reading a job's results needs to know of it.
#[derive(Clone, Debug)]
struct Found {
    no: JobNo,
    spec: Arc<Spec>,
    state: pool::JobState,
    fold: FoldView,
}

impl Library {
    pub(crate) fn of_node(
        driving: Driving,
        reader: Reader,
        blobs: Blobs,
        host: Arc<Host>,
        own: MachineId,
        (spans, stops): (Arc<Spans>, Arc<Stops>),
    ) -> Library {
        Library {
            rules: Rules::Driven(driving),
            reader,
            blobs,
            host,
            seen: Arc::default(),
            own: Some(own),
            spans,
            stops,
            eyes: None,
        }
    }

    pub(crate) fn left_behind(coordinator: Coordinator, reader: Reader, blobs: Blobs) -> Library {
        Library {
            rules: Rules::Left(Arc::new(Mutex::new(coordinator))),
            reader,
            blobs,
            host: Arc::new(Host::new()),
            seen: Arc::default(),
            own: None,
            spans: Arc::new(Spans::new()),
            stops: Arc::default(),
            eyes: None,
        }
    }

    pub(crate) fn seen(&self) -> &modules::Seen {
        &self.seen
    }

    /// This machine, for whoever says what machines are called.
    pub(crate) fn own(&self) -> Option<MachineId> {
        self.own
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Coordinator) -> T + Send + 'static,
    ) -> Result<T, Error> {
        match &self.rules {
            Rules::Driven(driving) => driving.look(look).await,
            Rules::Left(coordinator) => Ok(look(
                &coordinator.lock().unwrap_or_else(PoisonError::into_inner),
            )),
        }
    }

    /// The same, as this caller sees it.
    pub(crate) fn seen_by(&self, caller: Caller) -> Library {
        Library {
            eyes: Some(caller),
            ..self.clone()
        }
    }

    pub(crate) fn eyes(&self) -> Option<Caller> {
        self.eyes
    }

    /// The job that a person means: its id, the beginning of it, or `last`.
    pub(crate) async fn find(&self, name: &str) -> Result<JobId, Error> {
        let (name, eyes) = (name.to_owned(), self.eyes);
        self.look(move |rules| find(rules, &name, eyes)).await?
    }

    pub(crate) async fn modules(&self) -> Result<Reply, Error> {
        Ok(Reply::Modules {
            modules: modules::list(self, &self.blobs).await?,
        })
    }

    pub(crate) async fn machines(&self) -> Result<Vec<api::MachineView>, Error> {
        let (own, host, eyes) = (self.own, self.host.reading(), self.eyes);
        let today = self.spans.tasks_today();
        self.look(move |rules| {
            let alone = rules.machines().count() == 1;
            let view = |machine: pool::MachineView| {
                // Of this machine more is read here than it tells the pool.
                // Where no node runs, a pool of one is this machine.
                let here = own.map_or(alone, |own| own == machine.id);
                let host = here.then_some(&host);
                views::machine(&machine, host, if here { today } else { 0 })
            };
            match &eyes {
                // Names of other persons' jobs are not theirs to read.
                Some(caller) => rules.machines_for(caller).map(view).collect(),
                None => rules.machines().map(view).collect(),
            }
        })
        .await
    }

    pub(crate) async fn machine(&self, name: &str) -> Result<api::MachineView, Error> {
        let id = {
            let name = name.to_owned();
            self.look(move |rules| machines::find(rules, &name))
                .await??
        };
        let (id, machines) = (id.to_string(), self.machines().await?);
        let found = machines.into_iter().find(|machine| machine.id == id);
        found.ok_or_else(|| machines::unknown(name))
    }

    async fn names(&self) -> Result<Names, Error> {
        let own = self.own;
        self.look(move |rules| Names::read(rules, own)).await
    }

    /// What this machine is called.
    /// The id of this machine; empty where no node runs.
    pub(crate) fn own_id(&self) -> String {
        self.own.map_or_else(String::new, |own| own.to_string())
    }

    async fn found(&self, id: JobId) -> Result<Found, Error> {
        self.look(move |rules| {
            rules.job(&id).map(|job| Found {
                no: job.no,
                spec: job.spec,
                state: job.state,
                fold: job.fold,
            })
        })
        .await?
        .ok_or_else(|| no_such_job(&id.to_string()))
    }
}

pub(crate) fn find(rules: &Coordinator, name: &str, eyes: Option<Caller>) -> Result<JobId, Error> {
    if name == "last" {
        let last = match &eyes {
            Some(caller) => rules.jobs_of(caller).next().map(|job| job.id),
            None => rules.last(),
        };
        return last.ok_or_else(|| Error::new(ErrorCode::NoSuchJob, "there are no jobs"));
    }
    let mut found = rules.find(name);
    if let Some(caller) = &eyes {
        found.retain(|job| rules.may(caller, *job));
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(no_such_job(name)),
        many => Err(ambiguous("jobs", name, many.len())),
    }
}

fn no_such_job(name: &str) -> Error {
    Error::new(ErrorCode::NoSuchJob, format!("there is no job {name:?}"))
        .hint("skep job ls lists them")
}

fn no_such_task(spec: &Spec, index: u32) -> Error {
    let message = format!(
        "there is no task {index}; the job has {} tasks, counted from 0",
        spec.count
    );
    Error::new(ErrorCode::NoSuchTask, message)
}

fn ambiguous(what: &str, name: &str, count: usize) -> Error {
    Error::new(
        ErrorCode::AmbiguousId,
        format!("{count} {what} begin with {name:?}"),
    )
    .hint("write more of the id")
}
