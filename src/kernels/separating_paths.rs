//! Separating paths: which sub-paths occur in units that reach a goal, and in those that do not, by length of unit.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, ListBuilder, StringBuilder, UInt64Array};
use rayon::prelude::*;
use serde::Deserialize;

use super::chosen;
use super::units::{UnitParams, Units};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters that both kernels share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubpathParams {
    units: UnitParams,
    goal: Vec<String>,
    /// From the first event of the unit, inclusive.
    within_us: Option<i64>,
    /// Events of the longest sub-path.
    longest: u32,
    contiguous: bool,
}

/// Parameters of [`SeparatingPaths`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    subpaths: SubpathParams,
    /// Only sub-paths that this share of the units have are given; such a partial does not merge.
    support: Option<f64>,
    /// More sub-paths times strata than this are refused.
    most_cells: u32,
}

/// Parameters of [`SeparatingPathsUnits`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitRowsParams {
    subpaths: SubpathParams,
    /// The sub-paths whose presence is told.
    paths: Vec<Vec<String>>,
    /// More numbers than this are refused.
    most_words: u32,
}

/// Events of the longest sub-path that can be asked for.
const LONGEST: u32 = 3;

/// Bits of a cell that hold the stratum.
const STRATUM_BITS: u32 = 7;

/// Strata of equal length up to seven events, then of lengths that differ by at most a quarter.
mod strata {
    const PRECISION: u32 = 2;

    pub fn of(events: usize) -> u64 {
        let events = events as u64;
        let octave = (u64::BITS - events.leading_zeros()).saturating_sub(PRECISION + 1);
        u64::from(octave << PRECISION) + (events >> octave)
    }

    /// The fewest events of a stratum.
    pub fn least(stratum: u64) -> u64 {
        let octave = (stratum >> PRECISION).saturating_sub(1);
        (stratum - (octave << PRECISION)) << octave
    }
}

/// What became of a unit.
enum Outcome {
    /// The goal is its first event: there is nothing before it to look at.
    AtOnce,
    /// It is not known yet.
    Open,
    /// Whether the goal was reached, and the events before it or all that count.
    Closed(bool, Range<usize>),
}

/// Cuts journeys into units and finds the sub-paths of each.
struct Subpaths {
    units: Units,
    goal: Vec<bool>,
    within: Option<i64>,
    observed_until: i64,
    longest: usize,
    contiguous: bool,
    names: Vec<String>,
    /// Numbers of sub-paths are below this.
    space: u64,
}

/// The sub-paths of one unit, and what is needed to find them.
#[derive(Default)]
pub struct Found {
    keys: Vec<u64>,
    path: Vec<usize>,
    /// By event code: its place in `distinct` plus one, or zero.
    places: Vec<u32>,
    /// Event, and its first and last position.
    distinct: Vec<(usize, usize, usize)>,
    /// By place: where the event comes next.
    next: Vec<usize>,
    /// By two places: where the second event comes next after the first occurrence of the first.
    after_first: Vec<usize>,
}

impl Subpaths {
    fn bind(params: &SubpathParams, log: &EventLog) -> Result<Self> {
        if !(1..=LONGEST).contains(&params.longest) {
            return Err(Error::Argument(format!("longest is {}; expected 1 to {LONGEST}", params.longest)));
        }
        if params.within_us.is_some_and(|within| within <= 0) {
            return Err(Error::Argument("within_us is not above 0; a window is longer than nothing".into()));
        }
        let names: Vec<String> = log.event_names().iter().map(str::to_owned).collect();
        let space = (names.len() as u64 + 1).checked_pow(params.longest);
        let Some(space) = space.filter(|space| space >> (u64::BITS - STRATUM_BITS) == 0) else {
            return Err(Error::Argument(format!(
                "{} event names are too many for sub-paths of {} events; ask for shorter ones, or group the names first",
                names.len(),
                params.longest
            )));
        };
        Ok(Self {
            units: Units::bind(&params.units, log)?,
            goal: chosen(Some(&params.goal), log)?.unwrap_or_default(),
            within: params.within_us,
            observed_until: log.observed_until(),
            longest: params.longest as usize,
            contiguous: params.contiguous,
            names,
            space,
        })
    }

    /// A sub-path with one more event; numbers of different sub-paths differ.
    #[inline(always)]
    fn key(&self, before: u64, event: usize) -> u64 {
        before * (self.names.len() as u64 + 1) + event as u64 + 1
    }

    /// The names of a sub-path.
    fn names_of(&self, key: u64) -> Vec<&str> {
        let base = self.names.len() as u64 + 1;
        let digits = std::iter::successors(Some(key), |key| Some(key / base)).take_while(|key| *key > 0);
        let mut names: Vec<&str> = digits.map(|key| self.names[(key % base) as usize - 1].as_str()).collect();
        names.reverse();
        names
    }

    /// The number of a sub-path that may be found.
    fn key_of(&self, path: &[String], log: &EventLog) -> Option<u64> {
        if path.len() > self.longest {
            return None;
        }
        path.iter().try_fold(0, |key, name| log.event_names().code(name).map(|code| self.key(key, code)))
    }

    /// Calls `take` with the first position of every unit in the journey and what became of it.
    #[inline(always)]
    fn each<C: Code>(&self, journey: &Journey<'_, C>, mut take: impl FnMut(usize, Outcome)) {
        self.units.each(journey, |unit, may_go_on| {
            let first = unit.start;
            let (end, open) = match self.within {
                None => (unit.end, may_go_on),
                Some(within) => {
                    let last = journey.times[first].saturating_add(within);
                    let inside = journey.times[unit.clone()].partition_point(|&time| time <= last);
                    (first + inside, last > self.observed_until)
                }
            };
            let goal = journey.events[first..end].iter().position(|event| self.goal[event.index()]);
            // In a window that is not over, units that have reached the goal have no part before those that have not.
            let outcome = match goal {
                _ if open && self.within.is_some() => Outcome::Open,
                Some(0) => Outcome::AtOnce,
                Some(goal) => Outcome::Closed(true, first..first + goal),
                None if open => Outcome::Open,
                None => Outcome::Closed(false, first..end),
            };
            take(first, outcome);
        });
    }

    /// Puts every sub-path of some events into `found.keys`, once.
    fn find<C: Code>(&self, events: &[C], found: &mut Found) {
        found.keys.clear();
        found.path.clear();
        found.path.extend(self.units.path(events).map(Code::index));
        if self.contiguous {
            for start in 0..found.path.len() {
                let mut key = 0;
                for &event in found.path[start..].iter().take(self.longest) {
                    key = self.key(key, event);
                    found.keys.push(key);
                }
            }
            found.keys.sort_unstable();
            found.keys.dedup();
        } else {
            self.find_with_gaps(found);
        }
    }

    /// What follows what is told by first and last occurrences, so a unit costs its events plus a power of its distinct
    /// ones.
    fn find_with_gaps(&self, found: &mut Found) {
        const NEVER: usize = usize::MAX;
        let Found { keys, path, places, distinct, next, after_first } = found;
        places.resize(self.names.len(), 0);
        distinct.clear();
        for (position, &event) in path.iter().enumerate() {
            match places[event] {
                0 => {
                    distinct.push((event, position, position));
                    places[event] = distinct.len() as u32;
                }
                place => distinct[place as usize - 1].2 = position,
            }
        }
        let many = distinct.len();
        if self.longest > 1 {
            next.clear();
            next.resize(many, NEVER);
            after_first.clear();
            after_first.resize(many * many, NEVER);
            for (position, &event) in path.iter().enumerate().rev() {
                let place = places[event] as usize - 1;
                if distinct[place].1 == position {
                    after_first[place * many..(place + 1) * many].copy_from_slice(next);
                }
                next[place] = position;
            }
        }
        for (place, &(event, ..)) in distinct.iter().enumerate() {
            let one = self.key(0, event);
            keys.push(one);
            if self.longest == 1 {
                continue;
            }
            for (&(event, ..), &second) in distinct.iter().zip(&after_first[place * many..(place + 1) * many]) {
                if second == NEVER {
                    continue;
                }
                let two = self.key(one, event);
                keys.push(two);
                if self.longest > 2 {
                    let later = distinct.iter().filter(|(.., last)| *last > second);
                    keys.extend(later.map(|&(event, ..)| self.key(two, event)));
                }
            }
        }
        for &(event, ..) in distinct.iter() {
            places[event] = 0;
        }
    }
}

/// Units, and how many of them reached the goal. The counts of a log fit 32 bits, because its events do.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    units: u32,
    converted: u32,
}

impl Count {
    fn take(&mut self, converted: bool) {
        self.units += 1;
        self.converted += u32::from(converted);
    }

    fn merge(&mut self, other: Self) {
        self.units += other.units;
        self.converted += other.converted;
    }
}

/// The table of sub-paths, outcomes and strata.
pub struct SeparatingPaths {
    subpaths: Subpaths,
    support: Option<f64>,
    most_cells: usize,
}

/// Up to this many numbers of sub-paths, counts may stand at their number; beyond, only those that occur are kept.
const DENSE_KEYS: u64 = 1 << 18;

/// Counts stand at their number once one in so many occurs: a stratum of few units stays small.
const DENSE_SHARE: u64 = 8;

/// The units of one stratum.
#[derive(Default)]
struct Stratum {
    all: Count,
    /// By sub-path: all of them, or nothing as long as few occur.
    dense: Vec<Count>,
    sparse: HashMap<u64, Count, foldhash::fast::FixedState>,
    /// How many sub-paths occur.
    paths: usize,
}

impl Stratum {
    /// Counts a unit with these sub-paths, whose numbers are below `space`.
    fn take(&mut self, keys: &[u64], converted: bool, space: u64) {
        if self.dense.is_empty() && space <= DENSE_KEYS && self.sparse.len() as u64 * DENSE_SHARE > space {
            self.dense.resize(space as usize, Count::default());
            for (key, count) in self.sparse.drain() {
                self.dense[key as usize] = count;
            }
        }
        for &key in keys {
            let count = self.at(key);
            let is_new = count.units == 0;
            count.take(converted);
            self.paths += usize::from(is_new);
        }
    }

    fn merge(&mut self, mut from: Self) {
        self.all.merge(from.all);
        if self.dense.is_empty() && (!from.dense.is_empty() || self.sparse.len() < from.sparse.len()) {
            std::mem::swap(&mut self.dense, &mut from.dense);
            std::mem::swap(&mut self.sparse, &mut from.sparse);
            std::mem::swap(&mut self.paths, &mut from.paths);
        }
        for (key, count) in from.counts() {
            let into = self.at(key);
            let is_new = into.units == 0;
            into.merge(count);
            self.paths += usize::from(is_new);
        }
    }

    /// The sub-paths that occur, in no order.
    fn counts(&self) -> impl Iterator<Item = (u64, Count)> {
        let dense = self.dense.iter().enumerate().map(|(key, count)| (key as u64, *count));
        let sparse = self.sparse.iter().map(|(key, count)| (*key, *count));
        dense.filter(|(_, count)| count.units > 0).chain(sparse)
    }

    #[inline(always)]
    fn at(&mut self, key: u64) -> &mut Count {
        if self.dense.is_empty() { self.sparse.entry(key).or_default() } else { &mut self.dense[key as usize] }
    }
}

/// Counts by stratum; the first one holds the units that reached the goal at once.
#[derive(Default)]
pub struct State {
    strata: Vec<Stratum>,
    open: u32,
    /// There were more cells than are kept.
    too_many: bool,
}

impl State {
    fn stratum(&mut self, stratum: u64) -> &mut Stratum {
        let stratum = stratum as usize;
        if self.strata.len() <= stratum {
            self.strata.resize_with(stratum + 1, Stratum::default);
        }
        &mut self.strata[stratum]
    }

    /// Sub-paths of all strata.
    fn cells(&self) -> usize {
        self.strata.iter().map(|stratum| stratum.paths).sum()
    }
}

impl Analysis for SeparatingPaths {
    const NAME: &'static str = "separating_paths";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.support.is_some_and(|support| !(0.0..=1.0).contains(&support)) {
            return Err(Error::Argument("support is a share of the units; expected 0 to 1".into()));
        }
        Ok(Self {
            subpaths: Subpaths::bind(&params.subpaths, log)?,
            support: params.support,
            most_cells: params.most_cells as usize,
        })
    }
}

impl Kernel for SeparatingPaths {
    type State = State;
    type Scratch = Found;

    fn init(&self) -> State {
        State::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, found: &mut Found, groups: &mut Groups<'_, Self>) {
        self.subpaths.each(journey, |first, outcome| {
            let state = groups.at(journey, first);
            let (converted, events) = match outcome {
                Outcome::AtOnce => return state.stratum(0).all.take(true),
                Outcome::Open => return state.open += 1,
                Outcome::Closed(converted, events) => (converted, events),
            };
            let too_many = state.too_many;
            let stratum = state.stratum(strata::of(events.len()));
            stratum.all.take(converted);
            if too_many {
                return;
            }
            self.subpaths.find(&journey.events[events], found);
            let before = stratum.paths;
            stratum.take(&found.keys, converted, self.subpaths.space);
            if stratum.paths > before {
                state.too_many = state.cells() > self.most_cells;
            }
        });
    }

    fn merge(&self, into: &mut State, from: State) {
        into.open += from.open;
        into.too_many |= from.too_many;
        if into.too_many {
            // Nothing will be given, so nothing needs to be kept.
            into.strata.clear();
            return;
        }
        for (stratum, counts) in from.strata.into_iter().enumerate() {
            into.stratum(stratum as u64).merge(counts);
        }
        into.too_many = into.cells() > self.most_cells;
    }

    fn columns(&self, mut state: State) -> Result<Vec<Vec<PartialColumn>>> {
        if state.too_many {
            return Err(Error::Argument(format!(
                "more than {} different sub-paths in units of different lengths; ask for shorter sub-paths with longest=, \
                 or look at fewer events with events=",
                self.most_cells
            )));
        }
        state.stratum(0);
        let counts = (0..).zip(&state.strata).flat_map(|(stratum, counts)| {
            counts.counts().map(move |(key, count)| (key << STRATUM_BITS | stratum, count))
        });
        let mut cells: Vec<(u64, Count)> = counts.collect();
        cells.par_sort_unstable_by_key(|(cell, _)| *cell);
        let key = |cell: u64| cell >> STRATUM_BITS;
        let units = state.strata[1..].iter().map(|stratum| stratum.all.units);
        let of_paths = cells.chunk_by(|one, two| key(one.0) == key(two.0));
        let candidates = of_paths.clone().count() as i64;
        let least = self.support.map_or(0.0, |support| (support * f64::from(units.sum::<u32>())).ceil());
        let enough =
            |cells: &&[(u64, Count)]| f64::from(cells.iter().map(|(_, count)| count.units).sum::<u32>()) >= least;
        let cells: Vec<(u64, Count)> = of_paths.filter(enough).flatten().copied().collect();
        let totals = (0..).zip(state.strata.iter().map(|stratum| stratum.all));
        let totals: Vec<(u64, Count)> = totals.filter(|(stratum, count)| *stratum == 0 || count.units > 0).collect();

        let mut paths = ListBuilder::new(StringBuilder::new());
        for (cell, _) in &cells {
            paths.append_value(self.subpaths.names_of(key(*cell)).into_iter().map(Some));
        }
        // The rows of all units have no path.
        for _ in &totals {
            paths.append(false);
        }
        let rows: Vec<(u64, Count)> = cells.iter().chain(&totals).copied().collect();
        let number = |pick: fn(&Count) -> u32| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, count)| i64::from(pick(count)))))
        };
        // The mask is of the stratum; totals carry nothing else.
        let stratum = |cell: u64| strata::least(cell & ((1 << STRATUM_BITS) - 1)) as i64;
        // What holds for all units stands in the row of those that reached the goal at once.
        let once = |value: i64, rest: Option<i64>| -> ArrayRef {
            let values = (0..rows.len()).map(|row| if row == cells.len() { Some(value) } else { rest });
            Arc::new(values.collect::<Int64Array>())
        };
        let mut columns: Vec<PartialColumn> = vec![
            ("path", Role::Key, Arc::new(paths.finish())),
            (
                "events_from",
                Role::Key,
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|(cell, _)| stratum(*cell)))),
            ),
            ("units", Role::Sum, number(|count| count.units)),
            ("converted", Role::Sum, number(|count| count.converted)),
            ("open", Role::Sum, once(i64::from(state.open), Some(0))),
        ];
        if self.support.is_some() {
            columns.push(("candidates", Role::Whole, once(candidates, None)));
        }
        Ok(vec![columns])
    }

    fn task_events(&self) -> usize {
        1 << 18
    }
}

/// The units behind the table: which of some sub-paths each has. One row a word of 64 sub-paths.
pub struct SeparatingPathsUnits {
    subpaths: Subpaths,
    /// The place of each sub-path that is told.
    bits: HashMap<u64, usize, foldhash::fast::FixedState>,
    words: usize,
    most_words: usize,
}

/// Rows, in the order of the log.
#[derive(Default)]
pub struct Rows {
    first: Vec<bool>,
    stratum: Vec<i64>,
    converted: Vec<bool>,
    present: Vec<u64>,
    /// The last customer with a row, plus one.
    seen: usize,
    too_many: bool,
}

impl Analysis for SeparatingPathsUnits {
    const NAME: &'static str = "separating_paths_units";
    type Params = UnitRowsParams;

    fn bind(params: UnitRowsParams, log: &EventLog) -> Result<Self> {
        let subpaths = Subpaths::bind(&params.subpaths, log)?;
        let keys = params.paths.iter().enumerate();
        let bits = keys.filter_map(|(bit, path)| Some((subpaths.key_of(path, log)?, bit))).collect();
        let words = params.paths.len().div_ceil(64).max(1);
        Ok(Self { subpaths, bits, words, most_words: params.most_words as usize })
    }
}

impl Kernel for SeparatingPathsUnits {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = Found;

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, found: &mut Found, groups: &mut Groups<'_, Self>) {
        self.subpaths.each(journey, |first, outcome| {
            let Outcome::Closed(converted, events) = outcome else { return };
            let Some(rows) = groups.at(journey, first).last_mut() else { return };
            rows.too_many |= rows.present.len() + self.words > self.most_words;
            if rows.too_many {
                return;
            }
            let stratum = strata::least(strata::of(events.len())) as i64;
            self.subpaths.find(&journey.events[events], found);
            let start = rows.present.len();
            rows.present.resize(start + self.words, 0);
            for bit in found.keys.iter().filter_map(|key| self.bits.get(key)) {
                rows.present[start + bit / 64] |= 1 << (bit % 64);
            }
            let customer = journey.customer + 1;
            let is_first = rows.seen != customer;
            rows.seen = customer;
            rows.first.extend(std::iter::repeat_n(is_first, self.words));
            rows.stratum.extend(std::iter::repeat_n(stratum, self.words));
            rows.converted.extend(std::iter::repeat_n(converted, self.words));
        });
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let words: usize = state.iter().map(|rows| rows.present.len()).sum();
        if words > self.most_words || state.iter().any(|rows| rows.too_many) {
            return Err(Error::Argument(format!(
                "the sub-paths of all units fill more than the {} numbers allowed; tell fewer sub-paths, or of fewer \
                 customers",
                self.most_words
            )));
        }
        let batch = |rows: Rows| -> Vec<PartialColumn> {
            vec![
                ("first_of_customer", Role::Concat, Arc::new(BooleanArray::from(rows.first))),
                ("events_from", Role::Concat, Arc::new(Int64Array::from(rows.stratum))),
                ("converted", Role::Concat, Arc::new(BooleanArray::from(rows.converted))),
                ("present", Role::Concat, Arc::new(UInt64Array::from(rows.present))),
            ]
        };
        Ok(state.into_iter().map(batch).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::strata;

    #[test]
    fn a_stratum_holds_its_length_and_is_narrow() {
        let mut before = 0;
        for events in (0..5_000).chain([u32::MAX as usize]) {
            let stratum = strata::of(events);
            let (least, next) = (strata::least(stratum), strata::least(stratum + 1));
            assert!((least..next).contains(&(events as u64)), "{events} in {least}..{next}");
            assert!(next - least == 1 || (next - least) * 4 <= least, "{least}..{next}");
            assert!(stratum == before || stratum == before + 1 || events == u32::MAX as usize);
            assert!(stratum < 1 << super::STRATUM_BITS);
            before = stratum;
        }
    }
}
