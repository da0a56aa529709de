//! The page that an executor shares with its parent: how many tasks it has
//! begun and when it began the last. So the parent knows which task a silent
//! executor is in, without a system call for each task.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use sandbox::frames::PAGE_BYTES;

/// The mapped page; it stays mapped until the process ends.
#[derive(Debug)]
pub(crate) struct Page(NonNull<[AtomicU64; 2]>);

// SAFETY: the page is only reached through atomics and never unmapped.
unsafe impl Send for Page {}

impl Page {
    pub(crate) fn map(file: &File) -> io::Result<Page> {
        // SAFETY: a new mapping at a place the kernel chooses touches nothing we have.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                PAGE_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(address.cast())
            .map(Page)
            .ok_or_else(|| io::Error::other("mapped at zero"))
    }

    /// The next task begins now.
    pub(crate) fn begin(&self, now_ns: u64) {
        // SAFETY: mapped for good, page-aligned, at least two words long.
        let [count, began_ns] = unsafe { self.0.as_ref() };
        // The moment first: whoever sees the new count sees a moment at least as new.
        began_ns.store(now_ns, Ordering::Release);
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Release);
    }
}

/// Nanoseconds of the clock that parent and executor share.
pub(crate) fn now_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a local timespec.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) } != 0;
    assert!(!failed, "every Linux has a monotonic clock");
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
