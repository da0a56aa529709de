//! Embeds the modules in `<target folder>/kernels`, where `cargo xtask kernels`
//! puts them, each named after its file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = target_folder(&out).join("kernels");
    // Cargo would build this again each time if the folder it watches were missing.
    fs::create_dir_all(&folder)?;
    println!("cargo::rerun-if-changed={}", folder.display());
    fs::write(out.join("kernels.rs"), source(&modules(&folder)?)?)
}

/// Cargo does not say where it is, but `OUT_DIR` is always
/// `<target folder>/[triple/]<profile>/build/<package>/out`.
fn target_folder(out: &Path) -> &Path {
    let above_profile = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR is four folders below the target folder");
    // Cargo passes TARGET to build scripts; a folder of that name is for a cross build.
    let triple = env::var("TARGET").expect("cargo sets TARGET");
    match above_profile.parent() {
        Some(parent) if above_profile.ends_with(triple) => parent,
        Some(_) | None => above_profile,
    }
}

fn modules(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut modules = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .filter(|path| {
            path.as_ref().map_or(true, |path| {
                path.extension().is_some_and(|end| end == "wasm")
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    modules.sort();
    Ok(modules)
}

fn source(modules: &[PathBuf]) -> io::Result<String> {
    let mut source = String::from("const KERNELS: &[Kernel] = &[\n");
    for path in modules {
        let name = path
            .file_stem()
            .expect("a file that ends in .wasm")
            .to_string_lossy();
        let hash = blake3::hash(&fs::read(path)?);
        writeln!(
            source,
            "    Kernel {{ name: {name:?}, bytes: include_bytes!({path:?}), hash: {:?} }},",
            hash.as_bytes()
        )
        .expect("a string takes every line");
    }
    source.push_str("];\n");
    Ok(source)
}
