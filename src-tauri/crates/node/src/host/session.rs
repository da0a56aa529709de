//! Sessions of people at this machine: its desktops and consoles, as logind
//! keeps them below `/run/systemd/sessions`.

use std::path::Path;

/// Where somebody may sit, and what shows whether they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// An X server's display.
    X11(String),
    Wayland,
    /// A terminal below `/dev`.
    Console(String),
}

/// What the environment says of the session that this program runs in.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    pub(super) display: Option<String>,
    pub(super) wayland: bool,
}

impl Surroundings {
    pub(super) fn of_process() -> Surroundings {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Surroundings {
            display: set("DISPLAY"),
            wayland: set("WAYLAND_DISPLAY").is_some(),
        }
    }
}

/// Desktops and consoles in front of which somebody may sit now; `run` is
/// `/run`. A session that is switched away from is not one of them.
pub(super) fn sessions(run: &Path, own: &Surroundings) -> Vec<Session> {
    let files = std::fs::read_dir(run.join("systemd/sessions"));
    let mut sessions: Vec<Session> = files
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| session(&std::fs::read_to_string(file.path()).ok()?))
        .collect();
    let desktop = |session: &Session| matches!(session, Session::X11(_) | Session::Wayland);
    // A desktop that logind does not know of: another init, or a server of one's own.
    if !sessions.iter().any(desktop) {
        if own.wayland {
            sessions.push(Session::Wayland);
        } else if let Some(display) = &own.display {
            sessions.push(Session::X11(display.clone()));
        }
    }
    sessions
}

fn session(text: &str) -> Option<Session> {
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .filter(|value| !value.is_empty())
    };
    if !value("CLASS")?.starts_with("user") || value("STATE") != Some("active") {
        return None;
    }
    match value("TYPE")? {
        "x11" => Some(Session::X11(
            value("DISPLAY").unwrap_or_default().to_owned(),
        )),
        "wayland" | "mir" => Some(Session::Wayland),
        // A terminal of the machine itself; those from elsewhere have no seat.
        "tty" if value("SEAT").is_some() => Some(Session::Console(value("TTY")?.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str], own: &Surroundings, expected: &[Session]) {
        let run = tempfile::tempdir().unwrap();
        let folder = run.path().join("systemd/sessions");
        std::fs::create_dir_all(&folder).unwrap();
        for (at, text) in files.iter().enumerate() {
            std::fs::write(folder.join(at.to_string()), text).unwrap();
        }
        assert_eq!(sessions(run.path(), own), expected, "{files:?}");
    }

    #[test]
    fn people_at_the_machine_are_seen_and_others_are_not() {
        let bare = Surroundings::default();
        let x11 =
            "UID=1000\nACTIVE=1\nSTATE=active\nTYPE=x11\nCLASS=user\nSEAT=seat0\nDISPLAY=:0\n";
        check(&[x11], &bare, &[Session::X11(":0".to_owned())]);
        let wayland = "STATE=active\nTYPE=wayland\nCLASS=user\nSEAT=seat0\n";
        check(&[wayland], &bare, &[Session::Wayland]);
        let console = "STATE=active\nTYPE=tty\nCLASS=user\nSEAT=seat0\nTTY=tty2\n";
        check(&[console], &bare, &[Session::Console("tty2".to_owned())]);
        let ssh = "STATE=active\nTYPE=tty\nCLASS=user\nREMOTE=1\nTTY=pts/0\n";
        let greeter = "STATE=active\nTYPE=wayland\nCLASS=greeter\nSEAT=seat0\n";
        let left = "STATE=online\nTYPE=x11\nCLASS=user\nSEAT=seat0\nDISPLAY=:0\n";
        let systemd = "STATE=active\nTYPE=unspecified\nCLASS=manager\n";
        check(&[ssh, greeter, left, systemd, "", "rubbish"], &bare, &[]);
    }

    #[test]
    fn a_desktop_that_logind_does_not_know_is_in_the_environment() {
        let x11 = Surroundings {
            display: Some(":7".to_owned()),
            wayland: false,
        };
        check(&[], &x11, &[Session::X11(":7".to_owned())]);
        let wayland = Surroundings {
            wayland: true,
            ..x11
        };
        check(&[], &wayland, &[Session::Wayland]);
        let known = "STATE=active\nTYPE=wayland\nCLASS=user\nSEAT=seat0\n";
        check(&[known], &wayland, &[Session::Wayland]);
    }
}
