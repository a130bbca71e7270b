//! Where in the journeys of customers the instants of another table are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde::Deserialize;

use super::customers::{Ids, NONE};
use super::{instants_of, spelled, whole};
use crate::error::{Error, Result};
use crate::ingest::{EpochUnit, Normalize};
use crate::log::EventLog;
use crate::pool::{Cancel, on_pool};
use crate::table::Table;

/// Which columns name the customer and the instant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Who.
    pub customer: String,
    /// When.
    pub time: String,
    /// What a number in `time` counts.
    pub time_unit: Option<EpochUnit>,
    /// How much later than `time` the instant is, in µs.
    #[serde(default)]
    pub shift_us: i64,
    /// How the ids of the log were spelled.
    pub normalize: Option<Normalize>,
}

impl Place {
    /// A place from its JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::Argument(format!("the columns are not valid: {error}")))
    }
}

/// For each row: `time`, null where there is none that a log may hold; `customer`, its position in the log, null where
/// the log has none or the row names none; `first` and `beyond`, the customer's events, the last one excluded; and
/// `later`, the first of them after the instant, which is `beyond` where none is; null without a customer or a time.
pub fn locate(log: &EventLog, table: &Table, place: &Place, cancel: &Cancel) -> Result<Table> {
    on_pool(|| {
        let table = spelled(table, &place.customer, place.normalize)?;
        let ids = Ids::read(log, &whole(&table, &place.customer)?, &place.customer)?;
        cancel.check()?;
        let times = instants_of(&table, &place.time, place.time_unit, log.zone())?;
        let times: Vec<Option<i64>> =
            times.into_iter().map(|time| time.map(|time| time.saturating_add(place.shift_us))).collect();
        let mut customers = vec![NONE; ids.distinct];
        for (customer, &number) in ids.of_customer.iter().enumerate() {
            if number != NONE {
                customers[number as usize] = customer as u32;
            }
        }
        let customer =
            |number: u32| (number != NONE).then(|| customers[number as usize]).filter(|&found| found != NONE);
        let found: Vec<Option<usize>> =
            ids.of_row.iter().map(|&number| customer(number).map(|found| found as usize)).collect();
        cancel.check()?;
        let later = found.iter().zip(&times).map(|(customer, time)| {
            let (customer, time) = ((*customer)?, (*time)?);
            let range = log.range(customer);
            Some((range.start + log.times[range].partition_point(|&event| event <= time)) as i64)
        });
        let position = |pick: fn(std::ops::Range<usize>) -> usize| -> ArrayRef {
            let positions = found.iter().map(|customer| customer.map(|customer| pick(log.range(customer)) as i64));
            Arc::new(positions.collect::<Int64Array>())
        };
        let columns: [(&str, ArrayRef); 5] = [
            ("time", Arc::new(times.iter().copied().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
            ("customer", Arc::new(found.iter().map(|found| found.map(|found| found as i64)).collect::<Int64Array>())),
            ("first", position(|range| range.start)),
            ("beyond", position(|range| range.end)),
            ("later", Arc::new(later.collect::<Int64Array>())),
        ];
        let columns = columns.into_iter().map(|(name, values)| (name, values, true));
        Ok(Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns)?))
    })
}
