//! What a draft of a map is made from: where in the journeys of customers each event stands.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::fields::MOST;
use crate::error::{Error, Result};
use crate::log::{Code, EventLog};
use crate::pool::{Cancel, on_pool};
use crate::with_codes;

/// Positions are told apart to this part of a journey.
const PARTS: usize = 200;

/// Tasks do not depend on the number of threads; counts would not either.
const TASKS: usize = 16;

/// By event, its number of events and the median of where they stand among the events of their customer, from 0 to 1.
pub fn positions(log: &EventLog, cancel: &Cancel) -> Result<Value> {
    on_pool(|| {
        let names = log.event_names();
        if names.len() > MOST {
            return Err(Error::Argument(format!(
                "the log has {} names of events, and a map may have {MOST} touchpoints; are the names ids? Group them \
                 first, such as by the part before a number, or filter the log to fewer",
                names.len()
            )));
        }
        let cut = |task: usize| {
            if task == TASKS { log.customers() } else { log.customer_at(task * log.len() / TASKS) }
        };
        let counts = (0..TASKS)
            .into_par_iter()
            .map(|task| {
                cancel.check()?;
                let mut counts = vec![0_u64; names.len() * PARTS];
                with_codes!(&*log.events, events => for customer in cut(task)..cut(task + 1) {
                    let journey = log.journey(customer, events);
                    for (place, event) in journey.events.iter().enumerate() {
                        let part = (2 * place + 1) * PARTS / (2 * journey.events.len());
                        counts[event.index() * PARTS + part] += 1;
                    }
                });
                Ok(counts)
            })
            .try_reduce(
                || vec![0; names.len() * PARTS],
                |mut into, from: Vec<u64>| {
                    into.iter_mut().zip(from).for_each(|(into, from)| *into += from);
                    Ok::<_, Error>(into)
                },
            )?;
        let told = names.iter().zip(counts.chunks(PARTS)).filter_map(|(name, counts)| {
            let events: u64 = counts.iter().sum();
            let mut before = 0;
            let middle = counts.iter().position(|count| {
                before += count;
                2 * before >= events
            })?;
            (events > 0).then(|| json!([name, events, (middle as f64 + 0.5) / PARTS as f64]))
        });
        Ok(told.collect())
    })
}
