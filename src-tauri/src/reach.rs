//! The way to the node: in this process where none runs yet, else over the
//! local socket to the one that runs; and when that ends, this process takes
//! over. The window is a client of the one door either way.

use api::{Error, ErrorCode, Request};
use node::door::{Client, ConnectError, Door};
use node::{Answer, Caller, Folders, Node, Options, Settings, Upload, joining, journal};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Before a node that could not be reached or started is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// While another process that starts or ends holds the data folder.
const HELD_TRY_AGAIN: Duration = Duration::from_millis(50);
/// What waits for the node's thread: someone who quits, and quits again.
const ENDS_WAITING: usize = 4;

/// Where the node is.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Starting,
    Here(Arc<Here>),
    There(Client),
    /// Why not; it is tried again.
    Gone(Error),
}

/// A node in this process, and the door by which others come in.
#[derive(Debug)]
pub(crate) struct Here {
    node: Node,
    serving: JoinHandle<()>,
    /// What people should know of its start: a settings file that is bad.
    pub(crate) notice: Option<String>,
}

/// A handle to the thread that keeps a way to the node.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    runtime: Handle,
    way: watch::Receiver<Way>,
    ends: mpsc::Sender<Duration>,
}

impl Reach {
    /// Starts the node's own thread. The node needs one, and gets none of the
    /// threads that draw.
    pub(crate) fn start(folders: Folders) -> std::io::Result<Reach> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (says, way) = watch::channel(Way::Starting);
        let (ends, ended) = mpsc::channel(ENDS_WAITING);
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("node".to_owned())
            .spawn(move || {
                runtime.block_on(live(&folders, &says, ended));
                // The door takes its socket away before anybody hears of the end.
                drop(runtime);
                drop(says);
            })?;
        Ok(Reach {
            runtime: handle,
            way,
            ends,
        })
    }

    /// Asks the node, wherever it is.
    pub(crate) async fn call(
        &self,
        request: Request,
        upload: Option<Upload>,
    ) -> Result<Answer, Error> {
        let mut way = self.way.clone();
        let settled = way.wait_for(|way| !matches!(way, Way::Starting)).await;
        let way = settled.map_err(|_| ending())?.clone();
        // On the node's thread: what it leaves running must not end with the window's.
        let answer = match way {
            Way::Here(here) => self
                .runtime
                .spawn(async move { here.node.call(request, Caller::InProcess, upload).await }),
            Way::There(client) => self
                .runtime
                .spawn(async move { client.call(request, upload).await }),
            Way::Gone(error) => return Err(error),
            Way::Starting => return Err(ending()),
        };
        answer.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Where the node is, now and from now on.
    pub(crate) fn way(&self) -> watch::Receiver<Way> {
        self.way.clone()
    }

    /// For what must go on without a window.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Ends the node, where it is in this process: what runs gets `drain` to
    /// end, and the rest goes back. A second, shorter end overtakes the first.
    pub(crate) async fn end(&self, drain: Duration) {
        // A thread that is gone has ended.
        let _ = self.ends.send(drain).await;
        let mut way = self.way.clone();
        while way.changed().await.is_ok() {}
    }
}

async fn live(folders: &Folders, says: &watch::Sender<Way>, mut ended: mpsc::Receiver<Duration>) {
    let drain = tokio::select! {
        () = keep(folders, says) => return,
        drain = ended.recv() => drain.unwrap_or_default(),
    };
    let way = says.borrow().clone();
    if let Way::Here(here) = way {
        tokio::select! {
            () = here.node.stop(drain) => {}
            shorter = ended.recv() => here.node.stop(shorter.unwrap_or_default()).await,
        }
        here.serving.abort();
    }
}

/// Finds a node, waits for its end, and finds another.
async fn keep(folders: &Folders, says: &watch::Sender<Way>) {
    loop {
        let way = arrive(folders).await.unwrap_or_else(Way::Gone);
        says.send_replace(way.clone());
        match way {
            Way::Here(here) => {
                here.node.stopped().await;
                here.serving.abort();
                says.send_replace(Way::Gone(
                    Error::new(ErrorCode::Internal, "the node ended by itself")
                        .hint("it is started again; the log says why it ended"),
                ));
                tokio::time::sleep(TRY_AGAIN).await;
            }
            Way::There(client) => {
                client.gone().await;
                says.send_replace(Way::Starting);
            }
            Way::Gone(_) | Way::Starting => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
}

async fn arrive(folders: &Folders) -> Result<Way, Error> {
    loop {
        match Client::connect(&folders.socket).await {
            Ok(client) => return Ok(Way::There(client)),
            Err(ConnectError::Nobody) => {}
            Err(error) => return Err(error.into()),
        }
        match start(folders).await {
            Ok(here) => return Ok(Way::Here(Arc::new(here))),
            // Whoever holds the folder opens its door soon, or has just closed it.
            Err(error) if error.code == ErrorCode::DataInUse => {
                tokio::time::sleep(HELD_TRY_AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn start(folders: &Folders) -> Result<Here, Error> {
    folders.make()?;
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (settings, wrong) = Settings::load_or_last_good(&folders.config, environment)?;
    journal::start(&journal::Options {
        logs: folders.logs.clone(),
        level: settings.log_level,
        directives: std::env::var("SKEP_LOG")
            .ok()
            .filter(|text| !text.is_empty()),
        stderr: false,
    })?;
    // A pool of one is nobody else's business.
    let listen = settings.listen.filter(|_| joining::is_shared(folders));
    let node = Node::start(Options {
        folders: folders.clone(),
        settings,
        listen,
        work: true,
        cores: None,
        without_os_wall: false,
        living_only: false,
    })
    .await?;
    let door = match Door::open(&folders.socket).await {
        Ok(door) => door,
        Err(error) => {
            node.stop(Duration::ZERO).await;
            return Err(error.into());
        }
    };
    let desk = node.clone();
    Ok(Here {
        node,
        serving: tokio::spawn(async move { door.serve(desk).await }),
        notice: wrong.map(|wrong| format!("{wrong}. The last good settings are in force.")),
    })
}

fn ending() -> Error {
    Error::new(ErrorCode::Stopping, "Skep is closing")
}
