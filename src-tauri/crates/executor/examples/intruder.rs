//! Native code in the executor's place: raises the executor's own wall and
//! then tries everything that an escaped module would. The tests run it; it
//! prints a line for each attempt and what the system said.
//!
//! `intruder all` raises both filters and Landlock with refusals that can be
//! survived, `intruder landlock` Landlock alone, `intruder kill NAME` the wall
//! as it ships, and makes one attempt.

#[expect(
    dead_code,
    reason = "the wall is the executor's own source, and has more than is tried here"
)]
#[path = "../src/wall/mod.rs"]
mod wall;

use std::{ffi::CStr, io, ptr};

use libc::c_long;
use wall::{Refusal, Role, Wall};

/// A name and what is tried; what it answers is what the system call did.
type Attempt = (&'static str, fn() -> c_long);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    std::sync::LazyLock::force(&PARENT);
    match words.as_slice() {
        ["all"] => {
            raise(Refusal::Deny);
            tell(ATTEMPTS);
        }
        ["landlock"] => {
            wall::landlock::restrict(None).expect("Landlock");
            tell(LANDLOCKED);
        }
        ["kill", name] => {
            let (_, attempt) = ATTEMPTS
                .iter()
                .find(|(known, _)| known == name)
                .expect("a known attempt");
            raise(Refusal::Kill);
            attempt();
            println!("survived");
        }
        _ => panic!("all, landlock, or kill NAME"),
    }
}

fn raise(refusal: Refusal) {
    let role = Role::Run {
        on_demand: false,
        memory_bytes: 256 << 20,
        code_bytes: 0,
    };
    let wall = Wall {
        role,
        scratch: None,
        refusal,
        tolerant: false,
    };
    wall.raise().expect("the wall");
    wall.narrow().expect("the second filter");
}

fn tell(attempts: &[Attempt]) {
    for (name, attempt) in attempts {
        let answer = attempt();
        if answer == -1 {
            println!(
                "{name} refused {}",
                io::Error::last_os_error().raw_os_error().unwrap_or(0)
            );
        } else {
            println!("{name} allowed");
        }
    }
}

/// A system call by its number.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: each attempt gives constants, pointers to constants or null; one that
        // succeeded would only harm this process, which exists for that.
        unsafe { libc::syscall($number $(, $argument)*) }
    };
}

const PASSWD: &CStr = c"/etc/passwd";
const ROOT: &CStr = c"/";
const NEW: &CStr = c"/tmp/skep-intruder";
const SHELL: &CStr = c"/bin/sh";
const NULL: *const libc::c_void = ptr::null();

fn parent() -> c_long {
    // SAFETY: it only answers a number.
    c_long::from(unsafe { libc::getppid() })
}

/// What was learned before the wall stood: `getppid` is refused behind it.
static PARENT: std::sync::LazyLock<c_long> = std::sync::LazyLock::new(parent);

const ATTEMPTS: &[Attempt] = &[
    // Files.
    ("openat-read", || {
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            PASSWD.as_ptr(),
            libc::O_RDONLY
        )
    }),
    ("openat-root", || {
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            ROOT.as_ptr(),
            libc::O_PATH
        )
    }),
    ("openat-create", || {
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            NEW.as_ptr(),
            libc::O_CREAT | libc::O_WRONLY,
            0o600
        )
    }),
    ("openat2", || {
        call!(libc::SYS_openat2, libc::AT_FDCWD, PASSWD.as_ptr(), NULL, 24)
    }),
    ("open-by-handle", || {
        call!(libc::SYS_open_by_handle_at, libc::AT_FDCWD, NULL, 0)
    }),
    ("mkdirat", || {
        call!(libc::SYS_mkdirat, libc::AT_FDCWD, NEW.as_ptr(), 0o700)
    }),
    ("unlinkat", || {
        call!(libc::SYS_unlinkat, libc::AT_FDCWD, NEW.as_ptr(), 0)
    }),
    ("renameat2", || {
        call!(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            NEW.as_ptr(),
            libc::AT_FDCWD,
            NEW.as_ptr(),
            0
        )
    }),
    ("linkat", || {
        call!(
            libc::SYS_linkat,
            libc::AT_FDCWD,
            PASSWD.as_ptr(),
            libc::AT_FDCWD,
            NEW.as_ptr(),
            0
        )
    }),
    ("symlinkat", || {
        call!(
            libc::SYS_symlinkat,
            PASSWD.as_ptr(),
            libc::AT_FDCWD,
            NEW.as_ptr()
        )
    }),
    ("readlinkat", || {
        call!(
            libc::SYS_readlinkat,
            libc::AT_FDCWD,
            PASSWD.as_ptr(),
            NULL,
            0
        )
    }),
    ("statx", || {
        call!(libc::SYS_statx, libc::AT_FDCWD, PASSWD.as_ptr(), 0, 0, NULL)
    }),
    ("newfstatat", || {
        call!(
            libc::SYS_newfstatat,
            libc::AT_FDCWD,
            PASSWD.as_ptr(),
            NULL,
            0
        )
    }),
    ("faccessat2", || {
        call!(libc::SYS_faccessat2, libc::AT_FDCWD, PASSWD.as_ptr(), 0, 0)
    }),
    ("fchmodat", || {
        call!(libc::SYS_fchmodat, libc::AT_FDCWD, NEW.as_ptr(), 0o777)
    }),
    ("fchownat", || {
        call!(libc::SYS_fchownat, libc::AT_FDCWD, NEW.as_ptr(), 0, 0, 0)
    }),
    ("chdir", || call!(libc::SYS_chdir, ROOT.as_ptr())),
    ("chroot", || call!(libc::SYS_chroot, ROOT.as_ptr())),
    ("getcwd", || call!(libc::SYS_getcwd, NULL, 0)),
    ("inotify", || call!(libc::SYS_inotify_init1, 0)),
    ("fanotify", || call!(libc::SYS_fanotify_init, 0, 0)),
    // Network and other processes' sockets.
    ("socket-inet", || {
        call!(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0)
    }),
    ("socket-unix", || {
        call!(libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0)
    }),
    ("socket-netlink", || {
        call!(libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, 0)
    }),
    ("socketpair", || {
        call!(
            libc::SYS_socketpair,
            libc::AF_UNIX,
            libc::SOCK_STREAM,
            0,
            NULL
        )
    }),
    ("connect", || call!(libc::SYS_connect, 0, NULL, 0)),
    ("bind", || call!(libc::SYS_bind, 0, NULL, 0)),
    ("sendmsg", || call!(libc::SYS_sendmsg, 0, NULL, 0)),
    ("sendto", || call!(libc::SYS_sendto, 0, NULL, 0, 0, NULL, 0)),
    ("recvmsg", || call!(libc::SYS_recvmsg, 0, NULL, 0)),
    // Other processes.
    ("kill-parent", || call!(libc::SYS_kill, *PARENT, 0)),
    ("kill-all", || call!(libc::SYS_kill, -1, 0)),
    ("tgkill", || call!(libc::SYS_tgkill, *PARENT, *PARENT, 0)),
    ("ptrace", || {
        call!(libc::SYS_ptrace, libc::PTRACE_ATTACH, *PARENT, NULL, NULL)
    }),
    ("process-vm-readv", || {
        call!(libc::SYS_process_vm_readv, *PARENT, NULL, 0, NULL, 0, 0)
    }),
    ("process-vm-writev", || {
        call!(libc::SYS_process_vm_writev, *PARENT, NULL, 0, NULL, 0, 0)
    }),
    ("pidfd-open", || call!(libc::SYS_pidfd_open, *PARENT, 0)),
    ("pidfd-getfd", || call!(libc::SYS_pidfd_getfd, 0, 0, 0)),
    ("kcmp", || call!(libc::SYS_kcmp, *PARENT, *PARENT, 0, 0, 0)),
    ("getppid", || call!(libc::SYS_getppid)),
    ("clone", || {
        call!(libc::SYS_clone, libc::SIGCHLD, NULL, NULL, NULL, NULL)
    }),
    ("clone-thread", || {
        call!(
            libc::SYS_clone,
            libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND,
            NULL,
            NULL,
            NULL,
            NULL
        )
    }),
    ("clone3", || call!(libc::SYS_clone3, NULL, 0)),
    ("execve", || {
        call!(libc::SYS_execve, SHELL.as_ptr(), NULL, NULL)
    }),
    ("execveat", || {
        call!(
            libc::SYS_execveat,
            libc::AT_FDCWD,
            SHELL.as_ptr(),
            NULL,
            NULL,
            0
        )
    }),
    ("setsid", || call!(libc::SYS_setsid)),
    ("setuid", || call!(libc::SYS_setuid, 0)),
    ("capset", || call!(libc::SYS_capset, NULL, NULL)),
    ("sched-setaffinity", || {
        call!(libc::SYS_sched_setaffinity, 0, 0, NULL)
    }),
    ("setpriority", || call!(libc::SYS_setpriority, 0, 0, -20)),
    // The kernel's larger surfaces.
    ("io-uring", || call!(libc::SYS_io_uring_setup, 1, NULL)),
    ("bpf", || call!(libc::SYS_bpf, 0, NULL, 0)),
    ("userfaultfd", || call!(libc::SYS_userfaultfd, 0)),
    ("perf-event-open", || {
        call!(libc::SYS_perf_event_open, NULL, 0, -1, -1, 0)
    }),
    ("keyctl", || call!(libc::SYS_keyctl, 0, 0, 0, 0, 0)),
    ("add-key", || {
        call!(libc::SYS_add_key, NULL, NULL, NULL, 0, 0)
    }),
    ("mount", || {
        call!(
            libc::SYS_mount,
            ROOT.as_ptr(),
            ROOT.as_ptr(),
            NULL,
            libc::MS_BIND,
            NULL
        )
    }),
    ("umount", || {
        call!(libc::SYS_umount2, ROOT.as_ptr(), libc::MNT_DETACH)
    }),
    ("open-tree", || {
        call!(libc::SYS_open_tree, libc::AT_FDCWD, ROOT.as_ptr(), 0)
    }),
    ("pivot-root", || {
        call!(libc::SYS_pivot_root, ROOT.as_ptr(), ROOT.as_ptr())
    }),
    ("unshare", || call!(libc::SYS_unshare, libc::CLONE_NEWUSER)),
    ("setns", || call!(libc::SYS_setns, 0, 0)),
    ("init-module", || {
        call!(libc::SYS_init_module, NULL, 0, NULL)
    }),
    ("syslog", || call!(libc::SYS_syslog, 3, NULL, 0)),
    ("sethostname", || call!(libc::SYS_sethostname, NULL, 0)),
    ("personality", || call!(libc::SYS_personality, 0)),
    ("shmget", || call!(libc::SYS_shmget, 0, 4096, 0o600)),
    ("msgget", || call!(libc::SYS_msgget, 0, 0o600)),
    ("semget", || call!(libc::SYS_semget, 0, 1, 0o600)),
    ("mq-open", || {
        call!(
            libc::SYS_mq_open,
            c"skep".as_ptr(),
            libc::O_CREAT | libc::O_RDWR,
            0o600,
            NULL
        )
    }),
    ("timer-create", || {
        call!(libc::SYS_timer_create, 0, NULL, NULL)
    }),
    // The wall itself.
    ("prctl", || {
        call!(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 1, 0, 0, 0)
    }),
    ("prctl-pdeathsig", || {
        call!(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, 0, 0, 0, 0)
    }),
    ("seccomp", || call!(libc::SYS_seccomp, 0, 0, NULL)),
    ("prlimit", || {
        call!(libc::SYS_prlimit64, 0, libc::RLIMIT_DATA, NULL, NULL)
    }),
    ("landlock", || {
        call!(libc::SYS_landlock_create_ruleset, NULL, 0, 1)
    }),
    ("sigaction-of-another", || {
        call!(libc::SYS_rt_sigaction, libc::SIGTERM, NULL, NULL, 8)
    }),
    ("ioctl", || call!(libc::SYS_ioctl, 0, libc::TIOCSTI, NULL)),
    ("fcntl", || call!(libc::SYS_fcntl, 0, libc::F_SETOWN, 0)),
    ("dup", || call!(libc::SYS_dup, 0)),
    ("pipe", || call!(libc::SYS_pipe2, NULL, 0)),
    ("eventfd", || call!(libc::SYS_eventfd2, 0, 0)),
    ("epoll", || call!(libc::SYS_epoll_create1, 0)),
    // Memory that no limit counts, and new code.
    ("mmap-shared", || {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        call!(
            libc::SYS_mmap,
            NULL,
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0
        )
    }),
    ("mmap-growsdown", || {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN;
        call!(
            libc::SYS_mmap,
            NULL,
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0
        )
    }),
    ("memfd", || call!(libc::SYS_memfd_create, c"x".as_ptr(), 0)),
    ("mmap-exec", || {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        call!(
            libc::SYS_mmap,
            NULL,
            4096,
            libc::PROT_READ | libc::PROT_EXEC,
            flags,
            -1,
            0
        )
    }),
    ("mprotect-exec", || {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = call!(
            libc::SYS_mmap,
            NULL,
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0
        );
        call!(
            libc::SYS_mprotect,
            page,
            4096,
            libc::PROT_READ | libc::PROT_EXEC
        )
    }),
];

/// What Landlock refuses by itself.
const LANDLOCKED: &[Attempt] = &[
    ("openat-read", || {
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            PASSWD.as_ptr(),
            libc::O_RDONLY
        )
    }),
    ("openat-create", || {
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            NEW.as_ptr(),
            libc::O_CREAT | libc::O_WRONLY,
            0o600
        )
    }),
    ("mkdirat", || {
        call!(libc::SYS_mkdirat, libc::AT_FDCWD, NEW.as_ptr(), 0o700)
    }),
    ("read-root", || {
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            ROOT.as_ptr(),
            libc::O_RDONLY | libc::O_DIRECTORY
        )
    }),
    ("parents-memory", || {
        let path = std::ffi::CString::new(format!("/proc/{}/mem", *PARENT)).expect("no zero in it");
        call!(
            libc::SYS_openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::O_RDWR
        )
    }),
    ("kill-parent", || call!(libc::SYS_kill, *PARENT, 0)),
    ("execve", || {
        call!(libc::SYS_execve, SHELL.as_ptr(), NULL, NULL)
    }),
    ("connect", || {
        let socket = call!(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0);
        // 127.0.0.1:9, as the kernel wants it.
        let address: [u8; 16] = [2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        call!(libc::SYS_connect, socket, address.as_ptr(), 16)
    }),
];
