//! Recency, frequency and monetary value: when each customer last did something, how often, and for how much.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, UInt32Type};
use serde::Deserialize;

use super::{chosen, only};
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
    /// Of the rows that are added up already; none where no amounts are.
    monetary: Vec<f64>,
    without_value: Vec<i64>,
    /// Counted events of the other rows, and a buffer for their amounts.
    pending: Vec<u32>,
    known: Vec<f64>,
}

impl Rows {
    /// Adds up the amounts of one row.
    #[inline]
    fn add(&mut self, own: &[f64]) {
        let (mut sum, mut unknown) = (0.0, 0);
        for &amount in own {
            if amount.is_nan() {
                unknown += 1;
            } else {
                sum += amount;
            }
        }
        self.monetary.push(sum);
        self.without_value.push(unknown);
    }

    /// Adds up the amounts of the pending events: all are read first, so that the memory is asked for many at once.
    fn add_up(&mut self, amounts: &Numbers) {
        let mut known = std::mem::take(&mut self.known);
        known.clear();
        amounts.read(&self.pending, &mut known);
        self.pending.clear();
        let mut next = 0;
        for row in self.monetary.len()..self.frequency.len() {
            let end = next + self.frequency[row] as usize;
            self.add(&known[next..end]);
            next = end;
        }
        self.known = known;
    }
}

/// Events whose amounts are read at once.
const PENDING: usize = 1 << 14;

const DAY_US: f64 = 86_400_000_000.0;

impl Analysis for Rfm {
    const NAME: &'static str = "rfm";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let wanted = match chosen(params.events.as_deref(), log)? {
            None => Wanted::All,
            Some(codes) => only(&codes).map_or(Wanted::Several(codes), Wanted::One),
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

impl Rfm {
    /// The first event from a position on that counts.
    #[inline(always)]
    fn find<C: Code>(&self, events: &[C], from: usize) -> Option<usize> {
        let rest = &events[from..];
        let found = match &self.wanted {
            Wanted::All => (!rest.is_empty()).then_some(0),
            Wanted::One(code) => C::find(rest, C::from_index(*code)),
            Wanted::Several(codes) => rest.iter().position(|event| codes[event.index()]),
        };
        found.map(|found| from + found)
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
        let Some(first) = self.find(events, 0) else { return };
        let Some(rows) = groups.at(journey, first).last_mut() else { return };
        let (mut last, mut number) = (first, 0);
        if matches!(self.wanted, Wanted::All) {
            (last, number) = (end - 1, end as i64);
            match (&self.amounts, self.amounts.as_ref().and_then(Numbers::contiguous)) {
                (Some(_), Some(values)) => rows.add(&values[journey.start..journey.start + end]),
                (Some(_), None) => rows.pending.extend((journey.start..journey.start + end).map(|event| event as u32)),
                (None, _) => {}
            }
        } else {
            let mut found = Some(first);
            while let Some(position) = found {
                (last, number) = (position, number + 1);
                if self.amounts.is_some() {
                    rows.pending.push((journey.start + position) as u32);
                }
                found = self.find(events, position + 1);
            }
        }
        rows.customer.push(journey.customer as u32);
        rows.first.push(times[first]);
        rows.last.push(times[last]);
        rows.frequency.push(number);
        if let Some(amounts) = self.amounts.as_ref().filter(|_| rows.pending.len() >= PENDING) {
            rows.add_up(amounts);
        }
    }

    fn needed(&self) -> Option<usize> {
        match &self.wanted {
            Wanted::One(code) => Some(*code),
            Wanted::All | Wanted::Several(_) => None,
        }
    }

    fn merge(&self, into: &mut Vec<Rows>, mut from: Vec<Rows>) {
        if let Some(amounts) = &self.amounts {
            into.iter_mut().chain(&mut from).for_each(|rows| rows.add_up(amounts));
        }
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let time =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let batch = |mut rows: Rows| -> Result<Vec<PartialColumn>> {
            let length = rows.customer.len();
            if let Some(amounts) = &self.amounts {
                rows.add_up(amounts);
            }
            let recency = rows.last.iter().map(|last| (self.at - last) as f64 / DAY_US);
            let recency = Float64Array::from_iter_values(recency);
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            let (monetary, without_value): (ArrayRef, ArrayRef) = if self.amounts.is_some() {
                let known = rows.frequency.iter().zip(&rows.without_value).map(|(events, without)| events > without);
                let known = NullBuffer::from(known.collect::<Vec<_>>());
                let monetary = Float64Array::new(rows.monetary.into(), Some(known));
                (Arc::new(monetary), Arc::new(Int64Array::from(rows.without_value)))
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
