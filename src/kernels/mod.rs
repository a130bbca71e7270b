//! The analyses, one file each, and the sorted list that finds them by name.

mod cells;
mod conformance;
mod contact_times;
mod conversion;
mod cutoffs;
mod cutter;
mod features;
mod flow;
mod funnel;
mod journeys;
mod kpis;
mod labels;
mod lifecycle;
mod loops;
mod matches;
mod next_events;
mod paths;
mod retention;
mod rfm;
mod rfm_purchases;
mod separating_paths;
mod sessions;
mod stages;
mod steps;
mod stickiness;
mod transitions;
mod units;
mod waits;

use serde::Deserialize;

use crate::calendar::{Calendar, Period, Periods};
use crate::engine::{Analysis, Plan, run};
use crate::error::{Error, Result, did_you_mean};
use crate::log::EventLog;
use crate::pool::Cancel;
use crate::table::Table;

pub use conformance::{Conformance, ConformanceMoves};
pub use contact_times::ContactTimes;
pub use conversion::Conversion;
pub use features::{Features, FeaturesNames};
pub use flow::Flow;
pub use funnel::{Funnel, FunnelAttempts, FunnelEvents};
pub use journeys::{Journeys, JourneysChains};
pub use kpis::Kpis;
pub use labels::Labels;
pub use lifecycle::Lifecycle;
pub use loops::Loops;
pub use matches::{Match, MatchCustomers, MatchEvents, MatchRows};
pub use next_events::{NextEvents, NextEventsCustomers};
pub use paths::Paths;
pub use retention::Retention;
pub use rfm::Rfm;
pub use rfm_purchases::RfmPurchases;
pub use separating_paths::{SeparatingPaths, SeparatingPathsUnits};
pub use sessions::{Sessions, SessionsEvents};
pub use stages::Stages;
pub use steps::Steps;
pub use stickiness::Stickiness;
pub use transitions::Transitions;
pub use waits::Waits;

type Runner = fn(&EventLog, &Plan, &Cancel) -> Result<Table>;

/// Every kernel by name, sorted.
pub const KERNELS: &[(&str, Runner)] = &[
    (Conformance::NAME, run::<Conformance>),
    (ConformanceMoves::NAME, run::<ConformanceMoves>),
    (ContactTimes::NAME, run::<ContactTimes>),
    (Conversion::NAME, run::<Conversion>),
    (Features::NAME, run::<Features>),
    (FeaturesNames::NAME, run::<FeaturesNames>),
    (Flow::NAME, run::<Flow>),
    (Funnel::NAME, run::<Funnel>),
    (FunnelAttempts::NAME, run::<FunnelAttempts>),
    (FunnelEvents::NAME, run::<FunnelEvents>),
    (Journeys::NAME, run::<Journeys>),
    (JourneysChains::NAME, run::<JourneysChains>),
    (Kpis::NAME, run::<Kpis>),
    (Labels::NAME, run::<Labels>),
    (Lifecycle::NAME, run::<Lifecycle>),
    (Loops::NAME, run::<Loops>),
    (Match::NAME, run::<Match>),
    (MatchCustomers::NAME, run::<MatchCustomers>),
    (MatchEvents::NAME, run::<MatchEvents>),
    (MatchRows::NAME, run::<MatchRows>),
    (NextEvents::NAME, run::<NextEvents>),
    (NextEventsCustomers::NAME, run::<NextEventsCustomers>),
    (Paths::NAME, run::<Paths>),
    (Retention::NAME, run::<Retention>),
    (Rfm::NAME, run::<Rfm>),
    (RfmPurchases::NAME, run::<RfmPurchases>),
    (SeparatingPaths::NAME, run::<SeparatingPaths>),
    (SeparatingPathsUnits::NAME, run::<SeparatingPathsUnits>),
    (Sessions::NAME, run::<Sessions>),
    (SessionsEvents::NAME, run::<SessionsEvents>),
    (Stages::NAME, run::<Stages>),
    (Steps::NAME, run::<Steps>),
    (Stickiness::NAME, run::<Stickiness>),
    (Transitions::NAME, run::<Transitions>),
    (Waits::NAME, run::<Waits>),
];

/// Runs the kernel of a name.
pub fn run_named(name: &str, log: &EventLog, plan: &Plan, cancel: &Cancel) -> Result<Table> {
    let found = KERNELS.iter().find(|(known, _)| *known == name);
    let (_, runner) = found.ok_or_else(|| {
        let names = KERNELS.iter().map(|(known, _)| *known);
        Error::Argument(format!(
            "\"{name}\" is not an analysis{} (available: {})",
            did_you_mean(name, names.clone()),
            names.collect::<Vec<_>>().join(", ")
        ))
    })?;
    runner(log, plan, cancel)
}

/// Which event codes a list of names stands for; `None` for all events. A name that the log does not have matches
/// nothing, so that a plan for a whole log also runs on a part of it; misspelled names are caught where users write them.
fn chosen(names: Option<&[String]>, log: &EventLog) -> Result<Option<Vec<bool>>> {
    let Some(names) = names else { return Ok(None) };
    if names.is_empty() {
        return Err(Error::Argument(
            "an empty list of events matches nothing; leave it out to match every event".into(),
        ));
    }
    let mut chosen = vec![false; log.event_names().len()];
    for name in names {
        if let Some(code) = log.event_names().code(name) {
            chosen[code] = true;
        }
    }
    Ok(Some(chosen))
}

/// The code of the one chosen event, where it is only one.
fn only(chosen: &[bool]) -> Option<usize> {
    let mut codes = chosen.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(code, _)| code);
    codes.next().filter(|_| codes.next().is_none())
}

/// The calendar periods that a plan may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PeriodName {
    Day,
    Week,
    Month,
}

impl PeriodName {
    /// The period whose weeks begin with a day.
    fn with(self, week_start: u8) -> Result<Period> {
        match self {
            Self::Day => Ok(Period::Day),
            Self::Week if week_start > 6 => {
                Err(Error::Argument(format!("week_start is {week_start}; expected 0 (Monday) to 6 (Sunday)")))
            }
            Self::Week => Ok(Period::Week { start: week_start }),
            Self::Month => Ok(Period::Month),
        }
    }
}

/// More periods than this make a table that nobody reads and a state that does not fit the cache.
const MOST_PERIODS: usize = 5_000;

/// The calendar periods of the log's events.
fn calendar_periods(log: &EventLog, period: PeriodName, calendar: Calendar, week_start: u8) -> Result<Periods> {
    let (first, last) = log.span();
    let periods = Periods::new(log.zone(), period.with(week_start)?, calendar, first, last)?;
    if periods.len() > MOST_PERIODS {
        return Err(Error::Argument(format!(
            "the log spans {} periods, more than the {MOST_PERIODS} of one table; choose a longer period",
            periods.len()
        )));
    }
    Ok(periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_no_name_twice() {
        assert!(KERNELS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
