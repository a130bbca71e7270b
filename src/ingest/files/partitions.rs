//! Columns that stand in a path, as Hive writes them: `year=2026/channel=web/part-0.parquet`.

use std::path::{Component, Path};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;

use crate::error::Result;

/// How Hive and Spark write that there is no value.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The keys and values in the folders of a path; of a key that stands twice, the last.
#[derive(Default)]
pub struct Partitions(Vec<(String, Option<String>)>);

impl Partitions {
    /// Those of a file.
    pub fn of(path: &Path) -> Self {
        let mut found: Vec<(String, Option<String>)> = Vec::new();
        for folder in path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(name) = folder else { continue };
            let name = name.to_string_lossy();
            let Some((key, value)) = name.split_once('=').filter(|(key, _)| !key.is_empty()) else { continue };
            let key = decoded(key);
            found.retain(|(other, _)| *other != key);
            found.push((key, Some(decoded(value)).filter(|value| value != NONE)));
        }
        Self(found)
    }

    /// Those that do not bear one of these names.
    #[must_use]
    pub fn without(mut self, names: &[String]) -> Self {
        self.0.retain(|(key, _)| !names.contains(key));
        self
    }

    /// Names of the columns.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(key, _)| key.clone())
    }

    /// Whether there is such a column.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// The value of a column; none where the column has none, or is not there.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.as_deref())
    }

    /// The value of a column as a dictionary, of no text where there is none.
    pub fn array(&self, name: &str) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(self.value(name)))
    }
}

/// A dictionary of one text as a column of so many rows; of nulls where the dictionary is empty.
pub fn repeated(dictionary: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let keys = if dictionary.is_empty() { Int32Array::new_null(rows) } else { Int32Array::from(vec![0; rows]) };
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(dictionary))?))
}

/// The text with `%3A` and the like as what they stand for; as it is where they stand for no text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(value) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(value);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_of_folders_are_columns_and_those_of_a_name_are_not() {
        let found =
            Partitions::of(Path::new("/data/a=0/day=2026%2D03-01/ch=خر%20ید/x=__HIVE_DEFAULT_PARTITION__/a=1/b=2.csv"));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["day", "ch", "x", "a"]);
        assert_eq!(found.value("day"), Some("2026-03-01"));
        assert_eq!(found.value("ch"), Some("خر ید"));
        assert_eq!((found.value("x"), found.has("x")), (None, true));
        assert_eq!(found.value("a"), Some("1"));
        assert_eq!((found.value("b"), found.has("b")), (None, false));
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["100%", "%zz", "%e", "%FF", "a%+1"] {
            assert_eq!(decoded(text), text);
        }
        assert_eq!(decoded("%D8%A7%25"), "ا%");
    }
}
