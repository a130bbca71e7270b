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

use arrow::array::{ArrayRef, BooleanArray};

use crate::error::Result;

pub use caret::show;
use evaluate::truth;
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
        Ok(Self { text: text.to_owned(), root: condition(text)? })
    }

    /// Whether the condition is true, for each of `rows` rows. The result has no nulls.
    ///
    /// `lookup` gives a column of `rows` values by its name; it is asked once for each name. Integers are compared
    /// exactly, other numbers as 64-bit floats, texts by code point, times to the microsecond. Times without a zone,
    /// in columns and in the condition, are UTC.
    pub fn evaluate(&self, lookup: &dyn Fn(&str) -> Result<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        truth(&self.text, &self.root, lookup, rows)
    }
}
