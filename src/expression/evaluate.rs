//! The value of a condition for each row, by Arrow's kernels.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, NullArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::{cmp, numeric};
use arrow::compute::{and_kleene, is_not_null, is_null, not, nullif, or_kleene, prep_null_mask_filter, take};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;

use super::caret::show;
use super::list::looked_up;
use super::tree::{Comparison, Literal, Node, Operator, Part};
use super::value::{Kind, Value, alike, constant, read, tidied};
use crate::calendar::{Parsed, parse_time};
use crate::error::{Error, Result};

/// Whether the condition of a text is true, for each of `rows` rows. The result has no nulls.
pub(super) fn truth(
    text: &str,
    root: &Node,
    lookup: &dyn Fn(&str) -> Result<ArrayRef>,
    rows: usize,
) -> Result<BooleanArray> {
    let mut evaluator = Evaluator { text, lookup, rows, columns: Vec::new() };
    let value = evaluator.value(root)?;
    if !matches!(value.kind, Kind::Boolean | Kind::Missing) {
        let message =
            format!("a condition must be true or false, and this is {}; compare it with something", value.kind.noun());
        return Err(Error::Argument(show(text, &root.span, &message)));
    }
    let result = evaluator.spread(&value);
    Ok(if result.null_count() > 0 {
        prep_null_mask_filter(&result)
    } else {
        BooleanArray::new(result.values().clone(), None)
    })
}

/// A column by its name, with a value for each row.
pub(super) fn looked_up_column(lookup: &dyn Fn(&str) -> Result<ArrayRef>, name: &str, rows: usize) -> Result<ArrayRef> {
    let array = lookup(name)?;
    if array.len() != rows {
        return Err(Error::Internal(format!("column \"{name}\" has {} values for {rows} rows", array.len())));
    }
    Ok(array)
}

/// What a test says of each value; of a dictionary, it looks at each distinct value once.
fn by_distinct(values: &ArrayRef, test: &dyn Fn(&ArrayRef) -> Result<BooleanArray>) -> Result<BooleanArray> {
    let Some(dictionary) = values.as_any_dictionary_opt() else { return test(values) };
    let found = test(dictionary.values())?;
    Ok(take(&found, dictionary.keys(), None)?.as_boolean().clone())
}

/// The number that the text stands for, for each of `rows` rows.
pub(super) fn numbers(
    text: &str,
    root: &Node,
    lookup: &dyn Fn(&str) -> Result<ArrayRef>,
    rows: usize,
) -> Result<Float64Array> {
    let mut evaluator = Evaluator { text, lookup, rows, columns: Vec::new() };
    let value = evaluator.value(root)?;
    if value.kind == Kind::Missing {
        return Ok(Float64Array::new_null(rows));
    }
    if !value.kind.is_number() {
        let message = format!("expected a number, such as a column of numbers, and this is {}", value.kind.noun());
        return Err(Error::Argument(show(text, &root.span, &message)));
    }
    let value = value.as_number()?;
    let numbers = value.array.as_primitive::<Float64Type>();
    if !value.constant {
        return Ok(numbers.clone());
    }
    let only = numbers.is_valid(0).then(|| numbers.value(0));
    Ok(std::iter::repeat_n(only, rows).collect())
}

/// Evaluates a condition over one set of columns.
struct Evaluator<'a> {
    text: &'a str,
    lookup: &'a dyn Fn(&str) -> Result<ArrayRef>,
    rows: usize,
    /// The columns that were looked up: name, type as given, and values.
    columns: Vec<(&'a str, DataType, Value)>,
}

impl<'a> Evaluator<'a> {
    fn value(&mut self, node: &'a Node) -> Result<Value> {
        match &node.part {
            Part::Column(name) => self.column(name),
            Part::Literal(literal) => Ok(constant(literal)),
            Part::Any(nodes) => self.joined(nodes, "or", or_kleene),
            Part::All(nodes) => self.joined(nodes, "and", and_kleene),
            Part::Not(inner) => {
                let value = self.condition(inner, "not")?;
                let array = not(value.array.as_boolean())?;
                Ok(value.with_array(Kind::Boolean, Arc::new(array)))
            }
            Part::Compare(comparison, sides) => {
                let [left, right] = sides.as_ref();
                let (left_value, right_value) = (self.value(left)?, self.value(right)?);
                self.compare(*comparison, (left, &left_value), (right, &right_value))
            }
            Part::In { value, list, negated } => self.contained(value, list, *negated),
            Part::IsNull { value, negated } => {
                let value = self.value(value)?;
                let test = if *negated { is_not_null } else { is_null };
                let array = test(value.array.as_ref())?;
                Ok(value.with_array(Kind::Boolean, Arc::new(array)))
            }
            Part::Chain { first, rest } => self.chain(first, rest),
            Part::Negate(inner) => self.negate(inner),
        }
    }

    fn column(&mut self, name: &'a str) -> Result<Value> {
        if let Some((_, _, value)) = self.columns.iter().find(|(known, _, _)| *known == name) {
            return Ok(value.clone());
        }
        let array = looked_up_column(self.lookup, name, self.rows)?;
        let data_type = array.data_type().clone();
        let value = read(&array)?;
        self.columns.push((name, data_type, value.clone()));
        Ok(value)
    }

    /// The value of a part that a logical word joins, which must be a condition.
    fn condition(&mut self, node: &'a Node, word: &str) -> Result<Value> {
        let value = self.value(node)?;
        match value.kind {
            Kind::Boolean => Ok(value),
            Kind::Missing => {
                let array = BooleanArray::new_null(value.array.len());
                Ok(value.with_array(Kind::Boolean, Arc::new(array)))
            }
            _ => Err(self.mistyped(
                node,
                &format!(
                    "\"{word}\" needs conditions, and {} isn't true or false; compare it with something",
                    self.described(node, &value)
                ),
            )),
        }
    }

    fn joined(
        &mut self,
        nodes: &'a [Node],
        word: &str,
        join: fn(&BooleanArray, &BooleanArray) -> std::result::Result<BooleanArray, ArrowError>,
    ) -> Result<Value> {
        let mut joined: Option<BooleanArray> = None;
        for node in nodes {
            let value = self.condition(node, word)?;
            let array = self.spread(&value);
            joined = Some(match joined {
                Some(joined) => join(&joined, &array)?,
                None => array,
            });
        }
        let joined = joined.ok_or_else(|| Error::Internal(format!("an empty \"{word}\"")))?;
        Ok(self.per_row(Kind::Boolean, Arc::new(joined)))
    }

    fn per_row(&self, kind: Kind, array: ArrayRef) -> Value {
        debug_assert_eq!(array.len(), self.rows);
        Value { array, kind, constant: false }
    }

    /// The truth of a condition, for each row.
    fn spread(&self, value: &Value) -> BooleanArray {
        match value.array.as_boolean_opt() {
            Some(array) if !value.constant => array.clone(),
            Some(array) if array.is_valid(0) => {
                let values = if array.value(0) {
                    BooleanBuffer::new_set(self.rows)
                } else {
                    BooleanBuffer::new_unset(self.rows)
                };
                BooleanArray::new(values, None)
            }
            _ => BooleanArray::new_null(self.rows),
        }
    }

    fn compare(&self, comparison: Comparison, left: (&'a Node, &Value), right: (&'a Node, &Value)) -> Result<Value> {
        let constant = left.1.constant && right.1.constant;
        let (left, right) = match (left.1.kind, right.1.kind) {
            (Kind::Other, _) | (_, Kind::Other) => return Err(self.mismatch(left, right)),
            (Kind::Missing, _) | (_, Kind::Missing) => {
                let rows = if constant { 1 } else { self.rows };
                return Ok(Value { array: Arc::new(BooleanArray::new_null(rows)), kind: Kind::Boolean, constant });
            }
            (Kind::Text, Kind::Text) => alike(left.1, right.1)?,
            (Kind::Time, Kind::Text) => (left.1.clone(), self.time(left, right)?),
            (Kind::Text, Kind::Time) => (self.time(right, left)?, right.1.clone()),
            (one, other) if one == other => (left.1.clone(), right.1.clone()),
            (one, other) if one.is_number() && other.is_number() => {
                if one == Kind::Number || other == Kind::Number {
                    (left.1.as_number()?, right.1.as_number()?)
                } else {
                    (left.1.as_wide()?, right.1.as_wide()?)
                }
            }
            _ => return Err(self.mismatch(left, right)),
        };
        let kernel = match comparison {
            Comparison::Equal => cmp::eq,
            Comparison::NotEqual => cmp::neq,
            Comparison::Less => cmp::lt,
            Comparison::LessOrEqual => cmp::lt_eq,
            Comparison::Greater => cmp::gt,
            Comparison::GreaterOrEqual => cmp::gt_eq,
        };
        let array = if right.constant && !left.constant {
            by_distinct(&left.array, &|values| {
                let values = Value { array: Arc::clone(values), ..left.clone() };
                Ok(kernel(&values, &right)?)
            })?
        } else {
            kernel(&left, &right)?
        };
        Ok(Value { array: Arc::new(array), kind: Kind::Boolean, constant })
    }

    /// The time that a text literal means beside a time.
    fn time(&self, time: (&'a Node, &Value), text: (&'a Node, &Value)) -> Result<Value> {
        if let Part::Literal(Literal::Text(literal)) = &text.0.part
            && let Parsed::Utc(time) | Parsed::Local(time) = parse_time(literal)
        {
            return Ok(Value::constant(Kind::Time, Int64Array::from(vec![time])));
        }
        Err(self.mismatch(time, text))
    }

    fn contained(&mut self, value: &'a Node, list: &'a [Node], negated: bool) -> Result<Value> {
        let left = self.value(value)?;
        let found = match looked_up(&left, list)? {
            Some(found) => found,
            None => self.compared_with_each(value, &left, list)?,
        };
        let found = if negated { not(&found)? } else { found };
        Ok(self.per_row(Kind::Boolean, Arc::new(found)))
    }

    fn compared_with_each(&mut self, value: &'a Node, left: &Value, list: &'a [Node]) -> Result<BooleanArray> {
        let mut found = BooleanArray::new(BooleanBuffer::new_unset(self.rows), None);
        for node in list {
            let right = self.value(node)?;
            let equal = self.compare(Comparison::Equal, (value, left), (node, &right))?;
            found = or_kleene(&found, &self.spread(&equal))?;
        }
        Ok(found)
    }

    fn chain(&mut self, first: &'a Node, rest: &'a [(Operator, Node)]) -> Result<Value> {
        let mut left = self.numeric(first)?;
        for (operator, node) in rest {
            let right = self.numeric(node)?;
            left = self.calculate(*operator, &left, &right, node)?;
        }
        Ok(left)
    }

    /// The value of a part of a calculation, which must be a number or missing.
    fn numeric(&mut self, node: &'a Node) -> Result<Value> {
        let value = self.value(node)?;
        if value.kind.is_number() || value.kind == Kind::Missing {
            return Ok(value);
        }
        let message = format!("only numbers can be calculated with, and {} isn't one", self.described(node, &value));
        Err(self.mistyped(node, &message))
    }

    fn calculate(&self, operator: Operator, left: &Value, right: &Value, node: &Node) -> Result<Value> {
        let constant = left.constant && right.constant;
        let result = |kind, array| Value { array, kind, constant };
        let (left, right) = match (left.kind, right.kind) {
            (Kind::Missing, _) | (_, Kind::Missing) => {
                let rows = if constant { 1 } else { self.rows };
                return Ok(result(Kind::Missing, Arc::new(NullArray::new(rows))));
            }
            (Kind::Number, _) | (_, Kind::Number) => (left.as_number()?, right.as_number()?),
            _ if operator == Operator::Divide => (left.as_number()?, right.as_number()?),
            (Kind::Integer, Kind::Integer) => (left.clone(), right.clone()),
            _ => (left.as_wide()?, right.as_wide()?),
        };
        let array = match operator {
            Operator::Add => numeric::add(&left, &right),
            Operator::Subtract => numeric::sub(&left, &right),
            Operator::Multiply => numeric::mul(&left, &right),
            Operator::Divide => {
                let zero = Float64Array::new_scalar(0.0);
                let is_zero = cmp::eq(&right, &zero)?;
                let divisor = right.with_array(Kind::Number, nullif(&right.array, &is_zero)?);
                numeric::div(&left, &divisor)
            }
        };
        let array = array.map_err(|error| self.overflown(node, error))?;
        Ok(result(left.kind, tidied(left.kind, array)))
    }

    fn negate(&mut self, inner: &'a Node) -> Result<Value> {
        let value = self.numeric(inner)?;
        if value.kind == Kind::Missing {
            return Ok(value);
        }
        let array = numeric::neg(&value.array).map_err(|error| self.overflown(inner, error))?;
        Ok(value.with_array(value.kind, tidied(value.kind, array)))
    }

    fn overflown(&self, node: &Node, error: ArrowError) -> Error {
        match error {
            ArrowError::ArithmeticOverflow(_) => Error::Data(show(
                self.text,
                &node.span,
                "a whole number becomes too large here; calculate with decimals (1.0 * …)",
            )),
            error => error.into(),
        }
    }

    fn mistyped(&self, node: &Node, message: &str) -> Error {
        Error::Type(show(self.text, &node.span, message))
    }

    fn mismatch(&self, left: (&'a Node, &Value), right: (&'a Node, &Value)) -> Error {
        let hint = hint(left, right).or_else(|| hint(right, left));
        let message = format!(
            "{} can't be compared with {}{}",
            self.described(left.0, left.1),
            self.described(right.0, right.1),
            hint.unwrap_or_default()
        );
        let span = left.0.span.start.min(right.0.span.start)..left.0.span.end.max(right.0.span.end);
        Error::Type(show(self.text, &span, &message))
    }

    fn described(&self, node: &Node, value: &Value) -> String {
        let written = &self.text[node.span.clone()];
        match &node.part {
            Part::Column(name) => {
                let known = self.columns.iter().find(|(known, _, _)| known == name);
                let data_type = known.map_or(value.array.data_type(), |(_, given, _)| given);
                format!("column \"{name}\" ({data_type})")
            }
            Part::Literal(Literal::Integer(_) | Literal::Number(_)) => {
                format!("the number {written}")
            }
            Part::Literal(Literal::Text(_)) => format!("the text {written}"),
            Part::Literal(Literal::Boolean(_)) => written.to_owned(),
            _ => format!("`{written}` ({})", value.kind.noun()),
        }
    }
}

/// The way out of a comparison of a literal with something of another kind.
fn hint(value: (&Node, &Value), literal: (&Node, &Value)) -> Option<String> {
    match (value.1.kind, &literal.0.part) {
        (Kind::Text, Part::Literal(Literal::Integer(integer))) => Some(format!("; write '{integer}' to compare texts")),
        (Kind::Text, Part::Literal(Literal::Number(number))) => Some(format!("; write '{number}' to compare texts")),
        (Kind::Text, Part::Literal(Literal::Boolean(truth))) => Some(format!("; write '{truth}' to compare texts")),
        (Kind::Integer | Kind::Wide | Kind::Number, Part::Literal(Literal::Text(text)))
            if text.parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            Some(format!("; write {text} without quotes"))
        }
        (Kind::Boolean, Part::Literal(_)) => Some("; write true or false".to_owned()),
        (Kind::Time, Part::Literal(_)) => Some("; write times as '2026-03-21' or '2026-03-21T10:30:00Z'".to_owned()),
        (Kind::Other, _) => Some("; only \"is null\" works for this type".to_owned()),
        _ => None,
    }
}
