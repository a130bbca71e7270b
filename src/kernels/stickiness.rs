//! Stickiness: on how many days of a week or month, or in how many hours, each customer was there.

use std::sync::Arc;

use arrow::array::{Date32Array, Int64Array};
use serde::Deserialize;

use super::{PeriodName, calendar_periods, chosen};
use crate::calendar::{Calendar, Period, Periods};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Stickiness`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    events: Option<Vec<String>>,
    period: PeriodName,
    unit: UnitName,
    calendar: Calendar,
    week_start: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UnitName {
    Hour,
    Day,
}

const HOUR_US: i64 = 3_600_000_000;

/// The stickiness table.
pub struct Stickiness {
    events: Option<Vec<bool>>,
    periods: Periods,
    /// The days that are counted; hours are counted from the start of their period.
    days: Option<Periods>,
}

impl Stickiness {
    /// The unit that an instant of a period is in: its number, and its end.
    #[inline]
    fn unit(&self, before: usize, period: usize, time: i64) -> (usize, i64) {
        if let Some(days) = &self.days {
            let day = days.advance(before, time);
            (day, days.starts()[day + 1])
        } else {
            let start = self.periods.starts()[period];
            let hour = (time - start) / HOUR_US;
            (hour as usize, start + (hour + 1) * HOUR_US)
        }
    }
}

impl Analysis for Stickiness {
    const NAME: &'static str = "stickiness";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.period == PeriodName::Day && params.unit == UnitName::Day {
            return Err(Error::Argument(
                "a day holds one day; count hours of a day, or days of a week or month".into(),
            ));
        }
        let (first, last) = log.span();
        let days = (params.unit == UnitName::Day)
            .then(|| Periods::new(log.zone(), Period::Day, params.calendar, first, last))
            .transpose()?;
        Ok(Self {
            events: chosen(params.events.as_deref(), log)?,
            periods: calendar_periods(log, params.period, params.calendar, params.week_start)?,
            days,
        })
    }
}

impl Kernel for Stickiness {
    /// Of each period: how many customers were there in one unit, in two, …
    type State = Vec<Vec<i64>>;
    type Scratch = ();

    fn init(&self) -> Vec<Vec<i64>> {
        vec![Vec::new(); self.periods.len()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let counts = |event: &C| self.events.as_ref().is_none_or(|events| events[event.index()]);
        let Some(first) = journey.events.iter().position(counts) else { return };
        let state = groups.at(journey, first);
        let mut take = |period: usize, units: usize| {
            let histogram = &mut state[period];
            if histogram.len() < units {
                histogram.resize(units, 0);
            }
            histogram[units - 1] += 1;
        };
        let starts = self.periods.starts();
        let time = journey.times[first];
        let mut period = self.periods.index_of(time);
        let (mut unit, mut unit_end) = self.unit(0, period, time);
        let (mut period_end, mut units) = (starts[period + 1], 1);
        for (&time, event) in journey.times[first..].iter().zip(&journey.events[first..]) {
            if time < unit_end.min(period_end) || !counts(event) {
                continue;
            }
            if time >= period_end {
                take(period, std::mem::take(&mut units));
                period = self.periods.advance(period, time);
                period_end = starts[period + 1];
            }
            (unit, unit_end) = self.unit(unit, period, time);
            units += 1;
        }
        take(period, units);
    }

    fn merge(&self, into: &mut Vec<Vec<i64>>, from: Vec<Vec<i64>>) {
        for (into, from) in into.iter_mut().zip(from) {
            if into.len() < from.len() {
                into.resize(from.len(), 0);
            }
            for (sum, count) in into.iter_mut().zip(from) {
                *sum += count;
            }
        }
    }

    fn columns(&self, state: Vec<Vec<i64>>) -> Result<Vec<Vec<PartialColumn>>> {
        let (mut periods, mut units, mut customers) = (Vec::new(), Vec::new(), Vec::new());
        for (histogram, &day) in state.iter().zip(self.periods.label_days()) {
            for (index, &count) in histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
                periods.push(day);
                units.push(index as i64 + 1);
                customers.push(count);
            }
        }
        Ok(vec![vec![
            ("period", Role::Key, Arc::new(Date32Array::from(periods))),
            ("units", Role::Key, Arc::new(Int64Array::from(units))),
            ("customers", Role::Sum, Arc::new(Int64Array::from(customers))),
        ]])
    }
}
