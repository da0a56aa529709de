//! `cargo xtask package`: what people install. The app with everything as .deb
//! and .rpm, and a .deb for machines without a desktop.

use crate::shell::{Done, cargo, root, run, say, target};
use crate::{app, kernels};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the node starts, where it looks for it in an installed Skep.
const EXECUTOR: &str = "/usr/libexec/skep/skep-executor";
const HEADLESS: &str = "skep-headless";

/// `--debug` takes the debug build: to try the packages, not to give away.
pub(crate) fn package(rest: &[String]) -> Done {
    let debug = match rest {
        [] => false,
        [word] if word == "--debug" => true,
        _ => return Err("cargo xtask package [--debug]".to_owned()),
    };
    kernels::build()?;
    app::prepare()?;
    say("Skep");
    let mut build = cargo(&[
        "build",
        "--locked",
        "--package",
        "app",
        "--package",
        "cli",
        "--package",
        "executor",
    ]);
    if !debug {
        build.arg("--release");
    }
    run(&mut build)?;
    let built = target().join(if debug { "debug" } else { "release" });
    with_window(&built, debug)?;
    without_window(&built)
}

fn with_window(built: &Path, debug: bool) -> Done {
    say("The app's packages");
    let files = format!(
        r#"{{"/usr/bin/skep":"{}","{EXECUTOR}":"{}"}}"#,
        built.join("skep").display(),
        built.join("skep-executor").display(),
    );
    let config = format!(
        r#"{{"bundle":{{"linux":{{"deb":{{"files":{files}}},"rpm":{{"files":{files}}}}}}}}}"#
    );
    let mut tauri = Command::new(root().join("ui/node_modules/.bin/tauri"));
    tauri
        .args(["build", "--bundles", "deb,rpm", "--ci", "--config", &config])
        .current_dir(root());
    if debug {
        tauri.arg("--debug");
    }
    run(&mut tauri)?;
    for kind in ["deb", "rpm"] {
        eprintln!("  {}", built.join("bundle").join(kind).display());
    }
    Ok(())
}

fn without_window(built: &Path) -> Done {
    say("The headless package");
    let version = env!("CARGO_PKG_VERSION");
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let bundle = built.join("bundle").join("deb");
    let tree = bundle.join(HEADLESS);
    // What an earlier one left would be packed too.
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(|error| unwritable(&tree, &error))?;
    }
    let packaging = root().join("src-tauri/packaging");
    let parts: [(PathBuf, &str, u32); 5] = [
        (built.join("skep"), "usr/bin/skep", 0o755),
        (built.join("skep-executor"), &EXECUTOR[1..], 0o755),
        (
            packaging.join("skep.service"),
            "usr/lib/systemd/user/skep.service",
            0o644,
        ),
        (
            root().join("LICENSE-MIT"),
            "usr/share/doc/skep-headless/LICENSE-MIT",
            0o644,
        ),
        (
            root().join("LICENSE-APACHE"),
            "usr/share/doc/skep-headless/LICENSE-APACHE",
            0o644,
        ),
    ];
    for (from, to, mode) in parts {
        let to = tree.join(to);
        make_folder_of(&to)?;
        fs::copy(&from, &to).map_err(|error| unwritable(&to, &error))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(mode))
            .map_err(|error| unwritable(&to, &error))?;
    }
    let control = tree.join("DEBIAN/control");
    make_folder_of(&control)?;
    let text = format!(
        "Package: {HEADLESS}\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: The Skep authors <skep@localhost>\n\
         Depends: libc6, libgcc-s1\n\
         Conflicts: skep\n\
         Section: utils\n\
         Priority: optional\n\
         Description: The machines you own, working as one (without a window)\n \
         The command line, the executor and a service of the user's that makes this\n \
         machine work: systemctl --user enable --now skep\n"
    );
    fs::write(&control, text).map_err(|error| unwritable(&control, &error))?;
    let package = bundle.join(format!("{HEADLESS}_{version}_{architecture}.deb"));
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&tree)
        .arg(&package))
}

fn make_folder_of(file: &Path) -> Done {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
