//! Large buffers on huge pages: a hundred megabytes cost fifty page faults instead of twenty-five thousand.

/// Asks the system to back a large, still untouched buffer with huge pages. A wish, not a promise: where the system has
/// none, nothing changes.
#[cfg(target_os = "linux")]
pub fn prefer_huge_pages<T>(buffer: &[T], capacity: usize) {
    const PAGE: usize = 4096;
    const WORTHWHILE: usize = 4 << 20;
    let bytes = capacity * size_of::<T>();
    if bytes < WORTHWHILE {
        return;
    }
    let start = (buffer.as_ptr() as usize).next_multiple_of(PAGE);
    let end = (buffer.as_ptr() as usize + bytes) / PAGE * PAGE;
    // SAFETY: the range lies within one allocation, and the advice does not change what the memory holds.
    unsafe {
        libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
    }
}

/// Only Linux has to be asked.
#[cfg(not(target_os = "linux"))]
pub fn prefer_huge_pages<T>(_buffer: &[T], _capacity: usize) {}
