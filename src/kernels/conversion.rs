//! Conversion: how long customers take from an entry to an outcome, and how long they were watched without one.

use std::sync::Arc;

use arrow::array::Int64Array;
use serde::Deserialize;

use super::{chosen, only};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, RESERVED};
use crate::partial::{PartialColumn, Role, texts};
use crate::state::counted;

/// Parameters of [`Conversion`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The first of these is the entry; the customer's first event where none are given.
    start: Option<Vec<String>>,
    /// The first of these after the entry decides what became of the customer.
    outcomes: Vec<String>,
    /// Nobody is watched longer.
    horizon_us: Option<i64>,
    /// Times are rounded down to a multiple of this.
    resolution_us: i64,
    max_rows: u32,
}

/// Times to the outcomes.
pub struct Conversion {
    start: Option<Vec<bool>>,
    /// The outcome of each event code, [`NONE`] for most.
    outcome_of: Vec<u32>,
    /// The events that decide, then what stands for no outcome: the horizon passed, the data ended.
    labels: Vec<String>,
    horizon: i64,
    resolution: i64,
    most_rows: usize,
    observed_until: i64,
}

const NONE: u32 = u32::MAX;

/// Three centuries in µs times so many outcomes fit 64 bits.
const MOST_OUTCOMES: usize = 1_000;

impl Analysis for Conversion {
    const NAME: &'static str = "conversion";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.outcomes.is_empty() || params.outcomes.len() > MOST_OUTCOMES {
            return Err(Error::Argument(format!(
                "{} events decide what became of a customer; expected 1 to {MOST_OUTCOMES}",
                params.outcomes.len()
            )));
        }
        if params.resolution_us <= 0 || params.horizon_us.is_some_and(|horizon| horizon <= 0) {
            return Err(Error::Argument(format!(
                "resolution_us is {} and horizon_us is {:?}; expected more than 0",
                params.resolution_us, params.horizon_us
            )));
        }
        let mut outcome_of = vec![NONE; log.event_names().len()];
        for (index, name) in params.outcomes.iter().enumerate() {
            // As for all kernels, a name that this part of the data lacks matches nothing.
            if let Some(code) = log.event_names().code(name) {
                outcome_of[code] = index as u32;
            }
        }
        let mut labels = params.outcomes;
        labels.extend([RESERVED[1], RESERVED[2]].map(str::to_owned));
        Ok(Self {
            start: chosen(params.start.as_deref(), log)?,
            outcome_of,
            labels,
            horizon: params.horizon_us.unwrap_or(i64::MAX),
            resolution: params.resolution_us,
            most_rows: params.max_rows as usize,
            observed_until: log.observed_until(),
        })
    }
}

impl Kernel for Conversion {
    /// Of every customer, the time in steps of the resolution and the outcome: `time * outcomes + outcome`.
    type State = Vec<u64>;
    type Scratch = ();

    fn init(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let first = match &self.start {
            None => Some(0),
            Some(start) => journey.events.iter().position(|event| start[event.index()]),
        };
        let Some(first) = first else { return };
        let entry = journey.times[first];
        let later = &journey.events[first + 1..];
        let decided = later.iter().position(|event| self.outcome_of[event.index()] != NONE);
        let (passed, open) = (self.labels.len() as u64 - 2, self.labels.len() as u64 - 1);
        let (time, outcome) = match decided {
            Some(after) => (journey.times[first + 1 + after] - entry, u64::from(self.outcome_of[later[after].index()])),
            None => (self.observed_until - entry, open),
        };
        let (time, outcome) = if time > self.horizon { (self.horizon, passed) } else { (time, outcome) };
        let step = (time / self.resolution) as u64;
        groups.at(journey, first).push(step * self.labels.len() as u64 + outcome);
    }

    fn needed(&self) -> Option<usize> {
        only(self.start.as_deref()?)
    }

    fn merge(&self, into: &mut Vec<u64>, mut from: Vec<u64>) {
        into.append(&mut from);
    }

    fn columns(&self, state: Vec<u64>) -> Result<Vec<Vec<PartialColumn>>> {
        let counts = counted(state);
        if counts.len() > self.most_rows {
            return Err(Error::Argument(format!(
                "{} different times, more than the {} of one table; round them with a coarser resolution, such as \
                 resolution=\"1m\" or \"1h\", or look at a shorter horizon",
                counts.len(),
                self.most_rows
            )));
        }
        let outcomes = self.labels.len() as u64;
        let times = counts.iter().map(|(key, _)| (key / outcomes) as i64 * self.resolution);
        let labels = counts.iter().map(|(key, _)| self.labels[(key % outcomes) as usize].as_str());
        Ok(vec![vec![
            ("time_us", Role::Key, Arc::new(Int64Array::from_iter_values(times))),
            ("outcome", Role::Key, texts(labels)),
            ("customers", Role::Sum, Arc::new(Int64Array::from_iter_values(counts.iter().map(|(_, count)| *count)))),
        ]])
    }
}
