//! What paths are counted of: whole journeys or sessions, and the events of each that are looked at.

use std::ops::Range;

use serde::Deserialize;

use super::chosen;
use super::cutter::{Cutter, Fate};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey};

/// What is one unit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Per {
    /// All events of a customer.
    Customers,
    /// The events of a customer without a pause greater than the gap.
    Sessions,
}

/// Parameters of [`Units`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitParams {
    per: Per,
    gap_us: i64,
    inactivity_us: i64,
    events: Option<Vec<String>>,
    collapse: bool,
}

/// Cuts journeys into units and units into the events that are looked at.
pub struct Units {
    cutter: Cutter,
    chosen: Option<Vec<bool>>,
    collapse: bool,
}

impl Units {
    /// Checks the parameters against the log.
    pub fn bind(params: &UnitParams, log: &EventLog) -> Result<Self> {
        let (whole, by_gap) = (Cutter::whole(params.inactivity_us, log)?, Cutter::by_gap(params.gap_us, log)?);
        let cutter = match params.per {
            Per::Customers => whole,
            Per::Sessions => by_gap,
        };
        Ok(Self { cutter, chosen: chosen(params.events.as_deref(), log)?, collapse: params.collapse })
    }

    /// Calls `take` with the positions of every unit in the journey, and whether it may still go on.
    #[inline(always)]
    pub fn each<C: Code>(&self, journey: &Journey<'_, C>, mut take: impl FnMut(Range<usize>, bool)) {
        self.cutter.each(journey, |unit| take(unit.events, unit.fate == Fate::Open));
    }

    /// Every event is looked at.
    #[inline]
    pub fn whole(&self) -> bool {
        self.chosen.is_none() && !self.collapse
    }

    /// Calls `take` with the places of the events of a unit that are looked at, in their order, and whether each
    /// repeats the one before and counts once with it.
    #[inline(always)]
    pub fn places<C: Code>(&self, events: &[C], mut take: impl FnMut(usize, bool)) {
        let mut before = None;
        for (place, &event) in events.iter().enumerate() {
            if self.chosen.as_ref().is_none_or(|chosen| chosen[event.index()]) {
                take(place, self.collapse && before == Some(event));
                before = Some(event);
            }
        }
    }

    /// The events of a unit that are looked at, in their order.
    #[inline(always)]
    pub fn path<C: Code>(&self, events: &[C]) -> impl Iterator<Item = C> {
        let mut before = None;
        events.iter().copied().filter(move |&event| {
            if self.chosen.as_ref().is_some_and(|chosen| !chosen[event.index()]) {
                return false;
            }
            let again = before == Some(event);
            before = Some(event);
            !(again && self.collapse)
        })
    }
}
