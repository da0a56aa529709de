//! A node of the release binaries, for the benches that need one.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Killed when it is dropped, as by the power plug.
pub(crate) struct Node(Child);

impl Node {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// `skep` on the data folder of a bench.
pub(crate) fn skep<S: AsRef<OsStr>>(data: &Path, args: &[S]) -> Command {
    let binaries =
        PathBuf::from(std::env::var_os("SKEP_BENCH_BINARIES").expect("run by `cargo xtask bench`"));
    let mut command = Command::new(binaries.join("skep"));
    command.arg("--data").arg(data).args(args);
    command
}

/// Started, and ready when this returns.
pub(crate) fn start(data: &Path, args: &[&str]) -> Node {
    let mut child = skep(data, &["coordinator", "start"])
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("ready") {
        line.clear();
        assert_ne!(
            stderr.read_line(&mut line).unwrap(),
            0,
            "the node ended before it was ready"
        );
    }
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    Node(child)
}
