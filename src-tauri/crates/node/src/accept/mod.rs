//! From what a person typed to a job: everything is checked, the input is cut
//! and every blob is on disk before the rules hear of it.

mod command;
mod plan;
mod request;
mod split;
mod sweep;

use crate::driver::Driving;
use crate::keep::Keep;
use crate::library::{Library, machines};
use crate::limits::UNNAMED_BLOB_TIME;
use crate::modules::{self, Module};
use crate::run::{Blob, InFile, Input, Number, Run, Shown};
use crate::settings::Settings;
use crate::stored::unreadable;
use crate::template::Template;
use api::{Error, ErrorCode, ModuleRef, Reply, Split, Submit};
use pool::spec::{Limits, Spec};
use pool::{DeviceId, Digest, SubmitError};
use sandbox::inspect::{Card, Fold as KernelFold, KernelDescription, Split as KernelSplit};
use sandbox::{Entry, Sandbox};
use split::Cut;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{GetError, PutError};

/// What accepting needs.
#[derive(Debug)]
pub(crate) struct Acceptance {
    pub(crate) library: Library,
    pub(crate) keep: Keep,
    pub(crate) driving: Driving,
    /// Plans of kernels run here; without a wall there is none.
    pub(crate) sandbox: Result<Sandbox, Error>,
    pub(crate) settings: Settings,
    /// Jobs run only while a client follows them.
    pub(crate) living_only: bool,
}

/// A request that was understood, its input not yet cut.
#[derive(Debug)]
struct Asked {
    entry: Entry,
    kernel: Option<KernelDescription>,
    parameters: Option<Vec<(String, String)>>,
    argv: Vec<Template>,
    env: Vec<(String, String)>,
}

/// A request whose input was cut and whose plan was made; its module and
/// pieces are not kept yet.
#[derive(Debug)]
struct Understood {
    module: Module,
    kernel: Option<KernelDescription>,
    run: Run,
    cut: Cut,
    /// Machines that may run it.
    on: Vec<pool::spec::On>,
}

impl Acceptance {
    /// `device`: from which it came over the network, if it did.
    pub(crate) async fn accept(
        &self,
        submit: Submit,
        submitter: u64,
        device: Option<DeviceId>,
    ) -> Result<Reply, Error> {
        let submit = request::named(submit);
        let id = request::client_id(&submit.client_id)?;
        let Understood {
            module,
            kernel,
            run,
            mut cut,
            on,
        } = self.understand(&submit).await?;
        let fold = request::fold(&submit, kernel.as_ref())?;
        let mut named = vec![module.digest];
        if !module.stored {
            self.put(module.bytes(self.keep.blobs()).await?).await?;
        }
        if let Some((pieces, bytes)) = cut.pieces.take() {
            self.put(bytes).await?;
            named.push(pieces);
        }
        named.extend(cut.inputs.iter().copied());
        named.extend(run.files.iter().map(|file| file.blob.digest));
        named.sort_unstable();
        named.dedup();
        let spec = self.spec(&submit, &module, run, (cut.count, on), fold, &named);
        let client = pool::ClientId { submitter, id };
        self.submit(submit, client, device, spec, named).await
    }

    /// Everything that can be refused before anything is kept.
    async fn understand(&self, submit: &Submit) -> Result<Understood, Error> {
        request::check(submit)?;
        let on = self.on(&submit.on).await?;
        let module = modules::find(&submit.module, &self.library, self.keep.blobs()).await?;
        let asked = request::ask(submit, &module.card)?;
        let mut cut = split::cut(submit, &asked.entry, &asked.argv, self.keep.blobs()).await?;
        let files = self.files(submit).await?;
        let (arguments, last_argument) = request::arguments(submit, &asked, &module.card, &cut)?;
        request::check_words(&asked, &cut)?;
        let mut run = Run {
            entry: asked.entry.clone(),
            on_demand: module.card.on_demand,
            argv: asked.argv,
            env: asked.env,
            parameters: asked.parameters,
            arguments,
            last_argument: last_argument.map(Number::of),
            input: cut.input.clone(),
            files,
            collect: submit.collect,
            shown: Shown {
                module_name: submit.module_name.clone(),
                result_type: asked
                    .kernel
                    .as_ref()
                    .and_then(|kernel| kernel.result.clone()),
                grid: None,
                command: command::line(submit),
            },
        };
        if let Some(kernel) = &asked.kernel {
            self.plan(kernel, &module, &mut run, &mut cut).await?;
            // Tasks that differ in more than their input get an instance each.
            if kernel.batch && !run.varies() && !run.has_files() {
                run.entry = Entry::Kernel;
            }
        }
        Ok(Understood {
            module,
            kernel: asked.kernel,
            run,
            cut,
            on,
        })
    }

    async fn on(&self, words: &[String]) -> Result<Vec<pool::spec::On>, Error> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let words = words.to_vec();
        self.library
            .look(move |rules| machines::on(rules, &words))
            .await?
    }

    /// What a kernel that counts its own tasks would make of its parameters;
    /// nothing is kept.
    pub(crate) async fn preview(
        &self,
        module: ModuleRef,
        params: BTreeMap<String, String>,
    ) -> Result<Reply, Error> {
        let Understood {
            kernel, run, cut, ..
        } = self.understand(&request::bare(module, params)).await?;
        match kernel.map(|kernel| kernel.split) {
            Some(KernelSplit::Plan) => Ok(Reply::Plan {
                tasks: cut.count,
                grid: run.shown.grid,
            }),
            Some(KernelSplit::Input) | None => Err(Error::new(
                ErrorCode::PlanRefused,
                "this module does not count its own tasks",
            )),
        }
    }

    async fn submit(
        &self,
        submit: Submit,
        client: pool::ClientId,
        device: Option<DeviceId>,
        spec: Spec,
        named: Vec<Digest>,
    ) -> Result<Reply, Error> {
        // From here on nothing that the job names can be deleted.
        let holds: Vec<_> = named
            .iter()
            .map(|digest| self.keep.blobs().hold(&digest.0))
            .collect();
        for digest in &named {
            self.keep
                .blobs()
                .length(&digest.0)
                .map_err(|error| gone(&error))?;
        }
        let tasks = spec.count;
        let living = self.living_only || spec.transient;
        let written = serde_json::to_vec(&submit)
            .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
        let spec_digest = Digest(*blake3::hash(&written).as_bytes());
        let submitted = self
            .driving
            .ask(move |turn| {
                let submit = pool::Submit {
                    device: device.unwrap_or_else(|| turn.coordinator.own_device()),
                    client,
                    spec,
                    spec_digest,
                    client_living: living,
                };
                turn.coordinator
                    .submit(turn.now, submit)
                    .map_err(|error| refused(&error))
            })
            .await?;
        drop(holds);
        if living && !submitted.existed {
            self.expect_follower(submitted.job);
        }
        Ok(Reply::Submitted {
            job: submitted.job.to_string(),
            tasks,
            existed: submitted.existed,
        })
    }

    /// A client that lives with its job follows it at once; one that does not
    /// has left.
    fn expect_follower(&self, job: pool::JobId) {
        /// Plenty for a client to send its next request.
        const FOLLOWS_WITHIN: Duration = Duration::from_secs(10);
        let driving = self.driving.clone();
        tokio::spawn(async move {
            tokio::time::sleep(FOLLOWS_WITHIN).await;
            let left = driving.ask_patiently(move |turn| {
                turn.coordinator.submitter_left(turn.now, job);
                Ok(())
            });
            // A node that has stopped meanwhile asks nobody to live.
            let _ = left.await;
        });
    }

    async fn plan(
        &self,
        kernel: &KernelDescription,
        module: &Module,
        run: &mut Run,
        cut: &mut Cut,
    ) -> Result<(), Error> {
        let sandbox = self.sandbox.as_ref().map_err(Clone::clone)?;
        let bytes = module.bytes(self.keep.blobs()).await?;
        let tasks = match kernel.split {
            KernelSplit::Plan => None,
            KernelSplit::Input => Some(cut.count),
        };
        let plan = plan::plan(sandbox, module.digest, bytes, run, tasks).await?;
        if let Some(count) = plan.count {
            cut.count = split::tasks(u128::from(count))?;
            run.input = Input::Counted;
        }
        run.shown.grid = plan.grid;
        if plan.result.is_some() {
            run.shown.result_type = plan.result;
        }
        Ok(())
    }

    /// The files under `/in` of every task.
    async fn files(&self, submit: &Submit) -> Result<Vec<InFile>, Error> {
        let each: Option<&[api::InputFile]> = match &submit.split {
            Split::Files { files } => Some(files),
            Split::Once
            | Split::Range { .. }
            | Split::Items { .. }
            | Split::Lines { .. }
            | Split::Sweep { .. } => None,
        };
        let mut files = Vec::with_capacity(submit.files.len());
        for file in &submit.files {
            request::check_guest_path(&file.name)?;
            let twice = files.iter().any(|other: &InFile| other.name == file.name)
                || each.is_some_and(|each| each.iter().any(|other| other.name == file.name));
            if twice {
                return Err(Error::new(
                    ErrorCode::Usage,
                    format!("two files are to be /in/{}", file.name),
                )
                .hint("give one of them another name: --in PATH::NAME"));
            }
            let digest = modules::digest(&file.blob)?;
            let bytes = self
                .keep
                .blobs()
                .length(&digest.0)
                .map_err(|error| gone(&error))?;
            files.push(InFile {
                name: file.name.clone(),
                blob: Blob { digest, bytes },
            });
        }
        let together: u64 = files.iter().map(|file| file.blob.bytes).sum();
        split::check_in_bytes(together)?;
        Ok(files)
    }

    fn spec(
        &self,
        submit: &Submit,
        module: &Module,
        run: Run,
        (count, on): (u32, Vec<pool::spec::On>),
        fold: pool::spec::Fold,
        named: &[Digest],
    ) -> Spec {
        let (limits, settings) = (&submit.limits, &self.settings);
        Spec {
            name: submit
                .name
                .clone()
                .unwrap_or_else(|| submit.module_name.clone()),
            module: module.digest,
            count,
            fold,
            inputs: named
                .iter()
                .copied()
                .filter(|digest| *digest != module.digest)
                .collect(),
            run: run.write(),
            limits: Limits {
                memory_bytes: limits.memory_bytes.unwrap_or(settings.memory_bytes),
                task_time: Some(
                    limits
                        .task_timeout_ms
                        .map_or(settings.task_timeout, Duration::from_millis),
                ),
                fuel: limits.fuel,
                output_bytes: limits.output_bytes.unwrap_or(settings.output_bytes),
            },
            retries: limits.retries.unwrap_or(settings.retry_program),
            elsewhere: settings.retry_elsewhere,
            lost: settings.retry_lost,
            retry_delay: settings.retry_delay,
            priority: submit.priority,
            timeout: submit.timeout_ms.map(Duration::from_millis),
            trial: submit.trial,
            transient: submit.transient,
            // Whether jobs need a follower is this node's matter: the next one may not ask for it.
            followed: false,
            chunk: submit.chunk,
            on,
        }
    }

    async fn put(&self, bytes: bytes::Bytes) -> Result<Digest, Error> {
        self.keep
            .put(bytes, UNNAMED_BLOB_TIME)
            .await
            .map_err(|error| unkept(&error))
    }
}

/// A kernel's own fold, or none.
fn own_fold(kernel: Option<&KernelDescription>) -> pool::spec::Fold {
    match kernel.map(|kernel| kernel.fold) {
        None | Some(KernelFold::None) => pool::spec::Fold::None,
        Some(KernelFold::Concat) => pool::spec::Fold::Concat,
        Some(KernelFold::Kernel) => pool::spec::Fold::Kernel,
    }
}

fn parameters(card: &Card, submit: &Submit) -> Result<Option<Vec<(String, String)>>, Error> {
    let given: Vec<(String, String)> = submit
        .params
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    match &card.kernel {
        Some(kernel) if submit.invoke.is_none() => sweep::check_parameters(kernel, given, submit)
            .map(Some)
            .map_err(|error| request::parameter_error(&error)),
        Some(_) | None => match given.first() {
            None => Ok(None),
            Some((name, _)) => Err(Error::new(
                ErrorCode::UnknownParameter,
                format!(
                    "{} is no kernel, so it has no parameter {name:?}",
                    submit.module_name
                ),
            )
            .hint("arguments of a program follow its name; put -- before those that begin with -")),
        },
    }
}

/// An error of the blob folder while writing, at the door.
pub(crate) fn unkept(error: &PutError) -> Error {
    match error {
        PutError::Full => crate::space::full(),
        PutError::OverQuota { .. } => crate::space::over_quota(&error.to_string()),
        PutError::TooLarge { cap } => Error::new(
            ErrorCode::InputTooLarge,
            format!("it is larger than the {cap} bytes that one blob may have"),
        ),
        PutError::Source { .. } => Error::new(ErrorCode::InputUnreadable, error.to_string()),
        PutError::Io(_) => Error::new(ErrorCode::FolderUnusable, error.to_string()),
    }
}

fn gone(error: &GetError) -> Error {
    match error {
        GetError::Missing => Error::new(
            ErrorCode::BlobMissing,
            "an input is not here; it was not uploaded, or too long ago",
        )
        .hint("upload it again and submit again"),
        GetError::Corrupt | GetError::Io(_) => unreadable(error),
    }
}

fn refused(error: &SubmitError) -> Error {
    let (code, hint) = match error {
        SubmitError::NotAllowed => (
            ErrorCode::NotAllowed,
            "let it in anew, as a device that submits",
        ),
        SubmitError::Conflict { .. } => (
            ErrorCode::Conflict,
            "choose another client id for another job",
        ),
        SubmitError::TooManyTasks { .. } => (
            ErrorCode::TooManyTasks,
            "let each task do more, or make several jobs",
        ),
        SubmitError::QueueFull { .. } => (
            ErrorCode::TooManyTasks,
            "wait until some have run, or cancel jobs: skep job ls lists them",
        ),
        SubmitError::TooManyJobs => (
            ErrorCode::TooManyTasks,
            "remove jobs that have ended: skep job rm",
        ),
        SubmitError::TooLarge { .. } => (
            ErrorCode::InputTooLarge,
            "give less, or give it as a file with --in",
        ),
        SubmitError::Priority { .. } => (ErrorCode::Usage, "0 is what jobs have that say nothing"),
    };
    Error::new(code, error.to_string()).hint(hint)
}
