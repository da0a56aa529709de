//! `cargo xtask run`: from a fresh machine to a window, or to a picture where
//! there is no desktop.

use crate::shell::{Done, cargo, root, run as start, say, target};
use crate::{app, kernels};
use std::process::Command;

const PICTURE: &str = "mandelbrot.png";

/// Everything a newcomer needs, then the app, or in a terminal without a
/// desktop the sample over all cores. Words after `run` go to `skep` instead:
/// `cargo xtask run job ls`.
pub(crate) fn run(rest: &[String]) -> Done {
    kernels::build()?;
    if rest.is_empty() && app::has_desktop() {
        return open();
    }
    say("Skep (release)");
    start(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "cli",
        "--package",
        "executor",
    ]))?;
    let skep = target().join("release").join("skep");
    let mut command = Command::new(&skep);
    command.current_dir(root());
    if rest.is_empty() {
        say("A Mandelbrot of 1920×1080 as 256 tasks, on the cores of this machine");
        command.args([
            "run",
            "-o",
            PICTURE,
            "sample:mandelbrot",
            "--width",
            "1920",
            "--height",
            "1080",
        ]);
    } else {
        command.args(rest);
    }
    start(&mut command)?;
    if rest.is_empty() {
        eprintln!("\nThe picture is {}", root().join(PICTURE).display());
        eprintln!("Try more: {} help", skep.display());
    }
    Ok(())
}

fn open() -> Done {
    app::prepare()?;
    say("The app (release)");
    start(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "app",
        "--package",
        "executor",
        "--package",
        "cli",
    ]))?;
    say("Skep opens; close its window and it goes on in the tray");
    start(&mut Command::new(target().join("release").join("skep-app")))
}
