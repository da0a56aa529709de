//! A report for whoever is asked for help: versions, settings, health and the
//! end of the log, as a zip of texts that a person can read before it is sent.
//!
//! It holds nothing that a module read or wrote, no key of this machine, and
//! the home folder only as `~`. No setting is a secret; one that becomes one is
//! left out here.

use crate::folders::{Folders, home};
use crate::limits::REPORT_LOG_LINES;
use crate::{host, journal};
use api::{Check, ConfigValue, Error, ErrorCode, LogFilter, Status};
use serde::Serialize;
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// A text of a report, by the name of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    pub name: String,
    pub text: String,
}

#[derive(Serialize)]
struct Versions {
    skep: &'static str,
    contract: u32,
    os: String,
    kernel: String,
    architecture: &'static str,
    cores: u32,
}

/// What there is to say. `status` is of the node that runs, where one does.
#[must_use]
pub fn parts(
    folders: &Folders,
    settings: &Result<Vec<ConfigValue>, Error>,
    checks: &[Check],
    status: Option<&Status>,
) -> Vec<Part> {
    let versions = Versions {
        skep: env!("CARGO_PKG_VERSION"),
        contract: api::VERSION,
        os: host::os(),
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        architecture: std::env::consts::ARCH,
        cores: host::cores(),
    };
    let mut parts = vec![
        part("versions.json", json(&versions)),
        part(
            "settings.json",
            match settings {
                Ok(values) => json(values),
                // A file that cannot be read is what there is to see.
                Err(error) => json(error),
            },
        ),
        part("health.json", json(&checks)),
    ];
    parts.extend(status.map(|status| part("status.json", json(status))));
    parts.push(part("log.jsonl", log(folders)));
    parts
}

/// The texts as one zip.
///
/// # Errors
/// [`ErrorCode::Internal`], should it not be made.
pub fn pack(parts: &[Part]) -> Result<Vec<u8>, Error> {
    let pack = || -> Result<Vec<u8>, ZipError> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for Part { name, text } in parts {
            zip.start_file(name, SimpleFileOptions::default())?;
            zip.write_all(text.as_bytes())?;
        }
        Ok(zip.finish()?.into_inner())
    };
    pack().map_err(|error| {
        Error::new(
            ErrorCode::Internal,
            format!("the report was not made: {error}"),
        )
    })
}

/// The texts of a zip that [`pack`] made.
///
/// # Errors
/// [`ErrorCode::Internal`] where it is none.
pub fn unpack(zip: Vec<u8>) -> Result<Vec<Part>, Error> {
    let unpack = || -> Result<Vec<Part>, ZipError> {
        let mut zip = ZipArchive::new(Cursor::new(zip))?;
        (0..zip.len())
            .map(|nth| {
                let mut file = zip.by_index(nth)?;
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                let name = file.name()?.into_owned();
                Ok(part(&name, text))
            })
            .collect()
    };
    unpack().map_err(|error| Error::new(ErrorCode::Internal, format!("that is no report: {error}")))
}

fn part(name: &str, text: String) -> Part {
    Part {
        name: name.to_owned(),
        text: without_home(text),
    }
}

fn json(value: &impl Serialize) -> String {
    // Nothing here can fail to be written: no map with keys that are not text.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// The last lines, one document each; why there are none, where that is so.
fn log(folders: &Folders) -> String {
    let lines = match journal::last(&folders.logs, &LogFilter::default(), REPORT_LOG_LINES) {
        Ok(lines) => lines,
        Err(error) => return json(&Error::from(error)),
    };
    lines
        .iter()
        .filter_map(|line| serde_json::to_string(line).ok())
        .map(|line| line + "\n")
        .collect()
}

/// Whose machine it is, is nobody's business.
fn without_home(text: String) -> String {
    match home() {
        Some(home) => text.replace(&home, "~"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, pack, unpack};

    #[test]
    fn what_is_packed_can_be_read_before_it_is_sent() {
        let parts = vec![
            Part {
                name: "a.json".to_owned(),
                text: "{}\n".to_owned(),
            },
            Part {
                name: "log.jsonl".to_owned(),
                text: "line\n".repeat(1_000),
            },
        ];
        let zip = pack(&parts).unwrap();
        assert!(zip.len() < 2_000, "{}", zip.len());
        assert_eq!(unpack(zip).unwrap(), parts);
        assert!(unpack(b"no zip".to_vec()).is_err());
    }
}
