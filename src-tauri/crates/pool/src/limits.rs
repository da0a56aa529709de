//! Every limit of the pool, with its unit and its reason.

use core::time::Duration;

/// How often a worker says that it lives. Six of them fit into [`SILENCE_MAX`].
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// After this long without a word from a connected worker its leases are lost.
/// Long enough for a stalled disk, short enough that a person still waits.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The same where the connection timed out: the machine may be on its way back
/// (asleep, roaming), and what it holds is worth more than an early start.
pub const TIMED_OUT_AFTER: Duration = Duration::from_secs(60);

/// How long a paused worker may keep stopped tasks before they go elsewhere.
pub const HELD_MAX: Duration = Duration::from_secs(120);

/// A connection that has not said hello by then is closed.
pub const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// A worker that gives leases back without pausing gets none for this long;
/// otherwise the two would play ping-pong at the speed of the wire.
pub const REST_AFTER_RETURN: Duration = Duration::from_secs(1);

/// A timer that fires this much too late means that the coordinator itself
/// stood still (suspend, a slow disk): nobody else is blamed for it.
pub const OWN_PAUSE: Duration = Duration::from_secs(5);

/// How often the coordinator looks, while it waits for machines, whether it
/// stood still itself: together with [`OWN_PAUSE`] the longest pause that it
/// does not notice, and a third of the shortest silence that it blames.
pub const PULSE: Duration = Duration::from_secs(5);

/// Life of a transient job whose client neither left nor took it along.
pub const TRANSIENT_LIFE: Duration = Duration::from_secs(600);

/// Where the delay before another try stops doubling.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// The least delay after a worker could not run a task, whatever the job says:
/// it is tried without limit, and must not be at the speed of the wire.
pub const REFUSED_DELAY_MIN: Duration = Duration::from_secs(1);

/// What one level of priority is worth in waiting: a job that waited this much
/// longer goes first, so even priority -10 against 10 waits 20 minutes at most
/// between two of its leases.
pub const PRIORITY_LEVEL: Duration = Duration::from_secs(60);

/// How much earlier the turn of a job may be that is passed by because its
/// tasks want more memory than is left: then its machine is left to empty.
pub const PASSED_BY_MAX: Duration = Duration::from_secs(60);

/// Range of a job's priority.
pub const PRIORITY_MIN: i8 = -10;
/// See [`PRIORITY_MIN`].
pub const PRIORITY_MAX: i8 = 10;

/// Tasks of one job. Ranges keep ten million queued tasks in bytes, and their
/// rows in the store within a gigabyte.
pub const TASKS_PER_JOB_MAX: u32 = 10_000_000;

/// Tasks that wait in all jobs together, unless the driver sets another limit.
pub const QUEUED_TASKS_MAX: u64 = 10_000_000;

/// Jobs that the coordinator remembers, ended ones included: about 2 KB each.
pub const JOBS_MAX: usize = 100_000;

/// Machines of a pool: about 1 KB each, and a heartbeat every five seconds.
pub const MACHINES_MAX: usize = 1_000;

/// Persons of a pool: a household or a small team, with room.
pub const PERSONS_MAX: usize = 200;

/// Devices of a pool, revoked ones included until they are forgotten: every
/// machine, and as many that only submit or are remembered as revoked.
pub const DEVICES_MAX: usize = 2 * MACHINES_MAX;

/// Invites that live at once: as many as a person can tell apart in a list.
pub const INVITES_MAX: usize = 100;

/// Devices that one invite lets in at most: all that a pool may have.
pub const INVITE_USES_MAX: u32 = 1_000;

/// The longest life of an invite: whoever wants more makes a new one.
pub const INVITE_LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Life of a pairing code: to walk to the other machine and type it.
pub const CODE_LIFE: Duration = Duration::from_secs(600);

/// Tries of one code, right or wrong, from whomever: of 40 random bits that
/// leaves a guesser one chance in 2^37.
pub const CODE_ATTEMPTS_MAX: u8 = 5;

/// Requests to join that wait for a person at once; more are no people.
pub const JOINS_MAX: usize = 4;

/// How long such a request waits.
pub const JOIN_WITHIN: Duration = Duration::from_secs(600);

/// Characters of a person's, device's, pool's or invite's name.
pub const SHORT_NAME_CHARS_MAX: usize = 60;

/// Expected work by which a person may have been served beyond another: so long
/// the others come first at most, however large its leases were.
pub const PERSON_LEAD_MAX: Duration = Duration::from_secs(600);

/// Connections that have not said hello, at once.
pub const STRANGERS_MAX: usize = 1_000;

/// Slots of one machine; more than the largest server has threads.
pub const SLOTS_MAX: u32 = 4_096;

/// Tasks in one lease: 65,536 results of a few bytes fill one frame.
pub const CHUNK_TASKS_MAX: u32 = 65_536;

/// Measured work that a lease carries. Long enough that its two rows in the
/// store cost under a hundredth of it, short enough to see progress.
pub const CHUNK_TIME: Duration = Duration::from_millis(75);

/// How much a job's chunks grow at a time: one lucky measurement must not send
/// an hour of work to one machine.
pub const CHUNK_GROWTH: u32 = 4;

/// Leases that a machine holds for each slot: one runs while the next waits.
pub const CHUNKS_PER_SLOT: u32 = 2;

/// The same at most, when the disk or the wire is slow.
pub const CHUNKS_PER_SLOT_MAX: u32 = 64;

/// Leases of one machine, whatever its slots: what a hello may list.
pub const LEASES_PER_WORKER_MAX: usize = 16_384;

/// Work that a machine holds for each slot, in turnarounds of a lease: measured,
/// two chunks on a disk of 5 ms a commit gave a sixth of what it could do.
pub const TURNAROUNDS: u64 = 3;

/// A longer turnaround than this is not believed.
pub const TURNAROUND_MAX: Duration = Duration::from_secs(5);

/// Chunks that take longer are not handed out in advance: the turnaround that
/// this would save is nothing to them, and a task that waits behind a long one
/// is a task that no idle slot can have.
pub const PREFETCH_BELOW: Duration = Duration::from_secs(1);

/// Tasks in a lease of tasks that were lost once; divided by four for each
/// further loss, so that the one that takes its machine down is soon alone.
pub const SUSPECT_CHUNK: u32 = 16;

/// Violations of the protocol after which a connection is closed.
pub const STRIKES_MAX: u32 = 10;

/// Bytes of one frame. The largest messages are results of a chunk: a worker
/// sends them in several messages when they would not fit.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Results up to this go inline; larger ones become blobs.
pub const INLINE_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a job's `run`: arguments, environment and places of its input.
pub const RUN_BYTES_MAX: usize = 1024 * 1024;

/// Machines and labels that one job may ask for.
pub const ON_MAX: usize = 64;

/// Labels of one machine.
pub const LABELS_MAX: usize = 16;

/// Characters of a label: a word, not a text.
pub const LABEL_CHARS_MAX: usize = 32;

/// Between two words of a machine about its health, or about its stock: as
/// often as a person who looks can follow.
pub const NEWS_EVERY: Duration = Duration::from_secs(1);

/// Cores of which a machine tells the load: more than a window can draw.
pub const CORES_TOLD_MAX: usize = 1_024;

/// Compiled modules that a machine tells of: 4 KB, more than are used in a day.
pub const MODULES_TOLD_MAX: usize = 128;

/// Inputs that a machine tells of: 16 KB.
pub const BLOBS_TOLD_MAX: usize = 512;

/// Modules whose speed on each machine is remembered, the latest used ones.
pub const MODULES_MEASURED_MAX: usize = 64;

/// What a module that is not compiled there adds to a machine's first task:
/// a small one takes a tenth of that, one of ten megabytes a few times as long.
pub const COMPILE_TIME: Duration = Duration::from_millis(500);

/// The same for an input that does not lie there: 20 MB over Wi-Fi. The rules
/// know no sizes.
pub const FETCH_TIME: Duration = Duration::from_millis(500);

/// Leases of less work are not kept for a faster machine, nor taken back for an
/// idle one: that costs a turnaround or two.
pub const CHOOSY_FROM: Duration = Duration::from_millis(20);

/// For so long a task waits at most for a machine that would end it earlier.
pub const CHOOSY_MAX: Duration = Duration::from_secs(3_600);

/// Other programs are not believed to slow tasks down further than this many times.
pub const SLOWED_BY_OTHERS_MAX: u64 = 10;

/// Leases that are looked at in one turn for those that could be taken back.
pub const RECALL_LOOKED_AT: usize = 128;

/// Characters of a job's or machine's name: what fits a line.
pub const NAME_CHARS_MAX: usize = 200;

/// Blobs that one job may name as inputs (a split of files keeps its list of
/// files in a blob, so this is not the number of files).
pub const INPUTS_MAX: usize = 10_000;

/// Bytes kept of a failed try's message, and of each frame of its backtrace;
/// the whole log lies with the result.
pub const MESSAGE_BYTES_MAX: usize = 512;

/// Earlier attempts of a task that are kept: as many as its retries allow where
/// nobody raised them. Older ones are forgotten.
pub const ATTEMPTS_KEPT_MAX: usize = 8;

/// Bytes kept of what such an attempt said; the last one is kept whole.
pub const ATTEMPT_MESSAGE_BYTES_MAX: usize = 160;

/// Frames of a backtrace kept with a failed try.
pub const BACKTRACE_FRAMES_MAX: usize = 8;

/// Tasks in one page of a list.
pub const PAGE_MAX: u32 = 1_000;

/// Steps in which a hot machine gives its cores up, before it pauses: a quarter
/// of them each, so that the last quarter is left.
pub const HEAT_STEPS: u32 = 3;

/// Between two steps down: a heat sink answers within seconds, and a step that
/// has not shown yet must not be followed by another.
pub const HEAT_STEP_AFTER: Duration = Duration::from_secs(10);

/// Between two steps up, three times as long, so that it settles below the limit.
pub const HEAT_RECOVER_AFTER: Duration = Duration::from_secs(30);

/// Degrees below the limit before a machine counts as cool again.
pub const HEAT_MARGIN_C: i16 = 5;

/// Degrees above the limit at which nothing runs: most processors throttle or
/// shut down not far above.
pub const HEAT_PAUSE_ABOVE_C: i16 = 10;

/// How long other programs must stay below their limit: a build or a game
/// loads the processor in waves.
pub const LOAD_QUIET_FOR: Duration = Duration::from_secs(10);

/// A log, or a file that a task left behind, in bytes: what a machine may hand
/// over beside the result, whose limit its job says.
pub const RESULT_FILE_BYTES_MAX: u64 = 1 << 30;
