//! Funnel: how far customers get through ordered steps within a window.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use serde::Deserialize;

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};
use crate::pattern::{Chains, Hit, StepSpec, Steps};

/// Parameters of [`Funnel`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    steps: Vec<StepSpec>,
    within_us: Option<i64>,
    order: Order,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// Other events may stand between the steps.
    Ordered,
}

/// The funnel table.
pub struct Funnel {
    steps: Steps,
    within: Option<i64>,
    observed_until: i64,
}

/// What became of a customer who entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Completed,
    Dropped,
    Open,
}

impl Status {
    const ALL: [Self; 3] = [Self::Completed, Self::Dropped, Self::Open];

    fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Dropped => "dropped",
            Self::Open => "open",
        }
    }
}

/// Buffers for the events of one customer.
#[derive(Default)]
pub struct Scratch {
    positions: Vec<u32>,
    hits: Vec<Hit>,
    chains: Chains,
}

impl Analysis for Funnel {
    const NAME: &'static str = "funnel";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let Order::Ordered = params.order;
        if let Some(within) = params.within_us.filter(|&within| within <= 0) {
            return Err(Error::Argument(format!("within_us is {within}; a window is longer than nothing")));
        }
        Ok(Self {
            steps: Steps::compile(&params.steps, log)?,
            within: params.within_us,
            observed_until: log.observed_until(),
        })
    }
}

impl Kernel for Funnel {
    /// Customers by steps reached and status.
    type State = Vec<[i64; Status::ALL.len()]>;
    type Scratch = Scratch;

    fn init(&self) -> Self::State {
        vec![[0; Status::ALL.len()]; self.steps.count()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let Scratch { positions, hits, chains } = scratch;
        self.steps.hits(journey, positions, hits);
        let Some(first) = hits.iter().position(|hit| hit.mask & 1 != 0) else { return };
        // Events that share the time of the first entry may still count, in the customer's favour.
        let entry = hits[first].time;
        let start = hits[..first].iter().rposition(|hit| hit.time < entry).map_or(0, |before| before + 1);
        chains.follow(&hits[start..], self.steps.count(), self.within);
        let reached = chains.furthest();
        let (Some(latest), Some(furthest)) = (chains.attempt(1), chains.attempt(reached)) else { return };
        let status = if reached == self.steps.count() {
            Status::Completed
        } else if self.within.is_none_or(|within| latest.entry.saturating_add(within) > self.observed_until) {
            Status::Open
        } else {
            Status::Dropped
        };
        groups.at(journey, furthest.position as usize)[reached - 1][status as usize] += 1;
    }

    fn merge(&self, into: &mut Self::State, from: Self::State) {
        for (into, from) in into.iter_mut().flatten().zip(from.iter().flatten()) {
            *into += from;
        }
    }

    fn columns(&self, state: Self::State) -> Result<Vec<Vec<PartialColumn>>> {
        let cells = state.iter().enumerate().flat_map(|(step, counts)| {
            Status::ALL.into_iter().map(move |status| (step as i64 + 1, status, counts[status as usize]))
        });
        let cells: Vec<_> = cells.filter(|(_, _, customers)| *customers > 0).collect();
        Ok(vec![vec![
            ("reached", Role::Key, Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.0)))),
            ("status", Role::Key, Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.1.name())))),
            ("customers", Role::Sum, Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.2)))),
        ]])
    }
}
