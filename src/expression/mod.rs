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

use arrow::array::{ArrayRef, BooleanArray, Float64Array};

use crate::error::{Error, Result};

pub use caret::show;
use evaluate::{numbers, truth};
pub use lexer::Fault;
use parse::condition;
use tree::Node;

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
    pub fn evaluate(&self, lookup: &dyn Fn(&str) -> Result<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        truth(&self.text, &self.root, lookup, rows)
    }

    /// The number that the expression is, for each of `rows` rows: null where it is missing. `lookup` is that of
    /// [`Expression::evaluate`].
    pub fn numbers(&self, lookup: &dyn Fn(&str) -> Result<ArrayRef>, rows: usize) -> Result<Float64Array> {
        numbers(&self.text, &self.root, lookup, rows)
    }
}
