//! The door's verbs with the replies they have.

use crate::reach::Door;
use api::{
    Card, Check, ConfigValue, Contribution, Error, ErrorCode, JobView, MachineView, ModuleRef,
    ModuleView, PAGE_ROWS_MAX, Reply, Request, ResultEntry, Status, Submit, TaskView,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// A page of results in index order.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) results: Vec<ResultEntry>,
    /// Where the next page begins.
    pub(crate) next: Option<u32>,
    pub(crate) folded: Option<Box<ResultEntry>>,
}

/// Machines' names by their ids.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// The name, or the id of a machine that is no longer known.
    pub(crate) fn of<'n>(&'n self, id: &'n str) -> &'n str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

impl Door {
    /// One job, by id, prefix or `last`.
    pub(crate) async fn job(&self, job: &str) -> Result<JobView, Error> {
        let Reply::Job(job) = self
            .ask(Request::Job {
                job: job.to_owned(),
            })
            .await?
        else {
            return Err(out_of_turn());
        };
        Ok(*job)
    }

    /// All jobs, newest first.
    pub(crate) async fn jobs(&self) -> Result<Vec<JobView>, Error> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self
                .ask(Request::Jobs {
                    cursor,
                    limit: PAGE_ROWS_MAX,
                })
                .await?;
            let Reply::Jobs { jobs, cursor: next } = page else {
                return Err(out_of_turn());
            };
            all.extend(jobs);
            cursor = next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// The job's id and how many tasks it has.
    pub(crate) async fn submit(&self, submit: Submit) -> Result<(String, u32), Error> {
        let reply = self.ask(Request::Submit(Box::new(submit))).await?;
        let Reply::Submitted { job, tasks, .. } = reply else {
            return Err(out_of_turn());
        };
        Ok((job, tasks))
    }

    /// Tasks of a job, at most `limit`, and where the next begin.
    pub(crate) async fn tasks(
        &self,
        job: &str,
        from: u32,
        limit: u32,
    ) -> Result<(Vec<TaskView>, Option<u32>), Error> {
        let reply = self
            .ask(Request::Tasks {
                job: job.to_owned(),
                from,
                limit: limit.min(PAGE_ROWS_MAX),
            })
            .await?;
        let Reply::Tasks { tasks, next } = reply else {
            return Err(out_of_turn());
        };
        Ok((tasks, next))
    }

    pub(crate) async fn task(&self, job: &str, index: u32) -> Result<TaskView, Error> {
        let reply = self
            .ask(Request::Task {
                job: job.to_owned(),
                index,
            })
            .await?;
        let Reply::Task(task) = reply else {
            return Err(out_of_turn());
        };
        Ok(*task)
    }

    pub(crate) async fn results(&self, job: &str, from: u32) -> Result<Page, Error> {
        let reply = self
            .ask(Request::Results {
                job: job.to_owned(),
                from,
                limit: PAGE_ROWS_MAX,
            })
            .await?;
        let Reply::Results {
            results,
            next,
            folded,
        } = reply
        else {
            return Err(out_of_turn());
        };
        Ok(Page {
            results,
            next,
            folded,
        })
    }

    /// Stores bytes and says what they are called.
    pub(crate) async fn upload(&self, bytes: Bytes) -> Result<String, Error> {
        let length = bytes.len() as u64;
        let (pieces, upload) = mpsc::channel(1);
        // The receiver takes it whole, or the call says why not.
        let send = async move { drop(pieces.send(bytes).await) };
        let (answer, ()) = tokio::join!(
            self.call(
                Request::Upload {
                    bytes: Some(length)
                },
                Some(upload)
            ),
            send
        );
        blob(answer?.reply)
    }

    /// Stores a file; it is read as it is sent.
    pub(crate) async fn upload_file(&self, path: &std::path::Path) -> Result<String, Error> {
        use tokio::io::AsyncReadExt;
        let unreadable = |error: std::io::Error| crate::run::inputs::unreadable(path, &error);
        let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let found = file.metadata().await.map_err(unreadable)?;
        // A pipe does not know how much will come.
        let length = found.is_file().then_some(found.len());
        let (pieces, upload) = mpsc::channel(1);
        let read = async move {
            loop {
                let mut piece = Vec::with_capacity(PIECE_BYTES);
                if file.read_buf(&mut piece).await? == 0 || pieces.send(piece.into()).await.is_err()
                {
                    return Ok(());
                }
            }
        };
        let request = Request::Upload { bytes: length };
        let (answer, read) = tokio::join!(self.call(request, Some(upload)), read);
        read.map_err(unreadable)?;
        blob(answer?.reply)
    }

    pub(crate) async fn inspect(&self, module: &ModuleRef) -> Result<Card, Error> {
        let reply = self
            .ask(Request::Inspect {
                module: module.clone(),
            })
            .await?;
        let Reply::Card(card) = reply else {
            return Err(out_of_turn());
        };
        Ok(*card)
    }

    pub(crate) async fn modules(&self) -> Result<Vec<ModuleView>, Error> {
        let Reply::Modules { modules } = self.ask(Request::Modules).await? else {
            return Err(out_of_turn());
        };
        Ok(modules)
    }

    pub(crate) async fn push_module(
        &self,
        name: String,
        blob: String,
    ) -> Result<ModuleView, Error> {
        let reply = self.ask(Request::PushModule { name, blob }).await?;
        let Reply::Module(module) = reply else {
            return Err(out_of_turn());
        };
        Ok(module)
    }

    pub(crate) async fn machines(&self) -> Result<Vec<MachineView>, Error> {
        let Reply::Machines { machines } = self.ask(Request::Machines).await? else {
            return Err(out_of_turn());
        };
        Ok(machines)
    }

    /// What people call machines; where they cannot be asked for, nothing.
    pub(crate) async fn names(&self) -> Names {
        let machines = self.machines().await.unwrap_or_default();
        Names(
            machines
                .into_iter()
                .map(|machine| (machine.id, machine.name))
                .collect(),
        )
    }

    pub(crate) async fn machine(&self, machine: &str) -> Result<MachineView, Error> {
        let reply = self
            .ask(Request::Machine {
                machine: machine.to_owned(),
            })
            .await?;
        let Reply::Machine(machine) = reply else {
            return Err(out_of_turn());
        };
        Ok(*machine)
    }

    pub(crate) async fn status(&self) -> Result<Status, Error> {
        let Reply::Status(status) = self.ask(Request::Status).await? else {
            return Err(out_of_turn());
        };
        Ok(*status)
    }

    pub(crate) async fn contribution(&self) -> Result<Contribution, Error> {
        let Reply::Contribution(now) = self.ask(Request::Contribution).await? else {
            return Err(out_of_turn());
        };
        Ok(now)
    }

    /// On, off, paused or resumed.
    pub(crate) async fn contribute(&self, change: Request) -> Result<Contribution, Error> {
        let Reply::Contribution(now) = self.ask(change).await? else {
            return Err(out_of_turn());
        };
        Ok(now)
    }

    pub(crate) async fn doctor(&self) -> Result<Vec<Check>, Error> {
        let Reply::Checks { checks } = self.ask(Request::Doctor).await? else {
            return Err(out_of_turn());
        };
        Ok(checks)
    }

    pub(crate) async fn config(&self, key: Option<String>) -> Result<Vec<ConfigValue>, Error> {
        let Reply::Config { values } = self.ask(Request::Config { key }).await? else {
            return Err(out_of_turn());
        };
        Ok(values)
    }

    /// Takes over the settings file as it is now.
    pub(crate) async fn reload_config(&self) -> Result<(), Error> {
        let Reply::Config { .. } = self.ask(Request::ReloadConfig).await? else {
            return Err(out_of_turn());
        };
        Ok(())
    }

    pub(crate) async fn set_config(
        &self,
        key: String,
        value: Option<String>,
    ) -> Result<Vec<ConfigValue>, Error> {
        let reply = self.ask(Request::SetConfig { key, value }).await?;
        let Reply::Config { values } = reply else {
            return Err(out_of_turn());
        };
        Ok(values)
    }
}

/// Read at once from a file that is uploaded.
const PIECE_BYTES: usize = 256 << 10;

fn blob(reply: Reply) -> Result<String, Error> {
    let Reply::Blob { blob, .. } = reply else {
        return Err(out_of_turn());
    };
    Ok(blob)
}

/// Another reply than the verb has: a mistake of the node's.
pub(crate) fn out_of_turn() -> Error {
    Error::new(
        ErrorCode::Internal,
        "the node answered something else than was asked",
    )
}
