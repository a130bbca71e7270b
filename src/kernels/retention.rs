//! Retention: who comes back in the calendar periods after the first one.

use std::sync::Arc;

use arrow::array::{Date32Array, Int64Array};
use serde::Deserialize;

use super::chosen;
use crate::calendar::{Calendar, Period, Periods};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Retention`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    start: Option<Vec<String>>,
    back: Option<Vec<String>>,
    period: PeriodName,
    calendar: Calendar,
    week_start: u8,
    same_period: bool,
    max_periods: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PeriodName {
    Day,
    Week,
    Month,
}

/// The retention table.
pub struct Retention {
    start: Option<Vec<bool>>,
    back: Option<Vec<bool>>,
    same_period: bool,
    most: usize,
    periods: Periods,
}

/// More periods than this make a table that nobody reads and a state that does not fit the cache.
const MOST_PERIODS: usize = 5_000;

/// Of one cohort: its size, and who came back in period 0, 1, …
#[derive(Default, Clone)]
pub struct Cohort {
    size: i64,
    returned: Vec<i64>,
}

impl Cohort {
    fn count(&mut self, period: usize) {
        if self.returned.len() <= period {
            self.returned.resize(period + 1, 0);
        }
        self.returned[period] += 1;
    }
}

impl Analysis for Retention {
    const NAME: &'static str = "retention";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let period = match params.period {
            PeriodName::Day => Period::Day,
            PeriodName::Week if params.week_start > 6 => {
                return Err(Error::Argument(format!(
                    "week_start is {}; expected 0 (Monday) to 6 (Sunday)",
                    params.week_start
                )));
            }
            PeriodName::Week => Period::Week { start: params.week_start },
            PeriodName::Month => Period::Month,
        };
        let (first, last) = log.span();
        let periods = Periods::new(log.zone(), period, params.calendar, first, last)?;
        if periods.len() > MOST_PERIODS {
            return Err(Error::Argument(format!(
                "the log spans {} periods, more than the {MOST_PERIODS} of one table; choose a longer period",
                periods.len()
            )));
        }
        Ok(Self {
            start: chosen(params.start.as_deref(), log)?,
            back: chosen(params.back.as_deref(), log)?,
            same_period: params.same_period,
            most: params.max_periods.map_or(usize::MAX, |most| most as usize),
            periods,
        })
    }
}

impl Retention {
    /// Calls `seen` once for every period, as an offset from the cohort's, in which a later event counts.
    fn later_periods<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        first: usize,
        cohort: usize,
        mut seen: impl FnMut(usize),
    ) {
        let starts = self.periods.starts();
        let times = &journey.times[first + 1..];
        let (mut period, mut end) = (cohort, starts[cohort + 1]);
        let Some(back) = &self.back else {
            // Every event counts, so a period is seen exactly when the first event beyond the one before comes.
            if times.first().is_some_and(|&time| time < end) {
                seen(0);
            }
            for &time in times {
                if time >= end {
                    period = self.periods.advance(period, time);
                    end = starts[period + 1];
                    seen(period - cohort);
                }
            }
            return;
        };
        let mut counted = None;
        for (&time, event) in times.iter().zip(&journey.events[first + 1..]) {
            if !back[event.index()] {
                continue;
            }
            if time >= end {
                period = self.periods.advance(period, time);
                end = starts[period + 1];
            }
            if counted != Some(period) {
                counted = Some(period);
                seen(period - cohort);
            }
        }
    }
}

impl Kernel for Retention {
    type State = Vec<Cohort>;
    type Scratch = ();

    fn init(&self) -> Vec<Cohort> {
        vec![Cohort::default(); self.periods.len()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let first = match &self.start {
            None => Some(0),
            Some(start) => journey.events.iter().position(|event| start[event.index()]),
        };
        let Some(first) = first else { return };
        let cohort = self.periods.index_of(journey.times[first]);
        let state = &mut groups.at(journey, first)[cohort];
        state.size += 1;
        self.later_periods(journey, first, cohort, |period| {
            if period <= self.most && (period > 0 || self.same_period) {
                state.count(period);
            }
        });
    }

    fn merge(&self, into: &mut Vec<Cohort>, from: Vec<Cohort>) {
        for (into, from) in into.iter_mut().zip(from) {
            into.size += from.size;
            if into.returned.len() < from.returned.len() {
                into.returned.resize(from.returned.len(), 0);
            }
            for (sum, count) in into.returned.iter_mut().zip(from.returned) {
                *sum += count;
            }
        }
    }

    fn columns(&self, state: Vec<Cohort>) -> Result<Vec<Vec<PartialColumn>>> {
        let (mut cohorts, mut periods, mut customers) = (Vec::new(), Vec::new(), Vec::new());
        for (cohort, &day) in state.iter().zip(self.periods.label_days()) {
            let zero = (!self.same_period).then_some((0, cohort.size));
            let later = cohort.returned.iter().enumerate().map(|(period, &count)| (period as i64, count));
            let cells = std::iter::once((-1, cohort.size)).chain(zero).chain(later.filter(|(_, count)| *count > 0));
            for (period, count) in cells.filter(|_| cohort.size > 0) {
                cohorts.push(day);
                periods.push(period);
                customers.push(count);
            }
        }
        Ok(vec![vec![
            ("cohort", Role::Key, Arc::new(Date32Array::from(cohorts))),
            ("period", Role::Key, Arc::new(Int64Array::from(periods))),
            ("customers", Role::Sum, Arc::new(Int64Array::from(customers))),
        ]])
    }
}
