//! Event and channel columns as codes into one sorted list of names.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use rayon::prelude::*;

use crate::error::{Error, Result, did_you_mean};
use crate::log::Names;

/// The code of a null or blank name.
pub const MISSING: u32 = u32::MAX;
/// The code of a name that was not asked for.
pub const SKIPPED: u32 = u32::MAX - 1;

/// One slice: keys into a table that leads to the codes of the whole column.
pub struct CodedSlice {
    /// Per row, a position in `table`; meaningless where null.
    pub keys: ScalarBuffer<u32>,
    /// Rows without a name.
    pub nulls: Option<NullBuffer>,
    /// Key → code, [`MISSING`] or [`SKIPPED`].
    pub table: Arc<[u32]>,
}

/// A column of names.
pub struct CodedColumn {
    /// One per slice.
    pub slices: Vec<CodedSlice>,
    /// The distinct names that occur.
    pub names: Names,
}

/// Names of one slice, in the order of its keys; a blank one is none.
struct Local {
    keys: ScalarBuffer<u32>,
    nulls: Option<NullBuffer>,
    names: Arc<Vec<Option<String>>>,
    used: Vec<bool>,
}

impl CodedColumn {
    /// Reads the column; every chunk is one slice.
    pub fn read(chunks: &[ArrayRef], name: &str) -> Result<Self> {
        let shared = dictionaries(chunks)?;
        let locals: Vec<Local> =
            chunks.par_iter().map(|chunk| read_slice(chunk, name, &shared)).collect::<Result<_>>()?;
        let mut distinct = HashSet::<&str, foldhash::fast::FixedState>::default();
        for local in &locals {
            let used = local.names.iter().zip(&local.used).filter(|(_, used)| **used);
            distinct.extend(used.filter_map(|(name, _)| name.as_deref()));
        }
        let names = Names::new(distinct.into_iter().map(str::to_owned).collect());
        // Slices of one Arrow dictionary hold the same values; their table is made once.
        let mut tables: HashMap<*const Vec<Option<String>>, Arc<[u32]>> = HashMap::new();
        let slices = locals.iter().map(|local| {
            let table = tables.entry(Arc::as_ptr(&local.names)).or_insert_with(|| {
                let code = |name: &Option<String>| name.as_ref().and_then(|name| names.code(name));
                local.names.iter().map(|name| code(name).map_or(MISSING, |code| code as u32)).collect()
            });
            CodedSlice { keys: local.keys.clone(), nulls: local.nulls.clone(), table: Arc::clone(table) }
        });
        let slices = slices.collect();
        Ok(Self { slices, names })
    }

    /// The first input row with a code.
    pub fn first_row_of(&self, code: usize) -> Option<u64> {
        let mut start = 0;
        for slice in &self.slices {
            let valid = |index: usize| slice.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index));
            let found = (0..slice.keys.len())
                .find(|&index| valid(index) && slice.table[slice.keys[index] as usize] == code as u32);
            if let Some(index) = found {
                return Some(start + index as u64);
            }
            start += slice.keys.len() as u64;
        }
        None
    }

    /// The same column where all names but these are skipped.
    pub fn only(self, wanted: &[String]) -> Result<Self> {
        for name in wanted {
            if self.names.code(name).is_none() {
                return Err(Error::UnknownEvent(format!(
                    "\"{name}\" is not an event of the data{} ({} events)",
                    did_you_mean(name, self.names.iter()),
                    self.names.len()
                )));
            }
        }
        let names = Names::new(wanted.to_vec());
        let mut tables: HashMap<*const u32, Arc<[u32]>> = HashMap::new();
        let narrow = |code: u32| match code {
            MISSING => MISSING,
            code => names.code(self.names.name(code as usize)).map_or(SKIPPED, |code| code as u32),
        };
        let slices = self.slices.iter().map(|slice| {
            let table = tables
                .entry(slice.table.as_ptr())
                .or_insert_with(|| slice.table.iter().map(|&code| narrow(code)).collect());
            CodedSlice { keys: slice.keys.clone(), nulls: slice.nulls.clone(), table: Arc::clone(table) }
        });
        let slices = slices.collect();
        Ok(Self { slices, names })
    }
}

/// Names and their codes in the order of appearance, for all threads.
#[derive(Default)]
pub struct Interner(Mutex<HashMap<String, u32>>);

impl Interner {
    /// The codes of a batch's names in all the data.
    pub fn codes(&self, names: &Names) -> Vec<u32> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut code = |name: &str| {
            known.get(name).copied().unwrap_or_else(|| {
                let next = known.len() as u32;
                known.insert(name.to_owned(), next);
                next
            })
        };
        names.iter().map(&mut code).collect()
    }

    /// The names by their codes.
    pub fn into_names(self) -> Vec<String> {
        let known = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut names = vec![String::new(); known.len()];
        for (name, code) in known {
            names[code as usize] = name;
        }
        names
    }
}

/// The names of every distinct Arrow dictionary, read once for all slices that share it.
type Dictionaries = HashMap<Vec<usize>, Arc<Vec<Option<String>>>>;

/// Which memory the values of a dictionary lie in: those of two batches may be one, though each has its own array.
pub fn memory_of(chunk: &ArrayRef) -> Vec<usize> {
    let values = chunk.as_any_dictionary().values().to_data();
    let nulls = values.nulls().map(|nulls| nulls.buffer().as_ptr() as usize);
    let buffers = values.buffers().iter().map(|buffer| buffer.as_ptr() as usize);
    [values.len(), values.offset()].into_iter().chain(nulls).chain(buffers).collect()
}

fn dictionaries(chunks: &[ArrayRef]) -> Result<Dictionaries> {
    let mut shared = Dictionaries::new();
    for chunk in chunks.iter().filter(|chunk| matches!(chunk.data_type(), DataType::Dictionary(_, _))) {
        if let Entry::Vacant(entry) = shared.entry(memory_of(chunk)) {
            let values = cast(chunk.as_any_dictionary().values(), &DataType::LargeUtf8)?;
            let mut names: Vec<Option<String>> = values.as_string::<i64>().iter().map(not_blank).collect();
            if names.is_empty() {
                // A column of nulls may have no values; its keys still need a slot to point at.
                names.push(None);
            }
            entry.insert(Arc::new(names));
        }
    }
    Ok(shared)
}

fn read_slice(chunk: &ArrayRef, name: &str, shared: &Dictionaries) -> Result<Local> {
    match chunk.data_type() {
        DataType::Dictionary(_, _) => {
            let names =
                shared.get(&memory_of(chunk)).ok_or_else(|| Error::Internal("a dictionary was missed".into()))?;
            dictionary(chunk, Arc::clone(names))
        }
        DataType::Utf8 => Ok(interned(chunk.as_string::<i32>().iter(), chunk)),
        DataType::LargeUtf8 => Ok(interned(chunk.as_string::<i64>().iter(), chunk)),
        DataType::Utf8View => Ok(interned(chunk.as_string_view().iter(), chunk)),
        other if other.is_integer() || matches!(other, DataType::Boolean | DataType::Null) => {
            let text = cast(chunk, &DataType::Utf8)?;
            Ok(interned(text.as_string::<i32>().iter(), &text))
        }
        // A frame keeps a column of missing values as numbers.
        other if other.is_floating() && is_missing(chunk)? => {
            Ok(interned(std::iter::repeat_n(None, chunk.len()), &new_null_array(&DataType::Utf8, chunk.len())))
        }
        other => Err(Error::Type(format!(
            "column \"{name}\" has the type {other}; names are text, a dictionary of text, or whole numbers"
        ))),
    }
}

/// Whether all numbers are missing.
fn is_missing(chunk: &ArrayRef) -> Result<bool> {
    let floats = cast(chunk, &DataType::Float64)?;
    Ok(floats.as_primitive::<Float64Type>().iter().flatten().all(f64::is_nan))
}

fn not_blank(name: Option<&str>) -> Option<String> {
    name.filter(|name| !name.trim().is_empty()).map(str::to_owned)
}

fn dictionary(chunk: &ArrayRef, names: Arc<Vec<Option<String>>>) -> Result<Local> {
    let keys = cast(chunk.as_any_dictionary().keys(), &DataType::Int32)?;
    let keys = keys.as_primitive::<Int32Type>();
    let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
    let mut used = vec![false; names.len()];
    match &nulls {
        None => keys.values().iter().for_each(|&key| used[key as usize] = true),
        Some(nulls) => nulls.valid_indices().for_each(|index| used[keys.value(index) as usize] = true),
    }
    // A null key's slot may hold anything; reading it must stay inside the table.
    let keys: ScalarBuffer<u32> = match &nulls {
        None => ScalarBuffer::from(keys.values().inner().clone()),
        Some(nulls) => {
            (0..keys.len()).map(|index| if nulls.is_valid(index) { keys.value(index) as u32 } else { 0 }).collect()
        }
    };
    Ok(Local { keys, nulls, names, used })
}

fn interned<'a>(texts: impl Iterator<Item = Option<&'a str>>, chunk: &'a ArrayRef) -> Local {
    let mut keys = Vec::with_capacity(chunk.len());
    let mut names: Vec<Option<String>> = Vec::new();
    let mut known = HashMap::<&str, u32, foldhash::fast::FixedState>::default();
    for text in texts {
        let Some(text) = text else {
            keys.push(0);
            continue;
        };
        let next = names.len() as u32;
        let key = *known.entry(text).or_insert(next);
        if key == next {
            names.push(not_blank(Some(text)));
        }
        keys.push(key);
    }
    let used = vec![true; names.len()];
    if names.is_empty() {
        names.push(None);
    }
    let nulls = chunk.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    Local { keys: keys.into(), nulls, names: Arc::new(names), used }
}
