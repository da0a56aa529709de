//! Debian's format.

use super::contents::Package;
use super::stage::Stage;
use super::{MAINTAINER, described, empty, maker, unwritten, version};
use crate::shell::{Done, output, root, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What updates the desktop's lists of entries and opens its folders. The app
/// starts without them.
const RECOMMENDED: &str = "desktop-file-utils, xdg-utils";
/// Scripts of `packaging/` for a package with a unit.
const SCRIPTS: &[&str] = &["postinst", "prerm"];

/// Packs what is staged into `folder`; returns the file.
pub(super) fn build(package: &Package, stage: &Stage, folder: &Path) -> Result<PathBuf, String> {
    let architecture = output(Command::new("dpkg").arg("--print-architecture"))
        .ok_or("dpkg does not say what this machine is")?;
    let places = stage.places()?;
    let about = stage.tree.join("DEBIAN");
    empty(&about)?;
    let scripts = if package.has_unit { SCRIPTS } else { &[] };
    for script in scripts {
        let to = about.join(script);
        let from = root().join("src-tauri/packaging").join(script);
        fs::copy(&from, &to).map_err(|error| unwritten(&to, &error))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755))
            .map_err(|error| unwritten(&to, &error))?;
    }
    let control = control(package, stage, &architecture, &places)?;
    write(&about.join("control"), &control)?;
    let mut sums = Command::new("md5sum");
    sums.args(places.iter().map(|place| place.trim_start_matches('/')));
    let sums = output(sums.current_dir(&stage.tree)).ok_or("md5sum failed")?;
    write(&about.join("md5sums"), &format!("{sums}\n"))?;
    let file = folder.join(format!("{}_{}_{architecture}.deb", package.name, version()));
    run(maker("dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "--build"])
        .arg(&stage.tree)
        .arg(&file))?;
    // It is of this format only.
    fs::remove_dir_all(&about).map_err(|error| unwritten(&about, &error))?;
    Ok(file)
}

fn control(
    package: &Package,
    stage: &Stage,
    architecture: &str,
    places: &[String],
) -> Result<String, String> {
    let bytes: u64 = places
        .iter()
        .filter_map(|place| stage.at(place).metadata().ok())
        .map(|about| about.len())
        .sum();
    let mut depends = libraries(package, stage)?;
    if let Some((library, _)) = package.opens {
        depends.push_str(", ");
        depends.push_str(library);
    }
    let recommended = if package.has_unit {
        String::new()
    } else {
        format!("Recommends: {RECOMMENDED}\n")
    };
    Ok(format!(
        "Package: {name}\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: {MAINTAINER}\n\
         Installed-Size: {size}\n\
         Depends: {depends}\n\
         {recommended}\
         Conflicts: {other}\n\
         Replaces: {other}\n\
         Section: utils\n\
         Priority: optional\n\
         Description: {summary}\n\
         {description}",
        name = package.name,
        version = version(),
        size = bytes.div_ceil(1024),
        other = package.instead_of,
        summary = package.summary,
        description = described(package, " "),
    ))
}

/// The packages of the libraries that the programs were linked with, as dpkg
/// knows them, each from the version that has what is used.
fn libraries(package: &Package, stage: &Stage) -> Result<String, String> {
    // It reads the names of the packages that are made from a source package.
    let source = stage.tree.with_file_name("source");
    empty(&source.join("debian"))?;
    let control = format!(
        "Source: skep\n\nPackage: {}\nArchitecture: any\n",
        package.name
    );
    write(&source.join("debian/control"), &control)?;
    let mut asked = Command::new("dpkg-shlibdeps");
    asked.arg("-O");
    for file in package.files().filter(|file| file.is_program()) {
        asked.arg(stage.at(&file.place(package)));
    }
    let said = output(asked.current_dir(&source))
        .ok_or("dpkg-shlibdeps does not know which packages the programs need")?;
    said.lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="))
        .map(str::to_owned)
        .ok_or_else(|| format!("dpkg-shlibdeps said: {said}"))
}

fn write(path: &Path, text: &str) -> Done {
    fs::write(path, text).map_err(|error| unwritten(path, &error))
}
