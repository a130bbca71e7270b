//! Random conditions against an interpreter of rows.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use arrow::array::{BooleanArray, DictionaryArray, Float64Array, Int64Array, StringViewArray};
use arrow::datatypes::Int32Type;
use proptest::prelude::*;

use super::{Columns, evaluate};

/// A condition of the oracle, which writes itself and gives its own value.
#[derive(Debug, Clone)]
enum Truth {
    Constant(bool),
    Paid,
    Numbers(&'static str, Number, Number),
    Texts(&'static str, Text, Text),
    NumberIn(Number, Vec<Number>, bool),
    TextIn(Text, Vec<Text>, bool),
    Missing(Number, bool),
    Unknown(Box<Truth>, bool),
    Same(&'static str, Box<Truth>, Box<Truth>),
    Not(Box<Truth>),
    And(Box<Truth>, Box<Truth>),
    Or(Box<Truth>, Box<Truth>),
}

#[derive(Debug, Clone)]
enum Number {
    Literal(i64),
    Decimal(f64),
    Count,
    Value,
    Negative(Box<Number>),
    Pair(char, Box<Number>, Box<Number>),
}

#[derive(Debug, Clone)]
enum Text {
    Literal(String),
    Plan,
    Name,
}

#[derive(Debug, Clone)]
struct Row {
    count: Option<i64>,
    value: Option<f64>,
    paid: Option<bool>,
    plan: Option<String>,
    name: Option<String>,
}

/// An integer or a float: which of the two decides how it is compared and calculated.
#[derive(Debug, Clone, Copy)]
enum Numeric {
    Whole(i64),
    Float(f64),
}

impl Numeric {
    fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

fn holds(operator: &str, order: std::cmp::Ordering) -> bool {
    match operator {
        "=" | "==" => order.is_eq(),
        "!=" | "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn compared(operator: &str, left: Option<Numeric>, right: Option<Numeric>) -> Option<bool> {
    let order = match (left?, right?) {
        (Numeric::Whole(left), Numeric::Whole(right)) => left.cmp(&right),
        (left, right) => left.float().partial_cmp(&right.float()).unwrap(),
    };
    Some(holds(operator, order))
}

fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let truths: Vec<_> = truths.collect();
    if truths.contains(&Some(true)) {
        return Some(true);
    }
    if truths.contains(&None) { None } else { Some(false) }
}

impl Number {
    fn evaluate(&self, row: &Row) -> Option<Numeric> {
        let number = match self {
            Self::Literal(literal) => Numeric::Whole(*literal),
            Self::Decimal(decimal) => Numeric::Float(*decimal),
            Self::Count => Numeric::Whole(row.count?),
            Self::Value => Numeric::Float(row.value?),
            Self::Negative(inner) => match inner.evaluate(row)? {
                Numeric::Whole(whole) => Numeric::Whole(-whole),
                Numeric::Float(float) => Numeric::Float(-float),
            },
            Self::Pair(operator, left, right) => match (operator, left.evaluate(row)?, right.evaluate(row)?) {
                ('+', Numeric::Whole(left), Numeric::Whole(right)) => Numeric::Whole(left + right),
                ('-', Numeric::Whole(left), Numeric::Whole(right)) => Numeric::Whole(left - right),
                ('*', Numeric::Whole(left), Numeric::Whole(right)) => Numeric::Whole(left * right),
                ('+', left, right) => Numeric::Float(left.float() + right.float()),
                ('-', left, right) => Numeric::Float(left.float() - right.float()),
                ('*', left, right) => Numeric::Float(left.float() * right.float()),
                (_, _, right) if right.float() == 0.0 => return None,
                (_, left, right) => Numeric::Float(left.float() / right.float()),
            },
        };
        (!number.float().is_nan()).then_some(number)
    }

    fn level(&self) -> u8 {
        match self {
            Self::Pair('+' | '-', ..) => 0,
            Self::Pair(..) => 1,
            _ => 2,
        }
    }
}

impl Text {
    fn evaluate<'a>(&'a self, row: &'a Row) -> Option<&'a str> {
        match self {
            Self::Literal(literal) => Some(literal),
            Self::Plan => row.plan.as_deref(),
            Self::Name => row.name.as_deref(),
        }
    }
}

impl Truth {
    fn evaluate(&self, row: &Row) -> Option<bool> {
        match self {
            Self::Constant(truth) => Some(*truth),
            Self::Paid => row.paid,
            Self::Numbers(operator, left, right) => compared(operator, left.evaluate(row), right.evaluate(row)),
            Self::Texts(operator, left, right) => Some(holds(operator, left.evaluate(row)?.cmp(right.evaluate(row)?))),
            Self::NumberIn(value, list, negated) => {
                let value = value.evaluate(row);
                let found = any(list.iter().map(|item| compared("=", value, item.evaluate(row))));
                found.map(|found| found != *negated)
            }
            Self::TextIn(value, list, negated) => {
                let value = value.evaluate(row);
                let found = any(list.iter().map(|item| Some(value? == item.evaluate(row)?)));
                found.map(|found| found != *negated)
            }
            Self::Missing(number, negated) => Some(number.evaluate(row).is_none() != *negated),
            Self::Unknown(truth, negated) => Some(truth.evaluate(row).is_none() != *negated),
            Self::Same(operator, left, right) => Some(holds(operator, left.evaluate(row)?.cmp(&right.evaluate(row)?))),
            Self::Not(truth) => truth.evaluate(row).map(|truth| !truth),
            Self::Or(left, right) => any([left, right].map(|truth| truth.evaluate(row)).into_iter()),
            Self::And(left, right) => {
                any([left, right].map(|truth| truth.evaluate(row).map(|truth| !truth)).into_iter()).map(|truth| !truth)
            }
        }
    }

    fn level(&self) -> u8 {
        match self {
            Self::Or(..) => 0,
            Self::And(..) => 1,
            Self::Not(..) => 2,
            Self::Constant(_) | Self::Paid => 4,
            _ => 3,
        }
    }
}

/// Writes with parentheses only where the level needs them, so that the text tests precedence.
fn bracketed(out: &mut Formatter<'_>, needed: bool, inner: &dyn Display) -> fmt::Result {
    if needed { write!(out, "({inner})") } else { write!(out, "{inner}") }
}

fn listed(list: &[impl Display]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Display for Number {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => write!(out, "{literal}"),
            Self::Decimal(decimal) => write!(out, "{decimal:?}"),
            Self::Count => out.write_str("count"),
            Self::Value => out.write_str("value"),
            Self::Negative(inner) => {
                out.write_str("-")?;
                bracketed(out, inner.level() < 2, inner)
            }
            Self::Pair(operator, left, right) => {
                bracketed(out, left.level() < self.level(), left)?;
                write!(out, "{operator}")?;
                bracketed(out, right.level() <= self.level(), right)
            }
        }
    }
}

impl Display for Text {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => write!(out, "'{}'", literal.replace('\'', "''")),
            Self::Plan => out.write_str("plan"),
            Self::Name => out.write_str("`the name`"),
        }
    }
}

impl Display for Truth {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match self {
            Self::Constant(truth) => write!(out, "{truth}"),
            Self::Paid => out.write_str("paid"),
            Self::Numbers(operator, left, right) => write!(out, "{left} {operator} {right}"),
            Self::Texts(operator, left, right) => write!(out, "{left}{operator}{right}"),
            Self::NumberIn(value, list, negated) => write!(out, "{value} {}in ({})", not(negated), listed(list)),
            Self::TextIn(value, list, negated) => write!(out, "{value} {}IN({})", not(negated), listed(list)),
            Self::Missing(number, negated) => write!(out, "{number} is {}null", not(negated)),
            Self::Unknown(truth, negated) => {
                bracketed(out, truth.level() < 4, truth)?;
                write!(out, " is {}null", not(negated))
            }
            Self::Same(operator, left, right) => {
                bracketed(out, left.level() < 4, left)?;
                write!(out, " {operator} ")?;
                bracketed(out, right.level() < 4, right)
            }
            Self::Not(truth) => {
                out.write_str("not ")?;
                bracketed(out, truth.level() < 2, truth)
            }
            Self::And(left, right) => {
                bracketed(out, left.level() < 1, left)?;
                out.write_str(" and ")?;
                bracketed(out, right.level() < 1, right)
            }
            Self::Or(left, right) => write!(out, "{left} or {right}"),
        }
    }
}

fn operators() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["=", "==", "!=", "<>", "<", "<=", ">", ">="])
}

fn numbers() -> impl Strategy<Value = Number> {
    let leaf = prop_oneof![
        (-3_i64..4).prop_map(Number::Literal),
        proptest::sample::select(vec![-1.5, 0.0, 0.5, 2.0]).prop_map(Number::Decimal),
        Just(Number::Count),
        Just(Number::Value),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Number::Negative(Box::new(inner))),
            (proptest::sample::select(vec!['+', '-', '*', '/']), inner.clone(), inner)
                .prop_map(|(operator, left, right)| Number::Pair(operator, Box::new(left), Box::new(right))),
        ]
    })
}

fn texts() -> impl Strategy<Value = Text> {
    let literal = proptest::sample::select(vec!["", "a", "b'", "شهر"]);
    prop_oneof![literal.prop_map(|text| Text::Literal(text.to_owned())), Just(Text::Plan), Just(Text::Name)]
}

fn truths() -> impl Strategy<Value = Truth> {
    let lists = |length| (proptest::collection::vec(texts(), length), any_bool());
    let literals = (-3_i64..4).prop_map(Number::Literal);
    let leaf = prop_oneof![
        any_bool().prop_map(Truth::Constant),
        Just(Truth::Paid),
        (operators(), numbers(), numbers()).prop_map(|(operator, left, right)| Truth::Numbers(operator, left, right)),
        (operators(), texts(), texts()).prop_map(|(operator, left, right)| Truth::Texts(operator, left, right)),
        (numbers(), proptest::collection::vec(numbers(), 1..4), any_bool())
            .prop_map(|(value, list, negated)| Truth::NumberIn(value, list, negated)),
        (numbers(), proptest::collection::vec(literals, 4..8), any_bool())
            .prop_map(|(value, list, negated)| Truth::NumberIn(value, list, negated)),
        (texts(), lists(1..8)).prop_map(|(value, (list, negated))| Truth::TextIn(value, list, negated)),
        (numbers(), any_bool()).prop_map(|(number, negated)| Truth::Missing(number, negated)),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let pair = (inner.clone(), inner.clone()).prop_map(|(left, right)| (Box::new(left), Box::new(right)));
        prop_oneof![
            inner.clone().prop_map(|truth| Truth::Not(Box::new(truth))),
            (inner, any_bool()).prop_map(|(truth, negated)| Truth::Unknown(Box::new(truth), negated)),
            pair.clone().prop_map(|(left, right)| Truth::And(left, right)),
            pair.clone().prop_map(|(left, right)| Truth::Or(left, right)),
            (operators(), pair).prop_map(|(operator, (left, right))| Truth::Same(operator, left, right)),
        ]
    })
}

fn any_bool() -> impl Strategy<Value = bool> {
    proptest::bool::ANY
}

fn table() -> impl Strategy<Value = Vec<Row>> {
    let float = proptest::sample::select(vec![-1.5, -0.0, 0.0, 0.5, 2.0, f64::INFINITY, f64::NAN]);
    let text = || proptest::option::of(proptest::sample::select(vec!["", "a", "b'", "شهر"]));
    let row = (
        proptest::option::of(-3_i64..4),
        proptest::option::of(float),
        proptest::option::of(any_bool()),
        text(),
        text(),
    );
    let row = row.prop_map(|(count, value, paid, plan, name)| Row {
        count,
        value,
        paid,
        plan: plan.map(str::to_owned),
        name: name.map(str::to_owned),
    });
    proptest::collection::vec(row, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_condition_agrees_with_an_interpreter_of_rows(truth in truths(), rows in table()) {
        let columns: Columns = vec![
            ("count", Arc::new(rows.iter().map(|row| row.count).collect::<Int64Array>())),
            ("value", Arc::new(rows.iter().map(|row| row.value).collect::<Float64Array>())),
            ("paid", Arc::new(rows.iter().map(|row| row.paid).collect::<BooleanArray>())),
            ("plan", Arc::new(rows.iter().map(|row| row.plan.as_deref()).collect::<DictionaryArray<Int32Type>>())),
            ("the name", Arc::new(rows.iter().map(|row| row.name.as_deref()).collect::<StringViewArray>())),
        ];
        let expected: Vec<bool> = rows.iter().map(|row| truth.evaluate(row) == Some(true)).collect();
        let text = truth.to_string();
        prop_assert_eq!(evaluate(&text, &columns).unwrap(), expected, "{}", text);
    }
}
