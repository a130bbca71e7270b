//! Our own thread pool, which survives `fork`, and the flag that stops a running computation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

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

/// What a long computation and the one who waits for it know of each other: whether it shall stop, and how far it is.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    stage: AtomicUsize,
    done: AtomicU64,
    total: AtomicU64,
}

/// What a long computation is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Files become rows in memory.
    Reading,
    /// Rows are brought together by customer.
    Grouping,
    /// Events of customers are brought in order.
    Ordering,
    /// Rows go to disk by customer.
    Spilling,
    /// A kernel passes over the events.
    Counting,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Reading, Self::Grouping, Self::Ordering, Self::Spilling, Self::Counting];

    /// The name, as users see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Grouping => "grouping",
            Self::Ordering => "ordering",
            Self::Spilling => "spilling",
            Self::Counting => "counting",
        }
    }
}

/// How far a computation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is busy with.
    pub stage: Stage,
    /// Rows or events that are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
}

impl Cancel {
    /// Ask the computation to stop at its next check.
    pub fn cancel(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }

    /// `Err(Cancelled)` once somebody asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.0.stop.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Tells that a stage begins, of so many rows or events where that is known.
    pub fn begin(&self, stage: Stage, total: Option<u64>) {
        self.0.stage.store(0, Ordering::Relaxed);
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total.unwrap_or(u64::MAX), Ordering::Relaxed);
        self.0.stage.store(stage as usize + 1, Ordering::Release);
    }

    /// Tells that so many more are done; as [`Cancel::check`].
    pub fn advance(&self, done: usize) -> Result<()> {
        self.0.done.fetch_add(done as u64, Ordering::Relaxed);
        self.check()
    }

    /// How far the computation is; none before it has told.
    pub fn progress(&self) -> Option<Progress> {
        let stage = *Stage::ALL.get(self.0.stage.load(Ordering::Acquire).checked_sub(1)?)?;
        let total = Some(self.0.total.load(Ordering::Relaxed)).filter(|&total| total != u64::MAX);
        let done = self.0.done.load(Ordering::Relaxed);
        Some(Progress { stage, done: total.map_or(done, |total| done.min(total)), total })
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

    #[test]
    fn progress_is_of_the_stage_that_began_last_and_never_beyond_its_end() {
        let cancel = Cancel::default();
        assert_eq!(cancel.progress(), None);
        cancel.begin(Stage::Reading, None);
        assert!(cancel.advance(7).is_ok());
        assert_eq!(cancel.progress(), Some(Progress { stage: Stage::Reading, done: 7, total: None }));
        cancel.begin(Stage::Counting, Some(10));
        assert!(cancel.advance(6).and_then(|()| cancel.advance(6)).is_ok());
        assert_eq!(cancel.progress(), Some(Progress { stage: Stage::Counting, done: 10, total: Some(10) }));
        cancel.cancel();
        assert_eq!(cancel.advance(1), Err(Error::Cancelled));
    }
}
