//! Lifecycle: which customers of a calendar period are new, which were there in the period before, and which come back
//! after a pause.

use std::sync::Arc;

use arrow::array::{Date32Array, Int64Array};
use serde::Deserialize;

use super::{PeriodName, calendar_periods, chosen};
use crate::calendar::{Calendar, Periods};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Lifecycle`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    events: Option<Vec<String>>,
    period: PeriodName,
    calendar: Calendar,
    week_start: u8,
}

/// The lifecycle table.
pub struct Lifecycle {
    events: Option<Vec<bool>>,
    periods: Periods,
}

/// Customers of one period. Who was there before and is not any more follows from the period before.
#[derive(Default, Clone, Copy)]
pub struct Present {
    new: i64,
    returning: i64,
    resurrected: i64,
}

impl Analysis for Lifecycle {
    const NAME: &'static str = "lifecycle";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        Ok(Self {
            events: chosen(params.events.as_deref(), log)?,
            periods: calendar_periods(log, params.period, params.calendar, params.week_start)?,
        })
    }
}

impl Kernel for Lifecycle {
    type State = Vec<Present>;
    type Scratch = ();

    fn init(&self) -> Vec<Present> {
        vec![Present::default(); self.periods.len()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let counts = |event: &C| self.events.as_ref().is_none_or(|events| events[event.index()]);
        let Some(first) = journey.events.iter().position(counts) else { return };
        let state = groups.at(journey, first);
        let starts = self.periods.starts();
        let mut period = self.periods.index_of(journey.times[first]);
        state[period].new += 1;
        let mut end = starts[period + 1];
        for (&time, event) in journey.times[first..].iter().zip(&journey.events[first..]) {
            if time < end || !counts(event) {
                continue;
            }
            let before = period;
            period = self.periods.advance(before, time);
            end = starts[period + 1];
            if period == before + 1 {
                state[period].returning += 1;
            } else {
                state[period].resurrected += 1;
            }
        }
    }

    fn merge(&self, into: &mut Vec<Present>, from: Vec<Present>) {
        for (into, from) in into.iter_mut().zip(from) {
            into.new += from.new;
            into.returning += from.returning;
            into.resurrected += from.resurrected;
        }
    }

    fn columns(&self, state: Vec<Present>) -> Result<Vec<Vec<PartialColumn>>> {
        let rows = state.iter().zip(self.periods.label_days());
        let rows: Vec<_> =
            rows.filter(|(present, _)| present.new + present.returning + present.resurrected > 0).collect();
        let number =
            |pick: fn(&Present) -> i64| Arc::new(Int64Array::from_iter_values(rows.iter().map(|(row, _)| pick(row))));
        Ok(vec![vec![
            ("period", Role::Key, Arc::new(Date32Array::from_iter_values(rows.iter().map(|(_, day)| **day)))),
            ("new", Role::Sum, number(|row| row.new)),
            ("returning", Role::Sum, number(|row| row.returning)),
            ("resurrected", Role::Sum, number(|row| row.resurrected)),
        ]])
    }
}
