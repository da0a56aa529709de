//! The entrance: who asks is checked once, then each verb is answered.

use super::{Inner, forward, observe, steer, verbs};
use crate::answer::{Answer, Caller, Upload};
use crate::contribute::PausedUntil;
use crate::journal;
use crate::library::Library;
use api::{Error, ErrorCode, Reply, Request, Side};
use pool::DeviceId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) async fn call(
    node: &Arc<Inner>,
    request: Request,
    caller: Caller,
    upload: Option<Upload>,
) -> Result<Answer, Error> {
    let submitter = admit(caller)?;
    let library = match caller {
        Caller::InProcess | Caller::Local { .. } => node.library.clone(),
        Caller::Device(device) => allow(node, device, &request).await?,
    };
    if let Some(forwarding) = &node.member
        && request.side() == Side::Pool
    {
        let watches = matches!(request, Request::Watch { .. });
        let answer = forwarding.call(request, upload).await?;
        return Ok(if watches {
            forward::seen_from_here(node.clone(), answer)
        } else {
            answer
        });
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library answers every verb that only reads"
    )]
    let reply = match request {
        Request::Status => verbs::status(node).await?,
        Request::Upload { bytes } => verbs::upload(node, bytes, upload).await?,
        Request::Submit(submit) => {
            if node.stopping.load(Ordering::Relaxed) {
                return Err(Error::new(
                    ErrorCode::Stopping,
                    "the node is stopping and takes no new jobs",
                ));
            }
            node.space.check()?;
            node.acceptance()
                .accept(*submit, submitter, caller.device())
                .await?
        }
        Request::Watch { job } => return observe::watch(node, library, job).await,
        Request::Spans { job, from, limit } => library.spans(&job, from, limit).await?,
        Request::Samples { machine, span } => observe::samples(node, &machine, span).await?,
        Request::Plan { module, params } => node.acceptance().preview(module, params).await?,
        Request::Thumbnail { job, index, pixels } => {
            return observe::thumbnail(node, &job, index, pixels).await;
        }
        Request::Release { job } => verbs::release(node, &job).await?,
        Request::Follow { job, output } => return verbs::follow(node, &job, output).await,
        Request::Cancel { job } => verbs::cancel(node, &job).await?,
        Request::Retry { job, changes } => verbs::retry(node, &job, changes).await?,
        Request::RemoveJob { job } => verbs::remove(node, &job).await?,
        Request::PushModule { name, blob } => verbs::push_module(node, name, &blob).await?,
        Request::RemoveModule { name } => verbs::remove_module(node, name).await?,
        Request::SteerMachine {
            machine,
            steer: wanted,
        } => steer::steer(node, caller, machine, wanted).await?,
        Request::Contribution => Reply::Contribution(verbs::contribution(node).await?),
        Request::Contribute { on } => {
            verbs::set(
                node,
                "contribute.on",
                Some(if on { "true" } else { "false" }),
            )
            .await?;
            Reply::Contribution(verbs::contribution(node).await?)
        }
        Request::Pause { until } => {
            let until = PausedUntil::of(&until, &jiff::Zoned::now())?;
            verbs::pause(node, Some(until)).await?;
            Reply::Contribution(verbs::contribution(node).await?)
        }
        Request::Resume => {
            verbs::pause(node, None).await?;
            Reply::Contribution(verbs::contribution(node).await?)
        }
        Request::Doctor => {
            let mut checks = crate::doctor::of_node(
                &node.options.folders,
                &node.settings(),
                &node.sandbox,
                node.space.said(),
            );
            checks.push(node.pool_check().await?);
            Reply::Checks { checks }
        }
        Request::Logs {
            filter,
            limit,
            follow,
        } => {
            return Ok(journal::answer(
                &node.options.folders.logs,
                &filter,
                limit,
                follow,
            )?);
        }
        Request::Config { key } => Reply::Config {
            values: node.settings().values(key.as_deref())?,
        },
        Request::SetConfig { key, value } => {
            verbs::set(node, &key, value.as_deref()).await?;
            Reply::Config {
                values: node.settings().values(Some(&key))?,
            }
        }
        Request::ReloadConfig => {
            verbs::reload(node).await?;
            Reply::Config {
                values: node.settings().values(None)?,
            }
        }
        Request::Report => return verbs::report(node).await,
        Request::Pool => Reply::Pool(Box::new(node.pool_view().await?)),
        Request::CreatePool { name } => {
            node.create_pool(name).await?;
            Reply::Pool(Box::new(node.pool_view().await?))
        }
        request @ (Request::OpenCode
        | Request::CloseCode
        | Request::Invite { .. }
        | Request::Invites
        | Request::RevokeInvite { .. }
        | Request::Devices
        | Request::Approve { .. }
        | Request::Refuse { .. }
        | Request::Revoke { .. }) => node.people(request, caller).await?,
        reading => return library.answer(reading).await,
    };
    Ok(reply.into())
}

/// What a device may ask here, by its roles as they are now; and the jobs as it
/// sees them.
async fn allow(node: &Inner, device: DeviceId, request: &Request) -> Result<Library, Error> {
    let caller = node.driving.look(move |rules| rules.caller(device)).await?;
    let not = |message: &str| Err(Error::new(ErrorCode::NotAllowed, message));
    let Some(caller) = caller else {
        return not("this device does not belong to the pool any more");
    };
    if request.side() == Side::Here && *request != Request::Status {
        return not("that is asked of a machine itself, not over the network");
    }
    if !caller.has_jobs() {
        return not("this device works for the pool, and sends no jobs and sees none");
    }
    let library = node.library.seen_by(caller);
    if let Some(job) = request.job() {
        // Another's is none.
        library.find(job).await?;
    }
    Ok(library)
}

/// Who owns the process owns the pool, and so does the machine's
/// administrator. What a client calls its job is its person's.
fn admit(caller: Caller) -> Result<u64, Error> {
    let own = rustix::process::getuid().as_raw();
    match caller {
        Caller::InProcess => Ok(u64::from(own)),
        Caller::Local { uid, .. } if uid == own || uid == 0 => Ok(u64::from(own)),
        // Its key was asked for in the handshake, and the rules are asked below.
        Caller::Device(device) => Ok(u64::from_le_bytes(
            device.0[..8].try_into().unwrap_or_default(),
        )),
        Caller::Local { .. } => Err(Error::new(
            ErrorCode::NotAllowed,
            "this node belongs to another account",
        )
        .hint("run skep as the account that started it, or start a node of your own")),
    }
}
