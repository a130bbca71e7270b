//! The extension module `safar._core`: the only place that knows Python.

mod arrays;
mod door;
mod event_log;
mod spill;
mod table;

use pyo3::prelude::*;

use crate::calendar::{Calendar, Period, Periods, Zone};
use crate::engine::Plan;
use crate::error::Error;
use crate::kernels::{KERNELS, run_named};
use crate::map::JourneyMap;
use crate::partial;
use crate::pattern::Pattern;
use crate::scoring;

use door::{door, raise};
use event_log::EventLog;
use spill::Spill;
use table::Table;

/// Runs an analysis over a log; the result is a partial table.
#[pyfunction]
#[pyo3(signature = (log, name, plan_json, /))]
fn run(py: Python<'_>, log: &EventLog, name: String, plan_json: &str) -> PyResult<Table> {
    let plan = Plan::parse(plan_json).map_err(|error| raise(py, error))?;
    let log = log.inner();
    door(py, move |cancel| run_named(&name, &log, &plan, cancel)).map(Table::from)
}

/// Merges partial tables of logs that share no customer.
#[pyfunction]
#[pyo3(signature = (partials, /))]
fn merge(py: Python<'_>, partials: Vec<Bound<'_, Table>>) -> PyResult<Table> {
    let parts: Vec<_> = partials.iter().map(|part| part.get().inner().clone()).collect();
    door(py, move |_| partial::merge(&parts)).map(Table::from)
}

/// Computes a likelihood or scores of the customers in a table.
#[pyfunction]
#[pyo3(signature = (table, name, params_json, /))]
fn score(py: Python<'_>, table: &Table, name: String, params_json: String) -> PyResult<Table> {
    let table = table.inner().clone();
    door(py, move |cancel| scoring::score(&table, &name, &params_json, cancel)).map(Table::from)
}

/// Names of all analyses, sorted.
#[pyfunction]
fn kernels() -> Vec<&'static str> {
    KERNELS.iter().map(|(name, _)| *name).collect()
}

/// Reads a pattern, and refuses names that a log does not have: the names of its events, and whether it needs all events.
#[pyfunction]
#[pyo3(signature = (text, log=None, /))]
fn check_pattern(py: Python<'_>, text: &str, log: Option<&EventLog>) -> PyResult<(Vec<String>, bool)> {
    let checked = || {
        let pattern = Pattern::parse(text)?;
        if let Some(log) = log {
            pattern.check(&log.inner())?;
        }
        Ok((pattern.events().into_iter().map(str::to_owned).collect(), pattern.needs_all_events()))
    };
    checked().map_err(|error| raise(py, error))
}

/// Reads a journey map, whose file is called so in messages: what it says, as JSON.
#[pyfunction]
#[pyo3(signature = (text, file, /))]
fn read_map(py: Python<'_>, text: &str, file: &str) -> PyResult<String> {
    let read = || Ok(JourneyMap::parse(text, file)?.describe()?.to_string());
    read().map_err(|error| raise(py, error))
}

/// Starts (µs UTC) of the calendar periods that cover a span, and the start of the one after.
#[pyfunction]
#[pyo3(signature = (start_us, end_us, period, zone, calendar, week_start, /))]
fn period_starts(
    py: Python<'_>,
    start_us: i64,
    end_us: i64,
    period: &str,
    zone: &str,
    calendar: &str,
    week_start: u8,
) -> PyResult<Vec<i64>> {
    let starts = || {
        let calendar: Calendar = serde_json::from_value(calendar.into())
            .map_err(|_| Error::Argument(format!("calendar \"{calendar}\" is not known")))?;
        let period = match period {
            "day" => Period::Day,
            "week" if week_start < 7 => Period::Week { start: week_start },
            "month" => Period::Month,
            other => return Err(Error::Argument(format!("period \"{other}\" from day {week_start} is not known"))),
        };
        let periods = Periods::new(&Zone::new(zone)?, period, calendar, start_us, end_us)?;
        Ok(periods.starts().to_vec())
    };
    starts().map_err(|error| raise(py, error))
}

/// The module.
#[pymodule]
mod _core {
    use super::PyModuleMethods;

    #[pymodule_export]
    use super::{EventLog, Spill, Table, check_pattern, kernels, merge, period_starts, read_map, run, score};

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
