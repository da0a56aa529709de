//! Standing back behind the machine's other programs.

use sandbox::Priority;

/// `IOPRIO_WHO_PROCESS` and the idle class, of which the system's library has no names.
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
const IOPRIO_IDLE: libc::c_int = 3 << 13;
/// The least that can be asked for where a machine has no idle scheduling.
const NICEST: libc::c_int = 19;

/// Takes the priority before the wall is raised, for good: no program may ask
/// for more than it has. Where the machine refuses, this process runs as it
/// is, because nobody's safety rests on it.
pub(crate) fn take(priority: Priority) {
    if priority == Priority::Normal {
        return;
    }
    // SAFETY: plain calls on this process with constants and a local struct.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICEST);
        let none = std::mem::zeroed::<libc::sched_param>();
        libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none);
        libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
    }
}
