//! Attributes of customers as columns of their events: one profile for each, or the one that held at the time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::customers::{Ids, NONE};
use super::{instants_of, spelled, whole};
use crate::error::{Error, Result};
use crate::ingest::{EpochUnit, Normalize};
use crate::log::{Column, EventLog};
use crate::pool::{Cancel, on_pool};
use crate::table::Table;

/// Events that are written between two looks at the flag that cancels.
const TASK_EVENTS: usize = 1 << 18;

/// Which columns of a table become columns of the log, and how its rows find their events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// Who.
    pub key: String,
    /// From when on a row holds; without it, a customer has one row.
    pub since: Option<String>,
    /// What a number in `since` counts.
    pub time_unit: Option<EpochUnit>,
    /// What becomes columns.
    pub columns: Vec<String>,
    /// How the ids of the log were spelled.
    pub normalize: Option<Normalize>,
}

impl Profiles {
    /// Profiles from their JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::Argument(format!("the profiles are not valid: {error}")))
    }
}

/// The log with the attributes of its customers as columns, null where nothing is known. What did not find its other half
/// is counted in the provenance.
pub fn with_profiles(log: &EventLog, table: &Table, profiles: &Profiles, cancel: &Cancel) -> Result<EventLog> {
    on_pool(|| {
        for name in &profiles.columns {
            EventLog::check_column(name, table.data_type(name)?)?;
        }
        if u32::try_from(table.num_rows()).is_err() {
            return Err(Error::Data(format!("{} rows of profiles are more than a log takes", table.num_rows())));
        }
        let table = spelled(table, &profiles.key, profiles.normalize)?;
        let keys = whole(&table, &profiles.key)?;
        let ids = Ids::read(log, &keys, &profiles.key)?;
        let times = match &profiles.since {
            None => None,
            Some(since) => Some(since_of(&table, since, profiles, &ids, log)?),
        };
        let versions = Versions::of(&ids, times.as_deref());
        if let Some((first, second)) = versions.doubled() {
            return Err(doubled(profiles, &keys, first, second)?);
        }
        cancel.check()?;
        let nothing = table.num_rows() as u32;
        let (rows, before) = versions.rows_of_events(log, &ids, nothing, cancel)?;
        let rows = UInt32Array::from(rows);
        let mut joined = log.clone();
        for name in &profiles.columns {
            let values = with_nothing(&whole(&table, name)?)?;
            joined.put(Column::new(name.clone(), values.data_type().clone(), vec![values], Some(rows.clone())));
        }
        let with = ids.of_customer.iter().filter(|&&number| number != NONE).count();
        let provenance = Arc::make_mut(&mut joined.provenance);
        provenance.profiles.push(json!({
            "key": profiles.key,
            "columns": profiles.columns,
            "rows": table.num_rows(),
            "missing_keys": ids.of_row.iter().filter(|&&number| number == NONE).count(),
            "profiles": ids.distinct,
            "profiles_without_customer": ids.distinct - with,
            "customers_with_profile": with,
            "customers_without_profile": log.customers() - with,
            "events_before_first": times.map(|_| before),
        }));
        Ok(joined)
    })
}

/// The instants from which rows hold; every row with an id needs one.
fn since_of(table: &Table, since: &str, profiles: &Profiles, ids: &Ids, log: &EventLog) -> Result<Vec<i64>> {
    let times = instants_of(table, since, profiles.time_unit, log.zone())?;
    let lacks = times.iter().zip(&ids.of_row).position(|(time, &number)| time.is_none() && number != NONE);
    if let Some(row) = lacks {
        let values = whole(table, since)?;
        let value = if values.is_valid(row) { array_value_to_string(&values, row)? } else { "null".to_owned() };
        return Err(Error::Data(format!(
            "column \"{since}\", row {row}: {value} is not a time from 1900 to 2199; say from when on this profile holds, such \
             as 1900-01-01 for what always did"
        )));
    }
    Ok(times.into_iter().map(Option::unwrap_or_default).collect())
}

fn doubled(profiles: &Profiles, keys: &ArrayRef, first: u32, second: u32) -> Result<Error> {
    let key = array_value_to_string(keys, first as usize)?;
    let name = &profiles.key;
    let rows = format!("rows {} and {}", first.min(second), first.max(second));
    Ok(Error::Data(match &profiles.since {
        None => format!(
            "column \"{name}\": {key} stands in {rows}, and a customer has one profile; keep one row of each, or give the \
             column that says from when on a row holds: since=\"…\""
        ),
        Some(since) => format!(
            "column \"{name}\": {key} has two profiles from the same instant on ({rows}, \"{since}\"); keep one of them"
        ),
    }))
}

/// The rows of each id, by time.
struct Versions {
    /// By id, where its rows begin in `rows`, and one more.
    starts: Vec<u32>,
    /// Rows with an id, by id and time.
    rows: Vec<u32>,
    /// From when on each of them holds; none where they always do.
    times: Option<Vec<i64>>,
}

impl Versions {
    fn of(ids: &Ids, times: Option<&[i64]>) -> Self {
        let mut rows: Vec<u32> = (0..ids.of_row.len() as u32).filter(|&row| ids.of_row[row as usize] != NONE).collect();
        let time = |row: u32| times.map_or(0, |times| times[row as usize]);
        rows.par_sort_unstable_by_key(|&row| (ids.of_row[row as usize], time(row), row));
        let mut starts = vec![0; ids.distinct + 1];
        for &row in &rows {
            starts[ids.of_row[row as usize] as usize + 1] += 1;
        }
        for number in 0..ids.distinct {
            starts[number + 1] += starts[number];
        }
        let times = times.map(|_| rows.iter().map(|&row| time(row)).collect());
        Self { starts, rows, times }
    }

    fn range(&self, number: u32) -> Range<usize> {
        self.starts[number as usize] as usize..self.starts[number as usize + 1] as usize
    }

    /// Two rows of one id that hold from the same instant on, the first ones of the table.
    fn doubled(&self) -> Option<(u32, u32)> {
        let of_id = |number: usize| {
            let range = self.range(number as u32);
            let same = |&at: &usize| self.times.as_ref().is_none_or(|times| times[at] == times[at + 1]);
            let pairs = range.start..range.end.saturating_sub(1).max(range.start);
            pairs.filter(same).map(|at| (self.rows[at], self.rows[at + 1])).min()
        };
        (0..self.starts.len() - 1).filter_map(of_id).min()
    }

    /// The row of each event, `nothing` where it has none, and how many events came before the first row of their customer.
    fn rows_of_events(&self, log: &EventLog, ids: &Ids, nothing: u32, cancel: &Cancel) -> Result<(Vec<u32>, u64)> {
        let mut rows = vec![nothing; log.len()];
        let mut tasks: Vec<(Range<usize>, &mut [u32])> = Vec::new();
        let (mut rest, mut first) = (rows.as_mut_slice(), 0);
        while first < log.customers() {
            let start = log.range(first).start;
            let last = log.customer_at(start + TASK_EVENTS).max(first + 1);
            let (part, others) = rest.split_at_mut(log.range(last - 1).end - start);
            tasks.push((first..last, part));
            (rest, first) = (others, last);
        }
        let of_task = |(customers, part): (Range<usize>, &mut [u32])| {
            cancel.check()?;
            let start = log.range(customers.start).start;
            let mut before = 0;
            for customer in customers.filter(|&customer| ids.of_customer[customer] != NONE) {
                let events = log.range(customer);
                let versions = self.range(ids.of_customer[customer]);
                let events_of = &mut part[events.start - start..events.end - start];
                let Some(times) = &self.times else {
                    events_of.fill(self.rows[versions.start]);
                    continue;
                };
                let mut next = versions.start;
                for (row, &time) in events_of.iter_mut().zip(&log.times[events]) {
                    while next < versions.end && times[next] <= time {
                        next += 1;
                    }
                    if next > versions.start {
                        *row = self.rows[next - 1];
                    } else {
                        before += 1;
                    }
                }
            }
            Ok::<u64, Error>(before)
        };
        let before = tasks.into_par_iter().map(of_task).try_reduce(|| 0, |one, other| Ok(one + other))?;
        Ok((rows, before))
    }
}

/// The values, text behind a dictionary, and a null at the end for who has none.
fn with_nothing(values: &ArrayRef) -> Result<ArrayRef> {
    let values = match values.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let dictionary = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
            cast(&cast(values, &DataType::Utf8)?, &dictionary)?
        }
        _ => Arc::clone(values),
    };
    Ok(concat(&[values.as_ref(), new_null_array(values.data_type(), 1).as_ref()])?)
}
