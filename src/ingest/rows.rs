//! The rows of a slice, read once: whoever is asked for and usable goes on in packed form, the others are counted or
//! kept apart with their reason.

use std::ops::Range;

use arrow::buffer::NullBuffer;

use super::coded::{CodedSlice, MISSING, SKIPPED};
use super::ids::{Id, Ids};
use super::record::{Layout, Payload, Row};
use super::times::TimeSlice;
use crate::calendar::{EARLIEST_US, LATEST_US};
use crate::error::Result;
use crate::log::{Reason, Reject};
use crate::pool::Cancel;

/// Everything but the ids, by slices.
pub struct Input<'a> {
    /// When.
    pub times: &'a [TimeSlice],
    /// What.
    pub events: &'a [CodedSlice],
    /// Where.
    pub channels: Option<&'a [CodedSlice]>,
    /// The code of no channel.
    pub no_channel: u64,
    /// Later events are rejected.
    pub observed_until: i64,
    /// The first and the last time that were asked for.
    pub range: (i64, i64),
    /// Asked to stop?
    pub cancel: &'a Cancel,
}

/// Where rows that are used go.
pub trait Sink<I: Ids, P, R> {
    /// The next rows are those of another slice.
    fn begin_slice(&mut self) {}
    /// Takes the row at a place (slice, index).
    fn take(&mut self, ids: &I, place: (usize, usize), payload: P, row: R) -> Taken;
}

/// What became of a row that was offered.
pub enum Taken {
    /// It was kept.
    Kept,
    /// It has no customer.
    Missing,
    /// The form of key cannot hold its customer.
    Unfit,
}

/// Reads the rows of consecutive slices into a sink.
pub struct Reader<'a, I, S> {
    ids: &'a I,
    input: &'a Input<'a>,
    layout: Layout,
    /// What was kept.
    pub sink: S,
    /// Rows that can't be used.
    pub rejects: Vec<Reject>,
    /// Rows not asked for.
    pub filtered: u64,
}

impl<'a, I: Ids, S> Reader<'a, I, S> {
    /// Nothing is read yet.
    pub fn new(ids: &'a I, input: &'a Input<'a>, layout: Layout, sink: S) -> Self {
        Self { ids, input, layout, sink, rejects: Vec::new(), filtered: 0 }
    }

    /// Reads some slices, whose first rows have these numbers; `false` where an id does not fit the form of key.
    pub fn slices<P: Payload, R: Row>(&mut self, slices: Range<usize>, starts: &[usize]) -> Result<bool>
    where
        S: Sink<I, P, R>,
    {
        self.input.cancel.check()?;
        for slice in slices {
            if !self.slice(slice, starts[slice]) {
                return Ok(false);
            }
            self.input.cancel.advance(self.input.times[slice].values.len())?;
        }
        Ok(true)
    }

    fn slice<P: Payload, R: Row>(&mut self, slice: usize, start: usize) -> bool
    where
        S: Sink<I, P, R>,
    {
        self.sink.begin_slice();
        let columns = Columns::new(self.input, slice, self.layout);
        let mut block = Block::new();
        let rows = columns.times.len();
        for first in (0..rows).step_by(BLOCK) {
            let range = first..rows.min(first + BLOCK);
            columns.pack(range.clone(), &mut block);
            for (&offset, &payload) in block.kept[..block.count].iter().zip(&block.payloads) {
                let index = first + usize::from(offset);
                match self.sink.take(self.ids, (slice, index), payload, R::of(start + index)) {
                    Taken::Kept => {}
                    Taken::Missing => self.reject(start + index, Reason::CustomerMissing),
                    Taken::Unfit => return false,
                }
            }
            if block.count < range.len() && !self.others(&columns, slice, range, &block, start) {
                return false;
            }
        }
        true
    }

    /// The rows of a block that were not kept; `false` where an id does not fit.
    fn others<P>(
        &mut self,
        columns: &Columns<'_>,
        slice: usize,
        range: Range<usize>,
        block: &Block<P>,
        start: usize,
    ) -> bool {
        let mut kept = block.kept[..block.count].iter().map(|&offset| range.start + usize::from(offset)).peekable();
        for index in range.clone() {
            if kept.next_if_eq(&index).is_some() {
                continue;
            }
            let event = columns.table[columns.keys[index] as usize];
            if event == SKIPPED && columns.nulls.is_none() {
                self.filtered += 1;
                continue;
            }
            match self.verdict(slice, index, event) {
                Verdict::Skipped => self.filtered += 1,
                Verdict::Rejected(reason) => self.reject(start + index, reason),
                Verdict::Unfit => return false,
            }
        }
        true
    }

    #[cold]
    fn reject(&mut self, row: usize, reason: Reason) {
        self.rejects.push(Reject { row: row as u64, reason, value: None });
    }

    /// What to do with a row that is not kept.
    fn verdict(&self, slice: usize, index: usize, event: u32) -> Verdict {
        let times = &self.input.times[slice];
        let events = &self.input.events[slice];
        let event_null = event == MISSING || events.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index));
        if !event_null && event == SKIPPED {
            return Verdict::Skipped;
        }
        let time = times.values[index];
        let time_null = times.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index));
        let (first, last) = self.input.range;
        if !time_null && !(first..=last).contains(&time) {
            return Verdict::Skipped;
        }
        let reason = if time_null {
            Reason::TimeMissing
        } else if !(EARLIEST_US..LATEST_US).contains(&time) {
            Reason::TimeOutOfRange
        } else if event_null {
            Reason::EventMissing
        } else {
            Reason::AfterObservedUntil
        };
        // The customer comes first: a row without one has no other fault that matters.
        match self.ids.id(slice, index) {
            Id::Customer(..) => Verdict::Rejected(reason),
            Id::Missing => Verdict::Rejected(Reason::CustomerMissing),
            Id::Unfit => Verdict::Unfit,
        }
    }
}

enum Verdict {
    Skipped,
    Rejected(Reason),
    Unfit,
}

/// Rows that are packed before their ids are looked at: so many that a block stays in the first-level cache.
const BLOCK: usize = 1024;

/// The rows of a block that are kept.
struct Block<P> {
    payloads: [P; BLOCK],
    /// Where in the block they stand.
    kept: [u16; BLOCK],
    count: usize,
}

impl<P: Payload> Block<P> {
    fn new() -> Self {
        Self { payloads: [P::default(); BLOCK], kept: [0; BLOCK], count: 0 }
    }
}

/// The columns of a slice but for the ids.
struct Columns<'a> {
    times: &'a [i64],
    keys: &'a [u32],
    table: &'a [u32],
    /// Rows that have both time and event, where some have not.
    nulls: Option<NullBuffer>,
    channels: Option<Channels<'a>>,
    earliest: i64,
    latest: i64,
    layout: Layout,
}

/// Codes of channels in the place that they have in a record.
struct Channels<'a> {
    keys: &'a [u32],
    table: Vec<u64>,
    nulls: Option<&'a NullBuffer>,
    null: u64,
}

impl<'a> Columns<'a> {
    fn new(input: &'a Input<'_>, slice: usize, layout: Layout) -> Self {
        let (times, events) = (&input.times[slice], &input.events[slice]);
        let channels = input.channels.map(|channels| {
            let (null, of) = (input.no_channel << layout.event_bits, &channels[slice]);
            let placed = |&code: &u32| if code == MISSING { null } else { u64::from(code) << layout.event_bits };
            Channels { keys: &of.keys, table: of.table.iter().map(placed).collect(), nulls: of.nulls.as_ref(), null }
        });
        let (first, last) = input.range;
        Self {
            times: &times.values,
            keys: &events.keys[..times.values.len()],
            table: &events.table,
            nulls: NullBuffer::union(times.nulls.as_ref(), events.nulls.as_ref()),
            channels,
            earliest: EARLIEST_US.max(first),
            latest: (LATEST_US - 1).min(input.observed_until).min(last),
            layout,
        }
    }

    /// Packs the rows of a range that are used; what a row has, or has not, is asked once for all.
    fn pack<P: Payload>(&self, range: Range<usize>, block: &mut Block<P>) {
        match &self.channels {
            None => self.pack_with(range, block, |_| 0),
            Some(Channels { keys, table, nulls: None, .. }) => {
                self.pack_with(range, block, |index| table[keys[index] as usize]);
            }
            Some(Channels { keys, table, nulls: Some(nulls), null }) => {
                let code = |index: usize| if nulls.is_valid(index) { table[keys[index] as usize] } else { *null };
                self.pack_with(range, block, code);
            }
        }
    }

    #[inline(always)]
    fn pack_with<P: Payload>(&self, range: Range<usize>, block: &mut Block<P>, channel: impl Fn(usize) -> u64) {
        match &self.nulls {
            None => self.pack_where(range, block, channel, |_| true),
            Some(nulls) => self.pack_where(range, block, channel, |index| nulls.is_valid(index)),
        }
    }

    #[inline(always)]
    fn pack_where<P: Payload>(
        &self,
        range: Range<usize>,
        block: &mut Block<P>,
        channel: impl Fn(usize) -> u64,
        whole: impl Fn(usize) -> bool,
    ) {
        let (start, mut count) = (range.start, 0);
        let (times, keys) = (&self.times[range.clone()], &self.keys[range]);
        for (offset, (&time, &key)) in times.iter().zip(keys).enumerate().take(BLOCK) {
            let event = self.table[key as usize];
            let code = u64::from(event) | channel(start + offset);
            // Written always, and kept by counting it: which rows are used is hard to predict.
            block.payloads[count] = P::pack(time.wrapping_sub(self.layout.base) as u64, code, self.layout);
            block.kept[count] = offset as u16;
            let in_time = usize::from(time >= self.earliest) & usize::from(time <= self.latest);
            count += usize::from(event < SKIPPED) & in_time & usize::from(whole(start + offset));
        }
        block.count = count;
    }
}
