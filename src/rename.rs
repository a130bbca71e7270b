//! Other names for events: a log whose events are called by the values of a column, such as touchpoints or stages.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::log::{Column, EventLog, RESERVED};
use crate::pool::Cancel;

/// The column that keeps what the event was called.
pub const ORIGINAL: &str = "original_event";

/// The log whose events are called by the values of a column. Events without a value are left out.
pub fn named_by(log: &EventLog, column: &str, cancel: &Cancel) -> Result<EventLog> {
    let values = log.segments(column)?;
    values.few_enough(column)?;
    let missing = values.len() - 1;
    for label in (0..missing).filter_map(|value| values.label(value)) {
        if label.trim().is_empty() || RESERVED.contains(&label) {
            return Err(Error::Data(format!(
                "column \"{column}\" has the value \"{label}\", which can't be the name of an event; change it first"
            )));
        }
    }
    let has_value = |event: usize| values.of_event(event) < missing;
    let mut renamed = if (0..log.len()).all(has_value) {
        log.clone()
    } else {
        let kept = log.part(&|_| true, Some(&has_value), log.observed_until(), false, cancel)?;
        EventLog { observed_until_given: log.observed_until_given, ..kept }
    };
    if renamed.columns.iter().all(|other| other.name() != ORIGINAL) {
        let events = renamed.column("event")?;
        renamed.columns.push(Column::new(ORIGINAL.to_owned(), events.data_type().clone(), vec![events], None));
    }
    let (codes, names) = renamed.segments(column)?.to_names();
    renamed.events = Arc::new(codes);
    renamed.event_names = Arc::new(names);
    Ok(renamed)
}
