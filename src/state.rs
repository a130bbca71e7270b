//! Building blocks of kernel states: what several analyses gather in the same way.

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

/// Histograms of many cells at once: numbers are collected, then sorted into runs of equal bucket. Memory is bounded by
/// the number of different buckets that occur, whatever the number of cells or events.
#[derive(Debug, Default, Clone)]
pub struct Histograms {
    pending: Vec<u64>,
    spare: Vec<u64>,
    /// Cell and bucket in one word, with its count; ascending.
    runs: Vec<(u64, u64)>,
}

/// Numbers that are collected before they are sorted: they and the sorting buffer fit the second-level cache.
const PENDING: usize = 1 << 16;

impl Histograms {
    /// Counts a number for a cell.
    #[inline]
    pub fn add(&mut self, cell: u64, value: u64) {
        if self.pending.len() == PENDING {
            self.settle();
        }
        self.pending.push(cell << buckets::BITS | buckets::of(value));
    }

    /// Takes in the histograms of another block.
    pub fn merge(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.runs = merged(&self.runs, &other.runs);
    }

    /// `(cell, bucket, count)` in ascending order.
    pub fn runs(&mut self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.settle();
        self.runs.iter().map(|&(key, count)| (key >> buckets::BITS, key & ((1 << buckets::BITS) - 1), count))
    }

    #[cold]
    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        sort(&mut self.pending, &mut self.spare);
        let fresh: Vec<(u64, u64)> =
            self.pending.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as u64)).collect();
        self.runs = if self.runs.is_empty() { fresh } else { merged(&self.runs, &fresh) };
        self.pending.clear();
    }
}

/// Radix sort by digits of 11 bits: the keys use few digits, and comparing sorts are several times slower on them.
fn sort(keys: &mut Vec<u64>, spare: &mut Vec<u64>) {
    const DIGIT: u32 = 11;
    let most = keys.iter().copied().max().unwrap_or(0);
    spare.clear();
    spare.resize(keys.len(), 0);
    let mut shift = 0;
    while shift < u64::BITS && most >> shift > 0 {
        let digit = |key: u64| (key >> shift) as usize & ((1 << DIGIT) - 1);
        let mut starts = [0_u32; 1 << DIGIT];
        for &key in keys.iter() {
            starts[digit(key)] += 1;
        }
        let mut next = 0;
        for start in &mut starts {
            next += std::mem::replace(start, next);
        }
        for &key in keys.iter() {
            let start = &mut starts[digit(key)];
            spare[*start as usize] = key;
            *start += 1;
        }
        std::mem::swap(keys, spare);
        shift += DIGIT;
    }
}

fn merged(left: &[(u64, u64)], right: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while let (Some(&a), Some(&b)) = (left.get(i), right.get(j)) {
        out.push(match a.0.cmp(&b.0) {
            std::cmp::Ordering::Less => a,
            std::cmp::Ordering::Greater => b,
            std::cmp::Ordering::Equal => (a.0, a.1 + b.1),
        });
        i += usize::from(a.0 <= b.0);
        j += usize::from(b.0 <= a.0);
    }
    out.extend_from_slice(&left[i..]);
    out.extend_from_slice(&right[j..]);
    out
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
            let found: BTreeMap<_, _> = whole.runs().map(|(cell, bucket, count)| ((cell, bucket), count)).collect();
            prop_assert_eq!(found, counted);
        }
    }
}
