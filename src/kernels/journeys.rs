//! Journeys: from the first event to a conversion, a stop or a long silence, and the channels they lead through.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, ListBuilder, StringArray,
    StringBuilder, TimestampMicrosecondArray, UInt32Array,
};
use arrow::datatypes::{Float64Type, UInt32Type};
use serde::Deserialize;

use super::cutter::{CutParams, Cutter, Fate, Unit};
use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Segments};
use crate::partial::{PartialColumn, Role};

/// What a customer meets: the channel of each event, or the event itself where the log has no channels.
struct Touches {
    of: Arc<Segments>,
    are_channels: bool,
}

impl Touches {
    fn bind(log: &EventLog) -> Result<Self> {
        let are_channels = log.column_names().contains(&"channel");
        Ok(Self { of: log.segments(if are_channels { "channel" } else { "event" })?, are_channels })
    }

    /// Its code, nothing where the event has none.
    #[inline(always)]
    fn at(&self, event: usize) -> Option<u32> {
        let code = self.of.of_event(event);
        (code + 1 < self.of.len()).then_some(code as u32)
    }

    fn names(&self) -> ArrayRef {
        Arc::new((0..self.of.len() - 1).map(|code| self.of.label(code)).collect::<StringArray>())
    }
}

/// The journeys table.
pub struct Journeys {
    cutter: Cutter,
    customers: ArrayRef,
    events: ArrayRef,
    touches: Touches,
    values: Option<Float64Array>,
}

/// Rows of the table, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    journey: Vec<u32>,
    start: Vec<i64>,
    end: Vec<i64>,
    status: Vec<u32>,
    settled: Vec<bool>,
    events: Vec<u32>,
    channels: Vec<u32>,
    switches: Vec<u32>,
    value: Vec<Option<f64>>,
    first_touch: Vec<Option<u32>>,
    last_touch: Vec<Option<u32>>,
    conversion: Vec<Option<u32>>,
}

/// Which channels a journey has had: by code, the last journey that had it.
#[derive(Default)]
pub struct Seen {
    last: Vec<u32>,
    journeys: u32,
}

impl Journeys {
    #[inline(always)]
    fn push<C: Code>(&self, rows: &mut Rows, journey: &Journey<'_, C>, number: u32, unit: &Unit, seen: &mut Seen) {
        let log = |position: usize| journey.start + position;
        let (first, last) = (unit.events.start, unit.events.end - 1);
        rows.customer.push(journey.customer as u32);
        rows.journey.push(number);
        rows.start.push(journey.times[first]);
        rows.end.push(unit.end);
        rows.status.push(unit.fate as u32);
        rows.settled.push(unit.settled);
        rows.events.push(unit.events.len() as u32);
        if self.touches.are_channels {
            seen.journeys += 1;
            let (mut channels, mut switches, mut before) = (0, 0, None);
            for position in unit.events.clone() {
                let Some(channel) = self.touches.at(log(position)) else { continue };
                let last = &mut seen.last[channel as usize];
                channels += u32::from(*last != seen.journeys);
                *last = seen.journeys;
                switches += u32::from(before.is_some_and(|before| before != channel));
                before = Some(channel);
            }
            rows.channels.push(channels);
            rows.switches.push(switches);
        }
        if let Some(values) = &self.values {
            let given = unit.events.clone().map(log).filter(|&event| values.is_valid(event));
            let numbers = given.map(|event| values.value(event)).filter(|value| !value.is_nan());
            rows.value.push(numbers.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value)));
        }
        rows.first_touch.push(self.touches.at(log(first)));
        rows.last_touch.push(self.touches.at(log(last)));
        rows.conversion.push((unit.fate == Fate::Converted).then(|| journey.events[last].index() as u32));
    }
}

impl Analysis for Journeys {
    const NAME: &'static str = "journeys";
    type Params = CutParams;

    fn bind(params: CutParams, log: &EventLog) -> Result<Self> {
        let has_value = log.column_names().contains(&"value");
        let values = has_value.then(|| log.column("value")).transpose()?;
        Ok(Self {
            cutter: Cutter::bind(&params, log)?,
            customers: Arc::clone(log.customer_ids()),
            events: Arc::new(StringArray::from_iter_values(log.event_names().iter())),
            touches: Touches::bind(log)?,
            values: values.map(|values| values.as_primitive::<Float64Type>().clone()),
        })
    }
}

impl Kernel for Journeys {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = Seen;

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, seen: &mut Seen, groups: &mut Groups<'_, Self>) {
        if self.touches.are_channels {
            seen.last.resize(self.touches.of.len(), 0);
        }
        let mut number = 0;
        self.cutter.each(journey, |unit| {
            number += 1;
            if let Some(rows) = groups.at(journey, unit.events.start).last_mut() {
                self.push(rows, journey, number, &unit, seen);
            }
        });
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let touches = self.touches.names();
        let fates: ArrayRef = Arc::new(StringArray::from_iter_values(Fate::ALL.map(Fate::name)));
        let named = |codes: UInt32Array, names: &ArrayRef| -> Result<ArrayRef> {
            Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(codes, Arc::clone(names))?))
        };
        let time =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let count = rows.customer.len();
            let of_channels = |numbers: Vec<u32>| -> ArrayRef {
                // Without channels their number is not 0, but unknown.
                Arc::new(if self.touches.are_channels { numbers.into() } else { UInt32Array::new_null(count) })
            };
            let value = if self.values.is_some() { rows.value.into() } else { Float64Array::new_null(count) };
            Ok(vec![
                ("customer", Role::Concat, named(rows.customer.into(), &self.customers)?),
                ("journey", Role::Concat, Arc::new(UInt32Array::from(rows.journey))),
                ("start", Role::Concat, time(rows.start)),
                ("end", Role::Concat, time(rows.end)),
                ("status", Role::Concat, named(rows.status.into(), &fates)?),
                ("settled", Role::Concat, Arc::new(BooleanArray::from(rows.settled))),
                ("events", Role::Concat, Arc::new(UInt32Array::from(rows.events))),
                ("channels", Role::Concat, of_channels(rows.channels)),
                ("switches", Role::Concat, of_channels(rows.switches)),
                ("value", Role::Concat, Arc::new(value)),
                ("first_touch", Role::Concat, named(rows.first_touch.into(), &touches)?),
                ("last_touch", Role::Concat, named(rows.last_touch.into(), &touches)?),
                ("conversion", Role::Concat, named(rows.conversion.into(), &self.events)?),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}

/// Parameters of [`JourneysChains`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainParams {
    cut: CutParams,
    /// Longer chains are cut.
    most_touches: Option<u32>,
    /// More different chains than this are refused.
    most_chains: u32,
}

/// The chains of channels that journeys lead through: repeats in a row count once.
pub struct JourneysChains {
    cutter: Cutter,
    touches: Touches,
    names: Vec<String>,
    most_touches: usize,
    most_chains: usize,
}

/// What is counted of one chain.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    journeys: i64,
    customers: i64,
    open: i64,
    converted: i64,
    settled: i64,
    settled_converted: i64,
    /// The last customer who had it, plus one.
    seen: u32,
}

/// Chains with their counts; the last code of a chain that was cut is [`CUT`].
#[derive(Default)]
pub struct Chains {
    found: HashMap<Box<[u32]>, Counts, foldhash::fast::FixedState>,
    /// There are more than may be kept, so that none is kept any more.
    too_many: bool,
}

const CUT: u32 = u32::MAX;

impl Chains {
    /// The counts of a chain; nothing where there are too many already.
    #[inline]
    fn at(&mut self, chain: &[u32], most: usize) -> Option<&mut Counts> {
        if self.too_many {
            return None;
        }
        if !self.found.contains_key(chain) {
            if self.found.len() == most {
                self.too_many = true;
                self.found = HashMap::default();
                return None;
            }
            self.found.insert(chain.into(), Counts::default());
        }
        self.found.get_mut(chain)
    }
}

impl Analysis for JourneysChains {
    const NAME: &'static str = "journeys_chains";
    type Params = ChainParams;

    fn bind(params: ChainParams, log: &EventLog) -> Result<Self> {
        if params.most_touches == Some(0) {
            return Err(Error::Argument("most_touches is 0; a chain has at least one touch".into()));
        }
        let touches = Touches::bind(log)?;
        Ok(Self {
            cutter: Cutter::bind(&params.cut, log)?,
            names: (0..touches.of.len()).filter_map(|code| touches.of.label(code)).map(str::to_owned).collect(),
            touches,
            most_touches: params.most_touches.map_or(usize::MAX, |most| most as usize),
            most_chains: params.most_chains as usize,
        })
    }
}

impl Kernel for JourneysChains {
    type State = Chains;
    /// One chain.
    type Scratch = Vec<u32>;

    fn init(&self) -> Chains {
        Chains::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, chain: &mut Vec<u32>, groups: &mut Groups<'_, Self>) {
        let customer = journey.customer as u32 + 1;
        self.cutter.each(journey, |unit| {
            chain.clear();
            let first = unit.events.start;
            for touch in unit.events.filter_map(|position| self.touches.at(journey.start + position)) {
                if chain.last() == Some(&touch) {
                    continue;
                }
                if chain.len() == self.most_touches {
                    chain.push(CUT);
                    break;
                }
                chain.push(touch);
            }
            let Some(counts) = groups.at(journey, first).at(chain, self.most_chains) else { return };
            let converted = i64::from(unit.fate == Fate::Converted);
            let settled = i64::from(unit.settled);
            counts.journeys += 1;
            counts.customers += i64::from(counts.seen != customer);
            counts.open += i64::from(unit.fate == Fate::Open);
            counts.converted += converted;
            counts.settled += settled;
            counts.settled_converted += converted * settled;
            counts.seen = customer;
        });
    }

    fn merge(&self, into: &mut Chains, from: Chains) {
        into.too_many |= from.too_many;
        for (chain, more) in from.found {
            let Some(counts) = into.at(&chain, self.most_chains) else { break };
            counts.journeys += more.journeys;
            counts.customers += more.customers;
            counts.open += more.open;
            counts.converted += more.converted;
            counts.settled += more.settled;
            counts.settled_converted += more.settled_converted;
        }
    }

    fn columns(&self, state: Chains) -> Result<Vec<Vec<PartialColumn>>> {
        if state.too_many {
            return Err(Error::Argument(format!(
                "more than {} different chains, the most that are kept; cut them with most_touches=, or take shorter \
                 journeys with a smaller gap",
                self.most_chains
            )));
        }
        let chains: Vec<_> = state.found.into_iter().collect();
        let mut touches = ListBuilder::new(StringBuilder::new());
        for (chain, _) in &chains {
            for &touch in chain.iter().filter(|&&touch| touch != CUT) {
                touches.values().append_value(&self.names[touch as usize]);
            }
            touches.append(true);
        }
        let cut = chains.iter().map(|(chain, _)| chain.last() == Some(&CUT));
        let number = |pick: fn(&Counts) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(chains.iter().map(|(_, counts)| pick(counts))))
        };
        Ok(vec![vec![
            ("chain", Role::Key, Arc::new(touches.finish())),
            ("cut", Role::Key, Arc::new(cut.map(Some).collect::<BooleanArray>())),
            ("journeys", Role::Sum, number(|counts| counts.journeys)),
            ("customers", Role::Sum, number(|counts| counts.customers)),
            ("open", Role::Sum, number(|counts| counts.open)),
            ("converted", Role::Sum, number(|counts| counts.converted)),
            ("settled", Role::Sum, number(|counts| counts.settled)),
            ("settled_converted", Role::Sum, number(|counts| counts.settled_converted)),
        ]])
    }
}
