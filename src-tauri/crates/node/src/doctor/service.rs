//! The unit of the person's own systemd that keeps a node running, as the
//! package without a window installs it: whether it is switched on, runs, and
//! goes on when nobody is logged in. Read from the files that systemd keeps,
//! so that no bus is needed to tell that there is none.

use super::{good, note};
use api::Check;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const UNIT: &str = "skep.service";
/// What starts with a person's systemd.
const WANTED: &str = "default.target.wants";
/// Where units of persons lie, beside their own folder.
const UNIT_FOLDERS: &[&str] = &[
    "etc/systemd/user",
    "usr/local/lib/systemd/user",
    "usr/lib/systemd/user",
];

/// Whose service it is.
#[derive(Debug)]
struct Person {
    uid: u32,
    name: OsString,
    /// Their settings, from the root.
    config: PathBuf,
}

/// Of the person who asks; nothing where no unit is installed or systemd does
/// not run.
pub(super) fn check() -> Option<Check> {
    let name = ["USER", "LOGNAME"].into_iter().find_map(std::env::var_os)?;
    let person = Person {
        uid: rustix::process::getuid().as_raw(),
        name,
        config: directories::BaseDirs::new()?.config_dir().to_owned(),
    };
    of(&root(), &person)
}

fn of(root: &Path, person: &Person) -> Option<Check> {
    // A link of systemd's counts even where what it points at cannot be seen.
    let is_there = |path: &Path| root.join(path).symlink_metadata().is_ok();
    let own = person.config.strip_prefix("/").unwrap_or(&person.config);
    let own = own.join("systemd/user");
    let units = || UNIT_FOLDERS.iter().map(Path::new).chain([own.as_path()]);
    let installed = units().any(|folder| is_there(&folder.join(UNIT)));
    if !installed || !is_there(Path::new("run/systemd/system")) {
        return None;
    }
    let on = units().any(|folder| is_there(&folder.join(WANTED).join(UNIT)));
    let uid = person.uid;
    // A unit that runs has a control group of its own.
    let runs = is_there(Path::new(&format!(
        "sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/app.slice/{UNIT}"
    )));
    let lingers = is_there(&Path::new("var/lib/systemd/linger").join(&person.name));
    Some(said(on, runs, lingers))
}

fn said(on: bool, runs: bool, lingers: bool) -> Check {
    const NAME: &str = "service";
    match (on, runs, lingers) {
        (false, false, _) => note(
            NAME,
            format!("{UNIT} is installed, but not switched on"),
            "systemctl --user enable --now skep",
        ),
        (true, false, _) => note(
            NAME,
            format!("{UNIT} is switched on, but does not run"),
            "systemctl --user start skep; systemctl --user status skep says why it ended",
        ),
        (_, true, false) => note(
            NAME,
            format!("{UNIT} runs, and stops when you log out"),
            "loginctl enable-linger",
        ),
        (false, true, true) => note(
            NAME,
            format!("{UNIT} runs, but does not start with the machine"),
            "systemctl --user enable skep",
        ),
        (true, true, true) => good(NAME, format!("{UNIT} runs, also while you are logged out")),
    }
}

/// Tests look at a machine of their own.
fn root() -> PathBuf {
    if cfg!(debug_assertions)
        && let Some(root) = std::env::var_os("SKEP_SYSTEM_ROOT")
    {
        return root.into();
    }
    "/".into()
}

#[cfg(test)]
mod tests {
    use super::{Person, of};
    use api::CheckState;
    use std::path::Path;

    const INSTALLED: &str = "usr/lib/systemd/user/skep.service";
    const SYSTEMD: &str = "run/systemd/system";
    const ON: &str = "home/ada/.config/systemd/user/default.target.wants/skep.service";
    const ON_FOR_ALL: &str = "etc/systemd/user/default.target.wants/skep.service";
    const RUNS: &str =
        "sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/skep.service";
    const LINGERS: &str = "var/lib/systemd/linger/ada";

    /// What is said on a machine that has these files.
    fn on_a_machine_with(files: &[&str]) -> Option<(CheckState, String, Option<String>)> {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let person = Person {
            uid: 1000,
            name: "ada".into(),
            config: Path::new("/home/ada/.config").to_owned(),
        };
        of(root.path(), &person).map(|check| (check.state, check.text, check.hint))
    }

    fn hint(files: &[&str]) -> String {
        let (state, _, hint) = on_a_machine_with(files).unwrap();
        assert_eq!(state, CheckState::Attention);
        hint.unwrap()
    }

    #[test]
    fn a_service_that_stops_at_logout_is_said() {
        for on in [ON, ON_FOR_ALL] {
            let (state, text, hint) = on_a_machine_with(&[INSTALLED, SYSTEMD, on, RUNS]).unwrap();
            assert_eq!(state, CheckState::Attention);
            assert_eq!(text, "skep.service runs, and stops when you log out");
            assert_eq!(hint.as_deref(), Some("loginctl enable-linger"));
            let (state, text, hint) =
                on_a_machine_with(&[INSTALLED, SYSTEMD, on, RUNS, LINGERS]).unwrap();
            assert_eq!(state, CheckState::Good);
            assert_eq!(text, "skep.service runs, also while you are logged out");
            assert_eq!(hint, None);
        }
    }

    #[test]
    fn what_is_missing_comes_with_what_to_do() {
        assert!(hint(&[INSTALLED, SYSTEMD]).contains("enable --now"));
        assert!(hint(&[INSTALLED, SYSTEMD, LINGERS]).contains("enable --now"));
        assert!(hint(&[INSTALLED, SYSTEMD, ON, LINGERS]).contains("start skep"));
        assert!(hint(&[INSTALLED, SYSTEMD, RUNS, LINGERS]).contains("enable skep"));
    }

    #[test]
    fn without_a_unit_or_systemd_nothing_is_said() {
        assert_eq!(on_a_machine_with(&[]), None);
        assert_eq!(on_a_machine_with(&[SYSTEMD, LINGERS]), None);
        assert_eq!(on_a_machine_with(&[INSTALLED, ON, RUNS]), None);
    }
}
