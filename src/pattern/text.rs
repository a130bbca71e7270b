//! A pattern that was read from text, before it meets a log.

use super::automaton::Automaton;
use super::matcher::Matcher;
use super::syntax::{Tree, located, parse};
use crate::error::{Error, Result, did_you_mean};
use crate::log::EventLog;

/// A pattern of the language that `docs/patterns.md` describes.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    tree: Tree,
    automaton: Automaton,
}

impl Pattern {
    /// Reads a pattern; the error shows where it stops making sense, and what was expected there.
    pub fn parse(text: &str) -> Result<Self> {
        let tree = parse(text)?;
        let automaton = Automaton::of(&tree, text)?;
        Ok(Self { text: text.to_owned(), tree, automaton })
    }

    /// Names of the events, each once, in the order of the text.
    pub fn events(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (name, _) in self.tree.classes.iter().flat_map(|class| &class.terms).filter_map(|term| term.name.as_ref()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// Whether events of other names matter as well: any event, any but some, or what stands directly between.
    pub fn needs_all_events(&self) -> bool {
        let mut classes = self.tree.classes.iter();
        self.automaton.has_direct
            || classes.any(|class| class.negated || class.terms.iter().any(|term| term.name.is_none()))
    }

    /// Refuses names of events and columns that a whole log does not have.
    pub fn check(&self, log: &EventLog) -> Result<()> {
        let names = log.event_names();
        let written = self.tree.classes.iter().flat_map(|class| &class.terms).filter_map(|term| term.name.as_ref());
        if let Some((name, span)) = written.into_iter().find(|(name, _)| names.code(name).is_none()) {
            let near = did_you_mean(name, names.iter());
            let message = format!("\"{name}\" is not an event of this log{near} ({} events: log.events)", names.len());
            return Err(Error::UnknownEvent(located(&self.text, *span, &message)));
        }
        for (name, span) in &self.tree.same {
            if let Err(Error::UnknownColumn(message)) = log.segments(name) {
                return Err(Error::UnknownColumn(located(&self.text, *span, &message)));
            }
        }
        Ok(())
    }

    /// The pattern over the codes and columns of a log. A name that the log lacks matches nothing, so that a plan for
    /// a whole log also runs on a part of it.
    pub fn bind(&self, log: &EventLog) -> Result<Matcher> {
        let same: Vec<String> = self.tree.same.iter().map(|(name, _)| name.clone()).collect();
        Matcher::bind(&self.text, &self.automaton, &self.tree.classes, &same, log)
    }
}
