//! `_core.Spill`: data larger than memory, as parts of the customers.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;

use super::door::{door, raise};
use super::event_log::EventLog;
use super::table::Table;
use crate::error::{Error, Result};
use crate::ingest::spill::{self, Options, Stream};
use crate::ingest::{Roles, files};
use crate::pool::Cancel;

/// The rows of a data set on disk, by customer.
#[pyclass(frozen, module = "safar._core")]
pub struct Spill {
    inner: Arc<spill::Spill>,
}

impl From<spill::Spill> for Spill {
    fn from(inner: spill::Spill) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

#[pymethods]
impl Spill {
    #[staticmethod]
    #[pyo3(signature = (table, roles_json, options_json, /))]
    fn of_table(py: Python<'_>, table: &Table, roles_json: &str, options_json: &str) -> PyResult<Self> {
        let (roles, options) = parsed(roles_json, options_json).map_err(|error| raise(py, error))?;
        let table = table.inner().clone();
        door(py, move |cancel| spill::Spill::new(&table, &roles, &options, cancel)).map(Self::from)
    }

    #[staticmethod]
    #[pyo3(signature = (source, columns, roles_json, options_json, /))]
    fn of_stream(
        py: Python<'_>,
        source: AnyRecordBatch,
        columns: Vec<String>,
        roles_json: &str,
        options_json: &str,
    ) -> PyResult<Self> {
        let (roles, options) = parsed(roles_json, options_json).map_err(|error| raise(py, error))?;
        let reader = source.into_reader()?;
        let stream = Stream::new(reader, &columns).map_err(|error| raise(py, error))?;
        door(py, move |cancel| spill::Spill::new(&stream, &roles, &options, cancel)).map(Self::from)
    }

    #[staticmethod]
    #[pyo3(signature = (paths, files_json, options_json, /))]
    fn of_files(py: Python<'_>, paths: Vec<String>, files_json: &str, options_json: &str) -> PyResult<Self> {
        let parsed = || -> Result<(files::Options, Roles, Options)> {
            let files: files::Options = serde_json::from_str(files_json)
                .map_err(|error| Error::Argument(format!("the options of the files are not valid: {error}")))?;
            let roles = files.roles.clone().ok_or_else(|| Error::Argument("the roles are not given".into()))?;
            Ok((files, roles, options(options_json)?))
        };
        let (files, roles, options) = parsed().map_err(|error| raise(py, error))?;
        let spill = move |cancel: &Cancel| {
            files::with_files(&paths, &files, cancel, |files| spill::Spill::new(files, &roles, &options, cancel))
        };
        door(py, spill).map(Self::from)
    }

    #[pyo3(signature = (/))]
    fn info(&self) -> String {
        self.inner.describe().to_string()
    }

    #[pyo3(signature = (column, /))]
    fn names(&self, py: Python<'_>, column: &str) -> PyResult<Table> {
        self.inner.names_table(column).map(Table::from).map_err(|error| raise(py, error))
    }

    #[pyo3(signature = (/))]
    fn rejects(&self, py: Python<'_>) -> PyResult<Table> {
        self.inner.rejects_table().map(Table::from).map_err(|error| raise(py, error))
    }

    #[pyo3(signature = (index, /))]
    fn part(&self, py: Python<'_>, index: usize) -> PyResult<EventLog> {
        let spill = Arc::clone(&self.inner);
        door(py, move |cancel| spill.part(index, cancel)).map(EventLog::from)
    }

    #[pyo3(signature = (/))]
    fn outline(&self, py: Python<'_>) -> PyResult<EventLog> {
        let spill = Arc::clone(&self.inner);
        door(py, move |cancel| spill.outline(cancel)).map(EventLog::from)
    }

    fn __len__(&self) -> usize {
        self.inner.parts()
    }
}

fn parsed(roles_json: &str, options_json: &str) -> Result<(Roles, Options)> {
    let roles = serde_json::from_str(roles_json)
        .map_err(|error| Error::Argument(format!("the roles are not valid: {error}")))?;
    Ok((roles, options(options_json)?))
}

fn options(json: &str) -> Result<Options> {
    serde_json::from_str(json).map_err(|error| Error::Argument(format!("the options are not valid: {error}")))
}
