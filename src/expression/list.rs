//! Long lists after `in`, looked up in a hash set.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};
use foldhash::HashSet;

use super::tree::{Literal, Node, Part};
use super::value::{Kind, Value};
use crate::error::Result;

/// Lists longer than this are looked up in a hash set; shorter ones are compared one by one.
const SHORT_LIST: usize = 4;

/// Whether each value is one of a long list of literals of its own kind; nothing if the list is another one.
pub(super) fn looked_up(value: &Value, list: &[Node]) -> Result<Option<BooleanArray>> {
    if list.len() <= SHORT_LIST || value.constant {
        return Ok(None);
    }
    match value.kind {
        Kind::Integer => {
            let mut wanted = HashSet::default();
            for node in list {
                let Part::Literal(Literal::Integer(integer)) = node.part else {
                    return Ok(None);
                };
                wanted.extend(i64::try_from(integer).ok());
            }
            let integers = value.array.as_primitive::<Int64Type>();
            let values = integers.values();
            let found = BooleanBuffer::collect_bool(values.len(), |row| wanted.contains(&values[row]));
            Ok(Some(BooleanArray::new(found, integers.nulls().cloned())))
        }
        Kind::Text => {
            let mut wanted = HashSet::default();
            for node in list {
                let Part::Literal(Literal::Text(text)) = &node.part else {
                    return Ok(None);
                };
                wanted.insert(text.as_str());
            }
            text_lookup(&value.array, &wanted).map(Some)
        }
        _ => Ok(None),
    }
}

fn text_lookup(array: &ArrayRef, wanted: &HashSet<&str>) -> Result<BooleanArray> {
    let lookup = |text: Option<&str>| text.map(|text| wanted.contains(text));
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(lookup).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(lookup).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(lookup).collect(),
        _ => {
            // Each distinct text is looked up once.
            let dictionary = array.as_any_dictionary();
            let found = text_lookup(dictionary.values(), wanted)?;
            take(&found, dictionary.keys(), None)?.as_boolean().clone()
        }
    })
}
