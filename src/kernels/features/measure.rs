//! What a feature tells of the known events of a customer.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use serde::Deserialize;

use super::super::chosen;
use super::selections::{Lists, Selections};
use super::summaries::{Clock, Composition, Gaps, WeekBuffers, Weeks, share_of_days};
use crate::calendar::{DAY_US, Zone};
use crate::error::{Error, Result};
use crate::kernels::cutoffs::Known;
use crate::log::{Code, EventLog, Journey, Numbers, Segments};

/// A measure as a plan writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MeasureParams {
    /// How many events.
    Count,
    /// On how many local days.
    ActiveDays,
    /// Days from the last event, and from the first one, to the cut-off.
    SinceLast,
    SinceFirst,
    /// Of the numbers of a column.
    Sum(String),
    Mean(String),
    Max(String),
    Min(String),
    Last(String),
    /// The last value of a column.
    LastText(String),
    /// Of the values of a column.
    Distinct(String),
    Entropy(String),
    Switches(String),
    Share {
        column: String,
        value: String,
    },
    Gaps(GapMeasure),
    Weeks(WeekMeasure),
    /// Share of the events from one full hour of the day until before another.
    Hours {
        from: u8,
        to: u8,
    },
    /// Share of the events on a day of the week, from Saturday.
    Weekday(u8),
    /// Share of the events on some days, as days since 1970, rising.
    Days(Vec<i32>),
    MeanHour,
    HourConcentration,
    /// How often these events follow each other, with no other one of the selection between.
    Follows(Vec<String>),
    /// How many of these steps are reached, in order.
    Reached(Vec<Vec<String>>),
    /// How often something was opened and not closed again.
    Open {
        opened: Vec<String>,
        closed: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapMeasure {
    Mean,
    Median,
    Sd,
    Cv,
    Burstiness,
    BurstinessFinite,
    Memory,
    /// Time since the last event, in median gaps.
    SinceLast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeekMeasure {
    Slope,
    TheilSen,
    Recent,
    Ewma,
}

/// A measure, resolved.
pub enum Measure {
    Count,
    ActiveDays,
    SinceLast,
    SinceFirst,
    Sum(usize),
    Mean(usize),
    Max(usize),
    Min(usize),
    Last(usize),
    LastText(Arc<Segments>, ArrayRef),
    Distinct(usize),
    Entropy(usize),
    Switches(usize),
    Share(usize, Option<u32>),
    Gaps(GapMeasure),
    Weeks(WeekMeasure),
    Hours(usize, usize),
    Weekday(usize),
    Days(Vec<i32>),
    MeanHour,
    HourConcentration,
    Follows(Vec<Option<usize>>),
    Reached(Vec<Vec<bool>>),
    Open(Vec<bool>, Vec<bool>),
}

/// What a feature is; NaN and [`NO_TEXT`] where it is undefined.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    Whole(i64),
    Number(f64),
    Text(u32),
}

/// The code of no text.
pub const NO_TEXT: u32 = u32::MAX;

/// Columns that measures look at, each once.
pub struct Columns {
    numbers: Vec<(String, Numbers)>,
    /// Values of a selection in a column.
    compositions: Vec<(usize, String, Arc<Segments>)>,
    zone: Zone,
    /// Some measure asks for the dial of the day.
    dial: bool,
}

impl Columns {
    /// No column yet.
    pub fn new(log: &EventLog) -> Self {
        Self { numbers: Vec::new(), compositions: Vec::new(), zone: log.zone().clone(), dial: false }
    }

    fn number(&mut self, name: &str, log: &EventLog) -> Result<usize> {
        if let Some(known) = self.numbers.iter().position(|(known, _)| known == name) {
            return Ok(known);
        }
        self.numbers.push((name.to_owned(), log.numbers(name, true)?));
        Ok(self.numbers.len() - 1)
    }

    fn composition(&mut self, selection: usize, name: &str, log: &EventLog) -> Result<usize> {
        let known = self.compositions.iter().position(|(of, known, _)| *of == selection && known == name);
        if let Some(known) = known {
            return Ok(known);
        }
        self.compositions.push((selection, name.to_owned(), log.segments(name)?));
        Ok(self.compositions.len() - 1)
    }
}

impl Measure {
    /// Looks names up; `selection` is that of the feature.
    pub fn bind(params: &MeasureParams, selection: usize, columns: &mut Columns, log: &EventLog) -> Result<Self> {
        let codes = |names: &[String]| Ok(chosen(Some(names), log)?.unwrap_or_default());
        Ok(match params {
            MeasureParams::Count => Self::Count,
            MeasureParams::ActiveDays => Self::ActiveDays,
            MeasureParams::SinceLast => Self::SinceLast,
            MeasureParams::SinceFirst => Self::SinceFirst,
            MeasureParams::Sum(name) => Self::Sum(columns.number(name, log)?),
            MeasureParams::Mean(name) => Self::Mean(columns.number(name, log)?),
            MeasureParams::Max(name) => Self::Max(columns.number(name, log)?),
            MeasureParams::Min(name) => Self::Min(columns.number(name, log)?),
            MeasureParams::Last(name) => Self::Last(columns.number(name, log)?),
            MeasureParams::LastText(name) => {
                let column = log.segments(name)?;
                let labels = StringArray::from_iter_values((0..column.len()).filter_map(|code| column.label(code)));
                Self::LastText(column, Arc::new(labels))
            }
            MeasureParams::Distinct(name) => Self::Distinct(columns.composition(selection, name, log)?),
            MeasureParams::Entropy(name) => Self::Entropy(columns.composition(selection, name, log)?),
            MeasureParams::Switches(name) => Self::Switches(columns.composition(selection, name, log)?),
            MeasureParams::Share { column, value } => {
                let number = columns.composition(selection, column, log)?;
                let segments = &columns.compositions[number].2;
                let code = (0..segments.len()).find(|&code| segments.label(code) == Some(value.as_str()));
                Self::Share(number, code.map(|code| code as u32))
            }
            MeasureParams::Gaps(gaps) => Self::Gaps(*gaps),
            MeasureParams::Weeks(weeks) => Self::Weeks(*weeks),
            MeasureParams::Hours { from, to } if from < to && *to <= 24 => {
                Self::Hours(usize::from(*from), usize::from(*to))
            }
            MeasureParams::Weekday(day) if *day < 7 => Self::Weekday(usize::from(*day)),
            MeasureParams::Hours { .. } | MeasureParams::Weekday(_) => {
                return Err(Error::Argument(format!(
                    "{params:?} is no part of a day or week; expected hours 0 to 24, days 0 to 6"
                )));
            }
            MeasureParams::Days(days) => Self::Days(days.clone()),
            MeasureParams::MeanHour => {
                columns.dial = true;
                Self::MeanHour
            }
            MeasureParams::HourConcentration => {
                columns.dial = true;
                Self::HourConcentration
            }
            MeasureParams::Follows(names) => {
                Self::Follows(names.iter().map(|name| log.event_names().code(name)).collect())
            }
            MeasureParams::Reached(steps) => {
                Self::Reached(steps.iter().map(|names| codes(names)).collect::<Result<_>>()?)
            }
            MeasureParams::Open { opened, closed } => Self::Open(codes(opened)?, codes(closed)?),
        })
    }

    /// A column for the values, none yet.
    pub fn column(&self) -> Values {
        match self {
            Self::Count
            | Self::ActiveDays
            | Self::Distinct(_)
            | Self::Switches(_)
            | Self::Follows(_)
            | Self::Reached(_)
            | Self::Open(_, _) => Values::Whole(Vec::new()),
            Self::LastText(_, labels) => Values::Text(Vec::new(), Arc::clone(labels)),
            _ => Values::Number(Vec::new()),
        }
    }
}

/// The values of a feature, one a customer and cut-off.
pub enum Values {
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Text(Vec<u32>, ArrayRef),
}

impl Values {
    /// Adds one of the column's own kind.
    #[inline]
    pub fn push(&mut self, value: Value) {
        match (self, value) {
            (Self::Whole(values), Value::Whole(value)) => values.push(value),
            (Self::Number(values), Value::Number(value)) => values.push(value),
            (Self::Text(values, _), Value::Text(value)) => values.push(value),
            _ => unreachable!("a measure keeps to the kind of its column"),
        }
    }
}

/// Buffers of one customer and cut-off: what several measures of one selection share is worked out once.
#[derive(Default)]
pub struct Shared {
    gaps: Vec<Option<Gaps>>,
    weeks: Vec<Option<Weeks>>,
    clocks: Vec<Option<Clock>>,
    compositions: Vec<Composition>,
    buffer: Vec<f64>,
    week_buffers: WeekBuffers,
}

impl Shared {
    /// Forgets the last customer.
    pub fn begin(&mut self, selections: &Selections, columns: &Columns, view: &View<'_>) {
        let number = selections.len();
        self.gaps.clear();
        self.gaps.resize(number, None);
        self.weeks.clear();
        self.weeks.resize(number, None);
        self.clocks.clear();
        self.clocks.resize(number, None);
        self.compositions.resize_with(columns.compositions.len(), Composition::default);
        for (composition, (selection, _, column)) in self.compositions.iter_mut().zip(&columns.compositions) {
            composition.count(view.events(*selection), column);
        }
    }
}

/// A customer at a cut-off, with the events of every selection.
pub struct View<'a> {
    pub known: Known<'a>,
    pub selections: &'a Selections,
    pub lists: &'a Lists,
    /// Of the log.
    pub times: &'a [i64],
    pub columns: &'a Columns,
    /// Where the observation window begins, and where what is known of the customer does.
    pub window: i64,
    pub first: i64,
}

impl View<'_> {
    fn events(&self, selection: usize) -> &[u32] {
        self.selections.events(selection, &self.known, self.lists, self.times)
    }

    fn days_since(&self, event: Option<&u32>) -> f64 {
        event.map_or(f64::NAN, |&event| (self.known.at - self.times[event as usize]) as f64 / DAY_US as f64)
    }

    /// The value of a measure over the events of a selection.
    pub fn value<C: Code>(
        &self,
        measure: &Measure,
        selection: usize,
        journey: &Journey<'_, C>,
        shared: &mut Shared,
    ) -> Value {
        let events = self.events(selection);
        let code = |event: u32| journey.events[event as usize - journey.start].index();
        let whole = |number: usize| Value::Whole(number as i64);
        match measure {
            Measure::Count => whole(events.len()),
            Measure::SinceLast => Value::Number(self.days_since(events.last())),
            Measure::SinceFirst => Value::Number(self.days_since(events.first())),
            Measure::Sum(column) => Value::Number(match self.known_numbers(*column, events, &mut shared.buffer) {
                [] if !events.is_empty() => f64::NAN,
                known => known.iter().sum::<f64>() + 0.0,
            }),
            Measure::Mean(column) => {
                let known = self.known_numbers(*column, events, &mut shared.buffer);
                Value::Number(known.iter().sum::<f64>() / known.len() as f64)
            }
            Measure::Max(column) => {
                let known = self.known_numbers(*column, events, &mut shared.buffer);
                Value::Number(known.iter().copied().fold(f64::NAN, f64::max))
            }
            Measure::Min(column) => {
                let known = self.known_numbers(*column, events, &mut shared.buffer);
                Value::Number(known.iter().copied().fold(f64::NAN, f64::min))
            }
            Measure::Last(column) => {
                let known = self.known_numbers(*column, events, &mut shared.buffer);
                Value::Number(known.last().copied().unwrap_or(f64::NAN))
            }
            Measure::LastText(column, _) => {
                let missing = column.len() - 1;
                let codes = events.iter().rev().map(|&event| column.of_event(event as usize));
                Value::Text({ codes }.find(|&code| code != missing).map_or(NO_TEXT, |code| code as u32))
            }
            Measure::Distinct(number) => Value::Whole(shared.compositions[*number].distinct()),
            Measure::Entropy(number) => Value::Number(shared.compositions[*number].entropy()),
            Measure::Switches(number) => Value::Whole(shared.compositions[*number].switches),
            Measure::Share(number, code) => Value::Number(shared.compositions[*number].share(*code)),
            Measure::Gaps(gap) => Value::Number(self.gap(*gap, selection, events, shared)),
            Measure::Weeks(week) => {
                let Shared { weeks, week_buffers, .. } = shared;
                let since = self.first.max(self.selections.opens(selection, self.known.at, self.window));
                let weeks = weeks[selection]
                    .get_or_insert_with(|| Weeks::of(events, self.times, self.known.at, since, week_buffers));
                Value::Number(match week {
                    WeekMeasure::Slope => weeks.slope,
                    WeekMeasure::TheilSen => weeks.theil_sen,
                    WeekMeasure::Recent => weeks.recent,
                    WeekMeasure::Ewma => weeks.ewma,
                })
            }
            Measure::ActiveDays => Value::Whole(self.clock(selection, events, shared).days),
            Measure::Hours(from, to) => {
                let hours = &self.clock(selection, events, shared).hours[*from..*to];
                Value::Number(f64::from(hours.iter().sum::<u32>()) / events.len() as f64)
            }
            Measure::Weekday(day) => {
                let clock = self.clock(selection, events, shared);
                Value::Number(f64::from(clock.weekdays[*day]) / events.len() as f64)
            }
            Measure::Days(days) => Value::Number(share_of_days(events, self.times, &self.columns.zone, days)),
            Measure::MeanHour => Value::Number(self.clock(selection, events, shared).mean_hour()),
            Measure::HourConcentration => Value::Number(self.clock(selection, events, shared).concentration()),
            Measure::Follows(names) => {
                let is_there = |own: &&[u32]| own.iter().zip(names).all(|(event, name)| Some(code(*event)) == *name);
                whole(events.windows(names.len()).filter(is_there).count())
            }
            Measure::Reached(steps) => {
                let next = |reached: usize, event: &u32| {
                    reached + usize::from(steps.get(reached).is_some_and(|step| step[code(*event)]))
                };
                whole(events.iter().fold(0, next))
            }
            Measure::Open(opened, closed) => {
                let after = |open: i64, event: &u32| {
                    let code = code(*event);
                    (open + i64::from(opened[code]) - i64::from(closed[code])).max(0)
                };
                Value::Whole(events.iter().fold(0, after))
            }
        }
    }

    /// The numbers of events that have one.
    fn known_numbers<'b>(&self, column: usize, events: &[u32], buffer: &'b mut Vec<f64>) -> &'b [f64] {
        buffer.clear();
        self.columns.numbers[column].1.read(events, buffer);
        buffer.retain(|number| !number.is_nan());
        buffer
    }

    fn gap(&self, gap: GapMeasure, selection: usize, events: &[u32], shared: &mut Shared) -> f64 {
        let Shared { gaps, buffer, .. } = shared;
        let gaps = gaps[selection].get_or_insert_with(|| Gaps::of(events, self.times, buffer));
        match gap {
            GapMeasure::Mean => gaps.mean,
            GapMeasure::Median => gaps.median,
            GapMeasure::Sd => gaps.sd,
            GapMeasure::Cv => gaps.cv,
            GapMeasure::Burstiness => gaps.burstiness,
            GapMeasure::BurstinessFinite => gaps.burstiness_finite,
            GapMeasure::Memory => gaps.memory,
            GapMeasure::SinceLast if gaps.median > 0.0 => self.days_since(events.last()) / gaps.median,
            GapMeasure::SinceLast => f64::NAN,
        }
    }

    fn clock(&self, selection: usize, events: &[u32], shared: &mut Shared) -> Clock {
        let Columns { zone, dial, .. } = self.columns;
        *shared.clocks[selection].get_or_insert_with(|| Clock::of(events, self.times, zone, *dial))
    }
}
