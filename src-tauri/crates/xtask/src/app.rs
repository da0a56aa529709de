//! What the desktop app needs to be built: the system's libraries and the page.

use crate::shell::{Done, has, install, install_missing, output, root, run, say};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Libraries by what pkg-config calls them, and Debian's packages of them.
const LIBRARIES: &[(&str, &str)] = &[
    ("webkit2gtk-4.1", "libwebkit2gtk-4.1-dev"),
    ("ayatana-appindicator3-0.1", "libayatana-appindicator3-dev"),
    ("dbus-1", "libdbus-1-dev"),
];
/// Programs that drive the window in the tests, and Debian's packages of them.
const DRIVERS: &[(&str, &str)] = &[
    ("WebKitWebDriver", "webkit2gtk-driver"),
    ("Xvfb", "xvfb"),
    ("dbus-daemon", "dbus"),
    ("openbox", "openbox"),
    ("xdotool", "xdotool"),
    ("chromium", "chromium"),
];
/// Of the page, what it is made from.
const PAGE_SOURCES: &[&str] = &[
    "src",
    "public",
    "index.html",
    "package-lock.json",
    "vite.config.ts",
];

/// Whether somebody could see a window.
pub(crate) fn has_desktop() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Libraries and page, as far as they are missing or old.
pub(crate) fn prepare() -> Done {
    let missing: Vec<&str> = LIBRARIES
        .iter()
        .filter(|(library, _)| !is_installed(library))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        say("Libraries for the window");
        install(&missing)?;
    }
    page()
}

/// What the window's tests are driven with.
pub(crate) fn prepare_tests() -> Done {
    install_missing("Programs that drive the window", DRIVERS)
}

/// Runs one of the page's own scripts.
pub(crate) fn npm(args: &[&str]) -> Done {
    run(Command::new("npm")
        .args(args)
        .current_dir(root().join("ui")))
}

/// The page's packages, as its lock file says.
pub(crate) fn npm_packages() -> Done {
    if !has("npm") {
        return Err("the page is built with Node 20 or newer, and there is no npm\nhint: https://nodejs.org, or your system's packages nodejs and npm".to_owned());
    }
    let ui = root().join("ui");
    // npm leaves a copy of the lock file when it is done.
    let installed = changed(&ui.join("node_modules/.package-lock.json"));
    if installed < changed(&ui.join("package-lock.json")) {
        say("Packages of the page");
        npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    }
    Ok(())
}

fn page() -> Done {
    npm_packages()?;
    let ui = root().join("ui");
    let newest = PAGE_SOURCES
        .iter()
        .filter_map(|name| changed(&ui.join(name)))
        .max();
    if changed(&ui.join("dist/index.html")) < newest {
        say("The page");
        npm(&["run", "build"])?;
    }
    Ok(())
}

fn is_installed(library: &str) -> bool {
    output(Command::new("pkg-config").args(["--modversion", library])).is_some()
}

/// When a file, or the newest below a folder, was changed.
fn changed(path: &Path) -> Option<SystemTime> {
    let about = path.metadata().ok()?;
    if about.is_dir() {
        return std::fs::read_dir(path)
            .ok()?
            .flatten()
            .filter_map(|entry| changed(&entry.path()))
            .max();
    }
    about.modified().ok()
}
