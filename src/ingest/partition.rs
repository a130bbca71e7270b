//! The first pass: every row becomes a packed record in one of many hash partitions.

use arrow::array::ArrayRef;
use rayon::prelude::*;

use super::coded::{CodedColumn, CodedSlice, MISSING, SKIPPED};
use super::finish;
use super::ids::{Id, Ids};
use super::keys::Key;
use super::times::TimeColumn;
use crate::calendar::{EARLIEST_US, LATEST_US};
use crate::error::Result;
use crate::log::{Codes, Reason, Reject};
use crate::memory::prefer_huge_pages;
use crate::pool::Cancel;

/// Rows of one partition at the size where its customers, counters and columns stay in the second-level cache.
const PARTITION_ROWS: usize = 40_000;
const MOST_PARTITIONS: usize = 2_048;

/// Everything but the ids.
pub struct Input<'a> {
    /// When.
    pub times: &'a TimeColumn,
    /// What.
    pub events: &'a CodedColumn,
    /// Where.
    pub channels: Option<&'a CodedColumn>,
    /// Later events are rejected.
    pub observed_until: i64,
    /// The first and the last time that were asked for.
    pub range: (i64, i64),
    /// Remember the input row of each event, for columns that are carried along.
    pub keep_rows: bool,
    /// Asked to stop?
    pub cancel: &'a Cancel,
}

/// The columns of the log.
pub struct Built {
    /// Ids in log order.
    pub customers: ArrayRef,
    /// Where each customer's events begin.
    pub offsets: Vec<u64>,
    /// µs UTC.
    pub times: Vec<i64>,
    /// Event codes.
    pub events: Codes,
    /// Channel codes; the code past the last name is null.
    pub channels: Option<Codes>,
    /// Input row of each event.
    pub rows: Option<Vec<u32>>,
    /// Rows not used.
    pub rejects: Vec<Reject>,
    /// Rows not asked for.
    pub filtered: u64,
    /// Events at the same time as the one before.
    pub ties: u64,
    /// Events that came after a later one of the same customer.
    pub out_of_order: u64,
    /// Position of the customer and time of the first of them in the order of the log.
    pub late: Option<(usize, i64)>,
}

/// How a time and a code share words of a record.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Subtracted from every time.
    pub base: i64,
    /// Bits of the code below the time.
    pub code_bits: u32,
    /// Bits of the event below the channel.
    pub event_bits: u32,
}

/// Time and code of a row.
pub trait Payload: Copy + Send + Sync + Default {
    /// Packs them; `time` is relative to the base.
    fn pack(time: u64, code: u64, layout: Layout) -> Self;
    /// Relative time.
    fn time(self, layout: Layout) -> u64;
    /// Event and channel.
    fn code(self, layout: Layout) -> u64;
}

impl Payload for u64 {
    #[inline(always)]
    fn pack(time: u64, code: u64, layout: Layout) -> Self {
        time << layout.code_bits | code
    }
    #[inline(always)]
    fn time(self, layout: Layout) -> u64 {
        self >> layout.code_bits
    }
    #[inline(always)]
    fn code(self, layout: Layout) -> u64 {
        self & ((1 << layout.code_bits) - 1)
    }
}

impl Payload for (u64, u64) {
    #[inline(always)]
    fn pack(time: u64, code: u64, _layout: Layout) -> Self {
        (time, code)
    }
    #[inline(always)]
    fn time(self, _layout: Layout) -> u64 {
        self.0
    }
    #[inline(always)]
    fn code(self, _layout: Layout) -> u64 {
        self.1
    }
}

/// The input row of a record, where one is kept.
pub trait Row: Copy + Send + Sync + Default {
    /// Whether it is.
    const KEPT: bool;
    /// From a row number.
    fn of(row: usize) -> Self;
    /// The row number; 0 where none is kept.
    fn number(self) -> u32;
}

impl Row for u32 {
    const KEPT: bool = true;
    #[inline(always)]
    fn of(row: usize) -> Self {
        row as u32
    }
    #[inline(always)]
    fn number(self) -> u32 {
        self
    }
}

impl Row for () {
    const KEPT: bool = false;
    #[inline(always)]
    fn of(_row: usize) -> Self {}
    #[inline(always)]
    fn number(self) -> u32 {
        0
    }
}

/// A row on its way to the log.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub struct Record<K, P, R> {
    /// Customer.
    pub key: K,
    /// Time and code.
    pub payload: P,
    /// Input row.
    pub row: R,
}

/// Records of one block: small enough that half-filled blocks waste little, large enough that a new one is rare.
const BLOCK: usize = 256;

/// What one task of the first pass leaves: one arena of blocks, each block filled for one partition. A single
/// allocation costs few page faults, and a cursor per partition is all that the inner loop has to know.
pub struct Dealt<K, P, R> {
    arena: Vec<Record<K, P, R>>,
    /// The next free place of each partition; a multiple of [`BLOCK`] asks for a new block.
    cursors: Vec<usize>,
    /// The blocks of each partition, in order.
    blocks: Vec<Vec<u32>>,
    used_blocks: usize,
    rejects: Vec<Reject>,
    filtered: u64,
}

/// Groups the rows by customer; `None` where an id does not fit the form of key.
pub fn group<I: Ids>(ids: &I, input: &Input<'_>) -> Result<Option<Built>> {
    let event_bits = bits(input.events.names.len());
    let channel_bits = input.channels.map_or(0, |channels| bits(channels.names.len() + 1));
    let base = input.times.earliest().unwrap_or(0);
    let span = input.times.latest().unwrap_or(0).abs_diff(base);
    let layout = Layout { base, code_bits: event_bits + channel_bits, event_bits };
    let narrow = (64 - span.leading_zeros()) + layout.code_bits <= 64 && layout.code_bits < 64;
    // Verification reads the ids of rows again, so it needs the rows.
    match (narrow, input.keep_rows || ids.must_verify()) {
        (true, false) => deal_and_finish::<I, u64, ()>(ids, input, layout),
        (true, true) => deal_and_finish::<I, u64, u32>(ids, input, layout),
        (false, _) => deal_and_finish::<I, (u64, u64), u32>(ids, input, layout),
    }
}

/// Bits that hold `count` different values.
fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

fn deal_and_finish<I: Ids, P: Payload, R: Row>(ids: &I, input: &Input<'_>, layout: Layout) -> Result<Option<Built>> {
    let slices = input.times.slices.len();
    let starts: Vec<usize> = input
        .times
        .slices
        .iter()
        .scan(0, |next, slice| {
            let start = *next;
            *next += slice.values.len();
            Some(start)
        })
        .collect();
    let rows: usize = input.times.slices.iter().map(|slice| slice.values.len()).sum();
    let partitions = (rows / PARTITION_ROWS).next_power_of_two().clamp(1, MOST_PARTITIONS);
    // Contiguous tasks, so that the records of a customer come out in input order.
    let tasks = (rayon::current_num_threads() * 4).min(slices);
    let dealt: Option<Vec<Dealt<I::Key, P, R>>> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let (first, last) = (task * slices / tasks, (task + 1) * slices / tasks);
            let expected: usize = (first..last).map(|slice| input.times.slices[slice].values.len()).sum();
            let mut deal = Deal { ids, input, layout, dealt: Dealt::new(partitions, expected) };
            for (slice, &start) in starts.iter().enumerate().take(last).skip(first) {
                input.cancel.check()?;
                if !deal.slice(slice, start) {
                    return Ok(None);
                }
            }
            Ok(Some(deal.dealt))
        })
        .collect::<Result<Option<Vec<_>>>>()?;
    let Some(dealt) = dealt else { return Ok(None) };
    let mut built = finish::finish(ids, &dealt, input, layout, &starts)?;
    built.filtered = dealt.iter().map(|task| task.filtered).sum();
    built.rejects = dealt.into_iter().flat_map(|task| task.rejects).collect();
    Ok(Some(built))
}

impl<K: Key, P: Payload, R: Row> Dealt<K, P, R> {
    fn new(partitions: usize, rows: usize) -> Self {
        // Every partition may leave one block half empty.
        let blocks = rows.div_ceil(BLOCK) + partitions;
        let arena = Vec::with_capacity(blocks * BLOCK);
        prefer_huge_pages(&arena, arena.capacity());
        Self {
            arena,
            cursors: vec![0; partitions],
            blocks: vec![Vec::with_capacity(blocks / partitions + 2); partitions],
            used_blocks: 0,
            rejects: Vec::new(),
            filtered: 0,
        }
    }

    #[inline(always)]
    fn push(&mut self, partition: usize, record: Record<K, P, R>) {
        let mut cursor = self.cursors[partition];
        if cursor.is_multiple_of(BLOCK) {
            cursor = self.next_block(partition);
        }
        self.arena.spare_capacity_mut()[cursor].write(record);
        self.cursors[partition] = cursor + 1;
    }

    #[cold]
    #[inline(never)]
    fn next_block(&mut self, partition: usize) -> usize {
        self.blocks[partition].push(self.used_blocks as u32);
        self.used_blocks += 1;
        (self.used_blocks - 1) * BLOCK
    }

    /// Number of partitions.
    pub fn partitions(&self) -> usize {
        self.cursors.len()
    }

    /// Number of records of a partition.
    pub fn count(&self, partition: usize) -> usize {
        match self.blocks[partition].len() {
            0 => 0,
            blocks => (blocks - 1) * BLOCK + self.last_block_count(partition),
        }
    }

    fn last_block_count(&self, partition: usize) -> usize {
        (self.cursors[partition] - 1) % BLOCK + 1
    }

    /// The records of a partition, in input order.
    pub fn records(&self, partition: usize) -> impl Iterator<Item = &[Record<K, P, R>]> {
        let blocks = &self.blocks[partition];
        blocks.iter().enumerate().map(move |(index, &block)| {
            let count = if index + 1 == blocks.len() { self.last_block_count(partition) } else { BLOCK };
            // SAFETY: `push` wrote the first `count` records of this block, which lies within the arena's capacity,
            // and the arena is never touched again but here.
            unsafe { std::slice::from_raw_parts(self.arena.as_ptr().add(block as usize * BLOCK), count) }
        })
    }
}

struct Deal<'a, I: Ids, P, R> {
    ids: &'a I,
    input: &'a Input<'a>,
    layout: Layout,
    dealt: Dealt<I::Key, P, R>,
}

impl<I: Ids, P: Payload, R: Row> Deal<'_, I, P, R> {
    /// Deals the rows of one slice; `false` where an id does not fit.
    fn slice(&mut self, slice: usize, start: usize) -> bool {
        let times = &self.input.times.slices[slice];
        let events = &self.input.events.slices[slice];
        let channels = self.input.channels.map(|channels| &channels.slices[slice]);
        let channel_null = self.input.channels.map_or(0, |channels| channels.names.len() as u64);
        let any_null = times.nulls.is_some() || events.nulls.is_some();
        let (first, last) = self.input.range;
        let earliest = EARLIEST_US.max(first);
        let latest = (LATEST_US - 1).min(self.input.observed_until).min(last);
        let top = u64::BITS - (self.dealt.cursors.len() as u64).trailing_zeros();
        let values = &times.values[..];
        let keys = &events.keys[..values.len()];
        let table = &events.table[..];
        for index in 0..values.len() {
            let time = values[index];
            let event = table[keys[index] as usize];
            if any_null || event >= SKIPPED || time < earliest || time > latest {
                match self.verdict(slice, index, event) {
                    None => {}
                    Some(Verdict::Skipped) => {
                        self.dealt.filtered += 1;
                        continue;
                    }
                    Some(Verdict::Rejected(reason)) => {
                        self.reject(start + index, reason);
                        continue;
                    }
                    Some(Verdict::Unfit) => return false,
                }
            }
            let (key, hash) = match self.ids.id(slice, index) {
                Id::Customer(key, hash) => (key, hash),
                Id::Missing => {
                    self.reject(start + index, Reason::CustomerMissing);
                    continue;
                }
                Id::Unfit => return false,
            };
            let channel = channels.map_or(0, |channels| channel_code(channels, index, channel_null));
            let code = u64::from(event) | channel << self.layout.event_bits;
            let payload = P::pack((time - self.layout.base) as u64, code, self.layout);
            let partition = hash.checked_shr(top).unwrap_or(0) as usize;
            self.dealt.push(partition, Record { key, payload, row: R::of(start + index) });
        }
        true
    }

    #[cold]
    fn reject(&mut self, row: usize, reason: Reason) {
        self.dealt.rejects.push(Reject { row: row as u64, reason, value: None });
    }

    /// What to do with a row that may be unusable; `None` where it is fine after all.
    fn verdict(&self, slice: usize, index: usize, event: u32) -> Option<Verdict> {
        let times = &self.input.times.slices[slice];
        let events = &self.input.events.slices[slice];
        let event_null = event == MISSING || events.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index));
        if !event_null && event == SKIPPED {
            return Some(Verdict::Skipped);
        }
        let time = times.values[index];
        let time_null = times.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index));
        let (first, last) = self.input.range;
        if !time_null && !(first..=last).contains(&time) {
            return Some(Verdict::Skipped);
        }
        let reason = if time_null {
            Reason::TimeMissing
        } else if !(EARLIEST_US..LATEST_US).contains(&time) {
            Reason::TimeOutOfRange
        } else if event_null {
            Reason::EventMissing
        } else if time > self.input.observed_until {
            Reason::AfterObservedUntil
        } else {
            return None;
        };
        // The customer comes first: a row without one has no other fault that matters.
        match self.ids.id(slice, index) {
            Id::Customer(..) => Some(Verdict::Rejected(reason)),
            Id::Missing => Some(Verdict::Rejected(Reason::CustomerMissing)),
            Id::Unfit => Some(Verdict::Unfit),
        }
    }
}

enum Verdict {
    Skipped,
    Rejected(Reason),
    Unfit,
}

#[inline(always)]
fn channel_code(channels: &CodedSlice, index: usize, null: u64) -> u64 {
    if channels.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
        return null;
    }
    match channels.table[channels.keys[index] as usize] {
        MISSING => null,
        code => u64::from(code),
    }
}
