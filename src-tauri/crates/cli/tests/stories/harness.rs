//! A home for one story: a data folder, files, and the `skep` binary.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Far beyond what any command of a story takes, so that a hang becomes a
/// failure and a slow machine does not.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a story's machine is like: builds for development read it there.
pub(crate) const READINGS: &str = "readings.json";

pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Home {
        let dir = tempfile::Builder::new().prefix("skep-story-").tempdir();
        let home = Home { dir: dir.unwrap() };
        // A calm machine, whatever the one is like that the story runs on.
        home.file(READINGS, "{}");
        home
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file of the story and says where it is.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// `skep`, with this story's folders and nothing of the person who runs the tests.
    pub(crate) fn skep<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
        command
            .env_clear()
            .env("PATH", self.programs())
            .env("HOME", self.dir.path());
        if let Some(executor) = std::env::var_os("SKEP_EXECUTOR") {
            command.env("SKEP_EXECUTOR", executor);
        }
        command
            .env("SKEP_DATA", self.data())
            .env("SKEP_READINGS", self.path(READINGS))
            .current_dir(self.dir.path())
            .args(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Where programs are looked for: the story's own go first.
    fn programs(&self) -> std::ffi::OsString {
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    /// Runs it to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Outcome {
        finish(self.skep(args).spawn().unwrap())
    }

    /// Runs it with `--json` before everything else and reads the one document.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, args: &[S]) -> Value {
        let mut all: Vec<&OsStr> = vec![OsStr::new("--json")];
        all.extend(args.iter().map(AsRef::as_ref));
        let outcome = self.run(&all);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        serde_json::from_slice(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
    }

    /// `skep coordinator start`, once it has said `ready`. It listens on this
    /// machine only, at a port of its own.
    pub(crate) fn coordinator(&self, args: &[&str]) -> Node {
        let mut all = vec!["coordinator", "start", "--listen", "127.0.0.1:0"];
        all.extend(args);
        self.node(&all)
    }

    /// A node in the foreground, once it has said `ready`.
    pub(crate) fn node(&self, args: &[&str]) -> Node {
        let mut child = self.skep(args).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let ready = loop {
            let mut line = String::new();
            assert_ne!(
                stderr.read_line(&mut line).unwrap(),
                0,
                "the node ended before it was ready: {said}"
            );
            if line.starts_with("ready") {
                break line;
            }
            said.push_str(&line);
        };
        // Read on, or the node would block once the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Node {
            child: Some(child),
            ready,
        }
    }

    /// Files that should not be there when nothing runs.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.data(), &mut |path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".tmp") || name.starts_with(".tmp") {
                found.push(path.to_owned());
            }
        });
        found
    }
}

fn walk(dir: &Path, see: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, see);
        } else {
            see(&path);
        }
    }
}

/// A node in the foreground of another process.
pub(crate) struct Node {
    child: Option<Child>,
    /// The line by which it said that it answers.
    pub(crate) ready: String,
}

impl Node {
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `kill -9`, and wait until it is gone.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, as a service manager would; says how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        signal(child.id(), rustix::process::Signal::TERM);
        wait(&mut child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Outcome {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// It did what was asked.
    #[track_caller]
    pub(crate) fn done(self) -> Outcome {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It failed with this exit code and error code (asked with `--json`).
    #[track_caller]
    pub(crate) fn refused(&self, exit: i32, code: &str) {
        assert_eq!(self.code, Some(exit), "{self:?}");
        let line = self
            .stderr
            .lines()
            .find(|line| line.starts_with('{'))
            .unwrap_or_else(|| panic!("no JSON error: {self:?}"));
        let error: Value = serde_json::from_str(line).unwrap();
        assert_eq!(error["error"]["code"], code, "{self:?}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Waits for a child, and fails the story when it hangs.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            drop(child.kill());
            drop(child.wait());
            panic!("a command of the story hung for {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads both streams while it waits.
pub(crate) fn finish(mut child: Child) -> Outcome {
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let status = wait(&mut child);
    let bytes = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
        reader.map(|r| r.join().unwrap()).unwrap_or_default()
    };
    let stdout = bytes(stdout);
    let stderr = String::from_utf8_lossy(&bytes(stderr)).into_owned();
    Outcome {
        code: status.code(),
        stdout,
        stderr,
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Waits until `is` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ids of the processes whose parent is `pid`, as the system tells.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(child) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // "pid (name) state parent …": the name may hold anything but the last parenthesis.
        let Some((_, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        if rest
            .split_whitespace()
            .nth(1)
            .and_then(|parent| parent.parse().ok())
            == Some(pid)
        {
            found.push(child);
        }
    }
    found
}

pub(crate) fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}
