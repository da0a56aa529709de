//! Resource limits: memory that can be written, files, processes, CPU.

use std::io;

use sandbox::limits;

/// What the process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Compiles one module and ends.
    Compile {
        /// What it may take of a processor.
        cpu_seconds: u64,
        /// Writable memory in bytes.
        memory_bytes: u64,
    },
    /// Runs tasks.
    Run {
        /// Runs components.
        on_demand: bool,
        /// The guest's memory in bytes.
        memory_bytes: u64,
        /// The compiled code in bytes.
        code_bytes: u64,
    },
}

/// Sets the limits of this process and hides it from its neighbours.
pub(crate) fn limit(role: Role, scratch_quota_bytes: Option<u64>) -> io::Result<()> {
    let (data, file) = match role {
        Role::Compile { memory_bytes, .. } => (memory_bytes, limits::CODE_BYTES_MAX),
        Role::Run {
            on_demand,
            memory_bytes,
            code_bytes,
        } => {
            let file = if on_demand {
                limits::IMAGE_BYTES
            } else {
                limits::FILE_BYTES
            };
            // Code counts while it is copied or relocated, a component's twice.
            let data = memory_bytes + 2 * code_bytes + limits::EXECUTOR_BYTES;
            (
                data,
                scratch_quota_bytes.map_or(file, |quota| quota.max(file)),
            )
        }
    };
    let scratch = scratch_quota_bytes.is_some();
    set(libc::RLIMIT_DATA, data)?;
    set(libc::RLIMIT_FSIZE, file)?;
    set(libc::RLIMIT_CORE, 0)?;
    set(
        libc::RLIMIT_NOFILE,
        if scratch {
            limits::SCRATCH_FILES_MAX
        } else {
            limits::FILES_MAX
        },
    )?;
    if let Role::Compile { cpu_seconds, .. } = role {
        // At the soft limit comes the signal that says why; at the hard one a plain kill.
        set(libc::RLIMIT_CPU, cpu_seconds + 1)?;
        set_soft(libc::RLIMIT_CPU, cpu_seconds)?;
    }
    if !scratch {
        // With a scratch folder some file calls need a thread, which counts here
        // with all of the person's processes.
        set(libc::RLIMIT_NPROC, 0)?;
    }
    // Calls without a fiber run on this stack; it grows to the guest's 8 MiB and ours.
    set_soft(libc::RLIMIT_STACK, 2 * limits::FIBER_STACK_BYTES as u64)?;
    // SAFETY: plain calls with constants; a guest that fills its folder gets EFBIG instead of our death.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        if libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

type Resource = libc::__rlimit_resource_t;

fn set(resource: Resource, most: u64) -> io::Result<()> {
    let before = get(resource)?;
    let most = most.min(before.rlim_max);
    write(
        resource,
        libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        },
    )
}

/// Raises or lowers what holds now, as far as the hard limit lets it.
fn set_soft(resource: Resource, wanted: u64) -> io::Result<()> {
    let before = get(resource)?;
    write(
        resource,
        libc::rlimit {
            rlim_cur: wanted.min(before.rlim_max),
            ..before
        },
    )
}

fn get(resource: Resource) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a local rlimit.
    match unsafe { libc::getrlimit(resource, &mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

fn write(resource: Resource, limit: libc::rlimit) -> io::Result<()> {
    // SAFETY: the pointer is to a local rlimit.
    match unsafe { libc::setrlimit(resource, &limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
