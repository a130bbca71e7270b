//! Ids and names that look alike: equal once spaces, case, leading zeros and the forms of letters are left aside.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use rayon::prelude::*;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::ingest::persian;

/// Groups of texts that look alike.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alike {
    /// Groups of two or more.
    pub groups: u64,
    /// Texts of all groups beyond one for each.
    pub surplus: u64,
    /// Positions of the texts of one group.
    pub example: Vec<usize>,
}

/// Letters that join, separate, direct or lengthen and are not seen.
fn unseen(letter: char) -> bool {
    matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' | 'ـ')
}

/// What is left of an id where only the look counts: no space around it and single ones within, small letters, the
/// compatible forms of Unicode, Persian letters, ASCII digits; of a whole number, neither zeros before it nor `.0`.
pub fn of_id(text: &str) -> String {
    let plain = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc().map(persian).filter(|&letter| !unseen(letter)).collect::<String>().to_lowercase()
    };
    let spaced = if plain.bytes().any(|byte| byte.is_ascii_whitespace()) {
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        plain
    };
    match number(&spaced) {
        Some(digits) => digits.to_owned(),
        None => spaced,
    }
}

/// As of an id, and no space, hyphen or underscore at all.
fn of_name(text: &str) -> String {
    of_id(text).chars().filter(|letter| !matches!(letter, ' ' | '-' | '_')).collect()
}

/// The digits of a whole number without the zeros before it, if the text is one.
fn number(text: &str) -> Option<&str> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = whole.trim_start_matches('0');
    Some(if digits.is_empty() { &whole[whole.len() - 1..] } else { digits })
}

/// Names that look alike.
pub fn names<'a>(names: impl Iterator<Item = &'a str>) -> Alike {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, name) in names.enumerate() {
        places.entry(of_name(name)).or_default().push(place);
    }
    of_groups(places.into_values())
}

/// Ids that look alike, of a column of different ids. Only texts can.
pub fn ids(column: &ArrayRef) -> Alike {
    match column.data_type() {
        DataType::Utf8 => texts(column.len(), |place| column.as_string::<i32>().value(place)),
        DataType::LargeUtf8 => texts(column.len(), |place| column.as_string::<i64>().value(place)),
        DataType::Utf8View => texts(column.len(), |place| column.as_string_view().value(place)),
        _ => Alike::default(),
    }
}

fn texts<'a>(count: usize, text: impl Fn(usize) -> &'a str + Sync) -> Alike {
    let hasher = foldhash::quality::FixedState::default();
    let hash = |place: usize| std::hash::BuildHasher::hash_one(&hasher, of_id(text(place)));
    let mut keys: Vec<(u64, u32)> = (0..count).into_par_iter().map(|place| (hash(place), place as u32)).collect();
    keys.par_sort_unstable();
    let equal = keys.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1);
    // Equal hashes are looked at as texts: groups are few.
    let groups = equal.flat_map(|group| {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for &(_, place) in group {
            places.entry(of_id(text(place as usize))).or_default().push(place as usize);
        }
        places.into_values()
    });
    of_groups(groups)
}

fn of_groups(groups: impl Iterator<Item = Vec<usize>>) -> Alike {
    let mut found = Alike::default();
    for mut group in groups.filter(|group| group.len() > 1) {
        group.sort_unstable();
        found.groups += 1;
        found.surplus += group.len() as u64 - 1;
        if found.example.first().is_none_or(|&first| group[0] < first) {
            found.example = group;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_becomes_the_same_text() {
        for (one, other) in [
            (" A12", "a12 "),
            ("007", "7"),
            ("13995.0", "13995"),
            ("٠٠١٢", "12"),
            ("۱۲", "12"),
            ("علي كريمي", "علی کریمی"),
            ("می\u{200c}روم", "میروم"),
            ("ＡＢ", "ab"),
            ("a  b", "a b"),
            ("000", "0"),
        ] {
            assert_eq!(of_id(one), of_id(other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn what_differs_stays_apart() {
        for (one, other) in [("12", "120"), ("1.5", "15"), ("a07", "a7"), ("a.0", "a"), ("10", "1"), ("a b", "ab")] {
            assert_ne!(of_id(one), of_id(other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn names_may_differ_in_their_separators_as_well() {
        let found = names(["add_to_cart", "Add to cart", "buy", "addtocart"].into_iter());
        assert_eq!(found, Alike { groups: 1, surplus: 2, example: vec![0, 1, 3] });
    }
}
