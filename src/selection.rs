//! Which customers and events make a part of a log: the question behind `EventLog.filter`.

use std::collections::HashSet;

use arrow::array::{Array, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use rayon::prelude::*;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::ingest::hash_ids;
use crate::log::{Code, EventLog};
use crate::pattern::{Pattern, Scratch};
use crate::pool::{Cancel, on_pool};
use crate::with_codes;

/// What to keep. All conditions look at the log as it is, and all must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Only these customers.
    pub customers: Option<Vec<CustomerId>>,
    /// Only customers who have any of these events.
    pub with_event: Option<Vec<String>>,
    /// Only customers who have none of these events.
    pub without_event: Option<Vec<String>>,
    /// Only customers who have a match of this pattern.
    #[serde(rename = "match")]
    pub with_match: Option<String>,
    /// Only customers who have no match of this pattern.
    pub without_match: Option<String>,
    /// Only this share of the customers, always the same ones.
    pub sample: Option<f64>,
    /// Only these events.
    pub events: Option<Vec<String>>,
    /// None of these events.
    pub drop: Option<Vec<String>>,
    /// From this time on, µs UTC.
    pub start_us: Option<i64>,
    /// Before this time, µs UTC.
    pub end_us: Option<i64>,
    /// Only events for which this condition is true.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// Whether columns stay where they are until somebody asks for them; the part then keeps the memory of the log.
    pub shared: bool,
}

/// A customer as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum CustomerId {
    /// A whole number.
    Integer(i64),
    /// A whole number beyond the signed ones.
    Large(u64),
    /// Text, or a UUID in its usual form.
    Text(String),
}

impl Selection {
    /// A selection from its JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::Argument(format!("the selection is not valid: {error}")))
    }

    /// The part of a log that is meant. The log ends where `end_us` cuts it, if that is earlier than it did.
    pub fn of(&self, log: &EventLog, cancel: &Cancel) -> Result<EventLog> {
        on_pool(|| self.take(log, cancel))
    }

    fn take(&self, log: &EventLog, cancel: &Cancel) -> Result<EventLog> {
        let customers = self.customers(log, cancel)?;
        cancel.check()?;
        let condition = self.condition.as_deref().map(|text| truth(text, log)).transpose()?;
        let codes: Vec<bool> = {
            let (only, none) = (codes_of(self.events.as_deref(), log), codes_of(self.drop.as_deref(), log));
            let wanted = |code: usize| {
                only.as_ref().is_none_or(|only| only[code]) && !none.as_ref().is_some_and(|none| none[code])
            };
            (0..log.event_names().len()).map(wanted).collect()
        };
        let (start, end) = (self.start_us.unwrap_or(i64::MIN), self.end_us);
        let times = &log.times;
        let observed_until = end.map_or(log.observed_until(), |end| end.min(log.observed_until()));
        let in_time = |event: usize| times[event] >= start && end.is_none_or(|end| times[event] < end);
        let holds = |event: usize| condition.as_ref().is_none_or(|condition| condition.value(event));
        let all_events =
            codes.iter().all(|&wanted| wanted) && condition.is_none() && start == i64::MIN && end.is_none();
        with_codes!(&*log.events, events => {
            let keep = |event: usize| codes[events[event].index()] && in_time(event) && holds(event);
            let keep = (!all_events).then_some(&keep);
            log.part(&|customer| customers[customer], keep, observed_until, self.shared, cancel)
        })
    }

    /// Which customers are meant.
    fn customers(&self, log: &EventLog, cancel: &Cancel) -> Result<Vec<bool>> {
        let mut kept = match &self.customers {
            None => vec![true; log.customers()],
            Some(wanted) => find(wanted, log)?,
        };
        if let Some(share) = self.sample {
            if !(share > 0.0 && share <= 1.0) {
                return Err(Error::Argument(format!("sample is {share}; expected a share above 0, up to 1")));
            }
            // 2⁶⁴ times the share: every hash is below it where the share is 1.
            let below = (share * 18_446_744_073_709_551_616.0) as u128;
            let hashes = hash_ids(log.customer_ids())?;
            kept.iter_mut().zip(hashes).for_each(|(kept, hash)| *kept &= u128::from(hash) < below);
        }
        for (names, wanted) in [(&self.with_event, true), (&self.without_event, false)] {
            let Some(codes) = codes_of(names.as_deref(), log) else { continue };
            with_codes!(&*log.events, events => kept.par_iter_mut().enumerate().for_each(|(customer, kept)| {
                let has = || events[log.range(customer)].iter().any(|event| codes[event.index()]);
                *kept = *kept && has() == wanted;
            }));
        }
        for (pattern, wanted) in [(&self.with_match, true), (&self.without_match, false)] {
            let Some(pattern) = pattern else { continue };
            let matcher = Pattern::parse(pattern)?.bind(log)?;
            cancel.check()?;
            with_codes!(&*log.events, events => kept.par_iter_mut().enumerate().try_for_each_init(
                Scratch::default,
                |scratch, (customer, kept)| {
                    let found = *kept && matcher.is_in(&log.journey(customer, events), scratch)?;
                    *kept = *kept && found == wanted;
                    Ok::<(), Error>(())
                },
            ))?;
        }
        Ok(kept)
    }
}

/// Which event codes some names stand for; a name that this log lacks matches nothing.
fn codes_of(names: Option<&[String]>, log: &EventLog) -> Option<Vec<bool>> {
    let mut chosen = vec![false; log.event_names().len()];
    for code in names?.iter().filter_map(|name| log.event_names().code(name)) {
        chosen[code] = true;
    }
    Some(chosen)
}

fn truth(text: &str, log: &EventLog) -> Result<BooleanBuffer> {
    let holds = Expression::parse(text)?.evaluate(&|name| log.column(name), log.len())?;
    Ok(holds.values().clone())
}

/// Which customers of the log are in a list; ids that the log lacks match nobody.
fn find(wanted: &[CustomerId], log: &EventLog) -> Result<Vec<bool>> {
    let ids = log.customer_ids();
    let is_text = ids.data_type() == &DataType::Utf8;
    if let Some(odd) = wanted.iter().find(|id| matches!(id, CustomerId::Text(_)) != is_text) {
        let (odd, kind) = match odd {
            CustomerId::Text(text) => (format!("\"{text}\""), "whole numbers"),
            CustomerId::Integer(number) => (number.to_string(), "text"),
            CustomerId::Large(number) => (number.to_string(), "text"),
        };
        return Err(Error::Type(format!(
            "customers holds {odd}, but the ids of this log are {kind}; give them as such"
        )));
    }
    if is_text {
        let texts = wanted.iter().filter_map(|id| match id {
            CustomerId::Text(text) => Some(text.as_str()),
            CustomerId::Integer(_) | CustomerId::Large(_) => None,
        });
        let wanted: HashSet<&str> = texts.collect();
        return Ok(ids.as_string::<i32>().iter().map(|id| id.is_some_and(|id| wanted.contains(id))).collect());
    }
    let number = |id: &CustomerId| match id {
        CustomerId::Integer(number) => i128::from(*number),
        CustomerId::Large(number) => i128::from(*number),
        CustomerId::Text(_) => i128::MAX,
    };
    let wanted: HashSet<i128> = wanted.iter().map(number).collect();
    if ids.data_type() == &DataType::UInt64 {
        let ids = ids.as_primitive::<UInt64Type>().values();
        return Ok(ids.iter().map(|&id| wanted.contains(&i128::from(id))).collect());
    }
    let whole = cast(ids, &DataType::Int64)?;
    let ids = whole.as_primitive::<Int64Type>().values();
    Ok(ids.iter().map(|&id| wanted.contains(&i128::from(id))).collect())
}
