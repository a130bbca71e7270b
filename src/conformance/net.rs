//! The Petri net of a design, and replay of traces on it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Block;

/// How many tokens each place holds.
pub type Marking = Vec<u32>;

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
    /// By place: what a token there is worth. Of places in parallel, each has its part of the whole; so what all tokens are
    /// worth stays the same, unless a step takes place whose tokens are missing.
    worth: Vec<f64>,
    transitions: Vec<Transition>,
    /// Places of the transitions that only lead on.
    silent: Vec<usize>,
    /// By label: the transitions of its steps.
    of_label: Vec<Vec<usize>>,
}

const START: usize = 0;
const END: usize = 1;

/// Markings that are looked at between two events. Designs whose own markings are more are refused before.
const MOST_SEEN: usize = 1 << 14;

/// Tokens of one place that a search looks at. To bring a step its tokens, no place needs to give more than one: steps in
/// parallel have places of their own, which one silent transition fills together.
const MOST_TOKENS: u32 = 2;

/// Markings times labels that are kept of replays: about 10 MB.
const MOST_WAYS: usize = 1 << 18;

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

/// What replays have found, so that no marking is looked at twice.
#[derive(Debug, Default)]
pub struct Replays {
    known: HashMap<Marking, u32, foldhash::fast::FixedState>,
    markings: Vec<Marking>,
    /// By marking and label: the marking after it, and the tokens that were moved.
    ways: Vec<Option<(u32, Replay)>>,
    /// By marking: the tokens of the end.
    ends: Vec<Option<Replay>>,
    /// By marking: whether a search looks at all of its tokens.
    whole: Vec<bool>,
}

/// Where a replay stands: at a marking with a number, or at one with more tokens than a search looks at.
enum Place {
    Numbered(usize),
    Crowded(Marking),
}

impl Replays {
    /// The number of a marking.
    fn number(&mut self, marking: Marking, labels: usize) -> u32 {
        let fresh = self.markings.len() as u32;
        let number = *self.known.entry(marking.clone()).or_insert(fresh);
        if number == fresh {
            self.whole.push(is_whole(&marking));
            self.markings.push(marking);
            self.ways.resize(self.markings.len() * labels, None);
            self.ends.push(None);
        }
        number
    }

    /// Where a marking stands.
    fn place(&mut self, marking: Marking, labels: usize) -> Place {
        if is_whole(&marking) {
            Place::Numbered(self.number(marking, labels) as usize)
        } else {
            Place::Crowded(marking)
        }
    }
}

impl Replay {
    /// Adds the tokens of a part.
    pub fn add(&mut self, part: &Self) {
        self.missing += part.missing;
        self.consumed += part.consumed;
        self.remaining += part.remaining;
        self.produced += part.produced;
    }

    /// ½(1 − missing / consumed) + ½(1 − remaining / produced).
    pub fn fitness(&self) -> f64 {
        let left = |part: i64, whole: i64| 1.0 - part as f64 / whole as f64;
        f64::midpoint(left(self.missing, self.consumed), left(self.remaining, self.produced))
    }
}

fn is_whole(marking: &Marking) -> bool {
    marking.iter().all(|&tokens| tokens <= MOST_TOKENS)
}

/// The tokens of a marking that a search looks at.
fn looked_at(marking: &Marking) -> Marking {
    marking.iter().map(|&tokens| tokens.min(MOST_TOKENS)).collect()
}

/// A marking that changes as another one does, of which it has all tokens and perhaps more.
fn moved(marking: &Marking, from: &Marking, to: &Marking) -> Marking {
    marking.iter().zip(from).zip(to).map(|((&tokens, &from), &to)| tokens - from + to).collect()
}

impl Net {
    /// The smallest net of a design: transitions that only lead on are left out wherever the orders of steps stay the same.
    pub fn new(block: &Block, labels: &[u8]) -> Self {
        let mut net = Self { worth: vec![1.0; 2], transitions: Vec::new(), silent: Vec::new(), of_label: Vec::new() };
        net.build(block, START, END);
        while net.shorten() {}
        let many = labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
        net.of_label = vec![Vec::new(); many];
        for (step, &label) in labels.iter().enumerate() {
            let place = net.transitions.iter().position(|transition| transition.step == Some(step));
            net.of_label[usize::from(label)].extend(place);
        }
        let silent = (0..net.transitions.len()).filter(|&place| net.transitions[place].step.is_none());
        net.silent = silent.collect();
        net
    }

    fn place(&mut self, worth: f64) -> usize {
        self.worth.push(worth);
        self.worth.len() - 1
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
                let part = self.worth[from] / parts.len() as f64;
                let ends: Vec<(usize, usize)> = parts.iter().map(|_| (self.place(part), self.place(part))).collect();
                self.add(None, vec![from], ends.iter().map(|(from, _)| *from).collect());
                for (part, (from, to)) in parts.iter().zip(&ends) {
                    self.build(part, *from, *to);
                }
                self.add(None, ends.into_iter().map(|(_, to)| to).collect(), vec![to]);
            }
            Block::Loop(body, again) => {
                let worth = self.worth[from];
                let (top, bottom) = (self.place(worth), self.place(worth));
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
            let next = if number + 1 == parts.len() { to } else { self.place(self.worth[from]) };
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
        let mut marking = vec![0; self.worth.len()];
        marking[START] = 1;
        marking
    }

    /// Whether a journey may be over there.
    pub fn is_final(&self, marking: &Marking) -> bool {
        marking.iter().enumerate().all(|(place, &tokens)| tokens == u32::from(place == END))
    }

    /// The marking after a transition, if all its tokens are there.
    pub fn fire(&self, marking: &Marking, transition: usize) -> Option<Marking> {
        let Transition { takes, gives, .. } = &self.transitions[transition];
        if takes.iter().any(|&place| marking[place] == 0) {
            return None;
        }
        let mut next = marking.clone();
        for &place in takes {
            next[place] -= 1;
        }
        for &place in gives {
            next[place] = next[place].saturating_add(1);
        }
        Some(next)
    }

    /// Replays a trace of labels that steps have. Where no step of a label has its tokens, the fewest silent transitions
    /// that bring them are taken; where none do, the step with the fewest missing tokens takes place all the same.
    pub fn replay(&self, trace: &[u8], replays: &mut Replays) -> Replay {
        let labels = self.of_label.len();
        let mut counts = Replay { produced: 1, ..Replay::default() };
        let mut at = replays.place(self.initial(), labels);
        for &label in trace {
            if replays.ways.len() > MOST_WAYS {
                let marking = match at {
                    Place::Numbered(number) => std::mem::take(&mut replays.markings[number]),
                    Place::Crowded(marking) => marking,
                };
                *replays = Replays::default();
                at = replays.place(marking, labels);
            }
            let from = match &at {
                Place::Numbered(number) => *number,
                Place::Crowded(marking) => replays.number(looked_at(marking), labels) as usize,
            };
            let way = from * labels + usize::from(label);
            let (to, taken) = if let Some(way) = replays.ways[way] {
                way
            } else {
                let (marking, taken) = self.take(&replays.markings[from], label);
                let found = (replays.number(marking, labels), taken);
                replays.ways[way] = Some(found);
                found
            };
            counts.add(&taken);
            let to = to as usize;
            at = match at {
                Place::Numbered(_) if replays.whole[to] => Place::Numbered(to),
                Place::Numbered(_) => Place::Crowded(replays.markings[to].clone()),
                Place::Crowded(marking) => {
                    replays.place(moved(&marking, &replays.markings[from], &replays.markings[to]), labels)
                }
            };
        }
        let end = match &at {
            Place::Crowded(marking) => self.end(marking),
            Place::Numbered(at) => match replays.ends[*at] {
                Some(end) => end,
                None => *replays.ends[*at].insert(self.end(&replays.markings[*at])),
            },
        };
        counts.add(&end);
        counts
    }

    /// The marking after a step of a label takes place, and the tokens that it moves.
    fn take(&self, marking: &Marking, label: u8) -> (Marking, Replay) {
        let (mut marking, mut counts) = (marking.clone(), Replay::default());
        let steps = &self.of_label[usize::from(label)];
        let lacking = |marking: &Marking, transition: usize| {
            self.transitions[transition].takes.iter().filter(|&&place| marking[place] == 0).count()
        };
        let is_ready = |marking: &Marking| steps.iter().any(|&transition| lacking(marking, transition) == 0);
        self.lead(&mut marking, &mut counts, is_ready);
        if let Some(&taken) = steps.iter().min_by_key(|&&transition| lacking(&marking, transition)) {
            let Transition { takes, gives, .. } = &self.transitions[taken];
            for &place in takes {
                counts.missing += i64::from(marking[place] == 0);
                marking[place] = marking[place].saturating_sub(1);
            }
            for &place in gives {
                marking[place] = marking[place].saturating_add(1);
            }
            counts.consumed += takes.len() as i64;
            counts.produced += gives.len() as i64;
        }
        (marking, counts)
    }

    /// The tokens that the end moves and leaves.
    fn end(&self, marking: &Marking) -> Replay {
        let (mut marking, mut counts) = (marking.clone(), Replay::default());
        let worth: f64 = marking.iter().zip(&self.worth).map(|(&tokens, worth)| f64::from(tokens) * worth).sum();
        // Silent transitions change nothing in what tokens are worth, and at the end there is one of worth 1.
        let may_be_final = (worth - 1.0).abs() < 1e-6;
        if !may_be_final || !self.lead(&mut marking, &mut counts, |marking| self.is_final(marking)) {
            let few = looked_at(&marking);
            let mut led = few.clone();
            if self.lead(&mut led, &mut counts, |marking| marking[END] > 0) {
                marking = moved(&marking, &few, &led);
            }
        }
        counts.consumed += 1;
        counts.missing += i64::from(marking[END] == 0);
        marking[END] = marking[END].saturating_sub(1);
        counts.remaining = marking.iter().map(|&tokens| i64::from(tokens)).sum();
        counts
    }

    /// Takes the fewest silent transitions that lead where something holds, the first ones of as many; none if none do.
    fn lead(&self, marking: &mut Marking, counts: &mut Replay, holds: impl Fn(&Marking) -> bool) -> bool {
        if holds(marking) {
            return true;
        }
        if self.silent.is_empty() {
            return false;
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
