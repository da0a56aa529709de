//! Every limit of the store, with its unit and its reason.

use std::time::Duration;

/// Read-only connections: enough for a few people looking at once, each costs
/// a thread and a page cache.
pub const READERS: u32 = 4;

/// How long a connection waits for a lock that another program holds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Frames (pages of 4 KiB) in the write-ahead log before it is copied into the
/// database: at 1,000 the longest commit beside it was 1.7 ms.
pub const CHECKPOINT_FRAMES: u32 = 1_000;

/// Commits between two looks at the length of the log: a look costs a hop to
/// the connection's thread, and a small commit writes about four frames.
pub const LOG_LOOK_COMMITS: u32 = 64;

/// Bytes of values between two looks at the length of the log.
pub const LOG_LOOK_BYTES: u64 = 1 << 20;

/// Without a commit for so long the store counts as idle and tidies its log.
pub const IDLE: Duration = Duration::from_secs(2);

/// An idle log longer than this is cut to nothing. A shorter one is left:
/// commits into a log that has grown already are a third faster.
pub const IDLE_LOG_BYTES: u64 = 16 << 20;

/// SQLite cuts the log to this when it starts it again from the beginning.
pub const LOG_BYTES_MAX: u64 = 64 << 20;

/// Written and deleted once in a new store, so that its log has grown.
pub const FIRST_LOG_BYTES: u32 = 5_000_000;

/// A larger database is checked in the background after opening (1.3 GB took
/// 18 s cold), a smaller one before.
pub const FOREGROUND_CHECK_BYTES: u64 = 256 << 20;

/// Backups kept; the oldest goes first.
pub const BACKUPS: usize = 3;

/// Age of the newest backup from which on a new one is due.
pub const BACKUP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// From so many blobs on, one `syncfs` is cheaper than an fsync for each
/// (64 of 1 KiB: 1.7 ms against 17.2).
pub const SYNC_TOGETHER: usize = 8;

/// A blob writer gathers this many bytes before it leaves for a thread that
/// may block.
pub const BLOB_PIECE_BYTES: usize = 256 << 10;

/// Files whose hash was verified in this process, remembered to hash them only
/// once; about 100 bytes each.
pub const VERIFIED_BLOBS: usize = 65_536;

/// Job numbers lie below this: a row's key is `no << 32 | first` in 63 bits.
pub const JOB_NO_MAX: u32 = i32::MAX as u32;
