//! Waits: the time between what happens to a customer, the time that it takes, and where it is lost.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use serde::Deserialize;

use super::cutter::{DurationParams, durations};
use crate::calendar::{Hours, WorkingTime};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Segments};
use crate::partial::{PartialColumn, Role, big_sums, histograms, texts};
use crate::state::Histograms;

/// Parameters of [`Waits`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that says where the customer is.
    of: String,
    /// A column whose values are followed each for itself, such as tickets.
    same: Option<String>,
    /// A longer pause belongs to no journey.
    gap_us: Option<i64>,
    duration: Option<DurationParams>,
    hours: Option<Hours>,
    max_pairs: u32,
}

/// The waits of journeys.
pub struct Waits {
    of: Arc<Segments>,
    same: Option<Arc<Segments>>,
    channels: Option<Arc<Segments>>,
    gap: i64,
    durations: Vec<i64>,
    hours: Option<WorkingTime>,
    observed_until: i64,
    numbering: Numbering,
    most_pairs: usize,
}

/// What is counted in a cell.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    customers: i64,
    count: i64,
    /// Of these, with a change of channel.
    handed_over: i64,
    /// Of these, where the next one began before this one ended.
    overlapping: i64,
    time_us: i128,
    /// The last customer who was counted, plus one.
    seen: u32,
}

impl Sums {
    fn add(&mut self, customer: u32, time: i64) {
        self.count += 1;
        self.customers += i64::from(self.seen != customer);
        self.seen = customer;
        self.time_us += i128::from(time);
    }
}

/// What a cell is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Pair,
    Channels,
    Service,
    Open,
    Pause,
    Silent,
}

const PARTS: [(Part, &str); 6] = [
    (Part::Pair, "pair"),
    (Part::Channels, "channels"),
    (Part::Service, "service"),
    (Part::Open, "open"),
    (Part::Pause, "pause"),
    (Part::Silent, "silent"),
];

/// Numbers of cells, as small as can be, because histograms are sorted by them.
#[derive(Debug)]
struct Numbering {
    /// Values of `from` and of `to`, by part.
    widths: [(u64, u64); 6],
    /// Where the cells of each part begin.
    starts: [u64; 6],
}

impl Numbering {
    fn new(values: usize, channels: usize) -> Self {
        let (values, channels) = (values as u64, channels as u64);
        let widths = [(values, values), (channels, channels), (values, 1), (values, 1), (values, values), (values, 1)];
        let mut starts = [0; 6];
        for part in 1..6 {
            starts[part] = starts[part - 1] + widths[part - 1].0 * widths[part - 1].1;
        }
        Self { widths, starts }
    }

    #[inline]
    fn cell(&self, part: Part, from: usize, to: usize) -> u64 {
        self.starts[part as usize] + from as u64 * self.widths[part as usize].1 + to as u64
    }

    fn of_cell(&self, cell: u64) -> (Part, &'static str, usize, usize) {
        let number = self.starts.partition_point(|start| *start <= cell) - 1;
        let (place, width) = (cell - self.starts[number], self.widths[number].1);
        let (part, name) = PARTS[number];
        (part, name, (place / width) as usize, (place % width) as usize)
    }
}

/// What is gathered.
#[derive(Default)]
pub struct State {
    cells: HashMap<u64, Sums, foldhash::fast::FixedState>,
    times: Histograms,
}

impl State {
    fn take(&mut self, cell: u64, customer: u32, time: i64) -> &mut Sums {
        self.times.add(cell, time as u64);
        let sums = self.cells.entry(cell).or_default();
        sums.add(customer, time);
        sums
    }
}

impl Analysis for Waits {
    const NAME: &'static str = "waits";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let few = |name: &str| {
            let values = log.segments(name)?;
            values.few_enough(name)?;
            Ok::<_, Error>(values)
        };
        if params.gap_us.is_some_and(|gap| gap <= 0) {
            return Err(Error::Argument(format!("gap_us is {:?}; a pause is longer than nothing", params.gap_us)));
        }
        let of = few(&params.of)?;
        let channels = if log.channels.is_some() { Some(log.segments("channel")?) } else { None };
        let durations = params.duration.as_ref().map(|duration| durations(duration, log)).transpose()?;
        let (first, last) = log.span();
        let longest = durations.iter().flatten().copied().max().unwrap_or(0);
        let last = last.max(log.observed_until()).saturating_add(longest);
        let hours = params.hours.as_ref().map(|hours| WorkingTime::new(hours, log.zone(), first, last)).transpose()?;
        Ok(Self {
            same: params.same.as_deref().map(|name| log.segments(name)).transpose()?,
            gap: params.gap_us.unwrap_or(i64::MAX),
            durations: durations.unwrap_or_default(),
            hours,
            observed_until: log.observed_until(),
            numbering: Numbering::new(of.len(), channels.as_ref().map_or(0, |channels| channels.len())),
            most_pairs: params.max_pairs as usize,
            of,
            channels,
        })
    }
}

impl Waits {
    fn time(&self, from: i64, to: i64) -> i64 {
        self.hours.as_ref().map_or((to - from).max(0), |hours| hours.between(from, to.max(from)))
    }

    fn end(&self, event: usize, start: i64) -> i64 {
        start + self.durations.get(event).copied().unwrap_or(0)
    }

    fn take_pair(&self, before: (usize, i64), after: (usize, i64), customer: u32, state: &mut State) {
        let ((from, started), (to, next)) = (before, after);
        let end = self.end(from, started);
        let pair = (self.of.of_event(from), self.of.of_event(to));
        if next - end > self.gap {
            // What is known of it as a wait: longer than the gap.
            let time = self.time(end, end + self.gap);
            state.take(self.numbering.cell(Part::Pause, pair.0, pair.1), customer, time);
            return;
        }
        let channels = self.channels.as_ref().map(|channels| (channels.of_event(from), channels.of_event(to)));
        let handed_over = i64::from(channels.is_some_and(|(from, to)| from != to));
        let overlapping = i64::from(next < end);
        let time = self.time(end, next);
        let count = |sums: &mut Sums| {
            sums.handed_over += handed_over;
            sums.overlapping += overlapping;
        };
        count(state.take(self.numbering.cell(Part::Pair, pair.0, pair.1), customer, time));
        if let Some((from, to)) = channels {
            count(state.take(self.numbering.cell(Part::Channels, from, to), customer, time));
        }
    }
}

impl Kernel for Waits {
    type State = State;
    /// By value of the column that is followed, the last event and its time.
    type Scratch = HashMap<usize, (usize, i64), foldhash::fast::FixedState>;

    fn init(&self) -> State {
        State::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, last: &mut Self::Scratch, groups: &mut Groups<'_, Self>) {
        let missing = self.of.len() - 1;
        let customer = journey.customer as u32 + 1;
        let state = groups.at(journey, 0);
        last.clear();
        for (at, &time) in journey.times.iter().enumerate() {
            let event = journey.start + at;
            let value = self.of.of_event(event);
            let followed = self.same.as_ref().map_or(0, |same| same.of_event(event));
            if value == missing || self.same.as_ref().is_some_and(|same| followed == same.len() - 1) {
                continue;
            }
            if !self.durations.is_empty() {
                state.take(
                    self.numbering.cell(Part::Service, value, 0),
                    customer,
                    self.time(time, self.end(event, time)),
                );
            }
            if let Some(before) = last.insert(followed, (event, time)) {
                self.take_pair(before, (event, time), customer, state);
            }
        }
        for &(event, time) in last.values() {
            // What is still being done is waited for from its end on.
            let end = self.end(event, time);
            let (from, silence) = (self.of.of_event(event), (self.observed_until - end).max(0));
            let (part, until) =
                if silence > self.gap { (Part::Silent, end + self.gap) } else { (Part::Open, end + silence) };
            state.take(self.numbering.cell(part, from, 0), customer, self.time(end, until));
        }
    }

    fn merge(&self, into: &mut State, from: State) {
        for (cell, sums) in from.cells {
            let into = into.cells.entry(cell).or_default();
            into.customers += sums.customers;
            into.count += sums.count;
            into.handed_over += sums.handed_over;
            into.overlapping += sums.overlapping;
            into.time_us += sums.time_us;
        }
        into.times.merge(from.times);
    }

    fn columns(&self, state: State) -> Result<Vec<Vec<PartialColumn>>> {
        let mut cells: Vec<_> = state.cells.into_iter().collect();
        if cells.len() > self.most_pairs {
            return Err(Error::Argument(format!(
                "{} different pairs, more than the {} allowed; name a column with fewer values, such as touchpoint",
                cells.len(),
                self.most_pairs
            )));
        }
        cells.sort_unstable_by_key(|(cell, _)| *cell);
        let rows: Vec<(&str, &str, &str)> = cells
            .iter()
            .map(|(cell, _)| {
                let (part, name, from, to) = self.numbering.of_cell(*cell);
                let names = if part == Part::Channels { self.channels.as_ref().unwrap_or(&self.of) } else { &self.of };
                let alone = matches!(part, Part::Service | Part::Open | Part::Silent);
                let to = if alone { None } else { names.label(to) };
                (name, names.label(from).unwrap_or(""), to.unwrap_or(""))
            })
            .collect();
        let whole = |pick: fn(&Sums) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(cells.iter().map(|(_, sums)| pick(sums))))
        };
        Ok(vec![vec![
            ("part", Role::Key, texts(rows.iter().map(|row| row.0))),
            ("from", Role::Key, texts(rows.iter().map(|row| row.1))),
            ("to", Role::Key, texts(rows.iter().map(|row| row.2))),
            ("customers", Role::Sum, whole(|sums| sums.customers)),
            ("count", Role::Sum, whole(|sums| sums.count)),
            ("handed_over", Role::Sum, whole(|sums| sums.handed_over)),
            ("overlapping", Role::Sum, whole(|sums| sums.overlapping)),
            ("time_sum_us", Role::Sum, big_sums(cells.iter().map(|(_, sums)| Some(sums.time_us)))?),
            ("time_histogram", Role::Histogram, histograms(cells.iter().map(|(cell, _)| *cell), state.times.finish())),
        ]])
    }
}
