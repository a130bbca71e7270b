//! What conditions on measures may say of an event beyond its columns: its place in the journey, and the time to others.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::buffer::BooleanBuffer;

use foldhash::fast::FixedState;

use crate::calendar::Periods;
use crate::error::Result;
use crate::log::{EventLog, Segments};

/// The columns that are derived from the events that meet a condition, whose name follows.
pub const DERIVED_OF: [&str; 5] =
    ["nth_", "seconds_since_first_", "seconds_since_last_", "seconds_until_next_", "periods_since_last_"];

/// The columns that are derived when they are named, where the log has none of the name.
pub const DERIVED: [&str; 7] = [
    "nth_event",
    "nth_of_event",
    "seconds_since_previous",
    "seconds_since_same",
    "seconds_until_same",
    "periods_since_previous",
    "periods_since_first",
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
        "seconds_until_same" => until(log, &next(log, &same)),
        "periods_since_previous" => periods_since(log, periods, &previous(log, &|_| Some(0))),
        "periods_since_first" => periods_since(log, periods, &first(log, &|_| Some(0))),
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

/// The time until a later event.
fn until(log: &EventLog, others: &[Option<u32>]) -> ArrayRef {
    let values = others.iter().enumerate().map(|(event, other)| Some(seconds(log, event as u32, (*other)? as usize)));
    Arc::new(values.collect::<Float64Array>())
}

/// For each event, the one after it of the same kind and customer.
fn next<K: Hash + Eq>(log: &EventLog, kind: &dyn Fn(usize) -> Option<K>) -> Vec<Option<u32>> {
    before(log, kind, &BooleanBuffer::new_set(log.len()), Before::Backwards)
}

/// For each event, how many periods lie between its own and that of another one: 0 in the same one.
fn periods_since(log: &EventLog, periods: Option<&Periods>, others: &[Option<u32>]) -> ArrayRef {
    let Some(periods) = periods else { return Arc::new(Int64Array::new_null(log.len())) };
    let mut at = vec![0_i64; log.len()];
    for customer in 0..log.customers() {
        let mut period = 0;
        for event in log.range(customer) {
            period = periods.advance(period, log.times[event]);
            at[event] = period as i64;
        }
    }
    let gaps = others.iter().enumerate().map(|(event, other)| other.map(|other| at[event] - at[other as usize]));
    Arc::new(gaps.collect::<Int64Array>())
}

/// A column that is derived from the events that meet a condition, of those with the same value of `within` where one is
/// given: `prefix` is one of [`DERIVED_OF`]. An event has its own place among them if it is one of them; what is before and
/// after it are others, in the order of the log.
pub fn derived_of(
    log: &EventLog,
    prefix: &str,
    meets: &BooleanBuffer,
    within: Option<&Segments>,
    periods: Option<&Periods>,
) -> ArrayRef {
    let kind = |event: usize| within.map_or(Some(0), |values| of(values)(event));
    match prefix {
        "nth_" => nth(log, &|event| kind(event).filter(|_| meets.value(event))),
        "seconds_until_next_" => until(log, &before(log, &kind, meets, Before::Backwards)),
        "seconds_since_first_" => since(log, &before(log, &kind, meets, Before::First)),
        "periods_since_last_" => periods_since(log, periods, &before(log, &kind, meets, Before::Last)),
        _ => since(log, &before(log, &kind, meets, Before::Last)),
    }
}

/// Which of the events that meet a condition is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    First,
    Last,
    /// The next one, found from the end.
    Backwards,
}

/// For each event, another one of its kind and customer that meets the condition.
fn before<K: Hash + Eq>(
    log: &EventLog,
    kind: &dyn Fn(usize) -> Option<K>,
    meets: &BooleanBuffer,
    which: Before,
) -> Vec<Option<u32>> {
    let mut met: HashMap<K, u32> = HashMap::default();
    let mut found = vec![None; log.len()];
    for customer in 0..log.customers() {
        met.clear();
        let range = log.range(customer);
        for step in 0..range.len() {
            let event = if which == Before::Backwards { range.end - 1 - step } else { range.start + step };
            let Some(kind) = kind(event) else { continue };
            found[event] = met.get(&kind).copied();
            if meets.value(event) && (which != Before::First || !met.contains_key(&kind)) {
                met.insert(kind, event as u32);
            }
        }
    }
    found
}
