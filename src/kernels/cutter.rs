//! Where a journey is cut into units: by pauses, by events that begin or end one, along intervals with a duration.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::util::display::array_value_to_string;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Segments};
use crate::pattern::{StepSpec, Steps};

/// Parameters of a [`Cutter`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutParams {
    /// A longer pause cuts.
    gap_us: i64,
    /// The gap after an event of a channel, where it is another one.
    #[serde(default)]
    gaps_us: Vec<(String, i64)>,
    /// Events that begin a unit.
    #[serde(default)]
    starts: Vec<StepSpec>,
    /// Events that end the unit they belong to: its aim is reached.
    #[serde(default)]
    ends: Vec<StepSpec>,
    /// Events that end it otherwise.
    #[serde(default)]
    stops: Vec<StepSpec>,
    #[serde(default)]
    duration: Option<DurationParams>,
}

/// A column that says how long events last.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DurationParams {
    column: String,
    /// Microseconds that a number 1 in it means.
    unit_us: i64,
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// One of `ends` ended it.
    Converted,
    /// One of `stops` ended it.
    Stopped,
    /// A pause, or the beginning of the next one, ended it.
    Ended,
    /// The gap after it is not over where the data end.
    Open,
}

impl Fate {
    /// By their numbers.
    pub const ALL: [Self; 4] = [Self::Converted, Self::Stopped, Self::Ended, Self::Open];

    /// As in the partial.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Stopped => "stopped",
            Self::Ended => "ended",
            Self::Open => "open",
        }
    }
}

/// Why a unit begins where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// With the customer's first event.
    First,
    /// The unit before was ended by an event.
    After,
    /// The pause was longer than the gap.
    Pause,
    /// Its event begins a unit.
    Start,
}

impl Cause {
    /// By their numbers.
    pub const ALL: [Self; 4] = [Self::First, Self::After, Self::Pause, Self::Start];

    /// As in the partial.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::After => "after",
            Self::Pause => "pause",
            Self::Start => "start",
        }
    }
}

/// Events of a customer that belong together.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Positions in the journey.
    pub events: Range<usize>,
    /// When the last of its events was over, µs UTC.
    pub end: i64,
    /// And then?
    pub fate: Fate,
    /// The gap after it was over where the data end, whatever ended it.
    pub settled: bool,
}

/// What an event decided.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    /// Why a unit begins with it, if one does.
    pub cause: Option<Cause>,
    /// From the end so far of the unit before it to the event, µs; negative while that is not over.
    pub pause: i64,
    /// The gap that this pause is held against, µs.
    pub gap: i64,
    /// What it makes of its unit, if it ends it.
    pub fate: Option<Fate>,
}

/// Cuts journeys into units.
pub struct Cutter {
    /// The longest pause inside a unit.
    gap: i64,
    /// How long after its end the last unit may still go on; the gap itself unless journeys stay whole.
    rest: i64,
    observed_until: i64,
    rules: Option<Box<Rules>>,
}

/// What there is beyond one gap.
#[derive(Default)]
struct Rules {
    /// The channel of each event, and the gap after an event of each.
    gaps: Option<(Arc<Segments>, Vec<i64>)>,
    matcher: Option<Steps>,
    /// Which of its steps begin and end a unit.
    starts: u64,
    ends: u64,
    stops: u64,
    /// How long each event of the log lasts, µs; nothing where none does.
    durations: Vec<i64>,
}

impl Cutter {
    /// Resolves names, and checks what a plan from elsewhere may hold.
    pub fn bind(params: &CutParams, log: &EventLog) -> Result<Self> {
        positive("gap_us", params.gap_us)?;
        let plain = params.gaps_us.is_empty()
            && params.starts.is_empty()
            && params.ends.is_empty()
            && params.stops.is_empty()
            && params.duration.is_none();
        let rules = if plain { None } else { Some(Box::new(Rules::bind(params, log)?)) };
        Ok(Self { gap: params.gap_us, rest: params.gap_us, observed_until: log.observed_until(), rules })
    }

    /// Cuts at longer pauses than `gap_us` alone.
    pub fn by_gap(gap_us: i64, log: &EventLog) -> Result<Self> {
        positive("gap_us", gap_us)?;
        Ok(Self { gap: gap_us, rest: gap_us, observed_until: log.observed_until(), rules: None })
    }

    /// Leaves journeys whole; they may go on until `rest_us` after their last event.
    pub fn whole(rest_us: i64, log: &EventLog) -> Result<Self> {
        positive("inactivity_us", rest_us)?;
        Ok(Self { gap: i64::MAX, rest: rest_us, observed_until: log.observed_until(), rules: None })
    }

    /// Calls `take` with every unit of the journey, in order.
    #[inline(always)]
    pub fn each<C: Code>(&self, journey: &Journey<'_, C>, mut take: impl FnMut(Unit)) {
        if let Some(rules) = &self.rules {
            return self.by_rules(rules, journey, take, |_| {});
        }
        let times = journey.times;
        let mut first = 0;
        if self.gap < i64::MAX {
            for next in 1..times.len() {
                let end = times[next - 1];
                if times[next] - end > self.gap {
                    take(Unit { events: first..next, end, fate: Fate::Ended, settled: true });
                    first = next;
                }
            }
        }
        let end = times[times.len() - 1];
        let settled = self.observed_until - end > self.rest;
        let fate = if settled { Fate::Ended } else { Fate::Open };
        take(Unit { events: first..times.len(), end, fate, settled });
    }

    /// Calls `watch` with what each event of the journey decided, in order.
    pub fn decisions<C: Code>(&self, journey: &Journey<'_, C>, watch: impl FnMut(Decision)) {
        let none = Rules::default();
        self.by_rules(self.rules.as_deref().unwrap_or(&none), journey, |_| {}, watch);
    }

    #[inline(always)]
    fn by_rules<C: Code>(
        &self,
        rules: &Rules,
        journey: &Journey<'_, C>,
        mut take: impl FnMut(Unit),
        mut watch: impl FnMut(Decision),
    ) {
        let mut unit = Unit { events: 0..0, end: i64::MIN, fate: Fate::Open, settled: false };
        let (mut gap, mut closed) = (self.gap, None);
        for (position, (&time, event)) in journey.times.iter().zip(journey.events).enumerate() {
            let at = journey.start + position;
            let mask = rules.matcher.as_ref().map_or(0, |matcher| matcher.mask(event.index(), at));
            let pause = time.saturating_sub(unit.end);
            let cause = if position == 0 {
                Some(Cause::First)
            } else if closed.is_some() {
                Some(Cause::After)
            } else if pause > gap {
                Some(Cause::Pause)
            } else {
                (mask & rules.starts != 0).then_some(Cause::Start)
            };
            closed = if mask & rules.ends != 0 {
                Some(Fate::Converted)
            } else {
                (mask & rules.stops != 0).then_some(Fate::Stopped)
            };
            watch(Decision { cause, pause, gap, fate: closed });
            if let Some(cause) = cause {
                if cause != Cause::First {
                    unit.events.end = position;
                    unit.settled = self.observed_until - unit.end > gap;
                    take(unit.clone());
                }
                unit.events.start = position;
                unit.end = i64::MIN;
            }
            unit.fate = closed.unwrap_or(Fate::Ended);
            let end = time + rules.durations.get(at).copied().unwrap_or(0);
            // Of events that are over at the same time, the gap of the last one counts.
            if end >= unit.end {
                unit.end = end;
                gap = rules.gaps.as_ref().map_or(self.gap, |(channels, gaps)| gaps[channels.of_event(at)]);
            }
        }
        unit.events.end = journey.times.len();
        unit.settled = self.observed_until - unit.end > gap;
        if closed.is_none() && !unit.settled {
            unit.fate = Fate::Open;
        }
        take(unit);
    }
}

impl Rules {
    fn bind(params: &CutParams, log: &EventLog) -> Result<Self> {
        let gaps = if params.gaps_us.is_empty() {
            None
        } else {
            let channels = log.segments("channel")?;
            let mut gaps = vec![params.gap_us; channels.len()];
            for (name, gap) in &params.gaps_us {
                positive("gaps_us", *gap)?;
                // As for all kernels, a name that this part of the data lacks matches nothing.
                if let Some(code) = (0..channels.len()).find(|&code| channels.label(code) == Some(name)) {
                    gaps[code] = *gap;
                }
            }
            Some((channels, gaps))
        };
        let lists = [&params.starts, &params.ends, &params.stops];
        let specs: Vec<StepSpec> = lists.into_iter().flatten().cloned().collect();
        let matcher = if specs.is_empty() { None } else { Some(Steps::compile(&specs, log)?) };
        let mut bit = 0;
        let [starts, ends, stops] = lists.map(|list| {
            bit += list.len();
            (bit - list.len()..bit).fold(0, |mask, bit| mask | 1 << bit)
        });
        let durations = params.duration.as_ref().map(|duration| durations(duration, log)).transpose()?;
        Ok(Self { gaps, matcher, starts, ends, stops, durations: durations.unwrap_or_default() })
    }
}

fn positive(name: &str, value: i64) -> Result<()> {
    if value <= 0 {
        return Err(Error::Argument(format!("{name} is {value}; a pause is longer than nothing")));
    }
    Ok(())
}

/// Nothing that happened lasts longer: a thousand years in µs.
const LONGEST: f64 = 1_000.0 * 366.0 * 86_400e6;

/// How long each event lasts in µs; where nothing is known, no time.
pub fn durations(params: &DurationParams, log: &EventLog) -> Result<Vec<i64>> {
    positive("unit_us", params.unit_us)?;
    let name = &params.column;
    let given = log.column(name)?;
    let (numbers, unit) = match given.data_type() {
        // A span of time knows its unit.
        DataType::Duration(_) => {
            let spans = cast(&given, &DataType::Duration(TimeUnit::Microsecond))?;
            let whole = cast(&spans, &DataType::Int64)?;
            return checked(
                whole.as_primitive::<Int64Type>().iter().map(|span| span.map(|span| span as f64)),
                name,
                log,
            );
        }
        kind if kind.is_numeric() => (cast(&given, &DataType::Float64)?, params.unit_us as f64),
        DataType::Null => return Ok(vec![0; log.len()]),
        kind => {
            return Err(Error::Type(format!(
                "duration=\"{name}\" has the type {kind}; expected a column of numbers or of spans of time"
            )));
        }
    };
    checked(numbers.as_primitive::<Float64Type>().iter().map(|number| number.map(|number| number * unit)), name, log)
}

fn checked(spans: impl Iterator<Item = Option<f64>>, name: &str, log: &EventLog) -> Result<Vec<i64>> {
    let mut durations = Vec::with_capacity(log.len());
    for (event, span) in spans.enumerate() {
        let span = span.filter(|span| !span.is_nan()).unwrap_or(0.0);
        if !(0.0..=LONGEST).contains(&span) {
            return Err(impossible(event, span, name, log)?);
        }
        durations.push(span.round() as i64);
    }
    Ok(durations)
}

/// Names the value, the customer and the time of an event whose duration cannot be.
#[cold]
fn impossible(event: usize, span: f64, name: &str, log: &EventLog) -> Result<Error> {
    let value = array_value_to_string(&log.column(name)?, event)?;
    let customer = (log.customer_at(event + 1)).saturating_sub(1);
    let customer = array_value_to_string(log.customer_ids(), customer)?;
    let time = TimestampMicrosecondArray::from(vec![log.times[event]]);
    let time = array_value_to_string(&time, 0)?;
    let why = if span < 0.0 { "an event can't end before it begins" } else { "nothing lasts a thousand years" };
    Ok(Error::Data(format!(
        "the duration \"{name}\" of the event of customer {customer} at {time} UTC is {value}; {why}. Mend the data, or \
         make the value null, which counts as no time"
    )))
}
