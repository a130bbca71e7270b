//! The tables of a TOML text, read field by field: what is wrong is noted with its place, and reading goes on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::dates::{Length, Moment};
use super::{Condition, LANGUAGES, Name};
use crate::error::did_you_mean;
use crate::expression::Expression;

/// The longest text of a field, in bytes.
const LONGEST_TEXT: usize = 4_000;

/// The longest id or name, in bytes.
const LONGEST_NAME: usize = 200;

/// Most tables of a kind, and most names in a list.
pub(super) const MOST: usize = 2_000;

/// Problems that are told at once.
const MOST_PROBLEMS: usize = 1_000;

/// A value and the byte at which it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// One table of the file.
#[derive(Clone)]
pub(super) struct Entry<'e, 't> {
    /// What it is called in messages.
    pub(super) what: String,
    pub(super) at: usize,
    table: &'e DeTable<'t>,
}

impl<'e, 't> Entry<'e, 't> {
    pub(super) fn new(what: String, at: usize, table: &'e DeTable<'t>) -> Self {
        Self { what, at, table }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'e Spanned<DeValue<'t>>> {
        self.table.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.table.iter().map(|(key, _)| key.get_ref().to_string()).collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Where a key's value stands, or the table where it has no such key.
    pub(super) fn place(&self, key: &str) -> usize {
        self.get(key).map_or(self.at, |value| value.span().start)
    }
}

/// Everything that is wrong, by the byte at which it stands.
pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) problems: Vec<(usize, String)>,
}

fn noun(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Names in quotes, up to twenty of them.
pub(super) fn listing<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut names = names.fuse();
    let shown: Vec<String> = names.by_ref().take(SHOWN).map(|name| format!("\"{name}\"")).collect();
    match names.count() {
        0 if shown.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        rest => format!("{} and {rest} more", shown.join(", ")),
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new() }
    }

    pub(super) fn note(&mut self, at: usize, message: String) {
        if !self.is_full() {
            self.problems.push((at, message));
        }
    }

    /// Whether so much is wrong that nobody reads on, and names need not be looked up for more.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    /// Notes what is wrong with a field.
    pub(super) fn refuse(&mut self, entry: &Entry<'_, 't>, key: &str, message: &str) {
        self.note(entry.place(key), format!("{}: {key}: {message}", entry.what));
    }

    fn mistyped(&mut self, entry: &Entry<'_, 't>, key: &str, expected: &str, found: &DeValue<'_>) {
        self.refuse(entry, key, &format!("expected {expected}, found {}", noun(found)));
    }

    /// Refuses keys that nobody knows.
    pub(super) fn know(&mut self, entry: &Entry<'_, 't>, keys: &[&str]) {
        for (key, _) in entry.table {
            let name = key.get_ref().as_ref();
            if !keys.contains(&name) && !self.is_full() {
                let message = format!(
                    "{}: the key \"{name}\" is unknown{} (keys: {})",
                    entry.what,
                    did_you_mean(name, keys.iter().copied()),
                    keys.join(", ")
                );
                self.note(key.span().start, message);
            }
        }
    }

    /// Notes that a key is missing, unless it stands there and is wrong.
    pub(super) fn need<T>(&mut self, entry: &Entry<'_, 't>, key: &str, value: Option<T>, why: &str) -> Option<T> {
        if !entry.has(key) {
            self.note(entry.at, format!("{}: the key \"{key}\" is missing{why}", entry.what));
        }
        value
    }

    fn short_text(&mut self, entry: &Entry<'_, 't>, key: &str, most: usize) -> Option<Placed<String>> {
        let value = entry.get(key)?;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => self.refuse(entry, key, "the text is empty"),
            DeValue::String(text) if text.len() > most => {
                self.refuse(entry, key, &format!("the text has {} bytes; at most {most} are allowed", text.len()));
            }
            DeValue::String(text) => return Some(Placed { value: text.to_string(), at: value.span().start }),
            other => self.mistyped(entry, key, "text", other),
        }
        None
    }

    /// A text with something in it.
    pub(super) fn text(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<String> {
        self.short_text(entry, key, LONGEST_TEXT).map(|text| text.value)
    }

    /// A name that others refer to.
    pub(super) fn reference(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<Placed<String>> {
        self.short_text(entry, key, LONGEST_NAME)
    }

    /// The id of an entry, which stands as a label in columns.
    pub(super) fn id(&mut self, entry: &Entry<'_, 't>) -> Option<Placed<String>> {
        let id = self.short_text(entry, "id", LONGEST_NAME);
        let id = self.need(entry, "id", id, ": a short name that columns and conditions use")?;
        if id.value.trim() != id.value || id.value.contains(char::is_control) {
            self.refuse(entry, "id", &format!("{:?} has spaces around it or control characters", id.value));
            return None;
        }
        if crate::log::RESERVED.contains(&id.value.as_str()) {
            self.refuse(entry, "id", &format!("\"{}\" is reserved", id.value));
            return None;
        }
        Some(id)
    }

    /// What an entry is called: a text for all languages, or one for each.
    pub(super) fn name(&mut self, entry: &Entry<'_, 't>) -> Option<Name> {
        let value = entry.get("name")?;
        if let DeValue::Table(table) = value.get_ref() {
            let inner = Entry::new(format!("{}: name", entry.what), value.span().start, table);
            self.know(&inner, &LANGUAGES);
            let mut name = Name::new();
            for language in LANGUAGES {
                name.extend(self.reference(&inner, language).map(|text| (language, text.value)));
            }
            return Some(name);
        }
        let text = self.reference(entry, "name")?.value;
        Some(LANGUAGES.iter().map(|language| (*language, text.clone())).collect())
    }

    /// One name or a list of different ones; none where the key is missing.
    pub(super) fn names(&mut self, entry: &Entry<'_, 't>, key: &str) -> Vec<Placed<String>> {
        let Some(value) = entry.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            return match value.get_ref() {
                DeValue::String(_) => self.short_text(entry, key, LONGEST_TEXT).into_iter().collect(),
                other => {
                    self.mistyped(entry, key, "a name or a list of names", other);
                    Vec::new()
                }
            };
        };
        if items.is_empty() || items.len() > MOST {
            self.refuse(entry, key, &format!("expected 1 to {MOST} names, found {}", items.len()));
        }
        let mut names: Vec<Placed<String>> = Vec::with_capacity(items.len());
        let mut known = std::collections::HashSet::new();
        for item in items.iter().take(MOST) {
            let at = item.span().start;
            let problem = match item.get_ref() {
                DeValue::String(name) if name.trim().is_empty() => "the list holds an empty name".to_owned(),
                DeValue::String(name) if !known.insert(name.as_ref()) => format!("\"{name}\" stands twice in the list"),
                DeValue::String(name) if name.len() <= LONGEST_TEXT => {
                    names.push(Placed { value: name.to_string(), at });
                    continue;
                }
                DeValue::String(_) => format!("the list holds a name of more than {LONGEST_TEXT} bytes"),
                other => format!("expected names, found {}", noun(other)),
            };
            self.note(at, format!("{}: {key}: {problem}", entry.what));
        }
        names
    }

    /// One of a few words.
    pub(super) fn choice(
        &mut self,
        entry: &Entry<'_, 't>,
        key: &str,
        allowed: &[&'static str],
    ) -> Option<&'static str> {
        let given = self.reference(entry, key)?.value;
        let found = allowed.iter().find(|word| **word == given).copied();
        if found.is_none() {
            let near = did_you_mean(&given, allowed.iter().copied());
            self.refuse(
                entry,
                key,
                &format!("\"{given}\" is unknown{near} (allowed: {})", listing(allowed.iter().copied())),
            );
        }
        found
    }

    pub(super) fn flag(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<bool> {
        match entry.get(key)?.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.mistyped(entry, key, "true or false", other);
                None
            }
        }
    }

    /// A number that is one.
    pub(super) fn number(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<f64> {
        let number = match entry.get(key)?.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64),
            DeValue::Float(number) => number.as_str().parse().ok().filter(|number: &f64| number.is_finite()),
            other => {
                self.mistyped(entry, key, "a number", other);
                return None;
            }
        };
        if number.is_none() {
            self.refuse(entry, key, "expected a finite number of at most 64 bits");
        }
        number
    }

    /// A date, Gregorian as TOML writes it or Jalali in quotes.
    pub(super) fn moment(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<Moment> {
        let read = match entry.get(key)?.get_ref() {
            DeValue::Datetime(written) => Moment::gregorian(written),
            DeValue::String(written) => Moment::jalali(written),
            other => Err(format!("expected a date, found {}", noun(other))),
        };
        read.map_err(|message| self.refuse(entry, key, &message)).ok()
    }

    /// `from` and `until`, in this order.
    pub(super) fn range(&mut self, entry: &Entry<'_, 't>) -> (Option<Moment>, Option<Moment>) {
        let (from, until) = (self.moment(entry, "from"), self.moment(entry, "until"));
        if let (Some(from), Some(until)) = (&from, &until)
            && !from.is_before(until)
        {
            let message =
                format!("{} is not after from ({}); the range holds from, but not until", until.text(), from.text());
            self.refuse(entry, "until", &message);
        }
        (from, until)
    }

    pub(super) fn length(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<Length> {
        let written = self.reference(entry, key)?.value;
        Length::parse(&written).map_err(|message| self.refuse(entry, key, &message)).ok()
    }

    /// A condition of the `where` language.
    pub(super) fn condition(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<Condition> {
        let written = self.short_text(entry, key, LONGEST_TEXT)?;
        let raw = &self.text[entry.get(key)?.span()];
        let letters = self.letters(raw, &written);
        match Expression::parse_located(&written.value) {
            Ok(expression) => Some(Condition { expression, at: written.at, letters }),
            Err(fault) => {
                let at = letters.map_or(written.at, |start| start + fault.span.start);
                self.note(at, format!("{}: {key}: {}", entry.what, fault.message));
                None
            }
        }
    }

    /// Where the letters of a text begin in the file, if it writes them as they are, without escapes.
    fn letters(&self, raw: &str, text: &Placed<String>) -> Option<usize> {
        let quotes = ["\"\"\"\n", "\"\"\"\r\n", "'''\n", "'''\r\n", "\"\"\"", "'''", "\"", "'"];
        let open = quotes.iter().find(|open| raw.starts_with(**open))?.len();
        let start = text.at + open;
        self.text[start..].starts_with(&text.value).then_some(start)
    }

    /// The tables `[[key]]` of the file, which are called `what`.
    pub(super) fn entries<'e>(&mut self, root: &Entry<'e, 't>, key: &str) -> Vec<Entry<'e, 't>> {
        let Some(value) = root.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("{key}: expected tables that begin with [[{key}]], found {}", noun(value.get_ref()));
            self.note(value.span().start, message);
            return Vec::new();
        };
        if items.len() > MOST {
            self.note(
                value.span().start,
                format!("the file has {} tables [[{key}]]; at most {MOST} are allowed", items.len()),
            );
        }
        let mut entries = Vec::with_capacity(items.len());
        for (number, item) in items.iter().take(MOST).enumerate() {
            let at = item.span().start;
            let DeValue::Table(table) = item.get_ref() else {
                self.note(
                    at,
                    format!("{key}: expected tables that begin with [[{key}]], found {}", noun(item.get_ref())),
                );
                continue;
            };
            let mut entry = Entry::new(format!("{key} {}", number + 1), at, table);
            if let Some(DeValue::String(id)) = entry.get("id").map(Spanned::get_ref)
                && !id.trim().is_empty()
                && id.len() <= LONGEST_NAME
            {
                entry.what = format!("{key} \"{id}\"");
            }
            entries.push(entry);
        }
        entries
    }

    /// The tables in a list `key = [{ … }]` of an entry, at least so many.
    pub(super) fn blocks<'e>(&mut self, entry: &Entry<'e, 't>, key: &str, least: usize) -> Vec<Entry<'e, 't>> {
        let Some(value) = entry.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.mistyped(entry, key, "a list of steps", value.get_ref());
            return Vec::new();
        };
        if !(least..=MOST).contains(&items.len()) {
            self.refuse(entry, key, &format!("expected {least} to {MOST} steps, found {}", items.len()));
        }
        let mut entries = Vec::with_capacity(items.len().min(MOST));
        for (number, item) in items.iter().take(MOST).enumerate() {
            let what = format!("{}: {key} {}", entry.what, number + 1);
            let at = item.span().start;
            match item.get_ref() {
                DeValue::Table(table) => entries.push(Entry::new(what, at, table)),
                other => self.note(
                    at,
                    format!("{what}: expected a step such as {{ touchpoint = \"…\" }}, found {}", noun(other)),
                ),
            }
        }
        entries
    }
}
