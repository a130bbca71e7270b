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
