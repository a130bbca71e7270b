//! What a log tells of itself, as tables and as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, UInt32Type};
use serde_json::{Value, json};

use super::{Codes, EventLog, Names, Reject};
use crate::error::{Error, Result};
use crate::table::Table;

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Table> {
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(Table::from_batch(RecordBatch::try_new(schema, arrays)?))
}

/// One row per row that was not used; `columns` are those of customer, time and event.
pub fn rejects_table(rejects: &[Reject], columns: [&String; 3]) -> Result<Table> {
    let names = rejects.iter().map(|reject| reject.reason.column(columns));
    let texts =
        |pick: fn(&Reject) -> Option<&str>| -> ArrayRef { Arc::new(rejects.iter().map(pick).collect::<StringArray>()) };
    table(vec![
        ("row", Arc::new(Int64Array::from_iter_values(rejects.iter().map(|reject| reject.row as i64)))),
        ("column", Arc::new(StringArray::from_iter_values(names))),
        ("reason", texts(|reject| Some(reject.reason.name()))),
        ("value", texts(|reject| reject.value.as_deref())),
    ])
}

impl EventLog {
    /// Sizes, span, columns, and what happened to the rows.
    pub fn describe(&self) -> Value {
        let mut rejected = BTreeMap::<&str, u64>::new();
        for reject in &self.provenance.rejects {
            *rejected.entry(reject.reason.name()).or_default() += 1;
        }
        let (first, last) = self.span();
        let channel = self.channels.is_some().then(|| json!(["channel", "Utf8"]));
        let columns = self.columns.iter().map(|column| json!([column.name(), column.data_type().to_string()]));
        json!({
            "customers": self.customers(),
            "events": self.len(),
            "rows": self.provenance.rows,
            "filtered": self.provenance.filtered,
            "first_us": first,
            "last_us": last,
            "observed_until_us": self.observed_until,
            "observed_until_given": self.observed_until_given,
            "timezone": self.zone.name(),
            "columns": channel.into_iter().chain(columns).collect::<Vec<_>>(),
            "rejected": rejected,
            "ties": self.provenance.ties,
            "already_ordered": self.provenance.already_ordered,
            "out_of_order": self.provenance.out_of_order,
            "normalized": self.provenance.normalized,
            "bytes": self.bytes(),
            "files": self.provenance.files,
            "profiles": self.provenance.profiles,
        })
    }

    /// One row per name of `event` or `channel`, in the order of their codes: `name`, `events` (0 for a name that only
    /// rows not used had).
    pub fn names_table(&self, column: &str) -> Result<Table> {
        let (codes, names) = match (column, &self.channels) {
            ("event", _) => (&self.events, &self.event_names),
            ("channel", Some((codes, names))) => (codes, names),
            _ => return Err(Error::UnknownColumn(format!("\"{column}\" has no table of names in this log"))),
        };
        // A channel that is null bears the code past the last name.
        let counts = codes.counts(names.len() + 1);
        table(vec![
            ("name", Arc::new(StringArray::from_iter_values(names.iter()))),
            ("events", Arc::new(Int64Array::from_iter_values(counts[..names.len()].iter().map(|&count| count as i64)))),
        ])
    }

    /// Rows that were not used: `row`, `column` (as in the data), `reason`, `value`.
    pub fn rejects_table(&self) -> Result<Table> {
        rejects_table(&self.provenance.rejects, self.provenance.columns.each_ref())
    }

    /// One row per customer: `customer`, `events`, `first`, `last`.
    pub fn customers_table(&self) -> Result<Table> {
        let time = |at: fn(&[i64]) -> i64| -> ArrayRef {
            let times = (0..self.customers()).map(|customer| at(&self.times[self.range(customer)]));
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
        };
        table(vec![
            ("customer", Arc::clone(&self.customers)),
            ("events", Arc::new(self.events_per_customer())),
            ("first", time(|times| times[0])),
            ("last", time(|times| times[times.len() - 1])),
        ])
    }

    /// Named columns of some events, one row for each position; null where there is no position.
    pub fn table_of_events(&self, columns: &[String], positions: &[Option<u32>]) -> Result<Table> {
        if let Some(beyond) = positions.iter().flatten().find(|&&event| event as usize >= self.len()) {
            return Err(Error::Argument(format!("there is no event {beyond}; the log has {}", self.len())));
        }
        let named = |codes: &Codes, labels: &Names| -> Result<ArrayRef> {
            let code = |event: &Option<u32>| event.map(|event| codes.get(event as usize) as u32);
            let keys: UInt32Array =
                positions.iter().map(|event| code(event).filter(|&code| (code as usize) < labels.len())).collect();
            let labels = StringArray::from_iter_values(labels.iter());
            Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, Arc::new(labels))?))
        };
        let column = |name: &str| -> Result<ArrayRef> {
            let values: ArrayRef = match (name, &self.channels) {
                ("time", _) => {
                    let times = positions.iter().map(|event| event.map(|event| self.times[event as usize]));
                    Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                ("event", _) => named(&self.events, &self.event_names)?,
                ("channel", Some((codes, labels))) => named(codes, labels)?,
                (name, _) => {
                    let events: Vec<u32> = positions.iter().map(|event| event.unwrap_or_default()).collect();
                    let (values, places) = self.find_column(name)?.placed(&events)?;
                    let is_one = positions.iter().map(Option::is_some).collect::<NullBuffer>();
                    let places = UInt32Array::new(places.values().clone(), Some(is_one));
                    take(&values, &places, None)?
                }
            };
            Ok(values)
        };
        table(columns.iter().map(|name| Ok((name.as_str(), column(name)?))).collect::<Result<_>>()?)
    }

    /// One row per event in the order of the log; all columns, or the named ones.
    pub fn events_table(&self, names: Option<&[String]>) -> Result<Table> {
        let all = || ["customer", "time", "event"].into_iter().chain(self.column_names()).map(str::to_owned).collect();
        let names: Vec<String> = names.map_or_else(all, <[String]>::to_vec);
        let column = |name: &String| -> Result<(String, ArrayRef)> {
            let values = if name == "customer" { self.customer_per_event() } else { self.column(name) };
            Ok((name.clone(), values?))
        };
        let columns = names.iter().map(column).collect::<Result<Vec<_>>>()?;
        table(columns.iter().map(|(name, array)| (name.as_str(), Arc::clone(array))).collect())
    }
}
