//! Transitions: what follows what, how often, for how many customers, and after how long.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::Int64Array;
use serde::Deserialize;

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, RESERVED};
use crate::partial::{PartialColumn, Role, big_sums, texts};
use crate::state::{Moments, buckets};

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

/// One edge.
#[derive(Clone, Copy, Default)]
pub struct Edge {
    customers: u64,
    /// The last customer who took it, plus one.
    seen: u64,
    gaps: Moments,
}

/// Edges, and how long they took.
pub struct State {
    dense: Vec<Edge>,
    sparse: HashMap<u64, Edge, foldhash::fast::FixedState>,
    histogram: HashMap<(u64, u32), i64, foldhash::fast::FixedState>,
}

impl State {
    #[inline(always)]
    fn edge(&mut self, cell: u64) -> &mut Edge {
        if self.dense.is_empty() { self.sparse.entry(cell).or_default() } else { &mut self.dense[cell as usize] }
    }

    fn edges(&self) -> Vec<(u64, &Edge)> {
        let dense = self.dense.iter().enumerate().map(|(cell, edge)| (cell as u64, edge));
        let mut edges: Vec<_> = dense.filter(|(_, edge)| edge.customers > 0).collect();
        edges.extend(self.sparse.iter().map(|(&cell, edge)| (cell, edge)));
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

    fn from_name(&self, cell: u64) -> &str {
        let from = cell as usize / self.targets;
        if from == self.start() { RESERVED[0] } else { &self.names[from] }
    }

    fn to_name(&self, cell: u64) -> &str {
        let to = cell as usize % self.targets;
        if to < self.names.len() { &self.names[to] } else { RESERVED[1 + to - self.names.len()] }
    }

    fn virtual_edge(&self, cell: u64) -> bool {
        cell as usize / self.targets == self.start() || cell as usize % self.targets >= self.names.len()
    }
}

impl Kernel for Transitions {
    type State = State;
    type Scratch = ();

    fn init(&self) -> State {
        let cells = if self.dense { (self.names.len() + 1) * self.targets } else { 0 };
        State { dense: vec![Edge::default(); cells], sparse: HashMap::default(), histogram: HashMap::default() }
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let (times, events) = (journey.times, journey.events);
        let customer = journey.customer as u64 + 1;
        let state = groups.at(journey, 0);
        let take = |state: &mut State, cell: u64, gap: i64| {
            let edge = state.edge(cell);
            edge.customers += u64::from(edge.seen != customer);
            edge.seen = customer;
            edge.gaps.add(gap);
        };
        take(state, self.cell(self.start(), events[0].index()), 0);
        for (times, events) in times.windows(2).zip(events.windows(2)) {
            take(state, self.cell(events[0].index(), events[1].index()), times[1] - times[0]);
        }
        let last = times.len() - 1;
        let end = self.names.len() + usize::from(self.observed_until - times[last] <= self.inactivity);
        take(state, self.cell(events[last].index(), end), 0);
        if self.quantiles {
            for (times, events) in times.windows(2).zip(events.windows(2)) {
                let cell = self.cell(events[0].index(), events[1].index());
                *state.histogram.entry((cell, buckets::of((times[1] - times[0]) as u64))).or_default() += 1;
            }
        }
    }

    fn merge(&self, into: &mut State, from: State) {
        for (cell, edge) in from.edges() {
            let sum = into.edge(cell);
            sum.customers += edge.customers;
            sum.gaps.merge(&edge.gaps);
        }
        for (key, count) in from.histogram {
            *into.histogram.entry(key).or_default() += count;
        }
    }

    fn columns(&self, state: State) -> Result<Vec<Vec<PartialColumn>>> {
        let edges = state.edges();
        if edges.len() > self.most_edges {
            return Err(Error::Argument(format!(
                "{} different transitions, more than the {} allowed; with {} event names a table of pairs says little: \
                 group the names first, or raise max_edges",
                edges.len(),
                self.most_edges,
                self.names.len()
            )));
        }
        // Totals of an edge first (bucket -1), then its histogram.
        let mut buckets_of: Vec<((u64, u32), i64)> =
            state.histogram.iter().map(|(&key, &count)| (key, count)).collect();
        buckets_of.sort_unstable();
        let cells: Vec<u64> =
            edges.iter().map(|(cell, _)| *cell).chain(buckets_of.iter().map(|((cell, _), _)| *cell)).collect();
        let total = |pick: fn(&Edge) -> i64, other: i64| {
            edges.iter().map(|(_, edge)| pick(edge)).chain(buckets_of.iter().map(|_| other)).collect::<Vec<_>>()
        };
        let bounded = |pick: fn(&Edge) -> i64| -> Int64Array {
            let of_edge = |(cell, edge): &(u64, &Edge)| (!self.virtual_edge(*cell)).then(|| pick(edge));
            edges.iter().map(of_edge).chain(buckets_of.iter().map(|_| None)).collect()
        };
        let bound = |pick: fn((u64, u64)) -> u64| -> Int64Array {
            let of_bucket = buckets_of.iter().map(|((_, bucket), _)| Some(pick(buckets::bounds(*bucket)) as i64));
            edges.iter().map(|_| None).chain(of_bucket).collect()
        };
        let numbers = buckets_of.iter().map(|((_, bucket), _)| i64::from(*bucket));
        let bucket: Vec<i64> = edges.iter().map(|_| -1).chain(numbers).collect();
        let counts = buckets_of.iter().map(|(_, count)| *count);
        let events: Vec<i64> = edges.iter().map(|(_, edge)| edge.gaps.count as i64).chain(counts).collect();
        let sums = edges.iter().map(|(_, edge)| edge.gaps.sum).chain(buckets_of.iter().map(|_| 0));
        Ok(vec![vec![
            ("from", Role::Key, texts(cells.iter().map(|&cell| Some(self.from_name(cell))))?),
            ("to", Role::Key, texts(cells.iter().map(|&cell| Some(self.to_name(cell))))?),
            ("bucket", Role::Key, Arc::new(Int64Array::from(bucket))),
            ("events", Role::Sum, Arc::new(Int64Array::from(events))),
            ("customers", Role::Sum, Arc::new(Int64Array::from(total(|edge| edge.customers as i64, 0)))),
            ("time_sum_us", Role::Sum, big_sums(sums)?),
            ("time_min_us", Role::Min, Arc::new(bounded(|edge| edge.gaps.min))),
            ("time_max_us", Role::Max, Arc::new(bounded(|edge| edge.gaps.max))),
            ("bucket_low_us", Role::Min, Arc::new(bound(|(low, _)| low))),
            ("bucket_width_us", Role::Min, Arc::new(bound(|(_, width)| width))),
        ]])
    }

    fn task_events(&self) -> usize {
        if self.dense { 1 << 17 } else { 1 << 20 }
    }
}
