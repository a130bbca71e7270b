//! The designed journey against the lived one: blocks of steps, the net and the automaton they mean, replay and alignment.
//!
//! A design is a tree of blocks. It becomes a Petri net, on which traces are replayed, and the net's steps in all their
//! orders become a deterministic automaton, along which traces are aligned. Both see labels as small numbers.

mod alignment;
mod automaton;
mod net;

use serde::Deserialize;

use crate::error::{Error, Result};

pub use alignment::{Alignment, Kind, Move};
pub use automaton::Automaton;
pub use net::{Net, Replay, Replays};

/// Most steps of a design: one bit each.
pub const MOST_STEPS: usize = 64;

/// Blocks inside blocks, at most so deep.
const DEEPEST: usize = 16;

/// A part of a design. Steps are numbers from 0.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    /// One step.
    Step(usize),
    /// One after the other.
    Sequence(Vec<Self>),
    /// All of them, in any order.
    Parallel(Vec<Self>),
    /// One of them.
    Choice(Vec<Self>),
    /// The first list once or more; between two times, the second one.
    Loop(Vec<Self>, Vec<Self>),
    /// It, or nothing.
    Optional(Box<Self>),
}

/// A design with all that is worked out of it once.
#[derive(Debug)]
pub struct Design {
    /// The label of each step.
    pub labels: Vec<u8>,
    /// By step: the steps that come before it by design, one bit each.
    pub before: Vec<u64>,
    /// The steps in the places between them.
    pub net: Net,
    /// The orders in which steps may be done.
    pub automaton: Automaton,
}

impl Design {
    /// Works out a design; `labels` has the label of each step, and different steps may share one.
    pub fn new(block: &Block, labels: Vec<u8>) -> Result<Self> {
        if labels.is_empty() || labels.len() > MOST_STEPS {
            return Err(Error::Argument(format!(
                "the designed journey has {} steps; expected 1 to {MOST_STEPS}",
                labels.len()
            )));
        }
        let mut seen = vec![false; labels.len()];
        check(block, &mut seen, 0)?;
        if let Some(missing) = seen.iter().position(|seen| !seen) {
            return Err(Error::Argument(format!("step {} of the designed journey stands in no block", missing + 1)));
        }
        let net = Net::new(block, &labels);
        let automaton = Automaton::new(&net, &labels)?;
        if automaton.shortest() == 0 {
            return Err(Error::Argument(
                "the designed journey has optional steps only; at least one must be expected".into(),
            ));
        }
        let mut before = vec![0; labels.len()];
        precede(block, 0, &mut before);
        Ok(Self { labels, before, net, automaton })
    }
}

/// Every step stands once, and blocks hold what they need.
fn check(block: &Block, seen: &mut [bool], depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::Argument(format!("blocks of the designed journey stand more than {DEEPEST} deep")));
    }
    let (least, what) = match block {
        Block::Step(_) | Block::Optional(_) => (0, ""),
        Block::Sequence(_) => (1, "a sequence"),
        Block::Loop(..) => (1, "a loop"),
        Block::Parallel(_) => (2, "a parallel block"),
        Block::Choice(_) => (2, "a choice"),
    };
    let (parts, again): (&[Block], &[Block]) = match block {
        Block::Step(step) => {
            return match seen.get_mut(*step) {
                Some(seen) if !*seen => {
                    *seen = true;
                    Ok(())
                }
                Some(_) => Err(Error::Argument(format!("step {} of the designed journey stands twice", step + 1))),
                None => Err(Error::Argument(format!("the designed journey has no step {}", step.saturating_add(1)))),
            };
        }
        Block::Sequence(parts) | Block::Parallel(parts) | Block::Choice(parts) => (parts, &[]),
        Block::Loop(body, again) => (body, again),
        Block::Optional(part) => (std::slice::from_ref(&**part), &[]),
    };
    if parts.len() < least {
        return Err(Error::Argument(format!(
            "{what} of the designed journey has {} parts; expected {least}",
            parts.len()
        )));
    }
    parts.iter().chain(again).try_for_each(|part| check(part, seen, depth + 1))
}

/// Notes which steps come before which; `earlier` are those before the block. Gives the steps of the block.
fn precede(block: &Block, earlier: u64, before: &mut [u64]) -> u64 {
    let one_by_one = |parts: &[Block], mut earlier: u64, before: &mut [u64]| {
        parts.iter().fold(0, |all, part| {
            let steps = precede(part, earlier, before);
            earlier |= steps;
            all | steps
        })
    };
    match block {
        Block::Step(step) => {
            before[*step] |= earlier;
            1 << step
        }
        Block::Optional(part) => precede(part, earlier, before),
        Block::Sequence(parts) => one_by_one(parts, earlier, before),
        Block::Parallel(parts) => parts.iter().fold(0, |all, part| all | precede(part, earlier, before)),
        Block::Choice(parts) => parts.iter().fold(0, |all, part| all | precede(part, earlier, before)),
        Block::Loop(body, again) => {
            // Whatever was done in an earlier round comes before, except what has no order among itself in one round.
            let steps = one_by_one(body, earlier, before);
            let steps = steps | one_by_one(again, earlier | steps, before);
            let beside = |step: usize| beside(body, step) | beside(again, step);
            for step in (0..before.len()).filter(|step| steps >> step & 1 == 1) {
                before[step] |= steps & !beside(step);
            }
            steps
        }
    }
}

/// The steps that stand beside a step in a parallel block of these blocks.
fn beside(blocks: &[Block], step: usize) -> u64 {
    blocks.iter().fold(0, |all, block| {
        all | match block {
            Block::Step(_) => 0,
            Block::Optional(part) => beside(std::slice::from_ref(part), step),
            Block::Sequence(parts) | Block::Choice(parts) => beside(parts, step),
            Block::Loop(body, again) => beside(body, step) | beside(again, step),
            Block::Parallel(parts) => {
                let has = |part: &Block| steps_of(part) >> step & 1 == 1;
                let others = parts.iter().filter(|part| !has(part)).fold(0, |all, part| all | steps_of(part));
                beside(parts, step) | if parts.iter().any(has) { others } else { 0 }
            }
        }
    })
}

/// The steps of a block, one bit each.
fn steps_of(block: &Block) -> u64 {
    match block {
        Block::Step(step) => 1 << step,
        Block::Optional(part) => steps_of(part),
        Block::Sequence(parts) | Block::Parallel(parts) | Block::Choice(parts) => {
            parts.iter().fold(0, |all, part| all | steps_of(part))
        }
        Block::Loop(body, again) => body.iter().chain(again).fold(0, |all, part| all | steps_of(part)),
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;
