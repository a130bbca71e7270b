//! Names and ids on request in one spelling: Persian letters and ASCII digits instead of their Arabic look-alikes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, GenericStringArray, LargeStringArray, OffsetSizeTrait, RecordBatch, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use rayon::prelude::*;
use serde::Deserialize;

use super::coded::memory_of;
use super::times::is_text;
use crate::error::Result;
use crate::table::Table;

/// Which spelling names and ids are brought into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// ي and ى become ی, ك becomes ک, Arabic and Persian digits become 0 to 9. Zero-width non-joiners stay.
    Persian,
}

impl Normalize {
    /// The text in this spelling; the same text where nothing is to change.
    pub fn text(self, text: &str) -> Cow<'_, str> {
        match self {
            // No letter of ASCII changes.
            Self::Persian if text.is_ascii() || text.chars().all(|letter| persian(letter) == letter) => text.into(),
            Self::Persian => text.chars().map(persian).collect::<String>().into(),
        }
    }
}

/// A letter as Persian text has it.
pub fn persian(letter: char) -> char {
    let digit = |zero: char| char::from(b'0' + (letter as u32 - zero as u32) as u8);
    match letter {
        'ي' | 'ى' => 'ی',
        'ك' => 'ک',
        '٠'..='٩' => digit('٠'),
        '۰'..='۹' => digit('۰'),
        other => other,
    }
}

/// The table with these columns, where they are text, in one spelling, and how many rows of each have changed.
pub fn normalized(table: &Table, columns: &[&String], spelling: Normalize) -> Result<(Table, BTreeMap<String, u64>)> {
    let mut batches = table.batches().to_vec();
    let mut changed = BTreeMap::new();
    for &name in columns {
        let position = table.position(name)?;
        let chunks: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(position)).collect();
        let dictionaries = dictionaries(&chunks, spelling)?;
        let written: Vec<(ArrayRef, u64)> =
            chunks.par_iter().map(|chunk| rewritten(chunk, spelling, &dictionaries)).collect::<Result<_>>()?;
        changed.insert(name.clone(), written.iter().map(|(_, rows)| rows).sum());
        for (batch, (column, _)) in batches.iter_mut().zip(written) {
            let mut columns = batch.columns().to_vec();
            columns[position] = column;
            *batch = RecordBatch::try_new(batch.schema(), columns)?;
        }
    }
    Ok((Table::new(Arc::clone(table.schema()), batches), changed))
}

/// The values of a dictionary in one spelling, and which of them have changed; none where nothing has.
type Rewritten = Option<(ArrayRef, Vec<bool>)>;

/// The values of every dictionary, read once for all chunks that share it.
fn dictionaries(chunks: &[&ArrayRef], spelling: Normalize) -> Result<HashMap<Vec<usize>, Rewritten>> {
    let mut found = HashMap::new();
    for chunk in chunks {
        if let DataType::Dictionary(_, value) = chunk.data_type()
            && is_text(value)
            && !found.contains_key(&memory_of(chunk))
        {
            let values = cast(chunk.as_any_dictionary().values(), &DataType::LargeUtf8)?;
            let texts = values.as_string::<i64>();
            let changes: Vec<bool> =
                texts.iter().map(|text| text.is_some_and(|text| spelling.text(text) != text)).collect();
            let rewritten = if changes.contains(&true) {
                let texts: LargeStringArray = texts.iter().map(|text| text.map(|text| spelling.text(text))).collect();
                Some((cast(&texts, value)?, changes))
            } else {
                None
            };
            found.insert(memory_of(chunk), rewritten);
        }
    }
    Ok(found)
}

/// The chunk in one spelling, and how many rows of it have changed.
fn rewritten(
    chunk: &ArrayRef,
    spelling: Normalize,
    dictionaries: &HashMap<Vec<usize>, Rewritten>,
) -> Result<(ArrayRef, u64)> {
    match chunk.data_type() {
        DataType::Dictionary(_, value) if is_text(value) => {
            let Some(Some((values, changes))) = dictionaries.get(&memory_of(chunk)) else {
                return Ok((Arc::clone(chunk), 0));
            };
            let keys = cast(chunk.as_any_dictionary().keys(), &DataType::Int64)?;
            let keys = keys.as_primitive::<Int64Type>();
            let rows = keys.iter().flatten().filter(|&key| changes[key as usize]).count();
            Ok((chunk.as_any_dictionary().with_values(Arc::clone(values)), rows as u64))
        }
        DataType::Utf8 => Ok(plain::<i32>(chunk, spelling)),
        DataType::LargeUtf8 => Ok(plain::<i64>(chunk, spelling)),
        DataType::Utf8View => {
            let texts = chunk.as_string_view();
            let rows = texts.iter().flatten().filter(|text| spelling.text(text) != *text).count();
            if rows == 0 {
                return Ok((Arc::clone(chunk), 0));
            }
            let written: StringViewArray = texts.iter().map(|text| text.map(|text| spelling.text(text))).collect();
            Ok((Arc::new(written), rows as u64))
        }
        _ => Ok((Arc::clone(chunk), 0)),
    }
}

fn plain<O: OffsetSizeTrait>(chunk: &ArrayRef, spelling: Normalize) -> (ArrayRef, u64) {
    let texts = chunk.as_string::<O>();
    let rows = texts.iter().flatten().filter(|text| spelling.text(text) != *text).count();
    if rows == 0 {
        return (Arc::clone(chunk), 0);
    }
    let written: GenericStringArray<O> = texts.iter().map(|text| text.map(|text| spelling.text(text))).collect();
    (Arc::new(written), rows as u64)
}
