//! Waits: the time between what happens to a customer, the time that it takes, and where it is lost.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use foldhash::fast::FixedState;
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
    expected: Vec<ExpectedParams>,
    max_pairs: u32,
}

/// How long a wait should take at most.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedParams {
    /// What it begins after. Without it whatever else comes before `to`, and then nothing says that `to` is waited for
    /// before it comes.
    from: Option<String>,
    to: String,
    us: i64,
}

/// The waits of journeys.
pub struct Waits {
    of: Arc<Segments>,
    same: Option<Arc<Segments>>,
    channels: Option<Arc<Segments>>,
    gap: i64,
    durations: Vec<i64>,
    hours: Option<WorkingTime>,
    expected: Option<Expected>,
    observed_until: i64,
    numbering: Numbering,
    most_pairs: usize,
}

/// How long waits should take at most, by codes of values.
#[derive(Default)]
struct Expected {
    /// What comes next after this, whatever came before.
    to: HashMap<usize, i64, FixedState>,
    pairs: HashMap<(usize, usize), i64, FixedState>,
    /// What should come after a value, and how soon.
    after: HashMap<usize, Vec<(usize, i64)>, FixedState>,
    /// Values that should come and that the log does not have; their codes follow those of the log.
    unseen: Vec<String>,
}

impl Expected {
    fn new(expected: &[ExpectedParams], of: &Segments) -> Self {
        let (_, names) = of.to_names();
        let mut found = Self::default();
        for ExpectedParams { from, to, us } in expected {
            match (from.as_deref().map(|from| names.code(from)), names.code(to)) {
                (None, Some(code)) => {
                    found.to.insert(code, *us);
                }
                (Some(Some(from)), code) => {
                    let to = code.unwrap_or_else(|| of.len() + found.unseen(to));
                    found.pairs.insert((from, to), *us);
                    found.after.entry(from).or_default().push((to, *us));
                }
                // A part of a log need not have what a whole one has.
                (Some(None), _) | (None, None) => {}
            }
        }
        found
    }

    fn unseen(&mut self, name: &str) -> usize {
        self.unseen.iter().position(|known| known == name).unwrap_or_else(|| {
            self.unseen.push(name.to_owned());
            self.unseen.len() - 1
        })
    }

    fn is_late(&self, from: usize, to: usize, time: i64) -> bool {
        let of_any = || self.to.get(&to).filter(|_| from != to);
        self.pairs.get(&(from, to)).or_else(of_any).is_some_and(|&expected| time > expected)
    }
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
    /// Of these, longer than expected.
    late: i64,
    /// Beside these, those that have not ended and are longer than expected already.
    late_open: i64,
    time_us: i128,
    time_squares: i128,
    /// Of the times of customers.
    customer_squares: i128,
    /// Times of customers times all of their time.
    customer_products: i128,
    /// The last customer who was counted, plus one.
    seen: u32,
}

impl Sums {
    fn add(&mut self, customer: u32, time: i64) {
        self.count += 1;
        self.customers += i64::from(self.seen != customer);
        self.seen = customer;
        self.time_us += i128::from(time);
        self.time_squares += i128::from(time) * i128::from(time);
    }

    /// Takes in all time of a customer in this cell, out of all of its time.
    fn add_customer(&mut self, time: i128, all: i128) {
        self.customer_squares += time * time;
        self.customer_products += time * all;
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
    /// Waits and service together.
    All,
    /// All service.
    Served,
}

const PARTS: [(Part, &str); 8] = [
    (Part::Pair, "pair"),
    (Part::Channels, "channels"),
    (Part::Service, "service"),
    (Part::Open, "open"),
    (Part::Pause, "pause"),
    (Part::Silent, "silent"),
    (Part::All, "all"),
    (Part::Served, "served"),
];

/// Numbers of cells, as small as can be, because histograms are sorted by them.
#[derive(Debug)]
struct Numbering {
    /// Values of `from` and of `to`, by part.
    widths: [(u64, u64); 8],
    /// Where the cells of each part begin.
    starts: [u64; 8],
}

impl Numbering {
    fn new(values: usize, channels: usize) -> Self {
        let (values, channels) = (values as u64, channels as u64);
        let widths = [
            (values, values),
            (channels, channels),
            (values, 1),
            (values, 1),
            (values, values),
            (values, 1),
            (1, 1),
            (1, 1),
        ];
        let mut starts = [0; 8];
        for part in 1..starts.len() {
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
    cells: HashMap<u64, Sums, FixedState>,
    times: Histograms,
}

impl State {
    fn take(&mut self, cell: u64, customer: u32, time: i64) -> &mut Sums {
        self.times.add(cell, time as u64);
        let sums = self.at(cell);
        sums.add(customer, time);
        sums
    }

    fn at(&mut self, cell: u64) -> &mut Sums {
        self.cells.entry(cell).or_default()
    }

    /// Takes in the waits and services of a customer, each with its cell.
    fn take_customer(&mut self, customer: u32, spans: &mut [(u64, i64)], numbering: &Numbering) {
        let sum = |spans: &[(u64, i64)]| spans.iter().map(|(_, time)| i128::from(*time)).sum::<i128>();
        let is_service = |span: &&(u64, i64)| numbering.of_cell(span.0).0 == Part::Service;
        let all = sum(spans);
        spans.sort_unstable();
        for equal in spans.chunk_by(|a, b| a.0 == b.0) {
            self.at(equal[0].0).add_customer(sum(equal), all);
        }
        let served: Vec<_> = spans.iter().filter(is_service).copied().collect();
        for (part, spans) in [(Part::All, &*spans), (Part::Served, &served)] {
            if !spans.is_empty() {
                let whole = self.at(numbering.cell(part, 0, 0));
                for &(_, time) in spans {
                    whole.add(customer, time);
                }
                whole.add_customer(sum(spans), all);
            }
        }
    }
}

/// Buffers of one journey.
#[derive(Default)]
pub struct Scratch {
    /// By value of the column that is followed, the last event and its time.
    last: HashMap<usize, (usize, i64), FixedState>,
    /// The waits and services, each with its cell.
    spans: Vec<(u64, i64)>,
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
        let expected = (!params.expected.is_empty()).then(|| Expected::new(&params.expected, &of));
        let values = of.len() + expected.as_ref().map_or(0, |expected| expected.unseen.len());
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
            expected,
            observed_until: log.observed_until(),
            numbering: Numbering::new(values, channels.as_ref().map_or(0, |channels| channels.len())),
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

    /// The label of a value, one that is expected and never comes among them.
    fn label(&self, value: usize) -> &str {
        let unseen =
            || self.expected.as_ref().and_then(|expected| expected.unseen.get(value.checked_sub(self.of.len())?));
        self.of.label(value).or_else(|| unseen().map(String::as_str)).unwrap_or("")
    }

    fn take_pair(
        &self,
        before: (usize, i64),
        after: (usize, i64),
        customer: u32,
        spans: &mut Vec<(u64, i64)>,
        state: &mut State,
    ) {
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
        let cell = self.numbering.cell(Part::Pair, pair.0, pair.1);
        let sums = state.take(cell, customer, time);
        count(sums);
        sums.late += i64::from(self.expected.as_ref().is_some_and(|expected| expected.is_late(pair.0, pair.1, time)));
        spans.push((cell, time));
        if let Some((from, to)) = channels {
            count(state.take(self.numbering.cell(Part::Channels, from, to), customer, time));
        }
    }
}

impl Kernel for Waits {
    type State = State;
    type Scratch = Scratch;

    fn init(&self) -> State {
        State::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let missing = self.of.len() - 1;
        let customer = journey.customer as u32 + 1;
        let state = groups.at(journey, 0);
        let Scratch { last, spans } = scratch;
        last.clear();
        spans.clear();
        for (at, &time) in journey.times.iter().enumerate() {
            let event = journey.start + at;
            let value = self.of.of_event(event);
            let followed = self.same.as_ref().map_or(0, |same| same.of_event(event));
            if value == missing || self.same.as_ref().is_some_and(|same| followed == same.len() - 1) {
                continue;
            }
            if !self.durations.is_empty() {
                let (cell, service) =
                    (self.numbering.cell(Part::Service, value, 0), self.time(time, self.end(event, time)));
                state.take(cell, customer, service);
                spans.push((cell, service));
            }
            if let Some(before) = last.insert(followed, (event, time)) {
                self.take_pair(before, (event, time), customer, spans, state);
            }
        }
        for &(event, time) in last.values() {
            // What is still being done is waited for from its end on.
            let end = self.end(event, time);
            let (from, silence) = (self.of.of_event(event), (self.observed_until - end).max(0));
            let (part, until) =
                if silence > self.gap { (Part::Silent, end + self.gap) } else { (Part::Open, end + silence) };
            let time = self.time(end, until);
            state.take(self.numbering.cell(part, from, 0), customer, time);
            let after = self.expected.as_ref().filter(|_| part == Part::Open).and_then(|known| known.after.get(&from));
            for &(to, expected) in after.into_iter().flatten() {
                if time > expected {
                    state.at(self.numbering.cell(Part::Pair, from, to)).late_open += 1;
                }
            }
        }
        state.take_customer(customer, spans, &self.numbering);
    }

    fn merge(&self, into: &mut State, from: State) {
        for (cell, sums) in from.cells {
            let into = into.cells.entry(cell).or_default();
            into.customers += sums.customers;
            into.count += sums.count;
            into.handed_over += sums.handed_over;
            into.overlapping += sums.overlapping;
            into.late += sums.late;
            into.late_open += sums.late_open;
            into.time_us += sums.time_us;
            into.time_squares += sums.time_squares;
            into.customer_squares += sums.customer_squares;
            into.customer_products += sums.customer_products;
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
                let text = |value| match (&self.channels, part) {
                    (Some(channels), Part::Channels) => channels.label(value).unwrap_or(""),
                    _ => self.label(value),
                };
                match part {
                    Part::Pair | Part::Channels | Part::Pause => (name, text(from), text(to)),
                    Part::Service | Part::Open | Part::Silent => (name, text(from), ""),
                    Part::All | Part::Served => (name, "", ""),
                }
            })
            .collect();
        let whole = |pick: fn(&Sums) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(cells.iter().map(|(_, sums)| pick(sums))))
        };
        let big = |pick: fn(&Sums) -> i128| big_sums(cells.iter().map(|(_, sums)| Some(pick(sums))));
        Ok(vec![vec![
            ("part", Role::Key, texts(rows.iter().map(|row| row.0))),
            ("from", Role::Key, texts(rows.iter().map(|row| row.1))),
            ("to", Role::Key, texts(rows.iter().map(|row| row.2))),
            ("customers", Role::Sum, whole(|sums| sums.customers)),
            ("count", Role::Sum, whole(|sums| sums.count)),
            ("handed_over", Role::Sum, whole(|sums| sums.handed_over)),
            ("overlapping", Role::Sum, whole(|sums| sums.overlapping)),
            ("late", Role::Sum, whole(|sums| sums.late)),
            ("late_open", Role::Sum, whole(|sums| sums.late_open)),
            ("time_sum_us", Role::Sum, big(|sums| sums.time_us)?),
            ("time_squares", Role::Sum, big(|sums| sums.time_squares)?),
            ("customer_squares", Role::Sum, big(|sums| sums.customer_squares)?),
            ("customer_products", Role::Sum, big(|sums| sums.customer_products)?),
            ("time_histogram", Role::Histogram, histograms(cells.iter().map(|(cell, _)| *cell), state.times.finish())),
        ]])
    }
}
