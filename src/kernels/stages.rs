//! Stages: how customers enter, stay in, leave and come back to the stages of their journey, and what happens there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::Deserialize;

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
    costs: Option<CostParams>,
}

/// What one event costs, by the value of a column, such as the touchpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostParams {
    of: String,
    /// Other values cost nothing.
    each: BTreeMap<String, f64>,
}

/// The stages of the journeys.
pub struct Stages {
    of: Arc<Segments>,
    within: Vec<(String, Arc<Segments>)>,
    values: Option<Float64Array>,
    costs: Option<Costs>,
    inactivity: i64,
    observed_until: i64,
}

/// What events cost by their value.
struct Costs {
    of: Arc<Segments>,
    /// By code, the one of no value among them.
    each: Vec<f64>,
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
    /// Of the times of visits. As of ways, 38 digits hold those of 10⁸ customers over 30 years.
    active_squares: i128,
    /// Of the visits of customers.
    visit_squares: i128,
    /// Of the events of customers.
    event_squares: i128,
    value: f64,
    /// Of the sums of customers.
    squares: f64,
    cost_squares: f64,
}

/// One way from a stage to another.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    customers: i64,
    visits: i64,
    time_us: i128,
    time_squares: i128,
    /// The last customer who took it, plus one.
    seen: u32,
}

/// Customers who came to a stage after another one, and those of them whose journey is open.
#[derive(Debug, Clone, Copy, Default)]
struct Later {
    reached: i64,
    open: i64,
}

/// A value within a stage. Events fit 32 bits, and so their squares fit 64.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    customers: i64,
    events: i64,
    /// Of the events of customers.
    squares: u64,
    /// Events of customers times all of their events at the stage.
    products: u64,
}

/// Values within stages that occur, by number.
type Mix = HashMap<u64, Part, foldhash::fast::FixedState>;

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
    within: Vec<Mix>,
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
    /// Cells of the events, to be counted.
    cells: Vec<u64>,
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
        refuse_reserved(&params.stage, &stages, log)?;
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
            costs: params.costs.as_ref().map(|costs| Costs::new(costs, log)).transpose()?,
            inactivity: params.inactivity_us,
            observed_until: log.observed_until(),
        })
    }
}

/// Refuses stages that could not be told from the ends of a journey.
fn refuse_reserved(name: &str, stages: &Segments, log: &EventLog) -> Result<()> {
    let code_of = |label: &&str| (0..stages.len() - 1).find(|&code| stages.label(code) == Some(*label));
    let occurs =
        |label: &&&str| code_of(label).is_some_and(|code| (0..log.len()).any(|at| stages.of_event(at) == code));
    match RESERVED.iter().find(occurs) {
        None => Ok(()),
        Some(label) => Err(Error::Data(format!(
            "column \"{name}\" has the value \"{label}\", which stands for an end of a journey ({}) and can't be a stage; \
             call it otherwise in the data, or leave these events out: log.filter(where=\"{name} != '{label}'\")",
            RESERVED.join(", ")
        ))),
    }
}

impl Costs {
    fn new(costs: &CostParams, log: &EventLog) -> Result<Self> {
        let of = log.segments(&costs.of)?;
        let cost = |code| of.label(code).and_then(|label| costs.each.get(label)).copied().unwrap_or(0.0);
        Ok(Self { each: (0..of.len()).map(cost).collect(), of })
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
        let Scratch { visits, stages, .. } = scratch;
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

    /// How the squares of what a customer's events at each stage cost add up.
    fn take_costs(&self, costs: &Costs, start: usize, stages: &[u8], found: &mut State) {
        let mut sums = [0.0; MOST_STAGES + 1];
        for (at, &stage) in (start..).zip(stages) {
            sums[usize::from(stage)] += costs.each[costs.of.of_event(at)];
        }
        for (own, sum) in found.own.iter_mut().zip(&sums[..self.count()]) {
            own.cost_squares += sum * sum;
        }
    }

    /// Visits and events of a customer, stage by stage.
    fn take_own(visits: &[Visit], found: &mut State) -> [u32; MOST_STAGES] {
        let (mut times, mut events) = ([0_u32; MOST_STAGES], [0_u32; MOST_STAGES]);
        for visit in visits {
            let (own, active) = (&mut found.own[visit.stage], i128::from(visit.end - visit.start));
            own.visits += 1;
            own.events += visit.events;
            own.active_us += active;
            own.active_squares += active * active;
            times[visit.stage] += 1;
            events[visit.stage] += visit.events as u32;
        }
        for ((own, &times), &events) in
            found.own.iter_mut().zip(&times).zip(&events).filter(|((_, times), _)| **times > 0)
        {
            own.customers += 1;
            own.visit_squares += i128::from(times) * i128::from(times);
            own.event_squares += i128::from(events) * i128::from(events);
        }
        events
    }

    /// The values of the columns that are counted within stages.
    fn take_within(&self, start: usize, scratch: &mut Scratch, events: &[u32; MOST_STAGES], found: &mut State) {
        let Scratch { stages, cells, .. } = scratch;
        for ((_, of), found) in self.within.iter().zip(&mut found.within) {
            cells.clear();
            let staged = (start..).zip(stages.iter()).filter(|(_, stage)| usize::from(**stage) < self.count());
            cells.extend(staged.map(|(at, &stage)| (usize::from(stage) * of.len() + of.of_event(at)) as u64));
            cells.sort_unstable();
            for equal in cells.chunk_by(|a, b| a == b) {
                let (own, all) = (equal.len() as u64, events[equal[0] as usize / of.len()]);
                let part = found.entry(equal[0]).or_default();
                part.customers += 1;
                part.events += own as i64;
                part.squares += own * own;
                part.products += own * u64::from(all);
            }
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
                way.time_squares += i128::from(time) * i128::from(time);
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
            within: self.within.iter().map(|_| Mix::default()).collect(),
            ..State::default()
        }
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let unmapped = self.visits(journey, scratch);
        let found = groups.at(journey, scratch.visits.first().map_or(0, |visit| visit.first));
        found.events += journey.times.len() as i64;
        found.unmapped += unmapped;
        let visits = &scratch.visits;
        let Some(last) = visits.last() else { return };
        let customer = journey.customer as u32 + 1;
        let open = self.observed_until - last.end <= self.inactivity;
        found.customers += 1;
        let events = Self::take_own(visits, found);
        self.take_ways(visits, open, customer, found);
        self.take_later(visits, open, found);
        if let Some(numbers) = &self.values {
            self.take_values(numbers, journey.start, &scratch.stages, found);
        }
        if let Some(costs) = &self.costs {
            self.take_costs(costs, journey.start, &scratch.stages, found);
        }
        self.take_within(journey.start, scratch, &events, found);
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
            into.active_squares += from.active_squares;
            into.visit_squares += from.visit_squares;
            into.event_squares += from.event_squares;
            into.value += from.value;
            into.squares += from.squares;
            into.cost_squares += from.cost_squares;
        }
        for (into, from) in into.ways.iter_mut().zip(from.ways) {
            into.customers += from.customers;
            into.visits += from.visits;
            into.time_us += from.time_us;
            into.time_squares += from.time_squares;
        }
        for (into, from) in into.later.iter_mut().zip(from.later) {
            into.reached += from.reached;
            into.open += from.open;
        }
        for (into, from) in into.within.iter_mut().zip(from.within) {
            for (cell, part) in from {
                let into = into.entry(cell).or_default();
                into.customers += part.customers;
                into.events += part.events;
                into.squares += part.squares;
                into.products += part.products;
            }
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
            (row.time_us, row.time_squares) = (own.active_us, own.active_squares);
            (row.visit_squares, row.event_squares) = (own.visit_squares, own.event_squares);
            (row.value, row.squares, row.cost_squares) = (own.value, own.squares, own.cost_squares);
            rows.push(row);
        }
        for (number, later) in found.later.iter().enumerate() {
            let (from, to) = (number / self.count(), number % self.count());
            let mut row = Row::new("later", self.stage_name(from), self.stage_name(to));
            (row.customers, row.open) = (later.reached, later.open);
            rows.push(row);
        }
        for ((name, of), mix) in self.within.iter().zip(&found.within) {
            let mut parts: Vec<_> = mix.iter().map(|(&cell, part)| (cell as usize, *part)).collect();
            parts.sort_unstable_by_key(|(cell, _)| *cell);
            for (cell, part) in parts {
                let (stage, value) = (cell / of.len(), cell % of.len());
                let mut row = Row::new("within", self.stage_name(stage), of.label(value).unwrap_or(""));
                row.missing = i64::from(of.label(value).is_none());
                row.column = name;
                (row.customers, row.events) = (part.customers, part.events);
                (row.event_squares, row.event_products) = (i128::from(part.squares), i128::from(part.products));
                rows.push(row);
            }
        }
        let ways = || found.ways.iter().enumerate().filter(|(_, way)| way.visits > 0);
        // Last, because only they have histograms, which stand in their order.
        for (cell, way) in ways() {
            let (from, to) = (cell / self.targets(), cell % self.targets());
            let mut row = Row::new("way", self.stage_name(from), self.target_name(to));
            (row.customers, row.visits) = (way.customers, way.visits);
            (row.time_us, row.time_squares) = (way.time_us, way.time_squares);
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
    visit_squares: i128,
    event_squares: i128,
    event_products: i128,
    time_us: i128,
    time_squares: i128,
    value: f64,
    squares: f64,
    cost_squares: f64,
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
            visit_squares: 0,
            event_squares: 0,
            event_products: 0,
            time_us: 0,
            time_squares: 0,
            value: 0.0,
            squares: 0.0,
            cost_squares: 0.0,
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
        let big = |pick: fn(&Row<'a>) -> i128| big_sums(self.0.iter().map(|row| Some(pick(row))));
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
            ("visit_squares", Role::Sum, big(|row| row.visit_squares)?),
            ("event_squares", Role::Sum, big(|row| row.event_squares)?),
            ("event_products", Role::Sum, big(|row| row.event_products)?),
            ("time_sum_us", Role::Sum, big(|row| row.time_us)?),
            ("time_squares", Role::Sum, big(|row| row.time_squares)?),
            ("value", Role::Sum, float(|row| row.value)),
            ("squares", Role::Sum, float(|row| row.squares)),
            ("cost_squares", Role::Sum, float(|row| row.cost_squares)),
            ("time_histogram", Role::Histogram, histograms(self.0.iter().map(|row| row.cell), times.finish())),
        ]])
    }
}
