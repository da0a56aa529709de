//! The contract as TypeScript, for the window's page: generated here,
//! committed there, and the same.

use crate::{Changes, Error, Event, Reply, Request, Sample, SampleSpan, Span};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use ts_rs::{Config, TS};

/// Set to anything, the committed files are written anew instead of compared.
const WRITE: &str = "SKEP_WRITE_CONTRACT";

#[test]
fn the_page_has_the_types_of_the_door() {
    let made = tempfile::tempdir().unwrap();
    // Numbers of 64 bits are counts, bytes and milliseconds, all below 2^53;
    // whatever needs all bits travels as text.
    let config = Config::new()
        .with_large_int("number")
        .with_out_dir(made.path());
    Request::export_all(&config).unwrap();
    Reply::export_all(&config).unwrap();
    Event::export_all(&config).unwrap();
    Error::export_all(&config).unwrap();
    Changes::export_all(&config).unwrap();
    Span::export_all(&config).unwrap();
    Sample::export_all(&config).unwrap();
    SampleSpan::export_all(&config).unwrap();
    let mut made = files(made.path());
    let index: String = made
        .keys()
        .map(|name| {
            let module = name.trim_end_matches(".ts");
            format!("export type {{ {module} }} from \"./{module}\";\n")
        })
        .collect();
    made.insert(
        "index.ts".to_owned(),
        format!("// The contract of the door, generated from the crate `api`.\n{index}"),
    );

    let committed = committed();
    if std::env::var_os(WRITE).is_some() {
        // There may be files of types that are no more.
        let _ = fs::remove_dir_all(&committed);
        fs::create_dir_all(&committed).unwrap();
        for (name, text) in &made {
            fs::write(committed.join(name), text).unwrap();
        }
    }
    let known = files(&committed);
    assert!(
        known.keys().eq(made.keys()),
        "{WRITE}=1 cargo test -p api writes them: {:?} {:?}",
        known.keys(),
        made.keys()
    );
    for (name, text) in &made {
        assert_eq!(
            known[name], *text,
            "{name}: {WRITE}=1 cargo test -p api writes it"
        );
    }
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/bridge/contract")
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}
