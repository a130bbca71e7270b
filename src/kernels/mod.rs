//! The analyses, one file each, and the sorted list that finds them by name.

mod conversion;
mod funnel;
mod retention;
mod sessions;
mod transitions;

use crate::engine::{Analysis, Plan, run};
use crate::error::{Error, Result, did_you_mean};
use crate::log::EventLog;
use crate::pool::Cancel;
use crate::table::Table;

pub use conversion::Conversion;
pub use funnel::{Funnel, FunnelAttempts};
pub use retention::Retention;
pub use sessions::Sessions;
pub use transitions::Transitions;

type Runner = fn(&EventLog, &Plan, &Cancel) -> Result<Table>;

/// Every kernel by name, sorted.
pub const KERNELS: &[(&str, Runner)] = &[
    (Conversion::NAME, run::<Conversion>),
    (Funnel::NAME, run::<Funnel>),
    (FunnelAttempts::NAME, run::<FunnelAttempts>),
    (Retention::NAME, run::<Retention>),
    (Sessions::NAME, run::<Sessions>),
    (Transitions::NAME, run::<Transitions>),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_no_name_twice() {
        assert!(KERNELS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
