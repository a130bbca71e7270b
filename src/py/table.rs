//! `_core.Table`: an Arrow table in Python, from frames and back to NumPy.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping};
use pyo3_arrow::PyTable;
use pyo3_arrow::input::AnyRecordBatch;

use super::arrays;
use super::door::{LISTENING, door, guarded, raise};
use crate::error::{Error, Result};
use crate::ingest::files;
use crate::log::one_zero_no_nan;

/// An immutable Arrow table.
#[pyclass(frozen, module = "safar._core")]
pub struct Table {
    inner: crate::table::Table,
}

impl From<crate::table::Table> for Table {
    fn from(inner: crate::table::Table) -> Self {
        Self { inner }
    }
}

impl Table {
    pub fn inner(&self) -> &crate::table::Table {
        &self.inner
    }

    fn whole(&self, name: &str) -> Result<ArrayRef> {
        let chunks = self.inner.column(name)?;
        match chunks.as_slice() {
            [] => Ok(arrow::array::new_empty_array(self.inner.data_type(name)?)),
            [only] => Ok(ArrayRef::clone(only)),
            many => Ok(concat(&many.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
        }
    }
}

#[pymethods]
impl Table {
    #[new]
    #[pyo3(signature = (columns, /))]
    fn new(py: Python<'_>, columns: &Bound<'_, PyMapping>) -> PyResult<Self> {
        guarded(py, || arrays::table(py, columns).map(Self::from))
    }

    #[staticmethod]
    #[pyo3(signature = (source, columns=None, /))]
    fn from_stream(py: Python<'_>, source: AnyRecordBatch, columns: Option<Vec<String>>) -> PyResult<Self> {
        guarded(py, || {
            let read = source.into_table().map_err(|error| broken_off(py, PyErr::from(error)))?;
            let (batches, schema) = read.into_inner();
            let table = crate::table::Table::new(schema, batches);
            let table = match columns {
                Some(columns) => table.select(&columns).map_err(|error| raise(py, error))?,
                None => table,
            };
            // What another library hands over is trusted only after a look at it.
            door(py, move |_| table.validate().map(|()| table)).map(Self::from)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (paths, options_json=None, /))]
    fn read(py: Python<'_>, paths: Vec<String>, options_json: Option<&str>) -> PyResult<Self> {
        let options: files::Options = serde_json::from_str(options_json.unwrap_or("{}"))
            .map_err(|error| raise(py, Error::Argument(format!("the options are not valid: {error}"))))?;
        door(py, move |cancel| files::read(&paths, &options, cancel)).map(Self::from)
    }

    /// The rows of several tables of the same columns, one after the other.
    #[staticmethod]
    #[pyo3(signature = (tables, /))]
    fn concat(py: Python<'_>, tables: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        let tables: Vec<_> = tables.iter().map(|table| table.get().inner().clone()).collect();
        crate::table::Table::concat(&tables).map(Self::from).map_err(|error| raise(py, error))
    }

    #[getter]
    fn names(&self) -> Vec<&str> {
        self.inner.names()
    }

    #[getter]
    fn num_rows(&self) -> usize {
        self.inner.num_rows()
    }

    #[getter]
    fn schema(&self) -> Vec<(String, String)> {
        let fields = self.inner.schema().fields();
        fields.iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
    }

    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metadata = PyDict::new(py);
        for (key, value) in self.inner.schema().metadata() {
            metadata.set_item(key, value)?;
        }
        Ok(metadata)
    }

    #[pyo3(signature = (name, /))]
    fn numpy<'py>(&self, py: Python<'py>, name: &str) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
        guarded(py, || {
            let array = self.whole(name).map_err(|error| raise(py, error))?;
            let mask = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
            let mask = mask.map(|nulls| PyArray1::from_vec(py, nulls.iter().map(|valid| !valid).collect()).into_any());
            Ok((values(py, name, &array)?, mask))
        })
    }

    /// The code of each row of a column, as text, and the texts in order, a missing one last.
    #[pyo3(signature = (name, /))]
    fn codes<'py>(&self, py: Python<'py>, name: &str) -> PyResult<(Bound<'py, PyAny>, Vec<Option<String>>)> {
        guarded(py, || {
            let array = self.whole(name).map_err(|error| raise(py, error))?;
            let array = match array.data_type() {
                kind if kind.is_floating() => one_zero_no_nan(&array).map_err(|error| raise(py, error))?,
                _ => array,
            };
            let texts = cast(&array, &DataType::Utf8).map_err(|error| raise(py, error.into()))?;
            let (codes, distinct) = crate::table::factorize(texts.as_string());
            Ok((PyArray1::from_vec(py, codes).into_any(), distinct))
        })
    }

    #[pyo3(signature = (name, /))]
    fn zone(&self, py: Python<'_>, name: &str) -> PyResult<Option<String>> {
        match self.inner.data_type(name).map_err(|error| raise(py, error))? {
            DataType::Timestamp(_, zone) => Ok(zone.as_ref().map(ToString::to_string)),
            _ => Ok(None),
        }
    }

    #[pyo3(signature = (names, /))]
    fn select(&self, py: Python<'_>, names: Vec<String>) -> PyResult<Self> {
        self.inner.select(&names).map(Self::from).map_err(|error| raise(py, error))
    }

    /// The same rows with the columns of another table behind them.
    #[pyo3(signature = (other, /))]
    fn beside(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Self> {
        let (table, other) = (self.inner.clone(), other.get().inner.clone());
        door(py, move |_| table.beside(&other)).map(Self::from)
    }

    /// The fields of a column of structures as columns in its place.
    #[pyo3(signature = (name, /))]
    fn unnest(&self, py: Python<'_>, name: &str) -> PyResult<Self> {
        self.inner.unnested(name).map(Self::from).map_err(|error| raise(py, error))
    }

    /// The rows at some positions.
    #[pyo3(signature = (positions, /))]
    fn rows(&self, py: Python<'_>, positions: PyReadonlyArray1<'_, i64>) -> PyResult<Self> {
        let table = self.inner.clone();
        // Below the first row is beyond the last one.
        let positions = positions.as_array().iter().map(|&row| u64::try_from(row).unwrap_or(u64::MAX)).collect();
        door(py, move |_| table.rows(positions)).map(Self::from)
    }

    #[pyo3(signature = (path, /))]
    fn write_parquet(&self, py: Python<'_>, path: std::path::PathBuf) -> PyResult<()> {
        let table = self.inner.clone();
        door(py, move |cancel| files::write_parquet(&table, &path, cancel))
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = PyTable::try_new(self.inner.batches().to_vec(), self.inner.schema().clone())?;
        Bound::new(py, table)?.call_method1("__arrow_c_stream__", (requested_schema,))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let table = PyTable::try_new(Vec::new(), self.inner.schema().clone())?;
        Bound::new(py, table)?.call_method0("__arrow_c_schema__")
    }

    fn __len__(&self) -> usize {
        self.inner.num_rows()
    }

    fn __repr__(&self) -> String {
        format!("Table({} rows: {})", self.inner.num_rows(), self.inner.names().join(", "))
    }
}

/// The values of a column; what stands at nulls has no meaning.
fn values<'py>(py: Python<'py>, name: &str, array: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! primitive {
        ($type:ty) => {
            Ok(PyArray1::from_slice(py, array.as_primitive::<$type>().values()).into_any())
        };
    }
    let converted = |target: &DataType| cast(array, target).map_err(|error| raise(py, error.into()));
    match array.data_type() {
        DataType::Int8 => primitive!(Int8Type),
        DataType::Int16 => primitive!(Int16Type),
        DataType::Int32 => primitive!(Int32Type),
        DataType::Int64 => primitive!(Int64Type),
        DataType::UInt8 => primitive!(UInt8Type),
        DataType::UInt16 => primitive!(UInt16Type),
        DataType::UInt32 => primitive!(UInt32Type),
        DataType::UInt64 => primitive!(UInt64Type),
        DataType::Float32 => primitive!(Float32Type),
        DataType::Float64 => primitive!(Float64Type),
        DataType::Boolean => {
            let values = array.as_boolean().values().iter().collect();
            Ok(PyArray1::from_vec(py, values).into_any())
        }
        DataType::Timestamp(_, zone) => {
            let micros = converted(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            let micros = PyArray1::from_slice(py, micros.as_primitive::<TimestampMicrosecondType>().values());
            micros.call_method1("view", ("datetime64[us]",))
        }
        DataType::Date32 | DataType::Date64 => {
            let days = converted(&DataType::Date32)?;
            let days = cast(&cast(&days, &DataType::Int32).map_err(|error| raise(py, error.into()))?, &DataType::Int64)
                .map_err(|error| raise(py, error.into()))?;
            let days = PyArray1::from_slice(py, days.as_primitive::<Int64Type>().values());
            days.call_method1("view", ("datetime64[D]",))
        }
        DataType::Decimal128(_, scale) => {
            let unit = 10_f64.powi(i32::from(*scale));
            let floats = array.as_primitive::<Decimal128Type>().values().iter().map(|&value| value as f64 / unit);
            Ok(PyArray1::from_iter(py, floats).into_any())
        }
        DataType::Dictionary(_, value) if **value == DataType::Utf8 => repeated(py, array),
        DataType::Dictionary(_, value) => values(py, name, &converted(value)?),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            let texts = converted(&DataType::LargeUtf8)?;
            listed(py, texts.as_string::<i64>().iter())
        }
        DataType::List(_) => {
            let rows = array.as_list::<i32>().iter().map(|row| row.map(|row| values(py, name, &row)).transpose());
            objects(py, &PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
        }
        other => {
            Err(raise(py, Error::Type(format!("column \"{name}\" has the type {other}, which NumPy does not hold"))))
        }
    }
}

/// What the source of a stream says when it fails half-way, as an error of safar; Ctrl-C stays what it is.
fn broken_off(py: Python<'_>, error: PyErr) -> PyErr {
    if error.is_instance_of::<pyo3::exceptions::PyException>(py) {
        raise(py, Error::Data(format!("the data broke off while they were read: {}", error.value(py))))
    } else {
        error
    }
}

/// Text behind a dictionary: every distinct text becomes one Python object.
fn repeated<'py>(py: Python<'py>, array: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    let dictionary = array.as_any_dictionary();
    if dictionary.values().is_empty() {
        return py.import("numpy")?.call_method1("full", (array.len(), py.None()));
    }
    let distinct = dictionary.values().as_string::<i32>().iter();
    let distinct: Vec<Bound<'py, PyAny>> =
        distinct.map(|text| text.into_pyobject(py).map(Bound::into_any)).collect::<std::result::Result<_, _>>()?;
    let none = py.None().into_bound(py);
    let keys = dictionary.normalized_keys();
    let item = |(index, key): (usize, usize)| if array.is_valid(index) { distinct[key].clone() } else { none.clone() };
    listed(py, keys.into_iter().enumerate().map(item))
}

/// Items as an array of objects; Ctrl-C is heard between them.
fn listed<'py, T>(py: Python<'py>, items: impl Iterator<Item = T>) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py>,
    T::Error: Into<PyErr>,
{
    let list = PyList::empty(py);
    for (index, item) in items.enumerate() {
        if index.is_multiple_of(LISTENING) {
            py.check_signals()?;
        }
        list.append(item)?;
    }
    objects(py, &list)
}

/// A list as an array of objects, whatever it holds.
fn objects<'py>(py: Python<'py>, list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
    let numpy = py.import("numpy")?;
    let array = numpy.call_method1("empty", (list.len(), "O"))?;
    array.set_item(pyo3::types::PySlice::full(py), list)?;
    Ok(array)
}
