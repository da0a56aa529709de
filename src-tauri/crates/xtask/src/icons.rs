//! `cargo xtask icons`: the sets that packages and the tray need, from the
//! drawings in `icons/`. What it makes is committed, so that nobody needs its
//! tools to build.

use crate::shell::{Done, root, run, say};
use std::path::Path;
use std::process::Command;

/// Sizes of the app's icon, and the files that hold them.
const APP: &[(u32, &str)] = &[
    (32, "32x32.png"),
    (128, "128x128.png"),
    (256, "128x128@2x.png"),
];
/// The tray's drawings are made on 16 units, and this is twice as many pixels:
/// sharp on dense screens, and halved exactly on others.
const TRAY_PIXELS: u32 = 32;
/// State and colour. Shape carries the state; the colours are of a middling
/// lightness that stands out on dark and on light panels.
const TRAY: &[(&str, &str)] = &[
    ("working", "#2f9fca"),
    ("ready", "#2f9fca"),
    ("paused", "#c98a1b"),
    ("attention", "#e5625f"),
    ("offline", "#7b8a92"),
    ("update", "#2f9fca"),
];

/// Needs `rsvg-convert` (package librsvg2-bin) and the page's npm packages.
pub(crate) fn icons() -> Done {
    let icons = root().join("icons");
    say("Icons");
    let drawing = icons.join("app-icon.svg");
    for (pixels, file) in APP {
        draw(&drawing, *pixels, None, &icons.join(file))?;
    }
    for (state, colour) in TRAY {
        let drawing = icons.join("tray").join(format!("{state}.svg"));
        let file = icons
            .join("tray")
            .join(format!("{state}-{TRAY_PIXELS}.png"));
        draw(&drawing, TRAY_PIXELS, Some(colour), &file)?;
    }
    containers(&icons)
}

fn draw(drawing: &Path, pixels: u32, colour: Option<&str>, to: &Path) -> Done {
    let size = pixels.to_string();
    let mut command = Command::new("rsvg-convert");
    command.args(["--width", &size, "--height", &size]);
    if let Some(colour) = colour {
        let sheet = std::env::temp_dir().join("skep-tray-colour.css");
        std::fs::write(&sheet, format!("g {{ color: {colour}; }}"))
            .map_err(|error| format!("cannot write {}: {error}", sheet.display()))?;
        command.arg("--stylesheet").arg(sheet);
    }
    run(command.arg(drawing).arg("--output").arg(to))
}

/// Windows and macOS keep all sizes in one file.
fn containers(icons: &Path) -> Done {
    let large = std::env::temp_dir().join("skep-app-icon.png");
    draw(&icons.join("app-icon.svg"), 1024, None, &large)?;
    let made = std::env::temp_dir().join("skep-icons");
    run(Command::new(root().join("ui/node_modules/.bin/tauri"))
        .arg("icon")
        .arg(&large)
        .arg("--output")
        .arg(&made)
        .current_dir(root()))?;
    for file in ["icon.ico", "icon.icns"] {
        let to = icons.join(file);
        std::fs::copy(made.join(file), &to)
            .map_err(|error| format!("cannot write {}: {error}", to.display()))?;
    }
    Ok(())
}
