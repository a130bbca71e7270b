//! Steps in free order: all of them, or all between the first and the last.
//!
//! Each event that may begin an attempt is looked at for itself: of every kind of event only the first few that follow
//! can matter, one for each step that the kind may fill, so that the work is bounded by the steps and not by the journey.

use super::Hit;
use super::attempts::{Attempt, Attempts, End, EntryRule, Order, Rules, Ties};

/// Follows the hits of one unit, in order.
pub fn follow(attempts: &mut Attempts, hits: &[Hit], rules: &Rules) {
    let search = Search::of(hits, rules);
    let begins = if rules.order == Order::Any { rules.step_bits() } else { 1 };
    let mut next = 0;
    for (index, hit) in hits.iter().enumerate() {
        let inside = (rules.entries.0..rules.entries.1).contains(&hit.time);
        if index < next || hit.mask & begins == 0 || !inside {
            continue;
        }
        let taken = search.attempt(index);
        let last = taken.iter().map(|&hit| hits[hit as usize].time).max().unwrap_or(hit.time);
        let end = if taken.len() == rules.steps { End::Completed } else { End::Waiting };
        next = match rules.entry {
            // One after the other: the next begins behind what completed this one, or when its window is over.
            EntryRule::All if end == End::Completed => 1 + taken.iter().max().map_or(index, |&hit| hit as usize),
            EntryRule::All => hits.partition_point(|later| !rules.window_is_over(hit.time, later.time)),
            EntryRule::First => hits.len(),
            EntryRule::Latest | EntryRule::Best => 0,
        };
        let reached = taken.len();
        let attempt = Attempt { entry: hit.time, position: hit.position, reached, end, last, before: reached };
        attempts.push(attempt, taken.into_iter(), rules);
    }
}

/// The hits of a unit, by the steps that they may fill.
struct Search<'a> {
    hits: &'a [Hit],
    rules: &'a Rules,
    /// Hits that may fill the same steps, in order.
    kinds: Vec<(u64, Vec<u32>)>,
    /// Bits of the steps whose order is free.
    free: u64,
}

impl<'a> Search<'a> {
    fn of(hits: &'a [Hit], rules: &'a Rules) -> Self {
        let mut kinds: Vec<(u64, Vec<u32>)> = Vec::new();
        for (index, hit) in hits.iter().enumerate() {
            let mask = hit.mask & rules.step_bits();
            match kinds.iter_mut().find(|(kind, _)| *kind == mask) {
                Some((_, list)) => list.push(index as u32),
                None => kinds.push((mask, vec![index as u32])),
            }
        }
        let ends = if rules.order == Order::Any { 0 } else { 1 | 1 << (rules.steps - 1) };
        Self { hits, rules, kinds, free: rules.step_bits() & !ends }
    }

    /// The hits that an attempt takes which a hit begins, in the order of time.
    fn attempt(&self, entry: usize) -> Vec<u32> {
        let Self { hits, rules, free, .. } = self;
        let begin = hits[entry].time;
        let in_window = |hit: u32| !rules.window_is_over(begin, hits[hit as usize].time);
        let is_last = |hit: u32| hits[hit as usize].mask >> (rules.steps - 1) & 1 != 0;
        let anchored = rules.order == Order::Anchored;
        let start = if anchored { self.behind(entry as u32) } else { entry };
        let mut found = Vec::new();
        for (kind, list) in &self.kinds {
            let later = list[list.partition_point(|&hit| (hit as usize) < start)..].iter().copied();
            let others = later.take_while(|&hit| in_window(hit)).filter(|&hit| !anchored || hit as usize != entry);
            found.extend(others.take((kind & free).count_ones() as usize));
        }
        // What could be the last step is left for it where another event of the same time serves as well.
        found.sort_unstable_by_key(|&hit| (hits[hit as usize].time, anchored && is_last(hit), hit));
        let mut taken: Vec<u32> = if anchored { vec![entry as u32] } else { Vec::new() };
        let mut dealt = [None; 64];
        taken.extend(found.into_iter().filter(|&hit| self.place(hit, &mut dealt, &mut 0)));
        if anchored && taken.len() == rules.steps - 1 {
            // The last step stands behind all others.
            let start = taken.iter().map(|&hit| self.behind(hit)).max().unwrap_or(entry + 1);
            let lasts = self.kinds.iter().filter(|(kind, _)| kind >> (rules.steps - 1) & 1 != 0);
            let first = lasts.filter_map(|(_, list)| {
                let later = &list[list.partition_point(|&hit| (hit as usize) < start)..];
                later.iter().copied().find(|hit| !taken.contains(hit))
            });
            taken.extend(first.min().filter(|&hit| in_window(hit)));
        }
        taken
    }

    /// The first hit that does not come before another one, as the rule for ties has it.
    fn behind(&self, hit: u32) -> usize {
        let time = self.hits[hit as usize].time;
        match self.rules.ties {
            Ties::Stable => hit as usize + 1,
            Ties::Favour => self.hits.partition_point(|other| other.time < time),
            Ties::Against => self.hits.partition_point(|other| other.time <= time),
        }
    }

    /// Finds a step for one more hit, moving others to other steps where that helps. Hits that come earlier keep a
    /// step, so that what is taken is as much and as early as can be.
    fn place(&self, hit: u32, dealt: &mut [Option<u32>; 64], visited: &mut u64) -> bool {
        loop {
            let left = self.hits[hit as usize].mask & self.free & !*visited;
            if left == 0 {
                return false;
            }
            let step = left.trailing_zeros() as usize;
            *visited |= 1 << step;
            let is_free = match dealt[step] {
                None => true,
                Some(other) => self.place(other, dealt, visited),
            };
            if is_free {
                dealt[step] = Some(hit);
                return true;
            }
        }
    }
}
