//! The first pass over rows that need not fit in memory: each is read, judged, and put on disk beside the rows of
//! customers whose ids have nearby hashes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;

use super::super::coded::{CodedColumn, Interner, MISSING};
use super::super::times::{TimeColumn, mixed_zones};
use super::super::{OnBad, Roles, carried, ids, is_text, refuse_reserved, reject_message, spelled, text_at};
use super::disk::{Disk, Run};
use super::source::Source;
use crate::calendar::{EARLIEST_US, LATEST_US, Zone};
use crate::error::{Error, Result};
use crate::log::{Reason, Reject};
use crate::pool::Cancel;
use crate::table::Table;

/// Rows that are read, judged and sorted at a time.
const BATCH_ROWS: usize = 1 << 16;
/// Rejected rows that are kept with their value; all are counted.
const REJECTS_KEPT: usize = 100_000;

/// What all threads of the pass share.
pub struct Pass<'a> {
    /// The data.
    pub source: &'a dyn Source,
    /// Which column is what.
    pub roles: &'a Roles,
    /// The zone of times without one.
    pub zone: &'a Zone,
    /// Where the rows go.
    pub disk: &'a Disk,
    /// Rows are dealt by so many leading bits of the hash of their customer.
    pub bits: u32,
    /// Bytes of rows that one thread holds before it writes them.
    pub block_bytes: usize,
    /// Asked to stop?
    pub cancel: &'a Cancel,
}

/// What the pass found.
#[derive(Default)]
pub struct Dealt {
    /// Columns of the runs.
    pub schema: Option<SchemaRef>,
    /// By bucket, its runs in the order of the data.
    pub runs: Vec<Vec<Run>>,
    /// Names of the events, and how many each has.
    pub events: Counted,
    /// Names of the channels, and how many events each has.
    pub channels: Counted,
    /// Rows read.
    pub rows: u64,
    /// Rows used.
    pub used: u64,
    /// Rows of other events than those asked for.
    pub filtered: u64,
    /// Rows not used, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// The first of them.
    pub rejects: Vec<Reject>,
    /// Earliest and latest time of the rows used, µs UTC.
    pub used_span: Option<(i64, i64)>,
    /// Latest time of all, µs UTC.
    pub latest: Option<i64>,
    /// Rows of each column that were brought into another spelling.
    pub normalized: BTreeMap<String, u64>,
}

/// Names in the order in which they were first met, with their numbers of events.
#[derive(Default)]
pub struct Counted {
    /// By code.
    pub names: Vec<String>,
    /// By code.
    pub counts: Vec<u64>,
}

impl Counted {
    fn new(names: Interner, mut counts: Vec<u64>) -> Self {
        let names = names.into_names();
        counts.resize(names.len(), 0);
        Self { names, counts }
    }
}

/// A row of the data: piece and position in it. Positions in all the data are known at the end.
type Place = (usize, u64);

/// What one thread found.
#[derive(Default)]
struct Found {
    schema: Option<SchemaRef>,
    runs: Vec<(usize, Run)>,
    rows_of_pieces: Vec<u64>,
    used: u64,
    filtered: u64,
    rejected: BTreeMap<Reason, u64>,
    rejects: Vec<(Place, Reject)>,
    events: Vec<u64>,
    channels: Vec<u64>,
    used_span: Option<(i64, i64)>,
    latest: Option<i64>,
    normalized: BTreeMap<String, u64>,
    with_zone: Option<Place>,
    without_zone: Option<Place>,
}

impl Pass<'_> {
    /// Puts all rows on disk.
    pub fn deal(&self) -> Result<Dealt> {
        let (events, channels) = (Interner::default(), Interner::default());
        let pieces = self.source.pieces();
        // Contiguous pieces for each thread, so that the runs of all of them in turn are in the order of the data.
        let threads = rayon::current_num_threads().min(pieces).max(1);
        let found: Vec<Found> = (0..threads)
            .into_par_iter()
            .map(|thread| {
                let (first, last) = (thread * pieces / threads, (thread + 1) * pieces / threads);
                let mut worker = Worker::new(self, &events, &channels);
                for piece in first..last {
                    worker.piece(piece)?;
                }
                worker.flush()?;
                Ok(worker.found)
            })
            .collect::<Result<_>>()?;
        self.gather(found, events, channels)
    }

    fn gather(&self, found: Vec<Found>, events: Interner, channels: Interner) -> Result<Dealt> {
        let starts: Vec<u64> = found
            .iter()
            .flat_map(|found| &found.rows_of_pieces)
            .enumerate()
            .scan(0, |next, (piece, rows)| {
                let start = self.source.first_row(piece).unwrap_or(*next);
                *next = start + rows;
                Some(start)
            })
            .collect();
        let row = |place: Place| starts.get(place.0).copied().unwrap_or(0) + place.1;
        let first = |pick: fn(&Found) -> Option<Place>| found.iter().filter_map(pick).map(row).min();
        if let (Some(zoned), Some(plain)) = (first(|found| found.with_zone), first(|found| found.without_zone)) {
            return Err(mixed_zones(&self.roles.time, zoned, plain));
        }
        let mut dealt = Dealt { runs: vec![Vec::new(); 1 << self.bits], ..Dealt::default() };
        let (mut of_events, mut of_channels) = (Vec::new(), Vec::new());
        for found in found {
            dealt.schema = dealt.schema.or(found.schema);
            for (bucket, run) in found.runs {
                dealt.runs[bucket].push(run);
            }
            dealt.rows += found.rows_of_pieces.iter().sum::<u64>();
            dealt.used += found.used;
            dealt.filtered += found.filtered;
            for (reason, count) in found.rejected {
                *dealt.rejected.entry(reason).or_default() += count;
            }
            dealt.rejects.extend(found.rejects.into_iter().map(|(place, reject)| Reject { row: row(place), ..reject }));
            add(&mut of_events, &found.events);
            add(&mut of_channels, &found.channels);
            dealt.used_span = wider(dealt.used_span, found.used_span);
            dealt.latest = dealt.latest.max(found.latest);
            for (column, rows) in found.normalized {
                *dealt.normalized.entry(column).or_default() += rows;
            }
        }
        dealt.rejects.truncate(REJECTS_KEPT);
        if let Some(origin) = self.source.origin() {
            dealt.rows += origin.left_out;
            dealt.filtered += origin.left_out;
            dealt.latest = dealt.latest.max(origin.later_us.filter(|_| dealt.latest.is_some()));
        }
        dealt.events = Counted::new(events, of_events);
        dealt.channels = Counted::new(channels, of_channels);
        Ok(dealt)
    }
}

fn add(sums: &mut Vec<u64>, counts: &[u64]) {
    sums.resize(sums.len().max(counts.len()), 0);
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

fn wider(left: Option<(i64, i64)>, right: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (left, right) {
        (Some(left), Some(right)) => Some((left.0.min(right.0), left.1.max(right.1))),
        (left, right) => left.or(right),
    }
}

/// Rows of one batch in the order of their buckets, and where each bucket ends.
type Sorted = (RecordBatch, Vec<u32>);

struct Worker<'a> {
    pass: &'a Pass<'a>,
    events: &'a Interner,
    channels: &'a Interner,
    block: Vec<Sorted>,
    block_bytes: usize,
    found: Found,
}

impl<'a> Worker<'a> {
    fn new(pass: &'a Pass<'a>, events: &'a Interner, channels: &'a Interner) -> Self {
        Self { pass, events, channels, block: Vec::new(), block_bytes: 0, found: Found::default() }
    }

    fn piece(&mut self, piece: usize) -> Result<()> {
        let pass = self.pass;
        let mut start = 0;
        pass.source.read(piece, pass.cancel, &mut |whole| {
            for from in (0..whole.num_rows()).step_by(BATCH_ROWS) {
                let rows = BATCH_ROWS.min(whole.num_rows() - from);
                pass.cancel.advance(rows)?;
                self.batch(&Table::from_batch(whole.slice(from, rows)), (piece, start))?;
                start += rows as u64;
            }
            Ok(())
        })?;
        self.found.rows_of_pieces.push(start);
        Ok(())
    }

    fn batch(&mut self, given: &Table, place: Place) -> Result<()> {
        let roles = self.pass.roles;
        let (batch, changed) = spelled(given, roles)?;
        for (column, rows) in changed {
            *self.found.normalized.entry(column).or_default() += rows;
        }
        let only = |name: &str| Ok::<_, Error>(batch.column(name)?.swap_remove(0));
        let (customer, time, event) = (only(&roles.customer)?, only(&roles.time)?, only(&roles.event)?);
        let times = TimeColumn::read(std::slice::from_ref(&time), &roles.time, roles.time_unit, self.pass.zone)?;
        let events = CodedColumn::read(std::slice::from_ref(&event), &roles.event)?;
        refuse_reserved(&events, roles)?;
        let channels = match &roles.channel {
            Some(name) => Some(CodedColumn::read(&[only(name)?], name)?),
            None => None,
        };
        let placed = ids::placed(&customer, &roles.customer)?;
        self.note_zones(&times, place);
        self.found.latest = self.found.latest.max(times.latest());

        let wanted =
            |name: &str| roles.only_events.as_ref().is_none_or(|names| names.iter().any(|other| other == name));
        let of_events = Codes { column: &events, codes: self.events.codes(&events.names) };
        let skipped: Vec<bool> = events.names.iter().map(|name| !wanted(name)).collect();
        let until = roles.observed_until_us.unwrap_or(i64::MAX);
        let shift = u64::BITS - self.pass.bits;
        let slice = &times.slices[0];
        let mut kept = Vec::with_capacity(batch.num_rows());
        let mut ends = vec![0_u32; 1 << self.pass.bits];
        for index in 0..batch.num_rows() {
            let code = of_events.local(index);
            if code.is_some_and(|code| skipped[code]) {
                self.found.filtered += 1;
                continue;
            }
            let at = slice.values[index];
            let no_time = slice.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index));
            if !no_time && !roles.range().contains(&at) {
                self.found.filtered += 1;
                continue;
            }
            let reason = match placed.hashes[index] {
                None => Reason::CustomerMissing,
                _ if no_time => Reason::TimeMissing,
                _ if !(EARLIEST_US..LATEST_US).contains(&at) => Reason::TimeOutOfRange,
                _ if code.is_none() => Reason::EventMissing,
                _ if at > until => Reason::AfterObservedUntil,
                Some(hash) => {
                    let bucket = hash.checked_shr(shift).unwrap_or(0) as u32;
                    ends[bucket as usize] += 1;
                    kept.push((bucket, index as u32));
                    self.found.used_span = wider(self.found.used_span, Some((at, at)));
                    continue;
                }
            };
            let mut reject = Reject { row: index as u64, reason, value: None };
            times.refine(&mut reject);
            let columns = [&roles.customer, &roles.time, &roles.event].map(String::as_str);
            reject.value = text_at(&given.column(reject.reason.column(columns))?[0], index)?;
            self.reject(reject, (place.0, place.1 + index as u64))?;
        }
        self.found.used += kept.len() as u64;
        let order = in_buckets(&kept, &mut ends);
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("customer".into(), take(&placed.column, &order, None)?),
            (
                "time".into(),
                Arc::new(order.values().iter().map(|&row| slice.values[row as usize]).collect::<Int64Array>()),
            ),
            ("event".into(), of_events.sorted(&order, &mut self.found.events)),
        ];
        if let Some(column) = &channels {
            let codes = Codes { column, codes: self.channels.codes(&column.names) };
            columns.push(("channel".into(), codes.sorted(&order, &mut self.found.channels)));
        }
        for (name, _, mut chunks) in carried(&batch, roles)? {
            columns.push((name, take(&plain(&chunks.swap_remove(0))?, &order, None)?));
        }
        self.hold(columns, ends)
    }

    fn note_zones(&mut self, times: &TimeColumn, (piece, start): Place) {
        let place = |row: Option<usize>| row.map(|row| (piece, start + row as u64));
        self.found.with_zone = self.found.with_zone.or(place(times.with_zone));
        self.found.without_zone = self.found.without_zone.or(place(times.without_zone));
    }

    fn reject(&mut self, reject: Reject, place: Place) -> Result<()> {
        if self.pass.roles.on_bad == OnBad::Raise {
            return Err(Error::Data(reject_message(&Reject { row: place.1, ..reject }, 1, self.pass.roles)));
        }
        *self.found.rejected.entry(reject.reason).or_default() += 1;
        if self.found.rejects.len() < REJECTS_KEPT {
            self.found.rejects.push((place, reject));
        }
        Ok(())
    }

    fn hold(&mut self, columns: Vec<(String, ArrayRef)>, ends: Vec<u32>) -> Result<()> {
        let schema = self.found.schema.get_or_insert_with(|| {
            let fields = columns.iter().map(|(name, values)| Field::new(name, values.data_type().clone(), true));
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        });
        let rows = RecordBatch::try_new(Arc::clone(schema), columns.into_iter().map(|(_, values)| values).collect())?;
        self.block_bytes += rows.get_array_memory_size();
        self.block.push((rows, ends));
        if self.block_bytes >= self.pass.block_bytes { self.flush() } else { Ok(()) }
    }

    /// Writes what is held, bucket by bucket.
    fn flush(&mut self) -> Result<()> {
        let block = std::mem::take(&mut self.block);
        self.block_bytes = 0;
        let Some(schema) = &self.found.schema else { return Ok(()) };
        for bucket in 0..1 << self.pass.bits {
            self.pass.cancel.check()?;
            let start = |ends: &[u32]| if bucket == 0 { 0 } else { ends[bucket - 1] as usize };
            let parts = block.iter().map(|(rows, ends)| rows.slice(start(ends), ends[bucket] as usize - start(ends)));
            let parts: Vec<RecordBatch> = parts.filter(|part| part.num_rows() > 0).collect();
            if !parts.is_empty() {
                let rows = concat_batches(schema, &parts)?;
                self.found.runs.push((bucket, self.pass.disk.write(&rows)?));
            }
        }
        Ok(())
    }
}

/// The rows in the order of their buckets, else in their own; `counts` of the buckets become their ends.
fn in_buckets(kept: &[(u32, u32)], counts: &mut [u32]) -> UInt32Array {
    let mut next = Vec::with_capacity(counts.len());
    let mut end = 0;
    for count in counts.iter_mut() {
        next.push(end);
        end += *count;
        *count = end;
    }
    let mut order = vec![0; kept.len()];
    for &(bucket, row) in kept {
        let place = &mut next[bucket as usize];
        order[*place as usize] = row;
        *place += 1;
    }
    order.into()
}

/// A column of names of one batch, with their codes in all the data.
struct Codes<'a> {
    column: &'a CodedColumn,
    codes: Vec<u32>,
}

impl Codes<'_> {
    /// The position of a row's name in the batch's names; none where it has none.
    fn local(&self, row: usize) -> Option<usize> {
        let slice = &self.column.slices[0];
        if slice.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(slice.table[slice.keys[row] as usize]).filter(|&code| code != MISSING).map(|code| code as usize)
    }

    /// The codes of some rows, which are counted.
    fn sorted(&self, order: &UInt32Array, counts: &mut Vec<u64>) -> ArrayRef {
        let most = self.codes.iter().max().map_or(0, |&code| code as usize + 1);
        counts.resize(counts.len().max(most), 0);
        let code = |&row: &u32| self.local(row as usize).map(|local| self.codes[local].cast_signed());
        let codes: Int32Array = order.values().iter().map(code).collect();
        for code in codes.iter().flatten() {
            counts[code as usize] += 1;
        }
        Arc::new(codes)
    }
}

/// Values that stand by themselves, not in a dictionary or in buffers that they share with other rows.
fn plain(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Dictionary(_, value) if is_text(value) => cast(values, &DataType::LargeUtf8)?,
        DataType::Dictionary(_, value) => cast(values, value)?,
        DataType::Utf8View => cast(values, &DataType::LargeUtf8)?,
        DataType::BinaryView => cast(values, &DataType::LargeBinary)?,
        _ => Arc::clone(values),
    })
}
