//! Tables beside a log: rows that name a customer, and where in the log that customer and an instant are.

mod customers;
mod instants;
mod profiles;

pub use instants::{Place, locate};
pub use profiles::{Profiles, with_profiles};

use arrow::array::{ArrayRef, new_empty_array};
use arrow::compute::concat;

use crate::calendar::{EARLIEST_US, LATEST_US, Zone};
use crate::error::Result;
use crate::ingest::{EpochUnit, Normalize, TimeColumn, normalized};
use crate::table::Table;

/// The table whose ids are spelled as those of the log are.
fn spelled(table: &Table, ids: &String, normalize: Option<Normalize>) -> Result<Table> {
    match normalize {
        None => Ok(table.clone()),
        Some(spelling) => Ok(normalized(table, &[ids], spelling)?.0),
    }
}

/// A column in one piece.
fn whole(table: &Table, name: &str) -> Result<ArrayRef> {
    let chunks = table.column(name)?;
    match chunks.as_slice() {
        [] => Ok(new_empty_array(table.data_type(name)?)),
        [only] => Ok(ArrayRef::clone(only)),
        many => Ok(concat(&many.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
    }
}

/// The instant of each row, µs UTC; none where there is none that a log may hold.
fn instants_of(table: &Table, name: &str, unit: Option<EpochUnit>, zone: &Zone) -> Result<Vec<Option<i64>>> {
    let column = TimeColumn::read(&[whole(table, name)?], name, unit, zone)?;
    let slices = column.slices.iter().flat_map(|slice| {
        slice.values.iter().enumerate().map(|(index, &time)| {
            let valid = slice.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index));
            (valid && (EARLIEST_US..LATEST_US).contains(&time)).then_some(time)
        })
    });
    Ok(slices.collect())
}
