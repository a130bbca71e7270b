//! The journey map: a file that says which event is which touchpoint, at which stage, and what is measured there.
//!
//! The file is TOML. It is read as a whole, and everything that is wrong with it is said at once, each with its line and
//! column. serde would stop at the first problem, so the tables are read field by field.

mod assign;
mod dates;
mod draft;
mod fields;
mod file;

pub use draft::positions;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Problem, Result};
use crate::expression::Expression;

use dates::{Length, Moment};

/// A language in which names are shown.
pub const LANGUAGES: [&str; 2] = ["en", "fa"];

/// What a touchpoint, stage or whatever it may be is called, by language.
pub type Name = BTreeMap<&'static str, String>;

/// A journey map, as its file has it.
#[derive(Debug, Clone, Serialize)]
pub struct JourneyMap {
    name: Option<Name>,
    currency: Option<String>,
    plan: Plan,
    /// What the inputs of KPIs of the catalogue are: conditions, or names of columns.
    inputs: BTreeMap<String, Condition>,
    stage: Vec<Stage>,
    channel: Vec<Channel>,
    touchpoint: Vec<Touchpoint>,
    kpi: Vec<Kpi>,
    designed: Vec<Step>,
    /// What the file is called in messages.
    #[serde(skip)]
    file: String,
    #[serde(skip)]
    text: String,
}

/// The plan behind the map.
#[derive(Debug, Clone, Default, Serialize)]
struct Plan {
    goal: Option<String>,
    from: Option<Moment>,
    until: Option<Moment>,
    audience: Option<String>,
    data: Option<String>,
    owner: Option<String>,
    limits: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Stage {
    id: String,
    name: Name,
    goal: Option<String>,
    owner: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Channel {
    id: String,
    name: Name,
}

/// Which events are at a touchpoint: those that meet all of its conditions.
#[derive(Debug, Clone, Serialize)]
struct Touchpoint {
    id: String,
    name: Name,
    stage: String,
    event: Vec<String>,
    channel: Vec<String>,
    /// Where `channel` stands in the file.
    #[serde(skip)]
    channel_at: usize,
    #[serde(rename = "where")]
    condition: Option<Condition>,
    from: Option<Moment>,
    until: Option<Moment>,
    kind: Option<&'static str>,
    cost: Option<f64>,
    owner: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Kpi {
    id: String,
    name: Name,
    stage: Option<String>,
    touchpoint: Option<String>,
    definition: String,
    catalogue: Option<String>,
    numerator: Option<Condition>,
    denominator: Option<Condition>,
    count: Option<String>,
    /// Where `count` stands in the file.
    #[serde(skip)]
    count_at: usize,
    sum: Option<Condition>,
    unit: Option<String>,
    direction: Option<&'static str>,
    target: Option<f64>,
    owner: Option<String>,
    review: Option<&'static str>,
}

/// A step of the designed journey, or a block of steps.
#[derive(Debug, Clone, Serialize)]
struct Step {
    touchpoint: Option<String>,
    stage: Option<String>,
    optional: bool,
    within: Option<Length>,
    sequence: Vec<Self>,
    parallel: Vec<Self>,
    choice: Vec<Self>,
    #[serde(rename = "loop")]
    repeated: Vec<Self>,
    again: Vec<Self>,
}

impl Step {
    /// Nothing of it has to be done.
    fn may_be_left_out(&self) -> bool {
        let all = |parts: &[Self]| parts.iter().all(Self::may_be_left_out);
        self.optional
            || self.touchpoint.is_none()
                && self.stage.is_none()
                && all(&self.sequence)
                && all(&self.parallel)
                && all(&self.repeated)
                && (self.choice.is_empty() || self.choice.iter().any(Self::may_be_left_out))
    }
}

/// A condition on events, and where it stands in the file.
#[derive(Debug, Clone)]
struct Condition {
    expression: Expression,
    /// The first byte of the value, its quotes among it.
    at: usize,
    /// The first byte of the condition itself, where the file writes it letter by letter.
    letters: Option<usize>,
}

impl Condition {
    /// The place in the file of a byte of the condition.
    fn place(&self, byte: usize) -> usize {
        self.letters.map_or(self.at, |start| start + byte)
    }
}

impl Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expression.text())
    }
}

impl JourneyMap {
    /// Reads a map; the error holds everything that is wrong with it. `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        file::read(text, file)
    }

    /// The map as plain values, with the keys of its file.
    pub fn describe(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|error| Error::Internal(error.to_string()))
    }

    fn refused(&self, problems: Vec<(usize, String)>) -> Error {
        located(&self.text, &self.file, problems)
    }
}

/// Problems at bytes of a text, as an error with lines and columns, in the order of the text.
fn located(text: &str, file: &str, mut problems: Vec<(usize, String)>) -> Error {
    problems.sort();
    problems.dedup();
    let (mut line, mut start, mut from) = (1, 0, 0);
    let problems = problems.into_iter().map(|(at, message)| {
        let at = (0..=at.min(text.len())).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0);
        for (newline, _) in text[from..at].match_indices('\n') {
            line += 1;
            start = from + newline + 1;
        }
        from = at;
        Problem { line, column: text[start..at].chars().count() + 1, message }
    });
    let problems = problems.collect();
    Error::Map(file.to_owned(), problems)
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;
