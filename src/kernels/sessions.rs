//! Sessions: runs of events without a gap greater than the timeout.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, TimestampMicrosecondArray, UInt32Array};
use arrow::datatypes::UInt32Type;
use serde::Deserialize;

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Sessions`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    gap_us: i64,
}

/// The sessions table.
pub struct Sessions {
    gap: i64,
    observed_until: i64,
    customers: ArrayRef,
}

/// Rows of the table, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    session: Vec<u32>,
    start: Vec<i64>,
    end: Vec<i64>,
    events: Vec<u32>,
    open: Vec<bool>,
}

impl Sessions {
    fn push(&self, rows: &mut Rows, customer: usize, session: u32, times: &[i64]) {
        let (start, end) = (times[0], times[times.len() - 1]);
        rows.customer.push(customer as u32);
        rows.session.push(session);
        rows.start.push(start);
        rows.end.push(end);
        rows.events.push(times.len() as u32);
        rows.open.push(self.observed_until - end <= self.gap);
    }
}

impl Analysis for Sessions {
    const NAME: &'static str = "sessions";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.gap_us <= 0 {
            return Err(Error::Argument(format!("gap_us is {}; a gap is longer than nothing", params.gap_us)));
        }
        Ok(Self { gap: params.gap_us, observed_until: log.observed_until(), customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for Sessions {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = ();

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let times = journey.times;
        let (mut first, mut session) = (0, 0);
        for next in 1..=times.len() {
            if next == times.len() || times[next] - times[next - 1] > self.gap {
                session += 1;
                let rows = groups.at(journey, first);
                if let Some(rows) = rows.last_mut() {
                    self.push(rows, journey.customer, session, &times[first..next]);
                }
                first = next;
            }
        }
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let time =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("session", Role::Concat, Arc::new(UInt32Array::from(rows.session))),
                ("start", Role::Concat, time(rows.start)),
                ("end", Role::Concat, time(rows.end)),
                ("events", Role::Concat, Arc::new(UInt32Array::from(rows.events))),
                ("open", Role::Concat, Arc::new(BooleanArray::from(rows.open))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
