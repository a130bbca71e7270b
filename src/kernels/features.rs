//! Features of each customer at cut-offs: what a model may know, and nothing that came later.

mod measure;
mod names;
mod selections;
mod summaries;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, StructArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{Field, UInt32Type};
use serde::Deserialize;

use super::cutoffs::{CutoffParams, Cutoffs};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};
pub use names::FeaturesNames;

use measure::{Columns, Measure, MeasureParams, NO_TEXT, Shared, Values, View};
use selections::{Lists, Selections, Wanted};

/// Parameters of [`Features`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    cutoffs: CutoffParams,
    features: Vec<FeatureParams>,
}

/// One feature: a measure of some of the events that are known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureParams {
    name: String,
    measure: MeasureParams,
    events: Option<Vec<String>>,
    #[serde(rename = "where")]
    condition: Option<String>,
    within_us: Option<i64>,
    /// Of all the past rather than of the observation window.
    history: bool,
}

/// The table of features.
pub struct Features {
    cutoffs: Cutoffs,
    observe: Option<i64>,
    names: Vec<String>,
    measures: Vec<(usize, Measure)>,
    selections: Selections,
    columns: Columns,
    times: ScalarBuffer<i64>,
    customers: ArrayRef,
}

/// Rows of the table, in the order of the log and then of the cut-offs.
pub struct Rows {
    customer: Vec<u32>,
    at: Vec<i64>,
    values: Vec<Values>,
}

/// Buffers of one customer.
#[derive(Default)]
pub struct Scratch {
    known: Vec<u32>,
    lists: Lists,
    shared: Shared,
}

impl Analysis for Features {
    const NAME: &'static str = "features";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let (mut selections, mut columns) = (Selections::new(log), Columns::new(log));
        let (mut names, mut measures) = (Vec::new(), Vec::new());
        for feature in params.features {
            if names.contains(&feature.name) {
                return Err(Error::Argument(format!("two features are called \"{}\"", feature.name)));
            }
            let wanted = Wanted {
                events: feature.events,
                condition: feature.condition,
                history: feature.history,
                within: feature.within_us,
            };
            let selection = selections.number(wanted, log)?;
            measures.push((selection, Measure::bind(&feature.measure, selection, &mut columns, log)?));
            names.push(feature.name);
        }
        Ok(Self {
            observe: params.cutoffs.observe_us(),
            cutoffs: Cutoffs::bind(params.cutoffs, log)?,
            names,
            measures,
            selections,
            columns,
            times: log.times.clone(),
            customers: Arc::clone(log.customer_ids()),
        })
    }
}

impl Kernel for Features {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Rows> {
        let values = self.measures.iter().map(|(_, measure)| measure.column()).collect();
        vec![Rows { customer: Vec::new(), at: Vec::new(), values }]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let Scratch { known, lists, shared } = scratch;
        self.cutoffs.visit(journey, known, |known| {
            let Some(rows) = groups.at(journey, 0).last_mut() else { return };
            self.selections.deal(journey, &known, lists);
            let window = self.observe.map_or(i64::MIN, |observe| known.at.saturating_sub(observe));
            let first = known.history.first().map_or(known.at, |&event| self.times[event as usize]);
            let view = View {
                known,
                selections: &self.selections,
                lists,
                times: &self.times,
                columns: &self.columns,
                window,
                first,
            };
            shared.begin(&self.selections, &self.columns, &view);
            rows.customer.push(journey.customer as u32);
            rows.at.push(known.at);
            for ((selection, measure), values) in self.measures.iter().zip(&mut rows.values) {
                values.push(view.value(measure, *selection, journey, shared));
            }
        });
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        state.into_iter().map(|rows| self.batch(rows)).collect()
    }
}

impl Features {
    fn batch(&self, rows: Rows) -> Result<Vec<PartialColumn>> {
        let number = rows.customer.len();
        let customer =
            DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
        let values = rows.values.into_iter().map(array).collect::<Result<Vec<_>>>()?;
        let fields = self.names.iter().zip(&values);
        let fields = fields.map(|(name, values)| Field::new(name, values.data_type().clone(), true));
        let features = if values.is_empty() {
            StructArray::new_empty_fields(number, None)
        } else {
            StructArray::try_new(fields.collect(), values, None)?
        };
        Ok(vec![
            ("customer", Role::Concat, Arc::new(customer)),
            ("at", Role::Concat, Arc::new(TimestampMicrosecondArray::from(rows.at).with_timezone("UTC"))),
            ("features", Role::Concat, Arc::new(features)),
        ])
    }
}

/// The values of a feature, null where they are undefined.
fn array(values: Values) -> Result<ArrayRef> {
    Ok(match values {
        Values::Whole(values) => Arc::new(Int64Array::from(values)),
        Values::Number(values) => {
            let known = values.iter().map(|value| !value.is_nan()).collect::<NullBuffer>();
            Arc::new(Float64Array::new(values.into(), Some(known)))
        }
        Values::Text(codes, labels) => {
            let keys: UInt32Array = codes.iter().map(|&code| (code != NO_TEXT).then_some(code)).collect();
            Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, labels)?)
        }
    })
}
