//! Our own thread pool, which survives `fork`, and the flag that stops a running computation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rayon::ThreadPool;

use crate::error::{Error, Result};

struct Owned {
    process: u32,
    pool: ThreadPool,
}

static CURRENT: AtomicPtr<Owned> = AtomicPtr::new(std::ptr::null_mut());

/// The pool of this process: as many threads as `SAFAR_THREADS` says, else one per available core.
///
/// A forked child inherits the memory of a pool but none of its threads, so the pool remembers its process and a
/// child builds a new one. The inherited one is never dropped: dropping would wait for threads that do not exist.
pub fn pool() -> Result<&'static ThreadPool> {
    let process = std::process::id();
    let current = CURRENT.load(Ordering::Acquire);
    // SAFETY: a pointer that was published here is never freed or changed.
    if let Some(owned) = unsafe { current.as_ref() }
        && owned.process == process
    {
        return Ok(&owned.pool);
    }
    let fresh = Box::into_raw(Box::new(Owned { process, pool: build(threads()?)? }));
    if CURRENT.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire).is_ok() {
        // SAFETY: published just now, never freed.
        return Ok(unsafe { &(*fresh).pool });
    }
    // SAFETY: another thread published first; this box was never shared.
    drop(unsafe { Box::from_raw(fresh) });
    pool()
}

/// Runs work on the pool that the caller is on, or else on that of the process.
pub fn on_pool<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if rayon::current_thread_index().is_some() { work() } else { pool()?.install(work) }
}

/// A pool of a fixed number of threads.
pub fn build(threads: usize) -> Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("safar-{index}"))
        .build()
        .map_err(|error| Error::Internal(format!("cannot start {threads} threads: {error}")))
}

fn threads() -> Result<usize> {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    match std::env::var("SAFAR_THREADS") {
        Err(_) => Ok(available),
        Ok(text) => match text.trim().parse::<usize>() {
            Ok(count) if (1..=1024).contains(&count) => Ok(count),
            _ => Err(Error::Argument(format!(
                "the environment variable SAFAR_THREADS is \"{text}\"; expected a whole number from 1 to 1024, or \
                 unset it to use all {available} cores"
            ))),
        },
    }
}

/// A flag that every long loop looks at between tasks.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ask the computation to stop at its next check.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// `Err(Cancelled)` once somebody asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_built_once_per_process() {
        let first: *const ThreadPool = pool().expect("a pool");
        let second: *const ThreadPool = pool().expect("a pool");
        assert_eq!(first, second);
    }

    #[test]
    fn a_cancelled_flag_stops_the_next_check() {
        let cancel = Cancel::default();
        assert!(cancel.check().is_ok());
        cancel.clone().cancel();
        assert_eq!(cancel.check(), Err(Error::Cancelled));
    }
}
