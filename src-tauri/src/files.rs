//! Files that a person dropped on the window, picked or opened. The page sees
//! an id, a name and a size; paths stay here.

use api::{Card, Error, ErrorCode, Reply, Request};
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

use crate::reach::Reach;

/// Files that are remembered; the oldest are forgotten. As many as one job
/// of files may reasonably have.
const FILES_KEPT: usize = 10_000;
/// Of a module; the inspector refuses longer ones, and says so from one byte more.
const MODULE_BYTES_MAX: u64 = 128 << 20;
/// Read at a time.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for the node.
const PIECES_WAITING: usize = 16;

/// A file as the page knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) is_module: bool,
}

/// The files that the page may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    files: BTreeMap<u64, File>,
}

#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    card: Option<Card>,
}

impl Files {
    /// Takes in what is there; of a folder, the files directly in it.
    pub(crate) fn add(&self, paths: &[PathBuf]) -> Vec<FileView> {
        let mut views = Vec::new();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths.iter().flat_map(|path| files_of(path)) {
            let Ok(about) = path.metadata() else { continue };
            table.last += 1;
            let id = table.last;
            views.push(FileView {
                id: format!("f_{id}"),
                name: name_of(&path),
                bytes: about.len(),
                is_module: is_module(&path),
            });
            table.files.insert(id, File { path, card: None });
            if table.files.len() > FILES_KEPT {
                table.files.pop_first();
            }
        }
        views
    }

    /// What the inspector says; read once, remembered after.
    pub(crate) async fn inspect(&self, id: &str) -> Result<Card, Error> {
        let file = self.find(id)?;
        if let Some(card) = file.card {
            return Ok(card);
        }
        let path = file.path.clone();
        let inspected = tokio::task::spawn_blocking(move || -> Result<Card, Error> {
            let mut bytes = Vec::new();
            std::fs::File::open(&path)
                .and_then(|file| file.take(MODULE_BYTES_MAX + 1).read_to_end(&mut bytes))
                .map_err(|error| unreadable(&path, &error))?;
            Ok(node::inspect(Bytes::from(bytes)))
        });
        let card = inspected.await.map_err(|_| inspector_failed())??;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = number(id).and_then(|id| table.files.get_mut(&id)) {
            file.card = Some(card.clone());
        }
        Ok(card)
    }

    /// Hands the bytes to the node.
    pub(crate) async fn upload(&self, id: &str, reach: &Reach) -> Result<Reply, Error> {
        let path = self.find(id)?.path;
        let file = tokio::fs::File::open(&path)
            .await
            .map_err(|error| unreadable(&path, &error))?;
        let about = file
            .metadata()
            .await
            .map_err(|error| unreadable(&path, &error))?;
        let (pieces, upload) = mpsc::channel(PIECES_WAITING);
        let reading = tokio::spawn(read(file, pieces));
        let request = Request::Upload {
            bytes: Some(about.len()),
        };
        let answer = reach.call(request, Some(upload)).await;
        let read = reading.await.unwrap_or(Ok(()));
        let reply = answer?.reply;
        read.map_err(|error| unreadable(&path, &error))?;
        Ok(reply)
    }

    /// Lines of a text file, for the preview of a job with a task for each.
    pub(crate) async fn count_lines(&self, id: &str) -> Result<u64, Error> {
        let path = self.find(id)?.path;
        let counted = tokio::task::spawn_blocking(move || {
            std::fs::File::open(&path)
                .and_then(lines)
                .map_err(|error| unreadable(&path, &error))
        });
        counted.await.map_err(|_| inspector_failed())?
    }

    fn find(&self, id: &str) -> Result<File, Error> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        number(id)
            .and_then(|id| table.files.get(&id).cloned())
            .ok_or_else(|| {
                Error::new(ErrorCode::InputMissing, "this file is not known any more")
                    .hint("drop it or choose it again")
            })
    }
}

fn files_of(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// By its first bytes, or by its name where it is text.
fn is_module(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    let named = path
        .extension()
        .is_some_and(|extension| extension == "wasm" || extension == "wat");
    named || (read.is_ok() && magic == *b"\0asm")
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix("f_")?.parse().ok()
}

async fn read(mut file: tokio::fs::File, pieces: mpsc::Sender<Bytes>) -> std::io::Result<()> {
    use tokio::io::AsyncReadExt;
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        // A node that refused takes no more pieces, and its reply says why.
        if file.read_buf(&mut piece).await? == 0 || pieces.send(piece.into()).await.is_err() {
            return Ok(());
        }
    }
}

fn lines(file: std::fs::File) -> std::io::Result<u64> {
    let mut reader = BufReader::with_capacity(PIECE_BYTES, file);
    let (mut lines, mut ended) = (0, true);
    loop {
        let piece = reader.fill_buf()?;
        let Some(last) = piece.last() else {
            return Ok(lines + u64::from(!ended));
        };
        ended = *last == b'\n';
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        let read = piece.len();
        reader.consume(read);
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let code = if error.kind() == std::io::ErrorKind::NotFound {
        ErrorCode::InputMissing
    } else {
        ErrorCode::InputUnreadable
    };
    Error::new(code, format!("{} cannot be read: {error}", name_of(path)))
}

fn inspector_failed() -> Error {
    Error::new(ErrorCode::Internal, "the file could not be looked at")
}

#[cfg(test)]
mod tests {
    use super::{FILES_KEPT, Files, lines};
    use std::path::PathBuf;

    #[test]
    fn a_folder_gives_its_files_and_no_id_is_made_up() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.wasm"), b"\0asm\x01\0\0\0").unwrap();
        std::fs::write(folder.path().join("a.txt"), "text").unwrap();
        std::fs::create_dir(folder.path().join("deeper")).unwrap();
        let files = Files::default();
        let views = files.add(&[folder.path().to_owned(), PathBuf::from("/nowhere/at/all")]);
        let seen: Vec<_> = views
            .iter()
            .map(|view| (view.name.as_str(), view.bytes, view.is_module))
            .collect();
        assert_eq!(seen, [("a.txt", 4, false), ("b.wasm", 8, true)]);
        assert!(files.find(&views[1].id).is_ok());
        for wrong in ["", "f_", "f_99", "../etc/passwd", "/etc/passwd"] {
            assert!(files.find(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_oldest_files_are_forgotten() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let files = Files::default();
        let many = vec![file.path().to_owned(); FILES_KEPT + 1];
        let views = files.add(&many);
        assert!(files.find(&views[0].id).is_err());
        assert!(files.find(&views[1].id).is_ok());
    }

    #[test]
    fn a_last_line_without_an_end_counts() {
        for (text, count) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
            let file = std::fs::File::open(file.path()).unwrap();
            assert_eq!(lines(file).unwrap(), count, "{text:?}");
        }
    }
}
