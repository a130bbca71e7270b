//! Events whose order is free, dealt to steps.

use std::ops::Range;

use super::Hit;

/// Deals events to steps, each event to one step, by augmenting paths.
#[derive(Debug, Default)]
pub struct Matching {
    step_of: Vec<Option<usize>>,
    visited: Vec<bool>,
}

impl Matching {
    /// How far the steps of a range, one after the other, can have an event of their own: the number of the last one.
    /// Steps whose bit is `optional` are left out where no event is left for them.
    pub fn longest_run(&mut self, hits: &[Hit], steps: Range<usize>, optional: u64) -> usize {
        self.begin(hits);
        let is_optional = |step: &usize| optional >> step & 1 != 0;
        let mut reached = steps.start;
        let mut end = steps.end;
        for step in steps.clone().filter(|step| !is_optional(step)) {
            if !self.deal(hits, step) {
                end = step;
                break;
            }
            reached = step + 1;
        }
        for step in (steps.start..end).filter(is_optional) {
            if self.deal(hits, step) {
                reached = reached.max(step + 1);
            }
        }
        reached
    }

    /// Forgets what was dealt; the events are these from now on.
    pub fn begin(&mut self, hits: &[Hit]) {
        self.step_of.clear();
        self.step_of.resize(hits.len(), None);
    }

    /// Deals an event to one more step, if that can be done.
    pub fn deal(&mut self, hits: &[Hit], step: usize) -> bool {
        self.visited.clear();
        self.visited.resize(hits.len(), false);
        self.augment(hits, step)
    }

    /// Steps with their events, in the order of the events.
    pub fn dealt(&self) -> impl Iterator<Item = (usize, usize)> {
        self.step_of.iter().enumerate().filter_map(|(event, step)| step.map(|step| (step, event)))
    }

    /// Finds an event for a step, moving other steps to other events where that helps. The depth is at most the
    /// number of steps.
    fn augment(&mut self, hits: &[Hit], step: usize) -> bool {
        for index in 0..hits.len() {
            if hits[index].mask & (1 << step) == 0 || self.visited[index] {
                continue;
            }
            self.visited[index] = true;
            let free = match self.step_of[index] {
                None => true,
                Some(other) => self.augment(hits, other),
            };
            if free {
                self.step_of[index] = Some(step);
                return true;
            }
        }
        false
    }
}
