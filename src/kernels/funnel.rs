//! Funnel: how far customers get through steps, under the rules of the funnel.

mod rules;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int64Array, ListArray, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, UInt32Type};

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

pub use rules::Params;
use rules::{FunnelRules, Scratch, Status};

/// The funnel table.
pub struct Funnel(FunnelRules);

impl Analysis for Funnel {
    const NAME: &'static str = "funnel";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        FunnelRules::bind(params, log).map(Self)
    }
}

impl Kernel for Funnel {
    /// Units by steps reached and status.
    type State = Vec<[i64; Status::ALL.len()]>;
    type Scratch = Scratch;

    fn init(&self) -> Self::State {
        vec![[0; Status::ALL.len()]; self.0.steps() * self.0.ways()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        self.0.outcomes(journey, scratch, false, |outcome, _| {
            let cell = outcome.skipped * self.0.steps() + outcome.reached - 1;
            groups.at(journey, outcome.position as usize)[cell][outcome.status as usize] += 1;
        });
    }

    fn needed(&self) -> Option<usize> {
        self.0.needed()
    }

    fn merge(&self, into: &mut Self::State, from: Self::State) {
        for (into, from) in into.iter_mut().flatten().zip(from.iter().flatten()) {
            *into += from;
        }
    }

    fn columns(&self, state: Self::State) -> Result<Vec<Vec<PartialColumn>>> {
        let steps = self.0.steps();
        let cells = state.iter().enumerate().flat_map(|(cell, counts)| {
            Status::ALL.into_iter().map(move |status| (cell % steps + 1, cell / steps, status, counts[status as usize]))
        });
        let cells: Vec<_> = cells.filter(|(.., customers)| *customers > 0).collect();
        let numbers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let status = StringArray::from_iter_values(cells.iter().map(|cell| cell.2.name()));
        Ok(vec![vec![
            ("reached", Role::Key, numbers(cells.iter().map(|cell| cell.0 as i64).collect())),
            ("skipped", Role::Key, numbers(cells.iter().map(|cell| cell.1 as i64).collect())),
            ("status", Role::Key, Arc::new(status)),
            ("customers", Role::Sum, numbers(cells.iter().map(|cell| cell.3).collect())),
        ]])
    }
}

/// The attempts behind the funnel table: one row for each that counts.
pub struct FunnelAttempts {
    rules: FunnelRules,
    customers: ArrayRef,
}

/// Rows, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    status: Vec<u32>,
    reached: Vec<i64>,
    /// Bits of the steps up to there that were left out.
    skipped: Vec<i64>,
    /// Of the steps that were taken.
    times: Vec<i64>,
    positions: Vec<u32>,
    lengths: Vec<usize>,
}

impl Analysis for FunnelAttempts {
    const NAME: &'static str = "funnel_attempts";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        Ok(Self { rules: FunnelRules::bind(params, log)?, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for FunnelAttempts {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        self.rules.outcomes(journey, scratch, true, |outcome, taken| {
            if let Some(rows) = groups.at(journey, outcome.position as usize).last_mut() {
                rows.customer.push(journey.customer as u32);
                rows.status.push(outcome.status as u32);
                rows.reached.push(outcome.reached as i64);
                let skipped = taken.iter().enumerate().filter(|(_, hit)| hit.is_none());
                rows.skipped.push(skipped.fold(0, |bits, (step, _)| bits | 1 << step));
                let before = rows.times.len();
                rows.times.extend(taken.iter().flatten().map(|hit| hit.time));
                rows.positions.extend(taken.iter().flatten().map(|hit| hit.position));
                rows.lengths.push(rows.times.len() - before);
            }
        });
    }

    fn needed(&self) -> Option<usize> {
        self.rules.needed()
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let statuses: ArrayRef =
            Arc::new(StringArray::from_iter_values(Status::ALL.iter().map(|status| status.name())));
        let list = |values: ArrayRef, lengths: &OffsetBuffer<i32>| -> Result<ArrayRef> {
            let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Ok(Arc::new(ListArray::try_new(field, lengths.clone(), values, None)?))
        };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let named = |codes: Vec<u32>, names: &ArrayRef| -> Result<ArrayRef> {
                Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(codes), Arc::clone(names))?))
            };
            let lengths = OffsetBuffer::from_lengths(rows.lengths);
            let times = Arc::new(TimestampMicrosecondArray::from(rows.times).with_timezone("UTC"));
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer, &self.customers)?),
                ("reached", Role::Concat, Arc::new(Int64Array::from(rows.reached))),
                ("skipped", Role::Concat, Arc::new(Int64Array::from(rows.skipped))),
                ("status", Role::Concat, named(rows.status, &statuses)?),
                ("times", Role::Concat, list(times, &lengths)?),
                ("positions", Role::Concat, list(Arc::new(UInt32Array::from(rows.positions)), &lengths)?),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}

/// Which events of each customer may fill which steps: what an explanation needs beside the attempts.
pub struct FunnelEvents {
    rules: FunnelRules,
    customers: ArrayRef,
}

/// Rows, in the order of the log.
#[derive(Default)]
pub struct EventRows {
    customer: Vec<u32>,
    position: Vec<u32>,
    steps: Vec<i64>,
}

impl Analysis for FunnelEvents {
    const NAME: &'static str = "funnel_events";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        Ok(Self { rules: FunnelRules::bind(params, log)?, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for FunnelEvents {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<EventRows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<EventRows> {
        vec![EventRows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        if let Some(rows) = groups.at(journey, 0).last_mut() {
            for hit in self.rules.hits(journey, scratch) {
                rows.customer.push(journey.customer as u32);
                rows.position.push(hit.position);
                rows.steps.push(hit.mask.cast_signed());
            }
        }
    }

    fn merge(&self, into: &mut Vec<EventRows>, from: Vec<EventRows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<EventRows>) -> Result<Vec<Vec<PartialColumn>>> {
        let batch = |rows: EventRows| -> Result<Vec<PartialColumn>> {
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("position", Role::Concat, Arc::new(UInt32Array::from(rows.position))),
                ("steps", Role::Concat, Arc::new(Int64Array::from(rows.steps))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
