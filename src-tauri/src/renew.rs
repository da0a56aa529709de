//! What a window leaves behind in the process that showed it is several times
//! what the tray and the node need: the web engine's libraries, caches and its
//! helper. Once its page is gone and nothing runs, the process becomes a new
//! one of its own, in the tray, within a fraction of a second.

use crate::App;
use crate::launch::Launch;
use crate::sight::{Node, Seen};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tauri::{AppHandle, Manager};
use tauri_plugin_window_state::AppHandleExt;

/// The program and the words by which it starts anew.
#[derive(Debug)]
pub(crate) struct Again {
    program: PathBuf,
    words: Vec<OsString>,
}

impl Again {
    /// In the tray, for the same pool.
    pub(crate) fn of(launch: &Launch) -> std::io::Result<Again> {
        let mut words: Vec<OsString> = vec!["--hidden".into()];
        if launch.safe_graphics {
            words.push("--safe-graphics".into());
        }
        if let Some(data) = &launch.place.data {
            words.extend(["--data".into(), std::path::absolute(data)?.into()]);
        }
        if let Some(profile) = &launch.place.profile {
            words.extend(["--profile".into(), profile.into()]);
        }
        Ok(Again {
            program: std::env::current_exe()?,
            words,
        })
    }
}

/// Whether nobody would notice.
fn rests(seen: &Seen) -> bool {
    let open = seen.jobs.iter().any(|job| job.ended_ms.is_none());
    match seen.node {
        Node::Here => seen.tasks_running == 0 && !open,
        Node::There => true,
        Node::Starting | Node::Gone => false,
    }
}

/// Becomes a new process as soon as nothing runs here, unless the window is
/// wanted before.
pub(crate) async fn when_at_rest(handle: &AppHandle) {
    let app = handle.state::<App>();
    let mut visible = app.page.visible();
    let mut seen = app.seen.subscribe();
    let rest = seen.wait_for(rests);
    tokio::select! {
        biased;
        _ = visible.wait_for(|visible| *visible) => return,
        rest = rest => if rest.is_err() { return },
    }
    // One that was replaced or removed meanwhile goes on as it is.
    if !app.again.program.is_file() || app.quitting.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Err(error) = handle.save_window_state(crate::kept_of_the_window()) {
        tracing::warn!(%error, "where the window was is not kept");
    }
    app.reach.end(Duration::ZERO).await;
    tauri_plugin_single_instance::destroy(handle);
    let error = Command::new(&app.again.program)
        .args(&app.again.words)
        .exec();
    tracing::error!(%error, "the app could not be started anew");
    handle.exit(1);
}

/// Waits for what the process before this one started and left to it: the web
/// engine's helper, which ends when it hears nobody any more.
pub(crate) fn reap_what_was_left() {
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    for child in children.split_whitespace() {
        let Some(pid) = child.parse().ok().and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        std::thread::spawn(move || {
            let options = rustix::process::WaitOptions::empty();
            // Nobody else waits for it, and how it ended is nobody's matter.
            let _ = rustix::process::waitpid(Some(pid), options);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Again, rests};
    use crate::launch::Launch;
    use crate::sight::{Node, Seen};
    use node::folders::Place;

    #[test]
    fn it_goes_on_while_somebody_would_notice() {
        let seen = |node, tasks_running| Seen {
            node,
            tasks_running,
            ..Seen::default()
        };
        assert!(rests(&seen(Node::Here, 0)));
        assert!(!rests(&seen(Node::Here, 1)));
        assert!(rests(&seen(Node::There, 1)), "they run elsewhere");
        assert!(!rests(&seen(Node::Starting, 0)));
        assert!(!rests(&seen(Node::Gone, 0)));
    }

    #[test]
    fn it_starts_anew_for_the_same_pool_and_without_files() {
        let launch = Launch {
            place: Place {
                data: Some("/srv/pool".into()),
                profile: Some("night".to_owned()),
            },
            files: vec!["/tmp/a.wasm".into()],
            hidden: false,
            safe_graphics: true,
        };
        assert_eq!(
            Again::of(&launch).unwrap().words,
            [
                "--hidden",
                "--safe-graphics",
                "--data",
                "/srv/pool",
                "--profile",
                "night"
            ]
        );
        assert_eq!(Again::of(&Launch::default()).unwrap().words, ["--hidden"]);
    }
}
