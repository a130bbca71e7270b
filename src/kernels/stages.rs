//! Stages: how customers enter, stay in, leave and come back to the stages of their journey, and what happens there.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::Deserialize;

use super::cells::Cells;
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, RESERVED, Segments};
use crate::partial::{PartialColumn, Role, big_sums, histograms, texts};
use crate::state::Histograms;

/// Parameters of [`Stages`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that holds the stage of each event.
    stage: String,
    inactivity_us: i64,
    /// Columns whose values are counted within each stage, such as channel and touchpoint.
    within: Vec<String>,
    /// Whether the column `value` is added up.
    value: bool,
}

/// The stages of the journeys.
pub struct Stages {
    of: Arc<Segments>,
    within: Vec<(String, Arc<Segments>)>,
    values: Option<Float64Array>,
    inactivity: i64,
    observed_until: i64,
}

/// Which stages come later is kept as bits of a number.
const MOST_STAGES: usize = 64;

/// One stage.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    customers: i64,
    visits: i64,
    events: i64,
    /// Customers who were there and whose journey is open.
    open: i64,
    active_us: i128,
    value: f64,
    /// Of the sums of customers.
    squares: f64,
}

/// One way from a stage to another.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    customers: i64,
    visits: i64,
    time_us: i128,
    /// The last customer who took it, plus one.
    seen: u32,
}

/// Customers who came to a stage after another one, and those of them whose journey is open.
#[derive(Debug, Clone, Copy, Default)]
struct Later {
    reached: i64,
    open: i64,
}

/// What is gathered.
#[derive(Default)]
pub struct State {
    customers: i64,
    events: i64,
    unmapped: i64,
    own: Vec<Own>,
    ways: Vec<Way>,
    times: Histograms,
    later: Vec<Later>,
    within: Vec<Cells>,
}

/// Consecutive events at one stage.
#[derive(Debug, Clone, Copy)]
struct Visit {
    stage: usize,
    /// The first of them, as its place in the journey.
    first: usize,
    start: i64,
    end: i64,
    events: i64,
}

/// Buffers of one journey.
#[derive(Default)]
pub struct Scratch {
    visits: Vec<Visit>,
    /// The stage of each event; past the last one where it has none.
    stages: Vec<u8>,
}

impl Analysis for Stages {
    const NAME: &'static str = "stages";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let stages = log.segments(&params.stage)?;
        if stages.len() > MOST_STAGES + 1 {
            return Err(Error::Argument(format!(
                "column \"{}\" has {} values, more than the {MOST_STAGES} stages of one journey; name a column of \
                 stages, such as the one that with_map adds",
                params.stage,
                stages.len() - 1
            )));
        }
        let values = |log: &EventLog| -> Result<Float64Array> {
            Ok(cast(&log.column("value")?, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
        };
        let within = |name: &String| {
            let values = log.segments(name)?;
            values.few_enough(name)?;
            Ok((name.clone(), values))
        };
        Ok(Self {
            of: stages,
            within: params.within.iter().map(within).collect::<Result<_>>()?,
            values: params.value.then(|| values(log)).transpose()?,
            inactivity: params.inactivity_us,
            observed_until: log.observed_until(),
        })
    }
}

impl Stages {
    fn count(&self) -> usize {
        self.of.len() - 1
    }

    /// Nodes a way may lead to: the stages, the end and the open end.
    fn targets(&self) -> usize {
        self.count() + 2
    }

    fn stage_name(&self, stage: usize) -> &str {
        self.of.label(stage).unwrap_or(RESERVED[0])
    }

    fn target_name(&self, target: usize) -> &str {
        if target < self.count() { self.stage_name(target) } else { RESERVED[1 + target - self.count()] }
    }

    /// The visits of a journey, and its events at no stage.
    fn visits<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch) -> i64 {
        let Scratch { visits, stages } = scratch;
        visits.clear();
        stages.clear();
        let events = journey.start..journey.start + journey.times.len();
        stages.extend(events.map(|event| self.of.of_event(event) as u8));
        let mut unmapped = 0;
        for (at, (&time, &stage)) in journey.times.iter().zip(stages.iter()).enumerate() {
            let stage = usize::from(stage);
            if stage == self.count() {
                unmapped += 1;
                continue;
            }
            match visits.last_mut() {
                Some(visit) if visit.stage == stage => {
                    visit.end = time;
                    visit.events += 1;
                }
                _ => visits.push(Visit { stage, first: at, start: time, end: time, events: 1 }),
            }
        }
        unmapped
    }

    /// What the events of a customer are worth at each stage.
    fn take_values(&self, numbers: &Float64Array, start: usize, stages: &[u8], found: &mut State) {
        let (mut sums, mut valued) = ([0.0; MOST_STAGES + 1], 0_u64);
        for (at, &stage) in (start..).zip(stages) {
            if usize::from(stage) < self.count() && numbers.is_valid(at) && numbers.value(at).is_finite() {
                sums[usize::from(stage)] += numbers.value(at);
                valued |= 1 << stage;
            }
        }
        for stage in (0..self.count()).filter(|stage| valued >> stage & 1 == 1) {
            found.own[stage].value += sums[stage];
            found.own[stage].squares += sums[stage] * sums[stage];
        }
    }

    fn take_ways(&self, visits: &[Visit], open: bool, customer: u32, found: &mut State) {
        let mut take = |from: usize, to: usize, time: Option<i64>| {
            let cell = from * self.targets() + to;
            let way = &mut found.ways[cell];
            way.visits += 1;
            way.customers += i64::from(way.seen != customer);
            way.seen = customer;
            if let Some(time) = time {
                way.time_us += i128::from(time);
                found.times.add(cell as u64, time as u64);
            }
        };
        take(self.count(), visits[0].stage, None);
        for pair in visits.windows(2) {
            take(pair[0].stage, pair[1].stage, Some(pair[1].start - pair[0].start));
        }
        take(visits[visits.len() - 1].stage, self.count() + usize::from(open), None);
    }

    /// Which stages came after the first visit of each stage.
    fn take_later(&self, visits: &[Visit], open: bool, found: &mut State) {
        let (mut after, mut seen) = (0_u64, 0_u64);
        let mut later = [0_u64; MOST_STAGES];
        for visit in visits.iter().rev() {
            // Of several visits the first one has the last word.
            later[visit.stage] = after;
            after |= 1 << visit.stage;
            seen |= 1 << visit.stage;
        }
        for from in (0..self.count()).filter(|from| seen >> from & 1 == 1) {
            found.own[from].open += i64::from(open);
            for to in 0..self.count() {
                let reached = later[from] >> to & 1 == 1;
                let cell = &mut found.later[from * self.count() + to];
                cell.reached += i64::from(reached);
                cell.open += i64::from(open && reached);
            }
        }
    }
}

impl Kernel for Stages {
    type State = State;
    type Scratch = Scratch;

    fn init(&self) -> State {
        let stages = self.count();
        State {
            own: vec![Own::default(); stages],
            ways: vec![Way::default(); (stages + 1) * self.targets()],
            later: vec![Later::default(); stages * stages],
            within: self.within.iter().map(|_| Cells::default()).collect(),
            ..State::default()
        }
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let unmapped = self.visits(journey, scratch);
        let Scratch { visits, stages } = scratch;
        let found = groups.at(journey, visits.first().map_or(0, |visit| visit.first));
        found.events += journey.times.len() as i64;
        found.unmapped += unmapped;
        let Some(last) = visits.last() else { return };
        let customer = journey.customer as u32 + 1;
        let open = self.observed_until - last.end <= self.inactivity;
        found.customers += 1;
        let mut seen = 0_u64;
        for visit in visits.iter() {
            let own = &mut found.own[visit.stage];
            own.visits += 1;
            own.events += visit.events;
            own.active_us += i128::from(visit.end - visit.start);
            own.customers += i64::from(seen >> visit.stage & 1 == 0);
            seen |= 1 << visit.stage;
        }
        self.take_ways(visits, open, customer, found);
        self.take_later(visits, open, found);
        for ((_, of), cells) in self.within.iter().zip(&mut found.within) {
            cells.settle(self.count() * of.len());
            for (at, &stage) in (journey.start..).zip(stages.iter()) {
                if usize::from(stage) < self.count() {
                    cells.take(usize::from(stage) * of.len() + of.of_event(at), customer);
                }
            }
        }
        if let Some(numbers) = &self.values {
            self.take_values(numbers, journey.start, stages, found);
        }
    }

    fn merge(&self, into: &mut State, from: State) {
        into.customers += from.customers;
        into.events += from.events;
        into.unmapped += from.unmapped;
        for (into, from) in into.own.iter_mut().zip(from.own) {
            into.customers += from.customers;
            into.visits += from.visits;
            into.events += from.events;
            into.open += from.open;
            into.active_us += from.active_us;
            into.value += from.value;
            into.squares += from.squares;
        }
        for (into, from) in into.ways.iter_mut().zip(from.ways) {
            into.customers += from.customers;
            into.visits += from.visits;
            into.time_us += from.time_us;
        }
        for (into, from) in into.later.iter_mut().zip(from.later) {
            into.reached += from.reached;
            into.open += from.open;
        }
        for (into, from) in into.within.iter_mut().zip(from.within) {
            into.merge(from);
        }
        into.times.merge(from.times);
    }

    fn columns(&self, found: State) -> Result<Vec<Vec<PartialColumn>>> {
        let mut rows = Rows::default();
        let mut all = Row::new("all", "", "");
        (all.customers, all.visits, all.events) = (found.customers, found.unmapped, found.events);
        rows.push(all);
        for (stage, own) in found.own.iter().enumerate() {
            let mut row = Row::new("stage", self.stage_name(stage), "");
            (row.customers, row.visits, row.events) = (own.customers, own.visits, own.events);
            row.open = own.open;
            (row.time_us, row.value, row.squares) = (own.active_us, own.value, own.squares);
            rows.push(row);
        }
        for (number, later) in found.later.iter().enumerate() {
            let (from, to) = (number / self.count(), number % self.count());
            let mut row = Row::new("later", self.stage_name(from), self.stage_name(to));
            (row.customers, row.open) = (later.reached, later.open);
            rows.push(row);
        }
        for ((name, of), cells) in self.within.iter().zip(&found.within) {
            for (cell, counts) in cells.taken() {
                let (stage, value) = (cell as usize / of.len(), cell as usize % of.len());
                let mut row = Row::new("within", self.stage_name(stage), of.label(value).unwrap_or(""));
                row.missing = i64::from(of.label(value).is_none());
                row.column = name;
                (row.customers, row.events) = (i64::from(counts.customers), i64::from(counts.units));
                rows.push(row);
            }
        }
        let ways = || found.ways.iter().enumerate().filter(|(_, way)| way.visits > 0);
        // Last, because only they have histograms, which stand in their order.
        for (cell, way) in ways() {
            let (from, to) = (cell / self.targets(), cell % self.targets());
            let mut row = Row::new("way", self.stage_name(from), self.target_name(to));
            (row.customers, row.visits, row.time_us) = (way.customers, way.visits, way.time_us);
            row.cell = cell as u64;
            rows.push(row);
        }
        rows.columns(found.times)
    }
}

/// One row of the partial; what does not apply is 0.
#[derive(Clone, Copy)]
struct Row<'a> {
    part: &'static str,
    column: &'a str,
    from: &'a str,
    to: &'a str,
    /// 1 where `to` is no value, so that it is not taken for an empty text.
    missing: i64,
    customers: i64,
    visits: i64,
    events: i64,
    open: i64,
    time_us: i128,
    value: f64,
    squares: f64,
    /// The histogram of the times.
    cell: u64,
}

impl<'a> Row<'a> {
    fn new(part: &'static str, from: &'a str, to: &'a str) -> Self {
        Self {
            part,
            column: "",
            from,
            to,
            missing: 0,
            customers: 0,
            visits: 0,
            events: 0,
            open: 0,
            time_us: 0,
            value: 0.0,
            squares: 0.0,
            cell: u64::MAX,
        }
    }
}

#[derive(Default)]
struct Rows<'a>(Vec<Row<'a>>);

impl<'a> Rows<'a> {
    fn push(&mut self, row: Row<'a>) {
        // What says nothing is left out; the total stands even of nobody.
        if row.part == "all" || row.customers + row.visits + row.events + row.open > 0 {
            self.0.push(row);
        }
    }

    fn columns(&self, times: Histograms) -> Result<Vec<Vec<PartialColumn>>> {
        let text = |pick: fn(&Row<'a>) -> &'a str| texts(self.0.iter().map(pick));
        let whole =
            |pick: fn(&Row<'a>) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(self.0.iter().map(pick))) };
        let float = |pick: fn(&Row<'a>) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(self.0.iter().map(pick)))
        };
        Ok(vec![vec![
            ("part", Role::Key, text(|row| row.part)),
            ("column", Role::Key, text(|row| row.column)),
            ("from", Role::Key, text(|row| row.from)),
            ("to", Role::Key, text(|row| row.to)),
            ("missing", Role::Key, whole(|row| row.missing)),
            ("customers", Role::Sum, whole(|row| row.customers)),
            ("visits", Role::Sum, whole(|row| row.visits)),
            ("events", Role::Sum, whole(|row| row.events)),
            ("open", Role::Sum, whole(|row| row.open)),
            ("time_sum_us", Role::Sum, big_sums(self.0.iter().map(|row| Some(row.time_us)))?),
            ("value", Role::Sum, float(|row| row.value)),
            ("squares", Role::Sum, float(|row| row.squares)),
            ("time_histogram", Role::Histogram, histograms(self.0.iter().map(|row| row.cell), times.finish())),
        ]])
    }
}
