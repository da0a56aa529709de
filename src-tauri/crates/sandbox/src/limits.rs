//! Every limit of a run, named, with its unit and its reason; nothing here is decided at run time.

use std::time::Duration;

/// Largest module in bytes; the same number the inspector refuses by.
pub const MODULE_BYTES_MAX: u64 = 128 << 20;
/// Largest guest memory in bytes: the whole of a 32-bit address space.
pub const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// What an executor may have beside its guest's memory, in bytes: below about
/// 6 MiB the engine fails at its signal stack, the guest's stack takes 10 MiB,
/// a task's streams and a batch's answers up to 17 MiB.
pub const EXECUTOR_BYTES: u64 = 64 << 20;

/// Seconds of CPU that compiling one module may take.
pub const COMPILE_CPU_SECONDS: u64 = 120;
/// Seconds of wall clock that compiling one module may take; the machine may be busy.
pub const COMPILE_TIME: Duration = Duration::from_secs(180);
/// Writable memory of a compile child, in bytes.
pub const COMPILE_BYTES: u64 = 4 << 30;
/// Largest compiled code, in bytes; eight times the largest module.
pub const CODE_BYTES_MAX: u64 = 1 << 30;
/// Compile failures remembered, so that the same hostile module costs once.
pub const REFUSALS_MAX: usize = 1024;

/// Stack of the guest in bytes; interpreters compiled to wasm need 8 MiB.
pub const WASM_STACK_BYTES: usize = 8 << 20;
/// Stack of the guest's fiber in bytes: the guest's own and 2 MiB for host calls.
pub const FIBER_STACK_BYTES: usize = 10 << 20;
/// Memory of a task that stays resident for the next one, in bytes; pages
/// beyond are given back.
pub const KEEP_RESIDENT_BYTES: usize = 4 << 20;
/// Frames of a trap's backtrace that are reported.
pub const BACKTRACE_FRAMES_MAX: usize = 20;
/// Longest message of an end, in bytes; a name section may hold megabytes.
pub const MESSAGE_BYTES_MAX: usize = 2048;

/// Elements of one table.
pub const TABLE_ELEMENTS_MAX: usize = 10_000;
/// Elements of one table where the module is larger than
/// [`LARGE_MODULE_BYTES`]: interpreters have a slot per function.
pub const LARGE_TABLE_ELEMENTS_MAX: usize = 100_000;
/// From this size, in bytes, a module may have large tables.
pub const LARGE_MODULE_BYTES: u64 = 8 << 20;
/// Tables of a core module.
pub const TABLES_MAX: usize = 4;
/// Core instances of a component; composed ones have many.
pub const COMPONENT_INSTANCES_MAX: usize = 64;
/// Memories of a component.
pub const COMPONENT_MEMORIES_MAX: usize = 16;
/// Tables of a component.
pub const COMPONENT_TABLES_MAX: usize = 64;
/// Bytes that one host call may copy for the guest.
pub const HOSTCALL_BYTES_MAX: usize = 64 << 20;
/// Handles and table entries of one task.
pub const RESOURCES_MAX: usize = 1024;
/// Random bytes of one host call.
pub const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// Open files of an executor: its socket, its page, its standard streams.
pub const FILES_MAX: u64 = 16;
/// Open files of an executor with a scratch folder.
pub const SCRATCH_FILES_MAX: u64 = 256;
/// Largest file an executor of core modules may write, in bytes: there is none to write.
pub const FILE_BYTES: u64 = 1 << 20;
/// Largest file an executor of components may write, in bytes: the image of a
/// component's memory goes to a memfd before the second filter.
pub const IMAGE_BYTES: u64 = 256 << 20;
/// Bytes that one task may leave in its scratch folder, all files together.
pub const SCRATCH_BYTES: u64 = 4 << 30;
/// Files that one task may leave in its scratch folder.
pub const SCRATCH_ENTRIES_MAX: u64 = 10_000;
/// Depth of the folders a task may make in its scratch folder.
pub const SCRATCH_DEPTH_MAX: usize = 64;
/// How often the parent adds up a scratch folder.
pub const SCRATCH_WATCH: Duration = Duration::from_millis(250);

/// Largest frame between parent and executor, in bytes after its length.
pub const FRAME_BYTES_MAX: usize = 256 << 10;
/// Largest piece of a stream in one frame, in bytes.
pub const PIECE_BYTES_MAX: usize = 64 << 10;
/// Arguments and environment of one task, in bytes, all together.
pub const ARGUMENT_BYTES_MAX: usize = 64 << 10;
/// Standard input given as bytes, or to a bytes function, in bytes.
pub const STDIN_BYTES_MAX: u64 = 64 << 20;
/// Programs of one batch.
pub const BATCH_PROGRAMS_MAX: usize = 64;
/// Function calls of one batch.
pub const BATCH_CALLS_MAX: u32 = 1 << 20;
/// Batches an executor has at once: the one it works on and the next.
pub const BATCHES_MAX: usize = 2;

/// Unsent bytes at which an executor writes to its parent.
pub const SEND_BYTES: usize = 64 << 10;
/// Age of the last write at which an executor writes at the end of a task, so
/// that a steady stream of short tasks shares a system call.
pub const SEND_AFTER: Duration = Duration::from_millis(1);
/// Age of the last write at which an executor writes in the middle of a task.
pub const SHOW_AFTER: Duration = Duration::from_millis(50);
/// Bytes of log a task may write each second; what comes faster is left out, and said.
pub const LOG_BYTES_PER_SECOND: u64 = 1 << 20;
/// Bytes of log a task may write.
pub const LOG_BYTES_MAX: u64 = 16 << 20;
/// Progress reports of one task that are passed on each second.
pub const PROGRESS_PER_SECOND: u32 = 10;

/// Programs after which an executor is replaced.
pub const PROGRAMS_MAX: u64 = 100_000;
/// Age at which an executor is replaced.
pub const AGE_MAX: Duration = Duration::from_secs(600);
/// How long a new executor may take to say that it is ready.
pub const SPAWN_TIME: Duration = Duration::from_secs(60);
/// How long a killed process may take to be gone before nobody waits for it.
pub const EXIT_TIME: Duration = Duration::from_secs(10);

/// Functions of one module that can be called; a module may export a million,
/// and a card has to stay small.
pub const FUNCTIONS_MAX: usize = 10_000;
/// Memory in bytes above which a module is said to need a larger limit: what
/// a job gets that names none.
pub const MEMORY_DEFAULT_BYTES: u64 = 256 << 20;
/// Longest description that a kernel may have, in bytes; a form of all its
/// parameters with their help takes a few.
pub const KERNEL_BYTES_MAX: usize = 64 << 10;
/// Parameters of one kernel; a form of more is none.
pub const PARAMETERS_MAX: usize = 64;
/// Choices of one parameter.
pub const CHOICES_MAX: usize = 64;
/// Longest title, name, choice or media type of a kernel, in bytes.
pub const KERNEL_WORD_BYTES_MAX: usize = 64;
/// Longest help text of a kernel or a parameter, in bytes: a line or two.
pub const KERNEL_HELP_BYTES_MAX: usize = 400;
/// Longest value of a parameter, in bytes; it travels in the environment.
pub const PARAMETER_BYTES_MAX: usize = 4 << 10;
