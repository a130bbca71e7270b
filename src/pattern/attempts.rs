//! Every attempt at a funnel, followed from its entry to its end, under all the rules a funnel may have.
//!
//! An attempt begins at an event of step 1 and takes the first event that fits for each step that follows. Attempts
//! that stand at the same step are kept in the order of their entries; an event moves the first ones of a queue, never
//! others, so that the work is linear in the events and in the moves.

use std::collections::VecDeque;

use serde::Deserialize;

use super::Hit;
use super::free;
use super::matching::Matching;
use super::window::{self, Modes};

/// What may stand between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Any event.
    Ordered,
    /// Nothing but repeats of the step just taken.
    Strict,
    /// Any event, and the steps come in any order.
    Any,
    /// Any event; the first and the last step keep their places, those between come in any order.
    Anchored,
}

/// Which attempts are made, and which one stands for the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryRule {
    /// Every event of step 1 begins an attempt; the furthest counts, of equals the latest.
    Latest,
    /// Only the first event of step 1 begins an attempt.
    First,
    /// Every event of step 1 begins an attempt; the furthest counts, of equals the earliest.
    Best,
    /// One attempt after the other, and each counts.
    All,
}

/// The order of events at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ties {
    /// The order that leads furthest.
    Favour,
    /// None: events at one time do not follow one another.
    Against,
    /// As stored.
    Stable,
}

/// The rules of a funnel beyond its steps.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Number of steps; the bits of a hit above them are exclusions.
    pub steps: usize,
    /// Longest time from the entry to any step.
    pub within: Option<i64>,
    /// Least and longest time from the step before; of step 1 it is not used.
    pub gaps: Vec<(i64, Option<i64>)>,
    /// By steps taken: the exclusions that end an attempt.
    pub stops: Vec<u64>,
    /// What may stand between.
    pub order: Order,
    /// Which attempts are made.
    pub entry: EntryRule,
    /// Events at one time.
    pub ties: Ties,
    /// Entries from, and before, µs UTC.
    pub entries: (i64, i64),
    /// Bits of the steps that may be left out; neither the first nor the last.
    pub optional: u64,
    /// The rules of ClickHouse's `windowFunnel` instead of these.
    pub window: Option<Modes>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has not: more events could have led further.
    Waiting,
    /// At the last step.
    Completed,
    /// The time for the next step is over.
    Expired,
    /// By an exclusion.
    Stopped,
    /// Another event stood between.
    Interrupted,
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Time of the event of step 1, µs UTC.
    pub entry: i64,
    /// Its position in the journey.
    pub position: u32,
    /// The number of the last step taken.
    pub reached: usize,
    /// How it ended.
    pub end: End,
    /// Time of the latest step.
    pub(super) last: i64,
    /// `reached` before the events at hand.
    pub(super) before: usize,
}

/// In place of a hit, where an optional step was left out.
pub const SKIPPED: u32 = u32::MAX;

/// The attempts of one unit; buffers are used again for the next.
#[derive(Debug, Default)]
pub struct Attempts {
    all: Vec<Attempt>,
    /// The hits of all steps of all attempts.
    taken: Vec<u32>,
    /// By steps taken, the attempts that wait for the next step.
    waiting: Vec<VecDeque<u32>>,
    pub(super) matching: Matching,
    /// By steps, the hits at hand that take them.
    dealt: Vec<u32>,
    /// Position of the first of the hits at hand.
    base: u32,
    completed: bool,
    /// The events at hand took an attempt on.
    moved: bool,
}

impl Attempts {
    /// Follows the hits of one unit, in order.
    pub fn follow(&mut self, hits: &[Hit], rules: &Rules) {
        self.all.clear();
        self.taken.clear();
        self.completed = false;
        if let Some(modes) = rules.window {
            return window::follow(self, hits, rules, modes);
        }
        if matches!(rules.order, Order::Any | Order::Anchored) {
            return free::follow(self, hits, rules);
        }
        self.dealt.resize(rules.steps, SKIPPED);
        self.waiting.resize_with(rules.steps + 1, VecDeque::new);
        self.waiting.iter_mut().for_each(VecDeque::clear);
        let mut at = 0;
        while at < hits.len() {
            let time = hits[at].time;
            let tied = match rules.ties {
                Ties::Stable => 1,
                _ => hits[at..].iter().take_while(|hit| hit.time == time).count(),
            };
            self.base = at as u32;
            self.take(&hits[at..at + tied], rules);
            at += tied;
            if self.completed && rules.entry != EntryRule::All {
                break;
            }
        }
    }

    /// Ends what can't go on after the last instant that the data cover.
    pub fn close(&mut self, observed_until: i64, rules: &Rules) {
        for attempt in &mut self.all {
            if attempt.end == End::Waiting && rules.is_over(attempt, observed_until.saturating_add(1)) {
                attempt.end = End::Expired;
            }
        }
    }

    /// All attempts, by their entries.
    pub fn all(&self) -> &[Attempt] {
        &self.all
    }

    /// The hits that took an attempt its steps, [`SKIPPED`] for those left out.
    pub fn taken(&self, attempt: usize, rules: &Rules) -> &[u32] {
        &self.taken[attempt * rules.steps..][..self.all[attempt].reached]
    }

    /// Adds an attempt that was followed elsewhere, with the hits of its steps.
    pub(super) fn push(&mut self, attempt: Attempt, taken: impl Iterator<Item = u32>, rules: &Rules) {
        self.all.push(attempt);
        self.taken.extend(taken);
        self.taken.resize(self.all.len() * rules.steps, SKIPPED);
    }

    /// Events at one time.
    fn take(&mut self, hits: &[Hit], rules: &Rules) {
        let time = hits[0].time;
        let any = hits.iter().fold(0, |any, hit| any | hit.mask);
        self.moved = false;
        for reached in 1..rules.steps {
            self.expire(reached, time, rules);
        }
        if rules.ties == Ties::Against && hits.len() > 1 {
            self.exclude(hits, rules);
        }
        for reached in (1..rules.steps).rev() {
            let to = self.run(hits, any, reached, rules);
            if to > reached {
                self.advance(reached, to, time, rules);
            }
        }
        self.exclude(hits, rules);
        if rules.order == Order::Strict {
            self.interrupt(hits);
        }
        self.settle();
        self.enter(hits, any, rules);
    }

    /// How far the events take an attempt that has reached `reached`: the number of the last step they take. The hits
    /// of the steps are left in `dealt`.
    fn run(&mut self, hits: &[Hit], any: u64, reached: usize, rules: &Rules) -> usize {
        // The first step that may not be left out, and those before it.
        let must = reached + (rules.optional >> reached).trailing_ones() as usize;
        let next = reached + (any >> reached).trailing_zeros() as usize;
        if next > must {
            return reached;
        }
        self.dealt[reached..].fill(SKIPPED);
        if hits.len() == 1 || rules.ties != Ties::Favour {
            let hit = hits.iter().position(|hit| hit.mask >> next & 1 != 0).unwrap_or_default();
            self.dealt[next] = self.base + hit as u32;
            return next + 1;
        }
        // Beyond the first of them the steps follow at once, which a least time forbids.
        let furthest = (reached + 1..rules.steps).find(|&step| rules.gaps[step].0 > 0).unwrap_or(rules.steps);
        let to = self.matching.longest_run(hits, reached..furthest, rules.optional);
        for (step, hit) in self.matching.dealt() {
            self.dealt[step] = self.base + hit as u32;
        }
        to
    }

    fn expire(&mut self, reached: usize, time: i64, rules: &Rules) {
        while let Some(&first) = self.waiting[reached].front() {
            let attempt = &mut self.all[first as usize];
            if !rules.is_over(attempt, time) {
                break;
            }
            attempt.end = End::Expired;
            self.waiting[reached].pop_front();
        }
    }

    /// Takes the attempts that have waited long enough on to step `to`.
    fn advance(&mut self, reached: usize, to: usize, time: i64, rules: &Rules) {
        while let Some(&first) = self.waiting[reached].front() {
            let attempt = &mut self.all[first as usize];
            if time - attempt.last < rules.gaps[reached].0 {
                break;
            }
            self.moved = true;
            attempt.reached = to;
            attempt.last = time;
            self.taken[first as usize * rules.steps..][reached..to].copy_from_slice(&self.dealt[reached..to]);
            self.waiting[reached].pop_front();
            if attempt.reached == rules.steps {
                attempt.end = End::Completed;
                self.completed = true;
            } else {
                self.waiting[attempt.reached].push_back(first);
            }
        }
    }

    /// Ends the attempts that an exclusion among the events strikes where they stand. What takes an attempt a step on
    /// does not exclude it; and an attempt that moved with these events is spared by exclusions that do not apply
    /// somewhere on its way: that is where they took place.
    fn exclude(&mut self, hits: &[Hit], rules: &Rules) {
        let exclusions = !rules.step_bits();
        if hits.iter().all(|hit| hit.mask & exclusions == 0) {
            return;
        }
        // In strict order nothing may stand between, so that no place on the way spares an attempt.
        let anywhere = rules.ties != Ties::Against && rules.order != Order::Strict;
        self.end_where(End::Stopped, |attempt| {
            let taken = ((1 << attempt.reached) - 1) >> attempt.before << attempt.before;
            let others = hits.iter().filter(|hit| hit.mask & taken == 0);
            let struck = others.fold(0, |struck, hit| struck | hit.mask & exclusions);
            let from = if anywhere { attempt.before } else { attempt.reached };
            (from..=attempt.reached).fold(struck, |left, step| left & rules.stops[step]) != 0
        });
    }

    /// Strict order: ends the attempts for which another event than those of their own steps stood between. Repeats of
    /// the step that was taken last may.
    fn interrupt(&mut self, hits: &[Hit]) {
        self.end_where(End::Interrupted, |attempt| {
            let earlier = attempt.before - 1;
            let own = ((1 << attempt.reached) - 1) >> earlier << earlier;
            hits.iter().any(|hit| hit.mask & own == 0)
        });
    }

    /// Ends waiting attempts. Those that did not move with these events stand alike, so that one answer serves all of a
    /// queue; those that did stand behind them and are asked one by one.
    fn end_where(&mut self, end: End, ends: impl Fn(&Attempt) -> bool) {
        let Self { all, waiting, .. } = self;
        for queue in waiting {
            let moved = queue.iter().rev().take_while(|&&index| all[index as usize].has_moved()).count();
            let still = queue.len() - moved;
            let mut kept = still;
            for at in still..queue.len() {
                if ends(&all[queue[at] as usize]) {
                    all[queue[at] as usize].end = end;
                } else {
                    queue.swap(kept, at);
                    kept += 1;
                }
            }
            queue.truncate(kept);
            if still > 0 && ends(&all[queue[0] as usize]) {
                for index in queue.drain(..still) {
                    all[index as usize].end = end;
                }
            }
        }
    }

    fn settle(&mut self) {
        for queue in &self.waiting {
            for &index in queue.iter().rev() {
                let attempt = &mut self.all[index as usize];
                if !attempt.has_moved() {
                    break;
                }
                attempt.before = attempt.reached;
            }
        }
    }

    /// Begins an attempt, if the rules allow it.
    fn enter(&mut self, hits: &[Hit], any: u64, rules: &Rules) {
        let time = hits[0].time;
        if any & 1 == 0 || !(rules.entries.0..rules.entries.1).contains(&time) {
            return;
        }
        let allowed = match rules.entry {
            EntryRule::Latest | EntryRule::Best => true,
            EntryRule::First => self.all.is_empty(),
            // What took an attempt on does not begin the next.
            EntryRule::All => !self.moved && self.all.last().is_none_or(|attempt| attempt.end != End::Waiting),
        };
        let Some(first) = hits.iter().find(|hit| hit.mask & 1 != 0).filter(|_| allowed) else { return };
        let run = self.run(hits, any, 0, rules).max(1);
        let index = self.all.len();
        let position = first.position;
        let mut attempt = Attempt { entry: time, position, reached: run, end: End::Waiting, last: time, before: run };
        self.taken.extend_from_slice(&self.dealt);
        let against = rules.ties == Ties::Against;
        if run == rules.steps {
            attempt.end = End::Completed;
            self.completed = true;
        } else if against && any & !rules.step_bits() & rules.stops[run] != 0 {
            attempt.end = End::Stopped;
        } else if against && rules.order == Order::Strict && hits.iter().any(|hit| hit.mask & 1 == 0) {
            attempt.end = End::Interrupted;
        } else {
            self.waiting[run].push_back(index as u32);
        }
        self.all.push(attempt);
    }
}

impl Attempt {
    /// The events at hand took it on.
    fn has_moved(&self) -> bool {
        self.before != self.reached
    }
}

impl Rules {
    /// Nothing but an order and a window: [`super::Chains`] says as much, faster.
    pub fn are_plain(&self) -> bool {
        self.order == Order::Ordered
            && self.window.is_none()
            && self.optional == 0
            && self.entry == EntryRule::Latest
            && self.ties == Ties::Favour
            && self.entries == (i64::MIN, i64::MAX)
            && self.gaps.iter().all(|&gap| gap == (0, None))
            && self.stops.iter().all(|&stops| stops == 0)
    }

    /// Whether an attempt rather than another one stands for the customer.
    pub fn prefer(&self, attempt: &Attempt, other: &Attempt) -> bool {
        let rank = |attempt: &Attempt| {
            let completed = attempt.end == End::Completed;
            match self.entry {
                EntryRule::First | EntryRule::All => (0, 0, attempt.entry),
                EntryRule::Best => (-(attempt.reached as i64), attempt.entry, attempt.last),
                // The first completion; else the most recent of the furthest.
                EntryRule::Latest => {
                    (-(attempt.reached as i64), if completed { attempt.last } else { 0 }, -attempt.entry)
                }
            }
        };
        rank(attempt) < rank(other)
    }

    pub(super) fn step_bits(&self) -> u64 {
        u64::MAX >> (64 - self.steps)
    }

    /// At this time the window of an entry is over.
    pub(super) fn window_is_over(&self, entry: i64, time: i64) -> bool {
        self.within.is_some_and(|within| time.saturating_sub(entry) > within)
    }

    /// At this time an attempt can't take its next step any more.
    fn is_over(&self, attempt: &Attempt, time: i64) -> bool {
        let window = self.window_is_over(attempt.entry, time);
        let (_, longest) = self.gaps[attempt.reached.min(self.steps - 1)];
        window || longest.is_some_and(|longest| time.saturating_sub(attempt.last) > longest)
    }
}
