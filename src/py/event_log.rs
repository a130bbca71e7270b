//! `_core.EventLog`: the log in Python.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::door::{door, raise};
use super::table::Table;
use crate::beside::{self, Place, Profiles};
use crate::error::Error;
use crate::ingest::{self, Roles, files};
use crate::log::Codes;
use crate::map::{self, JourneyMap};
use crate::quality::{self, Thresholds};
use crate::regroup::regroup;
use crate::rename::named_by;
use crate::selection::Selection;

/// An immutable event log.
#[pyclass(frozen, module = "safar._core")]
pub struct EventLog {
    inner: Arc<crate::log::EventLog>,
}

impl EventLog {
    pub fn inner(&self) -> Arc<crate::log::EventLog> {
        Arc::clone(&self.inner)
    }
}

impl From<crate::log::EventLog> for EventLog {
    fn from(inner: crate::log::EventLog) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

#[pymethods]
impl EventLog {
    #[staticmethod]
    #[pyo3(signature = (table, roles_json, /))]
    fn build(py: Python<'_>, table: &Table, roles_json: &str) -> PyResult<Self> {
        let roles: Roles = serde_json::from_str(roles_json)
            .map_err(|error| raise(py, Error::Argument(format!("the roles are not valid: {error}"))))?;
        let table = table.inner().clone();
        door(py, move |cancel| ingest::build(&table, &roles, cancel)).map(Self::from)
    }

    /// The log of files.
    #[staticmethod]
    #[pyo3(signature = (paths, files_json, /))]
    fn read(py: Python<'_>, paths: Vec<String>, files_json: &str) -> PyResult<Self> {
        let options: files::Options = serde_json::from_str(files_json)
            .map_err(|error| raise(py, Error::Argument(format!("the options of the files are not valid: {error}"))))?;
        door(py, move |cancel| files::build(&paths, &options, cancel)).map(Self::from)
    }

    /// The log that was saved, what was noted with it, and the table that stood beside it.
    #[staticmethod]
    #[pyo3(signature = (path, /))]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<(Self, String, Option<Table>)> {
        let (log, note, beside) = door(py, move |_| crate::log::EventLog::open(&path))?;
        Ok((Self::from(log), note, beside.map(Table::from)))
    }

    #[pyo3(signature = (path, note, beside=None, /))]
    fn save(&self, py: Python<'_>, path: PathBuf, note: String, beside: Option<&Table>) -> PyResult<()> {
        let (log, beside) = (self.inner(), beside.map(|table| table.inner().clone()));
        door(py, move |cancel| log.save(&path, &note, beside.as_ref(), cancel))
    }

    #[pyo3(signature = (selection_json, /))]
    fn filter(&self, py: Python<'_>, selection_json: &str) -> PyResult<Self> {
        let selection = Selection::parse(selection_json).map_err(|error| raise(py, error))?;
        let log = self.inner();
        door(py, move |cancel| selection.of(&log, cancel)).map(Self::from)
    }

    #[pyo3(signature = (values, /))]
    fn with_columns(&self, py: Python<'_>, values: &Table) -> PyResult<Self> {
        let (log, values) = (self.inner(), values.inner().clone());
        door(py, move |_| log.with_columns(&values)).map(Self::from)
    }

    /// The log with the attributes of its customers as columns.
    #[pyo3(signature = (table, profiles_json, /))]
    fn with_profiles(&self, py: Python<'_>, table: &Table, profiles_json: &str) -> PyResult<Self> {
        let profiles = Profiles::parse(profiles_json).map_err(|error| raise(py, error))?;
        let (log, table) = (self.inner(), table.inner().clone());
        door(py, move |cancel| beside::with_profiles(&log, &table, &profiles, cancel)).map(Self::from)
    }

    /// Where in the log the customers and instants of another table are.
    #[pyo3(signature = (table, place_json, /))]
    fn locate(&self, py: Python<'_>, table: &Table, place_json: &str) -> PyResult<Table> {
        let place = Place::parse(place_json).map_err(|error| raise(py, error))?;
        let (log, table) = (self.inner(), table.inner().clone());
        door(py, move |cancel| beside::locate(&log, &table, &place, cancel)).map(Table::from)
    }

    /// The log with the touchpoint and the stage of each event, according to the text of a map.
    #[pyo3(signature = (text, file, /))]
    fn with_map(&self, py: Python<'_>, text: &str, file: &str) -> PyResult<Self> {
        let map = JourneyMap::parse(text, file).map_err(|error| raise(py, error))?;
        let log = self.inner();
        door(py, move |cancel| map.assign(&log, cancel)).map(Self::from)
    }

    /// What a map covers of the log, as JSON.
    #[pyo3(signature = (text, file, /))]
    fn map_coverage(&self, py: Python<'_>, text: &str, file: &str) -> PyResult<String> {
        let map = JourneyMap::parse(text, file).map_err(|error| raise(py, error))?;
        let log = self.inner();
        door(py, move |cancel| map.coverage(&log, cancel)).map(|found| found.to_string())
    }

    /// Where in the journeys of customers each event stands, as JSON.
    #[pyo3(signature = (/))]
    fn positions(&self, py: Python<'_>) -> PyResult<String> {
        let log = self.inner();
        door(py, move |cancel| map::positions(&log, cancel)).map(|found| found.to_string())
    }

    #[pyo3(signature = (column, across, /))]
    fn regroup(&self, py: Python<'_>, column: String, across: bool) -> PyResult<Self> {
        let log = self.inner();
        door(py, move |cancel| regroup(&log, &column, across, cancel)).map(Self::from)
    }

    /// The log whose events are called by the values of a column.
    #[pyo3(signature = (column, /))]
    fn named_by(&self, py: Python<'_>, column: String) -> PyResult<Self> {
        let log = self.inner();
        door(py, move |cancel| named_by(&log, &column, cancel)).map(Self::from)
    }

    #[pyo3(signature = (/))]
    fn info(&self) -> String {
        self.inner.describe().to_string()
    }

    /// What is wrong with the log, or looks as if it were, as JSON.
    #[pyo3(signature = (thresholds_json, /))]
    fn quality(&self, py: Python<'_>, thresholds_json: &str) -> PyResult<String> {
        let thresholds = Thresholds::parse(thresholds_json).map_err(|error| raise(py, error))?;
        let log = self.inner();
        door(py, move |cancel| quality::look(&log, &thresholds, cancel)).map(|found| found.to_string())
    }

    #[pyo3(signature = (column, /))]
    fn names(&self, py: Python<'_>, column: String) -> PyResult<Table> {
        let log = Arc::clone(&self.inner);
        door(py, move |_| log.names_table(&column)).map(Table::from)
    }

    #[pyo3(signature = (/))]
    fn rejects(&self, py: Python<'_>) -> PyResult<Table> {
        let log = Arc::clone(&self.inner);
        door(py, move |_| log.rejects_table()).map(Table::from)
    }

    #[pyo3(signature = (/))]
    fn customers(&self, py: Python<'_>) -> PyResult<Table> {
        let log = Arc::clone(&self.inner);
        door(py, move |_| log.customers_table()).map(Table::from)
    }

    /// Columns of the events: of all in the order of the log, or of those at some positions, -1 being none.
    #[pyo3(signature = (columns, positions=None, /))]
    fn events_table(
        &self,
        py: Python<'_>,
        columns: Option<Vec<String>>,
        positions: Option<PyReadonlyArray1<'_, i64>>,
    ) -> PyResult<Table> {
        let log = Arc::clone(&self.inner);
        let Some(positions) = positions else {
            return door(py, move |_| log.events_table(columns.as_deref())).map(Table::from);
        };
        let positions: Vec<Option<u32>> = positions.as_array().iter().map(|&event| u32::try_from(event).ok()).collect();
        door(py, move |_| log.table_of_events(&columns.unwrap_or_default(), &positions)).map(Table::from)
    }

    /// A read-only view of a column of the log; nothing is copied.
    #[pyo3(signature = (name, /))]
    fn view<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let log = &slf.get().inner;
        let codes = |codes: &Codes| match codes {
            Codes::U8(codes) => borrowed(slf, codes),
            Codes::U16(codes) => borrowed(slf, codes),
            Codes::U32(codes) => borrowed(slf, codes),
        };
        match (name, &log.channels) {
            ("offsets", _) => borrowed(slf, &log.offsets),
            ("times", _) => borrowed(slf, &log.times),
            ("events", _) => codes(&log.events),
            ("channels", Some((channels, _))) => codes(channels),
            _ => {
                let text = format!(
                    "there is no view \"{name}\"; expected offsets, times, events, or channels where the log has them"
                );
                Err(raise(slf.py(), Error::Argument(text)))
            }
        }
    }
}

fn borrowed<'py, T: numpy::Element>(owner: &Bound<'py, EventLog>, values: &[T]) -> PyResult<Bound<'py, PyAny>> {
    let view = numpy::ndarray::ArrayView1::from(values);
    // SAFETY: the log is immutable and lives as long as its Python object, which the array keeps alive.
    let array = unsafe { PyArray1::borrow_from_array(&view, owner.clone().into_any()) };
    array.call_method1("setflags", (false,))?;
    Ok(array.into_any())
}
