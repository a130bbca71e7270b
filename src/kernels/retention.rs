//! Retention: who comes back in the periods after the first one, and with which value.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, Int64Array};
use arrow::datatypes::Float64Type;
use serde::Deserialize;

use super::{MOST_PERIODS, PeriodName, calendar_periods, chosen, only};
use crate::calendar::{Calendar, DAY_US, Periods, StepBits};
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
    #[serde(default)]
    entry: Entry,
    #[serde(default)]
    start_time_us: Option<i64>,
    #[serde(default)]
    end_time_us: Option<i64>,
    #[serde(default)]
    clock: Clock,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    brackets: Option<Vec<[u32; 2]>>,
    #[serde(default = "one")]
    minimum: u32,
    #[serde(default)]
    value: bool,
}

fn one() -> u32 {
    1
}

/// Which start events put a customer in a cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// The first of all, if it is in the range of time.
    #[default]
    FirstEver,
    /// The first in the range of time.
    First,
    /// The first of each period in the range of time.
    Recurring,
}

/// Where the periods after the start lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Clock {
    /// They are calendar periods.
    #[default]
    Calendar,
    /// They begin with the start event and have 24 hours, 7 days or 30 days.
    Rolling,
}

/// Which periods a return counts in. The partial holds what can be added: the period itself, the last one, the first
/// one, or the last of an unbroken run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    On,
    OnOrAfter,
    OnOrBefore,
    Streak,
}

/// The retention table.
pub struct Retention {
    start: Option<Vec<bool>>,
    back: Option<Vec<bool>>,
    same_period: bool,
    most: usize,
    periods: Periods,
    entry: Entry,
    range: Range<i64>,
    mode: Mode,
    minimum: usize,
    rolling: Option<Rolling>,
    columns: Columns,
    values: Option<Float64Array>,
    /// Nothing is asked for that needs more than whether a customer came back in a calendar period.
    plain: bool,
    /// For the plain question, where the periods are few.
    bits: Option<StepBits>,
}

/// Clocks that begin with the start event.
struct Rolling {
    length: i64,
    observed_until: i64,
    /// Complete periods of the customers who start with the cohort; later ones have fewer.
    most_observed: Vec<i64>,
    /// Different numbers of complete periods in one cohort, at most.
    width: usize,
}

/// The columns of the table: the periods, or brackets of them.
struct Columns {
    /// For each period the column, or the next one, and whether the period is in it. `None`: every period is a column.
    of_period: Option<Vec<(usize, bool)>>,
    /// The columns that hold period 0: none or one.
    zero: usize,
}

impl Columns {
    fn new(brackets: Option<&[[u32; 2]]>) -> Result<Self> {
        let Some(brackets) = brackets else { return Ok(Self { of_period: None, zero: 1 }) };
        let ascending = brackets.windows(2).all(|pair| pair[0][1] < pair[1][0]);
        let sound = !brackets.is_empty() && ascending && brackets.iter().all(|[low, high]| low <= high);
        if !sound || brackets.iter().any(|[_, high]| *high as usize >= MOST_PERIODS) {
            return Err(Error::Argument(format!(
                "brackets is {brackets:?}; expected pairs of a first and a last period from 0 to {}, ascending and \
                 without overlap",
                MOST_PERIODS - 1
            )));
        }
        let mut of_period = Vec::new();
        for (column, &[low, high]) in brackets.iter().enumerate() {
            of_period.resize(low as usize, (column, false));
            of_period.resize(high as usize + 1, (column, true));
        }
        Ok(Self { of_period: Some(of_period), zero: usize::from(brackets[0][0] == 0) })
    }

    /// The column of a period, or the next one after it, and whether the period is in it.
    #[inline]
    fn of(&self, period: usize) -> Option<(usize, bool)> {
        match &self.of_period {
            None => Some((period, true)),
            Some(columns) => columns.get(period).copied(),
        }
    }
}

/// Of one cohort, or of those of its customers with the same number of complete periods: how many they are, who came
/// back in column 0, 1, …, and with which value.
#[derive(Default, Clone)]
pub struct Cohort {
    size: i64,
    returned: Vec<i64>,
    values: Vec<Value>,
}

/// Sums over customers: their value in a column and its square, and by how much the column raises their value since the
/// start and its square.
type Value = [f64; 4];

impl Cohort {
    #[inline]
    fn count(&mut self, column: usize) {
        if self.returned.len() <= column {
            self.returned.resize(column + 1, 0);
        }
        self.returned[column] += 1;
    }

    fn merge(&mut self, from: &Self) {
        self.size += from.size;
        if self.returned.len() < from.returned.len() {
            self.returned.resize(from.returned.len(), 0);
        }
        for (sum, count) in self.returned.iter_mut().zip(&from.returned) {
            *sum += count;
        }
        if self.values.len() < from.values.len() {
            self.values.resize(from.values.len(), Value::default());
        }
        for (sums, more) in self.values.iter_mut().zip(&from.values) {
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += more;
            }
        }
    }
}

/// The events of a journey that count as coming back, and what one of its starts leads to.
#[derive(Default)]
pub struct Scratch {
    positions: Vec<usize>,
    times: Vec<i64>,
    values: Vec<f64>,
    seen: Vec<Seen>,
}

/// What a customer did in one column.
#[derive(Debug, Clone, Copy)]
struct Seen {
    column: usize,
    /// Returns in the column.
    returns: usize,
    /// Value in the column.
    value: f64,
    /// Value in the column and in the periods between it and the column before.
    more: f64,
}

impl Analysis for Retention {
    const NAME: &'static str = "retention";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let periods = calendar_periods(log, params.period, params.calendar, params.week_start)?;
        let rolling = (params.clock == Clock::Rolling).then(|| Rolling::new(params.period, &periods, log));
        if params.minimum == 0 {
            return Err(Error::Argument("minimum is 0; a return is at least 1 event".into()));
        }
        let values = if params.value { Some(log.column("value")?.as_primitive::<Float64Type>().clone()) } else { None };
        let range = params.start_time_us.unwrap_or(i64::MIN)..params.end_time_us.unwrap_or(i64::MAX);
        let columns = Columns::new(params.brackets.as_deref())?;
        let plain = params.entry == Entry::FirstEver
            && range == (i64::MIN..i64::MAX)
            && rolling.is_none()
            && params.mode == Mode::On
            && columns.of_period.is_none()
            && params.minimum == 1
            && values.is_none();
        Ok(Self {
            start: chosen(params.start.as_deref(), log)?,
            back: chosen(params.back.as_deref(), log)?,
            same_period: params.same_period,
            most: params.max_periods.map_or(usize::MAX, |most| most as usize),
            entry: params.entry,
            range,
            mode: params.mode,
            minimum: params.minimum as usize,
            bits: periods.as_bits(),
            periods,
            rolling,
            columns,
            values,
            plain,
        })
    }
}

impl Rolling {
    fn new(period: PeriodName, cohorts: &Periods, log: &EventLog) -> Self {
        let length = match period {
            PeriodName::Day => DAY_US,
            PeriodName::Week => 7 * DAY_US,
            PeriodName::Month => 30 * DAY_US,
        };
        let observed_until = log.observed_until();
        let observed = |start: i64| observed_until.saturating_sub(start).max(0) / length;
        let most_observed: Vec<i64> = cohorts.starts()[..cohorts.len()].iter().map(|&start| observed(start)).collect();
        let least_observed = cohorts.starts()[1..].iter().map(|&end| observed(end));
        let width = most_observed.iter().zip(least_observed).map(|(most, least)| most - least + 1).max();
        Self { length, observed_until, most_observed, width: width.unwrap_or(1) as usize }
    }

    /// How many periods of a customer who starts then are complete.
    fn observed(&self, start: i64) -> i64 {
        self.observed_until.saturating_sub(start) / self.length
    }
}

impl Retention {
    fn starts<C: Code>(&self, event: C) -> bool {
        self.start.as_ref().is_none_or(|start| start[event.index()])
    }

    /// Calls `seen` once for every period, as an offset from the cohort's, in which a later event counts.
    fn later_periods<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        first: usize,
        cohort: usize,
        mut seen: impl FnMut(usize),
    ) {
        let times = &journey.times[first + 1..];
        if let Some(bits) = &self.bits {
            let mut found = match &self.back {
                None => times.iter().fold(0, |found, &time| found | bits.of(time)),
                Some(back) => {
                    let events = &journey.events[first + 1..];
                    let of = |(&time, event): (&i64, &C)| bits.of(time) & u64::from(back[event.index()]).wrapping_neg();
                    times.iter().zip(events).fold(0, |found, event| found | of(event))
                }
            } >> cohort;
            while found != 0 {
                seen(found.trailing_zeros() as usize);
                found &= found - 1;
            }
            return;
        }
        let starts = self.periods.starts();
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

    /// Calls `found` with the position of every event that puts the customer in a cohort, and with the cohort.
    fn entries<C: Code>(&self, journey: &Journey<'_, C>, mut found: impl FnMut(usize, usize)) {
        let mut last = None;
        for (position, (&time, &event)) in journey.times.iter().zip(journey.events).enumerate() {
            if !self.starts(event) || (self.entry != Entry::FirstEver && time < self.range.start) {
                continue;
            }
            if !self.range.contains(&time) {
                return;
            }
            let cohort = self.periods.advance(last.unwrap_or(0), time);
            if last != Some(cohort) {
                found(position, cohort);
            }
            if self.entry != Entry::Recurring {
                return;
            }
            last = Some(cohort);
        }
    }

    /// The period after a start that an instant is in, and its end.
    #[inline]
    fn period_of(&self, start: i64, cohort: usize, before: usize, time: i64) -> (usize, i64) {
        match &self.rolling {
            None => {
                let period = self.periods.advance(cohort + before, time);
                (period - cohort, self.periods.starts()[period + 1])
            }
            Some(Rolling { length, .. }) => {
                let period = (time - start) / length;
                (period as usize, start + (period + 1) * length)
            }
        }
    }

    /// Puts into `scratch.seen` what the customer did in each column after a start.
    fn look(&self, start: i64, cohort: usize, position: usize, scratch: &mut Scratch) {
        let Scratch { positions, times, values, seen } = scratch;
        seen.clear();
        let mut next = positions.partition_point(|&other| other < position);
        // The start event brings value, but it is not its own return.
        let mut not_returns = usize::from(positions.get(next) == Some(&position));
        let mut period = 0;
        while let Some(&time) = times.get(next) {
            let end;
            (period, end) = self.period_of(start, cohort, period, time);
            let Some((column, inside)) = self.columns.of(period).filter(|_| period <= self.most) else { return };
            let until = next + times[next..].partition_point(|&time| time < end);
            let more = values.get(next..until).map_or(0.0, |values| values.iter().sum());
            let returns = until - next - std::mem::take(&mut not_returns);
            if seen.last().is_none_or(|last| last.column != column) {
                seen.push(Seen { column, returns: 0, value: 0.0, more: 0.0 });
            }
            if let Some(last) = seen.last_mut() {
                last.more += more;
                if inside {
                    last.value += more;
                    last.returns += returns;
                }
            }
            next = until;
        }
    }

    /// Counts the columns that are to be added up later into the returns of the mode.
    fn count(&self, seen: &[Seen], cohort: &mut Cohort) {
        let zero = self.columns.zero;
        let active = seen.iter().filter(|seen| seen.returns >= self.minimum).map(|seen| seen.column);
        let mut active = active.filter(|&column| column >= zero || self.same_period).peekable();
        match self.mode {
            Mode::On => active.for_each(|column| cohort.count(column)),
            Mode::OnOrAfter => active.last().into_iter().for_each(|column| cohort.count(column)),
            Mode::OnOrBefore => {
                for column in active {
                    cohort.count(column);
                    if column >= zero {
                        break;
                    }
                }
            }
            Mode::Streak => {
                if let Some(column) = active.next_if(|&column| column < zero) {
                    cohort.count(column);
                }
                let run = active.zip(zero..).take_while(|(column, expected)| column == expected).last();
                if let Some((column, _)) = run {
                    cohort.count(column);
                }
            }
        }
    }

    fn add_values(seen: &[Seen], cohort: &mut Cohort) {
        let mut total = 0.0;
        for seen in seen {
            if cohort.values.len() <= seen.column {
                cohort.values.resize(seen.column + 1, Value::default());
            }
            let raised = total + seen.more;
            let more = [seen.value, seen.value * seen.value, seen.more, raised * raised - total * total];
            for (sum, more) in cohort.values[seen.column].iter_mut().zip(more) {
                *sum += more;
            }
            total = raised;
        }
    }
}

impl Kernel for Retention {
    type State = Vec<Cohort>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Cohort> {
        vec![Cohort::default(); self.periods.len() * self.rolling.as_ref().map_or(1, |rolling| rolling.width)]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        if self.plain {
            let Some(first) = journey.events.iter().position(|&event| self.starts(event)) else { return };
            let cohort = self.periods.index_of(journey.times[first]);
            let state = &mut groups.at(journey, first)[cohort];
            state.size += 1;
            self.later_periods(journey, first, cohort, |period| {
                if period <= self.most && (period > 0 || self.same_period) {
                    state.count(period);
                }
            });
            return;
        }
        let mut gathered = false;
        self.entries(journey, |position, cohort| {
            if !std::mem::replace(&mut gathered, true) {
                scratch.gather(self, journey, position);
            }
            let start = journey.times[position];
            self.look(start, cohort, position, scratch);
            let row = self.rolling.as_ref().map_or(cohort, |rolling| {
                let less = rolling.most_observed[cohort] - rolling.observed(start);
                cohort * rolling.width + less as usize
            });
            let state = &mut groups.at(journey, position)[row];
            state.size += 1;
            self.count(&scratch.seen, state);
            if self.values.is_some() {
                Self::add_values(&scratch.seen, state);
            }
        });
    }

    fn needed(&self) -> Option<usize> {
        only(self.start.as_deref()?)
    }

    fn merge(&self, into: &mut Vec<Cohort>, from: Vec<Cohort>) {
        for (into, from) in into.iter_mut().zip(from) {
            into.merge(&from);
        }
    }

    fn columns(&self, state: Vec<Cohort>) -> Result<Vec<Vec<PartialColumn>>> {
        let width = self.rolling.as_ref().map_or(1, |rolling| rolling.width);
        let (mut cohorts, mut observed, mut periods, mut customers) = (vec![], vec![], vec![], vec![]);
        let mut values: [Vec<f64>; 4] = Default::default();
        for (row, cohort) in state.iter().enumerate().filter(|(_, cohort)| cohort.size > 0) {
            let index = row / width;
            let mut push = |period: i64, count: i64, sums: Value| {
                cohorts.push(self.periods.label_days()[index]);
                observed.push(self.rolling.as_ref().map_or(0, |of| of.most_observed[index] - (row % width) as i64));
                periods.push(period);
                customers.push(count);
                for (values, sum) in values.iter_mut().zip(sums) {
                    values.push(sum);
                }
            };
            push(-1, cohort.size, Value::default());
            for column in 0..cohort.returned.len().max(cohort.values.len()).max(1) {
                let whole = column < self.columns.zero && !self.same_period;
                let counted = cohort.returned.get(column).copied().unwrap_or(0);
                let sums = cohort.values.get(column).copied();
                let count = if whole { cohort.size } else { counted };
                if count > 0 || sums.is_some() {
                    push(column as i64, count, sums.unwrap_or_default());
                }
            }
        }
        let number = |numbers: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(numbers)) };
        let mut columns: Vec<PartialColumn> = vec![("cohort", Role::Key, Arc::new(Date32Array::from(cohorts)))];
        if self.rolling.is_some() {
            columns.push(("observed", Role::Key, number(observed)));
        }
        columns.push(("period", Role::Key, number(periods)));
        columns.push(("customers", Role::Sum, number(customers)));
        if self.values.is_some() {
            let names = ["value", "value_squares", "cumulative_value", "cumulative_value_squares"];
            for (name, sums) in names.into_iter().zip(values) {
                columns.push((name, Role::Sum, Arc::new(Float64Array::from(sums))));
            }
        }
        Ok(vec![columns])
    }
}

impl Scratch {
    /// Takes the events from a position on that count as coming back.
    fn gather<C: Code>(&mut self, question: &Retention, journey: &Journey<'_, C>, from: usize) {
        self.positions.clear();
        self.times.clear();
        self.values.clear();
        for (position, (&time, event)) in journey.times.iter().zip(journey.events).enumerate().skip(from) {
            if question.back.as_ref().is_some_and(|back| !back[event.index()]) {
                continue;
            }
            self.positions.push(position);
            self.times.push(time);
            if let Some(values) = &question.values {
                // An event without a number brings nothing.
                let at = journey.start + position;
                let value = if values.is_valid(at) { values.value(at) } else { 0.0 };
                self.values.push(if value.is_finite() { value } else { 0.0 });
            }
        }
    }
}
