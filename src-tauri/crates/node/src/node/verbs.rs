//! The verbs that change something, and those about this node itself.

use super::Inner;
use crate::accept::unkept;
use crate::answer::{Answer, Then, Upload};
use crate::clock::wall_ms;
use crate::contribute::{self, PausedUntil};
use crate::driver::Turn;
use crate::follow::{Following, follow as start_following};
use crate::journal;
use crate::limits::{PIECE_BYTES, UNNAMED_BLOB_TIME, UPLOAD_BYTES_MAX};
use crate::modules;
use crate::settings::Settings;
use crate::stored::unread;
use crate::views;
use api::{
    Contribution, Error, ErrorCode, LimitChanges, MachineState, MachineView, ModuleRef, Reply,
    Request, Rule, Status,
};
use pool::policy::{self, State};
use pool::{CommandError, Coordinator, Counts, JobId, JobState, RetryChanges};
use std::sync::PoisonError;
use std::time::Duration;
use store::Write;
use tokio::sync::mpsc;

pub(super) async fn status(node: &Inner) -> Result<Reply, Error> {
    if let Some(forwarding) = &node.member {
        let own = contribution(node).await?;
        // Without a way to the coordinator there is this machine to tell of.
        if let Ok(answer) = forwarding.call(Request::Status, None).await
            && let Reply::Status(theirs) = answer.reply
        {
            return Ok(Reply::Status(Box::new(own_status(node, own, *theirs))));
        }
    }
    let counts = node.library.look(Coordinator::counts).await?;
    let (machines, contribution) = (node.library.machines().await?, contribution(node).await?);
    let status = status_of(node, counts, machines, contribution);
    Ok(Reply::Status(Box::new(status)))
}

/// The pool's status as this member of it tells it.
pub(super) fn own_status(node: &Inner, own: Contribution, theirs: Status) -> Status {
    Status {
        jobs_queued: theirs.jobs_queued,
        jobs_running: theirs.jobs_running,
        tasks_queued: theirs.tasks_queued,
        tasks_running: theirs.tasks_running,
        storage: theirs.storage,
        ..status_of(node, Counts::default(), theirs.machines, own)
    }
}

pub(super) fn status_of(
    node: &Inner,
    counts: Counts,
    machines: Vec<MachineView>,
    contribution: Contribution,
) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        data_folder: node.options.folders.data.display().to_string(),
        started_ms: node.started_ms,
        jobs_queued: counts.jobs_queued,
        jobs_running: counts.jobs_running,
        tasks_queued: counts.tasks_queued,
        tasks_running: counts.tasks_running,
        contribution,
        machines,
        storage: node.space.said(),
    }
}

pub(super) async fn upload(
    node: &Inner,
    bytes: Option<u64>,
    upload: Option<Upload>,
) -> Result<Reply, Error> {
    let mut upload =
        upload.ok_or_else(|| Error::new(ErrorCode::Usage, "an upload comes with bytes"))?;
    let too_large = || {
        Error::new(
            ErrorCode::InputTooLarge,
            format!("an input may have {UPLOAD_BYTES_MAX} bytes"),
        )
        .hint("split it into several files")
    };
    if bytes.is_some_and(|bytes| bytes > UPLOAD_BYTES_MAX) {
        return Err(too_large());
    }
    node.space.check()?;
    let mut writer = node.keep.blobs().writer();
    while let Some(piece) = upload.recv().await {
        if writer.length() + piece.len() as u64 > UPLOAD_BYTES_MAX {
            return Err(too_large());
        }
        writer.write(&piece).await.map_err(|error| unkept(&error))?;
    }
    if let Some(bytes) = bytes.filter(|bytes| *bytes != writer.length()) {
        let message = format!(
            "the upload ended after {} of {bytes} bytes",
            writer.length()
        );
        return Err(Error::new(ErrorCode::InputUnreadable, message).hint("send it again"));
    }
    let kept = node
        .keep
        .finish(writer, UNNAMED_BLOB_TIME)
        .await
        .map_err(|error| unkept(&error))?;
    let (digest, bytes) = kept.ok_or_else(|| {
        Error::new(
            ErrorCode::BlobMissing,
            "an equal blob was deleted in the same moment",
        )
        .hint("send it again")
    })?;
    Ok(Reply::Blob {
        blob: digest.to_string(),
        bytes,
    })
}

pub(super) async fn follow(node: &Inner, job: &str, output: bool) -> Result<Answer, Error> {
    let job = node.library.find(job).await?;
    let (news, no, single, transient) = node
        .driving
        .ask_patiently(move |turn| {
            let view = turn
                .coordinator
                .job(&job)
                .ok_or(CommandError::UnknownJob)
                .map_err(|e| denied(e, job))?;
            let ended = matches!(
                view.state,
                JobState::Done | JobState::Failed | JobState::Cancelled
            );
            let news = turn.follows.add(job, output, ended);
            turn.coordinator
                .follow(turn.now, job, news.id)
                .map_err(|error| denied(error, job))?;
            Ok((news, view.no, view.total == 1, view.spec.transient))
        })
        .await?;
    let (driving, id) = (node.driving.clone(), news.id);
    let left = async move {
        let left = driving.ask_patiently(move |turn| {
            turn.follows.remove(job, id);
            turn.coordinator.unfollow(turn.now, job, id);
            Ok(())
        });
        // A node that has stopped is followed by nobody.
        let _ = left.await;
    };
    let Following { events, end } = start_following(
        (job, no),
        news,
        output,
        single,
        transient,
        node.library.clone(),
        left,
    );
    Ok(Answer {
        reply: Reply::Following,
        then: Then::Events(events, end),
    })
}

pub(super) async fn release(node: &Inner, job: &str) -> Result<Reply, Error> {
    command(node, job, |turn, job| {
        turn.coordinator.release(turn.now, job)
    })
    .await
}

pub(super) async fn cancel(node: &Inner, job: &str) -> Result<Reply, Error> {
    command(node, job, |turn, job| {
        turn.coordinator.cancel(turn.now, job)
    })
    .await
}

pub(super) async fn retry(node: &Inner, job: &str, changes: LimitChanges) -> Result<Reply, Error> {
    let changes = RetryChanges {
        memory_bytes: changes.memory_bytes,
        task_time: changes.task_timeout_ms.map(Duration::from_millis),
        retries: changes.retries,
    };
    command(node, job, move |turn, job| {
        turn.coordinator.retry(turn.now, job, changes)
    })
    .await
}

pub(super) async fn remove(node: &Inner, job: &str) -> Result<Reply, Error> {
    command(node, job, |turn, job| {
        turn.coordinator.forget(turn.now, job)
    })
    .await
}

pub(super) async fn push_module(node: &Inner, name: String, blob: &str) -> Result<Reply, Error> {
    modules::check_name(&name)?;
    let module = modules::find(
        &ModuleRef::Blob {
            blob: blob.to_owned(),
        },
        &node.library,
        node.keep.blobs(),
    )
    .await?;
    if let sandbox::inspect::Verdict::Refuse(refused) = &module.card.verdict {
        return Err(views::refusal(refused));
    }
    let bytes = module.bytes(node.keep.blobs()).await?;
    let _naming = node.naming.lock().await;
    let hold = node.keep.blobs().hold(&module.digest.0);
    if !module.stored {
        node.keep
            .put(bytes.clone(), UNNAMED_BLOB_TIME)
            .await
            .map_err(|error| unkept(&error))?;
    }
    let row = store::NameRow {
        name,
        digest: module.digest.0,
        bytes: bytes.len() as u64,
        wall_ms: wall_ms(),
    };
    rename(node, row.name.clone(), Some(row.clone())).await?;
    drop(hold);
    Ok(Reply::Module(
        modules::view(row, &node.library, node.keep.blobs()).await,
    ))
}

pub(super) async fn remove_module(node: &Inner, name: String) -> Result<Reply, Error> {
    let _naming = node.naming.lock().await;
    let known = node
        .library
        .reader()
        .name(&name)
        .await
        .map_err(|error| unread(&error))?;
    if known.is_none() {
        return Err(modules::no_such(&name));
    }
    rename(node, name, None).await?;
    Ok(Reply::Done)
}

/// Whether and how much this machine works, and why.
pub(super) async fn contribution(node: &Inner) -> Result<Contribution, Error> {
    let paused = node.paused();
    let about = Contribution {
        on: node.settings().contribute,
        state: MachineState::Offline,
        reason: "This node only coordinates: it was started without work".to_owned(),
        cores: 0,
        cores_given: 0,
        memory_bytes: 0,
        paused: paused.is_some(),
        paused_until_ms: paused.and_then(PausedUntil::ends_ms),
        idle_source: String::new(),
        rules: Vec::new(),
    };
    let Some(contributing) = &node.contributing else {
        return Ok(about);
    };
    let decided = contributing.decided();
    let decision = &decided.decision;
    let (state, reason) = match &decision.state {
        State::Paused(reason) => (MachineState::Paused, reason.paused()),
        State::Slowed(reason) => (MachineState::Slowed, reason.slowed()),
        State::Finishing(reason) => (MachineState::Draining, reason.finishes()),
        State::Free => {
            let machines = node.library.machines().await?;
            let own_id = node.library.own_id();
            let own = machines.into_iter().find(|machine| {
                // What it heard before the decision is no news any more.
                machine.id == own_id
                    && !matches!(
                        machine.state,
                        MachineState::Offline | MachineState::Paused | MachineState::Slowed
                    )
            });
            own.map_or_else(
                || (MachineState::Ready, decision.sentence(None)),
                |own| (own.state, own.reason),
            )
        }
    };
    let mut rules: Vec<Rule> = decision.rules.iter().map(rule).collect();
    rules.push(stay_awake(node.settings().keep_awake, decided.awake));
    Ok(Contribution {
        state,
        reason,
        cores: decided.cores_if_on,
        cores_given: decision.cores_given,
        memory_bytes: decision.memory_bytes,
        idle_source: decided.asked.to_string(),
        rules,
        ..about
    })
}

fn rule(rule: &pool::policy::Rule) -> Rule {
    Rule {
        name: rule.name.to_owned(),
        setting: rule.setting.clone(),
        now: rule.now.clone(),
        met: rule.met,
    }
}

/// No rule of the policy, and asked for in the same breath.
fn stay_awake(setting: bool, awake: bool) -> Rule {
    Rule {
        name: "Stay awake".to_owned(),
        setting: if setting {
            "while there is work, on mains"
        } else {
            "off"
        }
        .to_owned(),
        now: if awake {
            "kept awake"
        } else {
            "may fall asleep"
        }
        .to_owned(),
        met: true,
    }
}

/// Pauses until then, or ends a pause; on disk before anything is said.
pub(super) async fn pause(node: &Inner, until: Option<PausedUntil>) -> Result<(), Error> {
    node.driving
        .ask_patiently(move |turn| {
            turn.writes.push(crate::driver::pause(until));
            Ok(())
        })
        .await?;
    *node.paused.lock().unwrap_or_else(PoisonError::into_inner) = until;
    node.apply_pause(until).await;
    Ok(())
}

pub(super) async fn set(node: &Inner, key: &str, value: Option<&str>) -> Result<(), Error> {
    let before = node.settings();
    let after = before.would_be(key, value)?;
    // What contradicts itself already stands in no other change's way.
    if agree(node, &before).is_ok() {
        agree(node, &after)?;
    }
    let settings = before.set(key, value)?;
    take_over(node, settings).await
}

/// The settings file as it is now.
pub(super) async fn reload(node: &Inner) -> Result<(), Error> {
    let settings = node.settings().reload()?;
    take_over(node, settings).await
}

/// Texts that help whoever is asked for help, as a zip.
pub(super) async fn report(node: &Inner) -> Result<Answer, Error> {
    let Reply::Status(status) = status(node).await? else {
        return Err(Error::new(ErrorCode::Internal, "the status is none"));
    };
    let (folders, settings) = (&node.options.folders, node.settings());
    let checks = crate::doctor::of_node(folders, &settings, &node.sandbox, node.space.said());
    let values = settings.values(None).map_err(Error::from);
    let parts = crate::report::parts(folders, &values, &checks, Some(&status));
    let zip: bytes::Bytes = crate::report::pack(&parts)?.into();
    let (to, pieces) = mpsc::channel(zip.len().div_ceil(PIECE_BYTES).max(1));
    for start in (0..zip.len()).step_by(PIECE_BYTES) {
        // There is room for all of them.
        let _ = to.try_send(Ok(zip.slice(start..zip.len().min(start + PIECE_BYTES))));
    }
    Ok(Answer {
        reply: Reply::Bytes {
            bytes: zip.len() as u64,
        },
        then: Then::Bytes(pieces),
    })
}

async fn take_over(node: &Inner, settings: Settings) -> Result<(), Error> {
    *node.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings.clone();
    journal::set_level(settings.log_level);
    node.results_days.send_if_modified(|days| {
        std::mem::replace(days, settings.results_days) != settings.results_days
    });
    node.blob_quota.send_replace(settings.blob_bytes);
    node.apply(&settings).await;
    let queued = u64::from(settings.queued_tasks);
    node.driving
        .ask_patiently(move |turn| {
            turn.coordinator.limit_queued_tasks(queued);
            Ok(())
        })
        .await
}

/// Settings that could never work on this machine are refused, each of them
/// though it could be.
fn agree(node: &Inner, settings: &Settings) -> Result<(), Error> {
    let machine = contribute::machine(&node.host, node.options.cores);
    let asked = settings.policy(None, machine.cores);
    policy::check(&asked, machine, settings.memory_bytes)
        .map_err(|error| Error::new(ErrorCode::BadSetting, error.to_string()))
}

async fn command(
    node: &Inner,
    job: &str,
    command: impl FnOnce(&mut Turn<'_>, JobId) -> Result<(), CommandError> + Send + 'static,
) -> Result<Reply, Error> {
    let job = node.library.find(job).await?;
    node.driving
        .ask(move |turn| command(turn, job).map_err(|error| denied(error, job)))
        .await?;
    Ok(Reply::Done)
}

/// Gives a name another module, or takes it away. The name holds its blob.
async fn rename(node: &Inner, name: String, row: Option<store::NameRow>) -> Result<(), Error> {
    let before = node
        .library
        .reader()
        .name(&name)
        .await
        .map_err(|error| unread(&error))?;
    node.driving
        .ask(move |turn| {
            if let Some(row) = &row {
                turn.coordinator.hold_blob(pool::Digest(row.digest));
            }
            if let Some(before) = before {
                turn.coordinator.release_blob(pool::Digest(before.digest));
            }
            turn.writes.push(match row {
                Some(row) => Write::Name {
                    name,
                    digest: Some(row.digest),
                    bytes: row.bytes,
                    wall_ms: row.wall_ms,
                },
                None => Write::Name {
                    name,
                    digest: None,
                    bytes: 0,
                    wall_ms: 0,
                },
            });
            Ok(())
        })
        .await
}

fn denied(error: CommandError, job: JobId) -> Error {
    let (code, hint) = match error {
        CommandError::UnknownJob => (ErrorCode::NoSuchJob, "skep job ls lists them".to_owned()),
        CommandError::Running => (
            ErrorCode::JobRunning,
            format!("cancel it first: skep job cancel {job}"),
        ),
        CommandError::Ended => (ErrorCode::JobEnded, format!("skep job show {job} says how")),
        CommandError::NothingToRetry => {
            (ErrorCode::JobEnded, format!("skep job show {job} says how"))
        }
        CommandError::NotTrial => (ErrorCode::NotATrial, "it runs by itself".to_owned()),
    };
    Error::new(code, error.to_string()).hint(hint)
}
