//! Sessions: runs of events without a gap greater than the timeout, and what else begins or ends one.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::datatypes::UInt32Type;

use super::cutter::{Cause, CutParams, Cutter, Fate, Unit};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::Result;
use crate::log::{Code, EventLog, Journey};
use crate::partial::{PartialColumn, Role};

/// The sessions table.
pub struct Sessions {
    cutter: Cutter,
    customers: ArrayRef,
}

/// Rows of the table, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    session: Vec<u32>,
    start: Vec<i64>,
    end: Vec<i64>,
    events: Vec<u32>,
    open: Vec<bool>,
}

impl Rows {
    #[inline(always)]
    fn push(&mut self, customer: usize, session: u32, start: i64, unit: &Unit) {
        self.customer.push(customer as u32);
        self.session.push(session);
        self.start.push(start);
        self.end.push(unit.end);
        self.events.push(unit.events.len() as u32);
        self.open.push(unit.fate == Fate::Open);
    }
}

impl Analysis for Sessions {
    const NAME: &'static str = "sessions";
    type Params = CutParams;

    fn bind(params: CutParams, log: &EventLog) -> Result<Self> {
        Ok(Self { cutter: Cutter::bind(&params, log)?, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for Sessions {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = ();

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let mut session = 0;
        self.cutter.each(journey, |unit| {
            session += 1;
            if let Some(rows) = groups.at(journey, unit.events.start).last_mut() {
                rows.push(journey.customer, session, journey.times[unit.events.start], &unit);
            }
        });
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let time =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("session", Role::Concat, Arc::new(UInt32Array::from(rows.session))),
                ("start", Role::Concat, time(rows.start)),
                ("end", Role::Concat, time(rows.end)),
                ("events", Role::Concat, Arc::new(UInt32Array::from(rows.events))),
                ("open", Role::Concat, Arc::new(BooleanArray::from(rows.open))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}

/// What each event of a log decided for the sessions, or other units of the same rules: one row for each event.
pub struct SessionsEvents {
    cutter: Cutter,
    customers: ArrayRef,
}

/// Rows of the events, in the order of the log.
#[derive(Default)]
pub struct Decided {
    customer: Vec<u32>,
    session: Vec<u32>,
    cause: Vec<Option<u32>>,
    pause: Vec<Option<i64>>,
    gap: Vec<i64>,
    fate: Vec<Option<u32>>,
}

impl Analysis for SessionsEvents {
    const NAME: &'static str = "sessions_events";
    type Params = CutParams;

    fn bind(params: CutParams, log: &EventLog) -> Result<Self> {
        Ok(Self { cutter: Cutter::bind(&params, log)?, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for SessionsEvents {
    type State = Vec<Decided>;
    type Scratch = ();

    fn init(&self) -> Vec<Decided> {
        vec![Decided::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let (mut session, mut first, mut position) = (0, 0, 0);
        self.cutter.decisions(journey, |decision| {
            if decision.cause.is_some() {
                session += 1;
                first = position;
            }
            if let Some(rows) = groups.at(journey, first).last_mut() {
                rows.customer.push(journey.customer as u32);
                rows.session.push(session);
                rows.cause.push(decision.cause.map(|cause| cause as u32));
                rows.pause.push((decision.cause != Some(Cause::First)).then_some(decision.pause));
                rows.gap.push(decision.gap);
                rows.fate.push(decision.fate.map(|fate| fate as u32));
            }
            position += 1;
        });
    }

    fn merge(&self, into: &mut Vec<Decided>, from: Vec<Decided>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Decided>) -> Result<Vec<Vec<PartialColumn>>> {
        let causes: ArrayRef = Arc::new(StringArray::from_iter_values(Cause::ALL.map(Cause::name)));
        let fates: ArrayRef = Arc::new(StringArray::from_iter_values(Fate::ALL.map(Fate::name)));
        let named = |codes: UInt32Array, names: &ArrayRef| -> Result<ArrayRef> {
            Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(codes, Arc::clone(names))?))
        };
        let batch = |rows: Decided| -> Result<Vec<PartialColumn>> {
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer.into(), &self.customers)?),
                ("session", Role::Concat, Arc::new(UInt32Array::from(rows.session))),
                ("cause", Role::Concat, named(rows.cause.into(), &causes)?),
                ("pause_us", Role::Concat, Arc::new(Int64Array::from(rows.pause))),
                ("gap_us", Role::Concat, Arc::new(Int64Array::from(rows.gap))),
                ("status", Role::Concat, named(rows.fate.into(), &fates)?),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
