//! Files whose pieces say how many rows they have, straight into a log: each task decodes its pieces and deals their
//! rows while they are in cache, so that the rows never stand in memory as a table.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use rayon::prelude::*;

use super::coded::{CodedColumn, CodedSlice, Interner, MISSING, SKIPPED};
use super::files::Files;
use super::finish::{Built, Finisher, Recoded, Shape};
use super::group::{bits, most_tasks};
use super::grouped::{self, Runs};
use super::ids::{self, Grouper, Ids};
use super::partition::{self, Dealt};
use super::record::{Layout, Row};
use super::rows::{Input, Reader, Sink};
use super::times::{TimeColumn, is_text};
use super::{Carried, Gathered, Roles, carried, check_roles, describe_rejects};
use crate::calendar::Zone;
use crate::error::{Error, Result};
use crate::log::{EventLog, Names, RESERVED, Reject};
use crate::pool::{Cancel, Stage};
use crate::table::Table;

/// Bits of a record's word that hold the code; the others hold 35 years of microseconds.
const CODE_BITS: u32 = 14;
const TIME_BITS: u32 = u64::BITS - CODE_BITS;

/// Pieces whose first rows tell what the ids and the times are like.
const SAMPLED: usize = 3;

/// Builds the log of these files; `None` where it can't be built in this way, and their rows have to stand in memory.
pub fn build(files: &Files, roles: &Roles, cancel: &Cancel) -> Result<Option<EventLog>> {
    let empty = Table::from_batch(RecordBatch::new_empty(Arc::clone(files.schema())));
    check_roles(&empty, roles)?;
    let rows: Option<Vec<usize>> =
        (0..files.pieces()).map(|piece| files.rows_of(piece).and_then(|rows| usize::try_from(rows).ok())).collect();
    let Some(rows) = rows.filter(|rows| (1..=u32::MAX as usize).contains(&rows.iter().sum())) else { return Ok(None) };
    if roles.normalize.is_some() || !is_plain(&empty, roles)? {
        return Ok(None);
    }
    let Some(build) = Build::new(files, roles, &rows, cancel)? else { return Ok(None) };
    let sample: Vec<ArrayRef> = build.sample.iter().map(|batch| build.ids_of(batch)).collect::<Result<_>>()?;
    let Some(gathered) = ids::grouped(&sample, &roles.customer, &build)? else { return Ok(None) };
    let origin = files.whole(&rows.iter().map(|&rows| rows as u64).collect::<Vec<_>>());
    gathered.into_log(roles, build.zone, Some(&origin)).map(Some)
}

/// Whether the columns have types whose every batch can be read by itself.
fn is_plain(empty: &Table, roles: &Roles) -> Result<bool> {
    let is_name = |name: &str| -> Result<bool> {
        Ok(match empty.data_type(name)? {
            DataType::Dictionary(_, value) => is_text(value),
            other => is_text(other),
        })
    };
    let customer = empty.data_type(&roles.customer)?;
    let is_id = is_text(customer) || customer.is_integer() || customer == &DataType::FixedSizeBinary(16);
    let is_time = matches!(empty.data_type(&roles.time)?, DataType::Timestamp(_, _));
    Ok(is_id && is_time && is_name(&roles.event)? && roles.channel.as_ref().map_or(Ok(true), |name| is_name(name))?)
}

/// What all tasks share.
struct Build<'a> {
    files: &'a Files,
    roles: &'a Roles,
    cancel: &'a Cancel,
    zone: Zone,
    /// Rows of each piece, and how many come before it.
    rows: &'a [usize],
    starts: Vec<usize>,
    /// The first batches of some pieces.
    sample: Vec<RecordBatch>,
    layout: Layout,
    no_channel: u64,
}

/// What one task read.
struct Part<S> {
    sink: S,
    rejects: Vec<Reject>,
    filtered: u64,
    carried: Vec<Vec<Carried>>,
    latest: Option<i64>,
}

impl<'a> Build<'a> {
    /// Looks at the first rows; `None` where their names are too many.
    fn new(files: &'a Files, roles: &'a Roles, rows: &'a [usize], cancel: &'a Cancel) -> Result<Option<Self>> {
        let pieces = files.pieces();
        let looked_at = (0..SAMPLED.min(pieces)).map(|number| number * pieces / SAMPLED.min(pieces));
        let sample: Vec<RecordBatch> = looked_at
            .map(|piece| files.first_batch(piece, cancel))
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        let zone = Zone::new(&roles.timezone)?;
        let mut earliest: Option<i64> = None;
        let (mut most_events, mut most_channels) = (0, 0);
        for batch in &sample {
            let table = Table::from_batch(batch.clone());
            let times = TimeColumn::read(&table.column(&roles.time)?, &roles.time, roles.time_unit, &zone)?;
            earliest = [earliest, times.earliest()].into_iter().flatten().min();
            most_events = most_events.max(CodedColumn::read(&table.column(&roles.event)?, &roles.event)?.names.len());
            if let Some(name) = &roles.channel {
                most_channels = most_channels.max(CodedColumn::read(&table.column(name)?, name)?.names.len());
            }
        }
        // Room for four times the channels of the sample; what is left is for events.
        let channel_bits = if roles.channel.is_some() { bits(most_channels + 1).max(2) + 2 } else { 0 };
        let Some(event_bits) = CODE_BITS.checked_sub(channel_bits).filter(|&bits| most_events < 1 << bits) else {
            return Ok(None);
        };
        let base = earliest.unwrap_or_default() - (1 << (TIME_BITS - 1));
        let starts = rows.iter().scan(0, |next, rows| Some(std::mem::replace(next, *next + rows))).collect();
        Ok(Some(Self {
            files,
            roles,
            cancel,
            zone,
            rows,
            starts,
            sample,
            layout: Layout { base, code_bits: CODE_BITS, event_bits },
            no_channel: (1 << channel_bits) - 1,
        }))
    }

    /// Ids in one of few forms.
    fn ids_of(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let ids = Table::from_batch(batch.clone()).column(&self.roles.customer)?.swap_remove(0);
        Ok(if is_text(ids.data_type()) { cast(&ids, &DataType::Utf8)? } else { ids })
    }

    /// Consecutive pieces of about as many rows for each task.
    fn tasks(&self) -> Vec<Range<usize>> {
        let (pieces, rows) = (self.rows.len(), self.starts[self.rows.len() - 1] + self.rows[self.rows.len() - 1]);
        let tasks = most_tasks().min(pieces);
        let cut = |task: usize| self.starts.partition_point(|&start| start < task * rows / tasks);
        let mut cuts: Vec<usize> = (0..tasks).map(cut).chain([pieces]).collect();
        cuts.dedup();
        cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    fn read<I: Ids, R: Row, S: Sink<I, u64, R> + Send>(
        &self,
        read: &(impl Fn(&[ArrayRef]) -> Result<I> + Sync),
        names: &[Interner; 2],
        sink: impl Fn(usize) -> S + Sync,
    ) -> Result<Option<Vec<Part<S>>>> {
        let task = |pieces: Range<usize>| -> Result<Option<Part<S>>> {
            let expected = self.rows[pieces.clone()].iter().sum();
            let mut part = Some(Part {
                sink: sink(expected),
                rejects: Vec::new(),
                filtered: 0,
                carried: Vec::new(),
                latest: None,
            });
            for piece in pieces {
                let mut next = self.starts[piece];
                self.files.read(piece, self.cancel, &mut |batch| {
                    let Some(before) = part.take() else { return Ok(()) };
                    let rows = batch.num_rows();
                    if next + rows > self.starts[piece] + self.rows[piece] {
                        return Err(Error::File("the file is damaged: a piece has more rows than it says".into()));
                    }
                    self.cancel.advance(rows)?;
                    part = self.batch(read, names, before, batch, next)?;
                    next += rows;
                    Ok(())
                })?;
            }
            Ok(part)
        };
        self.tasks().into_par_iter().map(task).collect()
    }

    /// Deals the rows of a batch, of which the first has this number; `None` where they do not fit.
    fn batch<I: Ids, R: Row, S: Sink<I, u64, R>>(
        &self,
        read: &impl Fn(&[ArrayRef]) -> Result<I>,
        names: &[Interner; 2],
        mut part: Part<S>,
        batch: RecordBatch,
        start: usize,
    ) -> Result<Option<Part<S>>> {
        let roles = self.roles;
        let ids = read(&[self.ids_of(&batch)?])?;
        let table = Table::from_batch(batch);
        let times = TimeColumn::read(&table.column(&roles.time)?, &roles.time, roles.time_unit, &self.zone)?;
        let fits = |time: i64| (time - self.layout.base) as u64 >> TIME_BITS == 0;
        if !times.earliest().is_none_or(fits) || !times.latest().is_none_or(fits) {
            return Ok(None);
        }
        let events = CodedColumn::read(&table.column(&roles.event)?, &roles.event)?;
        let Some(events) = recoded(&events, &names[0], 1 << self.layout.event_bits, roles.only_events.as_deref())
        else {
            return Ok(None);
        };
        let channels = match &roles.channel {
            None => None,
            Some(name) => {
                let column = CodedColumn::read(&table.column(name)?, name)?;
                let Some(channels) = recoded(&column, &names[1], self.no_channel as usize, None) else {
                    return Ok(None);
                };
                Some(channels)
            }
        };
        let input = Input {
            times: &times.slices,
            events: &events,
            channels: channels.as_deref(),
            no_channel: self.no_channel,
            observed_until: roles.observed_until_us.unwrap_or(i64::MAX),
            range: roles.range().into_inner(),
            cancel: self.cancel,
        };
        let mut reader = Reader::new(&ids, &input, self.layout, part.sink);
        if !reader.slices(0..1, &[start])? {
            return Ok(None);
        }
        part.sink = reader.sink;
        part.filtered += reader.filtered;
        part.latest = part.latest.max(times.latest());
        let mut rejects = reader.rejects;
        for reject in &mut rejects {
            reject.row -= start as u64;
        }
        describe_rejects(&mut rejects, &times, &table, roles)?;
        part.rejects.extend(rejects.into_iter().map(|reject| Reject { row: reject.row + start as u64, ..reject }));
        part.carried.push(carried(&table, roles)?);
        Ok(Some(part))
    }

    fn gathered<I: Ids, R: Row>(
        &self,
        chunks: &[ArrayRef],
        read: &(impl Fn(&[ArrayRef]) -> Result<I> + Sync),
    ) -> Result<Option<Gathered>> {
        let none = read(&[])?;
        if none.must_verify() {
            return Ok(None);
        }
        let names = <[Interner; 2]>::default();
        let rows = self.rows.iter().sum::<usize>();
        self.cancel.begin(Stage::Reading, Some(rows as u64));
        let sample = read(chunks)?;
        let lengths: Vec<usize> = chunks.iter().map(|chunk| chunk.len()).collect();
        if grouped::is_grouped(&sample, &lengths) {
            let parts = self.read(read, &names, Runs::<I::Key, u64, R>::new)?;
            return parts.map_or(Ok(None), |parts| self.finished(parts, names, &none, grouped::finish));
        }
        let partitions = partition::partitions_of(rows);
        let parts = self.read(read, &names, |rows| Dealt::<I::Key, u64, R>::new(partitions, rows))?;
        parts.map_or(Ok(None), |parts| self.finished(parts, names, &none, partition::finish))
    }

    fn finished<I: Ids, S>(
        &self,
        parts: Vec<Part<S>>,
        names: [Interner; 2],
        ids: &I,
        finish: impl FnOnce(&Finisher<'_, I::Key>, &[S], &Shape<'_>) -> Result<Built>,
    ) -> Result<Option<Gathered>> {
        let [events, channels] = names.map(Interner::into_names);
        if events.iter().any(|name| RESERVED.contains(&name.as_str())) {
            // Who has all rows can tell in which one.
            return Ok(None);
        }
        let event_names = match &self.roles.only_events {
            None => Names::new(events.clone()),
            Some(wanted) if wanted.iter().all(|name| events.contains(name)) => Names::new(wanted.clone()),
            Some(_) => return Ok(None),
        };
        let channel_names = self.roles.channel.as_ref().map(|_| Names::new(channels.clone()));
        let code = |names: &Names, name: &String| names.code(name).map_or(0, |code| code as u32);
        let mut of_channels = vec![0; self.no_channel as usize + 1];
        if let Some(names) = &channel_names {
            channels.iter().zip(&mut of_channels).for_each(|(name, into)| *into = code(names, name));
            of_channels[self.no_channel as usize] = names.len() as u32;
        }
        let codes =
            Recoded { events: events.iter().map(|name| code(&event_names, name)).collect(), channels: of_channels };
        let finisher = Finisher { ids, layout: self.layout, starts: &[0], codes: Some(codes) };
        let mut carried: Vec<Carried> = Vec::new();
        let (mut sinks, mut rejects, mut filtered, mut latest) = (Vec::new(), Vec::new(), 0, None);
        for part in parts {
            for columns in part.carried {
                if carried.is_empty() {
                    carried = columns;
                } else {
                    carried.iter_mut().zip(columns).for_each(|(all, column)| all.2.extend(column.2));
                }
            }
            sinks.push(part.sink);
            rejects.extend(part.rejects);
            filtered += part.filtered;
            latest = latest.max(part.latest);
        }
        let shape = Shape {
            events: event_names.len(),
            channels: channel_names.as_ref().map(Names::len),
            keep_rows: !carried.is_empty(),
            cancel: self.cancel,
        };
        let built = Built { rejects, filtered, ..finish(&finisher, &sinks, &shape)? };
        Ok(Some(Gathered {
            built,
            event_names,
            channel_names,
            carried,
            rows: self.rows.iter().sum::<usize>() as u64,
            latest,
            normalized: BTreeMap::new(),
        }))
    }
}

/// A column by codes of all the data; `None` where they are too many.
fn recoded(column: &CodedColumn, names: &Interner, most: usize, only: Option<&[String]>) -> Option<Vec<CodedSlice>> {
    let codes = names.codes(&column.names);
    if codes.iter().any(|&code| code as usize >= most) {
        return None;
    }
    let wanted = |code: usize| only.is_none_or(|names| names.iter().any(|name| name == column.names.name(code)));
    let code = |&local: &u32| match local {
        MISSING => MISSING,
        local if wanted(local as usize) => codes[local as usize],
        _ => SKIPPED,
    };
    let slices = column.slices.iter().map(|slice| {
        let table = slice.table.iter().map(code).collect();
        CodedSlice { keys: slice.keys.clone(), nulls: slice.nulls.clone(), table }
    });
    Some(slices.collect())
}

impl Grouper for Build<'_> {
    type Out = Gathered;

    fn group<I: Ids>(
        &self,
        chunks: &[ArrayRef],
        read: impl Fn(&[ArrayRef]) -> Result<I> + Sync,
    ) -> Result<Option<Gathered>> {
        let keeps_rows = self.roles.value.is_some() || !self.roles.attributes.is_empty();
        if keeps_rows { self.gathered::<I, u32>(chunks, &read) } else { self.gathered::<I, ()>(chunks, &read) }
    }
}
