//! The desktop app: a window, a tray icon and a node in one process.
//!
//! The window is a client of the node's door like any other; the node lives on
//! when the window is closed. Nothing here decides about jobs or tasks, and
//! the page that it shows reaches two commands and nothing else.

mod autostart;
mod bridge;
mod drag;
mod files;
mod launch;
mod notice;
mod page;
mod quit;
mod reach;
mod renew;
mod save;
mod settings;
mod shell;
mod sight;
#[cfg(test)]
mod tests;
mod tray;
mod window;

use api::Error;
use launch::{Asked, Graphics, Launch};
use node::Folders;
use page::{NodeState, Page, Phase, ShellEvent};
use reach::{Reach, Way};
use sight::Seen;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tauri::{AppHandle, Manager, RunEvent};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// While the menu says how many minutes of a pause are left.
const COUNT_DOWN_EVERY: Duration = Duration::from_secs(15);

/// What the parts of the app share.
#[derive(Debug)]
pub(crate) struct App {
    folders: Folders,
    reach: Reach,
    page: Page,
    files: files::Files,
    drag: drag::Drag,
    seen: watch::Sender<Seen>,
    /// What was saved last, to be shown again.
    saved: Mutex<Option<PathBuf>>,
    /// It ends, or becomes a new process.
    quitting: AtomicBool,
    again: renew::Again,
    safe_graphics: bool,
}

fn main() -> ExitCode {
    let here = std::env::current_dir().unwrap_or_default();
    let launch = match Asked::read(std::env::args_os().skip(1), &here) {
        Ok(Asked::Launch(launch)) => launch,
        Ok(Asked::Help) => {
            print!("{}", launch::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Version) => {
            println!("skep-app {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\nhint: skep-app --help");
            return ExitCode::from(2);
        }
    };
    for (name, value) in Graphics::of_machine().variables(launch.safe_graphics) {
        if std::env::var_os(name).is_none() {
            // SAFETY: this process has no other thread yet.
            unsafe { std::env::set_var(name, value) };
        }
    }
    renew::reap_what_was_left();
    match run(launch) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(launch: Launch) -> Result<i32, Box<dyn std::error::Error>> {
    let folders = Folders::locate(&launch.place)?;
    let geometry = tauri_plugin_window_state::Builder::new()
        .with_state_flags(kept_of_the_window())
        .build();
    let app = tauri::Builder::default()
        .plugin(single_instance(&folders))
        .plugin(tauri_plugin_dialog::init())
        .plugin(geometry)
        .invoke_handler(tauri::generate_handler![bridge::call, bridge::watch])
        .setup(move |app| begin(app.handle(), folders, launch))
        .build(tauri::generate_context!())?;
    Ok(app.run_return(|_, event| {
        if let RunEvent::ExitRequested { api, code, .. } = event
            && code.is_none()
        {
            // The last window is gone; the node and the tray are not, and when
            // it quits the tasks that are to finish are not either.
            api.prevent_exit();
        }
    }))
}

fn begin(
    handle: &AppHandle,
    folders: Folders,
    launch: Launch,
) -> Result<(), Box<dyn std::error::Error>> {
    let reach = Reach::start(folders.clone())?;
    let app = App {
        folders,
        reach: reach.clone(),
        page: Page::new(),
        files: files::Files::default(),
        drag: drag::Drag::default(),
        seen: watch::Sender::default(),
        saved: Mutex::default(),
        quitting: AtomicBool::new(false),
        again: renew::Again::of(&launch)?,
        safe_graphics: launch.safe_graphics,
    };
    let seen = app.seen.clone();
    handle.manage(app);
    match tray::Tray::new(handle) {
        Ok(tray) => drop(handle.manage(tray)),
        // A desktop without a tray is one where the window stays.
        Err(error) => tracing::warn!(%error, "there is no tray icon"),
    }
    tauri::async_runtime::spawn(show_what_is_seen(handle.clone(), seen.subscribe()));
    tauri::async_runtime::spawn(sight::watch(reach.clone(), seen));
    tauri::async_runtime::spawn(tell_of_the_node(handle.clone(), reach.way()));
    reach.runtime().spawn(end_with_the_session(handle.clone()));
    opened(handle, &launch.files, !launch.hidden);
    Ok(())
}

/// Files that came with a launch, and the window for them.
fn opened(handle: &AppHandle, files: &[PathBuf], show: bool) {
    let app = handle.state::<App>();
    let files = app.files.add(files);
    if !files.is_empty() {
        // As if they had been dropped.
        app.page.tell(ShellEvent::Drag {
            phase: Phase::Drop,
            files,
            x: 0.0,
            y: 0.0,
            card: None,
            alt: false,
        });
    } else if !show {
        return;
    }
    window::open(handle);
}

/// One app for one pool: a second launch hands its files to the first.
fn single_instance(folders: &Folders) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    let second = |handle: &AppHandle, words: Vec<String>, here: String| {
        let words = words.into_iter().skip(1).map(Into::into);
        if let Ok(Asked::Launch(launch)) = Asked::read(words, Path::new(&here)) {
            opened(handle, &launch.files, true);
        }
    };
    // Names on the bus hold no path; its hash tells pools apart.
    let pool = blake3::hash(folders.data.as_os_str().as_encoded_bytes()).to_hex();
    tauri_plugin_single_instance::Builder::new()
        .callback(second)
        .dbus_id(format!("app.skep.Skep.p{}", &pool[..16]))
        .build()
}

fn kept_of_the_window() -> tauri_plugin_window_state::StateFlags {
    use tauri_plugin_window_state::StateFlags;
    StateFlags::POSITION | StateFlags::SIZE | StateFlags::MAXIMIZED
}

/// Tray and notifications, at every change.
async fn show_what_is_seen(handle: AppHandle, mut seen: watch::Receiver<Seen>) {
    let mut notices = notice::Notices::default();
    loop {
        let now = seen.borrow_and_update().clone();
        draw(&handle, &now);
        // The node has told how things stand.
        if now.contribution.is_some() {
            let app = handle.state::<App>();
            let wanted = notice::Wanted {
                finished: settings::is_on(&app.reach, "notify.job_finished").await,
                failed: settings::is_on(&app.reach, "notify.job_failed").await,
            };
            notices.see(&now.jobs, window::is_in_front(&handle), wanted);
        }
        if let Some(notice) = notices.take(Instant::now()) {
            notify(&handle, notice);
        }
        let counts_down = now
            .contribution
            .is_some_and(|of| of.paused_until_ms.is_some());
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(COUNT_DOWN_EVERY), if counts_down => {}
        }
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

fn draw(handle: &AppHandle, seen: &Seen) {
    let quitting = handle.state::<App>().quitting.load(Ordering::Relaxed);
    let (icon, lines) = (
        tray::menu::icon(seen),
        tray::menu::lines(seen, quitting, now_ms()),
    );
    let on_main = handle.clone();
    let asked = handle.run_on_main_thread(move || {
        if let Some(tray) = on_main.try_state::<tray::Tray>()
            && let Err(error) = tray.draw(&on_main, icon, lines)
        {
            tracing::warn!(%error, "the tray cannot be drawn");
        }
    });
    if asked.is_err() {
        tracing::debug!("the app is ending");
    }
}

/// Shows it, and does what a click on it says.
pub(crate) fn notify(handle: &AppHandle, notice: notice::Notice) {
    let handle = handle.clone();
    // It waits for the click as long as the desktop shows it.
    std::thread::spawn(move || {
        let mut shown = notify_rust::Notification::new();
        shown
            .appname("Skep")
            .icon("skep-app")
            .summary(&notice.title)
            .body(&inert(&notice.body));
        for (number, (label, _)) in notice.clicks.iter().enumerate() {
            shown.action(name_of_click(number, label), label);
        }
        match shown.show() {
            Ok(shown) => shown.wait_for_action(|clicked| {
                let click = notice
                    .clicks
                    .iter()
                    .enumerate()
                    .find(|(number, (label, _))| name_of_click(*number, label) == clicked);
                match click.map(|(_, (_, click))| click) {
                    Some(notice::Click::Open) => window::open(&handle),
                    Some(notice::Click::OpenAt(route)) => window::open_at(&handle, route),
                    Some(notice::Click::Quit) => quit::ask(&handle),
                    // It was closed.
                    None => {}
                }
            }),
            Err(error) => tracing::info!(%error, "the desktop shows no notifications"),
        }
    });
}

/// A click on the notice itself has the same name on every desktop.
fn name_of_click(number: usize, label: &str) -> &str {
    if number == 0 { "default" } else { label }
}

/// Desktops read markup in a body; what a module wrote is none.
fn inert(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Tells the page whenever the node comes or goes.
async fn tell_of_the_node(handle: AppHandle, mut way: watch::Receiver<Way>) {
    while way.changed().await.is_ok() {
        let event = standing(&way.borrow_and_update());
        handle.state::<App>().page.tell_now(event);
    }
}

/// Where the node is, as the page is told.
pub(crate) fn standing(way: &Way) -> ShellEvent {
    ShellEvent::Node {
        state: NodeState::from(way),
        text: match way {
            Way::Here(here) => here.notice.clone().unwrap_or_default(),
            Way::Gone(Error { message, hint, .. }) => match hint {
                Some(hint) => format!("{message}. {hint}"),
                None => message.clone(),
            },
            Way::Starting | Way::There(_) => String::new(),
        },
    }
}

/// A session that ends says so by a signal.
async fn end_with_the_session(handle: AppHandle) {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt)] = signals else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    quit::quit(&handle, quit::How::Now);
}
