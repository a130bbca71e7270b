//! Searches a journey for a pattern: one pass, with the matches that are under way at each position of the automaton.
//!
//! Of two that stand at the same position, one is dropped where the other can do all that it can and began no earlier.
//! Without limits that contradict each other one is left; with a least time or an absence it is one for each event
//! inside that time.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use arrow::util::bit_chunk_iterator::UnalignedBitChunk;
use rayon::prelude::*;

use super::automaton::{Automaton, Edge, Position, longest_wait};
use super::condition;
use super::syntax::{Class, MOST_LIMITS};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Segments};
use crate::with_codes;

/// Matches that may be under way at once in one journey: more would take memory without end.
const MOST_THREADS: usize = 1 << 16;
/// Positions with fewer threads than this are searched through for ones that are of no use.
const SEARCHED: usize = 1 << 10;

/// Events that one thread looks through at a time.
const TASK_EVENTS: usize = 1 << 17;

/// A match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Position in the journey of its first event.
    pub first: u32,
    /// Position in the journey of its last event.
    pub last: u32,
    /// Events from the first to the last, of those that are looked at.
    pub events: u32,
}

/// What became of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There is at least one match.
    Matched,
    /// There is none, but one has begun that may still complete after the data end.
    Open,
    /// There is none, and none can come of what has begun.
    Nothing,
}

/// A pattern bound to a log.
pub struct Matcher {
    text: String,
    automaton: Automaton,
    classes: Classes,
    same: Vec<Arc<Segments>>,
    observed_until: i64,
    /// Where the condition holds of a pattern that is one event of any name.
    only_condition: Option<BooleanBuffer>,
}

/// Buffers that are used again from one journey to the next.
#[derive(Default)]
pub struct Scratch {
    events: Vec<u32>,
    hits: Vec<Hit>,
    held: Vec<(u128, Hit)>,
    search: Search,
}

/// An event that some part of the pattern looks at.
#[derive(Debug, Clone, Copy)]
struct Hit {
    time: i64,
    /// In the journey.
    position: u32,
    /// Among the events that are looked at.
    index: u32,
    classes: u64,
}

/// A match under way.
#[derive(Debug, Clone, Copy)]
struct Thread {
    start: u32,
    start_index: u32,
    /// The event taken last.
    last: u32,
    index: u32,
    time: i64,
    /// Absences that an event since then has broken.
    broken: u64,
    /// When each limit began.
    clocks: [i64; MOST_LIMITS],
}

/// The threads at each position.
#[derive(Default)]
struct Search {
    threads: Vec<VecDeque<Thread>>,
    /// Positions that have threads.
    active: u64,
    /// Where those threads lead.
    ahead: u64,
    /// How many threads there are.
    count: usize,
    fresh: Vec<(usize, Thread)>,
    /// No absence completes a match before this time.
    next_end: i64,
}

/// Which classes an event belongs to.
struct Classes {
    /// By event code.
    certain: Vec<u64>,
    /// Class, the codes that it is asked of, and where it holds.
    asked: Vec<(u64, Vec<bool>, BooleanBuffer)>,
    negated: u64,
    wanted: Vec<bool>,
}

impl Classes {
    fn bind(classes: &[Class], log: &EventLog) -> Result<Self> {
        let names = log.event_names();
        let (mut certain, mut asked, mut negated) = (vec![0_u64; names.len()], Vec::new(), 0);
        for (index, class) in classes.iter().enumerate() {
            let bit = 1 << index;
            negated |= if class.negated { bit } else { 0 };
            for term in &class.terms {
                // As for all kernels, a name that this part of the data lacks matches nothing.
                let code = term.name.as_ref().map(|(name, _)| names.code(name));
                let meant = |other: usize| code.is_none_or(|code| code == Some(other));
                if let Some(expression) = &term.condition {
                    asked.push((bit, (0..names.len()).map(meant).collect(), condition(expression, log)?));
                } else {
                    (0..names.len()).filter(|&code| meant(code)).for_each(|code| certain[code] |= bit);
                }
            }
        }
        let wanted = (0..names.len())
            .map(|code| {
                certain[code] ^ negated != 0 || asked.iter().any(|(_, codes, _): &(u64, Vec<bool>, _)| codes[code])
            })
            .collect();
        Ok(Self { certain, asked, negated, wanted })
    }

    /// Where a class holds, if one condition on events of any name says so.
    fn of_any_event(&self, class: usize) -> Option<&BooleanBuffer> {
        let bit = 1 << class;
        let mut asked = self.asked.iter().filter(|(of, ..)| *of == bit);
        let (Some((_, codes, holds)), None) = (asked.next(), asked.next()) else { return None };
        let alone = self.negated & bit == 0 && self.certain.iter().all(|certain| certain & bit == 0);
        (alone && codes.iter().all(|&asked| asked)).then_some(holds)
    }

    /// The classes of the event at a place of the log.
    #[inline]
    fn of(&self, code: usize, event: usize) -> u64 {
        let mut classes = self.certain[code];
        for (bit, codes, holds) in &self.asked {
            if codes[code] && holds.value(event) {
                classes |= bit;
            }
        }
        classes ^ self.negated
    }
}

impl Matcher {
    pub(super) fn bind(
        text: &str,
        automaton: &Automaton,
        classes: &[Class],
        same: &[String],
        log: &EventLog,
    ) -> Result<Self> {
        let classes = Classes::bind(classes, log)?;
        let only = automaton.only_event().filter(|_| same.is_empty());
        Ok(Self {
            text: text.to_owned(),
            automaton: automaton.clone(),
            only_condition: only.and_then(|class| classes.of_any_event(class)).cloned(),
            classes,
            same: same.iter().map(|name| log.segments(name)).collect::<Result<_>>()?,
            observed_until: log.observed_until(),
        })
    }

    /// Calls `emit` for every match of a journey, in the order in which they complete, until it says false; with
    /// `same`, value after value.
    pub fn matches<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        scratch: &mut Scratch,
        mut emit: impl FnMut(Match) -> bool,
    ) -> Result<Found> {
        let mut found = Found::Nothing;
        if self.same.is_empty() {
            self.hits(journey, scratch);
            let Scratch { hits, search, .. } = scratch;
            return self.search(hits, journey.times.len(), search, &mut found, &mut emit).map(|_| found);
        }
        self.split(journey, scratch);
        let Scratch { hits, held, search, .. } = scratch;
        for part in held.chunk_by(|one, other| one.0 == other.0) {
            hits.clear();
            let part = part.iter().map(|(_, hit)| *hit).enumerate();
            hits.extend(part.map(|(index, hit)| Hit { index: index as u32, ..hit }));
            let events = hits.len();
            hits.retain(|hit| hit.classes != 0);
            if !self.search(hits, events, search, &mut found, &mut emit)? {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a journey has a match.
    pub fn is_in<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch) -> Result<bool> {
        if let Some(holds) = &self.only_condition {
            let place = holds.offset() + journey.start;
            return Ok(UnalignedBitChunk::new(holds.values(), place, journey.events.len()).count_ones() > 0);
        }
        if let Some(class) = self.automaton.only_event().filter(|_| self.same.is_empty()) {
            let mut events = journey.events.iter().enumerate();
            return Ok(events.any(|(at, code)| self.classes.of(code.index(), journey.start + at) >> class & 1 == 1));
        }
        self.matches(journey, scratch, |_| false).map(|found| found == Found::Matched)
    }

    /// The events of a log at which a match ends.
    pub fn ends(&self, log: &EventLog) -> Result<BooleanBuffer> {
        let ends = |customers: Range<usize>| -> Result<Vec<u32>> {
            with_codes!(&*log.events, events => {
                let (mut scratch, mut found) = (Scratch::default(), Vec::new());
                for customer in customers {
                    let journey = log.journey(customer, events);
                    self.matches(&journey, &mut scratch, |one| {
                        found.push(journey.start as u32 + one.last);
                        true
                    })?;
                }
                Ok(found)
            })
        };
        let tasks = log.len().div_ceil(TASK_EVENTS).max(1);
        let cut = |task: usize| if task == tasks { log.customers() } else { log.customer_at(task * log.len() / tasks) };
        let found =
            (0..tasks).into_par_iter().map(|task| ends(cut(task)..cut(task + 1))).collect::<Result<Vec<_>>>()?;
        let mut holds = BooleanBufferBuilder::new(log.len());
        holds.append_n(log.len(), false);
        found.into_iter().flatten().for_each(|event| holds.set_bit(event as usize, true));
        Ok(holds.finish())
    }

    /// The value that all events of a match share, of an event of the log; none where it lacks one, and where nothing
    /// is shared.
    pub fn shared(&self, event: usize) -> Option<u128> {
        if self.same.is_empty() { None } else { self.value(event) }
    }

    fn value(&self, event: usize) -> Option<u128> {
        self.same.iter().try_fold(0, |value, column| {
            let code = column.of_event(event);
            (code + 1 < column.len()).then(|| value * column.len() as u128 + code as u128)
        })
    }

    /// The events of a journey that some part looks at, in order.
    #[inline]
    fn hits<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch) {
        let Scratch { events, hits, .. } = scratch;
        hits.clear();
        if events.len() < journey.events.len() {
            events.resize(journey.events.len(), 0);
        }
        // Every position is written and only a wanted one moves the end, so that no branch depends on the data.
        let mut end = 0;
        for (position, event) in journey.events.iter().enumerate() {
            events[end] = position as u32;
            end += usize::from(self.classes.wanted[event.index()]);
        }
        for &position in &events[..end] {
            let at = position as usize;
            let classes = self.classes.of(journey.events[at].index(), journey.start + at);
            if classes != 0 {
                hits.push(Hit { time: journey.times[at], position, index: position, classes });
            }
        }
    }

    /// The events of a journey that have the values to be shared, by value, in order within each.
    fn split<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch) {
        let held = &mut scratch.held;
        held.clear();
        for (position, event) in journey.events.iter().enumerate() {
            let at = journey.start + position;
            if let Some(value) = self.value(at) {
                let classes = self.classes.of(event.index(), at);
                let position = position as u32;
                held.push((value, Hit { time: journey.times[position as usize], position, index: 0, classes }));
            }
        }
        held.sort_by_key(|(value, _)| *value);
    }

    /// Searches events that are looked at, of which there are `events`; false where `emit` wants no more.
    fn search(
        &self,
        hits: &[Hit],
        events: usize,
        search: &mut Search,
        found: &mut Found,
        emit: &mut impl FnMut(Match) -> bool,
    ) -> Result<bool> {
        let automaton = &self.automaton;
        search.clear();
        search.threads.resize_with(automaton.positions.len(), VecDeque::new);
        for hit in hits {
            if search.next_end < hit.time && !search.end_absences(automaton, hit.time, found, emit) {
                return Ok(false);
            }
            if !search.take(automaton, *hit, found, emit) {
                return Ok(false);
            }
            if search.count > MOST_THREADS {
                return Err(Error::Argument(format!(
                    "the pattern {} has more than {MOST_THREADS} beginnings under way at one customer; a shorter least \
                     time, a shorter absence or same ... leaves fewer",
                    self.text
                )));
            }
        }
        let after = self.observed_until.saturating_add(1);
        if search.next_end < after && !search.end_absences(automaton, after, found, emit) {
            return Ok(false);
        }
        if *found == Found::Nothing && search.may_complete(automaton, events, after) {
            *found = Found::Open;
        }
        Ok(true)
    }
}

impl Search {
    fn clear(&mut self) {
        let mut active = self.active;
        while active != 0 {
            self.threads[active.trailing_zeros() as usize].clear();
            active &= active - 1;
        }
        (self.active, self.ahead, self.count, self.next_end) = (0, 0, 0, i64::MAX);
    }

    /// Takes in one event; false where no more matches are wanted.
    fn take(
        &mut self,
        automaton: &Automaton,
        hit: Hit,
        found: &mut Found,
        emit: &mut impl FnMut(Match) -> bool,
    ) -> bool {
        if self.active != 0 && !automaton.absences.is_empty() {
            self.break_absences(automaton, hit);
        }
        self.fresh.clear();
        let mut complete: Option<Thread> = None;
        let mut targets = 0;
        let mut classes = hit.classes;
        while classes != 0 {
            targets |= automaton.of_class[classes.trailing_zeros() as usize];
            classes &= classes - 1;
        }
        targets &= automaton.firsts | self.ahead;
        while targets != 0 {
            let index = targets.trailing_zeros() as usize;
            targets &= targets - 1;
            let position = &automaton.positions[index];
            let from = self.fresh.len();
            for edge in &position.incoming {
                if self.active & (1 << edge.other) != 0 {
                    self.follow(index, position, edge, hit, from);
                }
            }
            if position.first {
                let thread = Thread {
                    start: hit.position,
                    start_index: hit.index,
                    last: hit.position,
                    index: hit.index,
                    time: hit.time,
                    broken: 0,
                    clocks: [hit.time; MOST_LIMITS],
                };
                add(&mut self.fresh, from, index, position, thread);
            }
            if position.accepts {
                let latest = self.fresh[from..].iter().map(|(_, thread)| thread).max_by_key(|thread| thread.start);
                complete = complete.into_iter().chain(latest.copied()).max_by_key(|thread| thread.start);
            }
        }
        if self.fresh.is_empty() {
            return true;
        }
        if let Some(thread) = complete {
            self.clear();
            *found = Found::Matched;
            return emit(thread.found());
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        for (index, thread) in fresh.drain(..) {
            self.insert(automaton, index, thread);
        }
        self.fresh = fresh;
        true
    }

    /// Marks the absences that an event breaks.
    fn break_absences(&mut self, automaton: &Automaton, hit: Hit) {
        let broken = automaton.absences.iter().enumerate().filter(|(_, (class, _))| hit.classes & (1 << class) != 0);
        for (absence, &(_, within)) in broken {
            for (position, threads) in automaton.positions.iter().zip(&mut self.threads) {
                if position.watched & (1 << absence) == 0 {
                    continue;
                }
                // Those of older events come first, and what broke one broke all those before it as well.
                for thread in threads.iter_mut().rev() {
                    if hit.time - thread.time > within || thread.broken & (1 << absence) != 0 {
                        break;
                    }
                    thread.broken |= 1 << absence;
                }
            }
        }
    }

    /// The threads that an event takes along an edge.
    fn follow(&mut self, index: usize, position: &Position, edge: &Edge, hit: Hit, from: usize) {
        for thread in &self.threads[edge.other] {
            let gap = hit.time - thread.time;
            if gap < edge.least
                || gap > edge.longest
                || (edge.direct && hit.index != thread.index + 1)
                || thread.broken & edge.awaits != 0
            {
                continue;
            }
            let mut thread = Thread { last: hit.position, index: hit.index, time: hit.time, broken: 0, ..*thread };
            if thread.enter(edge.begins, position, hit.time) {
                add(&mut self.fresh, from, index, position, thread);
            }
        }
    }

    /// Keeps a thread, unless another one serves as well.
    fn insert(&mut self, automaton: &Automaton, index: usize, thread: Thread) {
        let position = &automaton.positions[index];
        if position.outgoing.is_empty() && position.awaits.is_empty() {
            return;
        }
        self.active |= 1 << index;
        self.ahead |= position.successors;
        for &awaits in &position.awaits {
            let wait = longest_wait(&automaton.absences, awaits).unwrap_or(0);
            self.next_end = self.next_end.min(thread.time.saturating_add(wait));
        }
        let threads = &mut self.threads[index];
        let before = threads.len();
        let now = thread.time;
        if let (1, Some(old)) = (before, threads.back_mut())
            && thread.serves_for(old, position, now)
        {
            // By far the most frequent case.
            *old = thread;
            return;
        }
        if threads.len() < SEARCHED && threads.len().is_power_of_two() {
            threads.retain(|old| !old.is_over(automaton, position, now) && !thread.serves_for(old, position, now));
        } else {
            while threads.back().is_some_and(|old| thread.serves_for(old, position, now)) {
                threads.pop_back();
            }
            while threads.front().is_some_and(|old| {
                old.is_over(automaton, position, now)
                    || threads.get(1).is_some_and(|next| next.serves_for(old, position, now))
            }) {
                threads.pop_front();
            }
        }
        if !threads.iter().rev().take(4).any(|old| old.serves_for(&thread, position, now)) {
            threads.push_back(thread);
        }
        self.count = self.count + threads.len() - before;
    }

    /// The matches that are complete because an absence is over before a time; false where no more are wanted.
    fn end_absences(
        &mut self,
        automaton: &Automaton,
        before: i64,
        found: &mut Found,
        emit: &mut impl FnMut(Match) -> bool,
    ) -> bool {
        loop {
            // Complete first, of those the one that began last, of those the shortest.
            let mut best: Option<(_, Thread)> = None;
            let mut next = i64::MAX;
            for (position, threads) in automaton.positions.iter().zip(&self.threads) {
                for &awaits in &position.awaits {
                    let wait = longest_wait(&automaton.absences, awaits).unwrap_or(0);
                    for thread in threads.iter().filter(|thread| thread.broken & awaits == 0) {
                        let end = thread.time.saturating_add(wait);
                        let rank = (end, Reverse(thread.start), thread.last);
                        if end >= before {
                            next = next.min(end);
                        } else if best.is_none_or(|(other, _)| rank < other) {
                            best = Some((rank, *thread));
                        }
                    }
                }
            }
            let Some((_, thread)) = best else {
                self.next_end = next;
                return true;
            };
            *found = Found::Matched;
            (self.active, self.ahead, self.count) = (0, 0, 0);
            for (index, threads) in self.threads.iter_mut().enumerate() {
                threads.retain(|other| other.start > thread.last);
                if !threads.is_empty() {
                    self.active |= 1 << index;
                    self.ahead |= automaton.positions[index].successors;
                }
                self.count += threads.len();
            }
            if !emit(thread.found()) {
                return false;
            }
        }
    }

    /// Whether anything under way can still become a match with events from a time on.
    fn may_complete(&self, automaton: &Automaton, events: usize, from: i64) -> bool {
        let mut reached: Vec<(usize, Thread)> = Vec::new();
        let mut next: Vec<(usize, Thread)> = Vec::new();
        let mut begun =
            self.threads.iter().enumerate().flat_map(|(index, threads)| threads.iter().map(move |t| (index, t)));
        let step = |index: usize, thread: &Thread, data: bool, next: &mut Vec<(usize, Thread)>| {
            let position = &automaton.positions[index];
            if position.awaits.iter().any(|awaits| thread.broken & awaits == 0) || (!data && position.accepts) {
                return true;
            }
            for edge in &position.outgoing {
                let time = if data { from.max(thread.time + edge.least) } else { thread.time + edge.least };
                let late = time - thread.time > edge.longest;
                let apart = data && edge.direct && thread.index as usize + 1 != events;
                if late || apart || thread.broken & edge.awaits != 0 {
                    continue;
                }
                let mut thread = Thread { time, broken: 0, ..*thread };
                if thread.enter(edge.begins, &automaton.positions[edge.other], time) {
                    next.push((edge.other, thread));
                }
            }
            false
        };
        begun.any(|(index, thread)| {
            if step(index, thread, true, &mut next) {
                return true;
            }
            while let Some((index, thread)) = next.pop() {
                // One that came here with as much time left for every limit leads wherever this one does.
                let spare = |thread: &Thread, limit: usize| thread.clocks[limit] - thread.time;
                let limits = &automaton.positions[index].limits;
                let as_good = |(other, known): &(usize, Thread)| {
                    *other == index && limits.iter().all(|&(limit, _)| spare(known, limit) >= spare(&thread, limit))
                };
                if reached.iter().any(as_good) {
                    continue;
                }
                reached.push((index, thread));
                if step(index, &thread, false, &mut next) {
                    return true;
                }
            }
            false
        })
    }
}

/// Adds a thread at the event at hand to those of the same position, from `from` on, unless one serves as well.
fn add(fresh: &mut Vec<(usize, Thread)>, from: usize, index: usize, position: &Position, thread: Thread) {
    let better = |one: &Thread, other: &Thread| {
        one.start >= other.start && position.limits.iter().all(|&(limit, _)| one.clocks[limit] >= other.clocks[limit])
    };
    if fresh[from..].iter().any(|(_, other)| better(other, &thread)) {
        return;
    }
    let mut at = from;
    while at < fresh.len() {
        if better(&thread, &fresh[at].1) {
            fresh.swap_remove(at);
        } else {
            at += 1;
        }
    }
    fresh.push((index, thread));
}

impl Thread {
    /// Begins limits and asks whether all of a position are kept.
    fn enter(&mut self, begins: u32, position: &Position, time: i64) -> bool {
        let mut bits = begins;
        while bits != 0 {
            self.clocks[bits.trailing_zeros() as usize] = time;
            bits &= bits - 1;
        }
        position.limits.iter().all(|&(limit, within)| time - self.clocks[limit] <= within)
    }

    /// Whether this one can do all that another one at the same position can, and began no earlier.
    fn serves_for(&self, other: &Self, position: &Position, now: i64) -> bool {
        let as_late = self.time >= other.time && self.index >= other.index;
        let in_time = if self.index == other.index {
            true
        } else if !position.awaits.is_empty() {
            // The one whose absence ends first is complete first.
            false
        } else if position.newer_helps {
            as_late && (self.time == other.time || now - self.time >= position.ripe_after)
        } else {
            self.time == other.time || now - self.time >= position.ripe_after
        };
        in_time
            && self.start >= other.start
            && self.broken & !other.broken == 0
            && position.limits.iter().all(|&(limit, _)| self.clocks[limit] >= other.clocks[limit])
    }

    /// Whether no event from `now` on can lead anywhere.
    fn is_over(&self, automaton: &Automaton, position: &Position, now: i64) -> bool {
        let gap = now - self.time;
        let limited = position.limits.iter().map(|&(limit, within)| (limit, self.clocks[limit].saturating_add(within)));
        let late = |edge: &Edge| {
            // A limit that the next position keeps too, and that does not begin anew there.
            let next = &automaton.positions[edge.other];
            limited.clone().any(|(limit, end)| {
                end < now && edge.begins & (1 << limit) == 0 && next.limits.iter().any(|&(other, _)| other == limit)
            })
        };
        let broken = |awaits: u64| self.broken & awaits != 0;
        position.outgoing.iter().all(|edge| gap > edge.longest || broken(edge.awaits) || late(edge))
            && position.awaits.iter().all(|&awaits| broken(awaits))
    }

    fn found(&self) -> Match {
        Match { first: self.start, last: self.last, events: self.index - self.start_index + 1 }
    }
}
