//! The funnel as ClickHouse's `windowFunnel` counts it, with the rules of its modes: for comparison with numbers made there.
//!
//! It differs from safar's own in what ties and repeats mean. Events at one time stand in the order of the steps that they
//! fill; an event that fills several steps stands there once for each.

use serde::Deserialize;

use super::Hit;
use super::attempts::{Attempt, Attempts, End, Rules};

/// The modes of `windowFunnel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the modes are switches, and any of them combine")]
pub struct Modes {
    /// Nothing may stand between the steps: the search ends there.
    pub strict_order: bool,
    /// A step that was taken before ends the search when it comes again.
    pub strict_deduplication: bool,
    /// Each step comes later than the one before, not at the same time.
    pub strict_increase: bool,
    /// In strict order, a step that comes too early is passed over instead of ending the search.
    pub allow_reentry: bool,
}

/// An attempt that stands at a step.
#[derive(Debug, Clone, Copy)]
struct Chain {
    entry: u32,
    last: u32,
}

/// Follows the hits of one unit, in order. What is found are the attempt that got furthest, and, where it has not
/// completed, the latest one: that is the one that can still go on.
pub fn follow(attempts: &mut Attempts, hits: &[Hit], rules: &Rules, modes: Modes) {
    let mut order: Vec<(i64, usize, u32)> = Vec::with_capacity(hits.len());
    for (index, hit) in hits.iter().enumerate() {
        let mut mask = hit.mask & rules.step_bits();
        if mask == 0 {
            // It fills no step; before those of its time, as step 0 is before step 1.
            order.push((hit.time, 0, index as u32));
        }
        while mask != 0 {
            order.push((hit.time, mask.trailing_zeros() as usize + 1, index as u32));
            mask &= mask - 1;
        }
    }
    order.sort_unstable();
    let mut search = Search { hits, rules, modes, chains: vec![None; rules.steps], taken: Vec::new(), stopped: None };
    search.taken.resize(rules.steps * rules.steps, 0);
    for (_, step, hit) in order {
        if !search.take(step, hit) {
            break;
        }
    }
    search.finish(attempts);
}

struct Search<'a> {
    hits: &'a [Hit],
    rules: &'a Rules,
    modes: Modes,
    /// By step, the attempt that reached it most recently.
    chains: Vec<Option<Chain>>,
    /// The hits of each chain, a row of all steps for each.
    taken: Vec<u32>,
    /// Steps reached when the search was ended by a mode.
    stopped: Option<usize>,
}

impl Search<'_> {
    /// Takes in one event as one step (from 1; 0 for none); false where the search is over.
    fn take(&mut self, step: usize, hit: u32) -> bool {
        let steps = self.rules.steps;
        let time = self.hits[hit as usize].time;
        if step == 0 {
            let began = self.chains[0].is_some();
            if self.modes.strict_order && began {
                self.stopped = Some(self.furthest());
            }
            return self.stopped.is_none();
        }
        if step == 1 {
            if (self.rules.entries.0..self.rules.entries.1).contains(&time) {
                self.chains[0] = Some(Chain { entry: hit, last: hit });
                self.taken[0] = hit;
            }
            return steps > 1;
        }
        if self.modes.strict_deduplication && self.chains[step - 1].is_some() {
            self.stopped = Some(self.furthest());
            return false;
        }
        let Some(chain) = self.chains[step - 2] else {
            if self.modes.strict_order && !self.modes.allow_reentry && self.chains[0].is_some() {
                self.stopped = Some(self.chains.iter().take_while(|chain| chain.is_some()).count());
            }
            return self.stopped.is_none();
        };
        let last = self.hits[chain.last as usize].time;
        let inside = !self.rules.window_is_over(self.hits[chain.entry as usize].time, time);
        let later = !self.modes.strict_increase || last < time;
        if inside && later {
            self.chains[step - 1] = Some(Chain { last: hit, ..chain });
            self.taken.copy_within((step - 2) * steps..(step - 2) * steps + step - 1, (step - 1) * steps);
            self.taken[(step - 1) * steps + step - 1] = hit;
        }
        self.chains[steps - 1].is_none()
    }

    fn furthest(&self) -> usize {
        self.chains.iter().rposition(Option::is_some).map_or(0, |step| step + 1)
    }

    fn finish(self, attempts: &mut Attempts) {
        let reached = self.stopped.unwrap_or_else(|| self.furthest());
        let end = match self.stopped {
            _ if reached == self.rules.steps => End::Completed,
            Some(_) => End::Interrupted,
            None => End::Waiting,
        };
        self.push(attempts, reached, end);
        if end == End::Waiting && reached > 1 {
            self.push(attempts, 1, end);
        }
    }

    /// The attempt that reached a step (from 1) most recently.
    fn push(&self, attempts: &mut Attempts, reached: usize, end: End) {
        let Some(chain) = reached.checked_sub(1).and_then(|step| self.chains[step]) else { return };
        let entry = self.hits[chain.entry as usize];
        let last = self.hits[chain.last as usize].time;
        let attempt = Attempt { entry: entry.time, position: entry.position, reached, end, last, before: reached };
        let taken = self.taken[(reached - 1) * self.rules.steps..][..reached].iter().copied();
        attempts.push(attempt, taken, self.rules);
    }
}
