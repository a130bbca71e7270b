//! The cheapest alignment of a trace with the orders of a design.

use super::Design;
use super::automaton::Way;
use crate::error::{Error, Result};

/// Costs that are kept of one trace: 64 MB.
const MOST_CELLS: usize = 1 << 24;

/// What an event or a step is in an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The event is the step.
    Done,
    /// The step is due, and no event is it.
    Skipped,
    /// The event is no step at this point.
    Extra,
}

/// One move of an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// What it is.
    pub kind: Kind,
    /// The place of the event in the trace, or of the next one where a step is skipped.
    pub place: u32,
    /// The step; none of an extra event.
    pub step: Option<u8>,
}

/// The moves of one alignment, and buffers for the next.
#[derive(Debug, Default)]
pub struct Alignment {
    /// In their order.
    pub moves: Vec<Move>,
    costs: Vec<u32>,
}

impl Alignment {
    /// Aligns a trace of labels, and gives the number of skipped steps and extra events. Of several alignments with the
    /// fewest, the one that does a step rather than skip one, and skips one rather than call an event extra, as early as
    /// possible; of several steps the first of the design. Where the journey is open, it need not reach the end.
    pub fn find(&mut self, design: &Design, trace: &[u8], open: bool) -> Result<u32> {
        let automaton = &design.automaton;
        let states = automaton.states();
        let many = states.len();
        if (trace.len() + 1).saturating_mul(many) > MOST_CELLS {
            return Err(Error::Data(format!(
                "one unit has {} events of the designed journey, too many to be held against its {many} states; take out \
                 bots (log.quality() finds them), or count sessions: per=\"sessions\"",
                trace.len()
            )));
        }
        let Self { moves, costs } = self;
        costs.clear();
        costs.resize((trace.len() + 1) * many, 0);
        if !open {
            for (cost, state) in costs[trace.len() * many..].iter_mut().zip(states) {
                *cost = state.rest;
            }
        }
        for place in (0..trace.len()).rev() {
            let (now, later) = costs[place * many..].split_at_mut(many);
            automaton.before(trace[place], &later[..many], now);
        }
        moves.clear();
        let (mut place, mut state) = (0, 0);
        loop {
            let cost = costs[place * many + state];
            if place == trace.len() && cost == 0 {
                return Ok(costs[0]);
            }
            let ways = &states[state].ways;
            let costs_at = |place: usize, way: &Way| costs[place * many + way.next as usize];
            let event = trace.get(place);
            let is_done = |way: &&Way| Some(&way.label) == event && costs_at(place + 1, way) == cost;
            let is_skipped = |way: &&Way| cost > 0 && costs_at(place, way) == cost - 1;
            if let Some(way) = ways.iter().find(is_done) {
                moves.push(Move { kind: Kind::Done, place: place as u32, step: Some(way.step) });
                (place, state) = (place + 1, way.next as usize);
            } else if let Some(way) = ways.iter().find(is_skipped) {
                moves.push(Move { kind: Kind::Skipped, place: place as u32, step: Some(way.step) });
                state = way.next as usize;
            } else {
                moves.push(Move { kind: Kind::Extra, place: place as u32, step: None });
                place += 1;
            }
        }
    }
}
