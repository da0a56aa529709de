//! The two filters on system calls: first an allow-list, then, when the
//! module's code is loaded, a ban on everything that could bring new code,
//! new descriptors or memory that nobody counts.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::Role;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SeccompError {
    #[error("this processor has no rules")]
    Arch,
    #[error("{0}")]
    Rule(#[from] BackendError),
    #[error("{0}")]
    Apply(#[from] seccompiler::Error),
}

/// What becomes of a call that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The process is killed: what our code never calls, only an intruder does.
    Kill,
    /// The call answers EPERM: for probes, which try many.
    Deny,
}

impl Refusal {
    fn action(self) -> SeccompAction {
        match self {
            Refusal::Kill => SeccompAction::KillProcess,
            Refusal::Deny => SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        }
    }
}

/// `PAGEMAP_SCAN`: which pages a task dirtied. `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: u64 = 0xc060_6610;

/// The second real-time signal, with which threads agree on who they are.
const LIBRARY_SIGNAL: u64 = 33;

/// What every run needs: its socket, memory, the clock, its end.
const ALWAYS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_statx,
    libc::SYS_getrandom,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigreturn,
    libc::SYS_clock_nanosleep,
    // A sleep goes on by it after the process was stopped and continued; the
    // kernel remembers which, so it reaches nothing else.
    libc::SYS_restart_syscall,
    // Where the clock's page is missing the library falls back to the call.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_exit_group,
];

/// Receiving the module and raising the second filter.
const RUN: &[i64] = &[libc::SYS_recvmsg, libc::SYS_prctl, libc::SYS_seccomp];

/// The memory image of a component.
const ON_DEMAND: &[i64] = &[libc::SYS_memfd_create];

/// What `fcntl` may do beside: never make signals.
const SEAL: &[i32] = &[libc::F_ADD_SEALS, libc::F_GET_SEALS];
const DESCRIPTOR: &[i32] = &[
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_DUPFD_CLOEXEC,
];
/// Builds with debug assertions ask of each descriptor that they close whether it is open.
const IS_OPEN: &[i32] = if cfg!(debug_assertions) {
    &[libc::F_GETFD]
} else {
    &[]
};

/// Files, and the thread that some file calls are made in.
const SCRATCH: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_lseek,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_readlinkat,
    libc::SYS_utimensat,
    libc::SYS_getdents64,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_gettid,
    libc::SYS_exit,
];

/// Raises the first filter.
pub(crate) fn allow_list(role: Role, scratch: bool, refusal: Refusal) -> Result<(), SeccompError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALWAYS.iter().map(|call| (*call, Vec::new())).collect();
    match role {
        Role::Compile { .. } => {
            rules.insert(libc::SYS_lseek, Vec::new());
            rules.insert(libc::SYS_fstat, Vec::new());
            rules.insert(libc::SYS_mmap, vec![plain_memory()?]);
            let exec = libc::PROT_EXEC.unsigned_abs().into();
            let no_code = rule(2, SeccompCmpOp::MaskedEq(exec), 0)?;
            rules.insert(libc::SYS_mprotect, vec![no_code]);
        }
        Role::Run { on_demand, .. } => {
            // A fault that is no guest's trap takes its handler away and
            // comes again, so that the process dies of what it did.
            let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];
            let faults =
                faults.map(|signal| rule(0, SeccompCmpOp::Eq, signal.unsigned_abs().into()));
            let faults: Result<Vec<_>, _> = faults.into_iter().collect();
            rules.insert(libc::SYS_rt_sigaction, faults?);
            rules.extend(RUN.iter().map(|call| (*call, Vec::new())));
            rules.insert(
                libc::SYS_ioctl,
                vec![rule(1, SeccompCmpOp::Eq, PAGEMAP_SCAN)?],
            );
            if on_demand {
                rules.extend(ON_DEMAND.iter().map(|call| (*call, Vec::new())));
            }
        }
    }
    let mut commands = IS_OPEN.to_vec();
    if matches!(
        role,
        Role::Run {
            on_demand: true,
            ..
        }
    ) {
        commands.extend(SEAL);
    }
    if scratch {
        commands.extend(DESCRIPTOR);
    }
    let commands: Result<Vec<_>, _> = commands
        .into_iter()
        .map(|command| rule(1, SeccompCmpOp::Eq, command.unsigned_abs().into()))
        .collect();
    let commands = commands?;
    if !commands.is_empty() {
        rules.insert(libc::SYS_fcntl, commands);
    }
    if scratch {
        rules.extend(SCRATCH.iter().map(|call| (*call, Vec::new())));
        rules.insert(libc::SYS_clone, vec![has(0, libc::CLONE_THREAD)?]);
        // The library's own signal, which it sets up with the first thread.
        let first_thread = rule(0, SeccompCmpOp::Eq, LIBRARY_SIGNAL)?;
        rules
            .entry(libc::SYS_rt_sigaction)
            .or_default()
            .push(first_thread);
        // Its flags lie in memory, where no filter sees them; the library falls back to clone.
        let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let action = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        apply(absent, SeccompAction::Allow, action)?;
    }
    apply(rules, refusal.action(), SeccompAction::Allow)
}

/// Raises the second filter.
pub(crate) fn narrow(scratch: bool, refusal: Refusal) -> Result<(), SeccompError> {
    let mut rules = BTreeMap::from([
        (libc::SYS_mmap, vec![has(2, libc::PROT_EXEC)?]),
        (libc::SYS_mprotect, vec![has(2, libc::PROT_EXEC)?]),
    ]);
    // Memory that the limit on data would not count.
    let uncounted = [has(3, libc::MAP_SHARED)?, has(3, libc::MAP_GROWSDOWN)?];
    rules.entry(libc::SYS_mmap).or_default().extend(uncounted);
    for call in [
        libc::SYS_recvmsg,
        libc::SYS_memfd_create,
        libc::SYS_prctl,
        libc::SYS_seccomp,
    ] {
        rules.insert(call, Vec::new());
    }
    if scratch {
        // A new thread gives itself a name.
        let name = libc::PR_SET_NAME.unsigned_abs().into();
        rules.insert(libc::SYS_prctl, vec![rule(0, SeccompCmpOp::Ne, name)?]);
    } else {
        // Landlock does not hide whether a file exists; without files nothing asks.
        rules.insert(libc::SYS_statx, Vec::new());
    }
    apply(rules, SeccompAction::Allow, refusal.action())
}

/// A rule for calls with this bit in this argument.
fn has(argument: u8, bit: i32) -> Result<SeccompRule, BackendError> {
    let bit = bit.unsigned_abs().into();
    rule(argument, SeccompCmpOp::MaskedEq(bit), bit)
}

/// Memory that holds no code and that the limit on data counts.
fn plain_memory() -> Result<SeccompRule, BackendError> {
    let lacks = |argument, bit: i32| {
        let bit = bit.unsigned_abs().into();
        SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bit), 0)
    };
    SeccompRule::new(vec![
        lacks(2, libc::PROT_EXEC)?,
        lacks(3, libc::MAP_SHARED)?,
        lacks(3, libc::MAP_GROWSDOWN)?,
    ])
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument, Dword, operator, value,
    )?])
}

fn apply(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    mismatch: SeccompAction,
    matched: SeccompAction,
) -> Result<(), SeccompError> {
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| SeccompError::Arch)?;
    let filter = SeccompFilter::new(rules, mismatch, matched, arch)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}
