//! Which customer of a log each row of another table is about.

use std::collections::HashMap;
use std::hash::Hash;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use foldhash::fast::FixedState;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::ingest::plain_ids;
use crate::log::EventLog;

/// Stands for no number.
pub const NONE: u32 = u32::MAX;

/// The ids of a column, each with a number, and the customers who have them.
pub struct Ids {
    /// By row, the number of its id; [`NONE`] where it is null or blank.
    pub of_row: Vec<u32>,
    /// How many different ids there are.
    pub distinct: usize,
    /// By customer of the log, the number of the id; [`NONE`] where no row has it.
    pub of_customer: Vec<u32>,
}

impl Ids {
    /// Reads the ids of a column of the name `name`.
    pub fn read(log: &EventLog, column: &ArrayRef, name: &str) -> Result<Self> {
        let ids = plain_ids(column, name)?;
        let customers = log.customer_ids();
        let (is_text, log_is_text) = (ids.data_type() == &DataType::Utf8, customers.data_type() == &DataType::Utf8);
        if is_text && log_is_text {
            return Ok(Self::numbered(
                ids.as_string::<i32>().iter().map(|id| id.filter(|id| !id.trim().is_empty())),
                &customers.as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
            ));
        }
        if !is_text && !log_is_text {
            return Ok(Self::numbered(
                integers(&ids)?.into_iter(),
                &integers(customers)?.into_iter().flatten().collect::<Vec<_>>(),
            ));
        }
        let given = if is_text {
            ids.as_string::<i32>().iter().flatten().find(|id| !id.trim().is_empty()).map(|id| format!("\"{id}\""))
        } else {
            integers(&ids)?.into_iter().flatten().next().map(|id| id.to_string())
        };
        let Some(given) = given else {
            // Where every id is missing, their type says nothing.
            return Ok(Self { of_row: vec![NONE; ids.len()], distinct: 0, of_customer: vec![NONE; log.customers()] });
        };
        let (kind, other) = if is_text { ("text", "whole numbers") } else { ("whole numbers", "text") };
        Err(Error::Type(format!(
            "column \"{name}\" holds {kind}, such as {given}, but the customers of this log are {other}; convert the \
             column, so that both are written in one way"
        )))
    }

    fn numbered<K: Copy + Eq + Hash + Sync + Send>(rows: impl Iterator<Item = Option<K>>, customers: &[K]) -> Self {
        let mut numbers: HashMap<K, u32, FixedState> = HashMap::default();
        let number = |id: Option<K>| {
            let next = numbers.len() as u32;
            id.map_or(NONE, |id| *numbers.entry(id).or_insert(next))
        };
        let of_row = rows.map(number).collect();
        let of_customer = customers.par_iter().map(|id| numbers.get(id).copied().unwrap_or(NONE)).collect();
        Self { of_row, distinct: numbers.len(), of_customer }
    }
}

/// Whole numbers of any width, also beyond the signed ones.
fn integers(ids: &ArrayRef) -> Result<Vec<Option<i128>>> {
    if ids.data_type() == &DataType::UInt64 {
        return Ok(ids.as_primitive::<UInt64Type>().iter().map(|id| id.map(i128::from)).collect());
    }
    let whole = cast(ids, &DataType::Int64)?;
    Ok(whole.as_primitive::<Int64Type>().iter().map(|id| id.map(i128::from)).collect())
}
