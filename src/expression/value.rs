//! The values of a part of a condition: few kinds, each with one Arrow type, read from columns of many types.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, Decimal128Array, Float64Array, Int64Array, StringArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};

use super::tree::Literal;
use crate::calendar::DAY_US;
use crate::error::Result;

/// The widest exact integers: all of `u64`, beside those of `i64`.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// What the values of a part are. Each kind has one Arrow type, except for texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// `Int64`.
    Integer,
    /// `Decimal128(38, 0)`, for integers beyond `i64`.
    Wide,
    /// `Float64`, without NaN and negative zero, which Arrow's kernels would order and tell apart.
    Number,
    /// Any of Arrow's string types, or a dictionary of one.
    Text,
    Boolean,
    /// `Int64`: UTC microseconds.
    Time,
    /// `Null`: a column without any value.
    Missing,
    /// Any type that has only `is null`.
    Other,
}

impl Kind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Integer | Self::Wide | Self::Number => "a number",
            Self::Text => "a text",
            Self::Boolean => "true or false",
            Self::Time => "a time",
            Self::Missing => "missing",
            Self::Other => "of a type without comparisons",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Wide | Self::Number)
    }
}

/// The values of a part: one for each row, or one for all.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) array: ArrayRef,
    pub(super) kind: Kind,
    pub(super) constant: bool,
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array.as_ref(), self.constant)
    }
}

impl Value {
    pub(super) fn constant(kind: Kind, array: impl Array + 'static) -> Self {
        Self { array: Arc::new(array), kind, constant: true }
    }

    pub(super) fn with_array(&self, kind: Kind, array: ArrayRef) -> Self {
        Self { array, kind, constant: self.constant }
    }

    fn cast(&self, kind: Kind, to: &DataType) -> Result<Self> {
        Ok(self.with_array(kind, cast(&self.array, to)?))
    }

    /// The same numbers as floats.
    pub(super) fn as_number(&self) -> Result<Self> {
        match self.kind {
            Kind::Number => Ok(self.clone()),
            _ => self.cast(Kind::Number, &DataType::Float64),
        }
    }

    pub(super) fn as_wide(&self) -> Result<Self> {
        match self.kind {
            Kind::Wide => Ok(self.clone()),
            _ => self.cast(Kind::Wide, &WIDE),
        }
    }
}

pub(super) fn constant(literal: &Literal) -> Value {
    match literal {
        Literal::Integer(integer) => match i64::try_from(*integer) {
            Ok(integer) => Value::constant(Kind::Integer, Int64Array::from(vec![integer])),
            Err(_) => Value::constant(Kind::Wide, Decimal128Array::from(vec![*integer]).with_data_type(WIDE)),
        },
        Literal::Number(number) => {
            let array: ArrayRef = Arc::new(Float64Array::from(vec![*number]));
            Value::constant(Kind::Number, tidied(Kind::Number, array))
        }
        Literal::Text(text) => Value::constant(Kind::Text, StringArray::from(vec![text.as_str()])),
        Literal::Boolean(truth) => Value::constant(Kind::Boolean, BooleanArray::from(vec![*truth])),
    }
}

/// A column as values of one of the kinds.
pub(super) fn read(array: &ArrayRef) -> Result<Value> {
    let (kind, array) = match array.data_type() {
        DataType::Null => (Kind::Missing, array.clone()),
        DataType::Boolean => (Kind::Boolean, array.clone()),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => (Kind::Integer, cast(array, &DataType::Int64)?),
        DataType::UInt64 => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            match cast_with_options(array, &DataType::Int64, &strict) {
                Ok(array) => (Kind::Integer, array),
                Err(_) => (Kind::Wide, cast(array, &WIDE)?),
            }
        }
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            let array = cast(array, &DataType::Float64)?;
            (Kind::Number, tidied(Kind::Number, array))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (Kind::Text, array.clone()),
        DataType::Dictionary(_, values) if is_text(values) => (Kind::Text, array.clone()),
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => {
            return read(&cast(array, values)?);
        }
        DataType::Timestamp(unit, _) => (Kind::Time, microseconds(array, *unit)?),
        DataType::Date32 => {
            let days = cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?;
            let times = days.as_primitive::<Int64Type>().unary::<_, Int64Type>(|day| day.saturating_mul(DAY_US));
            (Kind::Time, Arc::new(times) as ArrayRef)
        }
        DataType::Date64 => (Kind::Time, microseconds(array, TimeUnit::Millisecond)?),
        _ => (Kind::Other, array.clone()),
    };
    Ok(Value { array, kind, constant: false })
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Times of any unit as UTC microseconds. A cast between Arrow's timestamp types would move the times of a zone to
/// its wall clock, so this works on their integers.
fn microseconds(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let times = cast(array, &DataType::Int64)?;
    let scaled = |factor: i64| -> ArrayRef {
        let times = times.as_primitive::<Int64Type>();
        Arc::new(times.unary::<_, Int64Type>(|time| time.saturating_mul(factor)))
    };
    Ok(match unit {
        TimeUnit::Second => scaled(1_000_000),
        TimeUnit::Millisecond => scaled(1_000),
        TimeUnit::Microsecond => times,
        TimeUnit::Nanosecond => {
            let times = times.as_primitive::<Int64Type>();
            Arc::new(times.unary::<_, Int64Type>(|time| time.div_euclid(1_000)))
        }
    })
}

/// Floats without NaN, which becomes missing, and without negative zero; other arrays as they are.
pub(super) fn tidied(kind: Kind, array: ArrayRef) -> ArrayRef {
    if kind != Kind::Number {
        return array;
    }
    let numbers = array.as_primitive::<Float64Type>();
    let values = numbers.values();
    let negative_zero = (-0.0_f64).to_bits();
    // Without an early exit these loops are vectorised.
    let (has_nan, has_negative_zero) = values
        .iter()
        .fold((false, false), |(nan, zero), value| (nan | value.is_nan(), zero | (value.to_bits() == negative_zero)));
    if !has_nan && !has_negative_zero {
        return array;
    }
    let valid = BooleanBuffer::collect_bool(values.len(), |row| !values[row].is_nan());
    let nulls = NullBuffer::union(numbers.nulls(), Some(&NullBuffer::new(valid)));
    let values = values.iter().map(|value| value + 0.0).collect();
    Arc::new(Float64Array::new(values, nulls))
}

/// Two texts in the same representation, so that one kernel compares them.
pub(super) fn alike(left: &Value, right: &Value) -> Result<(Value, Value)> {
    let representation = |value: &Value| match value.array.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        plain => plain.clone(),
    };
    let (left_type, right_type) = (representation(left), representation(right));
    if left_type == right_type {
        Ok((left.clone(), right.clone()))
    } else if right.constant {
        Ok((left.clone(), right.cast(Kind::Text, &left_type)?))
    } else if left.constant {
        Ok((left.cast(Kind::Text, &right_type)?, right.clone()))
    } else {
        let large = &DataType::LargeUtf8;
        Ok((left.cast(Kind::Text, large)?, right.cast(Kind::Text, large)?))
    }
}
