//! Results to the disk, where a person says. A file is there whole or not at
//! all, and one that lies there already is only replaced where the dialog asked.

use crate::reach::Reach;
use api::{BytesOf, Error, ErrorCode, JobView, PAGE_ROWS_MAX, Reply, Request, TaskState};
use node::Then;
use node::saved::{self, NewFile};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is to be saved of a job.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) job: JobView,
    /// `None`: every task's.
    pub(crate) indexes: Option<BTreeSet<u32>>,
    /// The one result that the job was folded to.
    pub(crate) folded: bool,
}

/// What was saved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) files: u32,
    /// What to show a person who asks where.
    pub(crate) place: PathBuf,
}

impl Wanted {
    /// The index of the only result, where it is one.
    pub(crate) fn single(&self) -> Option<u32> {
        if self.folded {
            return Some(self.job.tasks.total);
        }
        match &self.indexes {
            Some(indexes) if indexes.len() == 1 => indexes.first().copied(),
            None if self.job.tasks.total == 1 => Some(0),
            Some(_) | None => None,
        }
    }

    /// What a person is offered as the name of the single file.
    pub(crate) fn file_name(&self) -> String {
        let stem = plain(&self.job.name);
        let extension = saved::extension(self.job.result_type.as_deref());
        match self.single() {
            Some(index) if !self.folded && self.job.tasks.total > 1 => {
                format!("{stem}-{index}.{extension}")
            }
            Some(_) | None => format!("{stem}.{extension}"),
        }
    }

    /// Writes the single result to `path`.
    pub(crate) async fn to_file(&self, path: &Path, reach: &Reach) -> Result<Saved, Error> {
        let index = self.single().unwrap_or_default();
        write(self.read(index, BytesOf::Result), path, reach).await?;
        Ok(Saved {
            files: 1,
            place: path.to_owned(),
        })
    }

    /// Writes every wanted result into a new folder in `parent`, by its index,
    /// and what a task left in `/out` into a folder of that index.
    pub(crate) async fn to_folder(&self, parent: &Path, reach: &Reach) -> Result<Saved, Error> {
        let folder = new_folder(parent, &plain(&self.job.name))?;
        let mut files = 0;
        let mut from = Some(0);
        while let Some(first) = from {
            let request = Request::Results {
                job: self.job.id.clone(),
                from: first,
                limit: PAGE_ROWS_MAX,
            };
            let Reply::Results { results, next, .. } = reach.call(request, None).await?.reply
            else {
                return Err(out_of_turn());
            };
            for entry in results {
                let wanted = self
                    .indexes
                    .as_ref()
                    .is_none_or(|indexes| indexes.contains(&entry.index));
                if !wanted || entry.state != TaskState::Done {
                    continue;
                }
                let path = folder.join(format!(
                    "{}.{}",
                    entry.index,
                    saved::extension(self.job.result_type.as_deref())
                ));
                write(self.read(entry.index, BytesOf::Result), &path, reach).await?;
                files += 1;
                for (name, _) in entry.files {
                    let path = folder
                        .join(entry.index.to_string())
                        .join(saved::below(&name)?);
                    let what = BytesOf::File { name };
                    write(self.read(entry.index, what), &path, reach).await?;
                    files += 1;
                }
            }
            from = next;
        }
        Ok(Saved {
            files,
            place: folder,
        })
    }

    fn read(&self, index: u32, what: BytesOf) -> Request {
        Request::Read {
            job: self.job.id.clone(),
            index,
            what,
        }
    }
}

/// Writes the bytes that a request is answered with.
pub(crate) async fn write(request: Request, path: &Path, reach: &Reach) -> Result<(), Error> {
    let Then::Bytes(mut pieces) = reach.call(request, None).await?.then else {
        return Err(out_of_turn());
    };
    let mut file = NewFile::create(path)?;
    while let Some(piece) = pieces.recv().await {
        file.write(&piece?)?;
    }
    file.keep()
}

fn new_folder(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    let mut path = parent.join(name);
    let mut number = 2;
    loop {
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                path = parent.join(format!("{name} {number}"));
                number += 1;
            }
            Err(error) => return Err(saved::unwritable(&path, &error)),
        }
    }
}

/// A job's name as that of a file: no way out of its folder, nothing hidden.
fn plain(name: &str) -> String {
    const CHARS_MAX: usize = 80;
    let name: String = name
        .chars()
        .map(|c| {
            if c == '/' || c == '\\' || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .take(CHARS_MAX)
        .collect();
    match name.trim_start_matches('.').trim() {
        "" => "results".to_owned(),
        name => name.to_owned(),
    }
}

fn out_of_turn() -> Error {
    Error::new(ErrorCode::Internal, "the node answered something else")
}

#[cfg(test)]
mod tests {
    use super::{new_folder, plain};

    #[test]
    fn hostile_names_stay_in_their_folder() {
        assert_eq!(plain("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(plain("..."), "results");
        assert_eq!(plain("a\u{1b}[31m\nb"), "a_[31m_b");
        assert!(plain(&"x".repeat(10_000)).len() <= 80);
    }

    #[test]
    fn an_older_folder_is_left_as_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let first = new_folder(parent.path(), "tiles").unwrap();
        let second = new_folder(parent.path(), "tiles").unwrap();
        assert_eq!(first, parent.path().join("tiles"));
        assert_eq!(second, parent.path().join("tiles 2"));
    }
}
