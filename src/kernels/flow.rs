//! Flow: from which event to which, step by step from the beginning of a path.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use serde::Deserialize;

use super::cells::{Cell, Cells};
use super::units::{UnitParams, Units};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, RESERVED};
use crate::partial::{PartialColumn, Role, texts};

/// Parameters of [`Flow`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    units: UnitParams,
    depth: u32,
    max_edges: u32,
}

/// The table of edges by position.
pub struct Flow {
    units: Units,
    /// Positions whose events are looked at.
    depth: usize,
    most_edges: usize,
    names: Vec<String>,
}

/// More positions than this make a picture that nobody reads.
const MOST_POSITIONS: u32 = 1_000;

impl Analysis for Flow {
    const NAME: &'static str = "flow";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if !(1..=MOST_POSITIONS).contains(&params.depth) {
            return Err(Error::Argument(format!(
                "depth is {}; expected a number from 1 to {MOST_POSITIONS}",
                params.depth
            )));
        }
        Ok(Self {
            units: Units::bind(&params.units, log)?,
            depth: params.depth as usize,
            most_edges: params.max_edges as usize,
            names: log.event_names().iter().map(str::to_owned).collect(),
        })
    }
}

impl Flow {
    /// Nodes an edge may lead to: the events, the end and the open end.
    fn targets(&self) -> usize {
        self.names.len() + 2
    }

    /// Nodes an edge may come from: the events and the start.
    fn sources(&self) -> usize {
        self.names.len() + 1
    }

    fn cells(&self) -> usize {
        self.depth * self.sources() * self.targets()
    }

    fn source_name(&self, cell: u64) -> &str {
        let node = cell as usize / self.targets() % self.sources();
        if node < self.names.len() { &self.names[node] } else { RESERVED[0] }
    }

    fn target_name(&self, cell: u64) -> &str {
        let node = cell as usize % self.targets();
        if node < self.names.len() { &self.names[node] } else { RESERVED[1 + node - self.names.len()] }
    }
}

impl Kernel for Flow {
    type State = Cells;
    type Scratch = ();

    fn init(&self) -> Cells {
        Cells::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let customer = journey.customer as u32 + 1;
        let (sources, targets) = (self.sources(), self.targets());
        self.units.each(journey, |unit, open| {
            let first = unit.start;
            let mut path = self.units.path(&journey.events[unit]);
            let Some(event) = path.next() else { return };
            let cells = groups.at(journey, first);
            cells.settle(self.cells());
            let mut node = event.index();
            cells.take((sources - 1) * targets + node, customer);
            for position in 1..self.depth {
                let row = (position * sources + node) * targets;
                let Some(event) = path.next() else {
                    cells.take(row + self.names.len() + usize::from(open), customer);
                    return;
                };
                node = event.index();
                cells.take(row + node, customer);
            }
        });
    }

    fn merge(&self, into: &mut Cells, from: Cells) {
        into.merge(from);
    }

    fn columns(&self, state: Cells) -> Result<Vec<Vec<PartialColumn>>> {
        let edges = state.taken();
        if edges.len() > self.most_edges {
            return Err(Error::Argument(format!(
                "{} different edges, more than the {} allowed; ask for less depth, or look at fewer events with events=",
                edges.len(),
                self.most_edges
            )));
        }
        let number = |pick: fn(&Cell) -> u32| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(edges.iter().map(|(_, cell)| i64::from(pick(cell)))))
        };
        let position = |cell: u64| (cell as usize / self.targets() / self.sources()) as i64;
        let positions = Int64Array::from_iter_values(edges.iter().map(|(cell, _)| position(*cell)));
        Ok(vec![vec![
            ("position", Role::Key, Arc::new(positions)),
            ("from", Role::Key, texts(edges.iter().map(|(cell, _)| self.source_name(*cell)))),
            ("to", Role::Key, texts(edges.iter().map(|(cell, _)| self.target_name(*cell)))),
            ("units", Role::Sum, number(|cell| cell.units)),
            ("customers", Role::Sum, number(|cell| cell.customers)),
        ]])
    }
}
