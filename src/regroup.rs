//! Other units than customers: a log whose customers are the sessions, journeys, accounts or devices of another one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, RecordBatch, StringBuilder, UInt32Array};
use arrow::compute::{cast, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, UInt32Type};

use crate::error::{Error, Result};
use crate::ingest::{self, OnBad, Roles};
use crate::log::{Column, EventLog, Provenance};
use crate::pool::Cancel;
use crate::table::Table;

/// The column that keeps who the customer was.
pub const ORIGINAL: &str = "original_customer";

/// Where the temporary table holds the positions of the events.
const POSITION: &str = "position";

/// The log whose customers are the values of a column: of each customer by themselves, or `across` all of them. Events
/// without a value are left out.
pub fn regroup(log: &EventLog, column: &str, across: bool, cancel: &Cancel) -> Result<EventLog> {
    let units = if across { log.column(column)? } else { units_of_customers(log, column)? };
    cancel.check()?;
    let given = is_not_null(&units)?;
    if given.true_count() == 0 {
        return Err(Error::Empty(format!(
            "no event of this log has a value of \"{column}\", so that there is no unit; choose another column"
        )));
    }
    // An id that can't be one is named by its own column.
    let is_attribute = log.columns.iter().any(|other| other.name() == column) && column != POSITION;
    let unit = if across && is_attribute { column } else { "customer" };
    let built = ingest::build(&table(log, unit, units, &given)?, &roles(log, unit), cancel)?;
    cancel.check()?;
    let order = built.column(POSITION)?;
    let order = order.as_primitive::<UInt32Type>().values();
    let mut columns = log.columns.iter().map(|column| EventLog::part_of(column, order)).collect::<Result<Vec<_>>>()?;
    if columns.iter().all(|column| column.name() != ORIGINAL) {
        let customers = original_customers(log)?;
        let column = Column::new(ORIGINAL.to_owned(), customers.data_type().clone(), vec![customers], None);
        columns.push(EventLog::part_of(&column, order)?);
    }
    let [_, time, event] = log.provenance.columns.clone();
    Ok(EventLog {
        columns,
        observed_until_given: log.observed_until_given,
        provenance: Arc::new(Provenance {
            columns: [column.to_owned(), time, event],
            filtered: log.provenance.filtered + (log.len() - built.len()) as u64,
            ties: built.provenance.ties,
            already_ordered: built.provenance.already_ordered,
            ..Provenance::clone(&log.provenance)
        }),
        ..built
    })
}

/// Unit, time, event, channel and position of the events that have a unit.
fn table(log: &EventLog, unit: &str, units: ArrayRef, given: &BooleanArray) -> Result<Table> {
    let positions: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..log.len() as u32));
    let mut columns = vec![(unit, units), ("time", log.column("time")?), ("event", log.column("event")?)];
    if log.channels.is_some() {
        columns.push(("channel", log.column("channel")?));
    }
    columns.push((POSITION, positions));
    let all = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)))?;
    let kept = if given.true_count() < log.len() { filter_record_batch(&all, given)? } else { all };
    Ok(Table::from_batch(kept))
}

fn roles(log: &EventLog, unit: &str) -> Roles {
    Roles {
        customer: unit.to_owned(),
        time: "time".to_owned(),
        event: "event".to_owned(),
        channel: log.channels.is_some().then(|| "channel".to_owned()),
        value: None,
        attributes: vec![POSITION.to_owned()],
        timezone: log.zone().name().to_owned(),
        time_unit: None,
        observed_until_us: Some(log.observed_until()),
        on_bad: OnBad::Reject,
        only_events: None,
        start_us: None,
        end_us: None,
        normalize: None,
    }
}

/// Ids such as `ann/3`, one for each customer and value, null where there is no value.
fn units_of_customers(log: &EventLog, column: &str) -> Result<ArrayRef> {
    let values = log.segments(column)?;
    let labels: Vec<String> = (0..values.len()).filter_map(|value| values.label(value)).map(without_slash).collect();
    let customers = cast(log.customer_ids(), &DataType::Utf8)?;
    let customers = customers.as_string::<i32>();
    let mut ids = StringBuilder::new();
    let mut keys: Vec<Option<u32>> = Vec::with_capacity(log.len());
    // By value: the last customer who had it, plus one, and the unit that this made.
    let mut found = vec![(0, 0); labels.len()];
    let mut units = 0;
    for customer in 0..log.customers() {
        for event in log.range(customer) {
            let value = values.of_event(event);
            let Some((seen, unit)) = found.get_mut(value) else {
                keys.push(None);
                continue;
            };
            if *seen != customer + 1 {
                (*seen, *unit) = (customer + 1, units);
                units += 1;
                ids.append_value(format!("{}/{}", customers.value(customer), labels[value]));
            }
            keys.push(Some(*unit));
        }
    }
    Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(keys), Arc::new(ids.finish()))?))
}

/// A value whose text has no slash, as a JSON pointer writes it (RFC 6901): so the last slash of an id is ours, and no two
/// pairs of customer and value share an id.
fn without_slash(value: &str) -> String {
    value.replace('~', "~0").replace('/', "~1")
}

/// Customer ids repeated for each event; numbers plain, so that conditions compare them.
fn original_customers(log: &EventLog) -> Result<ArrayRef> {
    let customers = log.customer_per_event()?;
    match log.customer_ids().data_type() {
        DataType::Utf8 => Ok(customers),
        plain => Ok(cast(&customers, plain)?),
    }
}
