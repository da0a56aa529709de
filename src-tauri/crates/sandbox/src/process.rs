//! Child processes that never outlive the node: one thread spawns them all and
//! lives as long as anybody needs it, because the kernel kills a child when the
//! thread that started it ends; another takes the dead away.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    sync::mpsc,
    thread,
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::oneshot,
};

/// The two threads. Children die when the last clone is dropped, so whoever
/// holds a child holds this.
#[derive(Clone, Debug)]
pub(crate) struct Spawner {
    births: mpsc::Sender<Birth>,
    deaths: mpsc::Sender<Death>,
}

struct Birth {
    command: Command,
    answer: oneshot::Sender<io::Result<Child>>,
}

/// A killed child, and the folder that goes with it.
struct Death {
    child: Child,
    folder: Option<PathBuf>,
}

impl Spawner {
    pub(crate) fn start() -> io::Result<Spawner> {
        let (births, born) = mpsc::channel::<Birth>();
        let (deaths, dead) = mpsc::channel::<Death>();
        thread::Builder::new()
            .name("skep-spawner".to_owned())
            .spawn(move || {
                for mut birth in born {
                    // Nobody waits any more: the child is killed as it is dropped.
                    if let Err(Ok(mut child)) = birth.answer.send(birth.command.spawn()) {
                        end(&mut child);
                    }
                }
            })?;
        thread::Builder::new()
            .name("skep-reaper".to_owned())
            .spawn(move || {
                for mut death in dead {
                    end(&mut death.child);
                    if let Some(folder) = death.folder {
                        remove(&folder);
                    }
                }
            })?;
        Ok(Spawner { births, deaths })
    }

    /// Starts a child and tells it whose it is: it has itself killed when the
    /// spawning thread ends, and leaves at once where that has happened already.
    pub(crate) async fn spawn(&self, mut command: Command) -> io::Result<Process> {
        command.arg(format!("parent={}", std::process::id()));
        let (answer, child) = oneshot::channel();
        let gone = || io::Error::other("the spawning thread is gone");
        self.births
            .send(Birth { command, answer })
            .map_err(|_| gone())?;
        let child = child.await.map_err(|_| gone())??;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::NONBLOCK)?;
        // SAFETY: an OwnedFd is the same open descriptor until it is dropped.
        let exit = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE)? };
        Ok(Process {
            child: Some(child),
            exit,
            folder: None,
            spawner: self.clone(),
        })
    }
}

fn end(child: &mut Child) {
    // Fails only where it has ended already.
    drop(child.kill());
    if let Err(error) = child.wait() {
        tracing::warn!(%error, "a child could not be waited for");
    }
}

fn remove(folder: &PathBuf) {
    match std::fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, folder = %folder.display(), "a scratch folder stays"),
    }
}

/// A child; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    /// Here until it is dropped.
    child: Option<Child>,
    exit: AsyncFd<OwnedFd>,
    /// Removed when the child is gone.
    pub(crate) folder: Option<PathBuf>,
    spawner: Spawner,
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Stops or continues it. One that has ended takes no signal, and needs none.
    pub(crate) fn signal(&self, signal: Signal) {
        // Not reaped before it is dropped, so the id is still its own.
        let _gone = kill_process(Pid::from_child(self.child()), signal);
    }

    /// Waits for its end, without taking it away. Cancel safe.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            let mut guard = self.exit.readable().await?;
            let child = self.child.as_mut().expect("here until it is dropped");
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            guard.clear_ready();
        }
    }

    fn child(&self) -> &Child {
        self.child.as_ref().expect("here until it is dropped")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        drop(child.kill());
        let death = Death {
            child,
            folder: self.folder.take(),
        };
        if let Err(mpsc::SendError(mut death)) = self.spawner.deaths.send(death) {
            end(&mut death.child);
        }
    }
}

/// How a process ended, in words.
pub(crate) fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with {code}"),
        (None, Some(libc::SIGSYS)) => "it made a system call that its wall forbids".to_owned(),
        (None, Some(libc::SIGKILL)) => "it was killed".to_owned(),
        (None, Some(libc::SIGABRT)) => "it aborted".to_owned(),
        (None, Some(libc::SIGSEGV | libc::SIGBUS)) => {
            "it touched memory that is not its own".to_owned()
        }
        (None, signal) => format!("signal {} ended it", signal.unwrap_or(0)),
    }
}
