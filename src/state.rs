//! Building blocks of kernel states: what several analyses gather in the same way.

/// Count, sum and range of whole numbers. Exact: no number of events overflows the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: i128,
    /// The smallest; `i64::MAX` where there is none.
    pub min: i64,
    /// The largest; `i64::MIN` where there is none.
    pub max: i64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, sum: 0, min: i64::MAX, max: i64::MIN }
    }
}

impl Moments {
    /// Takes in one number.
    #[inline(always)]
    pub fn add(&mut self, value: i64) {
        self.count += 1;
        self.sum += i128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Takes in the numbers of another block.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// Buckets for non-negative numbers whose width is at most 1/128 of their lower bound: exact below 256.
pub mod buckets {
    const PRECISION: u32 = 7;

    /// The bucket of a number.
    #[inline]
    pub fn of(value: u64) -> u32 {
        let octave = (64 - value.leading_zeros()).saturating_sub(PRECISION + 1);
        (octave << PRECISION) + (value >> octave) as u32
    }

    /// Lower bound and width of a bucket.
    pub fn bounds(bucket: u32) -> (u64, u64) {
        let octave = (bucket >> PRECISION).saturating_sub(1);
        let low = u64::from(bucket - (octave << PRECISION));
        (low << octave, 1 << octave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_number_and_is_narrow() {
        let mut previous = None;
        for value in (0..5_000).chain((0..63).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 12_345])) {
            let (low, width) = buckets::bounds(buckets::of(value));
            assert!(low <= value && value - low < width, "{value} in {low}+{width}");
            assert!(width == 1 || width * 128 <= low, "{value}: width {width} at {low}");
            if value < 5_000 {
                assert!(previous.is_none_or(|before| before <= buckets::of(value)));
                previous = Some(buckets::of(value));
            }
        }
    }

    #[test]
    fn moments_of_parts_are_the_moments_of_the_whole() {
        let (mut left, mut right, mut whole) = (Moments::default(), Moments::default(), Moments::default());
        for value in [3, -7, i64::MAX, i64::MAX] {
            whole.add(value);
            if value < 0 { left.add(value) } else { right.add(value) }
        }
        left.merge(&right);
        assert_eq!(left, whole);
    }
}
