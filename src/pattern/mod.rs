//! Steps and patterns compiled to codes of a log: which events of a journey matter, and how far they lead.

mod attempts;
mod automaton;
mod chains;
mod free;
mod matcher;
mod matching;
mod syntax;
mod text;
mod window;

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::log::{Code, EventLog, Journey};

pub use attempts::{Attempt, Attempts, End, EntryRule, Order, Rules, SKIPPED, Ties};
pub use chains::{Chains, Entry};
pub use matcher::{Found, Match, Matcher, Scratch};
pub use text::Pattern;
pub use window::Modes;

/// A step as a user writes it: any of the events, where the condition holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Any of these.
    #[serde(default)]
    pub events: Vec<String>,
    /// In place of events: those at which a match of this pattern ends.
    #[serde(default)]
    pub pattern: Option<String>,
    /// A condition on columns of the log.
    #[serde(default, rename = "where")]
    pub condition: Option<String>,
    /// What the step is called.
    #[serde(default)]
    pub name: Option<String>,
}

/// Most steps of a pattern: one bit each.
pub const MOST_STEPS: usize = 64;

/// Steps as bit masks over event codes.
pub struct Steps {
    masks: Vec<u64>,
    conditions: Vec<(u64, BooleanBuffer)>,
    count: usize,
    /// By event code: hand it out?
    wanted: Vec<bool>,
    keep_all: bool,
}

/// An event that may fill a step.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// µs UTC.
    pub time: i64,
    /// Position in the journey.
    pub position: u32,
    /// The steps it may fill.
    pub mask: u64,
}

impl Steps {
    /// Resolves names and conditions.
    pub fn compile(specs: &[StepSpec], log: &EventLog) -> Result<Self> {
        if specs.is_empty() || specs.len() > MOST_STEPS {
            return Err(Error::Argument(format!("{} steps; expected 1 to {MOST_STEPS}", specs.len())));
        }
        let mut masks = vec![0; log.event_names().len()];
        let mut conditions = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            if spec.events.is_empty() == spec.pattern.is_none() {
                return Err(Error::Argument(format!("step {} needs either events or a pattern", index + 1)));
            }
            if let Some(pattern) = &spec.pattern {
                // Any event may be one at which a match ends.
                for mask in &mut masks {
                    *mask |= 1 << index;
                }
                conditions.push((1 << index, Pattern::parse(pattern)?.bind(log)?.ends(log)?));
            }
            for name in &spec.events {
                // As for all kernels, a name that this part of the data lacks matches nothing.
                if let Some(code) = log.event_names().code(name) {
                    masks[code] |= 1 << index;
                }
            }
            if let Some(text) = &spec.condition {
                conditions.push((1 << index, condition(&Expression::parse(text)?, log)?));
            }
        }
        let wanted = masks.iter().map(|&mask| mask != 0).collect();
        Ok(Self { masks, conditions, count: specs.len(), wanted, keep_all: false })
    }

    /// Hands out events that fill no step as well, with an empty mask: they stand between the others.
    #[must_use]
    pub fn keep_all(self) -> Self {
        Self { wanted: vec![true; self.wanted.len()], keep_all: true, ..self }
    }

    /// Number of steps.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The code of the event that may fill a step, counted from 0, where it is only one.
    pub fn only_event_of(&self, step: usize) -> Option<usize> {
        let mut codes = (0..self.masks.len()).filter(|&code| self.masks[code] >> step & 1 == 1);
        codes.next().filter(|_| codes.next().is_none())
    }

    /// The steps that an event may fill, given the code of its name and its position in the log.
    #[inline(always)]
    pub fn mask(&self, code: usize, event: usize) -> u64 {
        let mut mask = self.masks[code];
        for (bit, condition) in &self.conditions {
            if mask & bit != 0 && !condition.value(event) {
                mask &= !bit;
            }
        }
        mask
    }

    /// The events of a journey that may fill a step, in order.
    #[inline]
    pub fn hits<C: Code>(&self, journey: &Journey<'_, C>, positions: &mut Vec<u32>, hits: &mut Vec<Hit>) {
        hits.clear();
        let count = journey.events.len();
        if positions.len() < count {
            positions.resize(count, 0);
        }
        // Every position is written and only a hit moves the end, so that no branch depends on the data.
        let mut end = 0;
        for (position, event) in journey.events.iter().enumerate() {
            positions[end] = position as u32;
            end += usize::from(self.wanted[event.index()]);
        }
        for &position in &positions[..end] {
            let mask = self.mask(journey.events[position as usize].index(), journey.start + position as usize);
            if mask != 0 || self.keep_all {
                hits.push(Hit { time: journey.times[position as usize], position, mask });
            }
        }
    }
}

/// The events where a condition holds.
fn condition(expression: &Expression, log: &EventLog) -> Result<BooleanBuffer> {
    let holds: BooleanArray = expression.evaluate(&|name| log.column(name), log.len())?;
    Ok(holds.values().clone())
}
