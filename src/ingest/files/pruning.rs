//! Which files and row groups cannot hold a row that was asked for.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::partitions::Partitions;
use super::{LeftOut, Roles};
use crate::calendar::{DAY_US, EARLIEST_US, LATEST_US, Zone};
use crate::error::Result;
use crate::ingest::times::instants;

/// What was asked for.
pub struct Wanted<'a> {
    roles: Option<&'a Roles>,
    range: Option<Range<'a>>,
    events: Option<(&'a str, &'a [String])>,
}

struct Range<'a> {
    roles: &'a Roles,
    zone: Zone,
    start: i64,
    end: i64,
}

/// The smallest and largest value of a column in each row group, and how many are null.
pub struct Statistics {
    /// Null where not known.
    pub smallest: ArrayRef,
    /// Null where not known.
    pub largest: ArrayRef,
    /// Null where not known.
    pub nulls: UInt64Array,
}

impl Statistics {
    /// Whether they bound the times: texts sort by their letters, and floats may hide a NaN.
    fn is_exact(&self) -> bool {
        self.smallest.data_type().is_integer() || self.smallest.data_type().is_temporal()
    }

    /// Whether a row group has no null for certain: those rows are bad, and their reader is to hear of them.
    fn is_full(&self, group: usize) -> bool {
        self.nulls.is_valid(group) && self.nulls.value(group) == 0
    }
}

impl<'a> Wanted<'a> {
    /// What the roles ask for.
    pub fn of(roles: Option<&'a Roles>) -> Result<Self> {
        let bounded = roles.filter(|roles| roles.is_bounded());
        let range = |roles: &'a Roles| -> Result<Range<'a>> {
            let (start, end) = (roles.start_us.unwrap_or(i64::MIN), roles.end_us.unwrap_or(i64::MAX));
            Ok(Range { roles, zone: Zone::new(&roles.timezone)?, start, end })
        };
        let events = roles.and_then(|roles| roles.only_events.as_deref().map(|names| (roles.event.as_str(), names)));
        Ok(Self { roles, range: bounded.map(range).transpose()?, events })
    }

    /// The same times of all events.
    pub fn of_any_event(self) -> Self {
        Self { events: None, ..self }
    }

    /// The column of times, where not all rows were asked for.
    pub fn time_column(&self) -> Option<&str> {
        self.roles.filter(|_| self.range.is_some() || self.events.is_some()).map(|roles| roles.time.as_str())
    }

    /// The column of events, where some were asked for.
    pub fn event_column(&self) -> Option<&str> {
        self.events.map(|(column, _)| column)
    }

    /// Whether there is a file whose folders name a column that decides what was asked for.
    pub fn may_leave_out_files(&self, paths: &[String]) -> bool {
        let columns: Vec<&str> = self.time_column().into_iter().chain(self.event_column()).collect();
        let decides = |path: &String| {
            let partitions = Partitions::of(Path::new(path));
            columns.iter().any(|column| partitions.has(column))
        };
        !columns.is_empty() && paths.iter().any(decides)
    }

    /// Whether the folders of a file say that it was not asked for; if so, its time where they tell it.
    pub fn leaves_out_file(&self, partitions: &Partitions) -> Result<Option<LeftOut>> {
        if let Some(range) = &self.range
            && let Some(text) = partitions.value(&range.roles.time)
        {
            let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
            let time = instants(&text, &range.roles.time, range.roles.time_unit, &range.zone)?[0];
            if let Some(time) = time.filter(|time| !(range.start..range.end).contains(time)) {
                return Ok(Some(LeftOut { time: Some(time) }));
            }
        }
        let until_is_given = self.roles.is_some_and(|roles| roles.observed_until_us.is_some());
        Ok((until_is_given && self.is_without_events(partitions)).then_some(LeftOut { time: None }))
    }

    /// Whether the folders of a file name an event that was not asked for.
    pub fn is_without_events(&self, partitions: &Partitions) -> bool {
        self.events.is_some_and(|(column, names)| match partitions.value(column) {
            // A blank name is a bad row.
            Some(name) => !name.trim().is_empty() && !names.iter().any(|wanted| wanted == name),
            None => false,
        })
    }

    /// The latest time of each row group, as the latest event of all says how long was observed; none where it is not
    /// known. Where `observed_until` is given, nobody asks for it.
    pub fn latest(&self, statistics: Option<&Statistics>, groups: usize) -> Result<Vec<Option<LeftOut>>> {
        let Some(roles) = self.roles else { return Ok(vec![None; groups]) };
        if roles.observed_until_us.is_some() {
            return Ok(vec![Some(LeftOut { time: None }); groups]);
        }
        let Some(statistics) = statistics.filter(|statistics| statistics.is_exact()) else {
            return Ok(vec![None; groups]);
        };
        let zone = Zone::new(&roles.timezone)?;
        let largest = instants(&statistics.largest, &roles.time, roles.time_unit, &zone)?;
        let known = |group: usize| {
            let time = largest[group].filter(|time| (EARLIEST_US..LATEST_US).contains(time));
            time.filter(|_| statistics.is_full(group)).map(|time| LeftOut { time: Some(time) })
        };
        Ok((0..groups).map(known).collect())
    }

    /// For each row group that lies outside the range for certain, one of its times.
    pub fn out_of_range(&self, statistics: &Statistics) -> Result<Vec<Option<i64>>> {
        let groups = statistics.smallest.len();
        let Some(range) = &self.range else { return Ok(vec![None; groups]) };
        if !statistics.is_exact() {
            return Ok(vec![None; groups]);
        }
        let data_type = statistics.smallest.data_type();
        let read = |values: &ArrayRef| instants(values, &range.roles.time, range.roles.time_unit, &range.zone);
        let (smallest, largest) = (read(&statistics.smallest)?, read(&statistics.largest)?);
        // Clocks that are put back or forth may swap wall-clock times that are near to each other.
        let margin = if matches!(data_type, DataType::Timestamp(_, Some(_))) { 0 } else { DAY_US };
        let outside = |group: usize| {
            let (smallest, largest) = smallest[group].zip(largest[group]).filter(|_| statistics.is_full(group))?;
            let before = largest.saturating_add(margin) < range.start;
            let after = smallest.saturating_sub(margin) >= range.end;
            (before || after).then_some(smallest)
        };
        Ok((0..groups).map(outside).collect())
    }

    /// Which row groups have none of the events for certain.
    pub fn without_events(&self, statistics: &Statistics) -> Result<Vec<bool>> {
        let groups = statistics.smallest.len();
        let Some((_, names)) = self.events else { return Ok(vec![false; groups]) };
        if !is_text(statistics.smallest.data_type()) {
            return Ok(vec![false; groups]);
        }
        let smallest = cast(&statistics.smallest, &DataType::LargeUtf8)?;
        let largest = cast(&statistics.largest, &DataType::LargeUtf8)?;
        let (smallest, largest) = (smallest.as_string::<i64>(), largest.as_string::<i64>());
        let without = |group: usize| {
            let known = smallest.is_valid(group) && largest.is_valid(group) && statistics.is_full(group);
            // A blank name is a bad row.
            known
                && !smallest.value(group).trim().is_empty()
                && !names.iter().any(|name| (smallest.value(group)..=largest.value(group)).contains(&name.as_str()))
        };
        Ok((0..groups).map(without).collect())
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_text(value),
        other => matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}
