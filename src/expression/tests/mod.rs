//! The language on tables, from text to rows.

mod errors;
mod meaning;
mod oracle;
mod parts;
mod syntax;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, NullArray, StringArray,
    TimestampSecondArray,
};
use arrow::datatypes::Int32Type;

use super::Expression;
use crate::error::{Error, Result};

type Columns = Vec<(&'static str, ArrayRef)>;

fn evaluate(text: &str, columns: &Columns) -> Result<Vec<bool>> {
    let rows = columns.first().map_or(3, |(_, array)| array.len());
    let lookup = |name: &str| {
        let found = columns.iter().find(|(known, _)| *known == name);
        found.map(|(_, array)| array.clone()).ok_or_else(|| Error::UnknownColumn(name.to_owned()))
    };
    let result = Expression::parse(text)?.evaluate(&lookup, rows)?;
    assert_eq!((result.len(), result.null_count()), (rows, 0));
    assert!(result.nulls().is_none());
    Ok(result.values().iter().collect())
}

fn rows(text: &str, columns: &Columns) -> Vec<usize> {
    let truth = evaluate(text, columns).unwrap_or_else(|error| panic!("{error}"));
    truth.iter().enumerate().filter_map(|(row, &truth)| truth.then_some(row)).collect()
}

fn message(text: &str, columns: &Columns) -> String {
    evaluate(text, columns).unwrap_err().to_string()
}

fn shop() -> Columns {
    let plan = ["pro", "free", "it's", "pro"];
    vec![
        ("value", Arc::new(Float64Array::from(vec![Some(1.5), Some(-0.0), None, Some(f64::NAN)]))),
        ("count", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(-4)]))),
        ("plan", Arc::new(DictionaryArray::<Int32Type>::from_iter(plan))),
        ("paid", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("shop.name", Arc::new(StringArray::from(vec![Some("a"), None, Some("شهر"), Some("b")]))),
        ("odd name`s", Arc::new(LargeStringArray::from(vec!["a", "x", "شهر", "c"]))),
        (
            "at",
            Arc::new(
                TimestampSecondArray::from(vec![Some(0), Some(86_400), None, Some(-1)]).with_timezone("Asia/Tehran"),
            ),
        ),
        ("nothing", Arc::new(NullArray::new(4))),
    ]
}
