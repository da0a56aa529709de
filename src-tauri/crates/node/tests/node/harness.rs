//! A node in a folder of its own.

use api::{
    Error, Event, JobState, JobView, Limits, ModuleRef, Reply, Request, ResultEntry, Split, Submit,
};
use bytes::Bytes;
use node::{Answer, Caller, Folders, Node, Options, Settings, Then};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Far beyond what anything here takes, so that a hang becomes a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Pool {
    pub(crate) node: Node,
    pub(crate) dir: TempDir,
}

impl Pool {
    pub(crate) async fn new() -> Pool {
        let dir = tempfile::tempdir().unwrap();
        let node = start(dir.path(), &[]).await.unwrap();
        Pool { node, dir }
    }

    /// Stops the node and starts another one in the same folder.
    pub(crate) async fn restart(self) -> Pool {
        self.node.stop(Duration::from_secs(5)).await;
        let node = start(self.dir.path(), &[]).await.unwrap();
        Pool {
            node,
            dir: self.dir,
        }
    }

    pub(crate) async fn call(&self, request: Request) -> Result<Reply, Error> {
        Ok(self.answer(request).await?.reply)
    }

    pub(crate) async fn answer(&self, request: Request) -> Result<Answer, Error> {
        timeout(PATIENCE, self.node.call(request, Caller::InProcess, None))
            .await
            .expect("an answer in time")
    }

    pub(crate) async fn upload(&self, bytes: impl Into<Bytes>) -> String {
        let (to, upload) = mpsc::channel(4);
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        let send = async move {
            to.send(bytes).await.unwrap();
        };
        let call = self.node.call(
            Request::Upload {
                bytes: Some(length),
            },
            Caller::InProcess,
            Some(upload),
        );
        let (_, answer) = tokio::join!(send, call);
        match answer.unwrap().reply {
            Reply::Blob { blob, bytes } => {
                assert_eq!(bytes, length);
                blob
            }
            other => panic!("{other:?}"),
        }
    }

    /// A job of one task of this program.
    pub(crate) async fn program(&self, wat: &str) -> Submit {
        Submit {
            client_id: client_id(),
            module: ModuleRef::Blob {
                blob: self.upload(wat.to_owned()).await,
            },
            module_name: "program.wasm".to_owned(),
            name: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            invoke: None,
            on: Vec::new(),
            params: BTreeMap::new(),
            split: Split::Once,
            stdin: None,
            files: Vec::new(),
            fold: None,
            limits: Limits::default(),
            priority: 0,
            timeout_ms: None,
            chunk: None,
            trial: false,
            transient: false,
            collect: false,
        }
    }

    pub(crate) async fn submit(&self, submit: Submit) -> String {
        match self.call(Request::Submit(Box::new(submit))).await.unwrap() {
            Reply::Submitted { job, .. } => job,
            other => panic!("{other:?}"),
        }
    }

    /// Submits and follows to the end.
    pub(crate) async fn run(&self, submit: Submit) -> Ran {
        let job = self.submit(submit).await;
        self.follow(&job).await.end().await
    }

    pub(crate) async fn follow(&self, job: &str) -> Followed {
        let answer = self
            .answer(Request::Follow {
                job: job.to_owned(),
                output: true,
            })
            .await
            .unwrap();
        assert_eq!(answer.reply, Reply::Following);
        let Then::Events(events, end) = answer.then else {
            panic!("{:?}", answer.then)
        };
        Followed { events, end }
    }

    pub(crate) async fn job(&self, job: &str) -> JobView {
        match self
            .call(Request::Job {
                job: job.to_owned(),
            })
            .await
            .unwrap()
        {
            Reply::Job(job) => *job,
            other => panic!("{other:?}"),
        }
    }

    /// Every result, page by page, and the folded one.
    pub(crate) async fn results(&self, job: &str) -> (Vec<ResultEntry>, Option<ResultEntry>) {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let request = Request::Results {
                job: job.to_owned(),
                from,
                limit: 1000,
            };
            let Reply::Results {
                results,
                next,
                folded,
            } = self.call(request).await.unwrap()
            else {
                panic!()
            };
            all.extend(results);
            match next {
                Some(next) => from = next,
                None => return (all, folded.map(|folded| *folded)),
            }
        }
    }

    pub(crate) async fn texts(&self, job: &str) -> Vec<String> {
        self.results(job)
            .await
            .0
            .into_iter()
            .map(|entry| entry.text.expect("text"))
            .collect()
    }

    pub(crate) async fn read(
        &self,
        job: &str,
        index: u32,
        what: api::BytesOf,
    ) -> Result<Vec<u8>, Error> {
        let answer = self
            .answer(Request::Read {
                job: job.to_owned(),
                index,
                what,
            })
            .await?;
        let (Reply::Bytes { bytes }, Then::Bytes(mut pieces)) = (answer.reply, answer.then) else {
            panic!()
        };
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece?);
        }
        assert_eq!(all.len() as u64, bytes);
        Ok(all)
    }
}

/// A job that somebody follows.
pub(crate) struct Followed {
    pub(crate) events: mpsc::Receiver<Event>,
    end: oneshot::Receiver<Reply>,
}

/// What was seen of a job.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) job: JobView,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

impl Followed {
    /// The next event, with patience.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
    }

    pub(crate) async fn end(mut self) -> Ran {
        let (mut stdout, mut stderr, mut events) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(event) = self.next().await {
            if let Event::Output { stream, base64 } = &event {
                let to = if stream == "stdout" {
                    &mut stdout
                } else {
                    &mut stderr
                };
                to.extend(data_encoding::BASE64.decode(base64.as_bytes()).unwrap());
            }
            events.push(event);
        }
        match self.end.await.expect("a last reply") {
            Reply::Job(job) => Ran {
                job: *job,
                stdout,
                stderr,
                events,
            },
            other => panic!("{other:?}"),
        }
    }
}

impl Ran {
    pub(crate) fn done(self) -> Ran {
        assert_eq!(self.job.state, JobState::Done, "{self:?}");
        self
    }
}

pub(crate) fn folders(dir: &Path) -> Folders {
    Folders {
        data: dir.join("data"),
        cache: dir.join("cache"),
        config: dir.join("config.toml"),
        logs: dir.join("logs"),
        socket: dir.join("control.sock"),
    }
}

/// Whatever the machine is like that the tests run on, nothing stands against
/// working but what a test brings about.
const CALM: [(&str, &str); 3] = [
    ("contribute.when_in_use", "always"),
    ("contribute.on_battery", "work"),
    ("contribute.temperature_limit_c", "off"),
];

pub(crate) async fn start(dir: &Path, settings: &[(&str, &str)]) -> Result<Node, Error> {
    Node::start(options(dir, settings)).await
}

pub(crate) fn options(dir: &Path, settings: &[(&str, &str)]) -> Options {
    let folders = folders(dir);
    let flags = CALM
        .iter()
        .chain(settings)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let settings = Settings::load(&folders.config, [], flags).unwrap();
    Options {
        folders,
        settings,
        work: true,
        cores: Some(2),
        without_os_wall: false,
        living_only: false,
        listen: None,
    }
}

pub(crate) fn client_id() -> String {
    let mut id = [0; 16];
    getrandom::fill(&mut id).unwrap();
    data_encoding::HEXLOWER.encode(&id)
}
