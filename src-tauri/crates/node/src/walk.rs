//! The results of a job, one after the other, read from the store as they are
//! needed.

use crate::stored::{self, End, Kept, unread, unreadable};
use api::Error;
use bytes::Bytes;
use pool::JobNo;
use std::collections::VecDeque;
use store::{Blobs, Reader};

/// Rows read at once.
const ROWS: u32 = 256;
/// Bytes of values read at once.
const BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Walk {
    reader: Reader,
    blobs: Blobs,
    no: JobNo,
    next: u32,
    /// Index = count is the fold's own.
    count: u32,
    read: VecDeque<End>,
}

impl Walk {
    pub(crate) fn new(reader: Reader, blobs: Blobs, no: JobNo, count: u32) -> Walk {
        Walk {
            reader,
            blobs,
            no,
            next: 0,
            count,
            read: VecDeque::new(),
        }
    }

    /// The next task that has a result.
    pub(crate) async fn next(&mut self) -> Result<Option<End>, Error> {
        if self.read.is_empty() && self.next < self.count {
            let rows = self
                .reader
                .results(self.no.0, self.next, ROWS, BYTES)
                .await
                .map_err(|error| unread(&error))?;
            for row in &rows {
                self.read.extend(stored::ends(row, self.next)?);
                self.next = row.first + row.count;
            }
            if rows.is_empty() {
                self.next = self.count;
            }
        }
        Ok(self.read.pop_front().filter(|end| end.index < self.count))
    }

    /// From the first task again.
    pub(crate) fn restart(&mut self) {
        self.next = 0;
        self.read.clear();
    }

    /// The whole of what a task left.
    pub(crate) async fn bytes(&self, kept: &Kept) -> Result<Bytes, Error> {
        match kept {
            Kept::Inline(bytes) => Ok(bytes.clone()),
            Kept::Blob { digest, .. } => self
                .blobs
                .get(&digest.0)
                .await
                .map_err(|error| unreadable(&error)),
        }
    }
}
