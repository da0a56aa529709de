//! The mark: a small file that says a store was made here, whether it is open,
//! and how many commits it has had.
//!
//! The count is written after every commit without a sync, so it never says
//! more than the database holds on disk, and survives the death of the process.
//! A database with fewer commits than the mark has lost some: its log was
//! deleted or cut, or an old copy was put in its place.

use crate::layout::{Layout, sync_folder};
use crate::sum::StoreId;
use data_encoding::HEXLOWER;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Being made: nothing was acknowledged yet, so it may be made again.
    New,
    Open,
    Closed,
    /// A check in the background found damage: look again before opening.
    Suspect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: StoreId,
    pub(crate) state: State,
    pub(crate) commits: u64,
}

#[derive(Debug)]
pub(crate) enum Found {
    Missing,
    /// Not what we wrote.
    Damaged,
    Mark(Mark),
}

/// The open file, which is rewritten in place: one write within one sector.
#[derive(Debug)]
pub(crate) struct MarkFile {
    file: File,
    mark: Mark,
}

impl Mark {
    pub(crate) fn find(layout: &Layout) -> io::Result<Found> {
        let mut bytes = Vec::new();
        match File::open(layout.mark()) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
            Err(error) => return Err(error),
        };
        Ok(Mark::parse(&bytes).map_or(Found::Damaged, Found::Mark))
    }

    fn text(&self) -> String {
        let state = match self.state {
            State::New => "new",
            State::Open => "open",
            State::Closed => "closed",
            State::Suspect => "suspect",
        };
        // Of fixed width, so that a new text always covers the old one.
        let said = format!(
            "This folder belongs to Skep; do not edit or remove.\nid {}\nstate {state:<7}\ncommits {:020}\n",
            HEXLOWER.encode(&self.id),
            self.commits
        );
        let check = blake3::hash(said.as_bytes());
        format!("{said}check {}\n", HEXLOWER.encode(&check.as_bytes()[..8]))
    }

    fn parse(bytes: &[u8]) -> Option<Mark> {
        let text = str::from_utf8(bytes).ok()?;
        let mut lines = text.lines().skip(1);
        let id = lines.next()?.strip_prefix("id ")?;
        let id = HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()?;
        let state = match lines.next()?.strip_prefix("state ")?.trim_end() {
            "new" => State::New,
            "open" => State::Open,
            "closed" => State::Closed,
            "suspect" => State::Suspect,
            _ => return None,
        };
        let commits = lines.next()?.strip_prefix("commits ")?.parse().ok()?;
        let mark = Mark { id, state, commits };
        (mark.text() == text).then_some(mark)
    }
}

impl MarkFile {
    /// Writes a mark where there is none, or in place of a damaged one.
    pub(crate) fn create(layout: &Layout, mark: Mark) -> io::Result<MarkFile> {
        let mut temp = tempfile::NamedTempFile::new_in(layout.dir())?;
        temp.write_all(mark.text().as_bytes())?;
        temp.as_file().sync_all()?;
        let file = temp.persist(layout.mark()).map_err(|error| error.error)?;
        sync_folder(layout.dir())?;
        Ok(MarkFile { file, mark })
    }

    pub(crate) fn open(layout: &Layout, mark: Mark) -> io::Result<MarkFile> {
        let file = OpenOptions::new().write(true).open(layout.mark())?;
        Ok(MarkFile { file, mark })
    }

    /// Notes how many commits there are. Not synced: see above.
    pub(crate) fn count(&mut self, commits: u64) -> io::Result<()> {
        self.mark.commits = commits;
        self.write()
    }

    pub(crate) fn set(&mut self, state: State, commits: u64) -> io::Result<()> {
        self.mark.state = state;
        self.mark.commits = commits;
        self.write()?;
        self.file.sync_all()
    }

    /// Where it goes without having been closed, its process goes on, and
    /// SQLite closes the database as well.
    fn leave(&mut self) -> io::Result<()> {
        if self.mark.state == State::Open {
            self.set(State::Closed, self.mark.commits)
        } else {
            Ok(())
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let text = self.mark.text();
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for MarkFile {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "the mark could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        id: [7; 16],
        state: State::Open,
        commits: 42,
    };

    #[test]
    fn what_was_written_is_read() {
        for state in [State::New, State::Open, State::Closed, State::Suspect] {
            let mark = Mark {
                state,
                commits: u64::MAX,
                ..MARK
            };
            assert_eq!(Mark::parse(mark.text().as_bytes()), Some(mark));
            assert_eq!(mark.text().len(), MARK.text().len(), "of fixed width");
        }
        assert!(MARK.text().len() <= 512, "within one sector");
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let text = MARK.text().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut bent = text.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::parse(&bent), None, "bit {bit}");
        }
        for len in 0..text.len() {
            assert_eq!(Mark::parse(&text[..len]), None, "cut at {len}");
        }
    }
}
