//! How a command reaches the pool: as a client of the node that runs, as the
//! node itself where none does, or by reading what the last one left.

use crate::context::Context;
use api::{Error, ErrorCode, ModuleRef, Reply, Request};
use node::door::{Client, ConnectError};
use node::{Answer, Caller, Node, Offline, Options, Place, Upload};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long another process may hold the data folder without answering: it
/// starts or ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(30);
/// What a node that a command started gives others' tasks when it ends.
const DRAIN: Duration = Duration::from_secs(1);

/// The way in.
pub(crate) enum Door {
    Client(Client),
    Own(Own),
    /// No node runs; this is what the last one left.
    Left(Offline),
    /// No node ever ran here.
    New,
}

/// A node in this process.
pub(crate) struct Own {
    pub(crate) node: Node,
    /// Lets others in; aborted, it takes the socket away.
    serving: Option<JoinHandle<()>>,
}

/// The node that a command starts where none runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) work: bool,
    pub(crate) cores: Option<u32>,
    pub(crate) without_os_wall: bool,
    /// Works only for jobs that somebody follows.
    pub(crate) living_only: bool,
    /// Other processes come in too.
    pub(crate) serve: bool,
    /// Where other machines come in; nowhere by itself.
    pub(crate) listen: Option<Place>,
}

impl Start {
    /// Takes the folder for one change, and runs nothing.
    const CHANGE: Start = Start {
        work: false,
        cores: None,
        without_os_wall: false,
        living_only: true,
        serve: false,
        listen: None,
    };

    pub(crate) fn run(without_os_wall: bool) -> Start {
        Start {
            work: true,
            cores: None,
            without_os_wall,
            living_only: true,
            serve: true,
            listen: None,
        }
    }
}

/// For commands that only read.
pub(crate) async fn to_read(context: &Context) -> Result<Door, Error> {
    if let Some(client) = connect(context).await? {
        return Ok(Door::Client(client));
    }
    match Offline::open(&context.folders).await {
        Ok(left) => Ok(Door::Left(left)),
        Err(error) if error.code == ErrorCode::NoNode => Ok(Door::New),
        Err(error) => Err(error),
    }
}

/// For commands that need a node that stays.
pub(crate) async fn to_node(context: &Context) -> Result<Door, Error> {
    match connect(context).await? {
        Some(client) => Ok(Door::Client(client)),
        None => Err(no_node()),
    }
}

/// No node runs, and this command needs one that stays.
pub(crate) fn no_node() -> Error {
    ConnectError::Nobody.into()
}

/// For commands that change something at once.
pub(crate) async fn to_change(context: &Context) -> Result<Door, Error> {
    to_node_or_start(context, Start::CHANGE).await
}

/// The node that runs, or one that is started here.
pub(crate) async fn to_node_or_start(context: &Context, start: Start) -> Result<Door, Error> {
    let begun = Instant::now();
    loop {
        if let Some(client) = connect(context).await? {
            return Ok(Door::Client(client));
        }
        match Own::start(context, start).await {
            Ok(own) => return Ok(Door::Own(own)),
            Err(error) if error.code == ErrorCode::DataInUse && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn connect(context: &Context) -> Result<Option<Client>, Error> {
    match Client::connect(&context.folders.socket).await {
        Ok(client) => Ok(Some(client)),
        Err(ConnectError::Nobody) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Own {
    pub(crate) async fn start(context: &Context, start: Start) -> Result<Own, Error> {
        let settings = context.settings()?;
        context.folders.make()?;
        context.start_journal(&settings, false)?;
        let node = Node::start(Options {
            folders: context.folders.clone(),
            settings: settings.clone(),
            work: start.work,
            cores: start.cores,
            without_os_wall: start.without_os_wall,
            living_only: start.living_only,
            listen: start.listen,
        })
        .await?;
        if let Err(error) = settings.keep_last_good() {
            context.output.warning(error);
        }
        let serving = if start.serve {
            match node::door::Door::open(&context.folders.socket).await {
                Ok(door) => {
                    let desk = node.clone();
                    Some(tokio::spawn(async move { door.serve(desk).await }))
                }
                Err(error) => {
                    node.stop(Duration::ZERO).await;
                    return Err(error.into());
                }
            }
        } else {
            None
        };
        Ok(Own { node, serving })
    }

    pub(crate) async fn stop(self, drain: Duration) {
        self.node.stop(drain).await;
        if let Some(serving) = self.serving {
            serving.abort();
            // Only so that the socket is gone when this returns.
            drop(serving.await);
        }
    }
}

impl Door {
    pub(crate) async fn call(
        &self,
        request: Request,
        upload: Option<Upload>,
    ) -> Result<Answer, Error> {
        match self {
            Door::Client(client) => client.call(request, upload).await,
            Door::Own(own) => own.node.call(request, Caller::InProcess, upload).await,
            Door::Left(left) => left.call(request).await,
            Door::New => nothing_yet(&request),
        }
    }

    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Error> {
        Ok(self.call(request, None).await?.reply)
    }

    /// Whether a node answers.
    pub(crate) fn is_node(&self) -> bool {
        match self {
            Door::Client(_) | Door::Own(_) => true,
            Door::Left(_) | Door::New => false,
        }
    }

    /// Ends the node, where it is ours.
    pub(crate) async fn leave(self) {
        if let Door::Own(own) = self {
            own.stop(DRAIN).await;
        }
    }
}

/// What a pool that was never used answers.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what has no empty answer needs a node, whatever it is"
)]
fn nothing_yet(request: &Request) -> Result<Answer, Error> {
    match request {
        Request::Jobs { .. } => Ok(Reply::Jobs {
            jobs: Vec::new(),
            cursor: None,
        }
        .into()),
        Request::Machines => Ok(Reply::Machines {
            machines: Vec::new(),
        }
        .into()),
        Request::Modules => Ok(Reply::Modules {
            modules: node::samples(),
        }
        .into()),
        Request::Inspect {
            module: ModuleRef::Name { name },
        } => Ok(Reply::Card(Box::new(node::inspect_sample(name)?)).into()),
        Request::Job { job }
        | Request::Tasks { job, .. }
        | Request::Task { job, .. }
        | Request::Results { job, .. }
        | Request::Read { job, .. } => Err(Error::new(
            ErrorCode::NoSuchJob,
            format!("there is no job '{job}': none was ever submitted here"),
        )),
        Request::Pool | Request::Devices | Request::Invites => Err(Error::new(
            ErrorCode::NoNode,
            "no node ever ran here, so there is no pool yet",
        )
        .hint("skep pool create NAME makes one, skep pool join CODE joins another machine's")),
        Request::Machine { machine } => Err(Error::new(
            ErrorCode::NoSuchMachine,
            format!("there is no machine '{machine}': no node ever ran here"),
        )),
        _ => Err(no_node()),
    }
}
