//! Everything that can be read: jobs, tasks, results, modules and machines,
//! from a running coordinator or from what it left on disk.

mod answer;
mod jobs;
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
use pool::{Coordinator, FoldView, JobId, JobNo, MachineId};
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

    /// The job that a person means: its id, the beginning of it, or `last`.
    pub(crate) async fn find(&self, name: &str) -> Result<JobId, Error> {
        let name = name.to_owned();
        self.look(move |rules| find(rules, &name)).await?
    }

    pub(crate) async fn modules(&self) -> Result<Reply, Error> {
        Ok(Reply::Modules {
            modules: modules::list(self, &self.blobs).await?,
        })
    }

    pub(crate) async fn machines(&self) -> Result<Vec<api::MachineView>, Error> {
        let host = self.host.reading();
        let today = self.spans.tasks_today();
        // All machines of this pool are this machine.
        self.look(move |rules| {
            rules
                .machines()
                .map(|machine| views::machine(&machine, Some(&host), today))
                .collect()
        })
        .await
    }

    pub(crate) async fn machine(&self, name: &str) -> Result<api::MachineView, Error> {
        let machines = self.machines().await?;
        let id = name.strip_prefix("m_").unwrap_or(name);
        let mut fitting: Vec<_> = machines
            .into_iter()
            .filter(|machine| {
                machine.name == name || (!id.is_empty() && machine.id["m_".len()..].starts_with(id))
            })
            .collect();
        match (fitting.pop(), fitting.len()) {
            (Some(machine), 0) => Ok(machine),
            (Some(_), others) => Err(ambiguous("machines", name, others + 1)),
            (None, _) => Err(Error::new(
                ErrorCode::NoSuchMachine,
                format!("there is no machine {name:?}"),
            )
            .hint("skep machine ls lists them")),
        }
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

pub(crate) fn find(rules: &Coordinator, name: &str) -> Result<JobId, Error> {
    if name == "last" {
        return rules
            .last()
            .ok_or_else(|| Error::new(ErrorCode::NoSuchJob, "there are no jobs"));
    }
    let found = rules.find(name);
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
