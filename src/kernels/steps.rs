//! Steps: which event stands at each position of a path, from its beginning or around an event or a pattern.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use serde::Deserialize;

use super::cells::{Cell, Cells};
use super::units::{UnitParams, Units};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, RESERVED};
use crate::partial::{PartialColumn, Role, texts};
use crate::pattern::{self as step, StepSpec};

/// Parameters of [`Steps`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    units: UnitParams,
    positions: u32,
    around: Option<Middle>,
    which: Which,
    max_cells: u32,
}

/// What stands in the middle: any of these events, or a step with its condition or pattern.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Middle {
    Events(Vec<String>),
    Step(StepSpec),
}

/// Which occurrence of the event in the middle counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Which {
    First,
    Last,
    Each,
}

/// The table of positions and events.
pub struct Steps {
    units: Units,
    /// Positions from the beginning, or on each side of the event in the middle.
    positions: usize,
    around: Option<step::Steps>,
    which: Which,
    most_cells: usize,
    names: Vec<String>,
}

/// More positions than this make a table that nobody reads.
const MOST_POSITIONS: u32 = 1_000;

/// Nodes that are no event, in the order of [`RESERVED`].
const START: usize = 0;
const END: usize = 1;
const OPEN: usize = 2;

impl Analysis for Steps {
    const NAME: &'static str = "steps";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if !(1..=MOST_POSITIONS).contains(&params.positions) {
            return Err(Error::Argument(format!(
                "positions is {}; expected a number from 1 to {MOST_POSITIONS}",
                params.positions
            )));
        }
        let around = params.around.map(|middle| match middle {
            Middle::Events(events) => StepSpec { events, ..StepSpec::default() },
            Middle::Step(spec) => spec,
        });
        Ok(Self {
            units: Units::bind(&params.units, log)?,
            positions: params.positions as usize,
            around: around.map(|spec| step::Steps::compile(&[spec], log)).transpose()?,
            which: params.which,
            most_cells: params.max_cells as usize,
            names: log.event_names().iter().map(str::to_owned).collect(),
        })
    }
}

impl Steps {
    fn nodes(&self) -> usize {
        self.names.len() + RESERVED.len()
    }

    /// Columns of the matrix.
    fn columns_of_matrix(&self) -> usize {
        if self.around.is_some() { 2 * self.positions + 1 } else { self.positions }
    }

    /// Number of the first column.
    fn first_position(&self) -> i64 {
        if self.around.is_some() { -(self.positions as i64) } else { 1 }
    }

    /// Counts what stands at each position of a path that begins at `start`, which may lie before its first event.
    fn count<C: Code>(&self, path: &[C], start: isize, open: bool, customer: u32, cells: &mut Cells) {
        let nodes = self.nodes();
        let after = self.names.len() + if open { OPEN } else { END };
        for column in 0..self.columns_of_matrix() {
            let node = match usize::try_from(start + column as isize) {
                Err(_) => self.names.len() + START,
                Ok(place) => path.get(place).map_or(after, |event| event.index()),
            };
            cells.take(column * nodes + node, customer);
        }
    }

    fn name(&self, node: usize) -> &str {
        if node < self.names.len() { &self.names[node] } else { RESERVED[node - self.names.len()] }
    }
}

impl Kernel for Steps {
    type State = Cells;
    type Scratch = ();

    fn init(&self) -> Cells {
        Cells::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let customer = journey.customer as u32 + 1;
        let all = self.columns_of_matrix() * self.nodes();
        let (mut kept, mut places) = (Vec::new(), Vec::new());
        self.units.each(journey, |unit, open| {
            let first = unit.start;
            let path = if self.units.whole() && self.around.is_none() {
                &journey.events[unit]
            } else {
                places.clear();
                self.units.places(&journey.events[unit.clone()], |place, again| {
                    // Of repeats that count once, any may be the one in the middle.
                    if again {
                        places.last_mut().into_iter().for_each(|(_, end)| *end = place + 1);
                    } else {
                        places.push((place, place + 1));
                    }
                });
                kept.clear();
                kept.extend(places.iter().map(|&(place, _)| journey.events[unit.start + place]));
                kept.as_slice()
            };
            let Some(around) = &self.around else {
                if !path.is_empty() {
                    let cells = groups.at(journey, first);
                    cells.settle(all);
                    self.count(path, 0, open, customer, cells);
                }
                return;
            };
            let is_middle = |&(start, end): &(usize, usize)| {
                // Between repeats lie only events that are not looked at.
                let code = journey.events[first + start].index();
                (start..end).any(|place| {
                    journey.events[first + place].index() == code
                        && around.mask(code, journey.start + first + place) != 0
                })
            };
            let mut middles = (0..path.len()).filter(|&place| is_middle(&places[place]));
            let (one, each) = match self.which {
                Which::First => (middles.next(), None),
                Which::Last => (middles.next_back(), None),
                Which::Each => (None, Some(middles)),
            };
            for middle in one.into_iter().chain(each.into_iter().flatten()) {
                let cells = groups.at(journey, first);
                cells.settle(all);
                self.count(path, middle as isize - self.positions as isize, open, customer, cells);
            }
        });
    }

    fn merge(&self, into: &mut Cells, from: Cells) {
        into.merge(from);
    }

    fn columns(&self, state: Cells) -> Result<Vec<Vec<PartialColumn>>> {
        let cells = state.taken();
        if cells.len() > self.most_cells {
            return Err(Error::Argument(format!(
                "{} different pairs of position and event, more than the {} allowed; ask for fewer positions, or look at \
                 fewer events with events=",
                cells.len(),
                self.most_cells
            )));
        }
        let nodes = self.nodes();
        let number = |pick: fn(&Cell) -> u32| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(cells.iter().map(|(_, cell)| i64::from(pick(cell)))))
        };
        let position = |cell: u64| (cell as usize / nodes) as i64 + self.first_position();
        let positions = Int64Array::from_iter_values(cells.iter().map(|(cell, _)| position(*cell)));
        Ok(vec![vec![
            ("position", Role::Key, Arc::new(positions)),
            ("event", Role::Key, texts(cells.iter().map(|(cell, _)| self.name(*cell as usize % nodes)))),
            ("units", Role::Sum, number(|cell| cell.units)),
            ("customers", Role::Sum, number(|cell| cell.customers)),
        ]])
    }
}
