//! The event log: customers × time-sorted events in compressed-sparse-row form, immutable once built.

mod codes;
mod columns;
mod filter;
mod saved;
mod tables;

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, UInt32Type};
use rayon::prelude::*;
use std::sync::Arc;

pub use codes::{Code, Codes, Names, NewCodes};
pub use columns::one_zero_no_nan;
pub use columns::{Column, Numbers, Segments};
pub use tables::rejects_table;

use crate::calendar::Zone;
use crate::error::{Error, Result, did_you_mean};
use crate::pool::on_pool;
use crate::table::Table;

/// Names of the virtual nodes of a journey; no event may bear one.
pub const RESERVED: [&str; 3] = ["(start)", "(end)", "(open)"];

/// Names that columns beyond the roles can't have.
const ROLES: [&str; 5] = ["customer", "time", "event", "channel", "value"];

/// Why a row was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The customer is null or blank.
    CustomerMissing,
    /// The time is null.
    TimeMissing,
    /// The text is not an ISO 8601 time.
    TimeUnparsable,
    /// Before 1900 or after 2200.
    TimeOutOfRange,
    /// The event name is null or blank.
    EventMissing,
    /// Later than the `observed_until` that was given.
    AfterObservedUntil,
}

impl Reason {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerMissing => "customer_missing",
            Self::TimeMissing => "time_missing",
            Self::TimeUnparsable => "time_unparsable",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::EventMissing => "event_missing",
            Self::AfterObservedUntil => "after_observed_until",
        }
    }

    /// The reason of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::CustomerMissing,
            Self::TimeMissing,
            Self::TimeUnparsable,
            Self::TimeOutOfRange,
            Self::EventMissing,
            Self::AfterObservedUntil,
        ];
        all.into_iter().find(|reason| reason.name() == name)
    }

    /// The column at fault, of those that play the roles customer, time and event.
    pub fn column<T>(self, [customer, time, event]: [T; 3]) -> T {
        match self {
            Self::CustomerMissing => customer,
            Self::EventMissing => event,
            _ => time,
        }
    }
}

/// A row that was not used.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Input row, from 0.
    pub row: u64,
    /// Why.
    pub reason: Reason,
    /// The offending value as text, null where it was null.
    pub value: Option<String>,
}

/// What is known about the build.
#[derive(Debug, Clone, Default)]
pub struct Provenance {
    /// Names of the columns that play the roles customer, time and event.
    pub columns: [String; 3],
    /// Rows read.
    pub rows: u64,
    /// Rows left out because only some events were asked for.
    pub filtered: u64,
    /// Events that share their time with the previous event of the same customer.
    pub ties: u64,
    /// Every customer's rows came in time order.
    pub already_ordered: bool,
    /// Events that came after a later one of the same customer.
    pub out_of_order: u64,
    /// Customer and time of one of them.
    pub late: Option<(String, i64)>,
    /// By column, rows whose id or name was brought into another spelling.
    pub normalized: BTreeMap<String, u64>,
    /// Rows not used, by input row.
    pub rejects: Vec<Reject>,
    /// Which files were read and how, where the data came from files.
    pub files: Option<serde_json::Value>,
    /// What was found when profiles of customers were put beside the events, one entry each time.
    pub profiles: Vec<serde_json::Value>,
}

/// An immutable event log. Events of one customer are contiguous and sorted by time, ties in input order.
/// What is large is shared with the logs derived from it.
#[derive(Debug, Clone)]
pub struct EventLog {
    pub(crate) customers: ArrayRef,
    pub(crate) offsets: ScalarBuffer<u64>,
    pub(crate) times: ScalarBuffer<i64>,
    pub(crate) events: Arc<Codes>,
    pub(crate) event_names: Arc<Names>,
    pub(crate) channels: Option<(Arc<Codes>, Arc<Names>)>,
    pub(crate) columns: Vec<Column>,
    pub(crate) observed_until: i64,
    pub(crate) observed_until_given: bool,
    pub(crate) zone: Zone,
    pub(crate) provenance: Arc<Provenance>,
}

/// The events of one customer.
#[derive(Debug, Clone, Copy)]
pub struct Journey<'a, C> {
    /// Position of the customer in the log.
    pub customer: usize,
    /// Position of the first event in the log.
    pub start: usize,
    /// Times in µs UTC, non-decreasing.
    pub times: &'a [i64],
    /// Event codes.
    pub events: &'a [C],
}

impl EventLog {
    /// Number of customers.
    pub fn customers(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// A log always has at least one event; this is for the lint's sake.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Positions of one customer's events.
    pub fn range(&self, customer: usize) -> Range<usize> {
        self.offsets[customer] as usize..self.offsets[customer + 1] as usize
    }

    /// The events of one customer, given the codes of all events.
    pub fn journey<'a, C>(&'a self, customer: usize, events: &'a [C]) -> Journey<'a, C> {
        let range = self.range(customer);
        Journey { customer, start: range.start, times: &self.times[range.clone()], events: &events[range] }
    }

    /// The customers whose events begin before position `event`: where a task may be cut.
    pub fn customer_at(&self, event: usize) -> usize {
        self.offsets[..self.customers()].partition_point(|&offset| (offset as usize) < event)
    }

    /// Event names with their codes.
    pub fn event_names(&self) -> &Names {
        &self.event_names
    }

    /// Last instant (µs UTC) that the data fully cover.
    pub fn observed_until(&self) -> i64 {
        self.observed_until
    }

    /// The zone of calendar periods and of times without a zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Customer ids as given, in the order of the log.
    pub fn customer_ids(&self) -> &ArrayRef {
        &self.customers
    }

    /// Earliest and latest event time, µs UTC.
    pub fn span(&self) -> (i64, i64) {
        let wider = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        let of = |offsets: &[u64]| {
            let ends = offsets.windows(2).map(|pair| (self.times[pair[0] as usize], self.times[pair[1] as usize - 1]));
            ends.fold((i64::MAX, i64::MIN), wider)
        };
        let parts = (0..self.customers()).into_par_iter().step_by(1 << 14);
        let part = |first: usize| of(&self.offsets[first..self.offsets.len().min(first + (1 << 14) + 1)]);
        // Whoever asks may stand outside of the pool.
        let span = on_pool(|| Ok(parts.map(part).reduce(|| (i64::MAX, i64::MIN), wider)));
        span.unwrap_or_else(|_| of(&self.offsets))
    }

    /// Memory in bytes of what stays resident: times, codes, offsets and the row order kept for attributes.
    pub fn bytes(&self) -> usize {
        let channels = self.channels.as_ref().map_or(0, |(codes, _)| codes.bytes());
        // All columns that came together share one order.
        let orders: BTreeMap<_, _> =
            self.columns.iter().map(|column| (column.order_place(), column.order_bytes())).collect();
        let rows: usize = orders.values().sum();
        self.offsets.len() * 8 + self.times.len() * 8 + self.events.bytes() + channels + rows
    }

    /// Names that `by=` and `where=` may use, beyond `time` and `event`.
    pub fn column_names(&self) -> Vec<&str> {
        let channel = self.channels.is_some().then_some("channel");
        channel.into_iter().chain(self.columns.iter().map(Column::name)).collect()
    }

    /// The column that a name stands for.
    fn find_column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name() == name).ok_or_else(|| {
            let available = self.column_names();
            Error::UnknownColumn(format!(
                "\"{name}\" is not a column of this log{} (available: {}; more can be carried with attributes=[…])",
                did_you_mean(name, available.iter().copied()),
                if available.is_empty() { "none".to_owned() } else { available.join(", ") }
            ))
        })
    }

    /// Values of a column, one per event in the order of the log: `time`, `event`, `channel`, `value`, an attribute.
    pub fn column(&self, name: &str) -> Result<ArrayRef> {
        match (name, &self.channels) {
            ("time", _) => Ok(Arc::new(self.timestamps())),
            ("event", _) => Ok(Arc::new(dictionary(&self.events, &self.event_names)?)),
            ("channel", Some((codes, names))) => Ok(Arc::new(dictionary(codes, names)?)),
            _ => self.find_column(name)?.gathered(),
        }
    }

    /// The numbers of a column, for all events or for a few of them.
    pub fn numbers(&self, name: &str, all: bool) -> Result<Numbers> {
        self.find_column(name)?.numbers(all)
    }

    /// The column as segments for `by=`.
    pub fn segments(&self, name: &str) -> Result<Arc<Segments>> {
        match (name, &self.channels) {
            ("event", _) => Ok(Arc::new(Segments::from_codes(&self.events, &self.event_names))),
            ("channel", Some((codes, names))) => Ok(Arc::new(Segments::from_codes(codes, names))),
            _ => self.find_column(name)?.segments(),
        }
    }

    /// This log with further columns, each with one value per event in the order of the log; a column of the same
    /// name gives way.
    pub fn with_columns(&self, values: &Table) -> Result<Self> {
        let mut log = self.clone();
        for name in values.names() {
            let data_type = values.data_type(name)?;
            Self::check_column(name, data_type)?;
            if values.num_rows() != self.len() {
                return Err(Error::Data(format!(
                    "column \"{name}\" has {} values; expected one for each of the {} events, in the order of the log \
                     (that of to_pandas())",
                    values.num_rows(),
                    self.len()
                )));
            }
            log.put(Column::new(name.to_owned(), data_type.clone(), values.column(name)?, None));
        }
        Ok(log)
    }

    /// Refuses names and types that a further column can't have.
    pub(crate) fn check_column(name: &str, data_type: &DataType) -> Result<()> {
        if ROLES.contains(&name) {
            return Err(Error::Argument(format!(
                "a column can't be called \"{name}\": that is a role of the log; choose another name"
            )));
        }
        if data_type.is_nested() {
            return Err(Error::Type(format!(
                "column \"{name}\" has the nested type {data_type}; expected one plain value for each event"
            )));
        }
        Ok(())
    }

    /// Adds a column; one of the same name gives way.
    pub(crate) fn put(&mut self, column: Column) {
        self.columns.retain(|other| other.name() != column.name());
        self.columns.push(column);
    }

    fn timestamps(&self) -> TimestampMicrosecondArray {
        TimestampMicrosecondArray::new(self.times.clone(), None).with_timezone("UTC")
    }

    /// Customer ids repeated for each event, as a dictionary over the ids.
    pub fn customer_per_event(&self) -> Result<ArrayRef> {
        let mut keys = Vec::with_capacity(self.len());
        for customer in 0..self.customers() {
            keys.resize(self.offsets[customer + 1] as usize, customer as u32);
        }
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(keys), Arc::clone(&self.customers))?))
    }

    /// Number of events of each customer.
    pub fn events_per_customer(&self) -> Int64Array {
        self.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as i64).collect::<Vec<_>>().into()
    }
}

/// Codes and names as an Arrow dictionary; the code past the last name is null.
fn dictionary(codes: &Codes, names: &Names) -> Result<DictionaryArray<UInt32Type>> {
    let null = names.len();
    let keys: UInt32Array = with_codes!(codes, codes => codes
        .iter()
        .map(|code| (code.index() != null).then_some(code.index() as u32))
        .collect());
    Ok(DictionaryArray::try_new(keys, Arc::new(StringArray::from_iter_values(names.iter())))?)
}

use crate::with_codes;
