//! The time column as µs UTC, whatever it was: timestamps of any unit, dates, whole numbers, text.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use rayon::prelude::*;
use serde::Deserialize;

use super::digits;
use crate::calendar::{DAY_US, EARLIEST_US, LATEST_US, Parsed, Zone, parse_time};
use crate::error::{Error, Result};
use crate::log::{Reason, Reject};

/// Unit of times that are whole numbers since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EpochUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// Times of one slice.
pub struct TimeSlice {
    /// µs UTC; meaningless where null.
    pub values: ScalarBuffer<i64>,
    /// Rows without a usable time.
    pub nulls: Option<NullBuffer>,
}

/// The time column of all slices.
pub struct TimeColumn {
    /// One per slice.
    pub slices: Vec<TimeSlice>,
    /// Earliest and latest time within the allowed years.
    span: Option<(i64, i64)>,
    /// Input rows whose text is no time.
    unparsable: HashSet<u64>,
    /// The first row whose text has a zone.
    pub with_zone: Option<usize>,
    /// The first row whose text has none.
    pub without_zone: Option<usize>,
}

/// What one slice says of itself.
struct Read {
    slice: TimeSlice,
    span: Option<(i64, i64)>,
    unparsable: Vec<usize>,
    with_zone: Option<usize>,
    without_zone: Option<usize>,
}

/// The instants of an array of times, µs UTC; none where there is none.
pub fn instants(chunk: &ArrayRef, name: &str, unit: Option<EpochUnit>, zone: &Zone) -> Result<Vec<Option<i64>>> {
    let slice = read_slice(chunk, name, unit, zone)?.slice;
    let valid = |index: usize| slice.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index));
    Ok(slice.values.iter().enumerate().map(|(index, &time)| valid(index).then_some(time)).collect())
}

impl TimeColumn {
    /// Reads the column; every chunk is one slice.
    pub fn read(chunks: &[ArrayRef], name: &str, unit: Option<EpochUnit>, zone: &Zone) -> Result<Self> {
        let reads: Vec<Read> =
            chunks.par_iter().map(|chunk| read_slice(chunk, name, unit, zone)).collect::<Result<_>>()?;
        let mut starts = Vec::with_capacity(reads.len());
        let mut rows = 0;
        for read in &reads {
            starts.push(rows);
            rows += read.slice.values.len();
        }
        let row_of = |pick: fn(&Read) -> Option<usize>| {
            reads.iter().zip(&starts).find_map(|(read, start)| pick(read).map(|index| start + index))
        };
        let (with_zone, without_zone) = (row_of(|read| read.with_zone), row_of(|read| read.without_zone));
        if let (Some(zoned), Some(plain)) = (with_zone, without_zone) {
            return Err(mixed_zones(name, zoned as u64, plain as u64));
        }
        let unparsable = reads
            .iter()
            .zip(&starts)
            .flat_map(|(read, start)| read.unparsable.iter().map(move |index| (start + index) as u64));
        let unparsable = unparsable.collect();
        let span = reads.iter().filter_map(|read| read.span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let slices = reads.into_iter().map(|read| read.slice).collect();
        Ok(Self { slices, span, unparsable, with_zone, without_zone })
    }

    /// Earliest time within the allowed years.
    pub fn earliest(&self) -> Option<i64> {
        self.span.map(|span| span.0)
    }

    /// Latest time within the allowed years.
    pub fn latest(&self) -> Option<i64> {
        self.span.map(|span| span.1)
    }

    /// Tells a text that is no time from a null.
    pub fn refine(&self, reject: &mut Reject) {
        if reject.reason == Reason::TimeMissing && self.unparsable.contains(&reject.row) {
            reject.reason = Reason::TimeUnparsable;
        }
    }
}

/// Times with and without a zone can't be compared.
pub fn mixed_zones(name: &str, zoned: u64, plain: u64) -> Error {
    Error::Data(format!(
        "column \"{name}\" mixes times with a zone (row {zoned}) and without one (row {plain}); give every time an \
         offset, or none and set timezone="
    ))
}

fn read_slice(chunk: &ArrayRef, name: &str, unit: Option<EpochUnit>, zone: &Zone) -> Result<Read> {
    let read = match chunk.data_type() {
        DataType::Timestamp(time_unit, stored_zone) => {
            let values = match time_unit {
                TimeUnit::Second => scaled(chunk.as_primitive::<TimestampSecondType>().values(), 1_000_000),
                TimeUnit::Millisecond => scaled(chunk.as_primitive::<TimestampMillisecondType>().values(), 1_000),
                TimeUnit::Microsecond => chunk.as_primitive::<TimestampMicrosecondType>().values().clone(),
                TimeUnit::Nanosecond => divided(chunk.as_primitive::<TimestampNanosecondType>().values()),
            };
            let values = if stored_zone.is_none() { from_wall_clock(values, zone) } else { values };
            plain(values, chunk)
        }
        DataType::Date32 => {
            let days = chunk.as_primitive::<Date32Type>().values();
            let days: Vec<i64> = days.iter().map(|&day| i64::from(day)).collect();
            plain(from_wall_clock(scaled(&days, DAY_US), zone), chunk)
        }
        DataType::Date64 => {
            plain(from_wall_clock(scaled(chunk.as_primitive::<Date64Type>().values(), 1_000), zone), chunk)
        }
        other if other.is_integer() || other.is_floating() => numbers(chunk, name, unit)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text(chunk, unit, zone)?,
        DataType::Dictionary(_, value) if is_text(value) => text(chunk, unit, zone)?,
        DataType::Null => plain(vec![0; chunk.len()].into(), chunk),
        other => {
            return Err(Error::Type(format!(
                "column \"{name}\" has the type {other}, which is no time; expected a timestamp, a date, ISO 8601 \
                 text, or whole numbers with time_unit="
            )));
        }
    };
    Ok(read)
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn plain(values: ScalarBuffer<i64>, chunk: &ArrayRef) -> Read {
    let nulls = if chunk.data_type() == &DataType::Null {
        Some(NullBuffer::new_null(chunk.len()))
    } else {
        chunk.nulls().filter(|nulls| nulls.null_count() > 0).cloned()
    };
    finished(TimeSlice { values, nulls })
}

fn finished(slice: TimeSlice) -> Read {
    let span = span(&slice);
    Read { slice, span, unparsable: Vec::new(), with_zone: None, without_zone: None }
}

/// Earliest and latest of the times that are valid and within the allowed years.
fn span(slice: &TimeSlice) -> Option<(i64, i64)> {
    let whole = || {
        let (first, last) =
            slice.values.iter().fold((i64::MAX, i64::MIN), |(first, last), &time| (first.min(time), last.max(time)));
        (first >= EARLIEST_US && last < LATEST_US).then_some((first, last))
    };
    if slice.nulls.is_none()
        && let Some(span) = whole()
    {
        return Some(span);
    }
    let valid = |index: usize| slice.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index));
    let used = slice
        .values
        .iter()
        .enumerate()
        .filter(|&(index, time)| valid(index) && (EARLIEST_US..LATEST_US).contains(time));
    used.map(|(_, &time)| (time, time)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Multiplies with saturation: what overflows lies outside the allowed years anyway.
fn scaled(values: &[i64], factor: i64) -> ScalarBuffer<i64> {
    values.iter().map(|value| value.saturating_mul(factor)).collect()
}

/// Nanoseconds to µs, rounded down, also before 1970.
fn divided(values: &[i64]) -> ScalarBuffer<i64> {
    values.iter().map(|value| value.div_euclid(1_000)).collect()
}

fn from_wall_clock(values: ScalarBuffer<i64>, zone: &Zone) -> ScalarBuffer<i64> {
    if zone.is_utc() {
        return values;
    }
    let inside = |time: i64| (EARLIEST_US..LATEST_US).contains(&time);
    values.iter().map(|&time| if inside(time) { zone.from_local_us(time) } else { time }).collect()
}

fn numbers(chunk: &ArrayRef, name: &str, unit: Option<EpochUnit>) -> Result<Read> {
    let Some(unit) = unit else {
        return Err(Error::Argument(format!(
            "column \"{name}\" holds numbers ({}){}; say what they count since 1970-01-01 UTC with \
             time_unit=\"s\", \"ms\", \"us\" or \"ns\"",
            chunk.data_type(),
            guess(chunk)
        )));
    };
    if chunk.data_type().is_floating() {
        let per_unit = per_unit(unit);
        let floats = cast(chunk, &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>();
        let values = floats.values().iter().map(|value| (value * per_unit).round() as i64).collect();
        let nulls: NullBuffer =
            (0..floats.len()).map(|index| floats.is_valid(index) && !floats.value(index).is_nan()).collect();
        return Ok(finished(TimeSlice { values, nulls: (nulls.null_count() > 0).then_some(nulls) }));
    }
    let whole = cast(chunk, &DataType::Int64)?;
    let whole = whole.as_primitive::<Int64Type>();
    let values = match unit {
        EpochUnit::S => scaled(whole.values(), 1_000_000),
        EpochUnit::Ms => scaled(whole.values(), 1_000),
        EpochUnit::Us => whole.values().clone(),
        EpochUnit::Ns => divided(whole.values()),
    };
    // Casting u64 beyond i64 makes a null; it must be refused as out of range, not as missing.
    let overflowed = whole.null_count() > chunk.null_count();
    let values = if overflowed {
        let out_of_range = |index: usize| whole.is_null(index) && chunk.is_valid(index);
        values.iter().enumerate().map(|(index, &time)| if out_of_range(index) { i64::MAX } else { time }).collect()
    } else {
        values
    };
    Ok(plain(values, chunk))
}

/// Microseconds of one unit.
fn per_unit(unit: EpochUnit) -> f64 {
    match unit {
        EpochUnit::S => 1e6,
        EpochUnit::Ms => 1e3,
        EpochUnit::Us => 1.0,
        EpochUnit::Ns => 1e-3,
    }
}

fn guess(chunk: &ArrayRef) -> String {
    let Ok(floats) = cast(chunk, &DataType::Float64) else { return String::new() };
    let floats = floats.as_primitive::<Float64Type>();
    let Some(sample) = floats.iter().flatten().find(|value| value.abs() > 1e8) else { return String::new() };
    // The units are 1,000 apart, and real dates lie between 1973 and 2286 in exactly one of them.
    let unit = [("s", 1e10), ("ms", 1e13), ("us", 1e16), ("ns", 1e19)].iter().find(|(_, end)| sample.abs() < *end);
    unit.map_or(String::new(), |(unit, _)| format!(", such as {sample}, which looks like \"{unit}\""))
}

/// A text that is no time as it stands: in other digits, or a number where the unit of numbers is known.
#[cold]
fn otherwise(text: &str, unit: Option<EpochUnit>) -> Parsed {
    let ascii = digits::with_ascii_digits(text);
    let text = ascii.as_deref().unwrap_or(text);
    let Some(unit) = unit else { return ascii.as_deref().map_or(Parsed::Bad, parse_time) };
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Parsed::Utc(match unit {
            EpochUnit::S => whole.saturating_mul(1_000_000),
            EpochUnit::Ms => whole.saturating_mul(1_000),
            EpochUnit::Us => whole,
            EpochUnit::Ns => whole.div_euclid(1_000),
        });
    }
    match digits::number(text).filter(|value| value.is_finite()) {
        Some(value) => Parsed::Utc((value * per_unit(unit)).round() as i64),
        None => parse_time(text),
    }
}

fn text(chunk: &ArrayRef, unit: Option<EpochUnit>, zone: &Zone) -> Result<Read> {
    let texts = cast(chunk, &DataType::LargeUtf8)?;
    let texts = texts.as_string::<i64>();
    let mut values = Vec::with_capacity(texts.len());
    let mut valid = Vec::with_capacity(texts.len());
    let (mut unparsable, mut with_zone, mut without_zone) = (Vec::new(), None, None);
    for (index, text) in texts.iter().enumerate() {
        let parsed = text.filter(|text| !text.trim().is_empty()).map(|text| match parse_time(text) {
            Parsed::Bad => otherwise(text, unit),
            parsed => parsed,
        });
        let time = match parsed {
            Some(Parsed::Utc(time)) => {
                with_zone = with_zone.or(Some(index));
                Some(time)
            }
            Some(Parsed::Local(time)) => {
                without_zone = without_zone.or(Some(index));
                Some(zone.from_local_us(time))
            }
            Some(Parsed::Bad) => {
                unparsable.push(index);
                None
            }
            None => None,
        };
        values.push(time.unwrap_or(0));
        valid.push(time.is_some());
    }
    let nulls = NullBuffer::from(valid);
    let slice = TimeSlice { values: values.into(), nulls: (nulls.null_count() > 0).then_some(nulls) };
    Ok(Read { unparsable, with_zone, without_zone, ..finished(slice) })
}
