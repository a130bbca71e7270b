//! Recency, frequency and monetary value: when each customer last did something, how often, and for how much.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::datatypes::{DataType, UInt32Type};
use serde::Deserialize;

use super::chosen;
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey, Numbers};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Rfm`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What is counted; all events where none are given.
    events: Option<Vec<String>>,
    /// Later events are not looked at, and recency runs to here, µs UTC; `observed_until` where none is given.
    at_us: Option<i64>,
    /// The column with the amounts, if they are added up.
    value: Option<String>,
}

/// The table of customers.
pub struct Rfm {
    wanted: Wanted,
    at: i64,
    amounts: Option<Numbers>,
    customers: ArrayRef,
}

/// The events that are counted.
enum Wanted {
    All,
    One(usize),
    Several(Vec<bool>),
}

/// Rows of the table, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    first: Vec<i64>,
    last: Vec<i64>,
    frequency: Vec<i64>,
    /// Empty where no amounts are added up.
    monetary: Vec<Option<f64>>,
    without_value: Vec<i64>,
}

const DAY_US: f64 = 86_400_000_000.0;

impl Analysis for Rfm {
    const NAME: &'static str = "rfm";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let wanted = match chosen(params.events.as_deref(), log)? {
            None => Wanted::All,
            Some(codes) => {
                let mut found = codes.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(code, _)| code);
                match (found.next(), found.next()) {
                    (Some(only), None) => Wanted::One(only),
                    _ => Wanted::Several(codes),
                }
            }
        };
        let all = matches!(wanted, Wanted::All);
        Ok(Self {
            wanted,
            at: params.at_us.unwrap_or(log.observed_until()),
            amounts: params.value.map(|name| log.numbers(&name, all)).transpose()?,
            customers: Arc::clone(log.customer_ids()),
        })
    }
}

/// What a customer did that counts: positions of the first and the last event, and how many.
struct Found {
    first: usize,
    last: usize,
    events: i64,
}

impl Rfm {
    /// Calls `take` with the position of each event that counts.
    #[inline(always)]
    fn positions<C: Code>(&self, events: &[C], mut take: impl FnMut(usize)) {
        let each = events.iter().enumerate();
        match &self.wanted {
            Wanted::All => each.for_each(|(position, _)| take(position)),
            Wanted::One(code) => {
                each.filter(|(_, event)| event.index() == *code).for_each(|(position, _)| take(position));
            }
            Wanted::Several(codes) => {
                each.filter(|(_, event)| codes[event.index()]).for_each(|(position, _)| take(position));
            }
        }
    }

    #[inline(always)]
    fn find<C: Code>(&self, events: &[C]) -> Option<Found> {
        if let Wanted::All = self.wanted {
            let last = events.len().checked_sub(1)?;
            return Some(Found { first: 0, last, events: events.len() as i64 });
        }
        let mut found: Option<Found> = None;
        self.positions(events, |position| {
            let found = found.get_or_insert(Found { first: position, last: position, events: 0 });
            found.last = position;
            found.events += 1;
        });
        found
    }
}

impl Kernel for Rfm {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = ();

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    #[inline]
    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let times = journey.times;
        let end = match times.last() {
            Some(&last) if last <= self.at => times.len(),
            _ => times.partition_point(|&time| time <= self.at),
        };
        let events = &journey.events[..end];
        let Some(found) = self.find(events) else { return };
        let Some(rows) = groups.at(journey, found.first).last_mut() else { return };
        rows.customer.push(journey.customer as u32);
        rows.first.push(times[found.first]);
        rows.last.push(times[found.last]);
        rows.frequency.push(found.events);
        if let Some(amounts) = &self.amounts {
            let (mut sum, mut valued) = (0.0, 0);
            self.positions(events, |position| {
                if let Some(amount) = amounts.at(journey.start + position) {
                    sum += amount;
                    valued += 1;
                }
            });
            rows.monetary.push((valued > 0).then_some(sum));
            rows.without_value.push(found.events - valued);
        }
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let time =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let length = rows.customer.len();
            let recency = rows.last.iter().map(|last| (self.at - last) as f64 / DAY_US);
            let recency = Float64Array::from_iter_values(recency);
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            let (monetary, without_value): (ArrayRef, ArrayRef) = if self.amounts.is_some() {
                (Arc::new(Float64Array::from(rows.monetary)), Arc::new(Int64Array::from(rows.without_value)))
            } else {
                (new_null_array(&DataType::Float64, length), new_null_array(&DataType::Int64, length))
            };
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("recency_days", Role::Concat, Arc::new(recency)),
                ("frequency", Role::Concat, Arc::new(Int64Array::from(rows.frequency))),
                ("monetary", Role::Concat, monetary),
                ("without_value", Role::Concat, without_value),
                ("first", Role::Concat, time(rows.first)),
                ("last", Role::Concat, time(rows.last)),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
