//! Rows in any order: a first pass deals records to hash partitions, and each partition is small enough that its
//! customers are found in cache.

use super::finish::{Built, Customer, Finisher, Outcome, Output, Scratch, Shape, fill};
use super::ids::{Id, Ids};
use super::keys::Key;
use super::record::{Payload, Record, Row};
use super::rows::{Sink, Taken};
use crate::error::Result;
use crate::memory::prefer_huge_pages;

/// Rows of one partition at the size where its customers, counters and columns stay in the second-level cache.
pub const PARTITION_ROWS: usize = 40_000;
const MOST_PARTITIONS: usize = 2_048;

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
    /// How far a hash is shifted to become the number of a partition.
    shift: u32,
}

/// The number of partitions of so many rows, a power of two.
pub fn partitions_of(rows: usize) -> usize {
    (rows / PARTITION_ROWS).next_power_of_two().clamp(1, MOST_PARTITIONS)
}

impl<K: Key, P: Payload, R: Row> Dealt<K, P, R> {
    /// Room for so many rows.
    pub fn new(partitions: usize, rows: usize) -> Self {
        // Every partition may leave one block half empty.
        let blocks = rows.div_ceil(BLOCK) + partitions;
        let arena = Vec::with_capacity(blocks * BLOCK);
        prefer_huge_pages(&arena, arena.capacity());
        Self {
            arena,
            cursors: vec![0; partitions],
            blocks: vec![Vec::with_capacity(blocks / partitions + 2); partitions],
            used_blocks: 0,
            shift: u64::BITS - partitions.trailing_zeros(),
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

    /// Number of records of a partition.
    fn count(&self, partition: usize) -> usize {
        match self.blocks[partition].len() {
            0 => 0,
            blocks => (blocks - 1) * BLOCK + self.last_block_count(partition),
        }
    }

    fn last_block_count(&self, partition: usize) -> usize {
        (self.cursors[partition] - 1) % BLOCK + 1
    }

    /// The records of a partition, in input order.
    fn records(&self, partition: usize) -> impl Iterator<Item = &[Record<K, P, R>]> {
        let blocks = &self.blocks[partition];
        blocks.iter().enumerate().map(move |(index, &block)| {
            let count = if index + 1 == blocks.len() { self.last_block_count(partition) } else { BLOCK };
            // SAFETY: `push` wrote the first `count` records of this block, which lies within the arena's capacity,
            // and the arena is never touched again but here.
            unsafe { std::slice::from_raw_parts(self.arena.as_ptr().add(block as usize * BLOCK), count) }
        })
    }
}

impl<I: Ids, P: Payload, R: Row> Sink<I, P, R> for Dealt<I::Key, P, R> {
    #[inline(always)]
    fn take(&mut self, ids: &I, (slice, index): (usize, usize), payload: P, row: R) -> Taken {
        match ids.id(slice, index) {
            Id::Customer(key, hash) => {
                let partition = hash.checked_shr(self.shift).unwrap_or(0) as usize;
                self.push(partition, Record { key, payload, row });
                Taken::Kept
            }
            Id::Missing => Taken::Missing,
            Id::Unfit => Taken::Unfit,
        }
    }
}

/// Finishes all partitions.
pub fn finish<K: Key, P: Payload, R: Row>(
    finisher: &Finisher<'_, K>,
    dealt: &[Dealt<K, P, R>],
    shape: &Shape<'_>,
) -> Result<Built> {
    let partitions = dealt.first().map_or(0, |task| task.cursors.len());
    let sizes: Vec<usize> =
        (0..partitions).map(|partition| dealt.iter().map(|task| task.count(partition)).sum()).collect();
    fill(&sizes, shape, |partition, output, scratch: &mut InCache<P, R>| {
        let parts: Vec<&[Record<K, P, R>]> = dealt.iter().flat_map(|task| task.records(partition)).collect();
        one(finisher, &parts, output, scratch)
    })
}

/// Buffers that a thread uses again for the next partition.
#[derive(Default)]
struct InCache<P, R> {
    slots: Vec<u32>,
    locals: Vec<u32>,
    events: Scratch<P, R>,
}

/// Finishes one partition.
fn one<K: Key, P: Payload, R: Row>(
    finisher: &Finisher<'_, K>,
    parts: &[&[Record<K, P, R>]],
    output: Output<'_>,
    scratch: &mut InCache<P, R>,
) -> Result<Outcome> {
    let found = find_customers(finisher, parts, scratch);
    // By the hash of the id, so that the order does not depend on the rows.
    let mut order: Vec<(u64, u32)> =
        found.iter().enumerate().map(|(local, customer)| (finisher.ids.hash(customer.key), local as u32)).collect();
    order.sort_unstable();
    let mut cursors = vec![0_u32; found.len()];
    let mut start = 0;
    for &(_, local) in &order {
        cursors[local as usize] = start;
        start += found[local as usize].count;
    }
    gather(parts, &mut cursors, scratch);
    let customers: Vec<Customer<K>> = order.into_iter().map(|(_, local)| found[local as usize]).collect();
    finisher.order_and_write(&customers, &mut scratch.events, output)
}

/// Numbers the customers in order of appearance and notes each record's number in `scratch.locals`.
fn find_customers<K: Key, P: Payload, R: Row>(
    finisher: &Finisher<'_, K>,
    parts: &[&[Record<K, P, R>]],
    scratch: &mut InCache<P, R>,
) -> Vec<Customer<K>> {
    let mut customers: Vec<Customer<K>> = Vec::with_capacity(1 << 12);
    let verify = finisher.ids.must_verify();
    let slots = &mut scratch.slots;
    slots.clear();
    slots.resize(slots.capacity().next_power_of_two().clamp(1 << 12, 1 << 13), 0);
    scratch.locals.clear();
    scratch.locals.reserve(parts.iter().map(|part| part.len()).sum());
    for record in parts.iter().copied().flatten() {
        let key = record.key;
        let mask = slots.len() - 1;
        let mut slot = (key.local_hash() as usize) & mask;
        let local = loop {
            let found = slots[slot];
            if found == 0 {
                let local = customers.len() as u32;
                customers.push(Customer { key, count: 0, row: record.row.number() });
                if customers.len() * 2 > slots.len() {
                    grow(slots, &customers);
                } else {
                    slots[slot] = local + 1;
                }
                break local;
            }
            let candidate = &customers[found as usize - 1];
            if candidate.key == key && (!verify || finisher.same(candidate.row, record.row.number())) {
                break found - 1;
            }
            slot = (slot + 1) & mask;
        };
        customers[local as usize].count += 1;
        scratch.locals.push(local);
    }
    customers
}

/// Counting sort: every record to the next free place of its customer.
fn gather<K: Key, P: Payload, R: Row>(parts: &[&[Record<K, P, R>]], cursors: &mut [u32], scratch: &mut InCache<P, R>) {
    let total = scratch.locals.len();
    scratch.events.reset(total);
    for (record, &local) in parts.iter().copied().flatten().zip(&scratch.locals) {
        let cursor = &mut cursors[local as usize];
        let at = *cursor as usize;
        *cursor += 1;
        scratch.events.payloads[at] = record.payload;
        scratch.events.rows[at] = record.row;
    }
}

fn grow<K: Key>(slots: &mut Vec<u32>, customers: &[Customer<K>]) {
    let size = slots.len() * 2;
    slots.clear();
    slots.resize(size, 0);
    for (local, customer) in customers.iter().enumerate() {
        let mut slot = (customer.key.local_hash() as usize) & (size - 1);
        while slots[slot] != 0 {
            slot = (slot + 1) & (size - 1);
        }
        slots[slot] = local as u32 + 1;
    }
}
