//! What can be read, and the words about what can not.

use std::sync::Arc;

use arrow::array::Int64Array;
use proptest::prelude::*;

use super::super::Expression;
use super::super::parse::MAX_DEPTH;
use super::{Columns, evaluate, message, rows, shop};
use crate::error::Error;

#[test]
fn quotes_are_doubled_and_names_may_be_anything() {
    let shop = shop();
    assert_eq!(rows("plan = 'it''s'", &shop), [2]);
    assert_eq!(rows("plan = \"it's\"", &shop), [2]);
    assert_eq!(rows("shop.name = `odd name``s`", &shop), [0, 2]);
    let columns: Columns = vec![("شماره\u{200c}سفارش", Arc::new(Int64Array::from(vec![1, 2])))];
    assert_eq!(rows("شماره\u{200c}سفارش>1", &columns), [1]);
}

#[test]
fn syntax_errors_point_to_the_place_and_say_what_was_expected() {
    let shop = shop();
    assert_eq!(
        message("value > and paid", &shop),
        "can't read the condition: expected a value: a column, a number, a 'text', true or false, found and\n  \
         value > and paid\n          ^^^"
    );
    assert_eq!(
        message("شهر = ", &shop),
        "can't read the condition: expected a value: a column, a number, a 'text', true or false, the text ends\n  \
         شهر =\n        ^"
    );
    for (text, expected) in [
        ("", "the text ends"),
        ("1 < count < 3", "comparisons don't chain"),
        ("count = 1 2", "expected an operator, \"and\", \"or\" or the end, found 2"),
        ("(count = 1", "expected \")\""),
        ("count in ()", "expected a value"),
        ("count in 3", "expected \"(\" and a list"),
        ("count in (1 2)", "expected \",\" or \")\""),
        ("count not 3", "expected \"in\" after \"not\""),
        ("count is 3", "expected \"null\" or \"not null\""),
        ("count = null", "ask for missing ones with \"is null\""),
        ("plan = 'x", "expected a closing '"),
        ("`` = 1", "expected a column name"),
        ("2nd = 1", "names that start with a digit"),
        ("1.5.2 = 1", "expected a number"),
        ("value = 1e999", "expected a number below"),
        ("paid && true", "write \"and\""),
        ("plan = “x”", "write texts between"),
        ("value > ۵", "the digits 0 to 9"),
        ("plan @ 3", "between backquotes"),
    ] {
        let message = message(text, &shop);
        assert!(message.contains(expected) && message.contains('^'), "{text}: {message}");
    }
    let long = format!("{} = 1 = 2 or {}", "x".repeat(500), "y = 1 or ".repeat(500));
    let message = message(&long, &shop);
    let lines: Vec<&str> = message.lines().collect();
    let caret = lines[2].chars().count();
    assert_eq!(lines[1].chars().nth(caret - 1), Some('='));
    assert!(lines[1].chars().count() < 120);
}

#[test]
fn an_error_in_a_long_text_shows_its_own_line() {
    let message = message("paid and\n\tvalue >> 3\nor true", &shop());
    assert!(message.ends_with("\n   value >> 3\n          ^"), "{message}");
}

#[test]
fn deep_nesting_is_refused_and_long_chains_are_not() {
    let deep = |levels: usize| {
        [("(", "true", ")"), ("not ", "true", ""), ("- ", "count", ""), ("1 + -(", "count", ")")]
            .map(|(open, middle, close)| format!("{}{middle}{}", open.repeat(levels), close.repeat(levels)))
    };
    // Less than the 2 MiB of a Rust thread; a debug build needs about 1.1 MiB.
    let small = std::thread::Builder::new().stack_size(1536 * 1024);
    let handle = small.spawn(move || {
        for text in deep(50) {
            assert!(Expression::parse(&text).is_ok());
        }
        for text in deep(100_000) {
            assert!(Expression::parse(&text).unwrap_err().to_string().contains("nesting"));
        }
        let nested = (0..MAX_DEPTH).fold("paid".to_owned(), |inner, _| format!("(false or true and {inner})"));
        assert_eq!(rows(&nested, &shop()), [0, 3]);
        let nested = (0..MAX_DEPTH).fold("count".to_owned(), |inner, _| format!("(0 + 1 * {inner})"));
        assert_eq!(rows(&format!("{nested} = 3"), &shop()), [2]);
        let chain = format!("{}paid", "false or ".repeat(20_000));
        assert_eq!(rows(&chain, &shop()), [0, 3]);
        let sum = format!("count{} = 20001", " + 1".repeat(20_000));
        assert_eq!(rows(&sum, &shop()), [0]);
    });
    handle.unwrap().join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = evaluate(&text, &shop());
    }

    #[test]
    fn no_sequence_of_words_panics(words in proptest::collection::vec(proptest::sample::select(vec![
        "count", "value", "plan", "paid", "at", "nothing", "`odd name``s`", "shop.name", "and", "or", "not", "in",
        "is", "null", "true", "(", ")", ",", "=", "<", "<>", ">=", "+", "-", "*", "/", "1", "0", "2.5",
        "9223372036854775807", "18446744073709551615", "'a'", "'1970-01-01'", "\"", "'", "`", "\n",
        "۵", "is null", "not in (1)",
    ]), 0..14)) {
        for text in [words.join(" "), words.concat()] {
            if let Err(error) = evaluate(&text, &shop()) {
                prop_assert!(!error.to_string().is_empty());
                prop_assert!(!matches!(error, Error::Internal(_)), "{}", error);
            }
        }
    }
}
