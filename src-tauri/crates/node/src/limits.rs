//! Every limit of the node, named, with its unit and its reason.

use std::time::Duration;

/// Inputs handled between two commits: enough that a busy pool commits large
/// batches, few enough that a batch is decided in milliseconds.
pub(crate) const INPUTS_PER_TURN: usize = 1024;
/// Inputs that wait for the driver; beyond, senders wait.
pub(crate) const INBOX: usize = 4096;
/// Turns in a row that a full inbox may put a due timer off, so that what came
/// in during a slow commit is heard before anything expires.
pub(crate) const TURNS_BEFORE_TIMER: u32 = 16;
/// Longest sleep of the driver: its timer counts time in which the machine
/// sleeps, the runtime's does not.
pub(crate) const SLEEP_MAX: Duration = Duration::from_secs(5);
/// A settings file with every setting and much to say about each, in bytes.
pub(crate) const SETTINGS_BYTES_MAX: u64 = 1 << 20;
/// Free space of the data folder's disk below which nothing new is accepted,
/// in bytes: what runs still has to be recorded.
pub(crate) const SPACE_MIN_BYTES: u64 = 4 << 20;
/// Between two looks at the free space.
pub(crate) const SPACE_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two tries of a commit while the disk is full.
pub(crate) const FULL_DISK_RETRY: Duration = Duration::from_secs(1);
/// Lines of the log in a report: what was said before it was asked for, and no
/// more than a person reads.
pub(crate) const REPORT_LOG_LINES: u32 = 2_000;
/// Frames on their way between coordinator and worker in one process.
pub(crate) const PIPE_FRAMES: usize = 1024;

/// Results and logs up to here travel and are kept inline, in bytes; a blob
/// costs two syncs.
pub(crate) const INLINE_BYTES: usize = 4 << 10;
/// Ended tasks are reported together until the first of them has waited this
/// long; short enough that progress looks alive.
pub(crate) const REPORT_AFTER: Duration = Duration::from_millis(25);
/// Result bytes that are reported together at most.
pub(crate) const REPORT_BYTES: usize = 256 << 10;
/// Bytes of pieces read from a blob at once for the tasks of a batch; a single
/// piece above it is streamed.
pub(crate) const PIECES_READ_BYTES: u64 = 4 << 20;
/// Calls of a function in one batch: some milliseconds of work for the
/// smallest function.
pub(crate) const CALLS_PER_BATCH: u32 = 16 << 10;
/// Idle executors that one slot keeps warm.
pub(crate) const WARM_PER_SLOT: usize = 2;
/// How long an idle executor is kept warm.
pub(crate) const WARM_TIME: Duration = Duration::from_secs(60);
/// Last lines of a log that a task's view shows, and the bytes they are cut from.
pub(crate) const LOG_TAIL_LINES: usize = 20;
pub(crate) const LOG_TAIL_BYTES: u64 = 16 << 10;
/// Longest error text taken from a log's last line, in bytes.
pub(crate) const ERROR_LINE_BYTES: usize = 500;

/// Standard input of a task, in bytes.
pub(crate) const STDIN_BYTES_MAX: u64 = 64 << 20;
/// Files below `/in` of a task, together, in bytes.
pub(crate) const IN_BYTES_MAX: u64 = 1 << 30;
/// Arguments and environment of a task, together, in bytes.
pub(crate) const ARGUMENT_BYTES_MAX: usize = 64 << 10;
/// The value of a task as `SKEP_ITEM`, in bytes; longer ones are left out.
pub(crate) const ITEM_ENV_BYTES_MAX: usize = 32 << 10;
/// An uploaded blob, in bytes: the largest input there is.
pub(crate) const UPLOAD_BYTES_MAX: u64 = 4 << 30;
/// A split's input, in bytes; it is read into memory to be cut.
pub(crate) const SPLIT_BYTES_MAX: u64 = 1 << 30;
/// Input of a kernel's fold, in bytes.
pub(crate) const FOLD_INPUT_BYTES_MAX: u64 = 4 << 30;
/// Time a kernel's plan may take: it reads parameters and counts.
pub(crate) const PLAN_TIME: Duration = Duration::from_secs(10);
/// What a kernel's plan may write, in bytes.
pub(crate) const PLAN_BYTES_MAX: u64 = 64 << 10;
/// Modules whose inspection is remembered, so that the list of modules does
/// not validate them again: a few KiB each, or a few hundred
/// for one with thousands of functions.
pub(crate) const MODULES_SEEN: usize = 64;
/// Modules that a worker keeps ready to be spawned; their code stays in memory.
pub(crate) const MODULES_READY: usize = 4;
/// A job's or module's name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 200;

/// How long a blob that nothing names is kept.
pub(crate) const UNNAMED_BLOB_TIME: Duration = Duration::from_secs(3600);
/// How long a blob is kept beside the record that names it by now: far longer
/// than between looking for such a record and deleting.
pub(crate) const NAMED_BLOB_TIME: Duration = Duration::from_secs(3);
/// How long a worker's new blob is kept for its report to arrive and be
/// committed; a full disk may take its time.
pub(crate) const REPORTED_BLOB_TIME: Duration = Duration::from_secs(600);
/// Between two rounds of retention and sweeping.
pub(crate) const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Between two progress events to one follower.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at a job of which nothing is heard.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Events that wait for a follower; beyond, ranges are joined and output is
/// read from the store at the end.
pub(crate) const FOLLOWER_EVENTS: usize = 256;
/// How long the results of a transient job stay after its end for the client
/// that was told of it: plenty to read the last of them.
pub(crate) const READ_WITHIN: Duration = Duration::from_secs(30);
/// The beginning of a running one-task job's output that is kept for
/// followers who come late, in bytes and stream.
pub(crate) const LIVE_BYTES: usize = 1 << 20;

/// Between two changes told to one who watches.
pub(crate) const CHANGES_EVERY: Duration = Duration::from_millis(250);
/// Between two readings of a machine told to one who watches, while tasks run
/// and while none do.
pub(crate) const VITALS_EVERY: Duration = Duration::from_secs(1);
pub(crate) const VITALS_RESTING: Duration = Duration::from_secs(3);
/// Ended jobs that one who begins to watch is told of.
pub(crate) const JOBS_WATCHED: usize = 100;
/// What one event of a watch carries, in bytes of JSON, about: a quarter of a
/// frame, because names may need several bytes a letter.
pub(crate) const CHANGES_BYTES: usize = 256 << 10;
/// Events that wait for one who watches; beyond, changes gather.
pub(crate) const CHANGES_WAITING: usize = 4;
/// Times at which one machine did not work that are remembered for timelines.
pub(crate) const STOPS_PER_MACHINE: usize = 256;
/// Spans that are kept of one job: more than a timeline shows one by one.
pub(crate) const SPANS_PER_JOB: usize = 20_000;
/// Spans that are kept in all, of about a hundred bytes.
pub(crate) const SPANS_KEPT: usize = 100_000;
/// A picture's file that a thumbnail is made of, in bytes; it is read into
/// memory.
pub(crate) const PICTURE_BYTES_MAX: u64 = 64 << 20;
/// A picture that a thumbnail is made of, in pixels: a second of decoding. It
/// is read line by line.
pub(crate) const PICTURE_PIXELS_MAX: u64 = 64 << 20;
/// The same where its lines are interlaced, and all of it is in memory.
pub(crate) const INTERLACED_PIXELS_MAX: u64 = 8 << 20;
/// What decoding may allocate for a line and for texts that a picture has,
/// in bytes.
pub(crate) const PICTURE_MEMORY_MAX: usize = 16 << 20;
/// Longest side of a thumbnail, in pixels.
pub(crate) const THUMBNAIL_PIXELS_MAX: u32 = 1024;
/// Thumbnails made at once: tasks want the cores too.
pub(crate) const THUMBNAILS_AT_ONCE: usize = 2;

/// Pieces in which bytes are streamed, in bytes; as on the socket.
pub(crate) const PIECE_BYTES: usize = 64 << 10;
/// Inline results in one page, in bytes: as JSON they fit a frame.
pub(crate) const PAGE_BYTES: usize = 384 << 10;

/// Between two looks at who uses the machine and how busy it is while tasks
/// run: with what stopping them takes, they stand within a quarter of a second.
pub(crate) const LOOK_WORKING: Duration = Duration::from_millis(150);
/// The same while nothing runs: only the sentence depends on it.
pub(crate) const LOOK_RESTING: Duration = Duration::from_secs(2);
/// Without a task for so long, there is no work any more.
pub(crate) const REST_AFTER: Duration = Duration::from_secs(2);
/// Between two looks at power, temperature and sessions: what they decide takes
/// effect within a second.
pub(crate) const LOOK_SLOW: Duration = Duration::from_millis(500);
/// Readings that are older count as unknown: something hangs.
pub(crate) const READINGS_OLD: Duration = Duration::from_secs(6);
/// How long a pause for a time may be at most; longer ones end by hand.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How long after its last task a machine is kept awake, so that a pause
/// between two jobs does not let it go and catch it again.
pub(crate) const AWAKE_AFTER: Duration = Duration::from_secs(10);

/// Buffers of frames that wait for one machine of the network; one that takes
/// none for so long is closed, and comes back.
pub(crate) const REMOTE_FRAMES: usize = 1024;
/// Between two tries to reach the coordinator: from half a second to half a
/// minute, with full jitter.
pub(crate) const REACH_MIN: Duration = Duration::from_millis(500);
pub(crate) const REACH_MAX: Duration = Duration::from_secs(30);
/// A module or an input that was fetched is kept so long after it was last
/// wanted: it is fetched once for all tasks of a job.
pub(crate) const FETCHED_BLOB_TIME: Duration = Duration::from_secs(3600);
/// A blob that a member fetches, in bytes: the largest input there is.
pub(crate) const INPUT_BLOB_BYTES_MAX: u64 = UPLOAD_BYTES_MAX;
