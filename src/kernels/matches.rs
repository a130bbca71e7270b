//! Matches of a pattern: how many customers have one, how long they take, each of them, and the events inside.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::datatypes::UInt32Type;
use serde::Deserialize;

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role, big_sums, histograms, texts};
use crate::pattern::{self, Found, Matcher, Pattern};
use crate::state::Histograms;

/// Parameters of all kernels of this file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    pattern: String,
}

/// How many customers have a match, by what became of them.
pub struct Match(Matcher);

/// What became of each customer.
pub struct MatchCustomers {
    matcher: Matcher,
    customers: ArrayRef,
}

/// Every match.
pub struct MatchRows {
    matcher: Matcher,
    customers: ArrayRef,
}

/// For every event of the log, the match that it lies in.
pub struct MatchEvents(Matcher);

/// Buffers for the matches of one customer.
#[derive(Default)]
pub struct Scratch {
    search: pattern::Scratch,
    matches: Vec<pattern::Match>,
}

impl Scratch {
    /// The matches of a journey in the order of their first events, what became of it, and the event that decides its
    /// segment: the first one of the first match, else of the journey.
    fn matches<C: Code>(&mut self, matcher: &Matcher, journey: &Journey<'_, C>) -> Result<(Found, usize)> {
        let Self { search, matches } = self;
        matches.clear();
        let found = matcher.matches(journey, search, |found| {
            matches.push(found);
            true
        })?;
        matches.sort_unstable_by_key(|found| found.first);
        Ok((found, matches.first().map_or(0, |found| found.first as usize)))
    }
}

/// What is counted of a segment.
#[derive(Default)]
pub struct Counts {
    /// By status.
    customers: [i64; STATUSES.len()],
    matches: i64,
    events: i64,
    time_sum: i128,
    time_min: Option<i64>,
    time_max: Option<i64>,
    times: Histograms,
    /// The first journey that could not be searched.
    failure: Option<Error>,
}

impl Analysis for Match {
    const NAME: &'static str = "match";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        Pattern::parse(&params.pattern)?.bind(log).map(Self)
    }
}

impl Kernel for Match {
    type State = Counts;
    type Scratch = Scratch;

    fn init(&self) -> Counts {
        Counts::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let (found, anchor) = match scratch.matches(&self.0, journey) {
            Ok(found) => found,
            Err(failure) => {
                groups.at(journey, 0).failure.get_or_insert(failure);
                return;
            }
        };
        let counts = groups.at(journey, anchor);
        counts.customers[status(found)] += 1;
        for found in &scratch.matches {
            let time = journey.times[found.last as usize] - journey.times[found.first as usize];
            counts.matches += 1;
            counts.events += i64::from(found.events);
            counts.time_sum += i128::from(time);
            counts.time_min = Some(counts.time_min.map_or(time, |least| least.min(time)));
            counts.time_max = Some(counts.time_max.map_or(time, |most| most.max(time)));
            counts.times.add(status(Found::Matched) as u64, time as u64);
        }
    }

    fn merge(&self, into: &mut Counts, from: Counts) {
        into.customers.iter_mut().zip(from.customers).for_each(|(into, from)| *into += from);
        into.matches += from.matches;
        into.events += from.events;
        into.time_sum += from.time_sum;
        into.time_min = into.time_min.into_iter().chain(from.time_min).min();
        into.time_max = into.time_max.into_iter().chain(from.time_max).max();
        into.times.merge(from.times);
        into.failure = into.failure.take().or(from.failure);
    }

    fn columns(&self, state: Counts) -> Result<Vec<Vec<PartialColumn>>> {
        if let Some(failure) = state.failure {
            return Err(failure);
        }
        let rows: Vec<usize> = (0..STATUSES.len()).filter(|&status| state.customers[status] > 0).collect();
        let matched = rows.iter().map(|&status| status == self::status(Found::Matched));
        let number = |value: i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(matched.clone().map(|matched| if matched { value } else { 0 })))
        };
        let bound = |value: Option<i64>| -> ArrayRef {
            Arc::new(matched.clone().map(|matched| value.filter(|_| matched)).collect::<Int64Array>())
        };
        let sums = matched.clone().map(|matched| Some(if matched { state.time_sum } else { 0 }));
        let customers = rows.iter().map(|&status| state.customers[status]);
        Ok(vec![vec![
            ("status", Role::Key, texts(rows.iter().map(|&status| STATUSES[status]))),
            ("customers", Role::Sum, Arc::new(Int64Array::from_iter_values(customers))),
            ("matches", Role::Sum, number(state.matches)),
            ("events", Role::Sum, number(state.events)),
            ("time_sum_us", Role::Sum, big_sums(sums)?),
            ("time_min_us", Role::Min, bound(state.time_min)),
            ("time_max_us", Role::Max, bound(state.time_max)),
            ("time_histogram", Role::Histogram, histograms(rows.iter().map(|&row| row as u64), state.times.finish())),
        ]])
    }
}

/// Rows of customers, in the order of the log.
#[derive(Default)]
pub struct CustomerRows {
    customer: Vec<u32>,
    status: Vec<u32>,
    matches: Vec<i64>,
    failure: Option<Error>,
}

/// What became of a customer, by its number.
const STATUSES: [&str; 3] = ["matched", "open", "unmatched"];

fn status(found: Found) -> usize {
    match found {
        Found::Matched => 0,
        Found::Open => 1,
        Found::Nothing => 2,
    }
}

impl Analysis for MatchCustomers {
    const NAME: &'static str = "match_customers";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let matcher = Pattern::parse(&params.pattern)?.bind(log)?;
        Ok(Self { matcher, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for MatchCustomers {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<CustomerRows>;
    type Scratch = Scratch;

    fn init(&self) -> Self::State {
        vec![CustomerRows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let found = scratch.matches(&self.matcher, journey);
        let anchor = found.as_ref().map_or(0, |(_, anchor)| *anchor);
        let Some(rows) = groups.at(journey, anchor).last_mut() else { return };
        match found {
            Ok((found, _)) => {
                rows.customer.push(journey.customer as u32);
                rows.status.push(status(found) as u32);
                rows.matches.push(scratch.matches.len() as i64);
            }
            Err(failure) => rows.failure = rows.failure.take().or(Some(failure)),
        }
    }

    fn merge(&self, into: &mut Self::State, from: Self::State) {
        into.extend(from);
    }

    fn columns(&self, state: Self::State) -> Result<Vec<Vec<PartialColumn>>> {
        let statuses: ArrayRef = Arc::new(StringArray::from_iter_values(STATUSES));
        let batch = |rows: CustomerRows| -> Result<Vec<PartialColumn>> {
            if let Some(failure) = rows.failure {
                return Err(failure);
            }
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer, &self.customers)?),
                ("status", Role::Concat, named(rows.status, &statuses)?),
                ("matches", Role::Concat, Arc::new(Int64Array::from(rows.matches))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}

/// Rows of matches, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    number: Vec<i64>,
    start: Vec<i64>,
    end: Vec<i64>,
    events: Vec<i64>,
    failure: Option<Error>,
}

impl Analysis for MatchRows {
    const NAME: &'static str = "match_rows";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let matcher = Pattern::parse(&params.pattern)?.bind(log)?;
        Ok(Self { matcher, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for MatchRows {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let found = scratch.matches(&self.matcher, journey);
        if matches!(found, Ok((found, _)) if found != Found::Matched) {
            return;
        }
        let anchor = found.as_ref().map_or(0, |(_, anchor)| *anchor);
        let Some(rows) = groups.at(journey, anchor).last_mut() else { return };
        if let Err(failure) = found {
            rows.failure = rows.failure.take().or(Some(failure));
            return;
        }
        for (index, found) in scratch.matches.iter().enumerate() {
            rows.customer.push(journey.customer as u32);
            rows.number.push(index as i64 + 1);
            rows.start.push(journey.times[found.first as usize]);
            rows.end.push(journey.times[found.last as usize]);
            rows.events.push(i64::from(found.events));
        }
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let time =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            if let Some(failure) = rows.failure {
                return Err(failure);
            }
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer, &self.customers)?),
                ("match", Role::Concat, Arc::new(Int64Array::from(rows.number))),
                ("start", Role::Concat, time(rows.start)),
                ("end", Role::Concat, time(rows.end)),
                ("events", Role::Concat, Arc::new(Int64Array::from(rows.events))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}

/// The number of its match for each event, 0 outside of all.
#[derive(Default)]
pub struct Numbers {
    matches: Vec<i64>,
    failure: Option<Error>,
}

impl Analysis for MatchEvents {
    const NAME: &'static str = "match_events";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        Pattern::parse(&params.pattern)?.bind(log).map(Self)
    }
}

impl Kernel for MatchEvents {
    /// A run of events per task: states are strung together, never copied.
    type State = Vec<Numbers>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Numbers> {
        vec![Numbers::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let found = scratch.matches(&self.0, journey);
        let Some(numbers) = groups.at(journey, 0).last_mut() else { return };
        if let Err(failure) = found {
            numbers.failure = numbers.failure.take().or(Some(failure));
            return;
        }
        let start = numbers.matches.len();
        numbers.matches.resize(start + journey.events.len(), 0);
        for (index, found) in scratch.matches.iter().enumerate() {
            let (first, last) = (found.first as usize, found.last as usize);
            let value = self.0.shared(journey.start + first);
            for position in first..=last {
                if self.0.shared(journey.start + position) == value {
                    numbers.matches[start + position] = index as i64 + 1;
                }
            }
        }
    }

    fn merge(&self, into: &mut Vec<Numbers>, from: Vec<Numbers>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Numbers>) -> Result<Vec<Vec<PartialColumn>>> {
        let batch = |numbers: Numbers| -> Result<Vec<PartialColumn>> {
            if let Some(failure) = numbers.failure {
                return Err(failure);
            }
            Ok(vec![("match", Role::Concat, Arc::new(Int64Array::from(numbers.matches)))])
        };
        state.into_iter().map(batch).collect()
    }
}

fn named(codes: Vec<u32>, names: &ArrayRef) -> Result<ArrayRef> {
    Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(codes), Arc::clone(names))?))
}
