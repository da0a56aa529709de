//! The format of Fedora, openSUSE and others.

use super::contents::Package;
use super::stage::Stage;
use super::{described, empty, maker, unwritten, version};
use crate::shell::run;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What rpmbuild would do to the files: they are packed as they are.
const AS_THEY_ARE: &str = "\
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _binary_payload w19.zstdio
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost skep
";

/// Where the shells of Debian and of these systems look for completions.
const COMPLETIONS: [&str; 2] = [
    "/usr/share/zsh/vendor-completions",
    "/usr/share/zsh/site-functions",
];

/// Packs what is staged into `folder`, after the .deb; returns the file.
pub(super) fn build(package: &Package, stage: &Stage, folder: &Path) -> Result<PathBuf, String> {
    let [from, to] = COMPLETIONS.map(|place| stage.at(place));
    fs::rename(&from, &to).map_err(|error| unwritten(&to, &error))?;
    let works = stage.tree.with_file_name("rpm");
    empty(&works)?;
    let spec = works.join("skep.spec");
    fs::write(&spec, described_as_spec(package, stage)?)
        .map_err(|error| unwritten(&spec, &error))?;
    run(maker("rpmbuild")
        .args(["-bb", "--quiet"])
        .arg("--define")
        .arg(format!("_topdir {}", works.display()))
        .arg("--define")
        .arg(format!("_rpmdir {}", folder.display()))
        .args([
            "--define",
            "_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
        ])
        .arg(&spec))?;
    let architecture = std::env::consts::ARCH;
    Ok(folder.join(format!(
        "{}-{}-1.{architecture}.rpm",
        package.name,
        version()
    )))
}

/// The libraries that the programs were linked with are found by rpmbuild.
fn described_as_spec(package: &Package, stage: &Stage) -> Result<String, String> {
    let places = stage.places()?;
    let files: String = folders_of_its_own(&places)
        .iter()
        .map(|folder| format!("%dir {folder}\n"))
        .chain(places.iter().map(|place| format!("{place}\n")))
        .collect();
    let opened = package
        .opens
        .map_or_else(String::new, |(_, library)| format!("Requires: {library}\n"));
    Ok(format!(
        "{AS_THEY_ARE}\
         Name: {name}\n\
         Version: {version}\n\
         Release: 1\n\
         Summary: {summary}\n\
         License: MIT OR Apache-2.0\n\
         {opened}\
         Conflicts: {other}\n\
         \n\
         %description\n\
         {description}\n\
         %install\n\
         cp --archive {tree}/. %{{buildroot}}/\n\
         \n\
         %files\n\
         %defattr(-, root, root)\n\
         {files}",
        name = package.name,
        version = version(),
        summary = package.summary,
        other = package.instead_of,
        description = described(package, ""),
        tree = stage.tree.display(),
    ))
}

/// Folders that go with the package; the others are the system's.
fn folders_of_its_own(places: &[String]) -> BTreeSet<&str> {
    places
        .iter()
        .flat_map(|place| Path::new(place).ancestors().skip(1))
        .filter(|folder| {
            folder
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("skep"))
        })
        .filter_map(Path::to_str)
        .collect()
}
