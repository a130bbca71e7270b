//! The rows of a slice, read once: whoever is asked for and usable goes on in packed form, the others are counted or
//! kept apart with their reason.

use super::coded::{CodedColumn, CodedSlice, MISSING, SKIPPED};
use super::ids::{Id, Ids};
use super::record::{Layout, Payload, Row};
use super::times::TimeColumn;
use crate::calendar::{EARLIEST_US, LATEST_US};
use crate::error::Result;
use crate::log::{Reason, Reject};
use crate::pool::Cancel;

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

/// Where rows that are used go.
pub trait Sink<I: Ids, P, R> {
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
    pub fn slices<P: Payload, R: Row>(&mut self, slices: std::ops::Range<usize>, starts: &[usize]) -> Result<bool>
    where
        S: Sink<I, P, R>,
    {
        for slice in slices {
            self.input.cancel.check()?;
            if !self.slice(slice, starts[slice]) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn slice<P: Payload, R: Row>(&mut self, slice: usize, start: usize) -> bool
    where
        S: Sink<I, P, R>,
    {
        let times = &self.input.times.slices[slice];
        let events = &self.input.events.slices[slice];
        let channels = self.input.channels.map(|channels| &channels.slices[slice]);
        let channel_null = self.input.channels.map_or(0, |channels| channels.names.len() as u64);
        let any_null = times.nulls.is_some() || events.nulls.is_some();
        let (first, last) = self.input.range;
        let earliest = EARLIEST_US.max(first);
        let latest = (LATEST_US - 1).min(self.input.observed_until).min(last);
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
                        self.filtered += 1;
                        continue;
                    }
                    Some(Verdict::Rejected(reason)) => {
                        self.reject(start + index, reason);
                        continue;
                    }
                    Some(Verdict::Unfit) => return false,
                }
            }
            let channel = channels.map_or(0, |channels| channel_code(channels, index, channel_null));
            let code = u64::from(event) | channel << self.layout.event_bits;
            let payload = P::pack((time - self.layout.base) as u64, code, self.layout);
            match self.sink.take(self.ids, (slice, index), payload, R::of(start + index)) {
                Taken::Kept => {}
                Taken::Missing => self.reject(start + index, Reason::CustomerMissing),
                Taken::Unfit => return false,
            }
        }
        true
    }

    #[cold]
    fn reject(&mut self, row: usize, reason: Reason) {
        self.rejects.push(Reject { row: row as u64, reason, value: None });
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
