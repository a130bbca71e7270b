//! What was known of a customer at a cut-off: the events before it that had arrived by then.

use arrow::array::{Array, AsArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use serde::Deserialize;

use super::chosen;
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::log::{Code, EventLog, Journey};

/// Which customers are looked at, when, and how far back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutoffParams {
    /// µs UTC, rising. An event at the very instant is of the future.
    at_us: Vec<i64>,
    /// Length of the observation window before a cut-off; the whole past where none is given.
    observe_us: Option<i64>,
    /// A customer needs one of these events in the window; any event where none are given.
    active: Option<Vec<String>>,
    /// And that event has to meet this condition.
    active_where: Option<String>,
    /// The column with the time at which an event became known.
    arrived: Option<String>,
}

impl CutoffParams {
    /// Length of the observation window, µs.
    pub fn observe_us(&self) -> Option<i64> {
        self.observe_us
    }
}

/// The cut-offs of a log.
pub struct Cutoffs {
    at: Vec<i64>,
    observe: Option<i64>,
    active: Option<Vec<bool>>,
    condition: Option<BooleanBuffer>,
    arrived: Option<ScalarBuffer<i64>>,
}

/// A customer as known at a cut-off. Nothing at or after it can be reached from here.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The cut-off, µs UTC.
    pub at: i64,
    /// Places in the log of all events before the cut-off, by time.
    pub history: &'a [u32],
    /// Those of the observation window.
    pub window: &'a [u32],
}

impl Cutoffs {
    /// The cut-offs, with names and conditions looked up.
    pub fn bind(params: CutoffParams, log: &EventLog) -> Result<Self> {
        if params.at_us.is_empty() || !params.at_us.is_sorted_by(|one, other| one < other) {
            return Err(Error::Argument(format!("cut-offs {:?} are not rising, or none", params.at_us)));
        }
        if params.observe_us.is_some_and(|observe| observe <= 0) {
            return Err(Error::Argument(format!("observe_us is {:?}; expected more than 0", params.observe_us)));
        }
        Ok(Self {
            active: chosen(params.active.as_deref(), log)?,
            condition: params.active_where.as_deref().map(|text| holds(text, log)).transpose()?,
            arrived: params.arrived.as_deref().map(|name| instants(name, log)).transpose()?,
            at: params.at_us,
            observe: params.observe_us,
        })
    }

    /// Visits a customer at every cut-off at which it is looked at. `known` is a buffer.
    #[inline]
    pub fn visit<C: Code>(&self, journey: &Journey<'_, C>, known: &mut Vec<u32>, mut visit: impl FnMut(Known<'_>)) {
        let start = journey.start as u32;
        for &at in &self.at {
            let end = start + journey.times.partition_point(|&time| time < at) as u32;
            known.clear();
            match &self.arrived {
                None => known.extend(start..end),
                Some(arrived) => known.extend((start..end).filter(|&event| arrived[event as usize] < at)),
            }
            let time = |event: u32| journey.times[(event - start) as usize];
            let from = self.observe.map_or(i64::MIN, |observe| at.saturating_sub(observe));
            let window = &known[known.partition_point(|&event| time(event) < from)..];
            let is_active = |event: u32| {
                let code = journey.events[(event - start) as usize].index();
                self.active.as_ref().is_none_or(|active| active[code])
                    && self.condition.as_ref().is_none_or(|condition| condition.value(event as usize))
            };
            if window.iter().any(|&event| is_active(event)) {
                visit(Known { at, history: known, window });
            }
        }
    }
}

/// The events where a condition holds.
pub fn holds(text: &str, log: &EventLog) -> Result<BooleanBuffer> {
    Ok(Expression::parse(text)?.evaluate(&|name| log.column(name), log.len())?.values().clone())
}

/// The times of a column; where it has none, the event was known at once.
fn instants(name: &str, log: &EventLog) -> Result<ScalarBuffer<i64>> {
    let column = log.column(name)?;
    if !matches!(column.data_type(), DataType::Timestamp(_, _)) {
        return Err(Error::Type(format!(
            "column \"{name}\" has the type {}; expected times at which the events became known",
            column.data_type()
        )));
    }
    let micros = cast(&column, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let at = |event: usize| if micros.is_valid(event) { micros.value(event) } else { i64::MIN };
    Ok((0..log.len()).map(at).collect())
}
