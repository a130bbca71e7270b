//! The mergeable table: what a kernel leaves, and the one merge that serves all kernels.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, Int64Builder, ListArray, ListBuilder,
    RecordBatch, StringArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat_batches, take, take_record_batch};
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type, Schema};
use arrow::row::{RowConverter, SortField};

use crate::error::{Error, Result};
use crate::ingest::hash_ids;
use crate::log::EventLog;
use crate::state::Histogram;
use crate::table::Table;

/// How a column merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Rows with equal keys become one.
    Key,
    /// Added up.
    Sum,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// A list of bucket, count, bucket, count …, ascending by bucket (see [`crate::state::buckets`]); counts are added.
    Histogram,
    /// Rows are put one after the other; nothing is added up.
    Concat,
    /// Holds for the whole log only: parts that have such a column do not merge.
    Whole,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Histogram => "sketch:histogram",
            Self::Concat => "concat",
            Self::Whole => "whole",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::Key, Self::Sum, Self::Min, Self::Max, Self::Histogram, Self::Concat, Self::Whole];
        all.into_iter().find(|role| role.name() == name)
    }
}

const ROLE: &str = "safar.role";
const KERNEL: &str = "safar.kernel";
const PLAN: &str = "safar.plan";
const VERSION: &str = "safar.version";
const OBSERVED_UNTIL: &str = "safar.observed_until_us";
const ZONE: &str = "safar.timezone";
const WITNESS: &str = "safar.witness";

/// Customers in the witness: two parts that share a hundredth of their customers are told apart from disjoint ones
/// almost surely.
const WITNESS_SIZE: usize = 512;

/// A column of a partial: name, role and values.
pub type PartialColumn = (&'static str, Role, ArrayRef);

/// One batch of a partial.
pub fn batch(columns: Vec<PartialColumn>) -> Result<RecordBatch> {
    let fields = columns.iter().map(|(name, role, array)| {
        let nullable =
            array.null_count() > 0 || matches!(role, Role::Min | Role::Max | Role::Whole) || *name == "segment";
        Field::new(*name, array.data_type().clone(), nullable)
            .with_metadata(HashMap::from([(ROLE.to_owned(), role.name().to_owned())]))
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, _, array)| array).collect())?)
}

/// The partial of a whole log: the batches of a kernel, with what is needed to merge and to explain it.
pub fn describe(batches: Vec<RecordBatch>, kernel: &str, plan: &str, log: &EventLog) -> Result<Table> {
    let Some(first) = batches.first() else {
        return Err(Error::Internal(format!("kernel {kernel} left no batch")));
    };
    let metadata = HashMap::from([
        (KERNEL.to_owned(), kernel.to_owned()),
        (PLAN.to_owned(), plan.to_owned()),
        (VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        (OBSERVED_UNTIL.to_owned(), log.observed_until().to_string()),
        (ZONE.to_owned(), log.zone().name().to_owned()),
        (WITNESS.to_owned(), Witness::of(log)?.to_text()),
    ]);
    // A column may have nulls in some batches only.
    let fields: Vec<Field> = (0..first.num_columns())
        .map(|index| {
            let nullable = batches.iter().any(|batch| batch.schema().field(index).is_nullable());
            first.schema().field(index).clone().with_nullable(nullable)
        })
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let batches = batches.into_iter().map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()));
    collapse(&Table::new(Arc::clone(&schema), batches.collect::<std::result::Result<_, _>>()?))
}

/// Merges partials of logs that have no customer in common.
pub fn merge(parts: &[Table]) -> Result<Table> {
    let Some(first) = parts.first() else {
        return Err(Error::Argument("nothing to merge: the list of partials is empty".into()));
    };
    let whole = first.schema().fields().iter().find(|field| role(field) == Ok(Role::Whole));
    if let (Some(field), 2..) = (whole, parts.len()) {
        return Err(Error::Argument(format!(
            "column \"{}\" holds for one whole log only, because rows were left out; run the plan of the spec on each \
             part instead, which keeps every row",
            field.name()
        )));
    }
    let mut witness = Witness::default();
    for (position, part) in parts.iter().enumerate() {
        let metadata = part.schema().metadata();
        for (key, what) in [
            (KERNEL, "analyses"),
            (PLAN, "parameters"),
            (VERSION, "versions of safar"),
            (ZONE, "time zones"),
            (OBSERVED_UNTIL, "observed_until (give the same observed_until= to every part)"),
        ] {
            let (left, right) = (first.schema().metadata().get(key), metadata.get(key));
            if left.is_none() || left != right {
                let text = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
                return Err(Error::Argument(format!(
                    "partials of different {what} cannot be merged: part 0 says {}, part {position} says {}",
                    text(left),
                    text(right)
                )));
            }
        }
        if part.schema().fields() != first.schema().fields() {
            let same = part
                .schema()
                .fields()
                .iter()
                .zip(first.schema().fields())
                .all(|(left, right)| left.name() == right.name() && left.data_type() == right.data_type());
            if !same || part.schema().fields().len() != first.schema().fields().len() {
                return Err(Error::Argument(format!("part {position} has other columns than part 0")));
            }
        }
        let other = metadata.get(WITNESS).and_then(|text| Witness::parse(text));
        let other = other.ok_or_else(|| Error::Argument(format!("part {position} is not a partial of safar")))?;
        witness = witness.union(other).ok_or_else(|| {
            Error::Argument(format!(
                "part {position} shares customers with an earlier part; the events of one customer must all be in one \
                 part (partition the data by customer), because half a customer on each side is counted wrongly"
            ))
        })?;
    }
    let mut metadata = first.schema().metadata().clone();
    metadata.insert(WITNESS.to_owned(), witness.to_text());
    let fields: Vec<Field> = (0..first.schema().fields().len())
        .map(|index| {
            let nullable = parts.iter().any(|part| part.schema().field(index).is_nullable());
            first.schema().field(index).clone().with_nullable(nullable)
        })
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let batches = parts.iter().flat_map(Table::batches);
    let batches = batches.map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()));
    in_order_of_customers(&collapse(&Table::new(Arc::clone(&schema), batches.collect::<std::result::Result<_, _>>()?))?)
}

/// Rows of customers in the order of one whole log: by the hash of their ids, inside a segment. Parts are mostly ranges of
/// these hashes, and then nothing moves.
fn in_order_of_customers(table: &Table) -> Result<Table> {
    let Ok(customer) = table.position("customer") else { return Ok(table.clone()) };
    if role(table.schema().field(customer)) != Ok(Role::Concat) {
        return Ok(table.clone());
    }
    let hashes = |batch: &RecordBatch| -> Result<Vec<u64>> {
        match batch.column(customer).data_type() {
            DataType::Dictionary(_, ids) => hash_ids(&cast(batch.column(customer), ids)?),
            _ => hash_ids(batch.column(customer)),
        }
    };
    let by_segment = table.names().first() == Some(&"segment");
    let mut batches = Vec::with_capacity(table.batches().len());
    for group in table.batches().chunk_by(|left, right| !by_segment || segment(left) == segment(right)) {
        let of_rows = group.iter().map(hashes).collect::<Result<Vec<_>>>()?.concat();
        if of_rows.is_sorted() {
            batches.extend_from_slice(group);
            continue;
        }
        let mut order: Vec<u32> = (0..of_rows.len() as u32).collect();
        order.sort_by_key(|&row| of_rows[row as usize]);
        let rows = concat_batches(table.schema(), group)?;
        batches.push(take_record_batch(&rows, &UInt32Array::from(order))?);
    }
    Ok(Table::new(Arc::clone(table.schema()), batches))
}

/// The segment of a batch, which has one.
fn segment(batch: &RecordBatch) -> Option<&str> {
    let segments = batch.column(0).as_string_opt::<i32>()?;
    (batch.num_rows() > 0 && segments.is_valid(0)).then(|| segments.value(0))
}

fn role(field: &Field) -> Result<Role> {
    let name = field.metadata().get(ROLE);
    name.and_then(|name| Role::parse(name))
        .ok_or_else(|| Error::Argument(format!("column \"{}\" of a partial says no way to merge it", field.name())))
}

/// One row per key, sorted by key; rows that are put one after the other stay together by segment.
fn collapse(table: &Table) -> Result<Table> {
    let schema = table.schema();
    let roles = schema.fields().iter().map(|field| role(field)).collect::<Result<Vec<_>>>()?;
    if roles.contains(&Role::Concat) {
        return Ok(by_segment(table));
    }
    let whole = concat_batches(schema, table.batches())?;
    let keys: Vec<usize> = (0..roles.len()).filter(|&index| roles[index] == Role::Key).collect();
    let sort_fields = keys.iter().map(|&key| SortField::new(schema.field(key).data_type().clone()));
    let converter = RowConverter::new(sort_fields.collect())?;
    let key_columns: Vec<ArrayRef> = keys.iter().map(|&key| Arc::clone(whole.column(key))).collect();
    let rows = converter.convert_columns(&key_columns)?;
    let mut order: Vec<u32> = (0..whole.num_rows() as u32).collect();
    // Stable, so that what is added up is added in the order of the parts.
    order.sort_by(|&left, &right| rows.row(left as usize).cmp(&rows.row(right as usize)));
    let mut groups: Vec<&[u32]> = Vec::new();
    groups.extend(order.chunk_by(|&left, &right| rows.row(left as usize) == rows.row(right as usize)));
    let firsts = UInt32Array::from_iter_values(groups.iter().map(|group| group[0]));
    let nothing_to_add = groups.len() == whole.num_rows();
    let columns = roles
        .iter()
        .zip(whole.columns())
        .map(|(role, column)| match role {
            _ if nothing_to_add => Ok(take(column, &firsts, None)?),
            Role::Key | Role::Concat | Role::Whole => Ok(take(column, &firsts, None)?),
            Role::Histogram => Ok(add_histograms(column, &groups)),
            Role::Sum | Role::Min | Role::Max => reduce(*role, column, &groups),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Table::from_batch(RecordBatch::try_new(Arc::clone(schema), columns)?))
}

/// The batches in the order of their segments, the missing one last, else in their own: that of one whole log. The
/// engine leaves batches of one segment each.
fn by_segment(table: &Table) -> Table {
    if table.names().first() != Some(&"segment") {
        return table.clone();
    }
    let mut batches: Vec<RecordBatch> = table.batches().iter().filter(|batch| batch.num_rows() > 0).cloned().collect();
    let label = |batch: &RecordBatch| segment(batch).map(str::to_owned);
    batches.sort_by_cached_key(|batch| (label(batch).is_none(), label(batch)));
    Table::new(Arc::clone(table.schema()), batches)
}

fn reduce(role: Role, column: &ArrayRef, groups: &[&[u32]]) -> Result<ArrayRef> {
    macro_rules! reduced {
        ($type:ty, $array:ident, $add:expr) => {{
            let array = column.as_primitive::<$type>();
            let value = |index: &u32| array.is_valid(*index as usize).then(|| array.value(*index as usize));
            let reduced = groups.iter().map(|group| {
                let values = group.iter().filter_map(value);
                match role {
                    Role::Min => values.reduce(|a, b| if b < a { b } else { a }),
                    Role::Max => values.reduce(|a, b| if b > a { b } else { a }),
                    _ => values.reduce($add),
                }
            });
            reduced.collect::<$array>()
        }};
    }
    Ok(match column.data_type() {
        DataType::Int64 => Arc::new(reduced!(Int64Type, Int64Array, i64::wrapping_add)),
        DataType::Float64 => Arc::new(reduced!(Float64Type, Float64Array, |a, b| a + b)),
        DataType::Decimal128(precision, scale) => Arc::new(
            reduced!(Decimal128Type, Decimal128Array, i128::wrapping_add)
                .with_precision_and_scale(*precision, *scale)?,
        ),
        other => return Err(Error::Internal(format!("a column of type {other} has no merge"))),
    })
}

/// The smallest hashes of customer ids: enough to see that two parts share customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Witness(Vec<u64>);

impl Witness {
    /// Customers stand in the order of their hashes, so the first ones have the smallest.
    fn of(log: &EventLog) -> Result<Self> {
        let ids = log.customer_ids();
        hash_ids(&ids.slice(0, ids.len().min(WITNESS_SIZE))).map(Self)
    }

    fn to_text(&self) -> String {
        self.0.iter().fold(String::with_capacity(self.0.len() * 16), |mut text, hash| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{hash:016x}");
            text
        })
    }

    fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() || !text.len().is_multiple_of(16) {
            return None;
        }
        (0..text.len())
            .step_by(16)
            .map(|at| u64::from_str_radix(&text[at..at + 16], 16).ok())
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The witness of both, `None` where they share a customer.
    fn union(mut self, other: Self) -> Option<Self> {
        if other.0.iter().any(|hash| self.0.binary_search(hash).is_ok()) {
            return None;
        }
        self.0.extend(other.0);
        self.0.sort_unstable();
        self.0.truncate(WITNESS_SIZE);
        Some(self)
    }
}

/// Whole numbers of any size as a decimal column, which SQL adds up as well.
pub fn big_sums(values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    Ok(Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(38, 0)?))
}

/// Labels as a text column.
pub fn texts<'a>(labels: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(labels))
}

/// One histogram per cell as a list column; both ascending.
pub fn histograms(cells: impl Iterator<Item = u64>, histograms: Vec<Histogram>) -> ArrayRef {
    let mut histograms = histograms.into_iter().peekable();
    let (mut values, mut lengths) = (Vec::new(), Vec::new());
    for cell in cells {
        let before = values.len();
        if let Some((_, counts)) = histograms.next_if(|(of, _)| *of == cell) {
            values.extend(counts.iter().flat_map(|&(bucket, count)| [i64::from(bucket), i64::from(count)]));
        }
        lengths.push(values.len() - before);
    }
    let field = Arc::new(Field::new_list_field(DataType::Int64, true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), Arc::new(Int64Array::from(values)), None))
}

fn add_histograms(column: &ArrayRef, groups: &[&[u32]]) -> ArrayRef {
    let lists = column.as_list::<i32>();
    let mut builder = ListBuilder::new(Int64Builder::new());
    for group in groups {
        let mut counts = BTreeMap::<i64, i64>::new();
        for &row in *group {
            let list = lists.value(row as usize);
            for pair in list.as_primitive::<Int64Type>().values().chunks_exact(2) {
                *counts.entry(pair[0]).or_default() += pair[1];
            }
        }
        for (bucket, count) in counts {
            builder.values().append_value(bucket);
            builder.values().append_value(count);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}
