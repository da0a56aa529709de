//! The settings file: read with places for errors, edited without losing
//! comments, written whole or not at all.

use super::table::{Setting, TABLE};
use super::{SettingsError, near};
use crate::limits::SETTINGS_BYTES_MAX;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml_edit::{Document, DocumentMut, Item};

/// Values in the file by key, as text. A missing file has none.
pub(super) fn read(file: &Path) -> Result<Vec<(&'static str, String)>, SettingsError> {
    parse(file, &text(file)?)
}

pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<(&'static str, String)>, SettingsError> {
    let bad = |span: Option<Range<usize>>, what: String| {
        let (line, column) = place(text, span.map_or(0, |span| span.start));
        SettingsError::File {
            file: file.to_owned(),
            line,
            column,
            what,
            last_good: kept(file),
        }
    };
    let document =
        Document::parse(text).map_err(|error| bad(error.span(), one_line(error.message())))?;
    let mut values = Vec::new();
    for (section, item) in document.as_table() {
        let span_of_section = document
            .as_table()
            .key(section)
            .and_then(toml_edit::Key::span);
        let Some(table) = item.as_table_like() else {
            return Err(bad(
                span_of_section,
                format!(
                    "'{section}' is not in a section; settings are written as [section] and then name = value"
                ),
            ));
        };
        let known = TABLE
            .iter()
            .any(|s| s.key.split_once('.').is_some_and(|(of, _)| of == section));
        if !known {
            return Err(bad(
                span_of_section.or(item.span()),
                format!("there is no section '{section}'"),
            ));
        }
        for (name, item) in table.iter() {
            let key = format!("{section}.{name}");
            let Some(setting) = TABLE.iter().find(|setting| setting.key == key) else {
                let hint =
                    near(&key).map_or(String::new(), |near| format!("; did you mean {near}?"));
                return Err(bad(
                    table.key(name).and_then(toml_edit::Key::span),
                    format!("there is no setting '{key}'{hint}"),
                ));
            };
            let Some(value) = scalar(item) else {
                return Err(bad(
                    item.span(),
                    format!("{key} takes {}", setting.kind.accepts()),
                ));
            };
            setting
                .kind
                .check(&value)
                .map_err(|what| bad(item.span(), format!("{key}: {what}")))?;
            values.push((setting.key, value));
        }
    }
    Ok(values)
}

/// The file's text with one setting changed or, with `None`, taken out.
pub(super) fn edit(
    file: &Path,
    setting: &Setting,
    value: Option<&str>,
) -> Result<String, SettingsError> {
    let before = text(file)?;
    parse(file, &before)?;
    let mut document: DocumentMut = before.parse().unwrap_or_default();
    let Some((section, name)) = setting.key.split_once('.') else {
        return Ok(before);
    };
    match value {
        Some(value) => {
            let table = document.entry(section).or_insert_with(toml_edit::table);
            let mut new = setting.kind.written(value);
            let Some(table) = table.as_table_like_mut() else {
                return Ok(before);
            };
            if let Some(old) = table.get(name).and_then(Item::as_value) {
                *new.decor_mut() = old.decor().clone();
            }
            if let Some(item) = table.get_mut(name) {
                *item = Item::Value(new);
            } else {
                table.insert(name, Item::Value(new));
            }
        }
        None => {
            if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
                table.remove(name);
                if table.is_empty() {
                    document.remove(section);
                }
            }
        }
    }
    Ok(document.to_string())
}

/// Beside the old one first, then in its place, on disk when this returns.
pub(super) fn write(file: &Path, text: &str) -> Result<(), SettingsError> {
    let unwritable = |why| SettingsError::Unwritable {
        file: file.to_owned(),
        why,
    };
    // A link to the file (as people who keep their settings elsewhere have) stays a link.
    let real = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = real.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    new.write_all(text.as_bytes())
        .and_then(|()| new.as_file().sync_all())
        .map_err(unwritable)?;
    new.persist(&real)
        .map_err(|error| unwritable(error.error))?;
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unwritable)
}

pub(super) fn keep_last_good(file: &Path) -> Result<(), SettingsError> {
    let now = text(file)?;
    // A process that runs on the copy must not write what is bad over it.
    parse(file, &now)?;
    let copy = copy_of(file);
    if now.is_empty() || std::fs::read_to_string(&copy).is_ok_and(|kept| kept == now) {
        return Ok(());
    }
    write(&copy, &now)
}

pub(super) fn text(file: &Path) -> Result<String, SettingsError> {
    let unreadable = |why: String| SettingsError::Unreadable {
        file: file.to_owned(),
        why,
        last_good: kept(file),
    };
    // Looked at before it is opened: a pipe would wait for a writer.
    let found = match std::fs::metadata(file) {
        Ok(found) => found,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(String::new());
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    if !found.is_file() {
        return Err(unreadable("it is no file".to_owned()));
    }
    if found.len() > SETTINGS_BYTES_MAX {
        return Err(unreadable(format!(
            "it has {} bytes, and settings never need more than {SETTINGS_BYTES_MAX}",
            found.len()
        )));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes)
        .map_err(|_| unreadable("it is not UTF-8 text; save it as UTF-8".to_owned()))
}

fn copy_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".last-good");
    PathBuf::from(name)
}

fn kept(file: &Path) -> Option<PathBuf> {
    Some(copy_of(file)).filter(|copy| copy.is_file())
}

fn scalar(item: &Item) -> Option<String> {
    item.as_str()
        .map(str::to_owned)
        .or_else(|| item.as_integer().map(|n| n.to_string()))
        .or_else(|| item.as_bool().map(|b| b.to_string()))
        .or_else(|| item.as_float().map(|f| f.to_string()))
}

/// Line and column of a byte, both from 1, columns in characters.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

fn one_line(message: &str) -> String {
    message
        .split('\n')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}
