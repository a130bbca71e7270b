//! One type for the same column of many files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};

use super::partitions::Partitions;
use super::{Found, Source};
use crate::error::{Error, Result};

type Opened = (PathBuf, Partitions, Box<dyn Source>);

/// The columns of all files, where `found` says of each file and column where it is. Columns of CSV files become what
/// the others are, where they can.
pub fn unify(names: &[String], found: &[Vec<Found>], opened: &mut [Opened]) -> Result<Vec<FieldRef>> {
    names.iter().enumerate().map(|(index, name)| column(index, name, found, opened)).collect()
}

fn column(index: usize, name: &str, found: &[Vec<Found>], opened: &mut [Opened]) -> Result<FieldRef> {
    let in_path = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut types: Vec<DataType> = Vec::with_capacity(opened.len());
    for (places, (_, _, source)) in found.iter().zip(opened.iter()) {
        types.push(match places[index] {
            Found::Inside(position) => source.fields()[position].data_type().clone(),
            Found::Path => in_path.clone(),
        });
    }
    let mut common = types[0].clone();
    let mut from = 0;
    for file in 1..types.len() {
        match wider(&common, &types[file]) {
            Some(wide) => {
                // The file to name beside one that does not agree is one that brought a type.
                if wide != common {
                    from = file;
                }
                common = wide;
            }
            // What stands in CSV files can be read as text if they are all such files.
            None if retype(index, found, opened, &DataType::Utf8) => {
                common = DataType::Utf8;
                break;
            }
            None => {
                return Err(Error::Data(format!(
                    "the files do not agree: the column \"{name}\" is {} in {}, but {} in {}; write one of them anew \
                     with the type of the other",
                    types[from],
                    opened[from].0.display(),
                    types[file],
                    opened[file].0.display()
                )));
            }
        }
    }
    if common == DataType::Null && opened.iter().all(|(_, _, source)| source.facts().delimiter.is_some()) {
        common = DataType::Utf8;
    }
    // A CSV file takes any plain type at once; what cannot is cast.
    for (places, (_, _, source)) in found.iter().zip(opened.iter_mut()) {
        if let Found::Inside(position) = places[index]
            && source.fields()[position].data_type() != &common
        {
            source.retype(position, &common);
        }
    }
    Ok(Arc::new(Field::new(name, common, true)))
}

fn retype(index: usize, found: &[Vec<Found>], opened: &mut [Opened], data_type: &DataType) -> bool {
    found.iter().zip(opened).all(|(places, (_, _, source))| match places[index] {
        Found::Inside(position) => source.retype(position, data_type),
        Found::Path => true,
    })
}

/// The type that holds the values of both.
fn wider(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{
        Date32, Date64, Dictionary, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Timestamp, UInt8, UInt16,
        UInt32, UInt64, Utf8, Utf8View,
    };
    let bits = |data_type: &DataType| data_type.primitive_width().map_or(0, |width| 8 * width);
    Some(match (left, right) {
        (left, right) if left == right => left.clone(),
        (Null, other) | (other, Null) => other.clone(),
        (Dictionary(_, left), Dictionary(_, right)) => Dictionary(Box::new(Int32), Box::new(wider(left, right)?)),
        (Dictionary(_, value), other) | (other, Dictionary(_, value)) => wider(value, other)?,
        (LargeUtf8, Utf8 | Utf8View) | (Utf8 | Utf8View, LargeUtf8) => LargeUtf8,
        (Utf8, Utf8View) | (Utf8View, Utf8) => Utf8,
        (left, right) if left.is_integer() && right.is_integer() => {
            if left.is_signed_integer() == right.is_signed_integer() {
                if bits(left) >= bits(right) { left.clone() } else { right.clone() }
            } else {
                let (signed, unsigned) = if left.is_signed_integer() { (left, right) } else { (right, left) };
                match unsigned {
                    UInt8 => wider(signed, &Int16)?,
                    UInt16 => wider(signed, &Int32)?,
                    UInt32 => Int64,
                    UInt64 if matches!(signed, Int8 | Int16 | Int32 | Int64) => Int64,
                    _ => return None,
                }
            }
        }
        (left, right) if left.is_numeric() && right.is_numeric() => Float64,
        (Timestamp(left, None), Timestamp(right, None)) => Timestamp(finer(*left, *right), None),
        (Timestamp(left, Some(zone)), Timestamp(right, Some(other))) => {
            let zone = if zone == other { Arc::clone(zone) } else { "UTC".into() };
            Timestamp(finer(*left, *right), Some(zone))
        }
        (Timestamp(unit, None), Date32 | Date64) | (Date32 | Date64, Timestamp(unit, None)) => {
            Timestamp(finer(*unit, TimeUnit::Millisecond), None)
        }
        (Date32, Date64) | (Date64, Date32) => Date64,
        _ => return None,
    })
}

fn finer(left: TimeUnit, right: TimeUnit) -> TimeUnit {
    left.max(right)
}

/// The column as the type that all files have.
pub fn converted(column: &ArrayRef, field: &Field, path: &Path) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    let exactly = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, field.data_type(), &exactly).map_err(|error| {
        Error::Data(format!(
            "{}: the column \"{}\" holds a value that does not fit {}, the type that all files together ask for: {error}",
            path.display(),
            field.name(),
            field.data_type()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wider_type_holds_both_in_either_order() {
        use DataType::{Date32, Float32, Float64, Int8, Int32, Int64, LargeUtf8, Null, UInt16, UInt64, Utf8, Utf8View};
        let dictionary = |value: DataType| DataType::Dictionary(Box::new(DataType::Int32), Box::new(value));
        let time = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
        let (ms, ns) = (TimeUnit::Millisecond, TimeUnit::Nanosecond);
        for (left, right, expected) in [
            (Int32, Int64, Some(Int64)),
            (Int8, UInt16, Some(Int32)),
            (Int64, UInt64, Some(Int64)),
            (Int64, Float32, Some(Float64)),
            (Null, Utf8, Some(Utf8)),
            (Utf8, Utf8View, Some(Utf8)),
            (Utf8View, LargeUtf8, Some(LargeUtf8)),
            (dictionary(Utf8), Utf8, Some(Utf8)),
            (dictionary(Utf8), dictionary(LargeUtf8), Some(dictionary(LargeUtf8))),
            (time(ms, None), time(ns, None), Some(time(ns, None))),
            (time(ms, None), Date32, Some(time(ms, None))),
            (time(ns, Some("UTC")), time(ms, Some("Asia/Tehran")), Some(time(ns, Some("UTC")))),
            (time(ns, Some("UTC")), time(ns, None), None),
            (Utf8, Int64, None),
            (Utf8, time(ns, None), None),
        ] {
            assert_eq!(wider(&left, &right), expected, "{left} {right}");
            assert_eq!(wider(&right, &left), expected, "{right} {left}");
        }
    }
}
