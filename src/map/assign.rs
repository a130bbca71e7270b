//! The touchpoint of every event of a log: the first of the map that matches, and what the others say.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, PrimitiveArray, RecordBatch, StringArray, UInt32Array, new_empty_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::take;
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType, DataType, Field, Schema, TimeUnit, UInt8Type, UInt16Type,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::fields::listing;
use super::{Condition, JourneyMap};
use crate::derived::{DERIVED, DERIVED_FROM, DERIVED_OF};
use crate::error::{Error, Result, did_you_mean};
use crate::log::{Code, EventLog};
use crate::pool::{Cancel, on_pool};
use crate::table::Table;
use crate::with_codes;

/// The columns that a map adds to a log.
pub const COLUMNS: [&str; 2] = ["touchpoint", "stage"];

/// What a KPI may count beside the values of a column.
const UNITS: [&str; 3] = ["events", "customers", "session"];

/// Events that are looked at between two looks at the flag that cancels.
const TASK_EVENTS: usize = 1 << 16;

/// Most pairs of an event and a channel that a map may tell apart.
const MOST_CELLS: usize = 1 << 20;

/// Most such pairs of all touchpoints.
const MOST_CHOICES: usize = 1 << 24;

impl JourneyMap {
    /// The log with the columns `touchpoint` and `stage`, both null where no touchpoint matches.
    pub fn assign(&self, log: &EventLog, cancel: &Cancel) -> Result<EventLog> {
        on_pool(|| {
            let bound = Bound::bind(self, log, false)?;
            // The code past the last touchpoint stands for none.
            if self.touchpoint.len() < 1 << 8 {
                bound.columns::<u8, UInt8Type>(cancel)
            } else {
                bound.columns::<u16, UInt16Type>(cancel)
            }
        })
    }

    /// What the map covers of a log, as JSON: events and customers of each touchpoint, pairs of touchpoints that match
    /// the same events, and the events that none matches.
    pub fn coverage(&self, log: &EventLog, cancel: &Cancel) -> Result<Value> {
        on_pool(|| Bound::bind(self, log, true)?.coverage(cancel))
    }

    /// The type of a column that KPIs may name without the log having it.
    fn derived_type(&self, log: &EventLog, name: &str) -> Option<DataType> {
        let is_known = DERIVED.contains(&name)
            || DERIVED_OF.iter().filter_map(|prefix| name.strip_prefix(prefix)).any(|of| self.inputs.contains_key(of))
            || DERIVED_FROM.iter().filter_map(|prefix| name.strip_prefix(prefix)).any(|from| {
                // Sessions are numbered when a KPI asks for them.
                from == "session" || column_type(log, from).is_some()
            });
        is_known.then_some(DataType::Float64)
    }

    /// Everything in which the map and a log do not fit.
    fn check(&self, log: &EventLog) -> Result<()> {
        let mut problems = Vec::new();
        let types = |name: &str| column_type(log, name);
        let mapped = |name: &str| {
            if COLUMNS.contains(&name) {
                Some(labels_type())
            } else {
                types(name).or_else(|| self.derived_type(log, name))
            }
        };
        for touchpoint in &self.touchpoint {
            let what = format!("touchpoint \"{}\"", touchpoint.id);
            if !touchpoint.channel.is_empty() && log.channels.is_none() {
                let message = format!("{what}: channel: the log has no channels; build it with channel=\"…\"");
                problems.push((touchpoint.channel_at, message));
            }
            if let Some(condition) = &touchpoint.condition {
                let what = format!("{what}: where");
                check_expression(log, condition, Meaning::Truth, &what, &types, &[], &mut problems);
            }
        }
        for kpi in &self.kpi {
            for (key, condition) in
                [("numerator", &kpi.numerator), ("denominator", &kpi.denominator), ("sum", &kpi.sum)]
            {
                let Some(condition) = condition else { continue };
                let what = format!("kpi \"{}\": {key}", kpi.id);
                let kind = if key == "sum" { Meaning::Number } else { Meaning::Truth };
                check_expression(log, condition, kind, &what, &mapped, &COLUMNS, &mut problems);
            }
            if let Some(count) = &kpi.count
                && !UNITS.contains(&count.as_str())
                && mapped(count).is_none()
            {
                let what = format!("kpi \"{}\": count", kpi.id);
                problems.push((kpi.count_at, unknown_column(log, count, &what, &COLUMNS)));
            }
        }
        for (name, condition) in &self.inputs {
            let what = format!("inputs: {name}");
            check_expression(log, condition, Meaning::Any, &what, &mapped, &COLUMNS, &mut problems);
        }
        if problems.is_empty() { Ok(()) } else { Err(self.refused(problems)) }
    }
}

fn labels_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
}

/// The type of a column that conditions may name.
fn column_type(log: &EventLog, name: &str) -> Option<DataType> {
    match name {
        "time" => Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        "event" => Some(labels_type()),
        "channel" if log.channels.is_some() => Some(labels_type()),
        _ => log.columns.iter().find(|column| column.name() == name).map(|column| column.data_type().clone()),
    }
}

fn unknown_column(log: &EventLog, name: &str, what: &str, further: &[&'static str]) -> String {
    let mut known = ["time", "event"].into_iter().chain(log.column_names()).collect::<Vec<_>>();
    known.extend(further.iter().filter(|name| log.columns.iter().all(|column| column.name() != **name)));
    let near = did_you_mean(name, known.iter().copied());
    format!(
        "{what}: \"{name}\" is not a column of this log{near} (available: {}; more can be carried with attributes=[…])",
        listing(known.into_iter())
    )
}

/// What an expression is to be.
#[derive(Clone, Copy)]
enum Meaning {
    Truth,
    Number,
    Any,
}

/// Notes columns that the log lacks, or, where it has all of them, values that can't be compared.
fn check_expression(
    log: &EventLog,
    condition: &Condition,
    meaning: Meaning,
    what: &str,
    types: &dyn Fn(&str) -> Option<DataType>,
    further: &[&'static str],
    problems: &mut Vec<(usize, String)>,
) {
    let before = problems.len();
    for (name, span) in condition.expression.columns() {
        if types(name).is_none() {
            problems.push((condition.place(span.start), unknown_column(log, name, what, further)));
        }
    }
    if problems.len() > before {
        return;
    }
    // Of no rows at all, only the types can be wrong.
    let empty = |name: &str| {
        let data_type = types(name).ok_or_else(|| Error::Internal(format!("column \"{name}\" has no type")))?;
        Ok(new_empty_array(&data_type))
    };
    let found = match meaning {
        Meaning::Truth => condition.expression.evaluate(&empty, 0).map(drop),
        Meaning::Number => condition.expression.numbers(&empty, 0).map(drop),
        Meaning::Any => Ok(()),
    };
    if let Err(error) = found {
        problems.push((condition.at, format!("{what}: {error}")));
    }
}

/// The touchpoints that may match an event, in the order of the map.
#[derive(Debug)]
struct Candidates {
    touchpoints: Vec<u32>,
    /// Each of them matches whatever the time and the other columns say.
    plain: bool,
}

/// What a touchpoint asks beyond event and channel.
struct Rule<'a> {
    from: i64,
    until: i64,
    condition: Option<&'a Condition>,
}

impl Rule<'_> {
    fn is_plain(&self) -> bool {
        self.from == i64::MIN && self.until == i64::MAX && self.condition.is_none()
    }

    fn is_in_time(&self, time: i64) -> bool {
        (self.from..self.until).contains(&time)
    }
}

/// A map whose names are codes of a log. Events and channels that the map does not tell apart share a class.
struct Bound<'a> {
    map: &'a JourneyMap,
    log: &'a EventLog,
    rules: Vec<Rule<'a>>,
    /// By code, the first cell of the event's class.
    event_class: Vec<u32>,
    /// By code, the class of the channel, which is its place among those cells.
    channel_class: Vec<u32>,
    channel_classes: usize,
    /// By class of event and channel.
    cells: Vec<Candidates>,
    /// Values of the columns that conditions name.
    columns: HashMap<&'a str, ArrayRef>,
}

/// The classes of the names that a map tells apart: 0 is what it does not name.
struct Classes<'a>(HashMap<&'a str, u32>);

impl<'a> Classes<'a> {
    fn new(names: impl Iterator<Item = &'a String>) -> Self {
        let mut classes = HashMap::new();
        for name in names {
            let next = classes.len() as u32 + 1;
            classes.entry(name.as_str()).or_insert(next);
        }
        Self(classes)
    }

    fn len(&self) -> usize {
        self.0.len() + 1
    }

    fn of(&self, name: &str) -> u32 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

impl<'a> Bound<'a> {
    /// With `all`, the candidates of an event are all touchpoints that may match it, else those up to the first that is
    /// sure to.
    fn bind(map: &'a JourneyMap, log: &'a EventLog, all: bool) -> Result<Self> {
        map.check(log)?;
        let zone = log.zone();
        let rule = |touchpoint: &'a super::Touchpoint| Rule {
            from: touchpoint.from.as_ref().map_or(i64::MIN, |from| from.instant(zone)),
            until: touchpoint.until.as_ref().map_or(i64::MAX, |until| until.instant(zone)),
            condition: touchpoint.condition.as_ref(),
        };
        let rules: Vec<Rule<'_>> = map.touchpoint.iter().map(rule).collect();
        let events = Classes::new(map.touchpoint.iter().flat_map(|touchpoint| &touchpoint.event));
        let channels = Classes::new(map.touchpoint.iter().flat_map(|touchpoint| &touchpoint.channel));
        if events.len() * channels.len() > MOST_CELLS {
            return Err(Error::Argument(format!(
                "the map names {} events and {} channels, more pairs than the {MOST_CELLS} that it may tell apart",
                events.len() - 1,
                channels.len() - 1
            )));
        }
        let first_cell = |name: &str| events.of(name) * channels.len() as u32;
        let choices = |touchpoint: &super::Touchpoint| {
            let of =
                |names: &[String], classes: &Classes<'_>| if names.is_empty() { classes.len() } else { names.len() };
            of(&touchpoint.event, &events) * of(&touchpoint.channel, &channels)
        };
        if map.touchpoint.iter().map(choices).sum::<usize>() > MOST_CHOICES {
            return Err(Error::Argument(format!(
                "the touchpoints of the map match more than {MOST_CHOICES} pairs of events and channels that it names; \
                 give fewer names, or a condition such as where = \"event in ('a', 'b')\""
            )));
        }
        let event_class = log.event_names().iter().map(first_cell).collect();
        let channel_class = match &log.channels {
            // The code past the last name is that of no channel, which no touchpoint can name.
            Some((_, names)) => names.iter().map(|name| channels.of(name)).chain([0]).collect(),
            None => vec![0],
        };
        let mut cells: Vec<Candidates> = Vec::new();
        cells.resize_with(events.len() * channels.len(), || Candidates { touchpoints: Vec::new(), plain: true });
        for (number, (touchpoint, rule)) in map.touchpoint.iter().zip(&rules).enumerate() {
            let classes = |names: &[String], classes: &Classes<'_>| -> Vec<usize> {
                match names {
                    [] => (0..classes.len()).collect(),
                    names => names.iter().map(|name| classes.of(name) as usize).collect(),
                }
            };
            let of_channels = classes(&touchpoint.channel, &channels);
            for event in classes(&touchpoint.event, &events) {
                for &channel in &of_channels {
                    let cell = &mut cells[event * channels.len() + channel];
                    let is_settled =
                        !all && cell.touchpoints.last().is_some_and(|&last| rules[last as usize].is_plain());
                    if !is_settled {
                        cell.touchpoints.push(number as u32);
                        cell.plain &= rule.is_plain();
                    }
                }
            }
        }
        let mut columns = HashMap::new();
        for name in rules.iter().filter_map(|rule| rule.condition).flat_map(|condition| condition.expression.columns())
        {
            if !columns.contains_key(name.0) {
                columns.insert(name.0, log.column(name.0)?);
            }
        }
        let channel_classes = channels.len();
        Ok(Self { map, log, rules, event_class, channel_class, channel_classes, cells, columns })
    }

    /// The cell of each event of a range.
    fn cells_of<E: Code>(&self, events: &[E], range: Range<usize>) -> Vec<u32> {
        let events = &events[range.clone()];
        let Some((channels, _)) = self.log.channels.as_ref().filter(|_| self.channel_classes > 1) else {
            return events.iter().map(|event| self.event_class[event.index()]).collect();
        };
        with_codes!(&**channels, channels => {
            events
                .iter()
                .zip(&channels[range])
                .map(|(event, channel)| self.event_class[event.index()] + self.channel_class[channel.index()])
                .collect()
        })
    }

    /// Whether conditions are true for the events that may be at their touchpoint, by touchpoint and in the order of the
    /// events.
    fn truths(&self, cells: &[u32], start: usize) -> Result<Vec<BooleanBuffer>> {
        let mut wanted: Vec<Vec<u32>> = vec![Vec::new(); self.rules.len()];
        for (event, &cell) in (start..).zip(cells) {
            let cell = &self.cells[cell as usize];
            if cell.plain {
                continue;
            }
            for &touchpoint in &cell.touchpoints {
                let rule = &self.rules[touchpoint as usize];
                if rule.condition.is_some() && rule.is_in_time(self.log.times[event]) {
                    wanted[touchpoint as usize].push(event as u32);
                }
            }
        }
        let truth = |(rule, events): (&Rule<'_>, Vec<u32>)| {
            let Some(condition) = rule.condition.filter(|_| !events.is_empty()) else {
                return Ok(BooleanBuffer::new_unset(0));
            };
            let is_all = events.len() == cells.len();
            let events = UInt32Array::from(events);
            let column = |name: &str| match self.columns.get(name) {
                Some(values) if is_all => Ok(values.slice(start, cells.len())),
                Some(values) => Ok(take(values, &events, None)?),
                None => Err(Error::Internal(format!("column \"{name}\" was not read"))),
            };
            Ok(condition.expression.evaluate(&column, events.len())?.values().clone())
        };
        self.rules.iter().zip(wanted).map(truth).collect()
    }

    /// Gives each event of a range, in order, with its cell and the touchpoints that match it.
    fn visit<E: Code>(&self, events: &[E], range: Range<usize>, mut see: impl FnMut(usize, u32, &[u32])) -> Result<()> {
        let cells = self.cells_of(events, range.clone());
        let truths = self.truths(&cells, range.start)?;
        let mut truths: Vec<_> = truths.iter().map(BooleanBuffer::iter).collect();
        let mut found = Vec::new();
        for (event, &number) in range.zip(&cells) {
            let cell = &self.cells[number as usize];
            if cell.plain {
                see(event, number, &cell.touchpoints);
                continue;
            }
            found.clear();
            for &touchpoint in &cell.touchpoints {
                let rule = &self.rules[touchpoint as usize];
                let matches = rule.is_in_time(self.log.times[event])
                    && (rule.condition.is_none() || truths[touchpoint as usize].next().unwrap_or(false));
                if matches {
                    found.push(touchpoint);
                }
            }
            see(event, number, &found);
        }
        Ok(())
    }

    fn columns<C, K>(&self, cancel: &Cancel) -> Result<EventLog>
    where
        C: Code + Default + ArrowNativeType,
        K: ArrowDictionaryKeyType<Native = C>,
    {
        let none = self.map.touchpoint.len();
        let mut stages: Vec<&str> = Vec::new();
        let mut stage_of: Vec<C> = Vec::with_capacity(none + 1);
        for touchpoint in &self.map.touchpoint {
            let known = stages.iter().position(|stage| *stage == touchpoint.stage);
            stage_of.push(C::from_index(known.unwrap_or(stages.len())));
            if known.is_none() {
                stages.push(&touchpoint.stage);
            }
        }
        stage_of.push(C::default());
        // Where every cell is settled by event and channel, its touchpoint is looked up; nothing else is asked.
        let plain: Option<Vec<C>> = self.cells.iter().all(|cell| cell.plain).then(|| {
            let first = |cell: &Candidates| cell.touchpoints.first().map_or(none, |&first| first as usize);
            self.cells.iter().map(|cell| C::from_index(first(cell))).collect()
        });
        let mut touchpoint_codes = vec![C::default(); self.log.len()];
        let mut stage_codes = vec![C::default(); self.log.len()];
        let mut is_mapped = vec![0_u8; self.log.len().div_ceil(8)];
        let tasks = touchpoint_codes.par_chunks_mut(TASK_EVENTS).zip(stage_codes.par_chunks_mut(TASK_EVENTS));
        let tasks = tasks.zip(is_mapped.par_chunks_mut(TASK_EVENTS / 8)).enumerate();
        with_codes!(&*self.log.events, events => tasks.try_for_each(|(task, ((codes, stages), is_mapped))| {
            cancel.check()?;
            let start = task * TASK_EVENTS;
            let range = start..start + codes.len();
            if let Some(plain) = &plain {
                let cells = self.cells_of(events, range);
                codes.iter_mut().zip(cells).for_each(|(code, cell)| *code = plain[cell as usize]);
            } else {
                self.visit(events, range, |event, _, found| {
                    codes[event - start] = C::from_index(found.first().map_or(none, |&first| first as usize));
                })?;
            }
            stages.iter_mut().zip(&*codes).for_each(|(stage, code)| *stage = stage_of[code.index()]);
            for (byte, codes) in is_mapped.iter_mut().zip(codes.chunks_mut(8)) {
                for (bit, code) in codes.iter_mut().enumerate() {
                    *byte |= u8::from(code.index() != none) << bit;
                    // What stands at nulls has no meaning, but must be a code.
                    *code = if code.index() == none { C::default() } else { *code };
                }
            }
            Ok::<(), Error>(())
        }))?;
        let is_mapped = NullBuffer::new(BooleanBuffer::new(is_mapped.into(), 0, self.log.len()));
        let nulls = Some(is_mapped).filter(|nulls| nulls.null_count() > 0);
        let column = |codes: Vec<C>, labels: Vec<&str>| -> Result<ArrayRef> {
            let keys = PrimitiveArray::<K>::new(codes.into(), nulls.clone());
            Ok(Arc::new(DictionaryArray::<K>::try_new(keys, Arc::new(StringArray::from(labels)))?))
        };
        let touchpoints = self.map.touchpoint.iter().map(|touchpoint| touchpoint.id.as_str()).collect();
        let columns = [column(touchpoint_codes, touchpoints)?, column(stage_codes, stages)?];
        let fields = COLUMNS.iter().zip(&columns);
        let fields: Vec<Field> =
            fields.map(|(name, values)| Field::new(*name, values.data_type().clone(), true)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.to_vec())?;
        self.log.with_columns(&Table::from_batch(batch))
    }

    fn coverage(&self, cancel: &Cancel) -> Result<Value> {
        let tasks = self.log.len().div_ceil(TASK_EVENTS).min(self.log.customers());
        let cut = |task: usize| {
            if task == tasks { self.log.customers() } else { self.log.customer_at(task * self.log.len() / tasks) }
        };
        let seen = (0..tasks)
            .into_par_iter()
            .map(|task| {
                cancel.check()?;
                with_codes!(&*self.log.events, events => self.cover(events, cut(task)..cut(task + 1)))
            })
            .try_reduce(|| Seen::new(self), |into, from| Ok(into.and(from)))?;
        Ok(self.told(&seen))
    }

    /// What the map covers of some customers.
    fn cover<E: Code>(&self, events: &[E], customers: Range<usize>) -> Result<Seen> {
        let mut seen = Seen::new(self);
        let mut last = vec![usize::MAX; self.rules.len()];
        let mut customer = customers.start;
        let mut end = self.log.offsets[customer] as usize;
        let range = end..self.log.offsets[customers.end] as usize;
        self.visit(events, range, |event, number, found| {
            while event >= end {
                end = self.log.offsets[customer + 1] as usize;
                customer += 1;
            }
            let Some((&first, later)) = found.split_first() else {
                let channel = self.log.channels.as_ref().map_or(0, |(codes, _)| codes.get(event));
                *seen.unmapped.entry((events[event].index() as u32, channel as u32)).or_default() += 1;
                return;
            };
            seen.cells[number as usize] += u64::from(!later.is_empty() && self.cells[number as usize].plain);
            if !self.cells[number as usize].plain {
                for &other in later {
                    *seen.overlaps.entry((first, other)).or_default() += 1;
                }
            }
            let touchpoint = &mut seen.touchpoints[first as usize];
            touchpoint.events += 1;
            touchpoint.customers += u64::from(last[first as usize] != customer);
            last[first as usize] = customer;
            let time = self.log.times[event];
            touchpoint.first_us = touchpoint.first_us.min(time);
            touchpoint.last_us = touchpoint.last_us.max(time);
        })?;
        Ok(seen)
    }

    fn told(&self, seen: &Seen) -> Value {
        let mut overlaps = seen.overlaps.clone();
        for (cell, &events) in self.cells.iter().zip(&seen.cells) {
            if let (Some((&first, later)), true) = (cell.touchpoints.split_first(), events > 0) {
                for &other in later {
                    *overlaps.entry((first, other)).or_default() += events;
                }
            }
        }
        let touchpoints = seen.touchpoints.iter().map(|touchpoint| {
            let time = |time: i64| (touchpoint.events > 0).then_some(time);
            json!({
                "events": touchpoint.events,
                "customers": touchpoint.customers,
                "first_us": time(touchpoint.first_us),
                "last_us": time(touchpoint.last_us),
            })
        });
        let unmapped: BTreeMap<_, _> = seen.unmapped.iter().collect();
        let unmapped = unmapped.into_iter().map(|(&(event, channel), events)| {
            let channels = self.log.channels.as_ref().map(|(_, names)| names);
            let channel =
                channels.filter(|names| (channel as usize) < names.len()).map(|names| names.name(channel as usize));
            json!([self.log.event_names().name(event as usize), channel, events])
        });
        json!({
            "events": self.log.len(),
            "customers": self.log.customers(),
            "touchpoints": touchpoints.collect::<Vec<_>>(),
            "overlaps": overlaps.iter().map(|(&(first, later), events)| json!([first, later, events])).collect::<Vec<_>>(),
            "unmapped": unmapped.collect::<Vec<_>>(),
        })
    }
}

/// What was seen of a touchpoint.
#[derive(Clone)]
struct Covered {
    events: u64,
    customers: u64,
    first_us: i64,
    last_us: i64,
}

/// What was seen of the customers of a task.
struct Seen {
    touchpoints: Vec<Covered>,
    /// By cell, events that several touchpoints are sure to match.
    cells: Vec<u64>,
    /// Events of the first touchpoint that the second matches as well, where that needs a look at each.
    overlaps: BTreeMap<(u32, u32), u64>,
    /// By codes of event and channel.
    unmapped: HashMap<(u32, u32), u64, foldhash::fast::FixedState>,
}

impl Seen {
    fn new(bound: &Bound<'_>) -> Self {
        let none = Covered { events: 0, customers: 0, first_us: i64::MAX, last_us: i64::MIN };
        Self {
            touchpoints: vec![none; bound.rules.len()],
            cells: vec![0; bound.cells.len()],
            overlaps: BTreeMap::new(),
            unmapped: HashMap::default(),
        }
    }

    /// What was seen of these customers and of others.
    fn and(mut self, other: Self) -> Self {
        for (into, from) in self.touchpoints.iter_mut().zip(other.touchpoints) {
            into.events += from.events;
            into.customers += from.customers;
            into.first_us = into.first_us.min(from.first_us);
            into.last_us = into.last_us.max(from.last_us);
        }
        self.cells.iter_mut().zip(other.cells).for_each(|(into, from)| *into += from);
        for (pair, events) in other.overlaps {
            *self.overlaps.entry(pair).or_default() += events;
        }
        for (pair, events) in other.unmapped {
            *self.unmapped.entry(pair).or_default() += events;
        }
        self
    }
}
