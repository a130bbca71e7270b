//! Runs a kernel over a log: fixed tree of tasks, groups for `by=`, cancel, the same bytes at any number of threads.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, UInt32Type};
use arrow::util::display::array_value_to_string;
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::log::{Code, EventLog, Journey, Segments};
use crate::partial::{self, PartialColumn, Role};
use crate::pool::{Cancel, Stage, on_pool};
use crate::table::Table;
use crate::with_codes;

/// One analysis over the journeys of a log. A kernel never touches threads, Python or files.
pub trait Kernel: Sync + Sized {
    /// What is gathered; states of disjoint customers merge.
    type State: Send;
    /// Buffers that are used again from one journey to the next.
    type Scratch: Default;

    /// The state of no customers at all.
    fn init(&self) -> Self::State;

    /// Takes in one customer. `groups.at(journey, anchor)` is the state of the segment that the event at position
    /// `anchor` of the journey belongs to.
    fn step<C: Code>(&self, journey: &Journey<'_, C>, scratch: &mut Self::Scratch, groups: &mut Groups<'_, Self>);

    /// Takes in a state of other customers, who come later in the log.
    fn merge(&self, into: &mut Self::State, from: Self::State);

    /// The batches of the partial; the engine adds the column `segment`.
    fn columns(&self, state: Self::State) -> Result<Vec<Vec<PartialColumn>>>;

    /// The code of an event without which a customer adds nothing, where there is one: the others are passed over.
    fn needed(&self) -> Option<usize> {
        None
    }

    /// Events of one task. A kernel with a large state asks for more. Never depends on the number of threads.
    fn task_events(&self) -> usize {
        1 << 17
    }
}

/// A kernel that can be asked for by name.
pub trait Analysis: Kernel {
    /// The name, as in `run(log, name, …)`.
    const NAME: &'static str;
    /// The parameters as JSON.
    type Params: DeserializeOwned;
    /// Checks the parameters against the log and resolves its names to codes.
    fn bind(params: Self::Params, log: &EventLog) -> Result<Self>;
}

/// Which event of a unit decides its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// The event with which the unit enters the analysis.
    #[default]
    Entry,
    /// The customer's first event.
    First,
    /// The customer's last event.
    Last,
    /// All of the customer's events that have a value: they share one.
    Profile,
}

/// Parameters of an analysis, and the segments to split it by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The analysis' own parameters.
    pub params: serde_json::Value,
    /// The column to segment by.
    #[serde(default)]
    pub by: Option<String>,
    /// The event that decides the segment.
    #[serde(default)]
    pub at: At,
    /// A partial of every customer alone, one below the other, with the column `customer` before them: who stands in
    /// which cell.
    #[serde(default)]
    pub each_customer: bool,
}

impl Plan {
    /// A plan from its JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::Argument(format!("the plan is not valid: {error}")))
    }
}

/// Segments and the event that decides.
#[derive(Clone, Copy)]
struct By<'a> {
    segments: &'a Segments,
    at: At,
    /// By customer, for [`At::Profile`].
    profiles: &'a [u32],
}

/// One state per segment, made when first needed.
pub struct Groups<'a, K: Kernel> {
    kernel: &'a K,
    by: Option<By<'a>>,
    states: Vec<Option<K::State>>,
}

impl<'a, K: Kernel> Groups<'a, K> {
    fn new(kernel: &'a K, by: Option<By<'a>>) -> Self {
        let segments = by.map_or(1, |by| by.segments.len());
        Self { kernel, by, states: std::iter::repeat_with(|| None).take(segments).collect() }
    }

    /// The state that a unit of this journey belongs to.
    #[inline]
    pub fn at<C: Code>(&mut self, journey: &Journey<'_, C>, anchor: usize) -> &mut K::State {
        let group = self.by.map_or(0, |by| {
            let position = match by.at {
                At::Entry => anchor,
                At::First => 0,
                At::Last => journey.times.len() - 1,
                At::Profile => return by.profiles[journey.customer] as usize,
            };
            by.segments.of_event(journey.start + position)
        });
        self.states[group].get_or_insert_with(|| self.kernel.init())
    }

    fn merge(&mut self, from: Self) {
        for (into, from) in self.states.iter_mut().zip(from.states) {
            match (into.as_mut(), from) {
                (_, None) => {}
                (None, from) => *into = from,
                (Some(into), Some(from)) => self.kernel.merge(into, from),
            }
        }
    }
}

/// Runs an analysis over a log.
pub fn run<A: Analysis>(log: &EventLog, plan: &Plan, cancel: &Cancel) -> Result<Table> {
    on_pool(|| fold::<A>(log, plan, cancel))
}

fn fold<A: Analysis>(log: &EventLog, plan: &Plan, cancel: &Cancel) -> Result<Table> {
    let params = serde_json::from_value(plan.params.clone())
        .map_err(|error| Error::Argument(format!("{}: the parameters are not valid: {error}", A::NAME)))?;
    let kernel = A::bind(params, log)?;
    let segments = plan.by.as_ref().map(|name| log.segments(name)).transpose()?;
    if let (Some(segments), Some(name)) = (&segments, &plan.by) {
        segments.few_enough(name)?;
    }
    let profiles = match (&segments, &plan.by, plan.at) {
        (Some(segments), Some(name), At::Profile) => profiles(log, segments, name)?,
        _ => Vec::new(),
    };
    let by = segments.as_deref().map(|segments| By { segments, at: plan.at, profiles: &profiles });
    let tasks = log.len().div_ceil(kernel.task_events()).max(1);
    let at = format!("{:?}", plan.at).to_lowercase();
    let mut text = serde_json::json!({"params": plan.params, "by": plan.by, "at": at});
    cancel.begin(Stage::Counting, Some(log.len() as u64));
    if plan.each_customer {
        let alone = Alone { log, kernel: &kernel, by, cancel };
        let batches = with_codes!(&*log.events, events => alone.batches(events, tasks))?;
        text["each_customer"] = true.into();
        return partial::describe(batches, A::NAME, &text.to_string(), log);
    }
    let fold = Fold { log, kernel: &kernel, by, cancel, tasks };
    let groups = with_codes!(&*log.events, events => fold.tree(events, 0..tasks))?;
    let mut batches = Vec::new();
    let states = groups.states;
    for (group, state) in states.into_iter().enumerate() {
        let Some(state) = state else { continue };
        for columns in kernel.columns(state)? {
            let columns = match segments.as_deref() {
                Some(segments) => with_segment(columns, segments.label(group)),
                None => columns,
            };
            batches.push(partial::batch(columns)?);
        }
    }
    if batches.is_empty() {
        // No customer took part: the columns stand without rows.
        for columns in kernel.columns(kernel.init())? {
            let columns = if segments.is_some() { with_segment(columns, None) } else { columns };
            batches.push(partial::batch(columns)?.slice(0, 0));
        }
    }
    partial::describe(batches, A::NAME, &text.to_string(), log)
}

/// The one segment of each customer, "missing" where no event has a value. Customers with several are an error.
fn profiles(log: &EventLog, segments: &Segments, name: &str) -> Result<Vec<u32>> {
    let missing = segments.len() - 1;
    let of_customer = |customer: usize| -> Result<u32> {
        let mut found = missing;
        for event in log.range(customer) {
            let code = segments.of_event(event);
            if code != missing && found != missing && code != found {
                let label = |code| segments.label(code).unwrap_or_default();
                return Err(Error::Data(format!(
                    "column \"{name}\" is no profile: customer {} has both \"{}\" and \"{}\"; with at=\"profile\" all \
                     events of a customer share one value, so choose at=\"entry\", \"first\" or \"last\"",
                    array_value_to_string(log.customer_ids(), customer)?,
                    label(found),
                    label(code)
                )));
            }
            found = if code == missing { found } else { code };
        }
        Ok(found as u32)
    };
    (0..log.customers()).map(of_customer).collect()
}

/// Puts the label of the segment before the columns.
fn with_segment(columns: Vec<PartialColumn>, label: Option<&str>) -> Vec<PartialColumn> {
    let concat = columns.iter().any(|(_, role, _)| *role == Role::Concat);
    let rows = columns.first().map_or(0, |(_, _, array)| array.len());
    let labels: ArrayRef = Arc::new(std::iter::repeat_n(label, rows).collect::<StringArray>());
    let first = ("segment", if concat { Role::Concat } else { Role::Key }, labels);
    std::iter::once(first).chain(columns).collect()
}

/// A run over each customer for itself.
struct Alone<'a, K> {
    log: &'a EventLog,
    kernel: &'a K,
    by: Option<By<'a>>,
    cancel: &'a Cancel,
}

impl<K: Kernel> Alone<'_, K> {
    /// The batches of all customers, in the order of the log; those of whom there is nothing to say have no row.
    fn batches<C: Code>(&self, events: &[C], tasks: usize) -> Result<Vec<RecordBatch>> {
        let log = self.log;
        let cut = |task: usize| if task == tasks { log.customers() } else { log.customer_at(task * log.len() / tasks) };
        let found: Vec<_> = (0..tasks)
            .into_par_iter()
            .map(|task| {
                self.cancel.advance(log.len() / tasks)?;
                let mut batches = vec![self.batch(self.kernel.init(), None)?.slice(0, 0)];
                let mut customers = Vec::new();
                let mut scratch = K::Scratch::default();
                let mut groups = Groups::new(self.kernel, self.by);
                for customer in cut(task)..cut(task + 1) {
                    let range = log.range(customer);
                    let (times, events) = (&log.times[range.clone()], &events[range.clone()]);
                    self.kernel.step(
                        &Journey { customer, start: range.start, times, events },
                        &mut scratch,
                        &mut groups,
                    );
                    for (group, state) in groups.states.iter_mut().enumerate() {
                        let Some(state) = state.take() else { continue };
                        let label = self.by.and_then(|by| by.segments.label(group));
                        let batch = self.batch(state, label)?;
                        customers.resize(customers.len() + batch.num_rows(), customer as u32);
                        batches.push(batch);
                    }
                }
                let rows = concat_batches(&batches[0].schema(), &batches)?;
                self.with_customers(&rows, customers)
            })
            .collect::<Result<_>>()?;
        Ok(found)
    }

    fn batch(&self, state: K::State, segment: Option<&str>) -> Result<RecordBatch> {
        let segmented = |columns| if self.by.is_some() { with_segment(columns, segment) } else { columns };
        let parts = self.kernel.columns(state)?.into_iter().map(segmented).map(partial::batch);
        let parts = parts.collect::<Result<Vec<_>>>()?;
        // Any customer may be the first to have a null.
        let fields: Vec<_> =
            parts[0].schema().fields().iter().map(|field| Field::clone(field).with_nullable(true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let rows = parts.iter().map(|part| RecordBatch::try_new(Arc::clone(&schema), part.columns().to_vec()));
        Ok(concat_batches(&schema, &rows.collect::<std::result::Result<Vec<_>, _>>()?)?)
    }

    /// Puts the customers before the columns; rows of customers have them already.
    fn with_customers(&self, rows: &RecordBatch, customers: Vec<u32>) -> Result<RecordBatch> {
        if rows.schema().column_with_name("customer").is_some() {
            return Ok(rows.clone());
        }
        let ids = Arc::clone(self.log.customer_ids());
        let ids = DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(customers), ids)?;
        let first = partial::batch(vec![("customer", Role::Concat, Arc::new(ids))])?;
        let (of_customers, of_rows) = (first.schema(), rows.schema());
        let fields: Vec<_> = of_customers.fields().iter().chain(of_rows.fields()).cloned().collect();
        let columns = first.columns().iter().chain(rows.columns()).cloned().collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

/// A fold over a fixed binary tree of tasks, each a run of whole customers with about the same number of events.
struct Fold<'a, K> {
    log: &'a EventLog,
    kernel: &'a K,
    by: Option<By<'a>>,
    cancel: &'a Cancel,
    tasks: usize,
}

impl<'a, K: Kernel> Fold<'a, K> {
    fn tree<C: Code>(&self, events: &[C], tasks: Range<usize>) -> Result<Groups<'a, K>> {
        if tasks.len() == 1 {
            return self.task(events, tasks.start);
        }
        let middle = tasks.start + tasks.len() / 2;
        let (left, right) =
            rayon::join(|| self.tree(events, tasks.start..middle), || self.tree(events, middle..tasks.end));
        let mut left = left?;
        left.merge(right?);
        Ok(left)
    }

    fn task<C: Code>(&self, events: &[C], task: usize) -> Result<Groups<'a, K>> {
        let log = self.log;
        self.cancel.advance(log.len() / self.tasks)?;
        let cut = |task: usize| log.customer_at(task * log.len() / self.tasks);
        let last = if task + 1 == self.tasks { log.customers() } else { cut(task + 1) };
        let mut groups = Groups::new(self.kernel, self.by);
        let mut scratch = K::Scratch::default();
        let mut step = |customer: usize| {
            let range = log.range(customer);
            let journey =
                Journey { customer, start: range.start, times: &log.times[range.clone()], events: &events[range] };
            self.kernel.step(&journey, &mut scratch, &mut groups);
        };
        match self.kernel.needed() {
            None => (cut(task)..last).for_each(step),
            Some(code) => {
                let code = C::from_index(code);
                let end = log.offsets[last] as usize;
                let (mut customer, mut next) = (cut(task), log.offsets[cut(task)] as usize);
                while let Some(ahead) = C::find(&events[next..end], code) {
                    while log.offsets[customer + 1] as usize <= next + ahead {
                        customer += 1;
                    }
                    step(customer);
                    next = log.offsets[customer + 1] as usize;
                }
            }
        }
        Ok(groups)
    }
}
