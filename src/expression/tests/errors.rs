//! Conditions that can be read but not evaluated.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, FixedSizeBinaryArray};

use super::super::Expression;
use super::{Columns, evaluate, message, rows, shop};
use crate::error::Error;

#[test]
fn a_comparison_of_different_types_names_both_sides_and_the_way_out() {
    let shop = shop();
    assert_eq!(
        message("paid and plan > 3", &shop),
        "column \"plan\" (Dictionary(Int32, Utf8)) can't be compared with the number 3; write '3' to compare texts\
         \n  paid and plan > 3\n           ^^^^^^^^"
    );
    assert!(message("value = '3'", &shop).contains("the text '3'; write 3 without quotes"));
    assert!(message("paid = 'true'", &shop).contains("column \"paid\" (Boolean)"));
    assert!(message("plan in ('pro', 3)", &shop).contains("the number 3"));
    assert!(message("plan in ('a', 'b', 'c', 'd', 'e', 3)", &shop).contains("the number 3"));
    assert!(message("count and paid", &shop).contains("\"and\" needs conditions, and column \"count\" (Int64)"));
    assert!(message("not plan", &shop).contains("\"not\" needs conditions"));
    assert!(message("plan + 1 > 2", &shop).contains("only numbers can be calculated with"));
    assert!(message("count + value > 'x'", &shop).contains("`count + value` (a number)"));
    assert!(matches!(evaluate("wrong > 1", &shop), Err(Error::UnknownColumn(_))));
    let id = FixedSizeBinaryArray::try_from_iter([[1_u8; 16], [2; 16]].into_iter()).unwrap();
    let columns: Columns = vec![("id", Arc::new(id))];
    assert_eq!(rows("id is not null", &columns), [0, 1]);
    assert!(message("id = 'x'", &columns).contains("only \"is null\" works"));
}

#[test]
fn a_condition_must_be_true_or_false() {
    let error = evaluate("count + 1", &shop()).unwrap_err();
    assert!(matches!(&error, Error::Argument(message) if message.contains("this is a number")));
    assert!(matches!(evaluate("'yes'", &shop()), Err(Error::Argument(_))));
}

#[test]
fn a_column_of_another_length_is_a_defect() {
    let short: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let result = Expression::parse("paid").unwrap().evaluate(&|_| Ok(short.clone()), 2);
    assert!(matches!(result, Err(Error::Internal(_))));
}
