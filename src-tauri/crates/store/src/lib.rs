//! Keeps what must not be forgotten: records in SQLite, blobs in files.
//!
//! [`Writer`] is the one connection that writes: a batch of [`Write`]s is one
//! transaction, and it is on disk when `commit` returns. [`Reader`] answers
//! from a few read-only connections. [`Blobs`] keeps bytes under their BLAKE3
//! hash and verifies them whenever they are read.
//!
//! This crate knows rows and bytes, not jobs: what a value means is its
//! owner's business. It never replaces what is damaged by something new and
//! empty: a damaged database is set aside and opening fails until a person
//! chose [`start_over`] or [`restore_backup`].
//!
//! The data folder holds `skep.db`, `blobs/`, `backups/`, `quarantine/`, `lock`
//! and `mark`. The mark says that a store was made here and how many commits it
//! had, so that a missing, emptied or rolled back database is noticed.
#![forbid(unsafe_code)]

mod backup;
mod batch;
mod blobs;
mod image;
mod inspect;
mod layout;
pub mod limits;
mod lock;
mod mark;
mod open;
mod quarantine;
mod reader;
mod sqlite;
mod sum;
mod write;
mod writer;

pub use backup::BackupError;
pub use blobs::{BlobWriter, Blobs, GetError, Hold, PutError};
pub use image::{Image, JobRow, RangeRow};
pub use lock::{Lock, LockError, lock};
pub use open::{OpenError, Options, Past, Store};
pub use quarantine::{RecoverError, restore_backup, start_over};
pub use reader::{NameRow, ReadError, Reader, ResultRow};
pub use write::Write;
pub use writer::{CommitError, Writer};

/// The BLAKE3 hash of a blob's bytes, which is its name.
pub type Digest = [u8; 32];
