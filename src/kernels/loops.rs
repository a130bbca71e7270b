//! Loops: which events are repeated within a unit, at once or after others.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use serde::Deserialize;

use super::units::{UnitParams, Units};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Loops`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    units: UnitParams,
}

/// The table of events and their repeats.
pub struct Loops {
    units: Units,
    names: Vec<String>,
}

/// Units, and the customers who have one.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    units: u32,
    customers: u32,
    /// The last customer counted, plus one.
    seen: u32,
}

impl Count {
    fn take(&mut self, customer: u32) {
        self.units += 1;
        self.customers += u32::from(self.seen != customer);
        self.seen = customer;
    }

    fn merge(&mut self, other: Self) {
        self.units += other.units;
        self.customers += other.customers;
    }
}

/// What is counted of one event, or of all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Repeats {
    /// Units that have it.
    having: Count,
    /// Of them, those that have it again.
    repeating: Count,
    /// Those that have it twice in a row.
    at_once: Count,
    /// Those that come back to it after other events.
    after_others: Count,
    /// Units without a repeat that may still go on.
    open: u32,
    /// Repeats in a row, and after other events.
    loops: u32,
    returns: u32,
    /// Repeats in one unit.
    most: u32,
}

impl Repeats {
    fn take(&mut self, unit: Occurrences, open: bool, customer: u32) {
        let repeats = unit.loops + unit.returns;
        self.having.take(customer);
        if repeats > 0 {
            self.repeating.take(customer);
        } else if open {
            self.open += 1;
        }
        if unit.loops > 0 {
            self.at_once.take(customer);
        }
        if unit.returns > 0 {
            self.after_others.take(customer);
        }
        self.loops += unit.loops;
        self.returns += unit.returns;
        self.most = self.most.max(repeats);
    }

    fn merge(&mut self, other: &Self) {
        self.having.merge(other.having);
        self.repeating.merge(other.repeating);
        self.at_once.merge(other.at_once);
        self.after_others.merge(other.after_others);
        self.open += other.open;
        self.loops += other.loops;
        self.returns += other.returns;
        self.most = self.most.max(other.most);
    }
}

/// Repeats of one event in one unit.
#[derive(Debug, Clone, Copy, Default)]
struct Occurrences {
    loops: u32,
    returns: u32,
}

/// The events of one unit with their repeats.
#[derive(Default)]
pub struct Tally {
    /// By event code: its place in `found` plus one, or zero.
    places: Vec<u32>,
    found: Vec<(usize, Occurrences)>,
}

/// Repeats by event; the last one is that of all events together.
type State = Vec<Repeats>;

impl Analysis for Loops {
    const NAME: &'static str = "loops";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        Ok(Self {
            units: Units::bind(&params.units, log)?,
            names: log.event_names().iter().map(str::to_owned).collect(),
        })
    }
}

impl Kernel for Loops {
    type State = State;
    type Scratch = Tally;

    fn init(&self) -> State {
        vec![Repeats::default(); self.names.len() + 1]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, tally: &mut Tally, groups: &mut Groups<'_, Self>) {
        let customer = journey.customer as u32 + 1;
        tally.places.resize(self.names.len(), 0);
        self.units.each(journey, |unit, open| {
            let first = unit.start;
            let mut before = None;
            for event in self.units.path(&journey.events[unit]) {
                let event = event.index();
                match tally.places[event] {
                    0 => {
                        tally.found.push((event, Occurrences::default()));
                        tally.places[event] = tally.found.len() as u32;
                    }
                    place => {
                        let (_, occurrences) = &mut tally.found[place as usize - 1];
                        if before == Some(event) { occurrences.loops += 1 } else { occurrences.returns += 1 }
                    }
                }
                before = Some(event);
            }
            if tally.found.is_empty() {
                return;
            }
            let state = groups.at(journey, first);
            let mut all = Occurrences::default();
            for (event, occurrences) in tally.found.drain(..) {
                tally.places[event] = 0;
                all.loops += occurrences.loops;
                all.returns += occurrences.returns;
                state[event].take(occurrences, open, customer);
            }
            state[self.names.len()].take(all, open, customer);
        });
    }

    fn merge(&self, into: &mut State, from: State) {
        for (into, from) in into.iter_mut().zip(&from) {
            into.merge(from);
        }
    }

    fn columns(&self, state: State) -> Result<Vec<Vec<PartialColumn>>> {
        let labels = self.names.iter().map(|name| Some(name.as_str())).chain([None]);
        let rows: Vec<(Option<&str>, &Repeats)> =
            labels.zip(&state).filter(|(label, row)| label.is_none() || row.having.units > 0).collect();
        let number = |pick: fn(&Repeats) -> u32| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, row)| i64::from(pick(row)))))
        };
        // The row without an event is that of all events together.
        let events = rows.iter().map(|(label, _)| *label).collect::<StringArray>();
        Ok(vec![vec![
            ("event", Role::Key, Arc::new(events)),
            ("units", Role::Sum, number(|row| row.having.units)),
            ("customers", Role::Sum, number(|row| row.having.customers)),
            ("repeating_units", Role::Sum, number(|row| row.repeating.units)),
            ("repeating_customers", Role::Sum, number(|row| row.repeating.customers)),
            ("open", Role::Sum, number(|row| row.open)),
            ("loop_units", Role::Sum, number(|row| row.at_once.units)),
            ("loop_customers", Role::Sum, number(|row| row.at_once.customers)),
            ("return_units", Role::Sum, number(|row| row.after_others.units)),
            ("return_customers", Role::Sum, number(|row| row.after_others.customers)),
            ("loops", Role::Sum, number(|row| row.loops)),
            ("returns", Role::Sum, number(|row| row.returns)),
            ("most_repeats", Role::Max, number(|row| row.most)),
        ]])
    }
}
