//! `cargo xtask icons`: the sets that packages and the tray need, from the
//! drawings in `icons/`. What it makes is committed, so that nobody needs its
//! tools to build.

use crate::shell::{Done, install_missing, root, run, say};
use std::path::Path;
use std::process::Command;

/// Sizes of the app's icon, and the files that hold them.
const APP: &[(u32, &str)] = &[
    (32, "32x32.png"),
    (128, "128x128.png"),
    (256, "128x128@2x.png"),
];
/// Sizes in the file of Windows, besides 256, which is kept as PNG there.
const ICO: &[u32] = &[16, 24, 32, 48, 64];
/// Sizes in the file of macOS.
const ICNS: &[u32] = &[16, 32, 128, 256, 512, 1024];
/// What draws, and Debian's packages of it.
const DRAWERS: &[(&str, &str)] = &[
    ("rsvg-convert", "librsvg2-bin"),
    ("icotool", "icoutils"),
    ("png2icns", "icnsutils"),
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

pub(crate) fn icons() -> Done {
    install_missing("Programs that draw", DRAWERS)?;
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
    let folder = std::env::temp_dir();
    let drawn = |pixels: u32| {
        let file = folder.join(format!("skep-app-icon-{pixels}.png"));
        draw(&icons.join("app-icon.svg"), pixels, None, &file).map(|()| file)
    };
    let mut ico = Command::new("icotool");
    ico.arg("--create")
        .arg("--output")
        .arg(icons.join("icon.ico"));
    for pixels in ICO {
        ico.arg(drawn(*pixels)?);
    }
    run(ico.arg("--raw").arg(drawn(256)?))?;
    let mut icns = Command::new("png2icns");
    icns.arg(icons.join("icon.icns"));
    for pixels in ICNS {
        icns.arg(drawn(*pixels)?);
    }
    run(&mut icns)
}
