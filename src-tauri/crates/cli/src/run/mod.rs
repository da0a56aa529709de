//! `skep run` and `skep map`: submit a job, follow it, deliver its results.

pub(crate) mod deliver;
pub(crate) mod fetch;
pub(crate) mod follow;
pub(crate) mod inputs;
mod meant;
pub(crate) mod module;
pub(crate) mod options;
pub(crate) mod outcome;
mod parameters;
pub(crate) mod place;
pub(crate) mod printer;
mod shown;
mod sweep;

pub(crate) use options::{Map, Run, RunOptions};

use crate::context::Context;
use crate::failure::{Failure, INTERRUPTED, usage};
use crate::output::{json, words};
use crate::reach::{self, Door, Start};
use api::{Card, Fold, JobState, JobView, ModuleRef, Reply, Request, Verdict};
use follow::{Following, Interrupt, Interrupts, Show, is_gone};
use meant::Meant;
use module::Module;
use parameters::Taken;
use printer::Printer;
use std::ffi::OsString;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

/// How long a job is submitted again when the node goes away meanwhile; the
/// same client id makes it one job.
const SUBMIT_FOR: Duration = Duration::from_secs(10);
/// Between two tries.
const SUBMIT_AGAIN: Duration = Duration::from_millis(50);
/// Jobs that are looked at to name those that wait.
const LISTED: u32 = 200;

pub(crate) async fn run(
    context: &Context,
    options: RunOptions,
    words: &[OsString],
) -> Result<(), Failure> {
    let interrupts = Interrupts::listen()?;
    let module = Module::find(&options.module)?;
    // All that can be checked without the kernel's parameters, before a node starts.
    let early = Meant::of(context, &options, Default::default(), None)?;
    let start = Start::run(options.limits.dangerously_run_without_os_wall);
    let (mut door, card) = match &module {
        Module::File { bytes, .. } => {
            let card = node::inspect(bytes.clone());
            if let Verdict::Refuse(refusal) = card.verdict {
                return Err(refusal.into());
            }
            (None, card)
        }
        Module::Named(name) => {
            let door = if early.detach {
                reach::to_node(context).await?
            } else {
                reach::to_node_or_start(context, start).await?
            };
            match door.inspect(&Module::named(name)).await {
                Ok(card) => (Some(door), card),
                Err(error) => {
                    door.leave().await;
                    return Err(error.into());
                }
            }
        }
    };
    let ended = async {
        let (context, meant) = meant(context, options, words, &card)?;
        submit_and_follow(&context, &mut door, start, &module, &meant, interrupts).await
    };
    let ended = ended.await;
    if let Some(door) = door {
        door.leave().await;
    }
    ended
}

/// The same words again, now that it is known which of them are parameters.
fn meant(
    context: &Context,
    options: RunOptions,
    words: &[OsString],
    card: &Card,
) -> Result<(Context, Meant), Failure> {
    if options.input.params.is_some() && (card.kernel.is_none() || options.input.invoke.is_some()) {
        return Err(usage(format!(
            "{} is no kernel, so --params means nothing to it",
            options.module
        ))
        .into());
    }
    let Taken {
        options,
        parameters,
        global,
    } = parameters::take(options, words, card)?;
    let context = match &global {
        Some(global) => context.again(global)?,
        None => context.clone(),
    };
    let own_fold = card
        .kernel
        .as_ref()
        .map(|kernel| kernel.fold)
        .filter(|fold| *fold != Fold::None);
    let meant = Meant::of(&context, &options, parameters, own_fold)?;
    Ok((context, meant))
}

async fn submit_and_follow(
    context: &Context,
    door: &mut Option<Door>,
    start: Start,
    module: &Module,
    meant: &Meant,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    if let (true, Some(Door::Own(_))) = (meant.detach, &*door) {
        return Err(reach::no_node().into());
    }
    let (job, tasks) = submit(context, door, start, module, meant, &mut interrupts).await?;
    // `submit` leaves a door, and a detached job never starts a node.
    let Some(door) = door else { return Ok(()) };
    if meant.detach {
        return detached(context, &job, tasks);
    }
    if let Door::Own(_) = door {
        name_waiting(context, door, &job).await;
    }
    let single = tasks == 1 && !meant.folds;
    let show = if context.output.json {
        Show::Nothing
    } else if single {
        Show::Output {
            stdout: meant.output.is_none(),
        }
    } else if meant.output.is_some() || meant.folds {
        Show::Progress
    } else {
        Show::Results
    };
    let mut following = Following::new(context, &job, show, Interrupt::Cancels, start, interrupts);
    let ended = following.follow(door).await?;
    let printer = following.into_printer();
    finish(
        context,
        door,
        &ended,
        meant.output.as_deref(),
        meant.collect.as_deref(),
        printer,
    )
    .await
}

/// Results to where they are wanted, what happened in words, the exit code.
pub(crate) async fn finish(
    context: &Context,
    door: &mut Door,
    job: &JobView,
    output: Option<&Path>,
    collect: Option<&Path>,
    mut printer: Printer,
) -> Result<(), Failure> {
    let delivered = loop {
        match deliver::deliver(context, door, job, output, collect, &mut printer).await {
            // Another's node, which has ended its own job and left; the results stay.
            Err(Failure::Error(error)) if is_gone(&error) && matches!(door, Door::Client(_)) => {
                *door = reach::to_read(context).await?;
            }
            delivered => break delivered?,
        }
    };
    let outcome = outcome::of(job);
    if !context.output.json {
        match &outcome.error {
            None => context
                .output
                .note(outcome::words(job, &delivered, &door.names().await)),
            Some(error) => context.output.error(error),
        }
    }
    if outcome.code == crate::failure::DONE {
        Ok(())
    } else {
        Err(Failure::Ended(outcome.code))
    }
}

async fn submit(
    context: &Context,
    door: &mut Option<Door>,
    start: Start,
    module: &Module,
    meant: &Meant,
    interrupts: &mut Interrupts,
) -> Result<(String, u32), Failure> {
    // Standard input can be read only once, whatever happens to the node.
    let stdin = interrupts
        .during(async { Ok(meant.read_stdin().await?) })
        .await?;
    let begun = Instant::now();
    loop {
        if door.is_none() {
            let reached = if meant.detach {
                reach::to_node(context).await?
            } else {
                reach::to_node_or_start(context, start).await?
            };
            *door = Some(reached);
        }
        let Some(way) = door.as_ref() else { continue };
        match send(way, module, meant, stdin.clone(), interrupts).await {
            Err(Failure::Error(error)) if is_gone(&error) && begun.elapsed() < SUBMIT_FOR => {
                if let Some(gone) = door.take() {
                    gone.leave().await;
                }
                tokio::time::sleep(SUBMIT_AGAIN).await;
            }
            other => return other,
        }
    }
}

async fn send(
    door: &Door,
    module: &Module,
    meant: &Meant,
    stdin: Option<bytes::Bytes>,
    interrupts: &mut Interrupts,
) -> Result<(String, u32), Failure> {
    let described = async {
        let reference = match module {
            Module::File { bytes, .. } => ModuleRef::Blob {
                blob: door.upload(bytes.clone()).await?,
            },
            Module::Named(name) => Module::named(name),
        };
        Ok(meant.submit(door, reference, module.name(), stdin).await?)
    };
    let submit = interrupts.during(described).await?;
    let mut answer = pin!(door.submit(submit));
    tokio::select! {
        answer = &mut answer => return Ok(answer?),
        () = interrupts.next() => {}
    }
    // Whether the job was accepted is not known before the answer; a second
    // interrupt does not wait for it.
    tokio::select! {
        answer = answer => if let Ok((job, _)) = answer {
            // It may have ended by itself, and a node that is gone runs nothing.
            drop(door.ask(Request::Cancel { job }).await);
        },
        () = interrupts.next() => {}
    }
    Err(Failure::Ended(INTERRUPTED))
}

fn detached(context: &Context, job: &str, tasks: u32) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output
            .document(&serde_json::json!({ "schema": json::SCHEMA, "job": job, "tasks": tasks }));
    }
    output.line(job)?;
    output.note(format_args!(
        "{} submitted; skep job wait {} follows",
        words::count(tasks, "task"),
        words::short(job, [])
    ));
    Ok(())
}

/// Jobs that a node would have to stay for.
async fn name_waiting(context: &Context, door: &Door, own: &str) {
    let Ok(Reply::Jobs { jobs, .. }) = door
        .ask(Request::Jobs {
            cursor: None,
            limit: LISTED,
        })
        .await
    else {
        return;
    };
    let waiting: Vec<&JobView> = jobs
        .iter()
        .filter(|job| {
            job.id != own
                && matches!(
                    job.state,
                    JobState::Queued | JobState::Running | JobState::Folding
                )
        })
        .collect();
    if !waiting.is_empty() {
        let ids: Vec<&str> = waiting
            .iter()
            .map(|job| words::short(&job.id, []))
            .collect();
        let (verb, them) = if ids.len() == 1 {
            ("waits", "it")
        } else {
            ("wait", "them")
        };
        context.output.note(format_args!(
            "{} {verb} for a node that stays ({}); skep coordinator start runs {them}",
            words::count(ids.len() as u64, "other job"),
            ids.join(", ")
        ));
    }
}
