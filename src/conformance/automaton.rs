//! The orders in which the steps of a net may be done, as a deterministic automaton.

use std::collections::{BTreeMap, HashMap};

use super::net::{Marking, Net};
use crate::error::{Error, Result};

/// More markings, states or ways between them than this are refused.
const MOST: usize = 1 << 12;

/// States and the steps between them. The first state is the beginning.
#[derive(Debug)]
pub struct Automaton {
    states: Vec<State>,
    /// All states, those that follow before those that they follow, but for loops.
    order: Vec<usize>,
    has_loops: bool,
}

/// A step that may be done.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// The step.
    pub step: u8,
    /// Its label.
    pub label: u8,
    /// The state after it.
    pub next: u32,
}

/// Where a journey may stand.
#[derive(Debug, Default)]
pub struct State {
    /// Ascending by step.
    pub ways: Vec<Way>,
    /// The fewest steps that are left to the end; zero where it is reached.
    pub rest: u32,
}

fn too_many() -> Error {
    Error::Argument(format!(
        "the steps of the designed journey can be done in too many orders: there are more than {MOST} points at which it \
         may stand; let fewer steps stand in any order beside each other"
    ))
}

/// The markings of a net by number, and the ways between them.
struct Markings {
    known: HashMap<Marking, usize>,
    /// By marking: step, or none where it is silent, and the marking after it.
    ways: Vec<Vec<(Option<usize>, usize)>>,
    finals: Vec<bool>,
}

impl Markings {
    fn of(net: &Net) -> Result<Self> {
        let mut found = Self { known: HashMap::new(), ways: Vec::new(), finals: Vec::new() };
        let mut ahead = vec![net.initial()];
        found.known.insert(net.initial(), 0);
        while let Some(marking) = ahead.pop() {
            let mut ways = Vec::new();
            for (number, transition) in net.transitions().iter().enumerate() {
                let Some(after) = net.fire(&marking, number) else { continue };
                let fresh = found.known.len();
                let place = *found.known.entry(after.clone()).or_insert(fresh);
                if place == fresh {
                    ahead.push(after);
                }
                ways.push((transition.step, place));
            }
            if found.known.len() > MOST {
                return Err(too_many());
            }
            let number = found.known[&marking];
            let known = found.known.len();
            found.ways.resize(known, Vec::new());
            found.finals.resize(known, false);
            found.ways[number] = ways;
            found.finals[number] = net.is_final(&marking);
        }
        Ok(found)
    }

    /// These markings and all that silent transitions lead to, ascending.
    fn closed(&self, from: Vec<usize>) -> Vec<usize> {
        let mut inside = vec![false; self.ways.len()];
        let mut ahead = from;
        while let Some(marking) = ahead.pop() {
            if !std::mem::replace(&mut inside[marking], true) {
                let silent = self.ways[marking].iter().filter(|(step, _)| step.is_none());
                ahead.extend(silent.map(|(_, next)| *next));
            }
        }
        (0..inside.len()).filter(|&marking| inside[marking]).collect()
    }
}

impl Automaton {
    /// All orders of the steps of a net.
    pub fn new(net: &Net, labels: &[u8]) -> Result<Self> {
        let markings = Markings::of(net)?;
        let first = markings.closed(vec![0]);
        let mut sets = vec![first.clone()];
        let mut known = HashMap::from([(first, 0)]);
        let mut states: Vec<State> = Vec::new();
        let mut finals = Vec::new();
        while let Some(set) = sets.get(states.len()).cloned() {
            let mut following: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for &marking in &set {
                for &(step, to) in &markings.ways[marking] {
                    if let Some(step) = step {
                        following.entry(step).or_default().push(to);
                    }
                }
            }
            let mut ways = Vec::with_capacity(following.len());
            for (step, to) in following {
                let to = markings.closed(to);
                let fresh = known.len();
                let place = *known.entry(to.clone()).or_insert(fresh);
                if place == fresh {
                    sets.push(to);
                }
                ways.push(Way { step: step as u8, label: labels[step], next: place as u32 });
            }
            if sets.len() > MOST {
                return Err(too_many());
            }
            finals.push(set.iter().any(|&marking| markings.finals[marking]));
            states.push(State { ways, rest: u32::MAX });
        }
        for (state, _) in states.iter_mut().zip(&finals).filter(|(_, is_final)| **is_final) {
            state.rest = 0;
        }
        let (order, has_loops) = order(&states);
        let mut automaton = Self { states, order, has_loops };
        let mut rests: Vec<u32> = automaton.states.iter().map(|state| state.rest).collect();
        automaton.lead_on(&mut rests);
        for (state, rest) in automaton.states.iter_mut().zip(rests) {
            state.rest = rest;
        }
        Ok(automaton)
    }

    /// The states.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Steps of the shortest way through.
    pub fn shortest(&self) -> u32 {
        self.states[0].rest
    }

    /// The least cost of every state from that of an event later, `label` the event's: to do a step, to skip steps or to
    /// call the event extra.
    #[inline]
    pub fn before(&self, label: u8, later: &[u32], costs: &mut [u32]) {
        // No state is costlier than this, so that those that loops lead back to may be looked at before they are known.
        costs.fill(u32::MAX - 1);
        for &state in &self.order {
            let mut least = later[state] + 1;
            for way in &self.states[state].ways {
                let next = way.next as usize;
                least = least.min(costs[next] + 1);
                if way.label == label {
                    least = least.min(later[next]);
                }
            }
            costs[state] = least;
        }
        if self.has_loops {
            self.lead_on(costs);
        }
    }

    /// Lowers the cost of every state to that of a step and the state after it.
    pub fn lead_on(&self, costs: &mut [u32]) {
        loop {
            let mut lowered = false;
            for &state in &self.order {
                for way in &self.states[state].ways {
                    let cost = costs[way.next as usize].saturating_add(1);
                    if cost < costs[state] {
                        costs[state] = cost;
                        lowered = true;
                    }
                }
            }
            if !(lowered && self.has_loops) {
                return;
            }
        }
    }
}

/// The states in the order in which a search in depth leaves them, and whether any way leads back.
fn order(states: &[State]) -> (Vec<usize>, bool) {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const LEFT: u8 = 2;
    let mut marks = vec![NEW; states.len()];
    let (mut order, mut has_loops) = (Vec::with_capacity(states.len()), false);
    let mut path = vec![(0, 0)];
    marks[0] = OPEN;
    while let Some((state, way)) = path.last_mut() {
        if let Some(&Way { next, .. }) = states[*state].ways.get(*way) {
            let next = next as usize;
            *way += 1;
            match marks[next] {
                NEW => {
                    marks[next] = OPEN;
                    path.push((next, 0));
                }
                OPEN => has_loops = true,
                _ => {}
            }
        } else {
            marks[*state] = LEFT;
            order.push(*state);
            path.pop();
        }
    }
    (order, has_loops)
}
