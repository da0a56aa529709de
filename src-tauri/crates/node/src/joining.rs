//! How this machine becomes a member of another's pool, and stops being one.
//! No node runs meanwhile: whoever joins holds the data folder.

use crate::folders::Folders;
use crate::host;
use crate::identity;
use crate::member::Known;
use crate::node::{Node, Options};
use crate::settings::Settings;
use api::{Error, ErrorCode, JobState, PoolView, Reply, Request, Roles};
use std::path::Path;
use std::time::Duration;
use transport::discovery::Browser;
use transport::limits::PAIRING_PORT;
use transport::pairing::{
    Admission, Code, Exporter, Introduction, JoinBy, JoinFailure, JoinOutput, Joiner, Link, Seed,
};
use transport::{
    Address, At, DeviceId, Identity, Membership, PairingConnector, PairingStream, Timing,
};

/// What happens on the way into a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Unfinished jobs of this machine run to their end first.
    Finishing {
        jobs: usize,
    },
    /// Pools are looked for in the network.
    Looking,
    Reaching {
        address: String,
    },
    /// Somebody there decides now.
    Waiting {
        pool: String,
    },
}

/// What becomes of jobs of this machine that have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// Joining is refused while there are any.
    Refuse,
    /// They run to their end before it joins.
    Finish,
    Cancel,
}

/// How long pools are looked for.
const LOOK_FOR: Duration = Duration::from_secs(5);
/// Between two looks at jobs that are to end first.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Joins a pool by a code, at an address or wherever one is found, or by a link.
/// The machine's own jobs stay readable.
///
/// # Errors
/// Whatever step failed; nothing has changed then.
pub async fn join(
    folders: &Folders,
    settings: &Settings,
    by: &str,
    at: Option<&str>,
    jobs: Unfinished,
    mut says: impl FnMut(Step) + Send,
) -> Result<PoolView, Error> {
    let by = By::read(by.trim(), at)?;
    let folder = folders.data.join("identity");
    if let Some(known) = Known::of_member(&folder)? {
        return Err(Error::new(
            ErrorCode::Usage,
            format!("this machine is a member of {} already", known.pool_name),
        )
        .hint("skep pool leave"));
    }
    see_to_jobs(folders, settings, jobs, &mut says).await?;
    folders.make()?;
    let _lock =
        store::lock(&folders.data).map_err(|error| crate::node::door_errors::locked(&error))?;
    let own = identity::of(&folders.data)?;
    let identity = Identity::open(&folder).map_err(|error| unusable(&error))?;
    let (addresses, how) = by.resolve(&mut says).await?;
    let mut stream = dial(&addresses, &mut says).await?;
    if let JoinBy::Token { ca, .. } = &how
        && stream.ca_spki() != *ca
    {
        return Err(Error::new(
            ErrorCode::NotAllowed,
            format!("{} is not the pool that the link is of", stream.remote()),
        )
        .hint("somebody may stand between this machine and the pool; ask for a new link"));
    }
    let introduction = Introduction {
        spki: identity.spki(),
        device: DeviceId(own.machine.0),
        name: settings.node_name.clone(),
        os: host::os(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        wire: transport::limits::WIRE_VERSION.into(),
        csr: identity.csr(),
    };
    let admission = converse(&mut stream, &introduction, &how, &mut says).await?;
    let remote = stream.remote();
    stream.finish().await;
    keep(&folder, remote.ip(), admission)
}

/// The pool that this machine is a member of, if another coordinates one.
///
/// # Errors
/// Where what is known of it is damaged.
pub fn membership(folders: &Folders) -> Result<Option<PoolView>, Error> {
    let folder = folders.data.join("identity");
    let Some(known) = Known::of_member(&folder)? else {
        return Ok(None);
    };
    let membership = Membership::load(&folder).map_err(|error| unusable(&error))?;
    Ok(membership.map(|membership| known.view(membership.pool)))
}

/// Whether this machine's own pool was made for others too: then it is listened
/// for whenever a node runs.
#[must_use]
pub fn is_shared(folders: &Folders) -> bool {
    transport::Ca::exists(&folders.data.join("identity"))
}

/// Forgets the membership: the machine is a pool of one again, and whoever
/// steers the pool may revoke the device.
///
/// # Errors
/// Where it is no member, or a node runs.
pub async fn leave(folders: &Folders) -> Result<(), Error> {
    let folder = folders.data.join("identity");
    if Known::of_member(&folder)?.is_none() {
        return Err(Error::new(
            ErrorCode::Usage,
            "this machine is no member of another machine's pool",
        ));
    }
    let _lock =
        store::lock(&folders.data).map_err(|error| crate::node::door_errors::locked(&error))?;
    Membership::forget(&folder).map_err(|error| unusable(&error))?;
    Known::forget(&folder).map_err(|error| unusable(&error))
}

/// By what it wants to come in.
enum By {
    Code { code: Code, at: Option<Address> },
    Link(Link),
}

impl By {
    fn read(by: &str, at: Option<&str>) -> Result<By, Error> {
        let wrong =
            |error: &dyn std::fmt::Display| Error::new(ErrorCode::CodeInvalid, error.to_string());
        if by.starts_with("skep:") {
            return Link::parse(by).map(By::Link).map_err(|error| wrong(&error));
        }
        let code = Code::parse(by).map_err(|error| wrong(&error))?;
        let at = at.map(|at| Address::parse(at, PAIRING_PORT));
        let at = at.transpose().map_err(|error| {
            Error::new(ErrorCode::Usage, format!("the pool's address: {error}"))
        })?;
        Ok(By::Code { code, at })
    }

    async fn resolve(
        self,
        says: &mut (impl FnMut(Step) + Send),
    ) -> Result<(Vec<Address>, JoinBy), Error> {
        match self {
            By::Link(link) => {
                let by = JoinBy::Token {
                    token: link.token().clone(),
                    ca: link.ca(),
                };
                Ok((link.addresses().to_vec(), by))
            }
            By::Code { code, at: Some(at) } => Ok((vec![at], JoinBy::Code(code))),
            By::Code { code, at: None } => {
                says(Step::Looking);
                Ok((look().await?, JoinBy::Code(code)))
            }
        }
    }
}

/// The pool nearby that has a code open, where there is exactly one.
async fn look() -> Result<Vec<Address>, Error> {
    let elsewhere =
        "give its address, which stands beside the code there: skep pool join --pool HOST CODE";
    let browser = Browser::start().map_err(|error| {
        Error::new(
            ErrorCode::Unreachable,
            format!("pools cannot be looked for in this network: {error}"),
        )
        .hint(elsewhere)
    })?;
    let begun = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let mut found = browser.found();
        found.retain(|pool| pool.pair.is_some());
        let late = begun.elapsed() >= LOOK_FOR;
        match found.as_slice() {
            [] if late => {
                return Err(Error::new(
                    ErrorCode::Unreachable,
                    "no pool with an open code was found in this network",
                )
                .hint(elsewhere));
            }
            [one] if late || begun.elapsed() >= LOOK_FOR / 4 => {
                let port = one.pair.unwrap_or(PAIRING_PORT);
                let at = |address: &std::net::IpAddr| Address {
                    host: address.to_string(),
                    port,
                };
                return Ok(one.addresses.iter().map(at).collect());
            }
            [_, _, ..] if late => {
                let names: Vec<&str> = found.iter().map(|pool| pool.name.as_str()).collect();
                return Err(Error::new(
                    ErrorCode::Usage,
                    format!("several pools have a code open: {}", names.join(", ")),
                )
                .hint(elsewhere));
            }
            _ => {}
        }
    }
}

async fn dial(
    addresses: &[Address],
    says: &mut (impl FnMut(Step) + Send),
) -> Result<PairingStream, Error> {
    let at = At {
        ip: None,
        port: 0,
        or_next: None,
    };
    let connector =
        PairingConnector::bind(&at, Timing::default()).map_err(|error| unusable(&error))?;
    if let Some(first) = addresses.first() {
        says(Step::Reaching {
            address: first.to_string(),
        });
    }
    connector.connect(addresses).await.map_err(|error| {
        Error::new(ErrorCode::Unreachable, error.to_string())
            .hint("the code must still be shown there, and UDP be let through")
    })
}

async fn converse(
    stream: &mut PairingStream,
    introduction: &Introduction,
    by: &JoinBy,
    says: &mut (impl FnMut(Step) + Send),
) -> Result<Admission, Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    let exporter = Exporter::new(stream.export(introduction.spki));
    let mut joiner = Joiner::new(introduction, by, exporter, &Seed::new(seed));
    loop {
        while let Some(output) = joiner.poll_output() {
            match output {
                JoinOutput::Send(message) => {
                    if stream.send(&message).await.is_err() {
                        joiner.handle_closed();
                    }
                }
                JoinOutput::Waiting { pool_name } => says(Step::Waiting { pool: pool_name }),
                JoinOutput::Done(admission) => return Ok(*admission),
                JoinOutput::Failed(why) => return Err(failed(&why)),
            }
        }
        let within = joiner.time_allowed().unwrap_or_default();
        match stream.recv(within).await {
            Ok(message) => joiner.handle_message(&message),
            Err(transport::PairingError::TooSlow) => joiner.handle_timeout(),
            Err(_) => joiner.handle_closed(),
        }
    }
}

fn failed(why: &JoinFailure) -> Error {
    Error::new(ErrorCode::CodeInvalid, why.to_string())
        .hint("ask for a new code where the pool is coordinated: skep pool code")
}

/// From here on it is a member: the certificate is the mark, and comes last.
fn keep(folder: &Path, reached: std::net::IpAddr, admission: Admission) -> Result<PoolView, Error> {
    let mut addresses = admission.addresses.clone();
    if let Some(first) = addresses.first() {
        // Where it answered just now, before where it says that it is.
        let port = first.port;
        let host = reached.to_string();
        addresses.retain(|address| address.host != host);
        addresses.insert(0, Address { host, port });
    }
    let known = Known {
        pool_name: admission.pool_name.clone(),
        addresses,
        person: admission.granted.person.clone(),
        works: admission.granted.work,
        submits: admission.granted.submit,
        steers: admission.granted.admin,
    };
    known.save(folder).map_err(|error| unusable(&error))?;
    let membership = Membership {
        pool: admission.pool,
        ca: admission.ca,
        coordinators: admission.coordinators,
        leaf: admission.leaf,
    };
    membership.save(folder).map_err(|error| unusable(&error))?;
    Ok(known.view(membership.pool))
}

impl Known {
    pub(crate) fn view(&self, pool: transport::PoolId) -> PoolView {
        PoolView {
            id: pool.to_string(),
            name: self.pool_name.clone(),
            coordinates: false,
            addresses: self.addresses.iter().map(Address::to_string).collect(),
            connected: false,
            reason: None,
            person: self.person.clone(),
            roles: Roles {
                work: self.works,
                submit: self.submits,
                admin: self.steers,
            },
        }
    }
}

async fn see_to_jobs(
    folders: &Folders,
    settings: &Settings,
    jobs: Unfinished,
    says: &mut (impl FnMut(Step) + Send),
) -> Result<(), Error> {
    if !folders.data.join("skep.db").exists() {
        return Ok(());
    }
    let node = Node::start(Options {
        folders: folders.clone(),
        settings: settings.clone(),
        work: jobs == Unfinished::Finish,
        cores: None,
        without_os_wall: false,
        living_only: false,
        listen: None,
    })
    .await?;
    let done = end_jobs(&node, jobs, says).await;
    node.stop(Duration::ZERO).await;
    done
}

async fn end_jobs(
    node: &Node,
    jobs: Unfinished,
    says: &mut (impl FnMut(Step) + Send),
) -> Result<(), Error> {
    let mut told = None;
    loop {
        let open = unfinished(node).await?;
        if open.is_empty() {
            return Ok(());
        }
        match jobs {
            Unfinished::Refuse => {
                let names: Vec<&str> = open.iter().map(|(_, name)| name.as_str()).take(3).collect();
                return Err(Error::new(
                    ErrorCode::JobRunning,
                    format!(
                        "{} of this machine have not ended: {}",
                        if open.len() == 1 {
                            "1 job".to_owned()
                        } else {
                            format!("{} jobs", open.len())
                        },
                        names.join(", ")
                    ),
                )
                .hint("--finish lets them end here before it joins, --cancel cancels them"));
            }
            Unfinished::Cancel => {
                for (job, _) in open {
                    node.call(Request::Cancel { job }, crate::Caller::InProcess, None)
                        .await?;
                }
            }
            Unfinished::Finish => {
                if told != Some(open.len()) {
                    told = Some(open.len());
                    says(Step::Finishing { jobs: open.len() });
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// Jobs that have not ended: id and name.
async fn unfinished(node: &Node) -> Result<Vec<(String, String)>, Error> {
    let mut open = Vec::new();
    let mut cursor = None;
    loop {
        let request = Request::Jobs {
            cursor,
            limit: api::PAGE_ROWS_MAX,
        };
        let answer = node.call(request, crate::Caller::InProcess, None).await?;
        let Reply::Jobs { jobs, cursor: next } = answer.reply else {
            return Ok(open);
        };
        let ended = |state| {
            matches!(
                state,
                JobState::Done | JobState::Failed | JobState::Cancelled
            )
        };
        let waits = jobs.into_iter().filter(|job| !ended(job.state));
        open.extend(waits.map(|job| (job.id, job.name)));
        if next.is_none() {
            return Ok(open);
        }
        cursor = next;
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::FolderUnusable,
        format!("this machine cannot join: {error}"),
    )
}
