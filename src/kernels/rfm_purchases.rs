//! Purchases of each customer as the models of customer value take them: days with purchases, and when they were; or
//! opportunities, periods of the calendar, with purchases.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::UInt32Type;
use serde::Deserialize;

use super::{PeriodName, chosen};
use crate::calendar::{Calendar, Period, Periods};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey, Numbers};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`RfmPurchases`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    events: Option<Vec<String>>,
    /// Later events are not looked at, and ages run to the day of this instant, µs UTC; `observed_until` by default.
    at_us: Option<i64>,
    value: Option<String>,
    /// Days of the unit that times are counted in; 1 of opportunities.
    unit_days: f64,
    /// Periods that are opportunities to buy, of which those that are over count; by default days are looked at.
    #[serde(default)]
    opportunities: Option<Opportunities>,
}

/// Which periods of the calendar are opportunities.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opportunities {
    period: PeriodName,
    calendar: Calendar,
    week_start: u8,
}

/// The table of customers with a purchase.
pub struct RfmPurchases {
    events: Option<Vec<bool>>,
    /// The last instant that is looked at.
    at: i64,
    /// What is counted: purchases within one of these are one.
    days: Periods,
    unit_days: f64,
    amounts: Option<Numbers>,
    customers: ArrayRef,
}

/// Rows of the table, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    frequency: Vec<i64>,
    recency: Vec<f64>,
    age: Vec<f64>,
    /// Days after the first one whose value is known, and the sum of their values.
    valued: Vec<i64>,
    value: Vec<f64>,
}

/// Buffers of one journey.
#[derive(Default)]
pub struct Scratch {
    events: Vec<u32>,
    days: Vec<usize>,
    amounts: Vec<f64>,
}

impl Analysis for RfmPurchases {
    const NAME: &'static str = "rfm_purchases";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let at = params.at_us.unwrap_or(log.observed_until());
        let (first, last) = log.span();
        let (from, to) = (first.min(at), last.max(at));
        let (days, at) = match params.opportunities {
            None => (Periods::new(log.zone(), Period::Day, Calendar::Gregorian, from, to)?, at),
            Some(Opportunities { period, calendar, week_start }) => {
                let periods = Periods::new(log.zone(), period.with(week_start)?, calendar, from, to)?;
                let over = before_the_open_one(&periods, at);
                (periods, over)
            }
        };
        Ok(Self {
            events: chosen(params.events.as_deref(), log)?,
            at,
            days,
            unit_days: params.unit_days,
            amounts: params.value.map(|name| log.numbers(&name, false)).transpose()?,
            customers: Arc::clone(log.customer_ids()),
        })
    }
}

/// The last instant of the last period that is over at an instant, which holds that instant if it is its last one.
fn before_the_open_one(periods: &Periods, at: i64) -> i64 {
    let index = periods.index_of(at);
    let (start, next) = (periods.starts()[index], periods.starts()[index + 1]);
    if at + 1 >= next { at } else { start - 1 }
}

impl RfmPurchases {
    /// Adds up the values of the days after the first; a day counts as valued where any of its events has a value.
    fn add_up(&self, scratch: &mut Scratch) -> (i64, f64) {
        let Some(amounts) = &self.amounts else { return (0, 0.0) };
        scratch.amounts.clear();
        amounts.read(&scratch.events, &mut scratch.amounts);
        let (mut valued, mut sum, mut before) = (0, 0.0, scratch.days[0]);
        for (&day, &amount) in scratch.days.iter().zip(&scratch.amounts) {
            if day == scratch.days[0] || amount.is_nan() {
                continue;
            }
            valued += i64::from(day != before);
            sum += amount;
            before = day;
        }
        (valued, sum)
    }
}

impl Kernel for RfmPurchases {
    type State = Vec<Rows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        scratch.events.clear();
        scratch.days.clear();
        let (mut day, mut repeats, mut entry) = (0, 0, None);
        for (position, (&time, event)) in journey.times.iter().zip(journey.events).enumerate() {
            if time > self.at {
                break;
            }
            if self.events.as_ref().is_some_and(|events| !events[event.index()]) {
                continue;
            }
            let own = if entry.is_none() { self.days.index_of(time) } else { self.days.advance(day, time) };
            repeats += i64::from(entry.is_some() && own != day);
            day = own;
            entry.get_or_insert(position);
            scratch.events.push((journey.start + position) as u32);
            scratch.days.push(day);
        }
        let Some(entry) = entry else { return };
        let (valued, value) = self.add_up(scratch);
        let first = scratch.days[0];
        let Some(rows) = groups.at(journey, entry).last_mut() else { return };
        rows.customer.push(journey.customer as u32);
        rows.frequency.push(repeats);
        rows.recency.push((day - first) as f64 / self.unit_days);
        rows.age.push((self.days.index_of(self.at) - first) as f64 / self.unit_days);
        rows.valued.push(valued);
        rows.value.push(value);
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let known = NullBuffer::from(rows.valued.iter().map(|valued| *valued > 0).collect::<Vec<_>>());
            let means = rows.value.iter().zip(&rows.valued).map(|(sum, &valued)| sum / valued as f64);
            let means = Float64Array::new(means.collect::<Vec<_>>().into(), Some(known));
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("frequency", Role::Concat, Arc::new(Int64Array::from(rows.frequency))),
                ("recency", Role::Concat, Arc::new(Float64Array::from(rows.recency))),
                ("age", Role::Concat, Arc::new(Float64Array::from(rows.age))),
                ("valued", Role::Concat, Arc::new(Int64Array::from(rows.valued))),
                ("mean_value", Role::Concat, Arc::new(means)),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
