//! Building blocks of kernel states: what several analyses gather in the same way.

use rayon::prelude::*;

/// Buckets for non-negative numbers whose width is at most 1/128 of their lower bound: exact below 256.
pub mod buckets {
    const PRECISION: u32 = 7;

    /// Bits that hold any bucket.
    pub const BITS: u32 = 13;

    /// The bucket of a number.
    #[inline]
    pub fn of(value: u64) -> u64 {
        let octave = (64 - value.leading_zeros()).saturating_sub(PRECISION + 1);
        u64::from(octave << PRECISION) + (value >> octave)
    }

    /// Lower bound and width of a bucket.
    pub fn bounds(bucket: u64) -> (u64, u64) {
        let octave = (bucket >> PRECISION).saturating_sub(1);
        ((bucket - (octave << PRECISION)) << octave, 1 << octave)
    }
}

/// Histograms of many cells at once: numbers are put aside by cell, two bytes each, and counted once at the end, each
/// cell in cache. Counting earlier would not make them fewer: most numbers of a block differ.
#[derive(Debug, Default)]
pub struct Histograms {
    pending: Vec<u64>,
    blocks: Vec<Block>,
}

/// Numbers by cell.
#[derive(Debug)]
struct Block {
    /// A cell, and where its buckets end; ascending.
    cells: Vec<(u64, usize)>,
    buckets: Vec<u16>,
}

/// The counts of one cell: bucket and how many numbers it holds, ascending.
pub type Histogram = (u64, Vec<(u16, u32)>);

/// Numbers that are collected before they are put aside: they and the sorting buffer fit the second-level cache.
const PENDING: usize = 1 << 16;

impl Histograms {
    /// Counts a number for a cell; the cell must be below 2⁵¹.
    #[inline]
    pub fn add(&mut self, cell: u64, value: u64) {
        if self.pending.len() == PENDING {
            self.settle();
        }
        self.pending.push(cell << buckets::BITS | buckets::of(value));
    }

    /// Takes in the histograms of other numbers.
    pub fn merge(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.blocks.append(&mut other.blocks);
    }

    /// One histogram for each cell that has a number, ascending.
    pub fn finish(mut self) -> Vec<Histogram> {
        self.settle();
        let mut parts: Vec<(u64, &[u16])> = self.blocks.iter().flat_map(Block::parts).collect();
        parts.par_sort_unstable_by_key(|(cell, _)| *cell);
        let cells: Vec<_> = parts.chunk_by(|a, b| a.0 == b.0).collect();
        cells.into_par_iter().map_init(Vec::new, |counts, parts| (parts[0].0, count(parts, counts))).collect()
    }

    #[cold]
    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let keys = by_cell(std::mem::take(&mut self.pending));
        let mut end = 0;
        let cells = keys.chunk_by(|a, b| cell_of(*a) == cell_of(*b)).map(|equal| {
            end += equal.len();
            (cell_of(equal[0]), end)
        });
        let cells = cells.collect();
        let buckets = keys.iter().map(|key| (key & ((1 << buckets::BITS) - 1)) as u16).collect();
        self.blocks.push(Block { cells, buckets });
        self.pending = keys;
        self.pending.clear();
    }
}

impl Block {
    fn parts(&self) -> impl Iterator<Item = (u64, &[u16])> {
        self.cells.iter().scan(0, |start, &(cell, end)| Some((cell, &self.buckets[std::mem::replace(start, end)..end])))
    }
}

fn cell_of(key: u64) -> u64 {
    key >> buckets::BITS
}

/// Sorts keys by their cell. A radix sort by digits: the keys use few, and comparing sorts are several times slower.
fn by_cell(mut keys: Vec<u64>) -> Vec<u64> {
    const DIGIT: u32 = 12;
    let most = keys.iter().copied().max().unwrap_or(0);
    let mut sorted = vec![0; keys.len()];
    let mut shift = buckets::BITS;
    while shift < u64::BITS && most >> shift > 0 {
        let digit = |key: u64| (key >> shift) as usize & ((1 << DIGIT) - 1);
        let mut starts = [0_u32; 1 << DIGIT];
        for &key in &keys {
            starts[digit(key)] += 1;
        }
        let mut next = 0;
        for start in &mut starts {
            next += std::mem::replace(start, next);
        }
        for &key in &keys {
            let start = &mut starts[digit(key)];
            sorted[*start as usize] = key;
            *start += 1;
        }
        std::mem::swap(&mut keys, &mut sorted);
        shift += DIGIT;
    }
    keys
}

/// Counts the buckets of one cell; `counts` is a buffer that stays zero between calls.
fn count(parts: &[(u64, &[u16])], counts: &mut Vec<u32>) -> Vec<(u16, u32)> {
    /// From so many numbers on, going through all buckets costs less than sorting the numbers.
    const MANY: usize = 1 << 10;
    let all = parts.iter().flat_map(|(_, buckets)| *buckets).copied();
    if parts.iter().map(|(_, buckets)| buckets.len()).sum::<usize>() < MANY {
        let mut sorted: Vec<u16> = all.collect();
        sorted.sort_unstable();
        return sorted.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as u32)).collect();
    }
    counts.resize(1 << buckets::BITS, 0);
    for bucket in all {
        counts[usize::from(bucket)] += 1;
    }
    let found = counts.iter_mut().enumerate().filter(|(_, count)| **count > 0);
    found.map(|(bucket, count)| (bucket as u16, std::mem::take(count))).collect()
}

/// How often each number occurs, ascending.
pub fn counted(mut numbers: Vec<u64>) -> Vec<(u64, i64)> {
    numbers.par_sort_unstable();
    numbers.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as i64)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_holds_its_number_and_is_narrow() {
        for value in (0..5_000).chain((0..63).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 12_345])) {
            let (low, width) = buckets::bounds(buckets::of(value));
            assert!(low <= value && value - low < width, "{value} in {low}+{width}");
            assert!(width == 1 || width * 128 <= low, "{value}: width {width} at {low}");
        }
        assert!((0..5_000).map(buckets::of).is_sorted());
        assert!(buckets::of(u64::MAX) < 1 << buckets::BITS);
    }

    proptest! {
        #[test]
        fn histograms_count_what_a_map_counts(
            left in prop::collection::vec((0_u64..5_000_000_000, 0_u64..u64::MAX), 0..300),
            right in prop::collection::vec((0_u64..4, 0_u64..300), 0..300),
        ) {
            let mut counted = BTreeMap::new();
            let mut parts = [Histograms::default(), Histograms::default()];
            for (part, numbers) in parts.iter_mut().zip([&left, &right]) {
                for &(cell, value) in numbers {
                    part.add(cell, value);
                    *counted.entry((cell, buckets::of(value))).or_insert(0) += 1;
                }
            }
            let [mut whole, other] = parts;
            whole.merge(other);
            let found = whole.finish().into_iter().flat_map(|(cell, counts)| {
                counts.into_iter().map(move |(bucket, count)| ((cell, u64::from(bucket)), count))
            });
            let found: BTreeMap<_, _> = found.collect();
            prop_assert_eq!(found, counted);
        }
    }
}
