//! Transitions: what follows what, how often, for how many customers, and after how long.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use serde::Deserialize;

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, RESERVED};
use crate::partial::{PartialColumn, Role, big_sums, histograms, texts};
use crate::state::Histograms;

/// Parameters of [`Transitions`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    inactivity_us: i64,
    quantiles: bool,
    max_edges: u32,
}

/// The transitions table.
pub struct Transitions {
    inactivity: i64,
    quantiles: bool,
    most_edges: usize,
    observed_until: i64,
    names: Vec<String>,
    /// Nodes an edge may lead to: the events, the end and the open end. A row of the matrix has one cell for each.
    targets: usize,
    dense: bool,
}

/// Up to this many cells the matrix is kept whole; beyond, only the edges that occur.
const DENSE_CELLS: usize = 1 << 16;

/// One edge. The counts of a log fit 32 bits, because its events do.
#[derive(Clone, Copy)]
pub struct Edge {
    time_sum: i128,
    time_min: i64,
    time_max: i64,
    events: u32,
    customers: u32,
    /// The last customer who took it, plus one.
    seen: u32,
}

impl Default for Edge {
    fn default() -> Self {
        Self { time_sum: 0, time_min: i64::MAX, time_max: i64::MIN, events: 0, customers: 0, seen: 0 }
    }
}

impl Edge {
    #[inline(always)]
    fn take(&mut self, customer: u32, time: i64) {
        self.events += 1;
        self.customers += u32::from(self.seen != customer);
        self.seen = customer;
        self.time_sum += i128::from(time);
        // Rarely taken branches cost less than two writes for every event.
        if time < self.time_min {
            self.time_min = time;
        }
        if time > self.time_max {
            self.time_max = time;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.customers += other.customers;
        self.time_sum += other.time_sum;
        self.time_min = self.time_min.min(other.time_min);
        self.time_max = self.time_max.max(other.time_max);
    }
}

/// Edges, and how long they took.
pub struct State {
    dense: Vec<Edge>,
    sparse: HashMap<u64, Edge, foldhash::fast::FixedState>,
    histograms: Histograms,
}

impl State {
    /// The edges that occur, by cell.
    fn edges(&self) -> Vec<(u64, Edge)> {
        let dense = self.dense.iter().enumerate().map(|(cell, edge)| (cell as u64, *edge));
        let mut edges: Vec<_> = dense.filter(|(_, edge)| edge.events > 0).collect();
        edges.extend(self.sparse.iter().map(|(&cell, edge)| (cell, *edge)));
        edges.sort_unstable_by_key(|(cell, _)| *cell);
        edges
    }
}

impl Analysis for Transitions {
    const NAME: &'static str = "transitions";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.inactivity_us < 0 {
            return Err(Error::Argument(format!("inactivity_us is {}; expected 0 or more", params.inactivity_us)));
        }
        let names: Vec<String> = log.event_names().iter().map(str::to_owned).collect();
        let targets = names.len() + 2;
        Ok(Self {
            inactivity: params.inactivity_us,
            quantiles: params.quantiles,
            most_edges: params.max_edges as usize,
            observed_until: log.observed_until(),
            targets,
            dense: (names.len() + 1) * targets <= DENSE_CELLS,
            names,
        })
    }
}

impl Transitions {
    fn start(&self) -> usize {
        self.names.len()
    }

    #[inline(always)]
    fn cell(&self, from: usize, to: usize) -> u64 {
        (from * self.targets + to) as u64
    }

    /// Calls `take` for every edge of a journey, with the time between where it is one that was measured.
    #[inline(always)]
    fn walk<C: Code>(&self, journey: &Journey<'_, C>, mut take: impl FnMut(u64, Option<i64>)) {
        let (times, events) = (journey.times, journey.events);
        take(self.cell(self.start(), events[0].index()), None);
        for (times, events) in times.windows(2).zip(events.windows(2)) {
            take(self.cell(events[0].index(), events[1].index()), Some(times[1] - times[0]));
        }
        let last = times.len() - 1;
        let end = self.names.len() + usize::from(self.observed_until - times[last] <= self.inactivity);
        take(self.cell(events[last].index(), end), None);
    }

    fn source_name(&self, cell: u64) -> &str {
        let from = cell as usize / self.targets;
        if from == self.start() { RESERVED[0] } else { &self.names[from] }
    }

    fn target_name(&self, cell: u64) -> &str {
        let to = cell as usize % self.targets;
        if to < self.names.len() { &self.names[to] } else { RESERVED[1 + to - self.names.len()] }
    }

    fn is_virtual(&self, cell: u64) -> bool {
        cell as usize / self.targets == self.start() || cell as usize % self.targets >= self.names.len()
    }
}

impl Kernel for Transitions {
    type State = State;
    type Scratch = ();

    fn init(&self) -> State {
        let cells = if self.dense { (self.names.len() + 1) * self.targets } else { 0 };
        State { dense: vec![Edge::default(); cells], sparse: HashMap::default(), histograms: Histograms::default() }
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let customer = journey.customer as u32 + 1;
        let State { dense, sparse, histograms } = groups.at(journey, 0);
        // The choice is made once per journey, so that the usual loop touches the matrix alone.
        match (self.dense, self.quantiles) {
            (true, false) => self.walk(journey, |cell, time| dense[cell as usize].take(customer, time.unwrap_or(0))),
            (true, true) => self.walk(journey, |cell, time| {
                dense[cell as usize].take(customer, time.unwrap_or(0));
                if let Some(time) = time {
                    histograms.add(cell, time as u64);
                }
            }),
            (false, quantiles) => self.walk(journey, |cell, time| {
                sparse.entry(cell).or_default().take(customer, time.unwrap_or(0));
                if let Some(time) = time.filter(|_| quantiles) {
                    histograms.add(cell, time as u64);
                }
            }),
        }
    }

    fn merge(&self, into: &mut State, from: State) {
        for (into, from) in into.dense.iter_mut().zip(&from.dense) {
            into.merge(from);
        }
        for (cell, edge) in from.sparse {
            into.sparse.entry(cell).or_default().merge(&edge);
        }
        into.histograms.merge(from.histograms);
    }

    fn columns(&self, mut state: State) -> Result<Vec<Vec<PartialColumn>>> {
        let edges = state.edges();
        if edges.len() > self.most_edges {
            return Err(Error::Argument(format!(
                "{} different transitions, more than the {} allowed; with {} event names a table of pairs says little: \
                 group the names first",
                edges.len(),
                self.most_edges,
                self.names.len()
            )));
        }
        let number = |pick: fn(&Edge) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(edges.iter().map(|(_, edge)| pick(edge))))
        };
        // Between a virtual node and an event no time passes that anybody measured.
        let time = |pick: fn(&Edge) -> i64| -> ArrayRef {
            let of_edge = |(cell, edge): &(u64, Edge)| (!self.is_virtual(*cell)).then(|| pick(edge));
            Arc::new(edges.iter().map(of_edge).collect::<Int64Array>())
        };
        let mut columns: Vec<PartialColumn> = vec![
            ("from", Role::Key, texts(edges.iter().map(|(cell, _)| self.source_name(*cell)))),
            ("to", Role::Key, texts(edges.iter().map(|(cell, _)| self.target_name(*cell)))),
            ("events", Role::Sum, number(|edge| i64::from(edge.events))),
            ("customers", Role::Sum, number(|edge| i64::from(edge.customers))),
            ("time_sum_us", Role::Sum, big_sums(edges.iter().map(|(_, edge)| edge.time_sum))?),
            ("time_min_us", Role::Min, time(|edge| edge.time_min)),
            ("time_max_us", Role::Max, time(|edge| edge.time_max)),
        ];
        if self.quantiles {
            let cells = edges.iter().map(|(cell, _)| *cell);
            columns.push(("time_histogram", Role::Histogram, histograms(cells, state.histograms.runs())));
        }
        Ok(vec![columns])
    }

    fn task_events(&self) -> usize {
        if self.dense { 1 << 18 } else { 1 << 20 }
    }
}
