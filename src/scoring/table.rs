//! Columns of customers in, columns of scores out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use rayon::prelude::*;

use super::gamma_gamma::Spending;
use super::model::{Customer, check};
use crate::error::{Error, Result};
use crate::table::Table;

/// A column of numbers, as it lies in memory where that can be; NaN where one is null.
pub fn numbers(table: &Table, name: &str) -> Result<ScalarBuffer<f64>> {
    let mut chunks =
        table.column(name)?.into_iter().map(|chunk| numbers_of(&chunk, name)).collect::<Result<Vec<_>>>()?;
    Ok(if chunks.len() == 1 {
        chunks.remove(0)
    } else {
        chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect()
    })
}

fn numbers_of(chunk: &ArrayRef, name: &str) -> Result<ScalarBuffer<f64>> {
    if chunk.null_count() == chunk.len() {
        // Where nothing is known, no type is wrong.
        return Ok(vec![f64::NAN; chunk.len()].into());
    }
    if !chunk.data_type().is_numeric() {
        return Err(Error::Type(format!(
            "column \"{name}\" holds {}; expected one number for each customer",
            chunk.data_type()
        )));
    }
    let chunk = cast(chunk, &DataType::Float64)?;
    let chunk = chunk.as_primitive::<Float64Type>();
    Ok(match chunk.null_count() {
        0 => chunk.values().clone(),
        _ => chunk.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
    })
}

/// The purchases of customers, checked.
pub fn customers(table: &Table, counted: bool) -> Result<Vec<Customer>> {
    let [frequencies, recencies, ages] = ["frequency", "recency", "age"].map(|name| numbers(table, name));
    let (frequencies, recencies, ages) = (frequencies?, recencies?, ages?);
    let row = |place| Customer { frequency: frequencies[place], recency: recencies[place], age: ages[place] };
    let rows: Vec<_> = (0..table.num_rows()).into_par_iter().map(row).collect();
    check(&rows, counted)?;
    Ok(rows)
}

/// What customers spend at purchases with a known value, whose number the column `valued` has; none of those without
/// such a purchase. A mean of 0 or less is NaN: the model has no place for it.
pub fn spending(table: &Table, valued: &str) -> Result<Vec<Option<Spending>>> {
    let (frequencies, means) = (numbers(table, valued)?, numbers(table, "mean_value")?);
    let usable = |mean: f64| if mean > 0.0 { mean } else { f64::NAN };
    let known =
        |(&frequency, &mean): (&f64, &f64)| (frequency > 0.0).then(|| Spending { frequency, mean: usable(mean) });
    Ok(frequencies.par_iter().zip(means.par_iter()).map(known).collect())
}

/// A column of numbers, null where one is NaN.
pub fn nullable(values: Vec<f64>) -> ArrayRef {
    let known = values.iter().map(|value| !value.is_nan()).collect::<NullBuffer>();
    Arc::new(Float64Array::new(values.into(), Some(known)))
}

/// A table with further columns.
pub fn with_columns(data: &Table, columns: Vec<(&str, ArrayRef)>) -> Result<Table> {
    let (schema, data) = (Arc::clone(data.schema()), data.to_batch()?);
    let own =
        schema.fields().iter().zip(data.columns()).map(|(field, column)| (field.name().as_str(), Arc::clone(column)));
    let all = own.chain(columns).map(|(name, column)| (name, column, true));
    Ok(Table::from_batch(RecordBatch::try_from_iter_with_nullable(all)?))
}

/// A table of columns of numbers.
pub fn table(columns: Vec<(&str, Vec<f64>)>) -> Result<Table> {
    let columns =
        columns.into_iter().map(|(name, values)| -> (&str, ArrayRef) { (name, Arc::new(Float64Array::from(values))) });
    Ok(Table::from_batch(RecordBatch::try_from_iter(columns)?))
}
