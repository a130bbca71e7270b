//! What a funnel asks, bound to a log, and what became of one customer under it.

use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Segments};
use crate::pattern::{
    Attempt, Attempts, Chains, End, EntryRule, Hit, MOST_STEPS, Modes, Order, Rules, SKIPPED, StepSpec, Steps, Ties,
};

/// Parameters of a funnel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    steps: Vec<StepSpec>,
    within_us: Option<i64>,
    order: Order,
    /// Least and longest time from the step before, for each step from the second on; empty for no limits.
    #[serde(default)]
    gaps_us: Vec<(i64, Option<i64>)>,
    #[serde(default)]
    exclude: Vec<Exclusion>,
    #[serde(default)]
    on_exclude: OnExclude,
    #[serde(default = "latest")]
    entry: EntryRule,
    #[serde(default = "favour")]
    ties: Ties,
    /// Columns whose value all steps of an attempt share.
    #[serde(default)]
    hold: Vec<String>,
    /// Entries from, and before, µs UTC.
    #[serde(default)]
    entries_us: (Option<i64>, Option<i64>),
    /// Steps (from 1) that may be left out.
    #[serde(default)]
    optional: Vec<usize>,
    /// Which times are as one.
    #[serde(default)]
    same_time: SameTime,
    /// The step (from 1) whose event decides the segment, or the furthest one before it; the entry by default.
    #[serde(default)]
    segment_step: Option<usize>,
    /// The rules of `windowFunnel` instead of these.
    #[serde(default)]
    window: Option<Modes>,
}

/// Which events are as if at one time: that of the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "us")]
enum SameTime {
    /// Those at the same instant.
    #[default]
    Instant,
    /// Those no later than this after the first.
    Tolerance(i64),
    /// Those in the same unit of the clock, such as a second.
    Unit(i64),
}

impl SameTime {
    fn unite(self, hits: &mut [Hit]) {
        let mut first = i64::MIN;
        for hit in hits {
            let same = match self {
                Self::Instant => return,
                Self::Tolerance(longest) => hit.time.saturating_sub(first) <= longest,
                Self::Unit(unit) => hit.time.div_euclid(unit) == first.div_euclid(unit),
            };
            if same {
                hit.time = first;
            } else {
                first = hit.time;
            }
        }
    }
}

fn latest() -> EntryRule {
    EntryRule::Latest
}

fn favour() -> Ties {
    Ties::Favour
}

/// More optional steps than this would make too many ways through the funnel to count apart.
const MOST_OPTIONAL: u32 = 8;

/// Events that end an attempt which has taken `from` steps and not yet `to`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exclusion {
    what: StepSpec,
    from: usize,
    to: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnExclude {
    /// The attempt counts up to the step reached.
    #[default]
    StopAttempt,
    /// The attempt does not count at all.
    DropCustomer,
}

/// What became of a customer, or an attempt, that entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Reached the last step.
    Completed,
    /// Can't complete any more.
    Dropped,
    /// Could still complete after the data end.
    Open,
    /// Taken out by an exclusion.
    Excluded,
}

impl Status {
    /// By their numbers.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Dropped, Self::Open, Self::Excluded];

    /// As in the partial.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Dropped => "dropped",
            Self::Open => "open",
            Self::Excluded => "excluded",
        }
    }
}

/// What counts for a customer.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Position in the journey of the event that decides the segment.
    pub position: u32,
    /// The number of the last step taken.
    pub reached: usize,
    /// Bits of the optional steps before it that were left out, in their order.
    pub skipped: usize,
    /// And then?
    pub status: Status,
}

/// Buffers for the events of one customer.
#[derive(Default)]
pub struct Scratch {
    positions: Vec<u32>,
    hits: Vec<Hit>,
    held: Vec<(u128, Hit)>,
    chains: Chains,
    attempts: Attempts,
    taken: Vec<Option<Hit>>,
}

/// A funnel bound to a log.
pub struct FunnelRules {
    steps: Steps,
    rules: Rules,
    on_exclude: OnExclude,
    hold: Vec<Arc<Segments>>,
    /// Nothing but an order and a window.
    plain: bool,
    same_time: SameTime,
    segment_step: Option<usize>,
    observed_until: i64,
}

impl FunnelRules {
    /// Resolves names, and checks what a plan from elsewhere may hold.
    pub fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let count = params.steps.len();
        if let Some(within) = params.within_us.filter(|&within| within <= 0) {
            return Err(Error::Argument(format!("within_us is {within}; a window is longer than nothing")));
        }
        if count + params.exclude.len() > MOST_STEPS {
            return Err(Error::Argument(format!(
                "{count} steps and {} exclusions are more than the {MOST_STEPS} of one funnel",
                params.exclude.len()
            )));
        }
        let mut gaps = vec![(0, None)];
        gaps.extend(params.gaps_us);
        gaps.resize(gaps.len().max(count), (0, None));
        let impossible =
            |&&(least, longest): &&(i64, Option<i64>)| least < 0 || longest.is_some_and(|long| long < least);
        if gaps.len() != count || gaps.iter().find(impossible).is_some() {
            return Err(Error::Argument(format!(
                "gaps_us needs, for each of the {} steps after the first, a least time of 0 or more and a longest time \
                 not below it",
                count.saturating_sub(1)
            )));
        }
        let mut excluded = vec![0; count + 1];
        let mut specs = params.steps;
        for (index, exclusion) in params.exclude.into_iter().enumerate() {
            if exclusion.from < 1 || exclusion.to > count || exclusion.from >= exclusion.to {
                return Err(Error::Argument(format!(
                    "an exclusion stands between steps {} and {}; expected two of 1 to {count}, the lower first",
                    exclusion.from, exclusion.to
                )));
            }
            for bits in &mut excluded[exclusion.from..exclusion.to] {
                *bits |= 1 << (count + index);
            }
            specs.push(exclusion.what);
        }
        let mut optional = 0_u64;
        for &step in &params.optional {
            if step <= 1 || step >= count {
                return Err(Error::Argument(format!(
                    "step {step} of {count} is optional; the first and the last step are not, for they begin and end it"
                )));
            }
            optional |= 1 << (step - 1);
        }
        if optional.count_ones() > MOST_OPTIONAL {
            return Err(Error::Argument(format!(
                "{} steps are optional; at most {MOST_OPTIONAL} of one funnel may be",
                optional.count_ones()
            )));
        }
        let free = matches!(params.order, Order::Any | Order::Anchored);
        let limits = gaps.iter().any(|&gap| gap != (0, None));
        let orderless = free || params.window.is_some();
        let between = limits || excluded.iter().any(|&bits| bits != 0);
        if (orderless && between) || ((orderless || limits) && optional != 0) {
            return Err(Error::Argument(
                "exclusions and times between steps need steps in order; optional steps need that, and no times between \
                 steps"
                    .into(),
            ));
        }
        if params.order == Order::Anchored && count < 2 {
            return Err(Error::Argument(
                "an anchored funnel has a first and a last step; this one has one step".into(),
            ));
        }
        if let Some(step) = params.segment_step.filter(|step| !(1..=count).contains(step)) {
            return Err(Error::Argument(format!("segment_step is {step}; expected a step, 1 to {count}")));
        }
        let steps = Steps::compile(&specs, log)?;
        let keep_all = params.order == Order::Strict || params.window.is_some_and(|modes| modes.strict_order);
        let rules = Rules {
            steps: count,
            within: params.within_us,
            gaps,
            stops: excluded,
            order: params.order,
            entry: params.entry,
            ties: params.ties,
            entries: (params.entries_us.0.unwrap_or(i64::MIN), params.entries_us.1.unwrap_or(i64::MAX)),
            optional,
            window: params.window,
        };
        Ok(Self {
            plain: rules.are_plain() && params.hold.is_empty() && params.segment_step.is_none(),
            steps: if keep_all { steps.keep_all() } else { steps },
            rules,
            on_exclude: params.on_exclude,
            hold: params.hold.iter().map(|name| log.segments(name)).collect::<Result<_>>()?,
            same_time: params.same_time,
            segment_step: params.segment_step,
            observed_until: log.observed_until(),
        })
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.rules.steps
    }

    /// In how many ways optional steps can be left out.
    pub fn ways(&self) -> usize {
        1 << self.rules.optional.count_ones()
    }

    /// The events of a customer that fill a step or exclude, with the bits of both.
    pub fn hits<'a, C: Code>(&self, journey: &Journey<'_, C>, scratch: &'a mut Scratch) -> &'a [Hit] {
        let Scratch { positions, hits, .. } = scratch;
        self.steps.hits(journey, positions, hits);
        self.same_time.unite(hits);
        hits
    }

    /// The code of the event without which a customer never enters, where there is one.
    pub fn needed(&self) -> Option<usize> {
        if self.rules.order == Order::Any { None } else { self.steps.only_event_of(0) }
    }

    /// Calls `emit` for everything that counts for a customer, with the events of the steps if they are wanted.
    pub fn outcomes<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        scratch: &mut Scratch,
        timed: bool,
        emit: impl FnMut(Outcome, &[Option<Hit>]),
    ) {
        let hits = self.hits(journey, scratch);
        let begins = if self.rules.order == Order::Any { u64::MAX } else { 1 };
        let Some(first) = hits.iter().position(|hit| hit.mask & begins != 0) else { return };
        // Events that share the time of the first entry may still count, in the customer's favour.
        let entry = hits[first].time;
        let start = hits[..first].iter().rposition(|hit| hit.time < entry).map_or(0, |before| before + 1);
        if self.plain && !timed {
            self.plain_outcome(&scratch.hits[start..], &mut scratch.chains, emit);
        } else if self.hold.is_empty() {
            let Scratch { hits, attempts, taken, .. } = scratch;
            self.followed(std::iter::once(&hits[start..]), attempts, taken, emit);
        } else {
            self.split(journey, scratch);
            let Scratch { hits, held, attempts, taken, .. } = scratch;
            hits.clear();
            hits.extend(held.iter().map(|(_, hit)| *hit));
            let mut end = 0;
            let parts = held.chunk_by(|a, b| a.0 == b.0).map(|part| {
                end += part.len();
                &hits[end - part.len()..end]
            });
            self.followed(parts, attempts, taken, emit);
        }
    }

    fn plain_outcome(&self, hits: &[Hit], chains: &mut Chains, mut emit: impl FnMut(Outcome, &[Option<Hit>])) {
        let Rules { steps, within, .. } = self.rules;
        chains.follow(hits, steps, within);
        let reached = chains.furthest();
        let (Some(latest), Some(furthest)) = (chains.entry(1), chains.entry(reached)) else { return };
        let status = if reached == steps {
            Status::Completed
        } else if within.is_none_or(|within| latest.time.saturating_add(within) > self.observed_until) {
            Status::Open
        } else {
            Status::Dropped
        };
        emit(Outcome { position: furthest.position, reached, skipped: 0, status }, &[]);
    }

    /// Hits by the values that are held, those without a value left out; in order within each.
    fn split<C>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch) {
        let Scratch { hits, held, .. } = scratch;
        held.clear();
        held.extend(hits.iter().filter_map(|hit| {
            let event = journey.start + hit.position as usize;
            let value = self.hold.iter().try_fold(0, |value, column| {
                let code = column.of_event(event);
                (code + 1 < column.len()).then(|| value * column.len() as u128 + code as u128)
            });
            value.map(|value| (value, *hit))
        }));
        held.sort_by_key(|(value, _)| *value);
    }

    /// What counts, of the attempts in all parts of a customer's hits.
    fn followed<'a>(
        &self,
        parts: impl Iterator<Item = &'a [Hit]>,
        attempts: &mut Attempts,
        taken: &mut Vec<Option<Hit>>,
        mut emit: impl FnMut(Outcome, &[Option<Hit>]),
    ) {
        let rules = &self.rules;
        let (mut best, mut struck): (Option<Attempt>, Option<Attempt>) = (None, None);
        let mut waiting = false;
        for hits in parts {
            attempts.follow(hits, rules);
            attempts.close(self.observed_until, rules);
            for (index, attempt) in attempts.all().iter().enumerate() {
                if rules.entry == EntryRule::All {
                    take(taken, attempts.taken(index, rules), hits);
                    emit(self.outcome(attempt, taken, attempt.end == End::Waiting), taken);
                    continue;
                }
                let drop = attempt.end == End::Stopped && self.on_exclude == OnExclude::DropCustomer;
                waiting |= attempt.end == End::Waiting;
                let rival = if drop { &mut struck } else { &mut best };
                if rival.is_none_or(|rival| rules.prefer(attempt, &rival)) {
                    *rival = Some(*attempt);
                    if !drop || best.is_none() {
                        take(taken, attempts.taken(index, rules), hits);
                    }
                }
            }
        }
        if let Some(attempt) = best.or(struck) {
            // Any attempt that could still go on leaves the customer open, unless only the first one counts.
            let waiting = if rules.entry == EntryRule::First { attempt.end == End::Waiting } else { waiting };
            emit(self.outcome(&attempt, taken, waiting), taken);
        }
    }

    fn outcome(&self, attempt: &Attempt, taken: &[Option<Hit>], waiting: bool) -> Outcome {
        let status = match attempt.end {
            End::Completed => Status::Completed,
            _ if waiting => Status::Open,
            End::Stopped => Status::Excluded,
            End::Waiting | End::Expired | End::Interrupted => Status::Dropped,
        };
        let optional = (0..self.rules.steps).filter(|step| self.rules.optional >> step & 1 != 0);
        let skipped = optional
            .enumerate()
            .fold(0, |skipped, (bit, step)| skipped | usize::from(taken.get(step).is_some_and(Option::is_none)) << bit);
        let decides = self.segment_step.and_then(|step| taken.iter().take(step).rev().find_map(|hit| *hit));
        let position = decides.map_or(attempt.position, |hit| hit.position);
        Outcome { position, reached: attempt.reached, skipped, status }
    }
}

/// The hits of the steps that an attempt took.
fn take(taken: &mut Vec<Option<Hit>>, chosen: &[u32], hits: &[Hit]) {
    taken.clear();
    taken.extend(chosen.iter().map(|&hit| (hit != SKIPPED).then(|| hits[hit as usize])));
}
