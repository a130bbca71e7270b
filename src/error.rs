//! What can go wrong, without Python. Every message says what was given, what was expected and the way out.

use std::cell::Cell;
use std::sync::Once;

use arrow::error::ArrowError;

/// The result of every fallible function of the crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the core. Each variant becomes one Python exception class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The data hold something that cannot be used.
    #[error("{0}")]
    Data(String),
    /// Nothing is left of the data.
    #[error("{0}")]
    Empty(String),
    /// A column that is not there.
    #[error("{0}")]
    UnknownColumn(String),
    /// An event name that is not in the log.
    #[error("{0}")]
    UnknownEvent(String),
    /// An argument with a value that is not allowed.
    #[error("{0}")]
    Argument(String),
    /// A value or column of the wrong type.
    #[error("{0}")]
    Type(String),
    /// A journey map that can't be used; all its problems at once.
    #[error("{}", listed(.0, .1))]
    Map(String, Vec<Problem>),
    /// A file that cannot be read or written.
    #[error("{0}")]
    File(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A broken invariant: a defect of safar, never of the data.
    #[error("{0} (this is a defect of safar; please report it)")]
    Internal(String),
}

/// What is wrong at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// What was given, what was expected and the way out.
    pub message: String,
}

/// Problems of a file below each other, each with its place.
fn listed(file: &str, problems: &[Problem]) -> String {
    const SHOWN: usize = 30;
    let line = |problem: &Problem| format!("{file}:{}:{}: {}", problem.line, problem.column, problem.message);
    if let [only] = problems {
        return line(only);
    }
    let mut lines = vec![format!("{file} has {} problems", problems.len())];
    lines.extend(problems.iter().take(SHOWN).map(line));
    if problems.len() > SHOWN {
        lines.push(format!("… and {} more", problems.len() - SHOWN));
    }
    lines.join("\n")
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Self::Data(error.to_string())
    }
}

thread_local! {
    /// Whether a panic on this thread is about data that another program wrote.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// The outcome of a decoder of foreign bytes; none where it gave up with a panic, which then prints nothing.
pub fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CONTAINED.get() {
                told(panic);
            }
        }));
    });
    let before = CONTAINED.replace(true);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    CONTAINED.set(before);
    outcome.ok()
}

/// The names of `available` that are nearest to `given`, nearest first, at most three.
pub fn nearest<'a>(given: &str, available: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let given_folded = given.to_lowercase();
    let mut scored: Vec<(usize, &str)> = available
        .filter_map(|name| {
            let distance = edit_distance(&given_folded, &name.to_lowercase());
            let allowed = 1 + given.chars().count().max(name.chars().count()) / 3;
            (distance <= allowed).then_some((distance, name))
        })
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// A "did you mean" clause, empty where nothing is near.
pub fn did_you_mean<'a>(given: &str, available: impl Iterator<Item = &'a str>) -> String {
    let near = nearest(given, available);
    if near.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
    format!("; did you mean {}?", quoted.join(" or "))
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replace = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["buy", "view", "checkout"];
        assert_eq!(nearest("by", names.into_iter()), ["buy"]);
        assert!(nearest("refund", names.into_iter()).is_empty());
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
