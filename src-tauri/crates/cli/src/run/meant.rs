//! What a `run` command means: checked, without the node's help.

use super::inputs::{Cut, Given, Source, environment};
use super::options::{Chunk, FoldWord, RunOptions, millis};
use super::{parameters, place};
use crate::context::Context;
use crate::failure::usage;
use crate::reach::Door;
use api::{Error, Fold, Limits, ModuleRef, Submit};
use bytes::Bytes;
use node::saved;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug)]
pub(super) struct Meant {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    invoke: Option<String>,
    params: BTreeMap<String, String>,
    cut: Cut,
    stdin: Option<Source>,
    files: Vec<Given>,
    fold: Option<FoldWord>,
    limits: Limits,
    priority: i8,
    timeout_ms: Option<u64>,
    chunk: Option<u32>,
    on: Vec<String>,
    name: Option<String>,
    client_id: String,
    /// `None`: stdout.
    pub(super) output: Option<PathBuf>,
    pub(super) collect: Option<PathBuf>,
    pub(super) detach: bool,
    /// One result is made of all: asked for, or a kernel's own way.
    pub(super) folds: bool,
}

impl Meant {
    pub(super) fn of(
        context: &Context,
        options: &RunOptions,
        parameters: BTreeMap<String, String>,
        own_fold: Option<Fold>,
    ) -> Result<Meant, Error> {
        let RunOptions {
            split,
            input,
            results,
            limits,
            args,
            ..
        } = options;
        let mut params = match &input.params {
            Some(json) => parameters::object(json)?,
            None => BTreeMap::new(),
        };
        params.extend(parameters);
        let cut = Cut::meant(split, input.lines_per_task)?;
        let stdin = input.stdin.as_deref().map(Source::find).transpose()?;
        if stdin.is_some() && !cut.is_once() {
            return Err(usage(
                "--stdin is for a job of one task; a split gives each task its own",
            ));
        }
        if cut.reads_stdin() && matches!(stdin, Some(Source::Stdin)) {
            return Err(usage("standard input can be read only once"));
        }
        if results.detach && (results.output.is_some() || results.collect.is_some()) {
            return Err(
                usage("-d leaves the job to the node, so nothing is written here")
                    .hint("skep job results ID -o PATH writes the results later"),
            );
        }
        let output = results
            .output
            .clone()
            .filter(|path| path.as_os_str() != "-");
        if let Some(path) = &output {
            place::check(path, &cut.parameters())?;
        }
        if let Some(folder) = &results.collect {
            saved::check_folder(folder)?;
        }
        if results.detach && context.output.verbose > 0 {
            return Err(usage(
                "-v shows the log of this process's node, and -d starts none",
            ));
        }
        Ok(Meant {
            args: args.clone(),
            env: environment(&input.env)?,
            invoke: input.invoke.clone(),
            folds: match results.fold {
                Some(fold) => fold != FoldWord::None,
                // A kernel's function is called as any other module's.
                None => own_fold.is_some() && input.invoke.is_none(),
            },
            params,
            cut,
            stdin,
            files: Given::find(input)?,
            fold: results.fold,
            limits: Limits {
                memory_bytes: limits.task.memory,
                task_timeout_ms: limits
                    .task
                    .task_timeout
                    .map(|time| millis(time, "--task-timeout"))
                    .transpose()?,
                fuel: limits.fuel,
                output_bytes: limits.max_output,
                retries: limits.task.retries,
            },
            priority: limits.priority,
            timeout_ms: limits
                .timeout
                .map(|time| millis(time, "--timeout"))
                .transpose()?,
            chunk: match limits.chunk {
                Chunk::Auto => None,
                Chunk::Tasks(tasks) => Some(tasks),
            },
            on: limits.on.clone(),
            name: results.name.clone(),
            client_id: client_id()?,
            output,
            collect: results.collect.clone(),
            detach: results.detach,
        })
    }

    /// What our standard input holds, where the job wants it.
    pub(super) async fn read_stdin(&self) -> Result<Option<Bytes>, Error> {
        if self.cut.reads_stdin() || matches!(self.stdin, Some(Source::Stdin)) {
            return super::inputs::read_stdin()
                .await
                .map(|bytes| Some(bytes.into()));
        }
        Ok(None)
    }

    /// Sends what the job names, and describes it.
    pub(super) async fn submit(
        &self,
        door: &Door,
        module: ModuleRef,
        module_name: String,
        from_stdin: Option<Bytes>,
    ) -> Result<Submit, Error> {
        let split = self.cut.send(door, from_stdin.clone()).await?;
        let stdin = match &self.stdin {
            Some(source) => Some(source.send(door, from_stdin).await?),
            None => None,
        };
        let mut files = Vec::with_capacity(self.files.len());
        for file in &self.files {
            files.push(file.send(door).await?);
        }
        Ok(Submit {
            client_id: self.client_id.clone(),
            module,
            module_name,
            name: self.name.clone(),
            args: self.args.clone(),
            env: self.env.clone(),
            invoke: self.invoke.clone(),
            params: self.params.clone(),
            split,
            stdin,
            files,
            fold: self.fold.map(Into::into),
            limits: self.limits,
            priority: self.priority,
            timeout_ms: self.timeout_ms,
            chunk: self.chunk,
            on: self.on.clone(),
            trial: false,
            transient: false,
            collect: self.collect.is_some(),
        })
    }
}

fn client_id() -> Result<String, Error> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| {
        Error::new(
            api::ErrorCode::Internal,
            format!("the system gives no random numbers: {error}"),
        )
    })?;
    Ok(data_encoding::HEXLOWER.encode(&id))
}
