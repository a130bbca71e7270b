//! Which of the known events a feature is about, and their places for one customer and cut-off.

use std::collections::HashMap;

use arrow::buffer::BooleanBuffer;

use super::super::chosen;
use super::super::cutoffs::{Known, holds};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey};

/// The events of a feature, as a key: two features of the same events share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub events: Option<Vec<String>>,
    pub condition: Option<String>,
    /// Of all the past rather than of the observation window.
    pub history: bool,
    /// Of the last time before the cut-off only, µs.
    pub within: Option<i64>,
}

/// Events that are picked out of a journey together.
struct Base {
    codes: Option<Vec<bool>>,
    condition: Option<BooleanBuffer>,
    history: bool,
}

/// All selections of a plan.
#[derive(Default)]
pub struct Selections {
    bases: Vec<Base>,
    /// By event code, the bases without a condition that have it: of the window, and of the history.
    dealt: [Vec<Vec<u32>>; 2],
    /// Bases that ask each event.
    asked: Vec<usize>,
    /// The base of each selection, and how far back it reaches.
    parts: Vec<(usize, Option<i64>)>,
    known: HashMap<Wanted, usize>,
}

/// Places of the events of each base.
pub type Lists = Vec<Vec<u32>>;

impl Selections {
    /// No selection yet.
    pub fn new(log: &EventLog) -> Self {
        let none = || vec![Vec::new(); log.event_names().len()];
        Self { dealt: [none(), none()], ..Self::default() }
    }

    /// The number of the selection that is wanted.
    pub fn number(&mut self, wanted: Wanted, log: &EventLog) -> Result<usize> {
        if let Some(&known) = self.known.get(&wanted) {
            return Ok(known);
        }
        let whole = Wanted { within: None, ..wanted.clone() };
        let base = match self.known.get(&whole) {
            Some(&known) => self.parts[known].0,
            None => self.add(&whole, log)?,
        };
        if wanted != whole {
            self.parts.push((base, wanted.within));
            self.known.insert(wanted, self.parts.len() - 1);
        }
        Ok(self.parts.len() - 1)
    }

    fn add(&mut self, whole: &Wanted, log: &EventLog) -> Result<usize> {
        let number = self.bases.len();
        let codes = chosen(whole.events.as_deref(), log)?;
        let condition = whole.condition.as_deref().map(|text| holds(text, log)).transpose()?;
        if condition.is_some() {
            self.asked.push(number);
        } else if let Some(codes) = &codes {
            for code in (0..codes.len()).filter(|&code| codes[code]) {
                self.dealt[usize::from(whole.history)][code].push(number as u32);
            }
        }
        self.bases.push(Base { codes, condition, history: whole.history });
        self.parts.push((number, None));
        self.known.insert(whole.clone(), self.parts.len() - 1);
        Ok(number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Picks the events of every base.
    pub fn deal<C: Code>(&self, journey: &Journey<'_, C>, known: &Known<'_>, lists: &mut Lists) {
        lists.resize_with(self.bases.len(), Vec::new);
        lists.iter_mut().for_each(Vec::clear);
        let code = |event: u32| journey.events[event as usize - journey.start].index();
        for (dealt, events) in self.dealt.iter().zip([known.window, known.history]) {
            for &event in events {
                for &base in &dealt[code(event)] {
                    lists[base as usize].push(event);
                }
            }
        }
        for &number in &self.asked {
            let base = &self.bases[number];
            let meets = |event: &u32| {
                base.codes.as_ref().is_none_or(|codes| codes[code(*event)])
                    && base.condition.as_ref().is_none_or(|condition| condition.value(*event as usize))
            };
            lists[number].extend(events_of(base, known).iter().copied().filter(meets));
        }
    }

    /// Where the time that a selection looks at begins, given the beginning of the observation window.
    pub fn opens(&self, selection: usize, at: i64, window: i64) -> i64 {
        let (base, within) = self.parts[selection];
        let whole = if self.bases[base].history { i64::MIN } else { window };
        within.map_or(whole, |within| whole.max(at.saturating_sub(within)))
    }

    /// The events of a selection, by time.
    pub fn events<'a>(&self, selection: usize, known: &Known<'a>, lists: &'a Lists, times: &[i64]) -> &'a [u32] {
        let (number, within) = self.parts[selection];
        let base = &self.bases[number];
        let all = if base.codes.is_none() && base.condition.is_none() {
            events_of(base, known)
        } else {
            lists[number].as_slice()
        };
        let Some(within) = within else { return all };
        let from = known.at.saturating_sub(within);
        &all[all.partition_point(|&event| times[event as usize] < from)..]
    }
}

fn events_of<'a>(base: &Base, known: &Known<'a>) -> &'a [u32] {
    if base.history { known.history } else { known.window }
}
