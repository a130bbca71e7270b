//! Steps and patterns compiled to codes of a log: which events of a journey matter, and how far they lead.

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::log::{Code, EventLog, Journey};

/// A step as a user writes it: any of the events, where the condition holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Any of these.
    pub events: Vec<String>,
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
            if spec.events.is_empty() {
                return Err(Error::Argument(format!("step {} names no event", index + 1)));
            }
            for name in &spec.events {
                // As for all kernels, a name that this part of the data lacks matches nothing.
                if let Some(code) = log.event_names().code(name) {
                    masks[code] |= 1 << index;
                }
            }
            if let Some(text) = &spec.condition {
                conditions.push((1 << index, condition(text, log)?));
            }
        }
        Ok(Self { masks, conditions, count: specs.len() })
    }

    /// Number of steps.
    pub fn count(&self) -> usize {
        self.count
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
            end += usize::from(self.masks[event.index()] != 0);
        }
        for &position in &positions[..end] {
            let mut mask = self.masks[journey.events[position as usize].index()];
            for (bit, condition) in &self.conditions {
                if mask & bit != 0 && !condition.value(journey.start + position as usize) {
                    mask &= !bit;
                }
            }
            if mask != 0 {
                hits.push(Hit { time: journey.times[position as usize], position, mask });
            }
        }
    }
}

/// The events where a condition holds.
fn condition(text: &str, log: &EventLog) -> Result<BooleanBuffer> {
    let expression = Expression::parse(text)?;
    let holds: BooleanArray = expression.evaluate(&|name| log.column(name), log.len())?;
    Ok(holds.values().clone())
}

/// An attempt at a funnel: where and when it began.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Time of the event of step 1.
    pub entry: i64,
    /// Its position in the journey.
    pub position: u32,
}

/// For every step, the attempt that most recently reached it.
#[derive(Debug, Default)]
pub struct Chains {
    reached: Vec<Option<Attempt>>,
    before: Vec<Option<Attempt>>,
    matching: Matching,
}

impl Chains {
    /// Follows the hits in order until all steps are reached or the hits end. Events at the same time count in the
    /// customer's favour; one event fills one step of an attempt.
    pub fn follow(&mut self, hits: &[Hit], steps: usize, within: Option<i64>) {
        self.reached.clear();
        self.reached.resize(steps, None);
        let mut at = 0;
        while at < hits.len() && self.reached[steps - 1].is_none() {
            let time = hits[at].time;
            let tied = hits[at..].iter().take_while(|hit| hit.time == time).count();
            if tied == 1 {
                self.extend(hits[at], within);
            } else {
                self.extend_tied(&hits[at..at + tied], within);
            }
            at += tied;
        }
    }

    /// Steps reached by the furthest attempt.
    pub fn furthest(&self) -> usize {
        self.reached.iter().rposition(Option::is_some).map_or(0, |step| step + 1)
    }

    /// The attempt that most recently reached a step (from 1).
    pub fn attempt(&self, step: usize) -> Option<Attempt> {
        self.reached[step - 1]
    }

    fn extend(&mut self, hit: Hit, within: Option<i64>) {
        // From the last step back, so that one event never fills two steps in a row.
        let mut mask = hit.mask;
        while mask != 0 {
            let step = 63 - mask.leading_zeros() as usize;
            mask &= !(1 << step);
            if step == 0 {
                self.reached[0] = Some(Attempt { entry: hit.time, position: hit.position });
            } else if let Some(attempt) = self.reached[step - 1]
                && within.is_none_or(|within| hit.time - attempt.entry <= within)
            {
                self.reached[step] = Some(attempt);
            }
        }
    }

    /// Events at one time: from every step that was reached before, as far as the events can be dealt to the steps
    /// that follow.
    fn extend_tied(&mut self, hits: &[Hit], within: Option<i64>) {
        self.before.clone_from(&self.reached);
        let steps = self.reached.len();
        // A later entry is preferred, and those stand at lower steps: they are written last.
        for from in (0..steps).rev() {
            let (time, entered) = (hits[0].time, from == 0);
            let attempt = if entered {
                let first = hits.iter().find(|hit| hit.mask & 1 != 0);
                first.map(|hit| Attempt { entry: time, position: hit.position })
            } else {
                self.before[from - 1].filter(|attempt| within.is_none_or(|within| time - attempt.entry <= within))
            };
            if attempt.is_none() {
                continue;
            }
            let run = self.matching.longest_run(hits, from, steps);
            self.reached[from..from + run].fill(attempt);
        }
    }
}

/// Deals events to steps, each event to one step, by augmenting paths.
#[derive(Debug, Default)]
struct Matching {
    step_of: Vec<Option<usize>>,
    visited: Vec<bool>,
}

impl Matching {
    /// How many steps in a row, from `from` on, can have an event of their own.
    fn longest_run(&mut self, hits: &[Hit], from: usize, steps: usize) -> usize {
        self.step_of.clear();
        self.step_of.resize(hits.len(), None);
        for step in from..steps {
            self.visited.clear();
            self.visited.resize(hits.len(), false);
            if !self.augment(hits, step) {
                return step - from;
            }
        }
        steps - from
    }

    /// Finds an event for a step, moving other steps to other events where that helps. The depth is at most the
    /// number of steps.
    fn augment(&mut self, hits: &[Hit], step: usize) -> bool {
        for index in 0..hits.len() {
            if hits[index].mask & (1 << step) == 0 || self.visited[index] {
                continue;
            }
            self.visited[index] = true;
            let free = match self.step_of[index] {
                None => true,
                Some(other) => self.augment(hits, other),
            };
            if free {
                self.step_of[index] = Some(step);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps reached for events `(step letter, second)` of a funnel of `steps` steps named A, B, C …
    fn reached(events: &str, steps: usize, within: i64) -> usize {
        let mut hits: Vec<Hit> = events
            .split_whitespace()
            .enumerate()
            .map(|(position, event)| {
                let letter = u32::from(event.as_bytes()[0] - b'A');
                let mask = if (letter as usize) < steps { 1 << letter } else { 0 };
                Hit { time: event[1..].parse().expect("a second"), position: position as u32, mask }
            })
            .filter(|hit| hit.mask != 0)
            .collect();
        hits.sort_by_key(|hit| hit.time);
        let mut chains = Chains::default();
        chains.follow(&hits, steps, Some(within));
        chains.furthest()
    }

    #[test]
    fn the_golden_table_of_the_ordered_funnel_holds() {
        for (events, steps, within, expected) in [
            ("A1 A9 B11", 2, 5, 2),
            ("A1 B6", 2, 5, 2),
            ("A1 B7", 2, 5, 1),
            ("B1 A1", 2, 5, 2),
            ("A1 B1", 2, 5, 2),
            ("C1 B1 A1", 3, 10, 3),
            ("A1 B2 A3 C4", 3, 100, 3),
            ("A1 B2 A3 C4", 3, 3, 3),
            ("A1 B2 A3 C4", 3, 2, 2),
            ("A1 D2 B3 C4", 3, 100, 3),
            ("A1 C2 B3 C4", 3, 100, 3),
            ("A1 B2 A50 B51 C52", 3, 10, 3),
            ("B1 A2", 2, 100, 1),
        ] {
            assert_eq!(reached(events, steps, within), expected, "{events}, {steps} steps within {within}");
        }
    }

    #[test]
    fn one_event_does_not_fill_two_steps_but_two_at_one_time_do() {
        let both = |position| Hit { time: 1, position, mask: 0b11 };
        let mut chains = Chains::default();
        chains.follow(&[both(0)], 2, None);
        assert_eq!(chains.furthest(), 1);
        chains.follow(&[both(0), both(1)], 2, None);
        assert_eq!(chains.furthest(), 2);
    }

    #[test]
    fn tied_events_are_dealt_to_the_steps_that_need_them() {
        // Step 1 takes A or B, step 2 takes A: A must be left for step 2.
        let hits = [Hit { time: 1, position: 0, mask: 0b11 }, Hit { time: 1, position: 1, mask: 0b01 }];
        let mut chains = Chains::default();
        chains.follow(&hits, 2, None);
        assert_eq!(chains.furthest(), 2);
    }
}
