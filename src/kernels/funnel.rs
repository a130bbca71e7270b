//! Funnel: how far customers get through steps, under the rules of the funnel.

mod rules;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, ListArray, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, TimeUnit, UInt32Type};

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
        vec![[0; Status::ALL.len()]; self.0.steps()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        self.0.outcomes(journey, scratch, false, |outcome, _| {
            groups.at(journey, outcome.position as usize)[outcome.reached - 1][outcome.status as usize] += 1;
        });
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
    times: Vec<i64>,
    reached: Vec<usize>,
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
        self.rules.outcomes(journey, scratch, true, |outcome, times| {
            if let Some(rows) = groups.at(journey, outcome.position as usize).last_mut() {
                rows.customer.push(journey.customer as u32);
                rows.status.push(outcome.status as u32);
                rows.times.extend_from_slice(times);
                rows.reached.push(outcome.reached);
            }
        });
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let statuses: ArrayRef =
            Arc::new(StringArray::from_iter_values(Status::ALL.iter().map(|status| status.name())));
        let field =
            Arc::new(Field::new_list_field(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true));
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let named = |codes: Vec<u32>, names: &ArrayRef| -> Result<ArrayRef> {
                Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(codes), Arc::clone(names))?))
            };
            let reached = Int64Array::from_iter_values(rows.reached.iter().map(|&reached| reached as i64));
            let times = Arc::new(TimestampMicrosecondArray::from(rows.times).with_timezone("UTC"));
            let lengths = OffsetBuffer::from_lengths(rows.reached);
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer, &self.customers)?),
                ("reached", Role::Concat, Arc::new(reached)),
                ("status", Role::Concat, named(rows.status, &statuses)?),
                ("times", Role::Concat, Arc::new(ListArray::try_new(Arc::clone(&field), lengths, times, None)?)),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
