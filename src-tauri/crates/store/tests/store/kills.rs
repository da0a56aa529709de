//! A process that is killed loses nothing that it was told is kept.
//!
//! Each test starts itself again as the process that is killed; the variable
//! tells the two apart.

use crate::fixture::{Chance, bytes, close, commit, open, read_all};
use std::env;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use store::{Past, Store};
use tempfile::tempdir;

const FOLDER: &str = "SKEP_STORE_TEST_FOLDER";

/// This test program, running only the named test, with the variable set.
pub(crate) fn itself(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The folder to work in, where this is the process that was started so.
pub(crate) fn given_folder() -> Option<std::path::PathBuf> {
    env::var_os(FOLDER).map(Into::into)
}

/// Commits and keeps blobs for ever, saying what is done.
async fn work(dir: &Path) {
    let mut store = open(dir).await;
    let mut last = read_all(&store.reader).await.expect("read");
    say("open");
    loop {
        last += 1;
        store.blobs.put(bytes(last, 2000)).await.expect("put");
        store.writer.commit(&commit(last)).await.expect("commit");
        say(&last.to_string());
        // Often, so that kills also meet a checkpoint.
        store.writer.maintain().await.expect("maintain");
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said {what}")
        .and_then(|()| out.flush())
        .expect("somebody listens");
}

/// Kills the child after it has said `lines` lines and some time more. Returns
/// the last number that it said.
fn kill_after(mut child: Child, lines: usize, then: Duration) -> u64 {
    let mut out = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut said = |limit| {
        let numbers = out.by_ref().map_while(Result::ok);
        let said =
            numbers.filter_map(|line| line.split_once("said ").map(|(_, what)| what.to_owned()));
        said.take(limit)
            .filter_map(|what| what.parse::<u64>().ok())
            .last()
    };
    let before = said(lines);
    sleep(then);
    child.kill().expect("kill");
    child.wait().expect("wait");
    let after = said(usize::MAX);
    after.or(before).unwrap_or(0)
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    if let Some(dir) = given_folder() {
        return work(&dir).await;
    }
    let dir = tempdir().expect("tempdir");
    let mut chance = Chance(3);
    let (mut last, mut unsaid) = (0, 0);
    for round in 0..40 {
        let test = "kills::what_was_acknowledged_survives_a_kill";
        let child = itself(test, dir.path()).spawn().expect("start");
        let pause = Duration::from_micros(chance.below(1500) as u64);
        let acknowledged = kill_after(child, 2 + chance.below(25), pause).max(last);
        let store = open(dir.path()).await;
        assert_eq!(store.past, Past::Killed, "round {round}");
        last = read_all(&store.reader).await.expect("whole");
        assert!(
            (acknowledged..=acknowledged + 1).contains(&last),
            "round {round}: {acknowledged} acknowledged, {last} there"
        );
        unsaid += last - acknowledged;
        for n in 1..=last {
            let digest = *blake3::hash(&bytes(n, 2000)).as_bytes();
            store
                .blobs
                .get(&digest)
                .await
                .expect("a blob that was kept");
        }
        assert!(
            !dir.path().join("blobs/tmp").exists(),
            "nothing half written is left"
        );
        close(store).await;
    }
    println!("{last} commits, {unsaid} of them on disk before they were acknowledged");
    assert!(last > 40, "the children worked");
}

#[tokio::test]
async fn a_store_that_was_killed_while_being_made_is_made_again() {
    if let Some(dir) = given_folder() {
        let Store { writer, reader, .. } = open(&dir).await;
        say("open");
        drop((writer, reader));
        return;
    }
    let mut chance = Chance(8);
    let mut news = 0;
    for round in 0..60 {
        let dir = tempdir().expect("tempdir");
        let test = "kills::a_store_that_was_killed_while_being_made_is_made_again";
        let child = itself(test, dir.path()).spawn().expect("start");
        // Every second one while it leaves without having closed.
        let (lines, pause) = match round % 2 {
            0 => (0, chance.below(60_000)),
            _ => (1, chance.below(1500)),
        };
        kill_after(child, lines, Duration::from_micros(pause as u64));
        let mut store = open(dir.path()).await;
        let past = store.past;
        assert!(
            matches!(past, Past::New | Past::Killed | Past::Closed),
            "round {round}: {past:?}"
        );
        news += usize::from(past == Past::New);
        store.writer.commit(&commit(1)).await.expect("commit");
        assert_eq!(read_all(&store.reader).await.expect("read"), 1);
        close(store).await;
    }
    println!("{news} of 60 were not yet made");
}
