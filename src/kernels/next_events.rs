//! Next events: what followed which contexts, counted apart for customers to learn from and customers held out; and the
//! context in which each customer stands.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::datatypes::UInt32Type;
use serde::Deserialize;

use crate::engine::{Analysis, Groups, Kernel};
use crate::error::{Error, Result};
use crate::ingest::hash_ids;
use crate::log::{Code, EventLog, Journey, RESERVED, Segments};
use crate::partial::{PartialColumn, Role};

/// What both kernels ask of a journey.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainParams {
    /// The column whose values follow one another.
    column: String,
    /// Events at or after this are not looked at, µs UTC.
    at_us: Option<i64>,
    /// A journey ends with a longer pause than this, µs; never where none is given.
    gap_us: Option<i64>,
    /// Events that a context looks back.
    order: u32,
}

/// Parameters of [`NextEvents`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    chain: ChainParams,
    /// The share of customers that are held out.
    held_out: f64,
    seed: u64,
    max_cells: u32,
}

/// Parameters of [`NextEventsCustomers`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomersParams {
    chain: ChainParams,
    /// The oldest event first; among them the empty one.
    contexts: Vec<Vec<String>>,
}

/// The symbols of a context, the latest in the lowest bits: none, the start, the end, then the names.
type Context = u128;

const SYMBOL_BITS: u32 = 20;
const MOST_ORDER: u32 = 5;
const PART_SHIFT: u32 = (MOST_ORDER + 1) * SYMBOL_BITS;
const START: u128 = 1;
const END: u128 = 2;
const FIRST_NAME: usize = 3;
/// Parts of the customers who are held out, so that chance can be told from their differences.
const HELD_PARTS: u64 = 10;
const MISSING: &str = "(missing)";
const BEFORE: [&str; MOST_ORDER as usize] = ["before_1", "before_2", "before_3", "before_4", "before_5"];

/// Reads journeys as chains of symbols.
struct Chain {
    symbols: Arc<Segments>,
    names: Vec<String>,
    /// The first instant that is not looked at.
    until: i64,
    gap: Option<i64>,
    mask: Context,
}

/// Where a customer stands: the last journey before the cut-off.
struct Stand {
    context: Context,
    /// Place of the journey's first event.
    first: usize,
    last: usize,
    over: bool,
}

fn mask_of(order: u32) -> Context {
    (1 << (order * SYMBOL_BITS)) - 1
}

impl Chain {
    fn bind(params: &ChainParams, log: &EventLog) -> Result<Self> {
        if !(1..=MOST_ORDER).contains(&params.order) {
            return Err(Error::Argument(format!("order is {}; expected 1 to {MOST_ORDER}", params.order)));
        }
        if params.gap_us.is_some_and(|gap| gap <= 0) {
            return Err(Error::Argument(format!("gap_us is {:?}; expected more than 0", params.gap_us)));
        }
        let symbols = log.segments(&params.column)?;
        let names: Vec<String> =
            (0..symbols.len()).map(|code| symbols.label(code).unwrap_or(MISSING).to_owned()).collect();
        if names.len() + FIRST_NAME > 1 << SYMBOL_BITS {
            return Err(Error::Argument(format!(
                "column \"{}\" has {} values, too many for a model of what follows; group them first",
                params.column,
                names.len()
            )));
        }
        let until = log.observed_until().saturating_add(1);
        Ok(Self {
            symbols,
            names,
            until: params.at_us.map_or(until, |at| at.min(until)),
            gap: params.gap_us,
            mask: mask_of(params.order),
        })
    }

    /// Calls `take` with every context, what followed it, and the place of the first event of its journey.
    #[inline(always)]
    fn walk<C: Code>(&self, journey: &Journey<'_, C>, mut take: impl FnMut(Context, u128, usize)) -> Option<Stand> {
        let known = journey.times.partition_point(|&time| time < self.until);
        let last = known.checked_sub(1)?;
        let (mut context, mut first) = (START, 0);
        for place in 0..known {
            if place > 0 && self.gap.is_some_and(|gap| journey.times[place] - journey.times[place - 1] > gap) {
                take(context, END, first);
                (context, first) = (START, place);
            }
            let symbol = (self.symbols.of_event(journey.start + place) + FIRST_NAME) as u128;
            take(context, symbol, first);
            context = (context << SYMBOL_BITS | symbol) & self.mask;
        }
        let over = self.gap.is_some_and(|gap| self.until - 1 - journey.times[last] > gap);
        if over {
            take(context, END, first);
        }
        Some(Stand { context, first, last, over })
    }

    fn name(&self, symbol: u128) -> Option<&str> {
        match symbol {
            0 => None,
            START => Some(RESERVED[0]),
            END => Some(RESERVED[1]),
            name => Some(&self.names[name as usize - FIRST_NAME]),
        }
    }

    /// The context of these names, if the log has all of them.
    fn context(&self, names: &[String]) -> Option<Context> {
        let symbol = |name: &String| match name.as_str() {
            name if name == RESERVED[0] => Some(START),
            name => self.names.iter().position(|known| known == name).map(|code| (code + FIRST_NAME) as u128),
        };
        names.iter().try_fold(0, |context, name| Some(context << SYMBOL_BITS | symbol(name)?))
    }
}

/// The table of what followed.
pub struct NextEvents {
    chain: Chain,
    /// By customer: 0 to learn from, or the part of those held out.
    parts: Vec<u8>,
    most_cells: usize,
}

type Counts = HashMap<u128, u32, foldhash::fast::FixedState>;

impl Analysis for NextEvents {
    const NAME: &'static str = "next_events";
    type Params = Params;

    fn bind(params: Params, log: &EventLog) -> Result<Self> {
        if !(0.0..1.0).contains(&params.held_out) {
            return Err(Error::Argument(format!("held_out is {}; expected 0 to 1", params.held_out)));
        }
        let limit = (params.held_out * (1_u64 << 53) as f64) as u64;
        let part = |hash: u64| {
            let place = mixed(hash ^ mixed(params.seed)) >> 11;
            if place < limit { (1 + u128::from(place) * u128::from(HELD_PARTS) / u128::from(limit)) as u8 } else { 0 }
        };
        Ok(Self {
            chain: Chain::bind(&params.chain, log)?,
            parts: hash_ids(log.customer_ids())?.into_iter().map(part).collect(),
            most_cells: params.max_cells as usize,
        })
    }
}

/// Steele, Lea and Flood's `SplitMix64`, doi:10.1145/2660193.2660195.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Kernel for NextEvents {
    /// What followed which context how often, by part: the part, the context and the symbol in one number.
    type State = Counts;
    type Scratch = ();

    fn init(&self) -> Counts {
        Counts::default()
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let part = u128::from(self.parts[journey.customer]) << PART_SHIFT;
        self.chain.walk(journey, |context, symbol, first| {
            *groups.at(journey, first).entry(part | context << SYMBOL_BITS | symbol).or_default() += 1;
        });
    }

    fn merge(&self, into: &mut Counts, mut from: Counts) {
        if into.len() < from.len() {
            std::mem::swap(into, &mut from);
        }
        for (key, count) in from {
            *into.entry(key).or_default() += count;
        }
    }

    fn columns(&self, state: Counts) -> Result<Vec<Vec<PartialColumn>>> {
        if state.len() > self.most_cells {
            return Err(Error::Argument(format!(
                "{} different contexts with what followed, more than the {} allowed; choose a smaller order=, or group \
                 the {} names of the column first",
                state.len(),
                self.most_cells,
                self.chain.names.len()
            )));
        }
        let mut cells: Vec<(u128, u32)> = state.into_iter().collect();
        cells.sort_unstable();
        let symbols = |place: u32| -> ArrayRef {
            let symbol = |key: u128| key >> (place * SYMBOL_BITS) & mask_of(1);
            Arc::new(cells.iter().map(|(key, _)| self.chain.name(symbol(*key))).collect::<StringArray>())
        };
        let parts = Int64Array::from_iter_values(cells.iter().map(|(key, _)| (key >> PART_SHIFT) as i64));
        let events = Int64Array::from_iter_values(cells.iter().map(|(_, count)| i64::from(*count)));
        let mut columns: Vec<PartialColumn> =
            vec![("part", Role::Key, Arc::new(parts)), ("next", Role::Key, symbols(0))];
        columns.extend(BEFORE.iter().zip(1..).map(|(&name, place)| (name, Role::Key, symbols(place))));
        columns.push(("events", Role::Sum, Arc::new(events)));
        Ok(vec![columns])
    }
}

/// The rows of customers and their contexts.
pub struct NextEventsCustomers {
    chain: Chain,
    contexts: HashMap<Context, i64, foldhash::fast::FixedState>,
    customers: ArrayRef,
}

/// Rows of the table, in the order of the log.
#[derive(Default)]
pub struct Rows {
    customer: Vec<u32>,
    context: Vec<i64>,
    last: Vec<i64>,
    over: Vec<bool>,
}

impl Analysis for NextEventsCustomers {
    const NAME: &'static str = "next_events_customers";
    type Params = CustomersParams;

    fn bind(params: CustomersParams, log: &EventLog) -> Result<Self> {
        let chain = Chain::bind(&params.chain, log)?;
        if !params.contexts.iter().any(Vec::is_empty) {
            return Err(Error::Argument("the contexts lack the empty one, in which everybody stands".into()));
        }
        if let Some(long) = params.contexts.iter().find(|names| names.len() > params.chain.order as usize) {
            return Err(Error::Argument(format!("context {long:?} is longer than order {}", params.chain.order)));
        }
        let known = |(names, place): (&Vec<String>, i64)| Some((chain.context(names)?, place));
        let contexts = params.contexts.iter().zip(0..).filter_map(known).collect();
        Ok(Self { contexts, chain, customers: Arc::clone(log.customer_ids()) })
    }
}

impl Kernel for NextEventsCustomers {
    /// A run of rows per task: states are strung together, never copied.
    type State = Vec<Rows>;
    type Scratch = ();

    fn init(&self) -> Vec<Rows> {
        vec![Rows::default()]
    }

    fn step<C: Code>(&self, journey: &Journey<'_, C>, (): &mut (), groups: &mut Groups<'_, Self>) {
        let Some(stand) = self.chain.walk(journey, |_, _, _| ()) else { return };
        let Some(rows) = groups.at(journey, stand.first).last_mut() else { return };
        let shorter = |length: u32| self.contexts.get(&(stand.context & mask_of(length)));
        rows.customer.push(journey.customer as u32);
        // The empty context is always there.
        rows.context.push((0..=MOST_ORDER).rev().find_map(shorter).copied().unwrap_or_default());
        rows.last.push(journey.times[stand.last]);
        rows.over.push(stand.over);
    }

    fn merge(&self, into: &mut Vec<Rows>, from: Vec<Rows>) {
        into.extend(from);
    }

    fn columns(&self, state: Vec<Rows>) -> Result<Vec<Vec<PartialColumn>>> {
        let batch = |rows: Rows| -> Result<Vec<PartialColumn>> {
            let customer =
                DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows.customer), Arc::clone(&self.customers))?;
            let last = TimestampMicrosecondArray::from(rows.last).with_timezone("UTC");
            Ok(vec![
                ("customer", Role::Concat, Arc::new(customer)),
                ("context", Role::Concat, Arc::new(Int64Array::from(rows.context))),
                ("last", Role::Concat, Arc::new(last)),
                ("over", Role::Concat, Arc::new(BooleanArray::from(rows.over))),
            ])
        };
        state.into_iter().map(batch).collect()
    }
}
