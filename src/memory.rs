//! How much memory there is, and large buffers on huge pages: a hundred megabytes cost fifty page faults instead of
//! twenty-five thousand.

/// Bytes that this process may still take: what its control group allows, else what the machine has. None where the
/// system does not say.
pub fn available_bytes() -> Option<u64> {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let left = |limit: &str, used: &str| Some(number(limit)?.saturating_sub(number(used)?));
    let group = left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")
        .or_else(|| left("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"));
    let machine = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    // A group without a limit of its own may say one that no machine has.
    [group, machine()].into_iter().flatten().min()
}

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
