//! What conditions mean.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, Float32Array, Int64Array, LargeStringArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};

use super::{Columns, evaluate, rows, shop};
use crate::error::Error;

#[test]
fn comparisons_arithmetic_and_logic_follow_their_precedence() {
    let shop = shop();
    assert_eq!(rows("count + 2 * 3 = 7", &shop), [0]);
    assert_eq!(rows("(count + 2) * 3 == 9", &shop), [0]);
    assert_eq!(rows("8 - 4 - 3 = count", &shop), [0]);
    assert_eq!(rows("count / 2 = 1.5", &shop), [2]);
    assert_eq!(rows("-count > 3", &shop), [3]);
    assert_eq!(rows("- -count > 2", &shop), [2]);
    assert_eq!(rows("paid or count = 3 and false", &shop), [0, 3]);
    assert_eq!(rows("(paid or count = 3) and count > 0", &shop), [0, 2]);
    assert_eq!(rows("not count = 3", &shop), [0, 3]);
    assert_eq!(rows("NOT paid OR paid = TRUE And count <> 1", &shop), [1, 3]);
    assert_eq!(rows("true", &shop), [0, 1, 2, 3]);
    assert_eq!(rows("1 = 1 and not false", &shop), [0, 1, 2, 3]);
    assert_eq!(rows("1 in (1, 2) and 3 not in (1, 2)", &shop), [0, 1, 2, 3]);
    assert_eq!(rows("1 > 2", &shop), [0_usize; 0]);
}

#[test]
fn a_missing_value_makes_a_comparison_neither_true_nor_false() {
    let shop = shop();
    assert_eq!(rows("count = 1 or count <> 1", &shop), [0, 2, 3]);
    assert_eq!(rows("count is null", &shop), [1]);
    assert_eq!(rows("count is not null", &shop), [0, 2, 3]);
    assert_eq!(rows("count in (1, 3)", &shop), [0, 2]);
    assert_eq!(rows("count not in (1, 3)", &shop), [3]);
    assert_eq!(rows("not (count = 3 and paid)", &shop), [0, 1, 3]);
    assert_eq!(rows("nothing = 1 or nothing = 'x' or not nothing", &shop), [0_usize; 0]);
    assert_eq!(rows("nothing is null and (nothing + 1) is null", &shop), [0, 1, 2, 3]);
    assert_eq!(rows("(count = 1) is null", &shop), [1]);
}

#[test]
fn nan_is_missing_and_the_zeros_are_equal() {
    let shop = shop();
    assert_eq!(rows("value is null", &shop), [2, 3]);
    assert_eq!(rows("value > 0", &shop), [0]);
    assert_eq!(rows("value = 0 and value = -0.0 and value >= 0", &shop), [1]);
    assert_eq!(rows("-value = 0", &shop), [1]);
    assert_eq!(rows("(1 / value) is null", &shop), [1, 2, 3]);
    assert_eq!(rows("1 / 0 is null", &shop), [0, 1, 2, 3]);
    assert_eq!(rows("(1e308 * 10 - 1e308 * 10) is null", &shop), [0, 1, 2, 3]);
}

#[test]
fn texts_compare_in_every_representation() {
    let texts = [Some("a"), None, Some("b"), Some("شهر")];
    let dictionary: ArrayRef = Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>());
    let plain: [ArrayRef; 4] = [
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(LargeStringArray::from(texts.to_vec())),
        Arc::new(StringViewArray::from(texts.to_vec())),
        cast(&dictionary, &DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::LargeUtf8))).unwrap(),
    ];
    for left in plain.iter().chain([&dictionary]) {
        for right in plain.iter().chain([&dictionary]) {
            let columns: Columns = vec![("left", left.clone()), ("right", right.clone())];
            assert_eq!(rows("left = right", &columns), [0, 2, 3]);
            assert_eq!(rows("left < 'b' or 'b' < right", &columns), [0, 3]);
            assert_eq!(rows("left != right", &columns), [0_usize; 0]);
            assert_eq!(rows("left in ('a', 'c', 'd', 'e', 'شهر')", &columns), [0, 3]);
            assert_eq!(rows("left not in ('a', 'c', 'd', 'e', 'f')", &columns), [2, 3]);
            assert_eq!(rows("left in ('q', right)", &columns), [0, 2, 3]);
            assert_eq!(rows("left is null", &columns), [1]);
        }
    }
}

#[test]
fn integers_are_compared_exactly() {
    let big = 9_007_199_254_740_993_i64;
    let columns: Columns = vec![
        ("id", Arc::new(Int64Array::from(vec![big - 1, big, big + 1, i64::MIN]))),
        ("hash", Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1, 0, 1 << 63]))),
        ("small", Arc::new(UInt64Array::from(vec![1, 2, 3, 4]))),
    ];
    assert_eq!(rows("id = 9007199254740993", &columns), [1]);
    assert_eq!(rows("id in (1, 2, 3, 4, 9007199254740993)", &columns), [1]);
    assert_eq!(rows("id = -9223372036854775808", &columns), [3]);
    assert_eq!(rows("hash = 18446744073709551615", &columns), [0]);
    assert_eq!(rows("hash - 1 = 18446744073709551614", &columns), [0]);
    assert_eq!(rows("hash > id and small < hash", &columns), [0, 1, 3]);
    assert_eq!(rows("small = 2.0 and small + 0.5 > 2", &columns), [1]);
    assert_eq!(rows("id < 100000000000000000000000000000000000000000", &columns), [0, 1, 2, 3]);
    let error = evaluate("id * id > 0", &columns).unwrap_err();
    assert!(matches!(&error, Error::Data(message) if message.contains("1.0 *")), "{error}");
    assert!(evaluate("-id > 0", &columns).is_err());
}

#[test]
fn times_compare_with_iso_text_in_utc() {
    let shop = shop();
    assert_eq!(rows("at = '1970-01-01'", &shop), [0]);
    assert_eq!(rows("'1970-01-01T03:30+03:30' <= at", &shop), [0, 1]);
    assert_eq!(rows("at in ('1970-01-02', '1969-12-31 23:59:59')", &shop), [1, 3]);
    assert_eq!(rows("at in ('1970-01-02', '1970-01-03', '1970-01-04', '1970-01-05', '1970-01-06')", &shop), [1]);
    let columns: Columns = vec![
        ("micro", Arc::new(TimestampMicrosecondArray::from(vec![0, 1, 86_400_000_000]))),
        ("nano", Arc::new(TimestampNanosecondArray::from(vec![-1, 1_000, 86_400_000_000_000]))),
        ("day", Arc::new(Date32Array::from(vec![0, 1, 1]))),
    ];
    assert_eq!(rows("micro = nano", &columns), [1, 2]);
    assert_eq!(rows("day = micro", &columns), [0, 2]);
    assert_eq!(rows("nano < '1970-01-01'", &columns), [0]);
    for text in ["at = 'soon'", "at > 5", "at = plan", "at + 1 > 2"] {
        assert!(matches!(evaluate(text, &shop), Err(Error::Type(_))), "{text}");
    }
}

#[test]
fn no_rows_give_no_rows() {
    let columns: Columns = vec![
        ("value", Arc::new(Float32Array::from(Vec::<f32>::new()))),
        ("plan", Arc::new(DictionaryArray::<Int32Type>::from_iter(Vec::<&str>::new()))),
    ];
    for text in ["value / 0 > 1 and plan in ('a', 'b', 'c', 'd', 'e')", "true", "1 in (1, value)", "plan < 'a'"] {
        assert_eq!(evaluate(text, &columns).unwrap(), [false; 0], "{text}");
    }
}
