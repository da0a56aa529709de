//! Keeps what must not be forgotten: records in SQLite, blobs in files.
