//! Which values columns had before the first cut-off: features are made for these, and later events can't add to them.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::buffer::BooleanBuffer;
use serde::Deserialize;

use super::super::cutoffs::{CutoffParams, Cutoffs, holds};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey, Segments};
use crate::partial::{PartialColumn, Role, texts};

/// Parameters of [`FeaturesNames`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    cutoffs: CutoffParams,
    columns: Vec<String>,
    /// Only of events that meet this condition.
    #[serde(rename = "where")]
    condition: Option<String>,
}

/// The values of columns, with the number of their events in the observation windows.
pub struct FeaturesNames {
    cutoffs: Cutoffs,
    names: Vec<String>,
    columns: Vec<Arc<Segments>>,
    condition: Option<BooleanBuffer>,
}

impl Analysis for FeaturesNames {
    const NAME: &'static str = "features_names";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let columns = params.columns.iter().map(|name| {
            let column = log.segments(name)?;
            column.few_enough(name)?;
            Ok(column)
        });
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
            cutoffs: Cutoffs::bind(params.cutoffs, log)?,
            names: params.columns,
            condition: params.condition.as_deref().map(|text| holds(text, log)).transpose()?,
        })
    }
}

impl Kernel for FeaturesNames {
    /// Of every column, the events of each value.
    type State = Vec<Vec<i64>>;
    type Scratch = Vec<u32>;

    fn init(&self) -> Vec<Vec<i64>> {
        self.columns.iter().map(|column| vec![0; column.len()]).collect()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, known: &mut Vec<u32>, groups: &mut Groups<'_, Self>) {
        self.cutoffs.visit(journey, known, |known| {
            let state = groups.at(journey, 0);
            for (counts, column) in state.iter_mut().zip(&self.columns) {
                let meets = |event: &&u32| self.condition.as_ref().is_none_or(|met| met.value(**event as usize));
                known.window.iter().filter(meets).for_each(|&event| counts[column.of_event(event as usize)] += 1);
            }
        });
    }

    fn merge(&self, into: &mut Vec<Vec<i64>>, from: Vec<Vec<i64>>) {
        for (into, from) in into.iter_mut().flatten().zip(from.into_iter().flatten()) {
            *into += from;
        }
    }

    fn columns(&self, state: Vec<Vec<i64>>) -> Result<Vec<Vec<PartialColumn>>> {
        let mut rows = Vec::new();
        for ((name, column), counts) in self.names.iter().zip(&self.columns).zip(&state) {
            let found = counts.iter().enumerate().filter(|(_, events)| **events > 0);
            rows.extend(found.filter_map(|(code, events)| Some((name.as_str(), column.label(code)?, *events))));
        }
        Ok(vec![vec![
            ("column", Role::Key, texts(rows.iter().map(|row| row.0))),
            ("value", Role::Key, texts(rows.iter().map(|row| row.1))),
            ("events", Role::Sum, Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)))),
        ]])
    }
}
