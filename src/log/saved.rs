//! A log as a file, and a file as a log: Arrow IPC with one row whose lists are the columns of the log, so that every
//! reader of Arrow can look into it, and opening one maps the file instead of reading it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, PrimitiveArray, RecordBatch, StringArray, UInt64Array};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Int64Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Code, Codes, Column, EventLog, Names, Provenance, Reason, Reject};
use crate::calendar::{EARLIEST_US, LATEST_US, Zone};
use crate::error::{Error, Result, contained};
use crate::pool::{Cancel, on_pool};
use crate::table::Table;
use crate::with_codes;

const FACTS: &str = "safar.log";
/// Of the layout; a reader refuses those that it does not know. A log with a table beside it is of the second, so that a
/// reader of the first does not lose the table in silence.
const VERSION: u32 = 1;
const VERSION_WITH_TABLE: u32 = 2;

/// Values that are checked at a time.
const CHECKED: usize = 1 << 14;

/// What a saved log says of itself beside its columns.
#[derive(Serialize, Deserialize)]
struct Facts {
    version: u32,
    /// What the caller wants to have back.
    note: String,
    timezone: String,
    observed_until_us: i64,
    observed_until_given: bool,
    columns_of_roles: [String; 3],
    rows: u64,
    filtered: u64,
    ties: u64,
    already_ordered: bool,
    out_of_order: u64,
    late: Option<(String, i64)>,
    normalized: BTreeMap<String, u64>,
    files: Option<serde_json::Value>,
    #[serde(default)]
    profiles: Vec<serde_json::Value>,
    /// Names of value, attributes and further columns; the lists are `column 0`, `column 1` and so on.
    columns: Vec<String>,
    /// Names of the columns of the table beside the log; the lists are `beside 0`, `beside 1` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<Vec<String>>,
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File(format!("{}: {error}", path.display()))
}

impl EventLog {
    /// Writes the log; `note` and the table beside it come back when it is opened.
    pub fn save(&self, path: &Path, note: &str, beside: Option<&Table>, cancel: &Cancel) -> Result<()> {
        let batch = self.as_one_row(note, beside)?;
        cancel.check()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // To a temporary name first, so that no half-written log is ever found under this one.
        let mut file =
            tempfile::Builder::new().prefix(".safar-").tempfile_in(folder).map_err(|error| failed(path, error))?;
        let options = IpcWriteOptions::try_new(64, false, arrow::ipc::MetadataVersion::V5)?;
        let mut writer = FileWriter::try_new_with_options(std::io::BufWriter::new(&mut file), &batch.schema(), options)
            .map_err(|error| failed(path, error))?;
        writer.write(&batch).map_err(|error| failed(path, error))?;
        writer.finish().map_err(|error| failed(path, error))?;
        drop(writer);
        cancel.check()?;
        file.as_file().sync_all().map_err(|error| failed(path, error))?;
        file.persist(path).map_err(|error| failed(path, error.error))?;
        Ok(())
    }

    fn as_one_row(&self, note: &str, beside: Option<&Table>) -> Result<RecordBatch> {
        let provenance = &self.provenance;
        let facts = Facts {
            version: if beside.is_some() { VERSION_WITH_TABLE } else { VERSION },
            note: note.to_owned(),
            timezone: self.zone.name().to_owned(),
            observed_until_us: self.observed_until,
            observed_until_given: self.observed_until_given,
            columns_of_roles: provenance.columns.clone(),
            rows: provenance.rows,
            filtered: provenance.filtered,
            ties: provenance.ties,
            already_ordered: provenance.already_ordered,
            out_of_order: provenance.out_of_order,
            late: provenance.late.clone(),
            normalized: provenance.normalized.clone(),
            files: provenance.files.clone(),
            profiles: provenance.profiles.clone(),
            columns: self.columns.iter().map(|column| column.name().to_owned()).collect(),
            beside: beside.map(|table| table.names().into_iter().map(str::to_owned).collect()),
        };
        let names = |names: &Names| -> ArrayRef { Arc::new(StringArray::from_iter_values(names.iter())) };
        let rejects = &provenance.rejects;
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("customers".into(), Arc::clone(&self.customers)),
            ("offsets".into(), of_buffer::<UInt64Type>(&self.offsets)),
            ("times".into(), of_buffer::<Int64Type>(&self.times)),
            ("events".into(), of_codes(&self.events)),
            ("event names".into(), names(&self.event_names)),
            ("reject rows".into(), Arc::new(UInt64Array::from_iter_values(rejects.iter().map(|reject| reject.row)))),
            (
                "reject reasons".into(),
                Arc::new(StringArray::from_iter_values(rejects.iter().map(|reject| reject.reason.name()))),
            ),
            (
                "reject values".into(),
                Arc::new(rejects.iter().map(|reject| reject.value.as_deref()).collect::<StringArray>()),
            ),
        ];
        if let Some((codes, of_channels)) = &self.channels {
            columns.push(("channels".into(), of_codes(codes)));
            columns.push(("channel names".into(), names(of_channels)));
        }
        for (number, column) in self.columns.iter().enumerate() {
            columns.push((format!("column {number}"), column.gathered()?));
        }
        if let Some(table) = beside {
            let values = table.to_batch()?;
            columns.extend(
                values.columns().iter().enumerate().map(|(at, column)| (format!("beside {at}"), Arc::clone(column))),
            );
        }
        let mut fields = Vec::with_capacity(columns.len());
        let mut lists: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for (name, values) in columns {
            let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            fields.push(Field::new(name, DataType::LargeList(Arc::clone(&item)), false));
            let whole = OffsetBuffer::from_lengths([values.len()]);
            lists.push(Arc::new(LargeListArray::try_new(item, whole, values, None)?));
        }
        let facts = serde_json::to_string(&facts).map_err(|error| Error::Internal(error.to_string()))?;
        let schema = Schema::new_with_metadata(fields, [(FACTS.to_owned(), facts)].into());
        Ok(RecordBatch::try_new(Arc::new(schema), lists)?)
    }

    /// Opens what [`EventLog::save`] wrote: the log, the note, and the table beside it.
    pub fn open(path: &Path) -> Result<(Self, String, Option<Table>)> {
        let open = || contained(|| Self::of_row(&mapped_row(path)?, path));
        on_pool(|| open().unwrap_or_else(|| Err(failed(path, "the saved log is damaged: its decoder gave up"))))
    }

    fn of_row(row: &RecordBatch, path: &Path) -> Result<(Self, String, Option<Table>)> {
        let schema = row.schema();
        let no_log = || failed(path, "this Arrow file is no saved log; to read events from it, use safar.read");
        let facts = schema.metadata().get(FACTS).ok_or_else(no_log)?;
        let version = serde_json::from_str::<serde_json::Value>(facts).ok().and_then(|facts| facts["version"].as_u64());
        if ![VERSION, VERSION_WITH_TABLE].iter().any(|&known| version == Some(u64::from(known))) {
            return Err(failed(
                path,
                format!(
                    "the log was saved in layout {}, and this version of safar ({}) reads the layouts {VERSION} and \
                     {VERSION_WITH_TABLE}; build it from its data and save it again",
                    version.map_or("unknown".to_owned(), |version| version.to_string()),
                    env!("CARGO_PKG_VERSION")
                ),
            ));
        }
        let facts: Facts = serde_json::from_str(facts).map_err(|error| failed(path, error))?;
        let damaged = |what: &str| failed(path, format!("the saved log is damaged: {what}"));
        let list = |name: &str| list_of(row, name, path);
        let texts = |name: &str| -> Result<Vec<Option<String>>> {
            let values = list(name)?;
            let texts = values.as_string_opt::<i32>().ok_or_else(|| damaged(&format!("{name} are no text")))?;
            Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
        };
        let names = |name: &str| -> Result<Names> {
            let given: Vec<String> = texts(name)?.into_iter().flatten().collect();
            let names = Names::new(given.clone());
            let in_order = names.iter().eq(given.iter().map(String::as_str));
            if in_order { Ok(names) } else { Err(damaged(&format!("{name} are not in order"))) }
        };
        let offsets = buffer::<UInt64Type>(&list("offsets")?).ok_or_else(|| damaged("offsets are no numbers"))?;
        let times = buffer::<Int64Type>(&list("times")?).ok_or_else(|| damaged("times are no numbers"))?;
        let (customers, event_names) = (list("customers")?, names("event names")?);
        let codes = |name: &str, names: usize| -> Result<Codes> {
            let codes = to_codes(&list(name)?).ok_or_else(|| damaged(&format!("{name} are no codes")))?;
            let known = with_codes!(&codes, codes => codes.par_chunks(CHECKED).all(|codes| all_below(codes, names)));
            let fits = codes.len() == times.len() && known;
            if fits { Ok(codes) } else { Err(damaged(&format!("{name} do not fit their names"))) }
        };
        let events = codes("events", event_names.len())?;
        let channels = if schema.column_with_name("channels").is_some() {
            let names = names("channel names")?;
            Some((Arc::new(codes("channels", names.len() + 1)?), Arc::new(names)))
        } else {
            None
        };
        if !is_in_order(&offsets, &times) || offsets.len() != customers.len() + 1 || customers.null_count() > 0 {
            return Err(damaged("its customers, offsets and times do not fit"));
        }
        if !matches!(customers.data_type(), DataType::Utf8) && !customers.data_type().is_integer() {
            return Err(damaged("customers are no ids"));
        }
        let mut columns = Vec::with_capacity(facts.columns.len());
        for (number, name) in facts.columns.iter().enumerate() {
            let values = list(&format!("column {number}"))?;
            if values.len() != times.len() {
                return Err(damaged(&format!("column \"{name}\" has {} values", values.len())));
            }
            columns.push(Column::new(name.clone(), values.data_type().clone(), vec![values], None));
        }
        let beside = facts.beside.as_deref().map(|of_table| table_beside(row, of_table, path)).transpose()?;
        let (rows, reasons, values) = (list("reject rows")?, texts("reject reasons")?, texts("reject values")?);
        let rows = buffer::<UInt64Type>(&rows).ok_or_else(|| damaged("rejects are no rows"))?;
        if rows.len() != reasons.len() || rows.len() != values.len() {
            return Err(damaged("its rejects do not fit"));
        }
        let reject = |((&row, reason), value): ((&u64, Option<String>), Option<String>)| {
            let reason = reason.and_then(|name| Reason::parse(&name)).ok_or_else(|| damaged("a reason is unknown"))?;
            Ok(Reject { row, reason, value })
        };
        let rejects = rows.iter().zip(reasons).zip(values).map(reject).collect::<Result<Vec<_>>>()?;
        let log = Self {
            customers,
            offsets,
            times,
            events: Arc::new(events),
            event_names: Arc::new(event_names),
            channels,
            columns,
            observed_until: facts.observed_until_us,
            observed_until_given: facts.observed_until_given,
            zone: Zone::new(&facts.timezone)?,
            provenance: Arc::new(Provenance {
                columns: facts.columns_of_roles,
                rows: facts.rows,
                filtered: facts.filtered,
                ties: facts.ties,
                already_ordered: facts.already_ordered,
                out_of_order: facts.out_of_order,
                late: facts.late,
                normalized: facts.normalized,
                rejects,
                files: facts.files,
                profiles: facts.profiles,
            }),
        };
        Ok((log, facts.note, beside))
    }
}

/// A column of the log, which is the only list of its column of the file.
fn list_of(row: &RecordBatch, name: &str, path: &Path) -> Result<ArrayRef> {
    let damaged = |what: &str| failed(path, format!("the saved log is damaged: {name} are {what}"));
    let column = row.column_by_name(name).ok_or_else(|| damaged("missing"))?;
    let lists = column.as_list_opt::<i64>().filter(|lists| lists.len() == 1 && lists.is_valid(0));
    Ok(lists.ok_or_else(|| damaged("no list"))?.value(0))
}

/// The table that stood beside the log, with columns of these names.
fn table_beside(row: &RecordBatch, names: &[String], path: &Path) -> Result<Table> {
    let values = (0..names.len()).map(|at| list_of(row, &format!("beside {at}"), path)).collect::<Result<Vec<_>>>()?;
    let columns = names.iter().zip(values).map(|(name, values)| (name, values, true));
    let rows = RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| {
        failed(path, format!("the saved log is damaged: the table beside it does not fit ({error})"))
    })?;
    Ok(Table::from_batch(rows))
}

/// Whether every customer has events, in the order of time and within the years of logs, and all events have a customer.
fn is_in_order(offsets: &[u64], times: &[i64]) -> bool {
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else { return false };
    if offsets.len() < 2 || first != 0 || last != times.len() as u64 {
        return false;
    }
    // First that no range is empty or beyond the end, then what is in them.
    offsets.windows(2).all(|pair| pair[0] < pair[1])
        && (0..offsets.len() - 1)
            .into_par_iter()
            .step_by(CHECKED)
            .all(|first| are_journeys(&offsets[first..offsets.len().min(first + CHECKED + 1)], times))
}

/// Whether time goes back only from one customer to the next.
fn are_journeys(offsets: &[u64], times: &[i64]) -> bool {
    let range = offsets[0] as usize..offsets[offsets.len() - 1] as usize;
    let (mut back_between, mut earliest, mut latest) = (0, i64::MAX, i64::MIN);
    for pair in offsets.windows(2) {
        let (start, end) = (pair[0] as usize, pair[1] as usize);
        (earliest, latest) = (earliest.min(times[start]), latest.max(times[end - 1]));
        back_between += usize::from(end < range.end && times[end] < times[end - 1]);
    }
    let times = &times[range];
    // Counted, not branched on: most customers have few events.
    let back = times.iter().zip(&times[1..]).map(|(before, after)| usize::from(after < before)).sum::<usize>();
    back == back_between && earliest >= EARLIEST_US && latest < LATEST_US
}

fn all_below<C: Code>(codes: &[C], names: usize) -> bool {
    // The largest of many narrow numbers is found many at a time.
    let most = codes.iter().fold(C::from_index(0), |most, &code| if code > most { code } else { most });
    codes.is_empty() || most.index() < names
}

fn of_buffer<T: ArrowPrimitiveType>(values: &ScalarBuffer<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.clone(), None))
}

fn buffer<T: ArrowPrimitiveType>(values: &ArrayRef) -> Option<ScalarBuffer<T::Native>> {
    let values = values.as_primitive_opt::<T>().filter(|values| values.null_count() == 0)?;
    Some(values.values().clone())
}

fn of_codes(codes: &Codes) -> ArrayRef {
    match codes {
        Codes::U8(codes) => of_buffer::<UInt8Type>(codes),
        Codes::U16(codes) => of_buffer::<UInt16Type>(codes),
        Codes::U32(codes) => of_buffer::<UInt32Type>(codes),
    }
}

fn to_codes(values: &ArrayRef) -> Option<Codes> {
    match values.data_type() {
        DataType::UInt8 => buffer::<UInt8Type>(values).map(Codes::U8),
        DataType::UInt16 => buffer::<UInt16Type>(values).map(Codes::U16),
        DataType::UInt32 => buffer::<UInt32Type>(values).map(Codes::U32),
        _ => None,
    }
}

/// The one row of a file, whose buffers are the mapped file.
fn mapped_row(path: &Path) -> Result<RecordBatch> {
    const TRAILER: usize = 10;
    let damaged =
        |error: &dyn std::fmt::Display| failed(path, format!("this is no Arrow file, or a damaged one ({error})"));
    let file = File::open(path).map_err(|error| failed(path, error))?;
    // SAFETY: the map is read only. Whoever writes into a file that is open here breaks a promise that no program can
    // keep for them; `save` never does, because it puts a new file into the place of the old one.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| failed(path, error))?;
    let start = NonNull::new(map.as_ptr().cast_mut()).ok_or_else(|| damaged(&"it is empty"))?;
    let length = map.len();
    // SAFETY: the map lies at this address with this length for as long as the buffer holds it.
    let bytes = unsafe { Buffer::from_custom_allocation(start, length, Arc::new(map)) };
    let end = length.checked_sub(TRAILER).ok_or_else(|| damaged(&"it is too short"))?;
    let trailer: [u8; TRAILER] = bytes[end..].try_into().map_err(|error| damaged(&error))?;
    let footer = read_footer_length(trailer).map_err(|error| damaged(&error))?;
    let begin = end.checked_sub(footer).ok_or_else(|| damaged(&"its footer is too long"))?;
    let footer = root_as_footer(&bytes[begin..end]).map_err(|error| damaged(&error))?;
    let schema = footer.schema().ok_or_else(|| damaged(&"it has no schema"))?;
    let mut decoder = FileDecoder::new(Arc::new(fb_to_schema(schema)), footer.version());
    let block_of = |block: &arrow::ipc::Block| -> Result<Buffer> {
        let (offset, metadata) = (usize::try_from(block.offset()), usize::try_from(block.metaDataLength()));
        let body = usize::try_from(block.bodyLength());
        let (Ok(offset), Ok(metadata), Ok(body)) = (offset, metadata, body) else {
            return Err(damaged(&"a block lies nowhere"));
        };
        let length =
            metadata.checked_add(body).filter(|length| offset.checked_add(*length).is_some_and(|end| end <= begin));
        Ok(bytes.slice_with_length(offset, length.ok_or_else(|| damaged(&"a block is cut off"))?))
    };
    for block in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(block, &block_of(block)?).map_err(|error| damaged(&error))?;
    }
    let no_log = || failed(path, "this Arrow file is no saved log; to read events from it, use safar.read");
    let block = footer.recordBatches().filter(|blocks| blocks.len() == 1).map(|blocks| *blocks.get(0));
    let block = block.ok_or_else(no_log)?;
    let row = decoder.read_record_batch(&block, &block_of(&block)?).map_err(|error| damaged(&error))?;
    row.filter(|row| row.num_rows() == 1).ok_or_else(no_log)
}
