//! Many rows, which several threads evaluate in parts.

use super::{Columns, Expression, evaluate, shop};
use crate::error::{Error, Result};
use crate::expression::PART_ROWS;
use crate::pool::build;
use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array, UInt64Array};
use arrow::compute::take;
use std::sync::Arc;

/// The shop's rows again and again, in no order that a part could begin anew with.
fn many(rows: usize) -> Columns {
    let places = UInt32Array::from_iter_values((0..rows as u32).map(|row| row.wrapping_mul(2_654_435_761) >> 7 & 3));
    let mut columns: Columns =
        shop().into_iter().map(|(name, values)| (name, take(&values, &places, None).unwrap())).collect();
    columns.push(("row", Arc::new(Int64Array::from_iter_values(0..rows as i64))));
    // Only the last part has a number that needs more than 63 bits.
    let large = (0..rows as u64).map(|row| if row + 1 == rows as u64 { u64::MAX } else { row });
    columns.push(("large", Arc::new(UInt64Array::from_iter_values(large))));
    columns
}

#[test]
fn parts_say_what_the_whole_says() {
    let texts = [
        "plan = \"pro\" and not value < 1",
        "at < \"1970-01-02\" or paid",
        "row / 7 * 2 - 1 > count",
        "nothing is null",
        "nothing = 1 or value is null",
        "large > 9223372036854775807",
        "large = row",
        "plan in (\"free\", \"it's\") and `shop.name` is not null",
        "true",
        "1 > 2",
    ];
    for rows in [2 * PART_ROWS - 1, 2 * PART_ROWS, 2 * PART_ROWS + 1, 5 * PART_ROWS + 77] {
        let columns = many(rows);
        for threads in [1, 2, 3, 16] {
            let pool = build(threads).unwrap();
            for text in texts {
                let whole = evaluate(text, &columns).unwrap();
                assert!(pool.install(|| evaluate(text, &columns).unwrap()) == whole, "{text}: {rows} by {threads}");
            }
        }
    }
}

#[test]
fn faults_of_parts_are_those_of_the_whole() {
    let columns = many(3 * PART_ROWS);
    let pool = build(2).unwrap();
    for text in ["plan > 1", "unknown = 1", "value", "\"or\" or paid"] {
        let said = || evaluate(text, &columns).unwrap_err().to_string();
        assert_eq!(pool.install(said), said());
    }
    let short = |_: &str| -> Result<ArrayRef> { Ok(columns[0].1.slice(0, 5)) };
    let asked = || Expression::parse("value > 1").unwrap().evaluate(&short, columns[0].1.len());
    let found = pool.install(asked);
    assert!(matches!(found, Err(Error::Internal(message)) if message.contains("5 values for")));
}
