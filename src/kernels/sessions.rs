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

/// Why sessions, and units of the same rules, begin where they do: one row for each.
pub struct SessionsCuts {
    cutter: Cutter,
    customers: ArrayRef,
}

/// Rows of the cuts, in the order of the log.
#[derive(Default)]
pub struct Cuts {
    customer: Vec<u32>,
    events: Vec<u32>,
    cause: Vec<u32>,
    fate: Vec<u32>,
    end: Vec<i64>,
    gap: Vec<i64>,
}

impl Analysis for SessionsCuts {
    const NAME: &'static str = "sessions_cuts";
    type Params = CutParams;

    fn bind(params: CutParams, log: &EventLog) -> Result<Self> {
        Ok(Self { cutter: Cutter::bind(&params, log)?, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for SessionsCuts {
    type State = Vec<Cuts>;
    type Scratch = ();

    fn init(&self) -> Vec<Cuts> {
        vec![Cuts::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        self.cutter.each(journey, |unit| {
            if let Some(rows) = groups.at(journey, unit.events.start).last_mut() {
                rows.customer.push(journey.customer as u32);
                rows.events.push(unit.events.len() as u32);
                rows.cause.push(unit.cause as u32);
                rows.fate.push(unit.fate as u32);
                rows.end.push(unit.end);
                rows.gap.push(unit.gap);
            }
        });
    }

    fn merge(&self, into: &mut Vec<Cuts>, from: Vec<Cuts>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Cuts>) -> Result<Vec<Vec<PartialColumn>>> {
        let causes: ArrayRef = Arc::new(StringArray::from_iter_values(Cause::ALL.map(Cause::name)));
        let fates: ArrayRef = Arc::new(StringArray::from_iter_values(Fate::ALL.map(Fate::name)));
        let named = |codes: Vec<u32>, names: &ArrayRef| -> Result<ArrayRef> {
            Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(codes), Arc::clone(names))?))
        };
        let batch = |rows: Cuts| -> Result<Vec<PartialColumn>> {
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer, &self.customers)?),
                ("events", Role::Concat, Arc::new(UInt32Array::from(rows.events))),
                ("cause", Role::Concat, named(rows.cause, &causes)?),
                ("status", Role::Concat, named(rows.fate, &fates)?),
                ("end", Role::Concat, Arc::new(TimestampMicrosecondArray::from(rows.end).with_timezone("UTC"))),
                ("gap_us", Role::Concat, Arc::new(Int64Array::from(rows.gap))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
