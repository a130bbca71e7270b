//! Value, attributes and what was derived: kept as given, brought into the order of the log when first asked for.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt32Array, new_empty_array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Float64Type, UInt32Type};
use arrow::util::display::array_value_to_string;

use super::{Codes, Names, NewCodes};
use crate::error::{Error, Result};

/// A column as it was given, and in log order once somebody asked.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    data_type: DataType,
    chunks: Vec<ArrayRef>,
    /// For each event of the log, the row of the chunks; none where they are in the order of the log.
    rows: Option<UInt32Array>,
    gathered: OnceLock<ArrayRef>,
    segments: OnceLock<Arc<Segments>>,
}

impl Column {
    /// A column of chunks of the type `data_type`; `rows` says where in them the value of each event is.
    pub fn new(name: String, data_type: DataType, chunks: Vec<ArrayRef>, rows: Option<UInt32Array>) -> Self {
        Self { name, data_type, chunks, rows, gathered: OnceLock::new(), segments: OnceLock::new() }
    }

    /// The name in the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values as given.
    pub fn chunks(&self) -> &[ArrayRef] {
        &self.chunks
    }

    /// For each event of the log, the row of the chunks; none where they are in the order of the log.
    pub fn rows(&self) -> Option<&UInt32Array> {
        self.rows.as_ref()
    }

    /// The value of an event as text, null where it is null.
    pub fn text(&self, event: usize) -> Result<Option<String>> {
        let mut row = self.rows.as_ref().map_or(event, |rows| rows.value(event) as usize);
        for chunk in &self.chunks {
            if row < chunk.len() {
                return Ok(chunk.is_valid(row).then(|| array_value_to_string(chunk, row)).transpose()?);
            }
            row -= chunk.len();
        }
        Err(Error::Internal(format!("column \"{}\" has no row for event {event}", self.name)))
    }

    /// Where in memory the order lies, which columns may share.
    pub fn order_place(&self) -> Option<usize> {
        self.rows.as_ref().map(|rows| rows.values().as_ptr() as usize)
    }

    /// Bytes of the order kept beside the values.
    pub fn order_bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.len() * size_of::<u32>())
    }

    /// Arrow type as given.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// One value per event, in the order of the log.
    pub fn gathered(&self) -> Result<ArrayRef> {
        if let Some(array) = self.gathered.get() {
            return Ok(Arc::clone(array));
        }
        let whole = self.concatenated()?;
        let array = match &self.rows {
            Some(rows) => take(&whole, rows, None)?,
            None => whole,
        };
        Ok(Arc::clone(self.gathered.get_or_init(|| array)))
    }

    /// The order that the values still wait for; none where they stand in that of the log.
    pub fn waiting_order(&self) -> Option<&UInt32Array> {
        self.rows.as_ref().filter(|_| self.gathered.get().is_none())
    }

    /// The same values in another order: `rows` are places in what waits, or in the log where nothing does.
    #[must_use]
    pub fn reordered(&self, rows: UInt32Array) -> Self {
        let chunks = self.gathered.get().map_or_else(|| self.chunks.clone(), |values| vec![Arc::clone(values)]);
        Self::new(self.name.clone(), self.data_type.clone(), chunks, Some(rows))
    }

    /// Values, and where among them those of some events are. Nothing is gathered for the sake of a few.
    pub fn placed(&self, events: &[u32]) -> Result<(ArrayRef, UInt32Array)> {
        match (self.gathered.get(), &self.rows) {
            (None, Some(rows)) => {
                Ok((self.concatenated()?, events.iter().map(|&event| rows.value(event as usize)).collect()))
            }
            (Some(values), _) => Ok((Arc::clone(values), UInt32Array::from(events.to_vec()))),
            (None, None) => Ok((self.concatenated()?, UInt32Array::from(events.to_vec()))),
        }
    }

    /// The values as numbers. For a few events they are read where they stand, and nothing is gathered.
    pub fn numbers(&self, all: bool) -> Result<Numbers> {
        if !self.data_type.is_numeric() {
            return Err(Error::Type(format!(
                "column \"{}\" has the type {}; expected numbers that can be added up",
                self.name, self.data_type
            )));
        }
        let (chunks, rows) = if all || self.gathered.get().is_some() {
            (vec![self.gathered()?], None)
        } else {
            (self.chunks.clone(), self.rows.clone())
        };
        let floats = |chunk: &ArrayRef| Ok(cast(chunk, &DataType::Float64)?.as_primitive::<Float64Type>().clone());
        let chunks = chunks.iter().map(floats).collect::<Result<Vec<_>>>()?;
        Ok(Numbers::new(chunks, rows))
    }

    fn concatenated(&self) -> Result<ArrayRef> {
        // 32-bit offsets end at 2 GiB of text; 64-bit ones do not.
        let wide: Vec<ArrayRef> = if self.data_type == DataType::Utf8 {
            self.chunks.iter().map(|chunk| cast(chunk, &DataType::LargeUtf8)).collect::<std::result::Result<_, _>>()?
        } else {
            self.chunks.clone()
        };
        match wide.as_slice() {
            [] => Ok(new_empty_array(&self.data_type)),
            [only] => Ok(Arc::clone(only)),
            many => Ok(concat(&many.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
        }
    }

    /// The values as segments.
    pub fn segments(&self) -> Result<Arc<Segments>> {
        if let Some(segments) = self.segments.get() {
            return Ok(Arc::clone(segments));
        }
        let segments = Arc::new(Segments::from_array(&self.name, &self.gathered()?)?);
        Ok(Arc::clone(self.segments.get_or_init(|| segments)))
    }
}

/// The numbers of a column by event.
#[derive(Debug)]
pub struct Numbers {
    chunks: Vec<Float64Array>,
    /// Where each chunk ends.
    ends: Vec<usize>,
    /// The chunk of every row that is a multiple of 2^[`BUCKET_BITS`].
    index: Vec<u32>,
    rows: Option<UInt32Array>,
}

const BUCKET_BITS: u32 = 12;

impl Numbers {
    fn new(chunks: Vec<Float64Array>, rows: Option<UInt32Array>) -> Self {
        let (mut ends, mut end) = (Vec::with_capacity(chunks.len()), 0);
        let mut index = Vec::new();
        for (place, chunk) in chunks.iter().enumerate() {
            end += chunk.len();
            ends.push(end);
            index.resize(end.div_ceil(1 << BUCKET_BITS), place as u32);
        }
        Self { chunks, ends, index, rows }
    }

    /// The numbers of events one after the other, all in one column; none unless they were asked for in this way, or
    /// where one is null.
    pub fn contiguous(&self) -> Option<&[f64]> {
        match self.chunks.as_slice() {
            [only] if self.rows.is_none() && only.null_count() == 0 => Some(only.values()),
            _ => None,
        }
    }

    /// Adds the numbers of events to a list; NaN where one is null.
    pub fn read(&self, events: &[u32], into: &mut Vec<f64>) {
        // Apart from each other, so that the memory is asked for many at once.
        match &self.rows {
            Some(rows) => into.extend(events.iter().map(|&event| self.of_row(rows.value(event as usize) as usize))),
            None => into.extend(events.iter().map(|&event| self.of_row(event as usize))),
        }
    }

    #[inline]
    fn of_row(&self, row: usize) -> f64 {
        let mut place = self.index[row >> BUCKET_BITS] as usize;
        while self.ends[place] <= row {
            place += 1;
        }
        let chunk = &self.chunks[place];
        let index = row + chunk.len() - self.ends[place];
        if chunk.is_valid(index) { chunk.value(index) } else { f64::NAN }
    }
}

/// A segment per event: codes into sorted labels, where the code past the last label means "missing".
#[derive(Debug)]
pub struct Segments {
    codes: Codes,
    labels: Names,
}

/// More segments than this are refused for `by=`: such a column is an id or a measure, not a segment.
const MOST_SEGMENTS: usize = 100_000;

impl Segments {
    /// Segments that are codes of the log already.
    pub fn from_codes(codes: &Codes, labels: &Names) -> Self {
        Self { codes: codes.clone(), labels: labels.clone() }
    }

    /// The codes of the events, and the label of each; the code past the last one means "missing".
    pub fn to_names(&self) -> (Codes, Names) {
        (self.codes.clone(), self.labels.clone())
    }

    fn from_array(name: &str, array: &ArrayRef) -> Result<Self> {
        let target = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
        let text = match array.data_type() {
            DataType::Dictionary(_, value) if value.as_ref() == &DataType::Utf8 => cast(array, &target)?,
            other if other.is_nested() => {
                return Err(Error::Type(format!("column \"{name}\" has the nested type {other} and cannot segment")));
            }
            other if other.is_floating() => cast(&cast(&one_zero_no_nan(array)?, &DataType::Utf8)?, &target)?,
            _ => cast(&cast(array, &DataType::Utf8)?, &target)?,
        };
        let dictionary = text.as_dictionary::<UInt32Type>();
        let values = dictionary.values().as_string::<i32>();
        let labels = Names::new(values.iter().flatten().map(str::to_owned).collect());
        let missing = labels.len();
        let code = |value: Option<&str>| value.and_then(|label| labels.code(label)).unwrap_or(missing);
        let to_code: Vec<usize> = values.iter().map(code).collect();
        let keys = dictionary.keys();
        let of_event = |key: Option<u32>| key.map_or(missing, |key| to_code[key as usize]);
        let codes = NewCodes::collect(missing + 1, keys.iter().map(of_event));
        Ok(Self { codes: codes.into(), labels })
    }

    /// Refuses more values than a table by segments can show; `name` is the column's.
    pub fn few_enough(&self, name: &str) -> Result<()> {
        if self.labels.len() > MOST_SEGMENTS {
            return Err(Error::Argument(format!(
                "column \"{name}\" has {} distinct values, more than the {MOST_SEGMENTS} segments allowed for by=; \
                 bin it first or choose another column",
                self.labels.len()
            )));
        }
        Ok(())
    }

    /// Number of segments including "missing".
    pub fn len(&self) -> usize {
        self.labels.len() + 1
    }

    /// There is always the segment "missing".
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Segment of one event.
    pub fn of_event(&self, event: usize) -> usize {
        self.codes.get(event)
    }

    /// The label of a segment, null for "missing".
    pub fn label(&self, segment: usize) -> Option<&str> {
        (segment < self.labels.len()).then(|| self.labels.name(segment))
    }
}

/// Floats as conditions see them: NaN is missing, and -0.0 is 0.0.
pub fn one_zero_no_nan(array: &ArrayRef) -> Result<ArrayRef> {
    let floats = cast(array, &DataType::Float64)?;
    let floats =
        floats.as_primitive::<Float64Type>().iter().map(|value| value.filter(|v| !v.is_nan()).map(|v| v + 0.0));
    Ok(Arc::new(floats.collect::<Float64Array>()))
}
