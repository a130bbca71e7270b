//! What conditions on measures may say of an event beyond its columns: its place in the journey, and the time to others.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};

use foldhash::fast::FixedState;

use crate::calendar::Periods;
use crate::error::Result;
use crate::log::{EventLog, Segments};

/// The columns that are derived when they are named, where the log has none of the name.
pub const DERIVED: [&str; 6] = [
    "nth_event",
    "nth_of_event",
    "seconds_since_previous",
    "seconds_since_same",
    "seconds_until_same",
    "periods_since_previous",
];

/// The columns that are derived from another one, whose name follows.
pub const DERIVED_FROM: [&str; 3] = ["nth_of_event_and_", "seconds_since_first_of_", "seconds_since_previous_of_"];

/// A derived column, one value per event; `None` where the name is none of those above. `periods` are those of the
/// question: without them nothing is known of `periods_since_previous`.
pub fn derived(log: &EventLog, name: &str, periods: Option<&Periods>) -> Result<Option<ArrayRef>> {
    let names = log.segments("event")?;
    let same = of(&names);
    Ok(Some(match name {
        "nth_event" => {
            let places = (0..log.customers()).flat_map(|customer| 1..=log.range(customer).len() as i64);
            Arc::new(Int64Array::from_iter_values(places))
        }
        "nth_of_event" => nth(log, &same),
        "seconds_since_previous" => since(log, &previous(log, &|_| Some(0))),
        "seconds_since_same" => since(log, &previous(log, &same)),
        "seconds_until_same" => until(log, &previous(log, &same)),
        "periods_since_previous" => Arc::new(periods_since_previous(log, periods)),
        _ => {
            let from = DERIVED_FROM.iter().find_map(|prefix| Some((*prefix, name.strip_prefix(prefix)?)));
            let Some((prefix, column)) = from else { return Ok(None) };
            let values = log.segments(column)?;
            let own = of(&values);
            match prefix {
                "nth_of_event_and_" => nth(log, &|event| own(event).map(|value| (names.of_event(event), value))),
                "seconds_since_first_of_" => since(log, &first(log, &own)),
                _ => since(log, &previous(log, &own)),
            }
        }
    }))
}

/// What two events have in common if they are of one kind; none of events that are of no kind.
fn of(values: &Segments) -> impl Fn(usize) -> Option<usize> + '_ {
    let missing = values.len() - 1;
    move |event| Some(values.of_event(event)).filter(|&value| value < missing)
}

type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// For each event, how many of its kind the customer had up to it.
fn nth<K: Hash + Eq>(log: &EventLog, kind: &dyn Fn(usize) -> Option<K>) -> ArrayRef {
    let mut seen: HashMap<K, i64> = HashMap::default();
    let mut places = Vec::with_capacity(log.len());
    for customer in 0..log.customers() {
        seen.clear();
        for event in log.range(customer) {
            places.push(kind(event).map(|kind| {
                let place = seen.entry(kind).or_default();
                *place += 1;
                *place
            }));
        }
    }
    Arc::new(Int64Array::from(places))
}

/// For each event, the one before it of the same kind and customer.
fn previous<K: Hash + Eq>(log: &EventLog, kind: &dyn Fn(usize) -> Option<K>) -> Vec<Option<u32>> {
    let mut last: HashMap<K, u32> = HashMap::default();
    let mut before = Vec::with_capacity(log.len());
    for customer in 0..log.customers() {
        last.clear();
        before.extend(log.range(customer).map(|event| last.insert(kind(event)?, event as u32)));
    }
    before
}

/// For each event, the customer's first one of the same kind, which may be itself.
fn first<K: Hash + Eq>(log: &EventLog, kind: &dyn Fn(usize) -> Option<K>) -> Vec<Option<u32>> {
    let mut firsts: HashMap<K, u32> = HashMap::default();
    let mut found = Vec::with_capacity(log.len());
    for customer in 0..log.customers() {
        firsts.clear();
        found.extend(log.range(customer).map(|event| Some(*firsts.entry(kind(event)?).or_insert(event as u32))));
    }
    found
}

fn seconds(log: &EventLog, from: u32, to: usize) -> f64 {
    (log.times[to] - log.times[from as usize]) as f64 / 1e6
}

fn since(log: &EventLog, others: &[Option<u32>]) -> ArrayRef {
    let values = others.iter().enumerate().map(|(event, other)| other.map(|other| seconds(log, other, event)));
    Arc::new(values.collect::<Float64Array>())
}

fn until(log: &EventLog, previous: &[Option<u32>]) -> ArrayRef {
    let mut values = vec![None; log.len()];
    for (event, before) in previous.iter().enumerate() {
        if let Some(before) = *before {
            values[before as usize] = Some(seconds(log, before, event));
        }
    }
    Arc::new(Float64Array::from(values))
}

/// For each event, how many periods lie between its own and that of the customer's event before: 0 in the same one.
fn periods_since_previous(log: &EventLog, periods: Option<&Periods>) -> Int64Array {
    let Some(periods) = periods else { return Int64Array::new_null(log.len()) };
    let mut gaps = Vec::with_capacity(log.len());
    for customer in 0..log.customers() {
        let mut before = None;
        for &time in &log.times[log.range(customer)] {
            let period = before.map_or_else(|| periods.index_of(time), |hint| periods.advance(hint, time));
            gaps.push(before.map(|before| (period - before) as i64));
            before = Some(period);
        }
    }
    gaps.into()
}
