//! A row in the few words that travel from the input to the log: time and code packed, the key of the customer, and
//! the number of the row where something asks for it.

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
