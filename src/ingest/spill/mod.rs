//! Data larger than memory: rows are read once and put on disk by customer; then one part of the customers after the
//! other is a log of its own.

mod deal;
mod disk;
mod leaves;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use arrow::array::{TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Roles, build_here, carried, check_roles};
use crate::calendar::Zone;
use crate::error::{Error, Result, did_you_mean};
use crate::log::{EventLog, Provenance, Reject, rejects_table};
use crate::memory::available_bytes;
use crate::pool::{Cancel, Stage, on_pool};
use crate::table::Table;

use deal::{Counted, Dealt, Pass};
use disk::{Disk, Run};
use leaves::Leaf;
pub use source::{Source, Stream};

/// How much memory may be used, and where the rows go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Bytes that the rows in work may take; half of what is available by default.
    #[serde(default)]
    pub memory: Option<u64>,
    /// The folder of the spilled rows; that for temporary files by default.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// Only the first so many events of each customer.
    #[serde(default)]
    pub max_events_per_customer: Option<u64>,
}

/// Where nobody can say how much memory there is.
const MEMORY_UNKNOWN: u64 = 2 << 30;
/// Rows are dealt by at most so many leading bits of the hash, and by fewer where runs would become small.
const MOST_BITS: u32 = 8;
const RUN_BYTES: usize = 1 << 15;

/// The rows of a data set on disk, by customer.
pub struct Spill {
    disk: Disk,
    parts: Vec<Vec<Leaf>>,
    dealt: Dealt,
    roles: Roles,
    zone: Zone,
    /// Value and attributes: name and type as they were given.
    columns: Vec<(String, DataType)>,
    observed_until: i64,
    /// Of files: what was read.
    description: Option<Value>,
    memory: u64,
    most_events: Option<u64>,
    giants: Vec<(String, usize)>,
}

impl Spill {
    /// Reads all rows once.
    pub fn new(source: &dyn Source, roles: &Roles, options: &Options, cancel: &Cancel) -> Result<Self> {
        on_pool(|| Self::read(source, roles, options, cancel))
    }

    fn read(source: &dyn Source, roles: &Roles, options: &Options, cancel: &Cancel) -> Result<Self> {
        let nothing = Table::from_batch(RecordBatch::new_empty(source.schema()));
        check_roles(&nothing, roles)?;
        let columns = carried(&nothing, roles)?.into_iter().map(|(name, data_type, _)| (name, data_type)).collect();
        let zone = Zone::new(&roles.timezone)?;
        let memory = options.memory.unwrap_or_else(|| available_bytes().map_or(MEMORY_UNKNOWN, |bytes| bytes / 2));
        let disk = Disk::new(options.folder.as_deref())?;
        // Each thread holds sorted rows, copies of one bucket, and a batch that is being read.
        let block_bytes = memory as usize / rayon::current_num_threads() / 4;
        let bits = (block_bytes / RUN_BYTES).max(2).ilog2().min(MOST_BITS);
        let pass = Pass { source, roles, zone: &zone, disk: &disk, bits, block_bytes, cancel };
        cancel.begin(Stage::Spilling, source.rows());
        let mut dealt = pass.deal()?;
        check_names(&dealt, roles)?;
        let observed_until = roles.observed_until_us.or(dealt.latest).unwrap_or_default();
        if dealt.rows == 0 {
            return Err(super::no_rows());
        }
        if dealt.used == 0 {
            return Err(super::nothing_left(dealt.rows, dealt.filtered, &dealt.rejects, roles));
        }
        // While a part is in work, the next kernel state and the result of the last one are there as well.
        let most_bytes = memory as usize / 2;
        let leaves = Leaf::of_buckets(std::mem::take(&mut dealt.runs), bits);
        let leaves = leaves::split(leaves, &disk, most_bytes, cancel)?;
        let mut spill = Self {
            parts: leaves::packed(leaves, most_bytes),
            disk,
            dealt,
            roles: roles.clone(),
            zone,
            columns,
            // The same as of a part of the whole.
            observed_until: roles.end_us.map_or(observed_until, |end| end.min(observed_until)),
            description: source.origin().map(|origin| origin.description.clone()),
            memory,
            most_events: options.max_events_per_customer,
            giants: Vec::new(),
        };
        spill.giants = spill.find_giants()?;
        Ok(spill)
    }

    /// Customers who alone exceed the memory of a part, with their events.
    fn find_giants(&self) -> Result<Vec<(String, usize)>> {
        let giants = self.parts.iter().flatten().filter(|leaf| leaf.is_one_customer);
        let named = giants.map(|leaf| {
            let rows = self.disk.read(&leaf.runs[0])?;
            Ok((super::text_at(rows.column(0), 0)?.unwrap_or_default(), leaf.rows()))
        });
        named.collect()
    }

    /// Number of logs that hold the customers between them, in the order of one log of all.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// A part of the customers as a log.
    pub fn part(&self, index: usize, cancel: &Cancel) -> Result<EventLog> {
        on_pool(|| self.part_here(index, cancel))
    }

    fn part_here(&self, index: usize, cancel: &Cancel) -> Result<EventLog> {
        let leaves = self.parts.get(index).ok_or_else(|| {
            Error::Argument(format!("there is no part {index}; the data are in {} parts", self.parts.len()))
        })?;
        let batches = match leaves.as_slice() {
            [giant] if giant.is_one_customer => self.giant(giant, cancel)?,
            _ => {
                let runs: Vec<&Run> = leaves.iter().flat_map(|leaf| &leaf.runs).collect();
                let read = |run: &&Run| {
                    cancel.check()?;
                    self.disk.read(run)
                };
                runs.par_iter().map(read).collect::<Result<Vec<_>>>()?
            }
        };
        let log = self.log(&batches, cancel)?;
        match self.most_events {
            None => Ok(log),
            Some(most) => first_events(&log, most, cancel),
        }
    }

    /// A log of one event that has all columns of the data, with no value in any: what can be refused without a look at
    /// the data, it refuses.
    pub fn outline(&self, cancel: &Cancel) -> Result<EventLog> {
        let (time, _) = self.dealt.used_span.unwrap_or_default();
        let runs = self.parts.iter().flatten().flat_map(|leaf| &leaf.runs);
        let run = runs.into_iter().next().ok_or_else(|| Error::Internal("nothing was spilled".into()))?;
        // Ids may become a column of a log of other units, so they are of the same type here.
        let one = self.disk.read(run)?.column(0).slice(0, 1);
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("customer", one),
            ("time", Arc::new(Int64Array::from(vec![time]))),
            ("event", Arc::new(Int32Array::from(vec![0]))),
        ];
        if self.roles.channel.is_some() {
            columns.push(("channel", new_null_array(&DataType::Int32, 1)));
        }
        columns.extend(self.columns.iter().map(|(name, data_type)| (name.as_str(), new_null_array(data_type, 1))));
        let columns = columns.into_iter().map(|(name, values)| (name, values, true));
        let row = RecordBatch::try_from_iter_with_nullable(columns)?;
        on_pool(|| self.log(&[row], cancel))
    }

    /// Spilled rows as a log.
    fn log(&self, batches: &[RecordBatch], cancel: &Cancel) -> Result<EventLog> {
        let log = build_here(&self.table(batches)?, &self.part_roles(), cancel)?;
        let columns = [&self.roles.customer, &self.roles.time, &self.roles.event].map(Clone::clone);
        let provenance = Provenance { columns, ..Provenance::clone(&log.provenance) };
        Ok(EventLog { observed_until_given: self.observed_until_given(), provenance: Arc::new(provenance), ..log })
    }

    /// The rows of a customer who alone exceeds the memory: only the first events, if that was asked for.
    fn giant(&self, leaf: &Leaf, cancel: &Cancel) -> Result<Vec<RecordBatch>> {
        let most = self.most_events.map_or(usize::MAX, |most| most as usize);
        let needed = leaf.build_bytes() as u64;
        if most >= leaf.rows() && available_bytes().is_some_and(|bytes| needed > bytes) {
            let name = self.giants.iter().find(|(_, rows)| *rows == leaf.rows()).map_or("", |(name, _)| name);
            return Err(Error::Data(format!(
                "customer \"{name}\" has {} events, which take {} MB together, more than is free; an id that stands for \
                 many people is best left out of the data, or give max_events_per_customer= to keep the first events of \
                 each customer",
                leaf.rows(),
                needed >> 20
            )));
        }
        let mut held: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        for run in &leaf.runs {
            cancel.check()?;
            held.push(self.disk.read(run)?);
            rows += run.rows;
            if rows > most.saturating_mul(2) {
                held = vec![earliest(&held, most)?];
                rows = most;
            }
        }
        Ok(held)
    }

    /// Spilled rows as ingest reads them.
    fn table(&self, batches: &[RecordBatch]) -> Result<Table> {
        let texts = |counted: &Counted| -> ArrayRef { Arc::new(StringArray::from_iter_values(&counted.names)) };
        let (events, channels) = (texts(&self.dealt.events), texts(&self.dealt.channels));
        let named = |codes: &ArrayRef, names: &ArrayRef| -> Result<ArrayRef> {
            let codes = codes.as_primitive::<Int32Type>().clone();
            Ok(Arc::new(DictionaryArray::try_new(codes, Arc::clone(names))?))
        };
        let read = |batch: &RecordBatch| -> Result<RecordBatch> {
            let column = |(field, values): (&Arc<Field>, &ArrayRef)| -> Result<ArrayRef> {
                match field.name().as_str() {
                    "customer" => Ok(Arc::clone(values)),
                    "time" => {
                        let times = values.as_primitive::<Int64Type>().values().clone();
                        Ok(Arc::new(TimestampMicrosecondArray::new(times, None).with_timezone("UTC")))
                    }
                    "event" => named(values, &events),
                    "channel" => named(values, &channels),
                    name => match self.columns.iter().find(|(other, _)| other == name) {
                        Some((_, data_type)) => Ok(cast(values, data_type)?),
                        None => Err(Error::Internal(format!("column {name} was spilled by nobody"))),
                    },
                }
            };
            let schema = batch.schema();
            let columns = schema.fields().iter().zip(batch.columns()).map(column).collect::<Result<Vec<_>>>()?;
            let fields = schema.fields().iter().zip(&columns);
            let fields = fields.map(|(field, values)| Field::new(field.name(), values.data_type().clone(), true));
            Ok(RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)?)
        };
        let batches = batches.iter().map(read).collect::<Result<Vec<_>>>()?;
        let first = batches.first().ok_or_else(|| Error::Internal("a part has no rows".into()))?;
        Ok(Table::new(first.schema(), batches))
    }

    fn observed_until_given(&self) -> bool {
        self.roles.observed_until_us.is_some() || self.roles.is_bounded()
    }

    fn part_roles(&self) -> Roles {
        Roles {
            customer: "customer".into(),
            time: "time".into(),
            event: "event".into(),
            channel: self.roles.channel.as_ref().map(|_| "channel".into()),
            value: self.roles.value.as_ref().map(|_| "value".into()),
            time_unit: None,
            observed_until_us: Some(self.observed_until),
            only_events: None,
            start_us: None,
            end_us: None,
            normalize: None,
            ..self.roles.clone()
        }
    }

    /// Sizes, span, columns, and what happened to the rows.
    pub fn describe(&self) -> Value {
        let rejected: BTreeMap<&str, u64> =
            self.dealt.rejected.iter().map(|(reason, count)| (reason.name(), *count)).collect();
        let (first, last) = self.dealt.used_span.unwrap_or_default();
        let channel = self.roles.channel.is_some().then(|| json!(["channel", "Utf8"]));
        let columns = self.columns.iter().map(|(name, data_type)| json!([name, data_type.to_string()]));
        json!({
            "events": self.dealt.used,
            "rows": self.dealt.rows,
            "filtered": self.dealt.filtered,
            "first_us": first,
            "last_us": last,
            "observed_until_us": self.observed_until,
            "observed_until_given": self.observed_until_given(),
            "timezone": self.zone.name(),
            "columns": channel.into_iter().chain(columns).collect::<Vec<_>>(),
            "rejected": rejected,
            "normalized": self.dealt.normalized,
            "files": self.description,
            "parts": self.parts.len(),
            "largest_part": self.parts.iter().map(|part| part.iter().map(Leaf::rows).sum::<usize>()).max(),
            "spilled_bytes": self.disk.bytes(),
            "memory": self.memory,
            "giants": self.giants.iter().map(|(name, rows)| json!([name, rows])).collect::<Vec<_>>(),
        })
    }

    /// One row per name of `event` or `channel`, sorted: `name`, `events`.
    pub fn names_table(&self, column: &str) -> Result<Table> {
        let counted = match column {
            "event" => &self.dealt.events,
            "channel" if self.roles.channel.is_some() => &self.dealt.channels,
            _ => return Err(Error::UnknownColumn(format!("\"{column}\" has no table of names in these data"))),
        };
        let mut rows: Vec<(&String, u64)> = counted.names.iter().zip(counted.counts.iter().copied()).collect();
        rows.sort_unstable();
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(name, _)| name)));
        let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, count)| *count as i64)));
        Ok(Table::from_batch(RecordBatch::try_from_iter([("name", names), ("events", counts)])?))
    }

    /// The first rows that were not used: `row`, `column` (as in the data), `reason`, `value`.
    pub fn rejects_table(&self) -> Result<Table> {
        let columns = [&self.roles.customer, &self.roles.time, &self.roles.event];
        rejects_table(&self.dealt.rejects as &[Reject], columns)
    }
}

fn check_names(dealt: &Dealt, roles: &Roles) -> Result<()> {
    let known = &dealt.events.names;
    let unknown = roles.only_events.iter().flatten().find(|name| !known.contains(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Error::UnknownEvent(format!(
            "\"{name}\" is not an event of the data{} ({} events)",
            did_you_mean(name, known.iter().map(String::as_str)),
            known.len()
        ))),
    }
}

/// The first events of each customer.
fn first_events(log: &EventLog, most: u64, cancel: &Cancel) -> Result<EventLog> {
    let offsets = &log.offsets[..];
    if offsets.windows(2).all(|pair| pair[1] - pair[0] <= most) {
        return Ok(log.clone());
    }
    let kept = |event: usize| {
        let customer = offsets.partition_point(|&offset| offset <= event as u64) - 1;
        (event as u64) < offsets[customer] + most
    };
    log.part(&|_| true, Some(&kept), log.observed_until(), false, cancel)
}

/// The earliest rows of some batches, ties in their order.
fn earliest(batches: &[RecordBatch], most: usize) -> Result<RecordBatch> {
    let rows = concat_batches(&batches[0].schema(), batches)?;
    let times = rows.column(1).as_primitive::<Int64Type>().values();
    let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
    order.sort_by_key(|&row| times[row as usize]);
    order.truncate(most);
    // Back into the order of the data, which decides between equal times later.
    order.sort_unstable();
    Ok(take_record_batch(&rows, &UInt32Array::from(order))?)
}
