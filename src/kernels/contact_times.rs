//! Contact times: how often contacts were answered, by weekday and hour of their wall clock.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use serde::Deserialize;

use super::chosen;
use crate::calendar::{DAY_US, Zone};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`ContactTimes`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    contact: Vec<String>,
    response: Vec<String>,
    /// A response within so many µs of the latest contact answers it.
    within_us: i64,
    /// Local days since 1970, rising.
    holidays: Vec<i32>,
}

/// The table of answered contacts.
pub struct ContactTimes {
    contact: Vec<bool>,
    response: Vec<bool>,
    within: i64,
    holidays: Vec<i32>,
    zone: Zone,
    observed_until: i64,
}

const HOURS: usize = 24;
const HOUR_US: i64 = DAY_US / HOURS as i64;
/// Weekdays, hours, and whether the day is a holiday.
const CELLS: usize = 7 * HOURS * 2;
/// 1970-01-01 was a Thursday, day 3 of a week from Monday.
const FIRST_WEEKDAY: i64 = 3;

/// Contacts of one cell.
#[derive(Clone, Copy, Default)]
pub struct Cell {
    contacts: i64,
    answered: i64,
    /// Their time to answer was not over when the data ended; they are in neither of the others.
    open: i64,
}

impl Analysis for ContactTimes {
    const NAME: &'static str = "contact_times";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if params.within_us <= 0 {
            return Err(Error::Argument(format!("within_us is {}; expected more than 0", params.within_us)));
        }
        if !params.holidays.is_sorted() {
            return Err(Error::Argument("the holidays are not in order".into()));
        }
        Ok(Self {
            contact: chosen(Some(&params.contact), log)?.unwrap_or_default(),
            response: chosen(Some(&params.response), log)?.unwrap_or_default(),
            within: params.within_us,
            holidays: params.holidays,
            zone: log.zone().clone(),
            observed_until: log.observed_until(),
        })
    }
}

impl ContactTimes {
    fn cell(&self, time: i64) -> usize {
        let local = self.zone.to_local_us(time);
        let day = local.div_euclid(DAY_US);
        let weekday = (day + FIRST_WEEKDAY).rem_euclid(7) as usize;
        let hour = (local.rem_euclid(DAY_US) / HOUR_US) as usize;
        let holiday = i32::try_from(day).is_ok_and(|day| self.holidays.binary_search(&day).is_ok());
        (weekday * HOURS + hour) * 2 + usize::from(holiday)
    }
}

impl Kernel for ContactTimes {
    type State = Vec<Cell>;
    type Scratch = ();

    fn init(&self) -> Vec<Cell> {
        vec![Cell::default(); CELLS]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let mut latest: Option<usize> = None;
        let mut close = |contact: Option<usize>, answered: bool| {
            let Some(place) = contact else { return };
            let time = journey.times[place];
            let cell = &mut groups.at(journey, place)[self.cell(time)];
            if time.saturating_add(self.within).saturating_sub(1) > self.observed_until {
                cell.open += 1;
            } else {
                cell.contacts += 1;
                cell.answered += i64::from(answered);
            }
        };
        for (place, event) in journey.events.iter().enumerate() {
            if self.contact[event.index()] {
                close(latest.replace(place), false);
            } else if self.response[event.index()]
                && latest.is_some_and(|contact| journey.times[place] - journey.times[contact] < self.within)
            {
                close(latest.take(), true);
            }
        }
        close(latest, false);
    }

    fn merge(&self, into: &mut Vec<Cell>, from: Vec<Cell>) {
        for (into, from) in into.iter_mut().zip(from) {
            into.contacts += from.contacts;
            into.answered += from.answered;
            into.open += from.open;
        }
    }

    fn columns(&self, state: Vec<Cell>) -> Result<Vec<Vec<PartialColumn>>> {
        let found: Vec<_> = state.iter().enumerate().filter(|(_, cell)| cell.contacts + cell.open > 0).collect();
        let of_place = |pick: fn(usize) -> usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(found.iter().map(|(place, _)| pick(*place) as i64)))
        };
        let of_cell = |pick: fn(&Cell) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(found.iter().map(|(_, cell)| pick(cell))))
        };
        Ok(vec![vec![
            ("weekday", Role::Key, of_place(|place| place / 2 / HOURS)),
            ("hour", Role::Key, of_place(|place| place / 2 % HOURS)),
            ("holiday", Role::Key, of_place(|place| place % 2)),
            ("contacts", Role::Sum, of_cell(|cell| cell.contacts)),
            ("answered", Role::Sum, of_cell(|cell| cell.answered)),
            ("open", Role::Sum, of_cell(|cell| cell.open)),
        ]])
    }
}
