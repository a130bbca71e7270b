//! How many values a column has, and which is the commonest.

use std::hash::BuildHasher;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use foldhash::fast::FixedState;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::Result;
use crate::log::Column;

/// Stands for a missing value.
const NULL: u64 = 0;

/// What the values of a column are like.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// Name in the log.
    pub name: String,
    /// Arrow type.
    pub data_type: String,
    /// Whether the values are measures, of which many differ by nature.
    pub measure: bool,
    /// Events without a value.
    pub nulls: u64,
    /// Different values; not counted of measures.
    pub distinct: Option<u64>,
    /// Events with the commonest value; of a measure, 0 where no value has more than half of the events.
    pub commonest: u64,
    /// The commonest value as text, and the first event of the log with it.
    pub example: Option<(String, usize)>,
}

/// A hash of the value of each event, in the order of the log; floats as conditions see them, NaN being none.
pub fn hashes(column: &Column) -> Result<Vec<u64>> {
    let chunks: Vec<Vec<u64>> = column.chunks().par_iter().map(of_chunk).collect::<Result<_>>()?;
    let whole = chunks.concat();
    Ok(match column.rows() {
        None => whole,
        Some(rows) => rows.values().par_iter().map(|&row| whole[row as usize]).collect(),
    })
}

fn of_chunk(chunk: &ArrayRef) -> Result<Vec<u64>> {
    let hasher = FixedState::default();
    let text = |text: Option<&str>| text.map_or(NULL, |text| hasher.hash_one(text).max(1));
    let number = |number: u64| hasher.hash_one(number).max(1);
    Ok(match chunk.data_type() {
        DataType::Null => vec![NULL; chunk.len()],
        DataType::Utf8 => chunk.as_string::<i32>().iter().map(text).collect(),
        DataType::LargeUtf8 => chunk.as_string::<i64>().iter().map(text).collect(),
        DataType::Utf8View => chunk.as_string_view().iter().map(text).collect(),
        DataType::Dictionary(_, _) => {
            let dictionary = chunk.as_any_dictionary();
            let values = of_chunk(dictionary.values())?;
            let keys = cast(dictionary.keys(), &DataType::Int64)?;
            keys.as_primitive::<Int64Type>().iter().map(|key| key.map_or(NULL, |key| values[key as usize])).collect()
        }
        other if other.is_floating() => {
            let floats = cast(chunk, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>().iter();
            let known = floats.map(|value| value.filter(|value| !value.is_nan()));
            known.map(|value| value.map_or(NULL, |value| number((value + 0.0).to_bits()))).collect()
        }
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::Boolean
        | DataType::Timestamp(_, _)
        | DataType::Date32
        | DataType::Date64 => {
            let whole = cast(chunk, &DataType::Int64)?;
            let whole = whole.as_primitive::<Int64Type>().iter();
            whole.map(|value| value.map_or(NULL, |value| number(value as u64))).collect()
        }
        other => {
            let converter = RowConverter::new(vec![SortField::new(other.clone())])?;
            let rows = converter.convert_columns(&[ArrayRef::clone(chunk)])?;
            let each = rows.iter().enumerate();
            let hash = |(index, row): (usize, arrow::row::Row<'_>)| {
                if chunk.is_null(index) { NULL } else { hasher.hash_one(row.as_ref()).max(1) }
            };
            each.map(hash).collect()
        }
    })
}

/// What is to know of a column whose values have these hashes; `exactly` counts the values of a measure as well.
pub fn facts(column: &Column, hashes: &[u64], exactly: bool) -> Result<Facts> {
    let data_type = column.data_type();
    let measure = data_type.is_floating() || data_type.is_temporal() || matches!(data_type, DataType::Decimal128(_, _));
    let nulls = count_of(hashes, NULL);
    let (distinct, commonest, value) = if measure && !exactly {
        let (commonest, value) = majority(hashes);
        (None, commonest, value)
    } else {
        let mut sorted: Vec<u64> = hashes.iter().copied().filter(|&hash| hash != NULL).collect();
        sorted.par_sort_unstable();
        let (mut distinct, mut commonest, mut value) = (0, 0, NULL);
        for run in sorted.chunk_by(|one, other| one == other) {
            distinct += 1;
            if run.len() > commonest {
                (commonest, value) = (run.len(), run[0]);
            }
        }
        (Some(distinct), commonest, value)
    };
    let first = if commonest > 0 { hashes.iter().position(|&hash| hash == value) } else { None };
    let example = match first {
        Some(event) => column.text(event)?.map(|text| (text, event)),
        None => None,
    };
    Ok(Facts {
        name: column.name().to_owned(),
        data_type: data_type.to_string(),
        measure,
        nulls: nulls as u64,
        distinct,
        commonest: commonest as u64,
        example,
    })
}

fn count_of(hashes: &[u64], value: u64) -> usize {
    hashes.iter().filter(|&&hash| hash == value).count()
}

/// The value that more than half of the events have, and how many have it; 0 where there is none (Boyer and Moore).
fn majority(hashes: &[u64]) -> (usize, u64) {
    let (mut candidate, mut lead) = (NULL, 0_usize);
    for &hash in hashes {
        if lead == 0 {
            candidate = hash;
        }
        lead = if hash == candidate { lead + 1 } else { lead - 1 };
    }
    let count = count_of(hashes, candidate);
    if candidate != NULL && count * 2 > hashes.len() { (count, candidate) } else { (0, NULL) }
}
