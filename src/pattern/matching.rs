//! Events at one time, dealt to the steps that follow one another.

use super::Hit;

/// Deals events to steps, each event to one step, by augmenting paths.
#[derive(Debug, Default)]
pub struct Matching {
    step_of: Vec<Option<usize>>,
    visited: Vec<bool>,
}

impl Matching {
    /// How many steps in a row, from `from` on, can have an event of their own.
    pub fn longest_run(&mut self, hits: &[Hit], from: usize, steps: usize) -> usize {
        self.step_of.clear();
        self.step_of.resize(hits.len(), None);
        for step in from..steps {
            self.visited.clear();
            self.visited.resize(hits.len(), false);
            if !self.augment(hits, step) {
                return step - from;
            }
        }
        steps - from
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
