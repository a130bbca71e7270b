//! Paths: which sequences of events there are, and how often each occurs.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, ListBuilder, StringBuilder};
use rayon::prelude::*;
use serde::Deserialize;

use super::units::{UnitParams, Units};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Paths`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    units: UnitParams,
    /// Longer paths are cut.
    most_events: Option<u32>,
    /// Only so many of the most frequent paths are given; such a partial does not merge.
    top: Option<u32>,
    /// More paths than this are refused where all are given.
    most_variants: u32,
}

/// The table of distinct paths.
pub struct Paths {
    units: Units,
    most_events: usize,
    top: Option<usize>,
    most_variants: usize,
    names: Vec<String>,
    /// Bytes of one code.
    width: usize,
}

/// Paths up to this many bytes are their own key.
const SHORT: usize = 15;

/// In the last byte of a key: the path is too long for it, and the key holds a hash.
const LONG: u8 = 0x40;

/// In the last byte of a key: the unit went on, but its path was cut.
const CUT: u8 = 1;

/// Distinct paths that one part of the final count should hold, so that its table stays in cache.
const PART: usize = 1 << 14;

/// Stands for a path: its codes, most significant first, as big-endian numbers in up to fifteen bytes, then their number
/// times two plus [`CUT`]; so keys order as paths do. Of a longer path: the number of its bytes, its hash, and a last byte
/// of [`LONG`] and [`CUT`].
type Key = u128;

/// A path and how often it occurs. The counts of a log fit 32 bits, because its events do.
#[derive(Clone, Copy)]
struct Variant {
    /// The halves of its key: a whole one would need more room for its alignment.
    key: [u64; 2],
    /// Where a path that does not fit its key begins among the long ones.
    long: usize,
    units: u32,
    open: u32,
    customers: u32,
    /// The last customer who took it, plus one.
    seen: u32,
}

impl Variant {
    fn key(&self) -> Key {
        Key::from(self.key[0]) << 64 | Key::from(self.key[1])
    }

    fn is_long(&self) -> bool {
        self.key[1] as u8 & LONG != 0
    }

    fn is_cut(&self) -> bool {
        self.key[1] as u8 & CUT != 0
    }

    /// The path in its key, if it fits.
    fn short(&self) -> ([u8; 16], usize) {
        let bytes = self.key().to_be_bytes();
        (bytes, usize::from(bytes[SHORT] >> 1))
    }
}

/// Distinct paths: a hash table with open addressing over a list. Whether two long paths are equal is told by their
/// codes, never by their hashes alone.
#[derive(Default)]
struct Variants {
    /// Half of the hash, and where the path stands in the list, plus one; zero is free. A power of two of slots, at most
    /// half of them taken.
    slots: Vec<u64>,
    list: Vec<Variant>,
    /// The codes of long paths one after the other.
    long: Vec<u8>,
}

impl Variants {
    fn with_capacity(paths: usize, long: usize) -> Self {
        let slots = vec![0; (2 * paths + 1).next_power_of_two()];
        Self { slots, list: Vec::with_capacity(paths), long: Vec::with_capacity(long) }
    }

    /// The place of a path in the list; `long` is the path itself where it does not fit its key.
    #[inline]
    fn place(&mut self, key: Key, long: &[u8]) -> usize {
        if self.list.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let halves = [(key >> 64) as u64, key as u64];
        let mask = self.slots.len() - 1;
        let tag = hash(key) << 32;
        let mut slot = (tag >> 32) as usize & mask;
        loop {
            let found = self.slots[slot];
            if found == 0 {
                break;
            }
            if found >> 32 == tag >> 32 {
                let place = found as u32 as usize - 1;
                let variant = &self.list[place];
                if variant.key == halves && (long.is_empty() || self.long_of(variant) == long) {
                    return place;
                }
            }
            slot = (slot + 1) & mask;
        }
        let place = self.list.len();
        self.slots[slot] = tag | (place as u64 + 1);
        let variant = Variant { key: halves, long: self.long.len(), units: 0, open: 0, customers: 0, seen: 0 };
        self.long.extend_from_slice(long);
        self.list.push(variant);
        place
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        let slots = std::mem::replace(&mut self.slots, vec![0; size]);
        for taken in slots.into_iter().filter(|&slot| slot != 0) {
            let mut slot = (taken >> 32) as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = taken;
        }
    }

    /// The path of a variant that does not fit its key, else nothing.
    #[inline]
    fn long_of(&self, variant: &Variant) -> &[u8] {
        let bytes = if variant.is_long() { (variant.key[0] >> 8) as usize } else { 0 };
        &self.long[variant.long..variant.long + bytes]
    }

    /// Takes in one variant of other customers.
    fn add(&mut self, variant: &Variant, long: &[u8]) {
        let place = self.place(variant.key(), long);
        let into = &mut self.list[place];
        into.units += variant.units;
        into.open += variant.open;
        into.customers += variant.customers;
    }

    /// The same paths by the highest `bits` of their hash, in lists without slots.
    fn split(self, bits: u32) -> Vec<Self> {
        let part = |variant: &Variant| (hash(variant.key()) >> (u64::BITS - bits)) as usize;
        let mut sizes = vec![(0, 0); 1 << bits];
        for variant in &self.list {
            let (paths, long) = &mut sizes[part(variant)];
            *paths += 1;
            *long += self.long_of(variant).len();
        }
        let room =
            |(paths, long)| Self { slots: Vec::new(), list: Vec::with_capacity(paths), long: Vec::with_capacity(long) };
        let mut parts: Vec<Self> = sizes.into_iter().map(room).collect();
        for variant in &self.list {
            let part = &mut parts[part(variant)];
            part.list.push(Variant { long: part.long.len(), ..*variant });
            part.long.extend_from_slice(self.long_of(variant));
        }
        parts
    }
}

/// Spreads a key over 64 bits.
#[inline(always)]
fn hash(key: Key) -> u64 {
    let product =
        u128::from((key >> 64) as u64 ^ 0x9E37_79B9_7F4A_7C15) * u128::from(key as u64 ^ 0xD1B5_4A32_D192_ED03);
    let folded = (product >> 64) as u64 ^ product as u64;
    folded.wrapping_mul(0x9FB2_1C65_1E98_DF25) ^ folded >> 32
}

/// The distinct paths of all tables, each path in one of the tables that come out. Every part of the hashes is counted by
/// itself, in cache.
fn gather(tables: Vec<Variants>) -> Vec<Variants> {
    let all: usize = tables.iter().map(|table| table.list.len()).sum();
    if tables.len() < 2 {
        return tables;
    }
    let bits = (all / PART).next_power_of_two().trailing_zeros().clamp(1, 16);
    // Moved together first: reading every part from all over the tables would miss the cache at every path.
    let parts: Vec<Vec<Variants>> = tables.into_par_iter().map(|table| table.split(bits)).collect();
    let part = |part: usize| {
        let parts = parts.iter().map(|parts| &parts[part]);
        let (paths, long) =
            parts.clone().fold((0, 0), |(paths, long), table| (paths + table.list.len(), long + table.long.len()));
        let mut gathered = Variants::with_capacity(paths, long);
        for table in parts {
            for variant in &table.list {
                gathered.add(variant, table.long_of(variant));
            }
        }
        gathered
    };
    (0..1 << bits).into_par_iter().map(part).collect()
}

/// A variant and the table that holds it.
type Held<'a> = (&'a Variants, &'a Variant);

/// The most frequent first, then by the names of the events one after the other, a cut path last.
fn by_rank((one_table, one): &Held<'_>, (two_table, two): &Held<'_>) -> Ordering {
    two.units.cmp(&one.units).then_with(|| {
        if !one.is_long() && !two.is_long() {
            return one.key().cmp(&two.key());
        }
        let (one_short, two_short) = (one.short(), two.short());
        let one_path = if one.is_long() { one_table.long_of(one) } else { &one_short.0[..one_short.1] };
        let two_path = if two.is_long() { two_table.long_of(two) } else { &two_short.0[..two_short.1] };
        one_path.cmp(two_path).then(one.is_cut().cmp(&two.is_cut()))
    })
}

/// The `most` first variants by rank, or all in no order.
fn best(tables: &[Variants], most: Option<usize>) -> Vec<Held<'_>> {
    let all = || tables.par_iter().flat_map_iter(|table| table.list.iter().map(move |variant| (table, variant)));
    let Some(most) = most else { return all().collect() };
    // How frequent the last one must be is told by the numbers alone; names are looked at where these are equal.
    let mut units: Vec<u32> = all().map(|(_, variant)| variant.units).collect();
    let least = match most.checked_sub(1) {
        Some(last) if last < units.len() => *units.select_nth_unstable_by(last, |one, two| two.cmp(one)).1,
        _ => 0,
    };
    let mut held: Vec<Held<'_>> = all().filter(|(_, variant)| variant.units >= least).collect();
    if most < held.len() {
        held.select_nth_unstable_by(most, by_rank);
        held.truncate(most);
    }
    held.sort_unstable_by(by_rank);
    held
}

/// Paths by task, and what is known of all units together.
#[derive(Default)]
pub struct State {
    tables: Vec<Variants>,
    units: u32,
    open: u32,
    customers: u32,
    seen: u32,
}

impl State {
    #[inline]
    fn take(&mut self, key: Key, long: &[u8], open: bool, customer: u32) {
        self.units += 1;
        self.open += u32::from(open);
        self.customers += u32::from(self.seen != customer);
        self.seen = customer;
        if self.tables.is_empty() {
            self.tables.push(Variants::default());
        }
        let table = &mut self.tables[0];
        let place = table.place(key, long);
        let variant = &mut table.list[place];
        variant.units += 1;
        variant.open += u32::from(open);
        variant.customers += u32::from(variant.seen != customer);
        variant.seen = customer;
    }
}

impl Analysis for Paths {
    const NAME: &'static str = "paths";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.most_events == Some(0) {
            return Err(Error::Argument("most_events is 0; a path has at least one event".into()));
        }
        Ok(Self {
            units: Units::bind(&params.units, log)?,
            most_events: params.most_events.map_or(usize::MAX, |most| most as usize),
            top: params.top.map(|top| top as usize),
            most_variants: params.most_variants as usize,
            names: log.event_names().iter().map(str::to_owned).collect(),
            width: crate::with_codes!(&*log.events, codes => code_bytes(codes)),
        })
    }
}

fn code_bytes<C: Code>(_: &[C]) -> usize {
    size_of::<C>()
}

impl Paths {
    /// The key of a unit's path; the path itself goes to `long` where it does not fit. `None` where no event is looked at.
    #[inline(always)]
    fn key<C: Code>(&self, events: &[C], long: &mut Vec<u8>) -> Option<Key> {
        long.clear();
        let bits = size_of::<C>() * 8;
        if self.units.whole() && events.len() <= self.most_events {
            if size_of_val(events) > SHORT {
                return Some(write_long(events.iter().copied(), false, long));
            }
            let key = events.iter().fold(0, |key: Key, event| key << bits | event.index() as Key);
            return Some(short_key(key, size_of_val(events), false));
        }
        let mut path = self.units.path(events);
        let (mut key, mut length): (Key, usize) = (0, 0);
        for event in path.by_ref().take(self.most_events) {
            key = key << bits | event.index() as Key;
            length += 1;
        }
        let cut = path.next().is_some();
        let bytes = length * size_of::<C>();
        match bytes {
            0 => None,
            1..=SHORT => Some(short_key(key, bytes, cut)),
            _ => Some(write_long(self.units.path(events).take(length), cut, long)),
        }
    }

    /// The names of a path.
    fn names_of<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = &'a str> {
        path.chunks_exact(self.width).map(|code| {
            let code = code.iter().fold(0, |code, &byte| code << 8 | usize::from(byte));
            self.names[code].as_str()
        })
    }

    fn table(&self, state: &State, variants: &[Held<'_>], distinct: usize) -> Vec<PartialColumn> {
        let mut events = ListBuilder::new(StringBuilder::new());
        for (table, variant) in variants {
            let short = variant.short();
            let path = if variant.is_long() { table.long_of(variant) } else { &short.0[..short.1] };
            for name in self.names_of(path) {
                events.values().append_value(name);
            }
            events.append(true);
        }
        // The row of all units has no path.
        events.append(false);
        let number = |pick: fn(&Variant) -> u32, all: u32| -> ArrayRef {
            let of_variants = variants.iter().map(|(_, variant)| pick(variant));
            Arc::new(of_variants.chain([all]).map(i64::from).map(Some).collect::<Int64Array>())
        };
        let cut = variants.iter().map(|(_, variant)| variant.is_cut()).chain([false]);
        let mut columns: Vec<PartialColumn> = vec![
            ("events", Role::Key, Arc::new(events.finish())),
            ("cut", Role::Key, Arc::new(cut.map(Some).collect::<BooleanArray>())),
            ("units", Role::Sum, number(|variant| variant.units, state.units)),
            ("open", Role::Sum, number(|variant| variant.open, state.open)),
            ("customers", Role::Sum, number(|variant| variant.customers, state.customers)),
        ];
        if self.top.is_some() {
            let of_all = std::iter::repeat_n(None, variants.len()).chain([Some(distinct as i64)]);
            columns.push(("variants", Role::Whole, Arc::new(of_all.collect::<Int64Array>())));
        }
        columns
    }
}

/// Codes of a path that fits, moved to their place.
#[inline(always)]
fn short_key(codes: Key, bytes: usize, cut: bool) -> Key {
    codes << (8 * (SHORT + 1 - bytes)) | (bytes as Key) << 1 | Key::from(cut)
}

/// Writes out a path and hashes it.
fn write_long<C: Code>(path: impl Iterator<Item = C>, cut: bool, long: &mut Vec<u8>) -> Key {
    for event in path {
        long.extend_from_slice(&(event.index() as u32).to_be_bytes()[4 - size_of::<C>()..]);
    }
    let hashed = foldhash::fast::FixedState::default().hash_one(long.as_slice());
    (long.len() as Key) << 72 | Key::from(hashed) << 8 | Key::from(LONG) | Key::from(cut)
}

impl Kernel for Paths {
    type State = State;
    /// A path that does not fit its key.
    type Scratch = Vec<u8>;

    fn init(&self) -> State {
        State::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, long: &mut Vec<u8>, groups: &mut Groups<'_, Self>) {
        self.units.each(journey, |unit, open| {
            let first = unit.start;
            if let Some(key) = self.key(&journey.events[unit], long) {
                groups.at(journey, first).take(key, long, open, journey.customer as u32 + 1);
            }
        });
    }

    /// Tables are put aside: that they are disjoint in their customers is all that the end needs to know.
    fn merge(&self, into: &mut State, from: State) {
        into.tables.extend(from.tables);
        into.units += from.units;
        into.open += from.open;
        into.customers += from.customers;
    }

    fn columns(&self, mut state: State) -> Result<Vec<Vec<PartialColumn>>> {
        let tables = gather(std::mem::take(&mut state.tables));
        let distinct = tables.iter().map(|table| table.list.len()).sum();
        if self.top.is_none() && distinct > self.most_variants {
            return Err(Error::Argument(format!(
                "{distinct} different paths, more than the {} allowed where all are kept; ask for the top ones of one \
                 log, cut paths with most_events=, collapse repeats, or look at fewer events",
                self.most_variants
            )));
        }
        let variants = best(&tables, self.top);
        Ok(vec![self.table(&state, &variants, distinct)])
    }

    fn task_events(&self) -> usize {
        1 << 18
    }
}
