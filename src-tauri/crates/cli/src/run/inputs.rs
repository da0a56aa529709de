//! What goes into a job, found and checked before anything is sent.

use super::options::{InputOptions, SplitOptions};
use super::sweep;
use crate::failure::usage;
use crate::reach::Door;
use api::{Error, ErrorCode, InputFile, Split, SweptParameter};
use bytes::Bytes;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Standard input is read whole before it is sent; more than this is no list.
const STDIN_BYTES_MAX: u64 = 1 << 30;

/// A split whose files are known to be there.
#[derive(Debug)]
pub(super) enum Cut {
    Once,
    Range {
        start: String,
        end: String,
        step: String,
    },
    Items(Source),
    Lines {
        source: Source,
        per_task: u32,
    },
    Files(Vec<PathBuf>),
    Sweep(Vec<SweptParameter>),
}

#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Stdin,
}

/// A file, and where it lies below `/in`.
#[derive(Debug)]
pub(super) struct Given {
    path: PathBuf,
    name: String,
}

impl Cut {
    pub(super) fn meant(split: &SplitOptions, lines_per_task: Option<u32>) -> Result<Cut, Error> {
        if let Some(range) = &split.range {
            return self::range(range);
        }
        if let Some(items) = &split.items {
            return Ok(Cut::Items(Source::find(items)?));
        }
        if let Some(lines) = &split.each_line {
            return Ok(Cut::Lines {
                source: Source::find(lines)?,
                per_task: lines_per_task.unwrap_or(1),
            });
        }
        if !split.each_file.is_empty() {
            return Ok(Cut::Files(files(&split.each_file)?));
        }
        if !split.sweep.is_empty() {
            let swept = split.sweep.iter().map(|word| sweep::parameter(word));
            return Ok(Cut::Sweep(swept.collect::<Result<_, _>>()?));
        }
        Ok(Cut::Once)
    }

    /// Whether it makes one task, as far as can be said without the module.
    pub(super) fn is_once(&self) -> bool {
        matches!(self, Cut::Once)
    }

    /// Names of a sweep.
    pub(super) fn parameters(&self) -> Vec<String> {
        match self {
            Cut::Sweep(parameters) => parameters.iter().map(|swept| swept.name.clone()).collect(),
            Cut::Once | Cut::Range { .. } | Cut::Items(_) | Cut::Lines { .. } | Cut::Files(_) => {
                Vec::new()
            }
        }
    }

    pub(super) fn reads_stdin(&self) -> bool {
        matches!(
            self,
            Cut::Items(Source::Stdin)
                | Cut::Lines {
                    source: Source::Stdin,
                    ..
                }
        )
    }

    /// `from_stdin` is what our standard input held, where it is read.
    pub(super) async fn send(
        &self,
        door: &Door,
        from_stdin: Option<Bytes>,
    ) -> Result<Split, Error> {
        Ok(match self {
            Cut::Once => Split::Once,
            Cut::Range { start, end, step } => Split::Range {
                start: start.clone(),
                end: end.clone(),
                step: step.clone(),
            },
            Cut::Items(source) => Split::Items {
                blob: source.send(door, from_stdin).await?,
            },
            Cut::Lines { source, per_task } => Split::Lines {
                blob: source.send(door, from_stdin).await?,
                per_task: *per_task,
            },
            Cut::Files(paths) => {
                let mut files = Vec::with_capacity(paths.len());
                for path in paths {
                    files.push(InputFile {
                        name: base_name(path)?,
                        blob: door.upload_file(path).await?,
                    });
                }
                Split::Files { files }
            }
            Cut::Sweep(parameters) => Split::Sweep {
                parameters: parameters.clone(),
            },
        })
    }
}

impl Source {
    pub(super) fn find(path: &Path) -> Result<Source, Error> {
        if path == Path::new("-") {
            return Ok(Source::Stdin);
        }
        check_file(path)?;
        Ok(Source::File(path.to_owned()))
    }

    pub(super) async fn send(
        &self,
        door: &Door,
        from_stdin: Option<Bytes>,
    ) -> Result<String, Error> {
        match self {
            Source::File(path) => door.upload_file(path).await,
            Source::Stdin => door.upload(from_stdin.unwrap_or_default()).await,
        }
    }
}

impl Given {
    /// `PATH[::NAME]`; a folder stands for all files below it.
    pub(super) fn find(input: &InputOptions) -> Result<Vec<Given>, Error> {
        let mut given = Vec::new();
        for word in &input.files {
            let (path, name) = match word.rsplit_once("::") {
                Some((path, name)) => (
                    Path::new(path),
                    Some(name.trim_start_matches("/in/").to_owned()),
                ),
                None => (Path::new(word), None),
            };
            let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
            let name = match name {
                Some(name) if !name.is_empty() => name,
                Some(_) => return Err(usage(format!("--in {word} names nothing after ::"))),
                None => base_name(path)?,
            };
            if found.is_dir() {
                below(path, &name, &mut given)?;
            } else {
                check_file(path)?;
                given.push(Given {
                    path: path.to_owned(),
                    name,
                });
            }
        }
        let mut seen = HashSet::new();
        if let Some(twice) = given.iter().find(|file| !seen.insert(&file.name)) {
            return Err(usage(format!("two files would be /in/{}", twice.name))
                .hint("give one another name: --in PATH::NAME"));
        }
        Ok(given)
    }

    pub(super) async fn send(&self, door: &Door) -> Result<InputFile, Error> {
        Ok(InputFile {
            name: self.name.clone(),
            blob: door.upload_file(&self.path).await?,
        })
    }
}

/// `NAME=VALUE`, or `NAME` for the value it has here.
pub(super) fn environment(words: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let mut environment = BTreeMap::new();
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => match std::env::var(word) {
                Ok(value) => (word.as_str(), value),
                Err(std::env::VarError::NotPresent) => {
                    return Err(
                        usage(format!("--env {word}: you have no variable of this name"))
                            .hint(format!("give it a value: --env {word}=VALUE")),
                    );
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(usage(format!("--env {word}: its value is not UTF-8")));
                }
            },
        };
        if name.is_empty() {
            return Err(usage(format!("--env {word} has no name")));
        }
        environment.insert(name.to_owned(), value);
    }
    Ok(environment)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::new(
            ErrorCode::InputMissing,
            format!("there is no file {}", path.display()),
        );
    }
    Error::new(
        ErrorCode::InputUnreadable,
        format!("{} cannot be read: {error}", path.display()),
    )
}

fn range(text: &str) -> Result<Cut, Error> {
    let (start, end, step) = numbers(text).map_err(|what| {
        Error::new(ErrorCode::BadRange, format!("--range {text}: {what}"))
            .hint("write A..B or A..B..STEP; B is excluded")
    })?;
    Ok(Cut::Range {
        start: start.to_string(),
        end: end.to_string(),
        step: step.to_string(),
    })
}

/// First, end (excluded) and step of `A..B[..STEP]`, or what is wrong with it.
pub(super) fn numbers(text: &str) -> Result<(i64, i64, i64), String> {
    let parts: Vec<&str> = text.split("..").collect();
    let number = |part: &str| {
        part.trim()
            .parse::<i64>()
            .map_err(|_| format!("'{part}' is not a whole number"))
    };
    let (start, end, step) = match parts[..] {
        [start, end] => (number(start)?, number(end)?, None),
        [start, end, step] => (number(start)?, number(end)?, Some(number(step)?)),
        _ => return Err("it is not a range".to_owned()),
    };
    // Downwards is said with a step; without one, an empty range is a mistake.
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err("with a step of 0 it never ends".to_owned());
    }
    if start == end || (start < end) != (step > 0) {
        return Err("it is empty".to_owned());
    }
    Ok((start, end, step))
}

/// Files that the patterns name, in the order given and within a pattern by
/// name; each once.
fn files(patterns: &[String]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    for pattern in patterns {
        let literal = Path::new(pattern);
        let mut found: Vec<PathBuf> = if literal.exists() {
            vec![literal.to_owned()]
        } else {
            let paths = glob::glob(pattern).map_err(|error| {
                Error::new(
                    ErrorCode::BadSplit,
                    format!("--each-file {pattern}: {error}"),
                )
            })?;
            paths
                .collect::<Result<_, _>>()
                .map_err(|error| unreadable(error.path(), error.error()))?
        };
        found.retain(|path| !path.is_dir());
        if found.is_empty() {
            return Err(Error::new(
                ErrorCode::InputMissing,
                format!("--each-file {pattern}: no file matches"),
            ));
        }
        files.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
    }
    files.iter().try_for_each(|path| check_file(path))?;
    Ok(files)
}

fn below(folder: &Path, name: &str, given: &mut Vec<Given>) -> Result<(), Error> {
    let read = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = read.map_err(|error| unreadable(folder, &error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = format!("{name}/{}", base_name(&path)?);
        let found = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if found.is_dir() {
            below(&path, &name, given)?;
        } else {
            check_file(&path)?;
            given.push(Given { path, name });
        }
    }
    Ok(())
}

/// It is there, and we may read it.
fn check_file(path: &Path) -> Result<(), Error> {
    let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if found.is_dir() {
        return Err(Error::new(
            ErrorCode::InputUnreadable,
            format!("{} is a folder", path.display()),
        ));
    }
    std::fs::File::open(path)
        .map(drop)
        .map_err(|error| unreadable(path, &error))
}

fn base_name(path: &Path) -> Result<String, Error> {
    let canonical = path.file_name().map(PathBuf::from).or_else(|| {
        std::fs::canonicalize(path)
            .ok()?
            .file_name()
            .map(PathBuf::from)
    });
    canonical
        .and_then(|name| name.to_str().map(str::to_owned))
        .ok_or_else(|| {
            usage(format!("{} has no name in UTF-8", path.display()))
                .hint("give it one: --in PATH::NAME")
        })
}

pub(super) async fn read_stdin() -> Result<Vec<u8>, Error> {
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(STDIN_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    });
    let bytes = read.await.map_err(io::Error::other).flatten();
    let bytes = bytes.map_err(|error| unreadable(Path::new("standard input"), &error))?;
    if bytes.len() as u64 > STDIN_BYTES_MAX {
        return Err(Error::new(
            ErrorCode::InputTooLarge,
            "standard input has more than 1 GiB",
        )
        .hint("put it into a file"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Cut, environment, files, range};
    use api::ErrorCode;

    #[test]
    fn ranges_end_before_their_end() {
        let read = |text| match range(text) {
            Ok(Cut::Range { start, end, step }) => Ok((start, end, step)),
            Ok(_) => panic!(),
            Err(error) => Err(error.code),
        };
        let of = |a: &str, b: &str, c: &str| Ok((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(read("0..10"), of("0", "10", "1"));
        assert_eq!(read("-5..5..2"), of("-5", "5", "2"));
        assert_eq!(read("10..0..-1"), of("10", "0", "-1"));
        for wrong in [
            "",
            "5",
            "0..",
            "..5",
            "0..0",
            "5..1",
            "0..9..0",
            "0..9..-1",
            "a..b",
            "0..1..2..3",
            "0..99999999999999999999",
        ] {
            assert_eq!(read(wrong), Err(ErrorCode::BadRange), "{wrong}");
        }
    }

    #[test]
    fn files_come_by_pattern_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.txt", "a.txt", "c.md", "[x].txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns
                .iter()
                .map(|p| dir.path().join(p).to_str().unwrap().to_owned())
                .collect();
            files(&patterns).map(|found| {
                found
                    .iter()
                    .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            names(&["c.md", "*.txt", "a.txt"]).unwrap(),
            ["c.md", "[x].txt", "a.txt", "b.txt"]
        );
        assert_eq!(names(&["[x].txt"]).unwrap(), ["[x].txt"]);
        assert_eq!(names(&["*.png"]).unwrap_err().code, ErrorCode::InputMissing);
    }

    #[test]
    fn environment_is_given_or_inherited() {
        let words = |words: &[&str]| {
            environment(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
        };
        let given = words(&["A=1=2", "PATH", "B="]).unwrap();
        assert_eq!(given["A"], "1=2");
        assert_eq!(given["B"], "");
        assert_eq!(given["PATH"], std::env::var("PATH").unwrap());
        assert!(words(&["SURELY_NOT_SET_HERE"]).is_err() && words(&["=x"]).is_err());
    }
}
