//! How long ago somebody last touched this machine, asked of whatever shows
//! the session they sit in.

use super::desktop::Desktop;
use super::session::{Session, Surroundings, sessions};
use pool::policy::Presence;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use x11rb::connection::Connection;
use x11rb::protocol::screensaver::ConnectionExt;
use x11rb::rust_connection::RustConnection;

/// The people at this machine. Its questions may block, and are asked on a
/// thread that may.
#[derive(Debug)]
pub(super) struct Seat {
    run: PathBuf,
    dev: PathBuf,
    surroundings: Surroundings,
    sessions: Vec<Session>,
    displays: BTreeMap<String, Display>,
    desktop: Desktop,
    /// Who was asked last, for people; empty where nobody can sit here.
    asked: String,
}

/// A connection to an X server.
struct Display {
    server: RustConnection,
    root: u32,
}

impl Seat {
    pub(super) fn of_machine() -> Seat {
        Seat {
            run: "/run".into(),
            dev: "/dev".into(),
            surroundings: Surroundings::of_process(),
            sessions: Vec::new(),
            displays: BTreeMap::new(),
            desktop: Desktop::default(),
            asked: String::new(),
        }
    }

    /// Looks again who has a session.
    pub(super) fn look(&mut self) {
        self.sessions = sessions(&self.run, &self.surroundings);
    }

    /// The shortest of all sessions; unknown where one of them is.
    pub(super) fn presence(&mut self) -> Presence {
        let mut presence = Presence::Nobody;
        let mut asked = Vec::new();
        for session in self.sessions.clone() {
            let (idle, whom) = match session {
                Session::X11(display) => self.x11(&display),
                Session::Wayland => told(self.desktop.idle(), "the desktop"),
                Session::Console(terminal) => {
                    let idle = last_input(&self.dev.join(&terminal));
                    (idle, format!("the terminal {terminal}"))
                }
            };
            asked.push(match idle {
                Some(_) => whom,
                None => format!("{whom}, which does not say"),
            });
            presence = match (presence, idle) {
                (Presence::Unknown, _) | (_, None) => Presence::Unknown,
                (Presence::Nobody, Some(idle)) => Presence::Idle(idle),
                (Presence::Idle(other), Some(idle)) => Presence::Idle(idle.min(other)),
            };
        }
        self.asked = asked.join(" and ");
        presence
    }

    /// Whom [`Seat::presence`] asked last; empty where nobody can sit here.
    pub(super) fn asked(&self) -> &str {
        &self.asked
    }

    /// A desktop that keeps its server to itself may still answer on the bus.
    fn x11(&mut self, name: &str) -> (Option<Duration>, String) {
        let name = match (name, &self.surroundings.display) {
            ("", Some(display)) => display.clone(),
            (name, _) => name.to_owned(),
        };
        let server = format!("the X server {name}");
        if !self.displays.contains_key(&name)
            && let Some(display) = Display::open(&name)
        {
            self.displays.insert(name.clone(), display);
        }
        match self.displays.get(&name).map(Display::idle) {
            Some(Some(idle)) => (Some(idle), server),
            Some(None) => {
                // It is gone, or does not say; it is asked anew next time.
                self.displays.remove(&name);
                (None, server)
            }
            None => told(self.desktop.idle(), &server),
        }
    }
}

/// What was answered and by whom, else who should have.
fn told(answer: Option<(Duration, &str)>, asked: &str) -> (Option<Duration>, String) {
    match answer {
        Some((idle, whom)) => (Some(idle), whom.to_owned()),
        None => (None, asked.to_owned()),
    }
}

impl Display {
    fn open(name: &str) -> Option<Display> {
        let (server, screen) = x11rb::connect(Some(name)).ok()?;
        let root = server.setup().roots.get(screen)?.root;
        Some(Display { server, root })
    }

    fn idle(&self) -> Option<Duration> {
        let asked = self.server.screensaver_query_info(self.root).ok()?;
        let info = asked.reply().ok()?;
        Some(Duration::from_millis(u64::from(info.ms_since_user_input)))
    }
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Display")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// The kernel notes when a terminal was last read from, to about eight seconds.
fn last_input(terminal: &Path) -> Option<Duration> {
    let accessed = std::fs::metadata(terminal).ok()?.accessed().ok()?;
    // A clock that was set back makes it just now.
    Some(
        SystemTime::now()
            .duration_since(accessed)
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_idle_since_it_was_last_read_from() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("systemd/sessions");
        std::fs::create_dir_all(&folder).unwrap();
        let console = "STATE=active\nTYPE=tty\nCLASS=user\nSEAT=seat0\nTTY=tty2\n";
        std::fs::write(folder.join("1"), console).unwrap();
        let mut seat = Seat {
            run: dir.path().to_owned(),
            dev: dir.path().to_owned(),
            surroundings: Surroundings::default(),
            ..Seat::of_machine()
        };
        assert_eq!(seat.presence(), Presence::Nobody);
        seat.look();
        assert_eq!(seat.presence(), Presence::Unknown);
        assert_eq!(seat.asked(), "the terminal tty2, which does not say");
        let terminal = std::fs::File::create(dir.path().join("tty2")).unwrap();
        let hour = Duration::from_secs(3600);
        let then = std::fs::FileTimes::new().set_accessed(SystemTime::now() - hour);
        terminal.set_times(then).unwrap();
        let Presence::Idle(idle) = seat.presence() else {
            panic!("{:?}", seat.presence())
        };
        assert!(idle >= hour && idle < hour * 2, "{idle:?}");
        assert_eq!(seat.asked(), "the terminal tty2");
        std::fs::remove_dir_all(folder).unwrap();
        seat.look();
        assert_eq!(seat.presence(), Presence::Nobody);
    }

    #[test]
    fn a_display_that_does_not_answer_is_unknown() {
        let mut seat = Seat {
            sessions: vec![Session::X11(":4711".to_owned())],
            ..Seat::of_machine()
        };
        assert_eq!(seat.presence(), Presence::Unknown);
        assert_eq!(seat.asked(), "the X server :4711, which does not say");
    }
}
