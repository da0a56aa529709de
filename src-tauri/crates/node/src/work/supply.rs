//! What a chunk needs before its first task can start: the job's description
//! read, its module compiled, its input open.

use super::outcome;
use super::shelf::Shelf;
use crate::keep::Keep;
use crate::limits::MODULES_READY;
use crate::member::Fetching;
use crate::pieces::Pieces;
use crate::run::{Input, Run};
use crate::spans::{Lane, Spans};
use pool::message::{Chunk, Stock};
use pool::report::{FailureKind, Outcome};
use pool::spec::Spec;
use pool::{Digest, JobId, PersonId, SlotId};
use sandbox::{Caps, Entry, Executor, Prepared, Profile, Sandbox, SpawnError};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use store::GetError;

/// Shared by the slots of one worker.
#[derive(Debug)]
pub(crate) struct Supply {
    sandbox: Sandbox,
    pub(super) keep: Keep,
    /// Where the coordinator is another machine, what is missing comes from it.
    fetching: Option<Fetching>,
    spans: Arc<Spans>,
    loaded: Mutex<HashMap<JobId, Arc<Loaded>>>,
    /// Newest first.
    ready: Mutex<VecDeque<(Code, Prepared)>>,
    shelf: Shelf,
}

/// A job, ready to be run.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) spec: Arc<Spec>,
    pub(super) run: Run,
    pub(super) key: Key,
    prepared: Prepared,
    pub(super) caps: Caps,
    pub(super) source: Source,
    /// Under `/in` of every task.
    pub(super) files: Vec<(String, PathBuf)>,
}

/// What an executor is bound to; tasks with the same key may share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Whose tasks it runs: what one person's module left behind in a process
    /// is not for another's to find.
    person: PersonId,
    code: Code,
}

/// What is compiled once, whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Code {
    module: Digest,
    profile: Profile,
}

/// Where tasks have their input from.
#[derive(Debug)]
pub(super) enum Source {
    Nothing,
    /// All of a file; the one of a fold is its results as frames.
    Whole {
        file: File,
        bytes: u64,
        fold: bool,
    },
    Pieces(Pieces),
}

impl Supply {
    pub(crate) fn new(
        sandbox: Sandbox,
        keep: Keep,
        fetching: Option<Fetching>,
        spans: Arc<Spans>,
    ) -> Supply {
        Supply {
            sandbox,
            keep,
            fetching,
            spans,
            loaded: Mutex::default(),
            ready: Mutex::default(),
            shelf: Shelf::default(),
        }
    }

    /// Where the tasks of a chunk are noted that a slot works on.
    pub(super) fn lane(&self, slot: SlotId, chunk: &Chunk) -> Lane {
        let core = u16::try_from(slot.0).unwrap_or(u16::MAX);
        Lane::new(self.spans.clone(), core, chunk.job, chunk.attempt)
    }

    /// A job that was loaded before, as it is now.
    pub(super) fn known(&self, job: JobId, spec: &Arc<Spec>) -> Option<Arc<Loaded>> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded
            .get(&job)
            .filter(|loaded| Arc::ptr_eq(&loaded.spec, spec))
            .cloned()
    }

    pub(super) fn forget(&self, job: JobId) {
        self.loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&job);
    }

    /// # Errors
    /// How every task of the job ends here.
    pub(super) async fn load(
        &self,
        job: JobId,
        person: PersonId,
        spec: Arc<Spec>,
        fold_input: Option<Digest>,
    ) -> Result<Arc<Loaded>, Outcome> {
        let run = Run::read(&spec.run).map_err(|error| Outcome::Refused {
            why: error.to_string(),
        })?;
        let fold = fold_input.is_some();
        let profile = Profile {
            memory_bytes: spec.limits.memory_bytes,
            fuel: spec.limits.fuel.is_some(),
            scratch: !fold && run.has_files(),
            on_demand: run.on_demand,
            // A fold is one run of the kernel, whatever its tasks are.
            entry: if fold {
                Entry::Command
            } else {
                run.entry.clone()
            },
        };
        let code = Code {
            module: spec.module,
            profile,
        };
        let prepared = self.prepare(&code).await?;
        let key = Key { person, code };
        let source = match (fold_input, &run.input) {
            (Some(digest), _) => self.whole(digest, true).await?,
            (None, Input::Once { stdin: Some(blob) }) => self.whole(blob.digest, false).await?,
            (None, Input::Items { pieces } | Input::Lines { pieces } | Input::Files { pieces }) => {
                let (file, bytes) = self.open(*pieces).await?;
                Source::Pieces(Pieces::open(file, bytes).map_err(|error| Outcome::Refused {
                    why: error.to_string(),
                })?)
            }
            (
                None,
                Input::Once { stdin: None }
                | Input::Counted
                | Input::Range { .. }
                | Input::Sweep { .. },
            ) => Source::Nothing,
        };
        let mut files = Vec::new();
        for file in run.files.iter().filter(|_| !fold) {
            files.push((file.name.clone(), self.path(file.blob.digest).await?));
        }
        let caps = Caps {
            task_time: spec.limits.task_time,
            fuel: spec.limits.fuel,
            output_bytes: spec.limits.output_bytes,
            log_bytes: sandbox::limits::LOG_BYTES_MAX,
        };
        let loaded = Arc::new(Loaded {
            spec,
            run,
            key,
            prepared,
            caps,
            source,
            files,
        });
        if !fold {
            self.loaded
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(job, loaded.clone());
        }
        Ok(loaded)
    }

    /// What need not be fetched or compiled any more, the latest used first.
    pub(super) fn stock(&self) -> Stock {
        self.shelf.stock()
    }

    /// Has the blob here, or fetches it.
    async fn have(&self, what: &str, digest: Digest) -> Result<(), Outcome> {
        let Some(fetching) = &self.fetching else {
            return Ok(());
        };
        let had = fetching.have(digest).await;
        had.map_err(|error| Outcome::Refused {
            why: format!("{what} could not be fetched: {error}"),
        })
    }

    pub(super) fn fetching(&self) -> Option<&Fetching> {
        self.fetching.as_ref()
    }

    pub(super) async fn spawn(&self, loaded: &Loaded) -> Result<Executor, SpawnError> {
        self.sandbox.spawn(&loaded.prepared).await
    }

    /// An input, verified and open.
    pub(super) async fn open(&self, digest: Digest) -> Result<(File, u64), Outcome> {
        self.have("an input", digest).await?;
        let opened = self.keep.blobs().open(&digest.0).await;
        let opened = opened.map_err(|error| unreadable("an input", &error))?;
        self.shelf.blob(digest);
        Ok(opened)
    }

    /// An input, verified, where it lies.
    pub(super) async fn path(&self, digest: Digest) -> Result<PathBuf, Outcome> {
        self.have("an input", digest).await?;
        let path = self.keep.path(&digest).await;
        let path = path.map_err(|error| unreadable("an input", &error))?;
        self.shelf.blob(digest);
        Ok(path)
    }

    /// The module compiled, from the last few or from the cache or now.
    async fn prepare(&self, code: &Code) -> Result<Prepared, Outcome> {
        let known = {
            let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready
                .iter()
                .find(|(other, _)| other == code)
                .map(|(_, prepared)| prepared.clone())
        };
        if let Some(prepared) = known {
            self.shelf.module(code.module);
            return Ok(prepared);
        }
        self.have("the module", code.module).await?;
        let module = self.keep.blobs().get(&code.module.0).await;
        let module = module.map_err(|error| unreadable("the module", &error))?;
        let prepared = self
            .sandbox
            .prepare(code.module.0, module, &code.profile)
            .await;
        let prepared = prepared.map_err(|error| {
            if error.is_final() {
                outcome::failed(FailureKind::CompileFailed, error.to_string())
            } else {
                Outcome::Refused {
                    why: error.to_string(),
                }
            }
        })?;
        self.shelf.module(code.module);
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|(other, _)| other != code);
        ready.push_front((code.clone(), prepared.clone()));
        ready.truncate(MODULES_READY);
        Ok(prepared)
    }

    async fn whole(&self, digest: Digest, fold: bool) -> Result<Source, Outcome> {
        let (file, bytes) = self.open(digest).await?;
        Ok(Source::Whole { file, bytes, fold })
    }
}

impl Loaded {
    pub(super) fn profile(&self) -> &Profile {
        &self.key.code.profile
    }

    pub(super) fn is_fold(&self) -> bool {
        matches!(self.source, Source::Whole { fold: true, .. })
    }
}

/// What is damaged or gone stays so: the task fails. Anything else may pass.
fn unreadable(what: &str, error: &GetError) -> Outcome {
    let why = format!("{what} could not be read: {error}");
    match error {
        GetError::Missing | GetError::Corrupt => outcome::failed(FailureKind::Refused, why),
        GetError::Io(_) => Outcome::Refused { why },
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Key};
    use pool::{Digest, PersonId};
    use sandbox::{Entry, Profile};

    #[test]
    fn the_same_module_of_two_persons_needs_two_executors_and_is_compiled_once() {
        let key = |person| Key {
            person: PersonId([person; 16]),
            code: Code {
                module: Digest([7; 32]),
                profile: Profile {
                    memory_bytes: 1 << 20,
                    fuel: false,
                    scratch: false,
                    on_demand: false,
                    entry: Entry::Command,
                },
            },
        };
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
        assert_eq!(key(1).code, key(2).code);
    }
}
