//! The Petri net of a design, and replay of traces on it.

use std::collections::{HashSet, VecDeque};

use super::Block;

/// How many tokens each place holds.
pub type Marking = Vec<u16>;

/// What moves tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The step that it is; none where it only leads on.
    pub step: Option<usize>,
    /// Places that lose a token.
    pub takes: Vec<usize>,
    /// Places that get one.
    pub gives: Vec<usize>,
}

/// Places and transitions. A journey begins with one token in place 0 and is over with one in place 1 and no other.
#[derive(Debug, Clone)]
pub struct Net {
    places: usize,
    transitions: Vec<Transition>,
    /// Places of the transitions that only lead on.
    silent: Vec<usize>,
    /// By step: its transition.
    of_step: Vec<usize>,
}

const START: usize = 0;
const END: usize = 1;

/// Markings that are looked at between two events. Designs whose own markings are more are refused before.
const MOST_SEEN: usize = 1 << 14;

/// What a replay counts: tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replay {
    /// Those that a step needed and that were not there.
    pub missing: i64,
    /// Those that steps and the end took.
    pub consumed: i64,
    /// Those that were left over.
    pub remaining: i64,
    /// Those that the start and steps gave.
    pub produced: i64,
}

impl Replay {
    /// ½(1 − missing / consumed) + ½(1 − remaining / produced).
    pub fn fitness(&self) -> f64 {
        let left = |part: i64, whole: i64| 1.0 - part as f64 / whole as f64;
        f64::midpoint(left(self.missing, self.consumed), left(self.remaining, self.produced))
    }
}

impl Net {
    /// The smallest net of a design: transitions that only lead on are left out wherever the orders of steps stay the same.
    pub fn new(block: &Block) -> Self {
        let mut net = Self { places: 2, transitions: Vec::new(), silent: Vec::new(), of_step: Vec::new() };
        net.build(block, START, END);
        while net.shorten() {}
        let of_step = |step| net.transitions.iter().position(|transition| transition.step == Some(step));
        net.of_step = (0..).map_while(of_step).collect();
        let silent = (0..net.transitions.len()).filter(|&place| net.transitions[place].step.is_none());
        net.silent = silent.collect();
        net
    }

    fn place(&mut self) -> usize {
        self.places += 1;
        self.places - 1
    }

    fn add(&mut self, step: Option<usize>, takes: Vec<usize>, gives: Vec<usize>) {
        self.transitions.push(Transition { step, takes, gives });
    }

    /// Builds a block between two places. It never gives a token back to the first nor takes one from the second, so that
    /// blocks may share them.
    fn build(&mut self, block: &Block, from: usize, to: usize) {
        match block {
            Block::Step(step) => self.add(Some(*step), vec![from], vec![to]),
            Block::Sequence(parts) => self.chain(parts, from, to),
            Block::Choice(parts) => parts.iter().for_each(|part| self.build(part, from, to)),
            Block::Optional(part) => {
                self.build(part, from, to);
                self.add(None, vec![from], vec![to]);
            }
            Block::Parallel(parts) => {
                let ends: Vec<(usize, usize)> = parts.iter().map(|_| (self.place(), self.place())).collect();
                self.add(None, vec![from], ends.iter().map(|(from, _)| *from).collect());
                for (part, (from, to)) in parts.iter().zip(&ends) {
                    self.build(part, *from, *to);
                }
                self.add(None, ends.into_iter().map(|(_, to)| to).collect(), vec![to]);
            }
            Block::Loop(body, again) => {
                let (top, bottom) = (self.place(), self.place());
                self.add(None, vec![from], vec![top]);
                self.chain(body, top, bottom);
                if again.is_empty() {
                    self.add(None, vec![bottom], vec![top]);
                } else {
                    self.chain(again, bottom, top);
                }
                self.add(None, vec![bottom], vec![to]);
            }
        }
    }

    fn chain(&mut self, parts: &[Block], mut from: usize, to: usize) {
        for (number, part) in parts.iter().enumerate() {
            let next = if number + 1 == parts.len() { to } else { self.place() };
            self.build(part, from, next);
            from = next;
        }
    }

    /// Leaves out one silent transition, if one is not needed: it goes together with all that lead to it, or with all that
    /// follow it (pre- and post-agglomeration).
    fn shorten(&mut self) -> bool {
        let using = |net: &Self, place: usize| -> (Vec<usize>, Vec<usize>) {
            let all = 0..net.transitions.len();
            let gives = all.clone().filter(|&other| net.transitions[other].gives.contains(&place));
            (gives.collect(), all.filter(|&other| net.transitions[other].takes.contains(&place)).collect())
        };
        for place in 0..self.transitions.len() {
            let silent = self.transitions[place].clone();
            if silent.step.is_some() {
                continue;
            }
            let mut same = silent.takes == silent.gives;
            same |= self.transitions[..place].contains(&silent);
            if same {
                self.transitions.remove(place);
                return true;
            }
            let differ = |one: &[usize], two: &[usize]| one.iter().all(|place| !two.contains(place));
            if let [before] = silent.takes[..]
                && before != START
            {
                let (givers, takers) = using(self, before);
                let fit = |&giver: &usize| giver != place && differ(&self.transitions[giver].gives, &silent.gives);
                if takers == [place] && givers.iter().all(fit) {
                    for giver in givers {
                        replace(&mut self.transitions[giver].gives, before, &silent.gives);
                    }
                    self.transitions.remove(place);
                    return true;
                }
            }
            if let [after] = silent.gives[..]
                && after != END
            {
                let (givers, takers) = using(self, after);
                let fit = |&taker: &usize| taker != place && differ(&self.transitions[taker].takes, &silent.takes);
                if givers == [place] && takers.iter().all(fit) {
                    for taker in takers {
                        replace(&mut self.transitions[taker].takes, after, &silent.takes);
                    }
                    self.transitions.remove(place);
                    return true;
                }
            }
        }
        false
    }

    /// The transitions.
    pub fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    /// Where every journey begins.
    pub fn initial(&self) -> Marking {
        let mut marking = vec![0; self.places];
        marking[START] = 1;
        marking
    }

    /// Whether a journey may be over there.
    pub fn is_final(&self, marking: &Marking) -> bool {
        marking.iter().enumerate().all(|(place, &tokens)| tokens == u16::from(place == END))
    }

    /// The marking after a transition, if all its tokens are there.
    pub fn fire(&self, marking: &Marking, transition: usize) -> Option<Marking> {
        let Transition { takes, gives, .. } = &self.transitions[transition];
        if takes.iter().any(|&place| marking[place] == 0) {
            return None;
        }
        let mut next = marking.clone();
        takes.iter().for_each(|&place| next[place] -= 1);
        gives.iter().for_each(|&place| next[place] = next[place].saturating_add(1));
        Some(next)
    }

    /// Replays a trace of labels that steps have. Where no step of a label has its tokens, the fewest silent transitions
    /// that bring them are taken; where none do, the step with the fewest missing tokens takes place all the same.
    pub fn replay(&self, trace: &[u8], labels: &[u8]) -> Replay {
        let mut counts = Replay { produced: 1, ..Replay::default() };
        let mut marking = self.initial();
        for label in trace {
            let steps = || (0..labels.len()).filter(|&step| labels[step] == *label).map(|step| self.of_step[step]);
            let lacking = |marking: &Marking, transition: usize| {
                self.transitions[transition].takes.iter().filter(|&&place| marking[place] == 0).count()
            };
            let ready = |marking: &Marking| steps().find(|&transition| lacking(marking, transition) == 0);
            if ready(&marking).is_none() {
                self.lead(&mut marking, &mut counts, |marking| ready(marking).is_some());
            }
            let Some(taken) = steps().min_by_key(|&transition| lacking(&marking, transition)) else { continue };
            let Transition { takes, gives, .. } = &self.transitions[taken];
            for &place in takes {
                counts.missing += i64::from(marking[place] == 0);
                marking[place] = marking[place].saturating_sub(1);
            }
            gives.iter().for_each(|&place| marking[place] = marking[place].saturating_add(1));
            counts.consumed += takes.len() as i64;
            counts.produced += gives.len() as i64;
        }
        if !self.is_final(&marking) && !self.lead(&mut marking, &mut counts, |marking| self.is_final(marking)) {
            self.lead(&mut marking, &mut counts, |marking| marking[END] > 0);
        }
        counts.consumed += 1;
        counts.missing += i64::from(marking[END] == 0);
        marking[END] = marking[END].saturating_sub(1);
        counts.remaining = marking.iter().map(|&tokens| i64::from(tokens)).sum();
        counts
    }

    /// Takes the fewest silent transitions that lead where something holds, the first ones of as many; none if none do.
    fn lead(&self, marking: &mut Marking, counts: &mut Replay, holds: impl Fn(&Marking) -> bool) -> bool {
        if self.silent.is_empty() {
            return false;
        }
        if holds(marking) {
            return true;
        }
        let mut seen = HashSet::from([marking.clone()]);
        let mut ahead = VecDeque::from([(marking.clone(), 0, 0)]);
        while let Some((from, consumed, produced)) = ahead.pop_front() {
            for &transition in &self.silent {
                let Some(next) = self.fire(&from, transition) else { continue };
                let Transition { takes, gives, .. } = &self.transitions[transition];
                let (consumed, produced) = (consumed + takes.len() as i64, produced + gives.len() as i64);
                if holds(&next) {
                    *marking = next;
                    counts.consumed += consumed;
                    counts.produced += produced;
                    return true;
                }
                if seen.len() < MOST_SEEN && seen.insert(next.clone()) {
                    ahead.push_back((next, consumed, produced));
                }
            }
        }
        false
    }
}

/// Puts places in the place of one.
fn replace(list: &mut Vec<usize>, gone: usize, places: &[usize]) {
    list.retain(|&place| place != gone);
    list.extend_from_slice(places);
}
