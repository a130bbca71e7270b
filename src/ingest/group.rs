//! The rows of each customer together: read once, in tasks, in the way that suits the order they come in.

use std::ops::Range;

use arrow::array::ArrayRef;
use rayon::prelude::*;

use super::finish::{Built, Finisher, Shape};
use super::grouped::{self, Runs};
use super::ids::{Grouper, Ids};
use super::partition::{self, Dealt};
use super::record::{Layout, Payload, Row};
use super::rows::{Input, Reader, Sink};
use crate::error::Result;
use crate::log::Reject;
use crate::pool::Stage;

/// Rows in memory.
pub struct InMemory<'a> {
    /// Everything but the ids.
    pub input: Input<'a>,
    /// What the log will hold.
    pub shape: Shape<'a>,
    /// The earliest and the latest time.
    pub span: Option<(i64, i64)>,
}

impl Grouper for InMemory<'_> {
    type Out = Built;

    fn group<I: Ids>(
        &self,
        chunks: &[ArrayRef],
        read: impl Fn(&[ArrayRef]) -> Result<I> + Sync,
    ) -> Result<Option<Built>> {
        let ids = read(chunks)?;
        let event_bits = bits(self.shape.events);
        let channel_bits = self.shape.channels.map_or(0, |names| bits(names + 1));
        let (base, latest) = self.span.unwrap_or_default();
        let layout = Layout { base, code_bits: event_bits + channel_bits, event_bits };
        let narrow = (64 - latest.abs_diff(base).leading_zeros()) + layout.code_bits <= 64 && layout.code_bits < 64;
        // Verification reads the ids of rows again, so it needs the rows.
        match (narrow, self.shape.keep_rows || ids.must_verify()) {
            (true, false) => self.read_and_finish::<I, u64, ()>(&ids, layout),
            (true, true) => self.read_and_finish::<I, u64, u32>(&ids, layout),
            (false, _) => self.read_and_finish::<I, (u64, u64), u32>(&ids, layout),
        }
    }
}

/// Bits that hold `count` different values.
pub fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Tasks of the first pass. They are contiguous, so that the rows of a customer come out in input order.
pub fn most_tasks() -> usize {
    rayon::current_num_threads() * 4
}

impl InMemory<'_> {
    fn read_and_finish<I: Ids, P: Payload, R: Row>(&self, ids: &I, layout: Layout) -> Result<Option<Built>> {
        let starts: Vec<usize> = self
            .input
            .times
            .iter()
            .scan(0, |next, slice| {
                let start = *next;
                *next += slice.values.len();
                Some(start)
            })
            .collect();
        let lengths: Vec<usize> = self.input.times.iter().map(|slice| slice.values.len()).collect();
        let rows = lengths.iter().sum::<usize>();
        self.input.cancel.begin(Stage::Grouping, Some(rows as u64));
        let finisher = Finisher { ids, layout, starts: &starts, codes: None };
        if grouped::is_grouped(ids, &lengths) {
            let read = self.read(&finisher, ids, Runs::<I::Key, P, R>::new)?;
            return read.map(|read| read.built(|tasks| grouped::finish(&finisher, tasks, &self.shape))).transpose();
        }
        let partitions = partition::partitions_of(rows);
        let read = self.read(&finisher, ids, |rows| Dealt::<I::Key, P, R>::new(partitions, rows))?;
        read.map(|read| read.built(|tasks| partition::finish(&finisher, tasks, &self.shape))).transpose()
    }

    /// Reads all slices, each task into a sink of its own.
    fn read<I: Ids, P: Payload, R: Row, S: Sink<I, P, R> + Send>(
        &self,
        finisher: &Finisher<'_, I::Key>,
        ids: &I,
        sink: impl Fn(usize) -> S + Sync,
    ) -> Result<Option<Read<S>>> {
        let slices = self.input.times.len();
        let tasks = most_tasks().min(slices);
        let task = |task: usize| -> Result<Option<Reader<'_, I, S>>> {
            let slices: Range<usize> = task * slices / tasks..(task + 1) * slices / tasks;
            let rows = slices.clone().map(|slice| self.input.times[slice].values.len()).sum();
            let mut reader = Reader::new(ids, &self.input, finisher.layout, sink(rows));
            Ok(reader.slices(slices, finisher.starts)?.then_some(reader))
        };
        let readers = (0..tasks).into_par_iter().map(task).collect::<Result<Option<Vec<_>>>>()?;
        Ok(readers.map(|readers| {
            let mut read = Read { tasks: Vec::with_capacity(readers.len()), rejects: Vec::new(), filtered: 0 };
            for reader in readers {
                read.filtered += reader.filtered;
                read.rejects.extend(reader.rejects);
                read.tasks.push(reader.sink);
            }
            read
        }))
    }
}

/// What the tasks of the first pass leave.
struct Read<S> {
    tasks: Vec<S>,
    rejects: Vec<Reject>,
    filtered: u64,
}

impl<S> Read<S> {
    fn built(self, finish: impl FnOnce(&[S]) -> Result<Built>) -> Result<Built> {
        let built = finish(&self.tasks)?;
        Ok(Built { rejects: self.rejects, filtered: self.filtered, ..built })
    }
}
