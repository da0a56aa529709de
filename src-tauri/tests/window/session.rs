//! A desktop session for one test: a screen, a window manager, a bus, a tray
//! and a home folder, all its own, and all gone when it is dropped.

use crate::driver::Driver;
use crate::notices::Notices;
use crate::tray::Tray;
use api::{Reply, Request};
use node::Then;
use node::door::Client;
use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For anything that a busy machine may take its time for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Then it is tried to begin the drag again.
const PLATE: Duration = Duration::from_secs(8);

pub(crate) struct Session {
    children: Vec<Child>,
    /// Buses of other sessions.
    also: RefCell<Vec<Child>>,
    variables: Vec<(String, String)>,
    pub(crate) tray: Tray,
    pub(crate) notices: Notices,
    home: tempfile::TempDir,
}

impl Session {
    pub(crate) fn start() -> Session {
        let home = tempfile::tempdir().expect("a home folder");
        let at = |name: &str| home.path().join(name).display().to_string();
        for folder in ["run", "tmp"] {
            std::fs::create_dir(home.path().join(folder)).expect("a folder");
        }
        std::fs::write(home.path().join("readings.json"), "{}").expect("the readings");
        let mut variables = vec![
            ("HOME".to_owned(), at("")),
            ("XDG_RUNTIME_DIR".to_owned(), at("run")),
            ("LANG".to_owned(), "C".to_owned()),
            ("WEBKIT_DISABLE_DMABUF_RENDERER".to_owned(), "1".to_owned()),
            ("NO_AT_BRIDGE".to_owned(), "1".to_owned()),
            // A calm machine, whatever the one is like that the story runs on.
            ("SKEP_READINGS".to_owned(), at("readings.json")),
        ];
        let mut children = Vec::new();
        let (screen, display) = says_first(Command::new("Xvfb").args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1440x900x24",
            "-nolisten",
            "tcp",
        ]));
        children.push(screen);
        variables.push(("DISPLAY".to_owned(), format!(":{display}")));
        let (bus, address) = says_first(Command::new("dbus-daemon").args([
            "--session",
            "--nofork",
            "--print-address=1",
            &format!("--address=unix:dir={}", at("run")),
        ]));
        children.push(bus);
        variables.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), address.clone()));
        let tray = Tray::watch(&address);
        let notices = Notices::watch(&address);
        let mut session = Session {
            children,
            also: RefCell::default(),
            variables,
            tray,
            notices,
            home,
        };
        let manager = session.command("openbox").spawn().expect("openbox starts");
        session.children.push(manager);
        session
    }

    /// As somebody who has taken the first steps already.
    pub(crate) fn start_at_home() -> Session {
        let session = Session::start();
        let folder = session.home().join(".config/skep");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config.toml"), "[app]\nonboarded = true\n")
            .expect("the settings can be written");
        session
    }

    /// Has everything that starts from now on see this variable.
    pub(crate) fn set(&mut self, name: &str, value: &Path) {
        let value = value.display().to_string();
        self.variables.push((name.to_owned(), value));
    }

    /// A program in this session; what it prints is shown where a test fails.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in [
            "SKEP_DATA",
            "SKEP_PROFILE",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "XDG_STATE_HOME",
            "WAYLAND_DISPLAY",
        ] {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().cloned());
        command
    }

    /// The app, through a driver that can look into its page.
    pub(crate) fn app(&mut self, words: &[&str]) -> Driver {
        let port = free_port();
        let driver = self
            .command("WebKitWebDriver")
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .spawn()
            .expect("WebKitWebDriver starts");
        self.children.push(driver);
        wait("the driver listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Driver::open(port, env!("CARGO_BIN_EXE_skep-app"), words)
    }

    /// The app as the desktop starts it, with nobody who looks into its page.
    pub(crate) fn unwatched(&self) {
        let app = self
            .command(env!("CARGO_BIN_EXE_skep-app"))
            .spawn()
            .expect("the app starts");
        self.also.borrow_mut().push(app);
    }

    /// A second launch, as from the desktop's menu.
    pub(crate) fn launch_again(&self, words: &[&str]) -> std::process::ExitStatus {
        self.command(env!("CARGO_BIN_EXE_skep-app"))
            .args(words)
            .status()
            .expect("the app starts")
    }

    /// The app in another session of the same person, without a window.
    pub(crate) fn elsewhere(&self) -> Child {
        let run = self.home.path().join("tmp");
        let (bus, address) = says_first(Command::new("dbus-daemon").args([
            "--session",
            "--nofork",
            "--print-address=1",
            &format!("--address=unix:dir={}", run.display()),
        ]));
        self.also.borrow_mut().push(bus);
        self.command(env!("CARGO_BIN_EXE_skep-app"))
            .arg("--hidden")
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .spawn()
            .expect("the app starts")
    }

    /// What the node answers at its door, to a client like the command line.
    pub(crate) fn ask(&self, request: Request) -> Option<(Reply, Vec<u8>)> {
        self.send(request, None)
    }

    /// The same, with the bytes that the request announces.
    pub(crate) fn send(&self, request: Request, bytes: Option<&[u8]>) -> Option<(Reply, Vec<u8>)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let client = Client::connect(&self.socket()).await.ok()?;
            let upload = bytes.map(|bytes| {
                let (pieces, upload) = tokio::sync::mpsc::channel(1);
                pieces.try_send(bytes.to_vec().into()).expect("it is empty");
                upload
            });
            let answer = client.call(request, upload).await.ok()?;
            let mut bytes = Vec::new();
            if let Then::Bytes(mut pieces) = answer.then {
                while let Some(piece) = pieces.recv().await {
                    bytes.extend_from_slice(&piece.ok()?);
                }
            }
            Some((answer.reply, bytes))
        })
    }

    /// A job of so many tasks of a program, from a client like the command line.
    pub(crate) fn submit(&self, name: &str, program: &str, tasks: u32) -> String {
        let bytes = bytes::Bytes::from(program.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let client = Client::connect(&self.socket()).await.expect("a node");
            let (send, receive) = tokio::sync::mpsc::channel(1);
            let length = bytes.len() as u64;
            send.send(bytes).await.expect("there is room");
            drop(send);
            let upload = Request::Upload {
                bytes: Some(length),
            };
            let answer = client
                .call(upload, Some(receive))
                .await
                .expect("it is taken");
            let Reply::Blob { blob, .. } = answer.reply else {
                panic!("{:?}", answer.reply)
            };
            let submit = serde_json::json!({
                "client_id": format!("{:032x}", std::process::id()),
                "module": { "by": "blob", "blob": blob },
                "module_name": "program.wat", "name": name,
                "args": [], "env": {}, "params": {}, "files": [],
                "split": { "kind": "range", "start": "0", "end": tasks.to_string(), "step": "1" },
                "limits": {}, "priority": 0,
                "trial": false, "transient": false, "collect": false,
            });
            let submit = serde_json::from_value(submit).expect("a job in the door's words");
            let answer = client.call(Request::Submit(submit), None).await;
            let reply = answer.expect("it is accepted").reply;
            let Reply::Submitted { job, .. } = reply else {
                panic!("{reply:?}")
            };
            job
        })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("run/skep/control.sock")
    }

    pub(crate) fn xdotool(&self, words: &[&str]) -> String {
        let output = self
            .command("xdotool")
            .args(words)
            .output()
            .expect("xdotool starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Windows of this title that can be seen.
    pub(crate) fn windows(&self, title: &str) -> Vec<String> {
        self.xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}$")])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Drags files from the corner of the screen over the middle of the
    /// window until the page shows that it saw them, and lets them go there.
    pub(crate) fn drag(&mut self, files: &[&Path], page: &Driver, shows: &str) {
        let source = Path::new(env!("CARGO_BIN_EXE_skep-app"))
            .with_file_name("examples")
            .join("drag_source");
        let mut command = self.command(source);
        command.args(files);
        let (mut source, _) = says_first(&mut command);
        let window = wait("the files' window", || self.windows("Files").pop());
        wait(&format!("the page reads \"{shows}\""), || {
            self.xdotool(&["windowmove", "--sync", &window, "0", "0"]);
            self.xdotool(&["windowraise", &window]);
            self.xdotool(&["mousemove", "--sync", "40", "30", "mousedown", "1"]);
            for step in 1..=12 {
                std::thread::sleep(LOOK_EVERY);
                let (x, y) = (40 + step * 58, 30 + step * 35);
                self.xdotool(&["mousemove", "--sync", &x.to_string(), &y.to_string()]);
            }
            if page.comes_to_read(shows, PLATE) {
                return Some(());
            }
            // The press met no window yet: back to where it is nobody's drop.
            self.xdotool(&["mousemove", "--sync", "40", "30", "mouseup", "1"]);
            None
        });
        self.xdotool(&["mouseup", "1"]);
        // Its bytes were taken when the app has the names.
        std::thread::sleep(Duration::from_millis(500));
        end(&mut source);
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let also = self.also.get_mut().iter_mut();
        for child in also.chain(self.children.iter_mut().rev()) {
            end(child);
        }
    }
}

/// Looks until `look` finds something, and fails with `what` it looked for.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

pub(crate) fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Starts it and waits for its first line.
fn says_first(command: &mut Command) -> (Child, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output is ours");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says something");
    assert!(!line.trim().is_empty(), "{command:?} ended without a word");
    (child, line.trim().to_owned())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a port is free")
        .port()
}
