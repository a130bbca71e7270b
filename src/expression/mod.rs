//! The `where` language: a condition over columns, read once and evaluated with Arrow's kernels.
//!
//! ```text
//! condition  = all, { "or", all }
//! all        = not, { "and", not }
//! not        = { "not" }, comparison
//! comparison = sum, [ ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ), sum
//!                   | [ "not" ], "in", "(", sum, { ",", sum }, ")"
//!                   | "is", [ "not" ], "null" ]
//! sum        = product, { ( "+" | "-" ), product }
//! product    = value, { ( "*" | "/" ), value }
//! value      = "-", value | "(", condition, ")" | column | number | text | "true" | "false"
//! ```
//!
//! Logic has three values, as in SQL: a comparison with a missing value is neither true nor false, and a row counts
//! only if the whole condition is true. NaN counts as missing, and `/` by zero gives a missing value.

mod caret;
mod evaluate;
mod lexer;
mod list;
mod parse;
#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;
mod tree;
mod value;

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::compute::concat;
use rayon::prelude::*;

use crate::error::{Error, Result};

pub use caret::show;
use evaluate::{looked_up_column, numbers, truth};
pub use lexer::Fault;
use parse::condition;
use tree::Node;

/// Rows that are worth a thread.
const PART_ROWS: usize = 1 << 16;

/// A condition that was read from text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

impl Expression {
    /// Reads a condition; the error shows where it stops making sense, and what was expected there.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_located(text).map_err(|fault| Error::Argument(show(text, &fault.span, &fault.message)))
    }

    /// Reads a condition that stands in a larger text, whose reader shows the place by itself.
    pub fn parse_located(text: &str) -> std::result::Result<Self, Fault> {
        Ok(Self { text: text.to_owned(), root: condition(text)? })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns that the condition names, each time that it does, and where in the text.
    pub fn columns(&self) -> Vec<(&str, Range<usize>)> {
        let mut found = Vec::new();
        self.root.columns(&mut found);
        found
    }

    /// Whether the condition is true, for each of `rows` rows. The result has no nulls.
    ///
    /// `lookup` gives a column of `rows` values by its name; it is asked once for each name. Integers are compared
    /// exactly, other numbers as 64-bit floats, texts by code point, times to the microsecond. Times without a zone,
    /// in columns and in the condition, are UTC.
    ///
    /// Many rows are evaluated in parts, by all threads of the pool that the caller is on.
    pub fn evaluate(&self, lookup: &dyn Fn(&str) -> Result<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        if rows < 2 * PART_ROWS || rayon::current_thread_index().is_none() {
            return truth(&self.text, &self.root, lookup, rows);
        }
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for (name, _) in self.columns() {
            if columns.iter().all(|(known, _)| *known != name) {
                columns.push((name, looked_up_column(lookup, name, rows)?));
            }
        }
        let parts = rayon::current_num_threads().min(rows / PART_ROWS);
        let size = rows.div_ceil(parts);
        let part = |start: usize| {
            let length = size.min(rows - start);
            let sliced = |name: &str| match columns.iter().find(|(known, _)| *known == name) {
                Some((_, values)) => Ok(values.slice(start, length)),
                None => Err(Error::Internal(format!("a condition did not say that it names \"{name}\""))),
            };
            truth(&self.text, &self.root, &sliced, length)
        };
        let found = (0..rows).into_par_iter().step_by(size).map(part).collect::<Result<Vec<_>>>()?;
        Ok(concat(&found.iter().map(|part| part as &dyn Array).collect::<Vec<_>>())?.as_boolean().clone())
    }

    /// The number that the expression is, for each of `rows` rows: null where it is missing. `lookup` is that of
    /// [`Expression::evaluate`].
    pub fn numbers(&self, lookup: &dyn Fn(&str) -> Result<ArrayRef>, rows: usize) -> Result<Float64Array> {
        numbers(&self.text, &self.root, lookup, rows)
    }
}
