//! Conformance: how far the journeys of units follow a designed one, where they leave it, and what goes along with that.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, Int64Array, StringArray, UInt32Array};
use arrow::datatypes::UInt32Type;
use serde::Deserialize;

use super::chosen;
use super::units::{UnitParams, Units};
use crate::conformance::{Alignment, Block, Design, Kind, MOST_STEPS, Replay, Replays};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Numbers, Segments};
use crate::partial::{PartialColumn, Role, big_sums, texts};

/// Parameters of both kernels.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    units: UnitParams,
    /// The columns whose values steps name, `event` for the name of the event; the first that a step names counts.
    columns: Vec<String>,
    steps: Vec<StepParams>,
    design: Block,
    /// Immediate repeats of one label count once.
    collapse: bool,
    others: Others,
    /// Events of which any is the goal.
    goal: Option<Vec<String>>,
    /// The column whose mean over the unit is told beside each deviation.
    score: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepParams {
    /// Which of the columns.
    column: usize,
    label: String,
    /// From the end of the step before it, inclusive.
    within_us: Option<i64>,
    stage: Option<String>,
}

/// What becomes of labels that no step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Others {
    /// They are not looked at.
    Ignore,
    /// They are extra.
    Extra,
}

/// Columns by which events are looked up.
const MOST_COLUMNS: usize = 4;

/// Different labels beyond those of the design that are told as extra.
const MOST_LABELS: usize = 1 << 16;

/// Where each step was done last, from 1; 0 where it was not.
struct Latest([u32; 64]);

impl Default for Latest {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Latest {
    /// The last place at which one of these steps was done.
    fn among(&self, mut steps: u64) -> Option<u32> {
        let mut last = 0;
        while steps != 0 {
            last = last.max(self.0[steps.trailing_zeros() as usize]);
            steps &= steps - 1;
        }
        last.checked_sub(1)
    }
}

/// Bytes of the traces of one cache; it begins anew where they are more.
const MOST_CACHED: usize = 1 << 22;

/// What a share is multiplied by to be a whole number, so that sums do not depend on their order.
const SHARE: f64 = 1e12;

/// What a score is multiplied by, likewise.
const SCORE: f64 = 1e6;

/// Scores beyond this are none.
const LARGEST_SCORE: f64 = 1e9;

/// In the table of a column: a label that no step has, and none at all.
const OTHER: u8 = u8::MAX;
const NONE: u8 = u8::MAX - 1;

/// Where labels come from.
enum Source {
    Events,
    Column(Arc<Segments>),
}

/// A column, and by its codes the label of a step.
struct Labels {
    source: Source,
    of_code: Vec<u8>,
}

/// What an event is to the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A label of steps.
    Step(u8),
    /// The value of a column, none of them a label of steps.
    Other(u8, u32),
    /// No value.
    Unmapped,
}

/// A step with a time limit as one unit did it: places in its trace.
#[derive(Debug, Clone, Copy)]
struct Timed {
    step: u8,
    place: u32,
    /// The step before it.
    from: u32,
}

/// What holds for all units with one trace.
#[derive(Debug, Clone, Default)]
struct Verdict {
    cost: u32,
    /// Steps, one bit each.
    done: u64,
    skipped: u64,
    misplaced: u64,
    /// Labels of steps, one bit each.
    extra: u64,
    replay: Replay,
    /// As whole numbers; that of the alignment where no other label is extra.
    replay_fitness: i64,
    fitness: i64,
    timed: Vec<Timed>,
}

/// One unit, and what is known of the traces of others.
#[derive(Default)]
pub struct Scratch {
    /// Labels of steps; the first byte says whether the unit is open.
    trace: Vec<u8>,
    /// When the event of each label happened, and the last one of those that count once with it.
    times: Vec<(i64, i64)>,
    others: Vec<(u8, u32)>,
    unmapped: i64,
    ignored: i64,
    events: i64,
    known: HashMap<Box<[u8]>, usize, foldhash::fast::FixedState>,
    verdicts: Vec<Verdict>,
    cached: usize,
    alignment: Alignment,
    replays: Replays,
    rows: Vec<u32>,
    scores: Vec<f64>,
}

/// A design bound to a log.
struct Journeys {
    units: Units,
    labels: Vec<Labels>,
    design: Design,
    steps: Vec<StepParams>,
    /// The names of the labels of steps.
    names: Vec<String>,
    /// Name, steps and labels of each stage.
    stages: Vec<(String, u64, u64)>,
    collapse: bool,
    others: Others,
}

impl Journeys {
    fn bind(params: Params, log: &EventLog) -> Result<(Self, Option<Vec<bool>>, Option<Numbers>)> {
        let Params { columns, steps, .. } = &params;
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return Err(Error::Argument(format!("{} columns; expected 1 to {MOST_COLUMNS}", columns.len())));
        }
        if steps.len() > MOST_STEPS {
            return Err(Error::Argument(format!(
                "the designed journey has {} steps; at most {MOST_STEPS} can be looked at together, so design the stages, \
                 or a part of the journey",
                steps.len()
            )));
        }
        let mut keys: Vec<(usize, &str)> = Vec::new();
        let (mut of_steps, mut stages) = (Vec::new(), Vec::<(String, u64, u64)>::new());
        for (number, step) in steps.iter().enumerate() {
            if step.column >= columns.len() {
                return Err(Error::Argument(format!(
                    "step {} names column {} of {}",
                    number + 1,
                    step.column,
                    columns.len()
                )));
            }
            if step.within_us.is_some_and(|within| within <= 0) {
                return Err(Error::Argument(format!("within_us of step {} is not above 0", number + 1)));
            }
            let key = (step.column, step.label.as_str());
            let label = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            of_steps.push(label as u8);
            if let Some(stage) = &step.stage {
                let place = stages.iter().position(|(name, ..)| name == stage).unwrap_or_else(|| {
                    stages.push((stage.clone(), 0, 0));
                    stages.len() - 1
                });
                stages[place].1 |= 1 << number;
                stages[place].2 |= 1 << label;
            }
        }
        let labels = columns.iter().enumerate().map(|(column, name)| {
            let label = |value: &str| keys.iter().position(|key| *key == (column, value)).map_or(OTHER, |at| at as u8);
            if name == "event" {
                return Ok(Labels { source: Source::Events, of_code: log.event_names().iter().map(label).collect() });
            }
            let segments = log.segments(name)?;
            let of_code = (0..segments.len()).map(|code| segments.label(code).map_or(NONE, label)).collect();
            Ok(Labels { source: Source::Column(segments), of_code })
        });
        let labels = labels.collect::<Result<Vec<_>>>()?;
        let goal = chosen(params.goal.as_deref(), log)?;
        let score = params.score.as_ref().map(|name| log.numbers(name, true)).transpose()?;
        let names = keys.iter().map(|(_, label)| (*label).to_owned()).collect();
        let journeys = Self {
            units: Units::bind(&params.units, log)?,
            labels,
            design: Design::new(&params.design, of_steps)?,
            names,
            stages,
            collapse: params.collapse,
            others: params.others,
            steps: params.steps,
        };
        Ok((journeys, goal, score))
    }

    /// What an event is to the design.
    #[inline(always)]
    fn see<C: Code>(&self, journey: &Journey<'_, C>, position: usize) -> Seen {
        let mut seen = Seen::Unmapped;
        for (column, labels) in self.labels.iter().enumerate() {
            let code = match &labels.source {
                Source::Events => journey.events[position].index(),
                Source::Column(segments) => segments.of_event(journey.start + position),
            };
            match labels.of_code[code] {
                OTHER if seen == Seen::Unmapped => seen = Seen::Other(column as u8, code as u32),
                NONE | OTHER => {}
                label => return Seen::Step(label),
            }
        }
        seen
    }

    /// The name of a label that no step has.
    fn other(&self, (column, code): (u8, u32), log_names: &[String]) -> String {
        match &self.labels[usize::from(column)].source {
            Source::Events => log_names[code as usize].clone(),
            Source::Column(segments) => segments.label(code as usize).unwrap_or_default().to_owned(),
        }
    }

    /// Calls `watch` with each event of a unit, what it is, and whether it counts once with the one before.
    #[inline(always)]
    fn each_event<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        unit: std::ops::Range<usize>,
        mut watch: impl FnMut(usize, Seen, bool),
    ) {
        let mut before = Seen::Unmapped;
        for position in unit {
            let seen = self.see(journey, position);
            let is_looked_at = match seen {
                Seen::Step(_) => true,
                Seen::Other(..) => self.others == Others::Extra,
                Seen::Unmapped => false,
            };
            watch(position, seen, is_looked_at && self.collapse && before == seen);
            if is_looked_at {
                before = seen;
            }
        }
    }

    /// Reads the trace of a unit into `scratch`; whether there is anything to hold against the design.
    #[inline(always)]
    fn read<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        unit: std::ops::Range<usize>,
        open: bool,
        scratch: &mut Scratch,
    ) -> bool {
        let Scratch { trace, times, others, unmapped, ignored, events, .. } = scratch;
        trace.clear();
        trace.push(u8::from(open));
        times.clear();
        others.clear();
        (*unmapped, *ignored, *events) = (0, 0, 0);
        self.each_event(journey, unit, |position, seen, again| match seen {
            Seen::Step(label) => {
                let time = journey.times[position];
                *events += 1;
                match times.last_mut() {
                    Some(last) if again => last.1 = time,
                    _ => {
                        trace.push(label);
                        times.push((time, time));
                    }
                }
            }
            Seen::Other(column, code) => {
                *ignored += 1;
                if self.others == Others::Extra && !again {
                    others.push((column, code));
                }
            }
            Seen::Unmapped => *unmapped += 1,
        });
        !times.is_empty() || !others.is_empty()
    }

    /// The place of the verdict on the trace in `scratch`.
    #[inline(always)]
    fn verdict(&self, scratch: &mut Scratch) -> Result<usize> {
        match scratch.known.get(scratch.trace.as_slice()) {
            Some(&place) => Ok(place),
            None => self.judge(scratch),
        }
    }

    #[cold]
    fn judge(&self, scratch: &mut Scratch) -> Result<usize> {
        let Scratch { trace, known, verdicts, cached, alignment, replays, .. } = scratch;
        if *cached > MOST_CACHED {
            known.clear();
            verdicts.clear();
            *cached = 0;
        }
        let (open, path) = (trace[0] == 1, &trace[1..]);
        let labels = &self.design.labels;
        let mut verdict = Verdict { cost: alignment.find(&self.design, path, open)?, ..Verdict::default() };
        let mut extra = [0_u32; MOST_STEPS];
        for taken in alignment.moves.iter().filter(|taken| taken.kind == Kind::Extra) {
            extra[usize::from(path[taken.place as usize])] += 1;
        }
        let mut latest = Latest::default();
        for taken in &alignment.moves {
            let Some(step) = taken.step else { continue };
            let bit = 1_u64 << step;
            let step_number = usize::from(step);
            if taken.kind == Kind::Done {
                verdict.done |= bit;
                if self.steps[step_number].within_us.is_some() {
                    let from = latest.among(self.design.before[step_number]);
                    verdict.timed.extend(from.map(|from| Timed { step, place: taken.place, from }));
                }
                latest.0[step_number] = taken.place + 1;
            } else {
                let left = &mut extra[usize::from(labels[step_number])];
                if *left > 0 {
                    *left -= 1;
                    verdict.misplaced |= bit;
                } else {
                    verdict.skipped |= bit;
                }
            }
        }
        let left = extra.iter().enumerate().filter(|(_, left)| **left > 0);
        verdict.extra = left.fold(0, |all, (label, _)| all | 1 << label);
        if !open {
            let shortest = self.design.automaton.shortest() as usize;
            verdict.replay = self.design.net.replay(path, replays);
            verdict.replay_fitness = fixed(verdict.replay.fitness());
            verdict.fitness = fixed(1.0 - f64::from(verdict.cost) / (path.len() + shortest) as f64);
        }
        *cached += trace.len() + size_of::<Verdict>() + verdict.timed.len() * size_of::<Timed>();
        verdicts.push(verdict);
        known.insert(trace.as_slice().into(), verdicts.len() - 1);
        Ok(verdicts.len() - 1)
    }

    /// The steps that a unit did later than they should be done.
    #[inline]
    fn late(&self, verdict: &Verdict, times: &[(i64, i64)]) -> u64 {
        verdict.timed.iter().fold(0, |late, timed| {
            let Timed { step, place, from } = *timed;
            let passed = times[place as usize].0 - times[from as usize].1;
            let is_late = self.steps[usize::from(step)].within_us.is_some_and(|within| passed > within);
            late | u64::from(is_late) << step
        })
    }
}

/// The table of units, steps, stages and deviations.
pub struct Conformance {
    journeys: Journeys,
    goal: Option<Vec<bool>>,
    score: Option<Numbers>,
    event_names: Vec<String>,
}

/// Units of one kind, how many reached the goal, and what they scored.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    units: i64,
    converted: i64,
    scored: i64,
    score: i128,
    score_squares: i128,
}

impl Tally {
    fn take(&mut self, converted: bool, score: Option<i64>) {
        self.units += 1;
        self.converted += i64::from(converted);
        if let Some(score) = score {
            self.scored += 1;
            self.score += i128::from(score);
            self.score_squares += i128::from(score) * i128::from(score);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.units += other.units;
        self.converted += other.converted;
        self.scored += other.scored;
        self.score += other.score;
        self.score_squares += other.score_squares;
    }
}

/// What became of units.
const STATUSES: [&str; 5] = ["conforming", "deviating", "open", "open_deviating", "outside"];
const CONFORMING: usize = 0;
const DEVIATING: usize = 1;
const OPEN: usize = 2;
const OPEN_DEVIATING: usize = 3;
const OUTSIDE: usize = 4;

/// How units stand to a step, the worst that holds; where none does, the step was not due.
const STANDINGS: [&str; 4] = ["step_in_order", "step_late", "step_out_of_order", "step_skipped"];

/// How units stand to a stage.
const PASSAGES: [&str; 3] = ["stage_reached", "stage_in_order", "stage_deviating"];

/// Deviations at a step, and the one at a label.
const DEVIATIONS: [&str; 3] = ["late", "out_of_order", "skipped"];
const EXTRA: &str = "extra";

/// Sums over all closed units.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    in_order: i64,
    fitness: i128,
    fitness_squares: i128,
    replay: i128,
    replay_squares: i128,
    tokens: Replay,
    /// Events of steps.
    events: i64,
    ignored: i64,
    unmapped: i64,
}

/// What is counted of a segment.
#[derive(Default)]
pub struct State {
    statuses: [Tally; STATUSES.len()],
    sums: Sums,
    /// By step.
    steps: Vec<[u32; STANDINGS.len()]>,
    deviations: Vec<[Tally; DEVIATIONS.len()]>,
    /// By label of steps.
    extra: Vec<Tally>,
    /// By stage.
    stages: Vec<[u32; PASSAGES.len()]>,
    /// By label that no step has.
    others: HashMap<(u8, u32), Tally, foldhash::fast::FixedState>,
    failure: Option<Error>,
}

/// A share as a whole number.
fn fixed(share: f64) -> i64 {
    (share * SHARE).round() as i64
}

/// Calls `take` with every bit that is set.
#[inline(always)]
fn each_bit(mut bits: u64, mut take: impl FnMut(usize)) {
    while bits != 0 {
        take(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

impl Analysis for Conformance {
    const NAME: &'static str = "conformance";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let (journeys, goal, score) = Journeys::bind(params, log)?;
        let event_names = log.event_names().iter().map(str::to_owned).collect();
        Ok(Self { journeys, goal, score, event_names })
    }
}

impl Conformance {
    /// The mean score of the events of a unit, where any has one.
    fn score(&self, unit: std::ops::Range<usize>, rows: &mut Vec<u32>, scores: &mut Vec<f64>) -> Result<Option<i64>> {
        let Some(numbers) = &self.score else { return Ok(None) };
        rows.clear();
        rows.extend(unit.map(|event| event as u32));
        scores.clear();
        numbers.read(rows, scores);
        let known = || scores.iter().filter(|score| !score.is_nan());
        let many = known().count();
        if let Some(odd) = known().find(|score| score.abs() > LARGEST_SCORE) {
            return Err(Error::Data(format!(
                "a score is {odd:e}; expected numbers from -{LARGEST_SCORE:.0} to {LARGEST_SCORE:.0}"
            )));
        }
        Ok((many > 0).then(|| (known().sum::<f64>() / many as f64 * SCORE).round() as i64))
    }

    /// Counts the unit that `scratch` holds.
    fn count(&self, scratch: &mut Scratch, state: &mut State, open: bool, converted: bool, score: Option<i64>) {
        let place = match self.journeys.verdict(scratch) {
            Ok(place) => place,
            Err(failure) => {
                state.failure.get_or_insert(failure);
                return;
            }
        };
        let Scratch { verdicts, times, others, .. } = scratch;
        let verdict = &verdicts[place];
        let late = self.journeys.late(verdict, times);
        let cost = verdict.cost as usize + others.len();
        let deviates = cost > 0 || late != 0;
        if open {
            let status = if deviates { OPEN_DEVIATING } else { OPEN };
            return state.statuses[status].take(converted, score);
        }
        state.statuses[if deviates { DEVIATING } else { CONFORMING }].take(converted, score);
        let sums = &mut state.sums;
        let mut fitness = verdict.fitness;
        if !others.is_empty() {
            let longest = times.len() + others.len() + self.journeys.design.automaton.shortest() as usize;
            fitness = fixed(1.0 - cost as f64 / longest as f64);
        }
        let replay = verdict.replay_fitness;
        sums.in_order += i64::from(cost == 0);
        sums.fitness += i128::from(fitness);
        sums.fitness_squares += i128::from(fitness) * i128::from(fitness);
        sums.replay += i128::from(replay);
        sums.replay_squares += i128::from(replay) * i128::from(replay);
        sums.tokens.add(&verdict.replay);
        let Verdict { done, skipped, misplaced, extra, .. } = *verdict;
        let skips = skipped & !misplaced;
        let lates = late & !misplaced & !skips;
        let in_order = done & !misplaced & !skips & !lates;
        for (standing, steps) in [in_order, lates, misplaced, skips].into_iter().enumerate() {
            each_bit(steps, |step| state.steps[step][standing] += 1);
        }
        for (counts, (_, steps, labels)) in state.stages.iter_mut().zip(&self.journeys.stages) {
            let reached = (done | misplaced) & steps != 0 || extra & labels != 0;
            let deviating = (skipped | misplaced | late) & steps != 0 || extra & labels != 0;
            counts[0] += u32::from(reached);
            counts[1] += u32::from(reached && !deviating);
            counts[2] += u32::from(deviating);
        }
        if deviates {
            for (kind, steps) in [late, misplaced, skipped].into_iter().enumerate() {
                each_bit(steps, |step| state.deviations[step][kind].take(converted, score));
            }
            each_bit(extra, |label| state.extra[label].take(converted, score));
            others.sort_unstable();
            others.dedup();
            for &other in others.iter() {
                state.others.entry(other).or_default().take(converted, score);
            }
            if state.others.len() > MOST_LABELS {
                state.failure.get_or_insert_with(|| {
                    Error::Argument(format!(
                        "more than {MOST_LABELS} different labels are none of the design; look at another column, or \
                         leave them out with others=\"ignore\""
                    ))
                });
            }
        }
    }
}

impl Kernel for Conformance {
    type State = State;
    type Scratch = Scratch;

    fn init(&self) -> State {
        State {
            steps: vec![Default::default(); self.journeys.steps.len()],
            deviations: vec![Default::default(); self.journeys.steps.len()],
            extra: vec![Tally::default(); self.journeys.names.len()],
            stages: vec![Default::default(); self.journeys.stages.len()],
            ..State::default()
        }
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        self.journeys.units.each(journey, |unit, open| {
            let first = unit.start;
            let is_any = self.journeys.read(journey, unit.clone(), open, scratch);
            let is_goal = |goal: &Vec<bool>| journey.events[unit.clone()].iter().any(|event| goal[event.index()]);
            let converted = self.goal.as_ref().is_some_and(is_goal);
            let range = journey.start + unit.start..journey.start + unit.end;
            let score = self.score(range, &mut scratch.rows, &mut scratch.scores);
            let state = groups.at(journey, first);
            let score = match score {
                Ok(score) => score,
                Err(failure) => {
                    state.failure.get_or_insert(failure);
                    return;
                }
            };
            state.sums.events += scratch.events;
            state.sums.ignored += scratch.ignored;
            state.sums.unmapped += scratch.unmapped;
            if is_any {
                self.count(scratch, state, open, converted, score);
            } else {
                state.statuses[OUTSIDE].take(converted, score);
            }
        });
    }

    fn merge(&self, into: &mut State, from: State) {
        into.failure = into.failure.take().or(from.failure);
        into.statuses.iter_mut().zip(&from.statuses).for_each(|(into, from)| into.merge(from));
        let (sums, more) = (&mut into.sums, &from.sums);
        sums.in_order += more.in_order;
        sums.fitness += more.fitness;
        sums.fitness_squares += more.fitness_squares;
        sums.replay += more.replay;
        sums.replay_squares += more.replay_squares;
        sums.tokens.add(&more.tokens);
        sums.events += more.events;
        sums.ignored += more.ignored;
        sums.unmapped += more.unmapped;
        let add = |(into, from): (&mut u32, &u32)| *into += from;
        into.steps.iter_mut().flatten().zip(from.steps.iter().flatten()).for_each(add);
        into.stages.iter_mut().flatten().zip(from.stages.iter().flatten()).for_each(add);
        let merge = |(into, from): (&mut Tally, &Tally)| into.merge(from);
        into.deviations.iter_mut().flatten().zip(from.deviations.iter().flatten()).for_each(merge);
        into.extra.iter_mut().zip(&from.extra).for_each(merge);
        for (other, tally) in from.others {
            into.others.entry(other).or_default().merge(&tally);
        }
    }

    fn columns(&self, state: State) -> Result<Vec<Vec<PartialColumn>>> {
        if let Some(failure) = state.failure {
            return Err(failure);
        }
        let journeys = &self.journeys;
        let plain = |units: u32| Tally { units: i64::from(units), ..Tally::default() };
        let mut rows: Vec<(&str, usize, String, Tally)> = Vec::new();
        let closed = &state.statuses[..OPEN];
        let mut all = closed[CONFORMING];
        all.merge(&closed[DEVIATING]);
        rows.push(("all", 0, String::new(), all));
        for (name, tally) in STATUSES.iter().zip(&state.statuses) {
            rows.push((name, 0, String::new(), *tally));
        }
        for (number, (step, counts)) in journeys.steps.iter().zip(&state.steps).enumerate() {
            for (name, &units) in STANDINGS.iter().zip(counts) {
                rows.push((name, number + 1, step.label.clone(), plain(units)));
            }
            for (name, tally) in DEVIATIONS.iter().zip(&state.deviations[number]) {
                rows.push((name, number + 1, step.label.clone(), *tally));
            }
        }
        for ((stage, ..), counts) in journeys.stages.iter().zip(&state.stages) {
            for (name, &units) in PASSAGES.iter().zip(counts) {
                rows.push((name, 0, stage.clone(), plain(units)));
            }
        }
        // One name may stand in several columns; what is extra is told by its name.
        for (name, tally) in journeys.names.iter().zip(&state.extra) {
            rows.push((EXTRA, 0, name.clone(), *tally));
        }
        for (&other, tally) in &state.others {
            rows.push((EXTRA, 0, journeys.other(other, &self.event_names), *tally));
        }
        // The row of all has the sums and is always there.
        rows.retain(|(kind, .., tally)| *kind == "all" || tally.units > 0);
        let number = |pick: fn(&Tally) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(.., tally)| pick(tally))))
        };
        let big = |pick: fn(&Tally) -> i128| big_sums(rows.iter().map(|(.., tally)| Some(pick(tally))));
        let sums = &state.sums;
        let once = |value: i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(kind, ..)| if *kind == "all" { value } else { 0 })))
        };
        let once_big =
            |value: i128| big_sums(rows.iter().map(|(kind, ..)| Some(if *kind == "all" { value } else { 0 })));
        Ok(vec![vec![
            ("kind", Role::Key, texts(rows.iter().map(|(kind, ..)| *kind))),
            ("step", Role::Key, Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, step, ..)| *step as i64)))),
            ("label", Role::Key, texts(rows.iter().map(|(_, _, label, _)| label.as_str()))),
            ("units", Role::Sum, number(|tally| tally.units)),
            ("converted", Role::Sum, number(|tally| tally.converted)),
            ("scored", Role::Sum, number(|tally| tally.scored)),
            ("score", Role::Sum, big(|tally| tally.score)?),
            ("score_squares", Role::Sum, big(|tally| tally.score_squares)?),
            ("in_order", Role::Sum, once(sums.in_order)),
            ("fitness", Role::Sum, once_big(sums.fitness)?),
            ("fitness_squares", Role::Sum, once_big(sums.fitness_squares)?),
            ("replay", Role::Sum, once_big(sums.replay)?),
            ("replay_squares", Role::Sum, once_big(sums.replay_squares)?),
            ("missing", Role::Sum, once(sums.tokens.missing)),
            ("consumed", Role::Sum, once(sums.tokens.consumed)),
            ("remaining", Role::Sum, once(sums.tokens.remaining)),
            ("produced", Role::Sum, once(sums.tokens.produced)),
            ("events", Role::Sum, once(sums.events)),
            ("ignored", Role::Sum, once(sums.ignored)),
            ("unmapped", Role::Sum, once(sums.unmapped)),
        ]])
    }

    fn task_events(&self) -> usize {
        1 << 18
    }
}

/// What each event of each unit is to the design, and which steps are skipped between them.
pub struct ConformanceMoves {
    journeys: Journeys,
    customers: ArrayRef,
}

/// Rows, in the order of the log.
#[derive(Default)]
pub struct MoveRows {
    customer: Vec<u32>,
    unit: Vec<i64>,
    open: Vec<bool>,
    position: Vec<Option<i64>>,
    step: Vec<Option<i64>>,
    kind: Vec<u32>,
    passed: Vec<Option<i64>>,
    failure: Option<Error>,
}

/// What a row says.
const MOVES: [&str; 9] =
    ["in_order", "late", "out_of_order", "due", "skipped", "extra", "repeated", "ignored", "unmapped"];
const MOVE_IN_ORDER: u32 = 0;
const MOVE_LATE: u32 = 1;
const MOVE_OUT_OF_ORDER: u32 = 2;
/// The place where a step that was done out of order would have stood.
const MOVE_DUE: u32 = 3;
const MOVE_SKIPPED: u32 = 4;
const MOVE_EXTRA: u32 = 5;
const MOVE_REPEATED: u32 = 6;
const MOVE_IGNORED: u32 = 7;
const MOVE_UNMAPPED: u32 = 8;

impl Analysis for ConformanceMoves {
    const NAME: &'static str = "conformance_moves";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let (journeys, ..) = Journeys::bind(params, log)?;
        Ok(Self { journeys, customers: Arc::clone(log.customer_ids()) })
    }
}

impl MoveRows {
    fn push(&mut self, position: Option<usize>, step: Option<u8>, kind: u32, passed: Option<i64>) {
        self.position.push(position.map(|position| position as i64));
        self.step.push(step.map(|step| i64::from(step) + 1));
        self.kind.push(kind);
        self.passed.push(passed);
    }

    /// The rows of one unit.
    fn take<C: Code>(
        &mut self,
        journeys: &Journeys,
        journey: &Journey<'_, C>,
        unit: std::ops::Range<usize>,
        open: bool,
        scratch: &mut Scratch,
    ) -> Result<()> {
        journeys.read(journey, unit.clone(), open, scratch);
        let Scratch { trace, times, alignment, .. } = scratch;
        let path = &trace[1..];
        alignment.find(&journeys.design, path, open)?;
        let label = |step: u8| usize::from(journeys.design.labels[usize::from(step)]);
        let (mut extra, mut skipped) = ([0_u32; MOST_STEPS], [0_u32; MOST_STEPS]);
        for taken in &alignment.moves {
            match (taken.kind, taken.step) {
                (Kind::Extra, _) => extra[usize::from(path[taken.place as usize])] += 1,
                (Kind::Skipped, Some(step)) => skipped[label(step)] += 1,
                _ => {}
            }
        }
        // How many of each label are both: the first ones of either.
        let mut due: [u32; MOST_STEPS] = std::array::from_fn(|label| extra[label].min(skipped[label]));
        let mut misplaced = due;
        let mut moves = alignment.moves.iter().peekable();
        let mut latest = Latest::default();
        let mut place = 0;
        journeys.each_event(journey, unit, |position, seen, again| {
            let Seen::Step(_) = seen else {
                let kind = match seen {
                    _ if again => MOVE_REPEATED,
                    Seen::Other(..) if journeys.others == Others::Extra => MOVE_EXTRA,
                    Seen::Other(..) => MOVE_IGNORED,
                    _ => MOVE_UNMAPPED,
                };
                return self.push(Some(position), None, kind, None);
            };
            if again {
                return self.push(Some(position), None, MOVE_REPEATED, None);
            }
            while let Some(taken) = moves.next_if(|taken| taken.kind == Kind::Skipped && taken.place == place) {
                self.skip(taken.step, label, &mut due);
            }
            let Some(taken) = moves.next() else { return };
            match taken.step {
                None => {
                    let left = &mut misplaced[usize::from(path[place as usize])];
                    let kind = if *left > 0 { MOVE_OUT_OF_ORDER } else { MOVE_EXTRA };
                    *left = left.saturating_sub(1);
                    self.push(Some(position), None, kind, None);
                }
                Some(step) => {
                    let from = latest.among(journeys.design.before[usize::from(step)]);
                    let passed = from.map(|from| times[place as usize].0 - times[from as usize].1);
                    latest.0[usize::from(step)] = place + 1;
                    let within = journeys.steps[usize::from(step)].within_us;
                    let is_late = passed.zip(within).is_some_and(|(passed, within)| passed > within);
                    self.push(Some(position), Some(step), if is_late { MOVE_LATE } else { MOVE_IN_ORDER }, passed);
                }
            }
            place += 1;
        });
        for taken in moves {
            self.skip(taken.step, label, &mut due);
        }
        Ok(())
    }

    /// A step that is due and not done here.
    fn skip(&mut self, step: Option<u8>, label: impl Fn(u8) -> usize, due: &mut [u32]) {
        let left = step.map_or(0, |step| {
            let left = &mut due[label(step)];
            let before = *left;
            *left = left.saturating_sub(1);
            before
        });
        self.push(None, step, if left > 0 { MOVE_DUE } else { MOVE_SKIPPED }, None);
    }
}

impl Kernel for ConformanceMoves {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<MoveRows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<MoveRows> {
        vec![MoveRows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let mut number = 0;
        self.journeys.units.each(journey, |unit, open| {
            number += 1;
            let Some(rows) = groups.at(journey, unit.start).last_mut() else { return };
            if let Err(failure) = rows.take(&self.journeys, journey, unit, open, scratch) {
                rows.failure.get_or_insert(failure);
            }
            let many = rows.kind.len();
            rows.customer.resize(many, journey.customer as u32);
            rows.unit.resize(many, number);
            rows.open.resize(many, open);
        });
    }

    fn merge(&self, into: &mut Vec<MoveRows>, from: Vec<MoveRows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<MoveRows>) -> Result<Vec<Vec<PartialColumn>>> {
        let moves: ArrayRef = Arc::new(StringArray::from_iter_values(MOVES));
        let named = |codes: Vec<u32>, names: &ArrayRef| -> Result<ArrayRef> {
            Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(codes), Arc::clone(names))?))
        };
        let batch = |rows: MoveRows| -> Result<Vec<PartialColumn>> {
            if let Some(failure) = rows.failure {
                return Err(failure);
            }
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer, &self.customers)?),
                ("unit", Role::Concat, Arc::new(Int64Array::from(rows.unit))),
                ("open", Role::Concat, Arc::new(BooleanArray::from(rows.open))),
                ("position", Role::Concat, Arc::new(Int64Array::from(rows.position))),
                ("step", Role::Concat, Arc::new(Int64Array::from(rows.step))),
                ("move", Role::Concat, named(rows.kind, &moves)?),
                ("passed_us", Role::Concat, Arc::new(Int64Array::from(rows.passed))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
