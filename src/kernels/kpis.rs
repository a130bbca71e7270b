//! KPIs: numerators and denominators of many measures at once, by period and by the values of columns.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Float64Array, Int64Array};
use arrow::buffer::BooleanBuffer;
use arrow::util::bit_iterator::BitIndexIterator;
use rayon::prelude::*;
use serde::Deserialize;

use super::{PeriodName, calendar_periods};
use crate::calendar::{Calendar, Periods};
use crate::derived::{DERIVED_OF, derived, derived_of};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::log::{Code, EventLog, Journey, Segments};
use crate::partial::{PartialColumn, Role, texts};

/// Parameters of [`Kpis`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// None for the whole log at once.
    period: Option<PeriodName>,
    calendar: Calendar,
    week_start: u8,
    /// Each a list of columns whose values together are a slice; the empty list is everything at once.
    cuts: Vec<Vec<String>>,
    measures: Vec<MeasureParams>,
    max_cells: u32,
}

/// What is one unit of a measure.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Count {
    Events,
    Customers,
    /// The values of a column within a customer, such as sessions.
    Column(String),
}

/// One measure. Conditions are those of the `where` language, and may also name what [`derived`] gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureParams {
    count: Count,
    numerator: String,
    /// Events that count against the numerator, of events only.
    minus: Option<String>,
    denominator: Option<String>,
    /// What is added up over the events of the numerator; by default each counts one.
    sum: Option<String>,
    /// How many events of the numerator a unit needs, and may have.
    least: u32,
    most: Option<u32>,
    /// Conditions by the name that derived columns such as `nth_purchase` end with.
    #[serde(default)]
    references: BTreeMap<String, String>,
    /// A column: of the events that meet such a condition, only those with the same value count.
    #[serde(default)]
    within: Option<String>,
}

/// The measures by period and slice.
pub struct Kpis {
    periods: Option<Periods>,
    cuts: Vec<Cut>,
    measures: Vec<Measure>,
    /// Where the cells of each measure in each cut begin: those of the first cut first, one more for the end.
    starts: Vec<u64>,
    /// Events that any measure looks at.
    touched: BooleanBuffer,
    most_cells: usize,
}

/// Columns that together make slices.
struct Cut {
    columns: Vec<Arc<Segments>>,
}

impl Cut {
    fn bind(names: &[String], log: &EventLog) -> Result<Self> {
        let column = |name: &String| {
            let segments = log.segments(name)?;
            segments.few_enough(name)?;
            Ok(segments)
        };
        Ok(Self { columns: names.iter().map(column).collect::<Result<_>>()? })
    }

    fn slices(&self) -> Option<u64> {
        self.columns.iter().try_fold(1_u64, |slices, column| slices.checked_mul(column.len() as u64))
    }

    #[inline]
    fn of_event(&self, event: usize) -> u64 {
        self.columns.iter().fold(0, |slice, column| slice * column.len() as u64 + column.of_event(event) as u64)
    }

    /// The values of a slice as a JSON list, null where one is missing.
    fn labels(&self, mut slice: u64) -> String {
        let mut labels = Vec::with_capacity(self.columns.len());
        for column in self.columns.iter().rev() {
            labels.push(column.label((slice % column.len() as u64) as usize));
            slice /= column.len() as u64;
        }
        labels.reverse();
        serde_json::json!(labels).to_string()
    }
}

/// A measure, resolved.
struct Measure {
    unit: Unit,
    numerator: BooleanBuffer,
    minus: Option<BooleanBuffer>,
    denominator: Option<BooleanBuffer>,
    /// Any of these.
    touched: BooleanBuffer,
    sum: Option<Float64Array>,
    least: u32,
    most: u32,
}

enum Unit {
    Event,
    Customer,
    Value(Arc<Segments>),
}

/// What is gathered in a cell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    numerator: f64,
    squares: f64,
    denominator: i64,
}

impl Sums {
    #[inline]
    fn add(&mut self, numerator: f64, denominator: bool) {
        self.numerator += numerator;
        self.squares += numerator * numerator;
        self.denominator += i64::from(denominator);
    }
}

/// Cells by number.
pub type Cells = HashMap<u64, Sums, foldhash::fast::FixedState>;

/// What a unit has in a cell so far.
#[derive(Debug, Clone, Copy)]
struct Seen {
    place: u64,
    unit: u32,
    count: u32,
    sum: f64,
    denominator: bool,
}

/// Buffers of one journey.
#[derive(Default)]
pub struct Scratch {
    /// For each cut, slice and period of every event.
    places: Vec<Vec<u64>>,
    seen: Vec<Seen>,
}

/// Everything that conditions and sums name, looked up once.
struct Columns<'a> {
    log: &'a EventLog,
    periods: Option<&'a Periods>,
    known: HashMap<String, ArrayRef>,
}

/// The events that a derived column is about.
#[derive(Default)]
struct References {
    meets: BTreeMap<String, BooleanBuffer>,
    within: Option<Arc<Segments>>,
}

impl References {
    /// What a column is derived from: how, and which events.
    fn of<'t>(names: impl Iterator<Item = &'t String>, column: &str) -> Option<(&'static str, &'t String)> {
        let mut names = names;
        names.find_map(|name| {
            let prefix = DERIVED_OF.into_iter().find(|prefix| column.strip_prefix(prefix) == Some(name.as_str()))?;
            Some((prefix, name))
        })
    }
}

impl<'a> Columns<'a> {
    /// Looks up the columns that the log has, or that follow from it alone.
    fn new(log: &'a EventLog, periods: Option<&'a Periods>, names: &BTreeSet<&str>) -> Result<Self> {
        let column = |name: &&str| {
            let has = *name == "time" || *name == "event" || log.column_names().contains(name);
            let column = if has { None } else { derived(log, name, periods)? };
            Ok(((*name).to_owned(), column.map_or_else(|| log.column(name), Ok)?))
        };
        let known = names.par_iter().map(column).collect::<Result<HashMap<_, _>>>()?;
        Ok(Self { log, periods, known })
    }

    fn lookup(&self, name: &str, references: &References) -> Result<ArrayRef> {
        if let Some(column) = self.known.get(name) {
            return Ok(Arc::clone(column));
        }
        let (prefix, of) = References::of(references.meets.keys(), name)
            .ok_or_else(|| Error::Internal(format!("column \"{name}\" was not looked up")))?;
        Ok(derived_of(self.log, prefix, &references.meets[of], references.within.as_deref(), self.periods))
    }

    fn holds(&self, expression: &Expression, references: &References) -> Result<BooleanBuffer> {
        Ok(expression.evaluate(&|name| self.lookup(name, references), self.log.len())?.values().clone())
    }

    fn numbers(&self, expression: &Expression, references: &References) -> Result<Float64Array> {
        expression.numbers(&|name| self.lookup(name, references), self.log.len())
    }
}

impl MeasureParams {
    fn conditions(&self) -> impl Iterator<Item = &String> {
        [Some(&self.numerator), self.minus.as_ref(), self.denominator.as_ref()].into_iter().flatten()
    }

    /// Whether a text means the same in every measure.
    fn is_shared(&self, expression: &Expression) -> bool {
        let names = expression.columns();
        names.iter().all(|(name, _)| References::of(self.references.keys(), name).is_none())
    }
}

impl Analysis for Kpis {
    const NAME: &'static str = "kpis";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let periods = params
            .period
            .map(|period| calendar_periods(log, period, params.calendar, params.week_start))
            .transpose()?;
        let cuts = params.cuts.iter().map(|names| Cut::bind(names, log)).collect::<Result<Vec<_>>>()?;
        let measures = measures(&params.measures, log, periods.as_ref())?;
        let mut starts = vec![0];
        for cut in &cuts {
            let cells =
                cut.slices().and_then(|slices| slices.checked_mul(periods.as_ref().map_or(1, Periods::len) as u64));
            for _ in &measures {
                let end = cells.and_then(|cells| cells.checked_add(starts[starts.len() - 1]));
                let end = end.ok_or_else(|| {
                    Error::Argument("the columns of a cut have too many values together; cut by fewer of them".into())
                })?;
                starts.push(end);
            }
        }
        let nothing = BooleanBuffer::new_unset(log.len());
        let touched = measures.iter().fold(nothing, |any, measure| &any | &measure.touched);
        Ok(Self { periods, cuts, measures, starts, touched, most_cells: params.max_cells as usize })
    }
}

/// The measures with what their texts mean in a log. Texts that stand in several measures are looked at once, unless they
/// name what follows from the conditions of their own.
fn measures(params: &[MeasureParams], log: &EventLog, periods: Option<&Periods>) -> Result<Vec<Measure>> {
    let mut texts: HashMap<&str, Expression> = HashMap::new();
    for measure in params {
        for text in measure.conditions().chain(&measure.sum).chain(measure.references.values()) {
            texts.insert(text, Expression::parse(text)?);
        }
    }
    let mut names = BTreeSet::new();
    let mut shared: BTreeSet<&str> = BTreeSet::new();
    for measure in params {
        shared.extend(measure.references.values().map(String::as_str));
        for text in measure.conditions().chain(&measure.sum).chain(measure.references.values()) {
            let expression = &texts[text.as_str()];
            let columns = expression.columns();
            let own = |name: &str| References::of(measure.references.keys(), name).is_some();
            names.extend(columns.iter().map(|(name, _)| *name).filter(|name| !own(name)));
        }
        let plain = |text: &&String| measure.is_shared(&texts[text.as_str()]);
        shared.extend(measure.conditions().filter(plain).map(String::as_str));
    }
    let columns = Columns::new(log, periods, &names)?;
    let none = References::default();
    let held = shared.par_iter().map(|text| Ok((*text, columns.holds(&texts[text], &none)?)));
    let held = held.collect::<Result<HashMap<&str, BooleanBuffer>>>()?;
    let resolved = |measure: &MeasureParams| -> Result<Measure> {
        let meets = measure.references.iter().map(|(name, text)| (name.clone(), held[text.as_str()].clone()));
        let within = measure.within.as_ref().map(|name| log.segments(name)).transpose()?;
        let references = References { meets: meets.collect(), within };
        let condition = |text: &String| match held.get(text.as_str()) {
            Some(held) if measure.is_shared(&texts[text.as_str()]) => Ok(held.clone()),
            _ => columns.holds(&texts[text.as_str()], &references),
        };
        let numerator = condition(&measure.numerator)?;
        let minus = measure.minus.as_ref().map(condition).transpose()?;
        let denominator = measure.denominator.as_ref().map(condition).transpose()?;
        let touched = [&minus, &denominator].into_iter().flatten().fold(numerator.clone(), |any, more| &any | more);
        let unit = match &measure.count {
            Count::Events => Unit::Event,
            Count::Customers => Unit::Customer,
            Count::Column(name) => Unit::Value(log.segments(name)?),
        };
        let sum = measure.sum.as_ref().map(|text| columns.numbers(&texts[text.as_str()], &references)).transpose()?;
        let most = measure.most.unwrap_or(u32::MAX);
        Ok(Measure { unit, numerator, minus, denominator, touched, sum, least: measure.least, most })
    };
    params.par_iter().map(resolved).collect()
}

impl Measure {
    /// What an event adds to the numerator, and whether it is of it at all.
    #[inline]
    fn value(&self, event: usize) -> Option<f64> {
        let plus = self.numerator.value(event);
        let minus = self.minus.as_ref().is_some_and(|minus| minus.value(event));
        if !plus && !minus {
            return None;
        }
        let amount = match &self.sum {
            Some(sum) if sum.is_valid(event) && sum.value(event).is_finite() => sum.value(event),
            Some(_) => return None,
            None => 1.0,
        };
        Some(f64::from(plus) * amount - f64::from(minus) * amount)
    }

    fn is_base(&self, event: usize) -> bool {
        self.denominator.as_ref().is_some_and(|denominator| denominator.value(event))
    }

    /// What a unit adds, and whether it counts in the denominator; nothing where it has no part in the measure.
    fn of_unit(&self, own: &[Seen]) -> Option<(f64, bool)> {
        let base = own.iter().any(|seen| seen.denominator);
        if self.denominator.is_some() && !base {
            return None;
        }
        let count: u32 = own.iter().map(|seen| seen.count).sum();
        if !(self.least..=self.most).contains(&count) {
            return Some((0.0, base));
        }
        Some((if self.sum.is_some() { own.iter().map(|seen| seen.sum).sum() } else { 1.0 }, base))
    }
}

/// Which of these events are set, from 0.
fn bits(buffer: &BooleanBuffer, start: usize, events: usize) -> BitIndexIterator<'_> {
    BitIndexIterator::new(buffer.values(), buffer.offset() + start, events)
}

impl Kernel for Kpis {
    type State = Cells;
    type Scratch = Scratch;

    fn init(&self) -> Cells {
        Cells::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let (start, events) = (journey.start, journey.times.len());
        let Scratch { places, seen } = scratch;
        if bits(&self.touched, start, events).next().is_none() {
            return;
        }
        self.place(journey.start, journey.times, places);
        let state = groups.at(journey, 0);
        for (number, measure) in self.measures.iter().enumerate() {
            let touched = || bits(&measure.touched, start, events);
            for (cut, places) in places.iter().enumerate() {
                let first = self.starts[cut * self.measures.len() + number];
                if let Unit::Event = measure.unit {
                    for at in touched() {
                        let value = measure.value(start + at).unwrap_or(0.0);
                        state.entry(first + places[at]).or_default().add(value, measure.is_base(start + at));
                    }
                    continue;
                }
                seen.clear();
                for at in touched() {
                    let unit = match &measure.unit {
                        Unit::Value(values) if values.label(values.of_event(start + at)).is_none() => continue,
                        Unit::Value(values) => values.of_event(start + at) as u32,
                        _ => 0,
                    };
                    let value = measure.value(start + at);
                    seen.push(Seen {
                        place: places[at],
                        unit,
                        count: u32::from(value.is_some()),
                        sum: value.unwrap_or(0.0),
                        denominator: measure.is_base(start + at),
                    });
                }
                // Stable, so that sums are added up in the order of the events.
                seen.sort_by_key(|seen| (seen.place, seen.unit));
                for own in seen.chunk_by(|a, b| (a.place, a.unit) == (b.place, b.unit)) {
                    if let Some((value, base)) = measure.of_unit(own) {
                        state.entry(first + own[0].place).or_default().add(value, base);
                    }
                }
            }
        }
    }

    fn merge(&self, into: &mut Cells, from: Cells) {
        let mut from: Vec<_> = from.into_iter().collect();
        from.sort_unstable_by_key(|(cell, _)| *cell);
        for (cell, sums) in from {
            let into = into.entry(cell).or_default();
            into.numerator += sums.numerator;
            into.squares += sums.squares;
            into.denominator += sums.denominator;
        }
    }

    fn columns(&self, state: Cells) -> Result<Vec<Vec<PartialColumn>>> {
        let mut cells: Vec<_> = state.into_iter().collect();
        if cells.len() > self.most_cells {
            return Err(Error::Argument(format!(
                "{} cells of KPIs, periods and slices, more than the {} allowed; take a longer period, fewer KPIs, or \
                 cut by columns with fewer values",
                cells.len(),
                self.most_cells
            )));
        }
        cells.sort_unstable_by_key(|(cell, _)| *cell);
        let periods = self.periods.as_ref().map_or(1, Periods::len) as u64;
        let places: Vec<(usize, usize, u64, usize)> = cells
            .iter()
            .map(|(cell, _)| {
                let block = self.starts.partition_point(|start| start <= cell) - 1;
                let place = cell - self.starts[block];
                let (cut, measure) = (block / self.measures.len(), block % self.measures.len());
                (cut, measure, place / periods, (place % periods) as usize)
            })
            .collect();
        let labels: Vec<String> = places.iter().map(|&(cut, _, slice, _)| self.cuts[cut].labels(slice)).collect();
        let whole = |pick: fn(&(usize, usize, u64, usize)) -> usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(places.iter().map(|place| pick(place) as i64)))
        };
        let days: Date32Array =
            places.iter().map(|place| self.periods.as_ref().map(|periods| periods.label_days()[place.3])).collect();
        let floats = |pick: fn(&Sums) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(cells.iter().map(|(_, sums)| pick(sums))))
        };
        let denominators = Int64Array::from_iter_values(cells.iter().map(|(_, sums)| sums.denominator));
        Ok(vec![vec![
            ("cut", Role::Key, whole(|place| place.0)),
            ("measure", Role::Key, whole(|place| place.1)),
            ("slice", Role::Key, texts(labels.iter().map(String::as_str))),
            ("period", Role::Key, Arc::new(days)),
            ("numerator", Role::Sum, floats(|sums| sums.numerator)),
            ("squares", Role::Sum, floats(|sums| sums.squares)),
            ("denominator", Role::Sum, Arc::new(denominators)),
        ]])
    }
}

impl Kpis {
    /// Slice and period of every event of a journey as one number, for each cut.
    fn place(&self, start: usize, times: &[i64], places: &mut Vec<Vec<u64>>) {
        places.resize_with(self.cuts.len(), Vec::new);
        let count = self.periods.as_ref().map_or(1, Periods::len) as u64;
        for (cut, places) in self.cuts.iter().zip(places) {
            let mut period = 0;
            places.clear();
            places.extend(times.iter().enumerate().map(|(at, &time)| {
                if let Some(periods) = &self.periods {
                    period = periods.advance(period, time);
                }
                cut.of_event(start + at) * count + period as u64
            }));
        }
    }
}
