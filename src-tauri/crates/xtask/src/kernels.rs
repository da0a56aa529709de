//! Builds the kernels for `wasm32-wasip1` and leaves them in the target
//! folder, where crate `bundle` embeds them.
//!
//! The ordinary way is rustup's own target. Where rustup cannot download it,
//! Debian's compiler builds the standard library from Debian's source, with
//! Debian's libc for WASI; nothing of the system's is changed but the
//! packages that are installed.

use crate::shell::{Done, cargo, install, output, root, run, say, target};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages of `kernels/` that are modules.
const KERNELS: &[&str] = &["mandelbrot", "word_count"];
const TARGET: &str = "wasm32-wasip1";
/// Every engine we run has 128-bit vectors; the kernels are written for them.
const FEATURES: &str = "-C target-feature=+simd128";
/// Of Debian: a compiler, its source and a libc for WASI.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "wasi-libc"];
const DEBIAN_LIBC: &str = "/usr/lib/wasm32-wasi";

/// Builds what is not up to date.
pub(crate) fn build() -> Done {
    say("Kernels");
    // A folder of their own: another compiler's artefacts must not mix with
    // ours, nor lie where `bundle` looks for changes.
    let built = target().join("kernels-build");
    let mut command = if has_target() || add_target() {
        ordinary()
    } else {
        debian()?
    };
    command.arg("--target-dir").arg(&built);
    for kernel in KERNELS {
        command.args(["--package", kernel]);
    }
    run(&mut command)?;
    for kernel in KERNELS {
        let from = built
            .join(TARGET)
            .join("release")
            .join(format!("{kernel}.wasm"));
        let to = target().join("kernels").join(format!("{kernel}.wasm"));
        publish(&from, &to)?;
    }
    Ok(())
}

/// Copies a module when it differs, so that nothing that embeds it is built
/// again without need.
fn publish(from: &Path, to: &Path) -> Done {
    let new =
        std::fs::read(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    std::fs::write(to, new).map_err(|error| format!("cannot write {}: {error}", to.display()))
}

fn has_target() -> bool {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root());
    output(&mut rustc).is_some_and(|dir| {
        std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| {
                file.file_name()
                    .to_str()
                    .is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
            })
    })
}

fn add_target() -> bool {
    // Once Debian's compiler is there, rustup was asked before and could not.
    if debian_is_ready() {
        return false;
    }
    run(Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(root()))
    .is_ok()
        && has_target()
}

fn ordinary() -> Command {
    let mut command = cargo(&["build", "--release", "--locked", "--target", TARGET]);
    command.env("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", FEATURES);
    command
}

fn debian_is_ready() -> bool {
    Path::new("/usr/bin/rustc").exists()
        && Path::new("/usr/bin/cargo").exists()
        && Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml").exists()
        && Path::new(DEBIAN_LIBC).join("crt1-command.o").exists()
}

fn debian() -> Result<Command, String> {
    if !debian_is_ready() {
        say("rustup cannot download the target; taking Debian's compiler for WebAssembly");
        install(PACKAGES).map_err(|why| {
            format!("{why}, or run `rustup target add {TARGET}` where rustup can")
        })?;
    }
    let mut command = Command::new("/usr/bin/cargo");
    command
        .current_dir(root())
        .args(["build", "--release", "--locked", "--target", TARGET, "-Zbuild-std=std,panic_abort"])
        .env("RUSTC", "/usr/bin/rustc")
        // Building the standard library is not open to stable compilers otherwise.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_WASIP1_LINKER", linker()?)
        .env(
            "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
            format!("{FEATURES} -C link-self-contained=no -L native={DEBIAN_LIBC} -C link-arg={DEBIAN_LIBC}/crt1-command.o"),
        );
    // Settings of the toolchain that runs us are not for the other one.
    for name in [
        "RUSTUP_TOOLCHAIN",
        "RUSTFLAGS",
        "CARGO",
        "RUSTC_WRAPPER",
        "RUSTDOC",
    ] {
        command.env_remove(name);
    }
    Ok(command)
}

/// `rust-lld` of our own toolchain.
fn linker() -> Result<PathBuf, String> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir"]).current_dir(root());
    let libs = output(&mut rustc).ok_or("rustc does not say where its libraries are")?;
    let lld = Path::new(&libs)
        .parent()
        .map(|dir| dir.join("bin").join("rust-lld"))
        .unwrap_or_default();
    if lld.exists() {
        Ok(lld)
    } else {
        Err(format!("no linker at {}", lld.display()))
    }
}
