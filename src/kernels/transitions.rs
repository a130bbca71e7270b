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
}

/// Up to this many cells a matrix may be kept whole; beyond, only the edges that occur.
const DENSE_CELLS: usize = 1 << 16;

/// A matrix is kept whole once one in so many of its cells occurs: a state of few customers, as each of many segments
/// has, stays small.
const DENSE_SHARE: usize = 8;

/// One edge. The counts of a log fit 32 bits, because its events do.
#[derive(Clone, Copy)]
pub struct Edge {
    /// µs; `State::reach` keeps it from overflowing.
    time_sum: u64,
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
        self.time_sum = self.time_sum.wrapping_add(time as u64);
    }

    #[inline(always)]
    fn take_range(&mut self, time: i64) {
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

type ByCell<T> = HashMap<u64, T, foldhash::fast::FixedState>;

/// Edges, and how long they took.
#[derive(Default)]
pub struct State {
    /// All cells, or nothing as long as few occur.
    dense: Vec<Edge>,
    sparse: ByCell<Edge>,
    histograms: Histograms,
    /// No time sum of the edges is beyond this many µs.
    reach: u64,
    /// Time sums that were taken out of the edges before they could overflow.
    carried: ByCell<i128>,
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

    /// Keeps the matrix whole from now on, if enough of it occurs.
    fn settle(&mut self, cells: usize) {
        if self.dense.is_empty() && cells <= DENSE_CELLS && self.sparse.len() * DENSE_SHARE > cells {
            self.dense.resize(cells, Edge::default());
            for (cell, edge) in self.sparse.drain() {
                self.dense[cell as usize] = edge;
            }
        }
    }

    /// Makes sure that so many µs more can be added to any time sum.
    fn reach(&mut self, more: u64) {
        self.reach = self.reach.checked_add(more).unwrap_or_else(|| {
            for (cell, edge) in self.edges() {
                *self.carried.entry(cell).or_default() += i128::from(edge.time_sum);
                self.at(cell).time_sum = 0;
            }
            more
        });
    }

    fn at(&mut self, cell: u64) -> &mut Edge {
        if self.dense.is_empty() { self.sparse.entry(cell).or_default() } else { &mut self.dense[cell as usize] }
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
            names,
        })
    }
}

impl Transitions {
    fn start(&self) -> usize {
        self.names.len()
    }

    fn cells(&self) -> usize {
        (self.names.len() + 1) * self.targets
    }

    /// Calls `take` for every edge of a journey, with the time between where it is one that was measured.
    #[inline(always)]
    fn walk<C: Code>(&self, journey: &Journey<'_, C>, mut take: impl FnMut(u64, Option<i64>)) {
        let (mut time, mut row) = (journey.times[0], journey.events[0].index() * self.targets);
        take((self.start() * self.targets + journey.events[0].index()) as u64, None);
        for (&next, event) in journey.times[1..].iter().zip(&journey.events[1..]) {
            take((row + event.index()) as u64, Some(next - time));
            (time, row) = (next, event.index() * self.targets);
        }
        let end = self.names.len() + usize::from(self.observed_until - time <= self.inactivity);
        take((row + end) as u64, None);
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
        State::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let customer = journey.customer as u32 + 1;
        let state = groups.at(journey, 0);
        state.settle(self.cells());
        state.reach((journey.times[journey.times.len() - 1] - journey.times[0]) as u64);
        let State { dense, sparse, histograms, .. } = state;
        // The choice is made once per journey, so that the usual loop touches the matrix alone.
        let dense = dense.as_mut_slice();
        match (dense.is_empty(), self.quantiles) {
            (false, false) => self.walk(journey, |cell, time| dense[cell as usize].take(customer, time.unwrap_or(0))),
            (false, true) => self.walk(journey, |cell, time| {
                let edge = &mut dense[cell as usize];
                edge.take(customer, time.unwrap_or(0));
                if let Some(time) = time {
                    edge.take_range(time);
                    histograms.add(cell, time as u64);
                }
            }),
            (true, quantiles) => self.walk(journey, |cell, time| {
                let edge = sparse.entry(cell).or_default();
                edge.take(customer, time.unwrap_or(0));
                if let Some(time) = time.filter(|_| quantiles) {
                    edge.take_range(time);
                    histograms.add(cell, time as u64);
                }
            }),
        }
    }

    fn merge(&self, into: &mut State, mut from: State) {
        if into.dense.is_empty() && !from.dense.is_empty() {
            std::mem::swap(into, &mut from);
        }
        into.reach(from.reach);
        for (cell, edge) in from.edges() {
            into.at(cell).merge(&edge);
        }
        for (cell, sum) in from.carried {
            *into.carried.entry(cell).or_default() += sum;
        }
        into.histograms.merge(from.histograms);
    }

    fn columns(&self, state: State) -> Result<Vec<Vec<PartialColumn>>> {
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
        let time_sum = |(cell, edge): &(u64, Edge)| {
            // Between a virtual node and an event no time passes that anybody measured.
            let carried = state.carried.get(cell).copied().unwrap_or(0);
            (!self.is_virtual(*cell)).then(|| i128::from(edge.time_sum) + carried)
        };
        let time = |pick: fn(&Edge) -> i64| -> ArrayRef {
            let of_edge = |(cell, edge): &(u64, Edge)| (!self.is_virtual(*cell)).then(|| pick(edge));
            Arc::new(edges.iter().map(of_edge).collect::<Int64Array>())
        };
        let mut columns: Vec<PartialColumn> = vec![
            ("from", Role::Key, texts(edges.iter().map(|(cell, _)| self.source_name(*cell)))),
            ("to", Role::Key, texts(edges.iter().map(|(cell, _)| self.target_name(*cell)))),
            ("events", Role::Sum, number(|edge| i64::from(edge.events))),
            ("customers", Role::Sum, number(|edge| i64::from(edge.customers))),
            ("time_sum_us", Role::Sum, big_sums(edges.iter().map(time_sum))?),
        ];
        if self.quantiles {
            let cells = edges.iter().map(|(cell, _)| *cell);
            columns.extend([
                ("time_min_us", Role::Min, time(|edge| edge.time_min)),
                ("time_max_us", Role::Max, time(|edge| edge.time_max)),
                ("time_histogram", Role::Histogram, histograms(cells, state.histograms.finish())),
            ]);
        }
        Ok(vec![columns])
    }

    fn task_events(&self) -> usize {
        if self.cells() <= DENSE_CELLS { 1 << 18 } else { 1 << 20 }
    }
}
