//! Python columns (NumPy arrays and lists) as Arrow arrays.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array,
    Int64Array, LargeStringArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray, UInt64Array,
    make_array, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyMapping, PyString, PyTuple};

use super::door::{LISTENING, raise};
use crate::error::Error;
use crate::table::Table;

/// A table of Python columns, all of one length.
pub fn table(py: Python<'_>, columns: &Bound<'_, PyMapping>) -> PyResult<Table> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for item in columns.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        let array = column(py, &name, &value)?;
        if let Some(first) = arrays.first()
            && first.len() != array.len()
        {
            let text = format!("column \"{name}\" has {} rows, the columns before it {}", array.len(), first.len());
            return Err(raise(py, Error::Data(text)));
        }
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let rows = arrays.first().map_or(0, Array::len);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options);
    batch.map(Table::from_batch).map_err(|error| raise(py, error.into()))
}

/// A column, or a pair of a column and what is to be known of it: `zone`, `categories` or `texts` that it
/// numbers, `mask`.
fn column(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let Ok(pair) = value.cast::<PyTuple>() else { return plain(py, name, value) };
    let (value, notes): (Bound<'_, PyAny>, Bound<'_, PyDict>) = pair.extract()?;
    let mut array = plain(py, name, &value)?;
    let fail = |error: arrow::error::ArrowError| raise(py, error.into());
    let (categories, texts) = (notes.get_item("categories")?, notes.get_item("texts")?);
    let is_text = texts.is_some();
    if let Some(categories) = categories.or(texts) {
        let codes = cast(&array, &DataType::Int32).map_err(fail)?;
        let codes = arrow::array::AsArray::as_primitive::<Int32Type>(&codes);
        let keys: Int32Array = codes.iter().map(|code| code.filter(|&code| code >= 0)).collect();
        let texts = cast(&plain(py, name, &categories)?, &DataType::Utf8).map_err(fail)?;
        array = Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts).map_err(fail)?);
        if is_text {
            array = cast(&array, &DataType::Utf8).map_err(fail)?;
        }
    }
    if let Some(zone) = notes.get_item("zone")? {
        let unit = match array.data_type() {
            DataType::Timestamp(unit, _) => *unit,
            _ => TimeUnit::Microsecond,
        };
        array = cast(&array, &DataType::Timestamp(unit, None)).map_err(fail)?;
        let zoned = DataType::Timestamp(unit, Some(zone.extract::<String>()?.into()));
        let data = array.to_data().into_builder().data_type(zoned).build().map_err(fail)?;
        array = make_array(data);
    }
    if let Some(mask) = notes.get_item("mask")? {
        let mask: PyReadonlyArray1<'_, bool> = contiguous(py, &mask)?.extract()?;
        let valid: NullBuffer = mask.as_slice()?.iter().map(|null| !null).collect();
        if valid.len() != array.len() {
            let text = format!("column \"{name}\" has {} rows but a mask of {}", array.len(), valid.len());
            return Err(raise(py, Error::Data(text)));
        }
        let nulls = NullBuffer::union(Some(&valid), array.nulls());
        let data = array.to_data().into_builder().nulls(nulls).build().map_err(fail)?;
        array = make_array(data);
    }
    Ok(array)
}

fn contiguous<'py>(py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    py.import("numpy")?.call_method1("ascontiguousarray", (value,))
}

fn plain(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let Ok(dtype) = value.getattr("dtype") else { return objects(py, name, value) };
    if value.getattr("ndim")?.extract::<usize>()? != 1 {
        let text = format!("column \"{name}\" has more than one dimension; expected one value per row");
        return Err(raise(py, Error::Type(text)));
    }
    let kind: String = dtype.getattr("kind")?.extract()?;
    let size: usize = dtype.getattr("itemsize")?.extract()?;
    // Other byte orders become the native one here.
    let native = dtype.call_method1("newbyteorder", ("=",))?;
    let value = contiguous(py, &value.call_method1("astype", (native, "C", "unsafe", true, false))?)?;
    match (kind.as_str(), size) {
        ("i", 1) => copied::<Int8Type>(&value),
        ("i", 2) => copied::<Int16Type>(&value),
        ("i", 4) => copied::<Int32Type>(&value),
        ("i", 8) => copied::<Int64Type>(&value),
        ("u", 1) => copied::<UInt8Type>(&value),
        ("u", 2) => copied::<UInt16Type>(&value),
        ("u", 4) => copied::<UInt32Type>(&value),
        ("u", 8) => copied::<UInt64Type>(&value),
        ("f", 4) => copied::<Float32Type>(&value),
        ("f", 8) => copied::<Float64Type>(&value),
        ("f", _) => copied::<Float64Type>(&value.call_method1("astype", ("float64",))?),
        ("b", _) => {
            let values: PyReadonlyArray1<'_, bool> = value.extract()?;
            Ok(Arc::new(BooleanArray::from(values.as_slice()?.to_vec())))
        }
        ("M", _) => times(py, &value),
        ("m", _) => {
            let text = format!("column \"{name}\" holds durations (timedelta64); convert it to numbers");
            Err(raise(py, Error::Type(text)))
        }
        _ => objects(py, name, &value.call_method0("tolist")?),
    }
}

fn copied<T: ArrowPrimitiveType>(value: &Bound<'_, PyAny>) -> PyResult<ArrayRef>
where
    T::Native: numpy::Element,
{
    let values: PyReadonlyArray1<'_, T::Native> = value.extract()?;
    Ok(Arc::new(PrimitiveArray::<T>::new(values.as_slice()?.to_vec().into(), None)))
}

/// datetime64 of any unit; days become dates, and what is neither s, ms, us nor ns becomes s. Not-a-time becomes null.
fn times(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let numpy = py.import("numpy")?;
    let (unit, step): (String, i64) = numpy.call_method1("datetime_data", (value.getattr("dtype")?,))?.extract()?;
    let unit = match (unit.as_str(), step) {
        ("s", 1) => TimeUnit::Second,
        ("ms", 1) => TimeUnit::Millisecond,
        ("us", 1) => TimeUnit::Microsecond,
        ("ns", 1) => TimeUnit::Nanosecond,
        ("D", 1) => return dates(py, value),
        _ => return times(py, &value.call_method1("astype", ("datetime64[s]",))?),
    };
    let raw = value.call_method1("view", ("int64",))?;
    let raw = raw.cast::<PyArray1<i64>>()?.readonly();
    let values = raw.as_slice()?;
    let nulls: NullBuffer = values.iter().map(|&time| time != i64::MIN).collect();
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let array = Int64Array::new(values.to_vec().into(), nulls);
    cast(&array, &DataType::Timestamp(unit, None)).map_err(|error| raise(py, error.into()))
}

fn dates(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let raw = value.call_method1("view", ("int64",))?;
    let raw = raw.cast::<PyArray1<i64>>()?.readonly();
    let day = |&day: &i64| (day != i64::MIN).then_some(day).map(i32::try_from);
    let days: std::result::Result<Date32Array, _> =
        raw.as_slice()?.iter().map(|value| day(value).transpose()).collect();
    days.map(|days| Arc::new(days) as ArrayRef)
        .map_err(|_| raise(py, Error::Data("a date lies millions of years from today".into())))
}

/// What a column of objects holds, as seen from its first value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    Uuid,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text (or dates)",
            Self::Number => "numbers",
            Self::Bool => "true/false",
            Self::Uuid => "16 bytes",
        }
    }
}

enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
    Uuid(Vec<u8>),
}

fn cell(item: &Bound<'_, PyAny>) -> Option<Cell> {
    if item.is_none() {
        return Some(Cell::Null);
    }
    if let Ok(text) = item.cast::<PyString>() {
        return text.extract().ok().map(Cell::Text);
    }
    if item.is_instance_of::<PyBool>() {
        return item.extract().ok().map(Cell::Bool);
    }
    if item.is_instance_of::<PyInt>() {
        return item.extract().map(Cell::Integer).or_else(|_| item.extract().map(Cell::Unsigned)).ok();
    }
    if item.is_instance_of::<PyFloat>() {
        let value: f64 = item.extract().ok()?;
        return Some(if value.is_nan() { Cell::Null } else { Cell::Float(value) });
    }
    if let Ok(bytes) = item.cast::<PyBytes>() {
        return (bytes.as_bytes().len() == 16).then(|| Cell::Uuid(bytes.as_bytes().to_vec()));
    }
    let class = item.get_type().name().ok()?.to_string();
    match class.as_str() {
        "NAType" | "NaTType" => Some(Cell::Null),
        "UUID" => item.str().ok()?.extract().ok().map(Cell::Text),
        "Decimal" => item.call_method0("__float__").ok()?.extract().ok().map(Cell::Float),
        _ if item.hasattr("dtype").ok()? => cell(&item.call_method0("item").ok()?),
        _ => item.call_method0("isoformat").ok()?.extract().ok().map(Cell::Text),
    }
}

fn kind(cell: &Cell) -> Option<Kind> {
    match cell {
        Cell::Null => None,
        Cell::Text(_) => Some(Kind::Text),
        Cell::Integer(_) | Cell::Unsigned(_) | Cell::Float(_) => Some(Kind::Number),
        Cell::Bool(_) => Some(Kind::Bool),
        Cell::Uuid(_) => Some(Kind::Uuid),
    }
}

fn objects(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let mut cells = Vec::with_capacity(value.len().unwrap_or(0));
    let mut first: Option<(Kind, usize)> = None;
    let mut has_missing_numbers = false;
    for (row, item) in value.try_iter()?.enumerate() {
        let item = item?;
        if row.is_multiple_of(LISTENING) {
            py.check_signals()?;
        }
        let Some(cell) = cell(&item) else {
            let text = format!(
                "column \"{name}\", row {row}: {} (of type {}) cannot be read; expected text, a number, true/false, a \
                 date or time, a UUID, or None",
                item.repr()?,
                item.get_type().name()?
            );
            return Err(raise(py, Error::Type(text)));
        };
        match (kind(&cell), first) {
            (Some(kind), None) => first = Some((kind, row)),
            (Some(kind), Some((expected, expected_row))) if kind != expected => {
                let text = format!(
                    "column \"{name}\" mixes {} (row {expected_row}) and {} (row {row}: {}); convert the column to one \
                     kind first",
                    expected.name(),
                    kind.name(),
                    item.repr()?
                );
                return Err(raise(py, Error::Data(text)));
            }
            _ => {}
        }
        if first.is_none() && !has_missing_numbers {
            has_missing_numbers = is_missing_number(&item)?;
        }
        cells.push(cell);
    }
    Ok(match first {
        // Numbers that are all missing are numbers.
        None if has_missing_numbers => new_null_array(&DataType::Float64, cells.len()),
        first => typed(first.map(|(kind, _)| kind), &cells),
    })
}

/// Whether this is a NaN, of Python or of NumPy, given that it is missing or no number at all.
fn is_missing_number(item: &Bound<'_, PyAny>) -> PyResult<bool> {
    if item.is_instance_of::<PyFloat>() {
        return Ok(true);
    }
    let Ok(dtype) = item.getattr("dtype") else { return Ok(false) };
    Ok(dtype.getattr("kind")?.extract::<String>()? == "f")
}

fn typed(kind: Option<Kind>, cells: &[Cell]) -> ArrayRef {
    match kind {
        None => Arc::new(StringArray::new_null(cells.len())),
        Some(Kind::Text) => text(cells),
        Some(Kind::Bool) => Arc::new(
            cells
                .iter()
                .map(|cell| if let Cell::Bool(value) = cell { Some(*value) } else { None })
                .collect::<BooleanArray>(),
        ),
        Some(Kind::Uuid) => {
            let mut bytes = Vec::with_capacity(cells.len() * 16);
            let mut valid = Vec::with_capacity(cells.len());
            for cell in cells {
                valid.push(matches!(cell, Cell::Uuid(_)));
                if let Cell::Uuid(id) = cell { bytes.extend_from_slice(id) } else { bytes.extend([0; 16]) }
            }
            Arc::new(FixedSizeBinaryArray::new(16, bytes.into(), Some(valid.into())))
        }
        Some(Kind::Number) => numbers(cells),
    }
}

/// Texts as a dictionary where they repeat, so that a long column of names stays small.
fn text(cells: &[Cell]) -> ArrayRef {
    let mut codes = HashMap::<&str, i32>::new();
    let mut distinct = Vec::new();
    let mut keys = Vec::with_capacity(cells.len());
    for cell in cells {
        let Cell::Text(text) = cell else {
            keys.push(None);
            continue;
        };
        let next = distinct.len() as i32;
        let code = *codes.entry(text).or_insert(next);
        if code == next {
            distinct.push(text.as_str());
        }
        keys.push(Some(code));
    }
    if distinct.len() * 4 > cells.len() {
        let texts = cells.iter().map(|cell| if let Cell::Text(text) = cell { Some(text.as_str()) } else { None });
        return Arc::new(texts.collect::<LargeStringArray>());
    }
    Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(keys), Arc::new(StringArray::from(distinct))))
}

fn numbers(cells: &[Cell]) -> ArrayRef {
    let any = |pick: fn(&Cell) -> bool| cells.iter().any(pick);
    if any(|cell| matches!(cell, Cell::Float(_))) {
        let float = |cell: &Cell| match cell {
            Cell::Float(value) => Some(*value),
            Cell::Integer(value) => Some(*value as f64),
            Cell::Unsigned(value) => Some(*value as f64),
            _ => None,
        };
        return Arc::new(cells.iter().map(float).collect::<Float64Array>());
    }
    if any(|cell| matches!(cell, Cell::Unsigned(_))) {
        let unsigned = |cell: &Cell| match cell {
            Cell::Integer(value) => u64::try_from(*value).ok(),
            Cell::Unsigned(value) => Some(*value),
            _ => None,
        };
        return Arc::new(cells.iter().map(unsigned).collect::<UInt64Array>());
    }
    Arc::new(
        cells
            .iter()
            .map(|cell| if let Cell::Integer(value) = cell { Some(*value) } else { None })
            .collect::<Int64Array>(),
    )
}
