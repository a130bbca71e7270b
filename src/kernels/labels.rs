//! What customers did after cut-offs: the truth that a model is trained with, row for row that of [`super::Features`].

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::UInt32Type;
use serde::Deserialize;

use super::chosen;
use super::cutoffs::{CutoffParams, Cutoffs, Known, holds};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Numbers};
use crate::partial::{PartialColumn, Role};

/// Parameters of [`Labels`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    cutoffs: CutoffParams,
    /// What is looked for; any event where none are given.
    events: Option<Vec<String>>,
    #[serde(rename = "where")]
    condition: Option<String>,
    /// The prediction window begins so long after the cut-off, µs, and has this length.
    gap_us: i64,
    predict_us: i64,
    /// The events start a term: who lets it end within the prediction window is looked at until its grace is over.
    term: Option<Term>,
    /// Numbers that are added up over what is found.
    value: Option<String>,
}

/// How long a renewal holds, and how late the next one may be, µs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    length_us: i64,
    grace_us: i64,
}

/// The table of what came.
pub struct Labels {
    cutoffs: Cutoffs,
    codes: Option<Vec<bool>>,
    condition: Option<BooleanBuffer>,
    gap: i64,
    predict: i64,
    term: Option<Term>,
    value: Option<Numbers>,
    customers: ArrayRef,
}

/// Rows of the table, in the order of the log and then of the cut-offs.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    at: Vec<i64>,
    /// Found before the cut-off, and known by then.
    before: Vec<i64>,
    events: Vec<i64>,
    first: Vec<Option<i64>>,
    value: Vec<Option<f64>>,
    term_end: Vec<Option<i64>>,
}

/// Buffers of one customer.
#[derive(Default)]
pub struct Scratch {
    known: Vec<u32>,
    found: Vec<u32>,
    values: Vec<f64>,
}

impl Analysis for Labels {
    const NAME: &'static str = "labels";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        let term = params.term.map_or((1, 0), |term| (term.length_us, term.grace_us));
        if params.gap_us < 0 || params.predict_us <= 0 || term.0 <= 0 || term.1 < 0 {
            return Err(Error::Argument(format!(
                "gap_us is {}, predict_us {}, term {:?}; expected lengths of time",
                params.gap_us, params.predict_us, params.term
            )));
        }
        Ok(Self {
            cutoffs: Cutoffs::bind(params.cutoffs, log)?,
            codes: chosen(params.events.as_deref(), log)?,
            condition: params.condition.as_deref().map(|text| holds(text, log)).transpose()?,
            gap: params.gap_us,
            predict: params.predict_us,
            term: params.term,
            value: params.value.map(|name| log.numbers(&name, false)).transpose()?,
            customers: Arc::clone(log.customer_ids()),
        })
    }
}

impl Kernel for Labels {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = Scratch;

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Scratch, groups: &mut Groups<'_, Self>) {
        let Scratch { known, found, values } = scratch;
        self.cutoffs.visit(journey, known, |known| {
            let Some(rows) = groups.at(journey, 0).last_mut() else { return };
            self.row(journey, &known, rows, found, values);
        });
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let time = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("at", Role::Concat, Arc::new(TimestampMicrosecondArray::from(rows.at).with_timezone("UTC"))),
                ("before", Role::Concat, Arc::new(Int64Array::from(rows.before))),
                ("events", Role::Concat, Arc::new(Int64Array::from(rows.events))),
                ("first", Role::Concat, time(rows.first)),
                ("value", Role::Concat, Arc::new(Float64Array::from(rows.value))),
                ("term_end", Role::Concat, time(rows.term_end)),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}

impl Labels {
    fn row<C: Code>(
        &self,
        journey: &Journey<'_, C>,
        known: &Known<'_>,
        rows: &mut Rows,
        found: &mut Vec<u32>,
        values: &mut Vec<f64>,
    ) {
        let time = |event: u32| journey.times[event as usize - journey.start];
        let is_meant = |event: u32| {
            let code = journey.events[event as usize - journey.start].index();
            self.codes.as_ref().is_none_or(|codes| codes[code])
                && self.condition.as_ref().is_none_or(|condition| condition.value(event as usize))
        };
        let before = known.history.iter().filter(|event| is_meant(**event));
        let opens = known.at.saturating_add(self.gap);
        let closes = opens.saturating_add(self.predict);
        let ends = self.term.and_then(|term| {
            let last = known.history.iter().rev().find(|event| is_meant(**event))?;
            Some(time(*last).saturating_add(term.length_us)).filter(|end| (opens..closes).contains(end))
        });
        // A term is renewed from the cut-off on; an event at the end of its grace is in time.
        let (from, to) = match (self.term, ends) {
            (None, _) => (opens, closes),
            (Some(term), Some(end)) => (known.at, end.saturating_add(term.grace_us).saturating_add(1)),
            (Some(_), None) => (known.at, known.at),
        };
        let place = |limit: i64| journey.times.partition_point(|&time| time < limit);
        found.clear();
        let events = journey.start + place(from)..journey.start + place(to);
        found.extend(events.map(|event| event as u32).filter(|&event| is_meant(event)));
        values.clear();
        if let Some(numbers) = &self.value {
            numbers.read(found, values);
            values.retain(|value| !value.is_nan());
        }
        let unknown = self.value.is_none() || (values.is_empty() && !found.is_empty());
        rows.customer.push(journey.customer as u32);
        rows.at.push(known.at);
        rows.before.push(before.count() as i64);
        rows.events.push(found.len() as i64);
        rows.first.push(found.first().map(|&event| time(event)));
        rows.value.push((!unknown).then(|| values.iter().sum::<f64>() + 0.0));
        rows.term_end.push(ends);
    }
}
