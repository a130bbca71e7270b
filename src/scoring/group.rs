//! Customers with the same history or the same mean value, together: a likelihood looks at each once.

use arrow::buffer::ScalarBuffer;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::model::Customer;
use super::read;
use super::table::{customers, numbers, spending, table};
use crate::error::{Error, Result};
use crate::pool::Cancel;
use crate::table::Table;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Whether times are whole numbers of opportunities.
    counted: bool,
    /// The column that says how many customers a row stands for; one each by default.
    weight: Option<String>,
}

/// Rows in the order of their histories, recency last: positions in the table.
pub fn ordered(rows: &[Customer]) -> Vec<u32> {
    // Numbers that are not negative have the order of their bits.
    let key = |row: &Customer| (row.frequency.to_bits(), row.age.to_bits(), row.recency.to_bits());
    let mut order: Vec<_> =
        (0..rows.len() as u32).into_par_iter().map(|place| (key(&rows[place as usize]), place)).collect();
    order.par_sort_unstable();
    order.into_par_iter().map(|(_, place)| place).collect()
}

/// The different histories, sorted, and how many customers have each.
pub fn group(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let Params { counted, weight } = read(params, "group")?;
    let rows = customers(data, counted)?;
    let weights = weight.as_deref().map(|name| weights(data, name)).transpose()?;
    cancel.check()?;
    let (mut frequency, mut recency, mut age) = (Vec::new(), Vec::new(), Vec::new());
    let mut number: Vec<f64> = Vec::new();
    let mut before = None;
    for place in ordered(&rows) {
        let row = rows[place as usize];
        let weight = weights.as_ref().map_or(1.0, |weights| weights[place as usize]);
        if let Some(last) = number.last_mut().filter(|_| before == Some(row)) {
            *last += weight;
        } else {
            frequency.push(row.frequency);
            recency.push(row.recency);
            age.push(row.age);
            number.push(weight);
            before = Some(row);
        }
    }
    table(vec![("frequency", frequency), ("recency", recency), ("age", age), ("customers", number)])
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueParams {
    /// The column with the number of purchases whose value is known.
    valued: String,
}

/// The different mean values above 0, sorted by the number of purchases that they are of, and how many customers have
/// each.
pub fn group_values(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let ValueParams { valued } = read(params, "group_values")?;
    let rows = spending(data, &valued)?;
    cancel.check()?;
    // Numbers that are not negative have the order of their bits.
    let rows = rows.into_par_iter().flatten().filter(|row| row.mean > 0.0);
    let mut rows: Vec<_> = rows.map(|row| (row.frequency.to_bits(), row.mean.to_bits())).collect();
    rows.par_sort_unstable();
    cancel.check()?;
    let alike: Vec<_> = rows.chunk_by(|one, other| one == other).collect();
    let column = |of: fn(&[(u64, u64)]) -> f64| alike.par_iter().map(|rows| of(rows)).collect::<Vec<_>>();
    table(vec![
        ("frequency", column(|rows| f64::from_bits(rows[0].0))),
        ("mean_value", column(|rows| f64::from_bits(rows[0].1))),
        ("customers", column(|rows| rows.len() as f64)),
    ])
}

fn weights(data: &Table, name: &str) -> Result<ScalarBuffer<f64>> {
    let weights = numbers(data, name)?;
    let wrong = |weight: &f64| !weight.is_finite() || *weight < 0.0;
    match weights.iter().position(wrong) {
        None => Ok(weights),
        Some(row) => Err(Error::Data(format!(
            "{} rows have no weight of at least 0 in column \"{name}\" (the first is row {row}: {}); a weight is how \
             many customers have this history",
            weights.iter().filter(|weight| wrong(weight)).count(),
            weights[row]
        ))),
    }
}
