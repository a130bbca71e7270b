//! The plain ordered funnel: nothing but an order and a window. Only the latest attempt at each step matters then.

use super::Hit;
use super::matching::Matching;

/// Where and when an attempt began: the event of step 1.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// µs UTC.
    pub time: i64,
    /// Its position in the journey.
    pub position: u32,
}

/// For every step, the attempt that most recently reached it.
#[derive(Debug, Default)]
pub struct Chains {
    reached: Vec<Option<Entry>>,
    before: Vec<Option<Entry>>,
    matching: Matching,
}

impl Chains {
    /// Follows the hits in order until all steps are reached or the hits end. Events at the same time count in the
    /// customer's favour; one event fills one step of an attempt.
    pub fn follow(&mut self, hits: &[Hit], steps: usize, within: Option<i64>) {
        self.reached.clear();
        self.reached.resize(steps, None);
        let mut at = 0;
        while at < hits.len() && self.reached[steps - 1].is_none() {
            let time = hits[at].time;
            let tied = hits[at..].iter().take_while(|hit| hit.time == time).count();
            if tied == 1 {
                self.extend(hits[at], within);
            } else {
                self.extend_tied(&hits[at..at + tied], within);
            }
            at += tied;
        }
    }

    /// Steps reached by the furthest attempt.
    pub fn furthest(&self) -> usize {
        self.reached.iter().rposition(Option::is_some).map_or(0, |step| step + 1)
    }

    /// The attempt that most recently reached a step (from 1).
    pub fn entry(&self, step: usize) -> Option<Entry> {
        self.reached[step - 1]
    }

    fn extend(&mut self, hit: Hit, within: Option<i64>) {
        // From the last step back, so that one event never fills two steps in a row.
        let mut mask = hit.mask;
        while mask != 0 {
            let step = 63 - mask.leading_zeros() as usize;
            mask &= !(1 << step);
            if step == 0 {
                self.reached[0] = Some(Entry { time: hit.time, position: hit.position });
            } else if let Some(attempt) = self.reached[step - 1]
                && within.is_none_or(|within| hit.time - attempt.time <= within)
            {
                self.reached[step] = Some(attempt);
            }
        }
    }

    /// Events at one time: from every step that was reached before, as far as the events can be dealt to the steps
    /// that follow.
    fn extend_tied(&mut self, hits: &[Hit], within: Option<i64>) {
        self.before.clone_from(&self.reached);
        let steps = self.reached.len();
        // A later entry is preferred, and those stand at lower steps: they are written last.
        for from in (0..steps).rev() {
            let (time, entered) = (hits[0].time, from == 0);
            let attempt = if entered {
                let first = hits.iter().find(|hit| hit.mask & 1 != 0);
                first.map(|hit| Entry { time, position: hit.position })
            } else {
                self.before[from - 1].filter(|attempt| within.is_none_or(|within| time - attempt.time <= within))
            };
            if attempt.is_none() {
                continue;
            }
            let reached = self.matching.longest_run(hits, from..steps, 0);
            self.reached[from..reached].fill(attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps reached for events `(step letter, second)` of a funnel of `steps` steps named A, B, C …
    fn reached(events: &str, steps: usize, within: i64) -> usize {
        let mut hits: Vec<Hit> = events
            .split_whitespace()
            .enumerate()
            .map(|(position, event)| {
                let letter = u32::from(event.as_bytes()[0] - b'A');
                let mask = if (letter as usize) < steps { 1 << letter } else { 0 };
                Hit { time: event[1..].parse().expect("a second"), position: position as u32, mask }
            })
            .filter(|hit| hit.mask != 0)
            .collect();
        hits.sort_by_key(|hit| hit.time);
        let mut chains = Chains::default();
        chains.follow(&hits, steps, Some(within));
        chains.furthest()
    }

    #[test]
    fn the_golden_table_of_the_ordered_funnel_holds() {
        for (events, steps, within, expected) in [
            ("A1 A9 B11", 2, 5, 2),
            ("A1 B6", 2, 5, 2),
            ("A1 B7", 2, 5, 1),
            ("B1 A1", 2, 5, 2),
            ("A1 B1", 2, 5, 2),
            ("C1 B1 A1", 3, 10, 3),
            ("A1 B2 A3 C4", 3, 100, 3),
            ("A1 B2 A3 C4", 3, 3, 3),
            ("A1 B2 A3 C4", 3, 2, 2),
            ("A1 D2 B3 C4", 3, 100, 3),
            ("A1 C2 B3 C4", 3, 100, 3),
            ("A1 B2 A50 B51 C52", 3, 10, 3),
            ("B1 A2", 2, 100, 1),
        ] {
            assert_eq!(reached(events, steps, within), expected, "{events}, {steps} steps within {within}");
        }
    }

    #[test]
    fn one_event_does_not_fill_two_steps_but_two_at_one_time_do() {
        let both = |position| Hit { time: 1, position, mask: 0b11 };
        let mut chains = Chains::default();
        chains.follow(&[both(0)], 2, None);
        assert_eq!(chains.furthest(), 1);
        chains.follow(&[both(0), both(1)], 2, None);
        assert_eq!(chains.furthest(), 2);
    }

    #[test]
    fn tied_events_are_dealt_to_the_steps_that_need_them() {
        // Step 1 takes A or B, step 2 takes A: A must be left for step 2.
        let hits = [Hit { time: 1, position: 0, mask: 0b11 }, Hit { time: 1, position: 1, mask: 0b01 }];
        let mut chains = Chains::default();
        chains.follow(&hits, 2, None);
        assert_eq!(chains.furthest(), 2);
    }
}
