//! Ascending times, and the search for the last one before an instant.

/// Ascending times, searched through an index: a look-up is a shift and, mostly, one comparison.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    pub(super) starts: Vec<i64>,
    /// The first time of the index.
    from: i64,
    /// A bucket of the index is 2^bits µs.
    bits: u32,
    /// The last step that starts at or before the start of each bucket, or the first step.
    index: Vec<u32>,
}

impl Steps {
    /// The index spans the given times; look-ups outside are right too, and slow only far beyond `to`.
    pub(super) fn new(starts: Vec<i64>, from: i64, to: i64, bits: u32) -> Self {
        let mut step = 0;
        let index = (0..=(to - from) >> bits)
            .map(|bucket| {
                while starts.get(step + 1).is_some_and(|&next| next <= from + (bucket << bits)) {
                    step += 1;
                }
                step as u32
            })
            .collect();
        Self { starts, from, bits, index }
    }

    /// The last step that starts at or before a time; the first for an earlier time.
    #[inline]
    pub(super) fn find(&self, time: i64) -> usize {
        if time < self.from {
            return 0;
        }
        let bucket = (time.saturating_sub(self.from) >> self.bits) as usize;
        let mut step = self.index[bucket.min(self.index.len() - 1)] as usize;
        // Added, not branched on: whether a time is before or after the start within its bucket is hard to predict.
        step += usize::from(self.starts.get(step + 1).is_some_and(|&next| next <= time));
        while self.starts.get(step + 1).is_some_and(|&next| next <= time) {
            step += 1;
        }
        step
    }
}

/// Up to 64 steps as bits of a number, found without a branch.
#[derive(Debug, Clone)]
pub struct StepBits {
    from: i64,
    bits: u32,
    /// Of each bucket: the step that it starts in, and where the next one starts.
    buckets: Vec<(u32, i64)>,
}

impl Steps {
    /// None where there are more than 64 steps, or two of them start in one bucket.
    pub(super) fn as_bits(&self) -> Option<StepBits> {
        let start = |step: usize| self.starts.get(step).copied().unwrap_or(i64::MAX);
        let buckets: Vec<(u32, i64)> = self.index.iter().map(|&step| (step, start(step as usize + 1))).collect();
        let end = |bucket: usize| self.from + ((bucket as i64 + 1) << self.bits);
        let single = self.index.iter().enumerate().all(|(bucket, &step)| start(step as usize + 2) >= end(bucket));
        (self.starts.len() <= 64 && single).then_some(StepBits { from: self.from, bits: self.bits, buckets })
    }
}

impl StepBits {
    /// The bit of the step that an instant is in, for instants that the index spans.
    #[inline(always)]
    pub fn of(&self, time: i64) -> u64 {
        let bucket = (time.wrapping_sub(self.from) >> self.bits) as usize;
        let (step, next) = self.buckets[bucket.min(self.buckets.len() - 1)];
        1 << ((step + u32::from(time >= next)) & 63)
    }
}
