//! The rows of each customer together: read once, in tasks, in the way that suits the order they come in.

use std::ops::Range;

use rayon::prelude::*;

use super::finish::{Built, Finisher};
use super::grouped::{self, Runs};
use super::ids::Ids;
use super::partition::{self, Dealt};
use super::record::{Layout, Payload, Row};
use super::rows::{Input, Reader, Sink};
use crate::error::Result;
use crate::log::Reject;
use crate::pool::Stage;

/// Groups the rows by customer; `None` where an id does not fit the form of key.
pub fn group<I: Ids>(ids: &I, input: &Input<'_>) -> Result<Option<Built>> {
    let event_bits = bits(input.events.names.len());
    let channel_bits = input.channels.map_or(0, |channels| bits(channels.names.len() + 1));
    let base = input.times.earliest().unwrap_or(0);
    let span = input.times.latest().unwrap_or(0).abs_diff(base);
    let layout = Layout { base, code_bits: event_bits + channel_bits, event_bits };
    let narrow = (64 - span.leading_zeros()) + layout.code_bits <= 64 && layout.code_bits < 64;
    // Verification reads the ids of rows again, so it needs the rows.
    match (narrow, input.keep_rows || ids.must_verify()) {
        (true, false) => read_and_finish::<I, u64, ()>(ids, input, layout),
        (true, true) => read_and_finish::<I, u64, u32>(ids, input, layout),
        (false, _) => read_and_finish::<I, (u64, u64), u32>(ids, input, layout),
    }
}

/// Bits that hold `count` different values.
fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

fn read_and_finish<I: Ids, P: Payload, R: Row>(ids: &I, input: &Input<'_>, layout: Layout) -> Result<Option<Built>> {
    let starts: Vec<usize> = input
        .times
        .slices
        .iter()
        .scan(0, |next, slice| {
            let start = *next;
            *next += slice.values.len();
            Some(start)
        })
        .collect();
    let rows = input.times.slices.iter().map(|slice| slice.values.len()).sum::<usize>();
    input.cancel.begin(Stage::Grouping, Some(rows as u64));
    let finisher = Finisher { ids, layout, starts: &starts };
    if grouped::is_grouped(ids, input) {
        let read = read(&finisher, ids, input, Runs::<I::Key, P, R>::new)?;
        return read.map(|read| read.built(|tasks| grouped::finish(&finisher, tasks, input))).transpose();
    }
    let partitions = partition::partitions_of(rows);
    let read = read(&finisher, ids, input, |rows| Dealt::<I::Key, P, R>::new(partitions, rows))?;
    read.map(|read| read.built(|tasks| partition::finish(&finisher, tasks, input))).transpose()
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

/// Reads all slices, each task into a sink of its own.
fn read<I: Ids, P: Payload, R: Row, S: Sink<I, P, R> + Send>(
    finisher: &Finisher<'_, I::Key>,
    ids: &I,
    input: &Input<'_>,
    sink: impl Fn(usize) -> S + Sync,
) -> Result<Option<Read<S>>> {
    let slices = input.times.slices.len();
    // Contiguous tasks, so that the rows of a customer come out in input order.
    let tasks = (rayon::current_num_threads() * 4).min(slices);
    let task = |task: usize| -> Result<Option<Reader<'_, I, S>>> {
        let slices: Range<usize> = task * slices / tasks..(task + 1) * slices / tasks;
        let rows = slices.clone().map(|slice| input.times.slices[slice].values.len()).sum();
        let mut reader = Reader::new(ids, input, finisher.layout, sink(rows));
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
