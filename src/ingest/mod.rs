//! Arrow batches → [`EventLog`]: one pass deals packed records to hash partitions, then each partition is finished
//! in cache (local dictionary of customers, counting sort, order check, sequential write).

mod coded;
mod digits;
pub mod files;
mod finish;
mod fused;
mod group;
mod grouped;
mod ids;
mod keys;
mod normal;
mod partition;
mod record;
mod rows;
pub mod spill;
mod times;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use serde::Deserialize;

use crate::calendar::Zone;
use crate::error::{Error, Result};
use crate::log::{Column, EventLog, Names, Provenance, RESERVED, Reject};
use crate::pool::{Cancel, on_pool};
use crate::table::{Origin, Table};

use coded::CodedColumn;
use finish::{Built, Shape};
use group::InMemory;
pub use ids::{hash_ids, plain_ids};
pub use normal::{Normalize, normalized, persian};
use rows::Input;
use times::is_text;
pub use times::{EpochUnit, TimeColumn};

/// Rows of one unit of parallel work.
const SLICE_ROWS: usize = 1 << 17;

/// Which column plays which role, and how the rows are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Who.
    pub customer: String,
    /// When.
    pub time: String,
    /// What.
    pub event: String,
    /// Where.
    #[serde(default)]
    pub channel: Option<String>,
    /// How much.
    #[serde(default)]
    pub value: Option<String>,
    /// Further columns to carry.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Zone of calendar periods and of times without a zone.
    pub timezone: String,
    /// Unit of whole-number times.
    #[serde(default)]
    pub time_unit: Option<EpochUnit>,
    /// Last instant that the data fully cover, µs UTC.
    #[serde(default)]
    pub observed_until_us: Option<i64>,
    /// What to do with rows that cannot be used.
    #[serde(default)]
    pub on_bad: OnBad,
    /// Read only rows with these events.
    #[serde(default)]
    pub only_events: Option<Vec<String>>,
    /// Read only rows from this time on, µs UTC.
    #[serde(default)]
    pub start_us: Option<i64>,
    /// Read only rows before this time, µs UTC.
    #[serde(default)]
    pub end_us: Option<i64>,
    /// The spelling that ids and names of events and channels are brought into.
    #[serde(default)]
    pub normalize: Option<Normalize>,
}

impl Roles {
    /// The columns that have a role, in order.
    pub fn columns(&self) -> Vec<String> {
        let named = [&self.customer, &self.time, &self.event].into_iter().chain(&self.channel).chain(&self.value);
        named.chain(&self.attributes).cloned().collect()
    }

    /// The first and the last time that are read.
    fn range(&self) -> RangeInclusive<i64> {
        self.start_us.unwrap_or(i64::MIN)..=self.end_us.map_or(i64::MAX, |end| end.saturating_sub(1))
    }

    /// Whether only a range of times is read.
    fn is_bounded(&self) -> bool {
        self.start_us.is_some() || self.end_us.is_some()
    }
}

/// What to do with rows that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    /// Count and keep them apart.
    #[default]
    Reject,
    /// Stop at the first.
    Raise,
}

/// Builds the log of a table.
pub fn build(table: &Table, roles: &Roles, cancel: &Cancel) -> Result<EventLog> {
    on_pool(|| build_here(table, roles, cancel))
}

fn build_here(table: &Table, roles: &Roles, cancel: &Cancel) -> Result<EventLog> {
    check_roles(table, roles)?;
    let rows = table.num_rows();
    let origin = table.origin();
    let left_out = origin.map_or(0, |origin| origin.left_out);
    if rows == 0 && left_out > 0 {
        return Err(nothing_left(left_out, left_out, &[], roles));
    }
    if rows == 0 {
        return Err(no_rows());
    }
    if u32::try_from(rows).is_err() {
        return Err(Error::Data(format!("{rows} rows are more than the {} of one log; build it in parts", u32::MAX)));
    }
    let given = table.sliced(SLICE_ROWS);
    let (sliced, normalized) = spelled(&given, roles)?;
    let zone = Zone::new(&roles.timezone)?;
    let times = TimeColumn::read(&sliced.column(&roles.time)?, &roles.time, roles.time_unit, &zone)?;
    cancel.check()?;
    let events = CodedColumn::read(&sliced.column(&roles.event)?, &roles.event)?;
    refuse_reserved(&events, roles)?;
    let events = match &roles.only_events {
        None => events,
        Some(names) => events.only(names)?,
    };
    let channels = roles.channel.as_ref().map(|name| CodedColumn::read(&sliced.column(name)?, name)).transpose()?;
    cancel.check()?;
    let carried = carried(&sliced, roles)?;
    let in_memory = InMemory {
        input: Input {
            times: &times.slices,
            events: &events.slices,
            channels: channels.as_ref().map(|channels| channels.slices.as_slice()),
            no_channel: channels.as_ref().map_or(0, |channels| channels.names.len() as u64),
            observed_until: roles.observed_until_us.unwrap_or(i64::MAX),
            range: roles.range().into_inner(),
            cancel,
        },
        shape: Shape {
            events: events.names.len(),
            channels: channels.as_ref().map(|channels| channels.names.len()),
            keep_rows: !carried.is_empty(),
            cancel,
        },
        span: times.earliest().zip(times.latest()),
    };
    let built = ids::grouped(&sliced.column(&roles.customer)?, &roles.customer, &in_memory)?;
    let mut built = built.ok_or_else(|| Error::Internal("an exact key was unfit".into()))?;
    describe_rejects(&mut built.rejects, &times, &given, roles)?;
    let gathered = Gathered {
        built,
        event_names: events.names,
        channel_names: channels.map(|channels| channels.names),
        carried,
        rows: rows as u64,
        latest: times.latest(),
        normalized,
    };
    gathered.into_log(roles, zone, origin.map(|origin| &**origin))
}

/// Columns of the log, and what is known of the rows that they came from.
struct Gathered {
    built: Built,
    event_names: Names,
    channel_names: Option<Names>,
    carried: Vec<Carried>,
    /// Rows read.
    rows: u64,
    /// The latest time of all.
    latest: Option<i64>,
    normalized: BTreeMap<String, u64>,
}

impl Gathered {
    fn into_log(self, roles: &Roles, zone: Zone, origin: Option<&Origin>) -> Result<EventLog> {
        let Self { built, event_names, channel_names, carried, rows, latest, normalized } = self;
        let left_out = origin.map_or(0, |origin| origin.left_out);
        let (rows, filtered) = (rows + left_out, built.filtered + left_out);
        let mut rejects = built.rejects;
        rejects.sort_by_key(|reject| reject.row);
        if let Some(origin) = origin {
            for reject in &mut rejects {
                reject.row = origin.row(reject.row);
            }
        }
        if roles.on_bad == OnBad::Raise
            && let Some(first) = rejects.first()
        {
            return Err(Error::Data(format!(
                "{}; with on_bad=\"reject\" such rows are counted and kept in log.rejects",
                reject_message(first, rejects.len(), roles)
            )));
        }
        if built.times.is_empty() {
            return Err(nothing_left(rows, filtered, &rejects, roles));
        }
        let latest = latest.max(origin.and_then(|origin| origin.later_us)).unwrap_or(i64::MIN);
        let observed_until = roles.observed_until_us.unwrap_or(latest);
        let late =
            built.late.map(|(customer, time)| text_at(&built.customers, customer).map(|id| id.map(|id| (id, time))));
        let rows_of = built.rows.map(UInt32Array::from);
        let column = |(name, data_type, chunks)| Column::new(name, data_type, chunks, rows_of.clone());
        Ok(EventLog {
            customers: built.customers,
            offsets: built.offsets.into(),
            times: built.times.into(),
            events: Arc::new(built.events),
            event_names: Arc::new(event_names),
            channels: built.channels.map(Arc::new).zip(channel_names.map(Arc::new)),
            columns: carried.into_iter().map(column).collect(),
            // The same as of a part of the whole log.
            observed_until: roles.end_us.map_or(observed_until, |end| end.min(observed_until)),
            observed_until_given: roles.observed_until_us.is_some() || roles.is_bounded(),
            zone,
            provenance: Arc::new(Provenance {
                columns: [&roles.customer, &roles.time, &roles.event].map(Clone::clone),
                rows,
                filtered,
                ties: built.ties,
                already_ordered: built.out_of_order == 0,
                out_of_order: built.out_of_order,
                late: late.transpose()?.flatten(),
                normalized,
                rejects,
                files: origin.map(|origin| origin.description.clone()),
                profiles: Vec::new(),
            }),
        })
    }
}

/// The table in the spelling that was asked for, and how many rows of each column have changed.
fn spelled(given: &Table, roles: &Roles) -> Result<(Table, BTreeMap<String, u64>)> {
    match roles.normalize {
        None => Ok((given.clone(), BTreeMap::new())),
        Some(spelling) => {
            let named: Vec<&String> = [&roles.customer, &roles.event].into_iter().chain(&roles.channel).collect();
            normal::normalized(given, &named, spelling)
        }
    }
}

fn check_roles(table: &Table, roles: &Roles) -> Result<()> {
    let three = [("customer", &roles.customer), ("time", &roles.time), ("event", &roles.event)];
    for (i, (role, name)) in three.iter().enumerate() {
        if let Some((other, _)) = three[..i].iter().find(|(_, earlier)| earlier == name) {
            return Err(Error::Argument(format!(
                "the column \"{name}\" is given for both {other}= and {role}=; each of customer, time and event needs \
                 a column of its own"
            )));
        }
    }
    let optional = roles.channel.iter().chain(&roles.value).chain(&roles.attributes);
    for name in three.into_iter().map(|(_, name)| name).chain(optional) {
        let data_type = table.data_type(name)?;
        if data_type.is_nested() && !matches!(data_type, DataType::Dictionary(_, _)) {
            return Err(Error::Type(format!(
                "the column \"{name}\" has the nested type {data_type}; unnest it or leave it out"
            )));
        }
    }
    let mut seen = std::collections::BTreeSet::from(["customer", "time", "event", "channel", "value"]);
    for name in &roles.attributes {
        if !seen.insert(name) {
            return Err(Error::Argument(format!(
                "the attribute \"{name}\" bears the name of a role or stands twice; rename the column"
            )));
        }
    }
    Ok(())
}

fn refuse_reserved(events: &CodedColumn, roles: &Roles) -> Result<()> {
    for name in RESERVED {
        if let Some(code) = events.names.code(name) {
            let row = events.first_row_of(code).unwrap_or_default();
            return Err(Error::Data(format!(
                "column \"{}\", row {row}: the event name \"{name}\" is reserved for the virtual nodes of a journey \
                 ({}); rename the event",
                roles.event,
                RESERVED.join(", ")
            )));
        }
    }
    Ok(())
}

/// A column that is carried along: name, type, chunks.
type Carried = (String, DataType, Vec<ArrayRef>);

/// Value and attributes, as they were given.
fn carried(sliced: &Table, roles: &Roles) -> Result<Vec<Carried>> {
    let mut columns = Vec::new();
    if let Some(name) = &roles.value {
        let chunks = sliced.column(name)?;
        let data_type = sliced.data_type(name)?;
        if !data_type.is_numeric() && data_type != &DataType::Null {
            return Err(Error::Type(format!(
                "value=\"{name}\" has the type {data_type}; a value is a number (convert the column first)"
            )));
        }
        let floats = chunks.iter().map(|chunk| cast(chunk, &DataType::Float64));
        let floats = floats.collect::<std::result::Result<Vec<ArrayRef>, _>>()?;
        columns.push(("value".into(), DataType::Float64, floats));
    }
    for name in &roles.attributes {
        columns.push((name.clone(), sliced.data_type(name)?.clone(), sliced.column(name)?));
    }
    Ok(columns)
}

fn describe_rejects(rejects: &mut [Reject], times: &TimeColumn, sliced: &Table, roles: &Roles) -> Result<()> {
    if rejects.is_empty() {
        return Ok(());
    }
    let starts: Vec<u64> = std::iter::once(0)
        .chain(sliced.batches().iter().scan(0, |rows, batch| {
            *rows += batch.num_rows() as u64;
            Some(*rows)
        }))
        .collect();
    let columns = [&roles.customer, &roles.time, &roles.event].map(|name| sliced.column(name));
    let [customer, time, event] = columns;
    let (customer, time, event) = (customer?, time?, event?);
    for reject in rejects {
        times.refine(reject);
        let slice = starts.partition_point(|&start| start <= reject.row) - 1;
        let chunks = reject.reason.column([&customer, &time, &event]);
        let index = (reject.row - starts[slice]) as usize;
        reject.value = text_at(&chunks[slice], index)?;
    }
    Ok(())
}

/// One value as text, null where it is null.
fn text_at(array: &ArrayRef, index: usize) -> Result<Option<String>> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let value = array.slice(index, 1);
    if value.logical_null_count() > 0 {
        return Ok(None);
    }
    let shown = |value: &ArrayRef| -> std::result::Result<String, ArrowError> {
        ArrayFormatter::try_new(value.as_ref(), &FormatOptions::default())?.value(0).try_to_string()
    };
    if let Ok(text) = shown(&value) {
        return Ok(Some(text));
    }
    // A zone whose name is not known here does not hide the instant.
    if let DataType::Timestamp(unit, Some(_)) = value.data_type() {
        let utc = cast(&value, &DataType::Timestamp(*unit, Some("+00:00".into())))?;
        if let Ok(text) = shown(&utc) {
            return Ok(Some(text));
        }
    }
    // A time that no calendar has is the number that stands there.
    let number =
        cast(&value, &DataType::Int64).or_else(|_| cast(&cast(&value, &DataType::Int32)?, &DataType::Int64))?;
    Ok(Some(number.as_primitive::<Int64Type>().value(0).to_string()))
}

fn reject_message(first: &Reject, count: usize, roles: &Roles) -> String {
    let column = first.reason.column([&roles.customer, &roles.time, &roles.event]);
    let value = first.value.as_ref().map_or("null".to_owned(), |value| format!("\"{value}\""));
    let expected = first.reason.column([
        "an id that is neither null nor blank",
        "an ISO 8601 time between 1900 and 2200, not after observed_until",
        "an event name that is neither null nor blank",
    ]);
    format!(
        "column \"{column}\", row {}: {value} cannot be used ({}); expected {expected}. {count} row{} affected",
        first.row,
        first.reason.name(),
        if count == 1 { " is" } else { "s are" },
    )
}

fn no_rows() -> Error {
    Error::Data(
        "the data have no rows; a log needs at least one event (check the filter or the file that was read)".into(),
    )
}

fn nothing_left(rows: u64, filtered: u64, rejects: &[Reject], roles: &Roles) -> Error {
    if let Some(first) = rejects.first() {
        return Error::Data(format!(
            "no usable row is left of {rows}. {}; name another column, or mend this one",
            reject_message(first, rejects.len(), roles)
        ));
    }
    let events =
        roles.only_events.as_ref().map(|names| format!("with other events than the {} asked for", names.len()));
    let times = roles.is_bounded().then(|| "not between start and end".to_owned());
    let reasons: Vec<String> = events.into_iter().chain(times).collect();
    Error::Data(format!("no row is left of {rows}: {filtered} are {}", reasons.join(" or ")))
}
