//! The one door for every long call: the GIL is released, our pool works, Ctrl-C stops it, a panic is an exception.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::pool::{Cancel, Progress, pool};

/// How often Python is asked whether somebody pressed Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// Python objects that are handled between two looks at Ctrl-C.
pub const LISTENING: usize = 1 << 16;

/// Runs work on our pool while Python may go on.
pub fn door<T, F>(py: Python<'_>, work: F) -> PyResult<T>
where
    T: Send + 'static,
    F: FnOnce(&Cancel) -> Result<T> + Send + 'static,
{
    let cancel = Cancel::default();
    let (sender, receiver) = channel();
    let flag = cancel.clone();
    let pool = pool().map_err(|error| raise(py, error))?;
    pool.spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&flag))).unwrap_or_else(|panic| Err(defect(&*panic)));
        // Nobody listens any more only where the interpreter is gone.
        let _ = sender.send(outcome);
    });
    let receiver = std::sync::Mutex::new(receiver);
    let mut interrupted = None;
    loop {
        let answer = py.detach(|| {
            let receiver = receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            receiver.recv_timeout(PATIENCE)
        });
        match answer {
            Ok(outcome) => {
                return match interrupted {
                    Some(error) => Err(error),
                    None => outcome.map_err(|error| raise(py, error)),
                };
            }
            Err(RecvTimeoutError::Timeout) => {
                let told = || if interrupted.is_none() { tell(py, &cancel) } else { Ok(()) };
                if let Err(error) = py.check_signals().and_then(|()| told()) {
                    cancel.cancel();
                    interrupted.get_or_insert(error);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(raise(py, Error::Internal("a computation ended without an answer".into())));
            }
        }
    }
}

/// Tells whoever watches how far a computation is.
fn tell(py: Python<'_>, cancel: &Cancel) -> PyResult<()> {
    let Some(Progress { stage, done, total }) = cancel.progress() else { return Ok(()) };
    py.import("safar._progress")?.call_method1("tell", (stage.name(), done, total)).map(drop)
}

/// Runs short work that needs Python, where a panic is an exception as well.
pub fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(raise(py, defect(&*panic))))
}

/// What a panic said.
fn defect(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Internal(text.unwrap_or_else(|| "a computation panicked".into()))
}

/// An error as the exception class of `safar.errors` that it belongs to.
pub fn raise(py: Python<'_>, error: Error) -> PyErr {
    let problems = match &error {
        Error::Map(_, problems) => Some(problems.clone()),
        _ => None,
    };
    let class = match error {
        Error::Data(_) => "DataError",
        Error::Empty(_) => "EmptyLogError",
        Error::UnknownColumn(_) => "UnknownColumnError",
        Error::UnknownEvent(_) => "UnknownEventError",
        Error::Argument(_) => "ArgumentError",
        Error::Type(_) => "ArgumentTypeError",
        Error::File(_) => "FileError",
        Error::Map(..) => "MapError",
        Error::Cancelled => return pyo3::exceptions::PyKeyboardInterrupt::new_err("cancelled"),
        Error::Internal(_) => "InternalError",
    };
    let made = py.import("safar.errors").and_then(|module| {
        let (class, text) = (module.getattr(class)?, error.to_string());
        match problems {
            None => class.call1((text.trim(),)),
            Some(problems) => {
                let problems = problems.into_iter().map(|problem| (problem.line, problem.column, problem.message));
                class.call1((text.trim(), problems.collect::<Vec<_>>()))
            }
        }
    });
    made.map_or_else(|failure| failure, PyErr::from_value)
}
