//! A plain Arrow table: record batches of one schema. What comes in, what goes out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch, StringArray, UInt64Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

use rayon::prelude::*;

use crate::error::{Error, Result, did_you_mean};

/// Record batches of one schema.
#[derive(Debug, Clone)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    origin: Option<Arc<Origin>>,
}

/// Where the rows of a table that was read from files come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// What was read, for people and programs.
    pub description: serde_json::Value,
    /// Where rows were left out: the first row of the table after them, and how many were left out up to there.
    pub gaps: Vec<(u64, u64)>,
    /// Rows left out because they were not asked for.
    pub left_out: u64,
    /// A time among the rows left out, if any is later than those of the table, µs UTC.
    pub later_us: Option<i64>,
}

impl Origin {
    /// The number that a row of the table has in the files.
    pub fn row(&self, row: u64) -> u64 {
        let before = self.gaps.partition_point(|(first, _)| *first <= row);
        row + before.checked_sub(1).map_or(0, |gap| self.gaps[gap].1)
    }
}

impl Table {
    /// A table of batches that all have the given schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches, origin: None }
    }

    /// The same table, read from files.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin: Some(Arc::new(origin)), ..self }
    }

    /// Which files the rows come from, where they come from files.
    pub fn origin(&self) -> Option<&Arc<Origin>> {
        self.origin.as_ref()
    }

    /// A table of one batch.
    pub fn from_batch(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), batches: vec![batch], origin: None }
    }

    /// The rows of tables of the same columns, one after the other.
    pub fn concat(tables: &[Self]) -> Result<Self> {
        let schema = Arc::clone(tables.first().ok_or_else(|| Error::Argument("no table is given".into()))?.schema());
        let batches = tables.iter().flat_map(Self::batches);
        let batches = batches.map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()));
        let batches = batches.collect::<std::result::Result<_, _>>()?;
        Ok(Self::new(schema, batches))
    }

    /// Names, types and metadata.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The chunks.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Rows in all chunks.
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Column names in order.
    pub fn names(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// Position of a column. A missing name and a name that stands twice are errors.
    pub fn position(&self, name: &str) -> Result<usize> {
        let mut found = self.schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
        let Some((position, _)) = found.next() else {
            let names = self.names();
            return Err(Error::UnknownColumn(format!(
                "there is no column \"{name}\"{} (columns: {})",
                did_you_mean(name, names.iter().copied()),
                names.join(", ")
            )));
        };
        if found.next().is_some() {
            return Err(Error::Data(format!(
                "the column name \"{name}\" stands twice in the data; rename one of the two"
            )));
        }
        Ok(position)
    }

    /// Type of a column.
    pub fn data_type(&self, name: &str) -> Result<&DataType> {
        Ok(self.schema.field(self.position(name)?).data_type())
    }

    /// The same rows with the columns of another table behind them.
    pub fn beside(&self, other: &Self) -> Result<Self> {
        if self.num_rows() != other.num_rows() {
            return Err(Error::Internal(format!("{} rows beside {}", other.num_rows(), self.num_rows())));
        }
        let fields: Vec<FieldRef> = self.schema.fields().iter().chain(other.schema.fields()).cloned().collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        let own = concat_batches(&self.schema, &self.batches)?;
        let others = concat_batches(&other.schema, &other.batches)?;
        let columns = own.columns().iter().chain(others.columns()).cloned().collect();
        Ok(Self::new(Arc::clone(&schema), vec![RecordBatch::try_new(schema, columns)?]))
    }

    /// The fields of a column of structures as columns in its place.
    pub fn unnested(&self, name: &str) -> Result<Self> {
        let position = self.position(name)?;
        let DataType::Struct(inner) = self.schema.field(position).data_type() else {
            return Err(Error::Type(format!("column \"{name}\" is {}, no structure", self.data_type(name)?)));
        };
        let mut fields: Vec<FieldRef> = self.schema.fields().to_vec();
        fields.splice(position..=position, inner.iter().cloned());
        let schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        let batch = |batch: &RecordBatch| {
            let mut columns = batch.columns().to_vec();
            columns.splice(position..=position, batch.column(position).as_struct().columns().iter().cloned());
            RecordBatch::try_new(Arc::clone(&schema), columns)
        };
        let batches = self.batches.iter().map(batch).collect::<std::result::Result<_, _>>()?;
        Ok(Self::new(schema, batches))
    }

    /// Only these columns, in this order.
    pub fn select(&self, names: &[String]) -> Result<Self> {
        let positions = names.iter().map(|name| self.position(name)).collect::<Result<Vec<_>>>()?;
        let batches =
            self.batches.iter().map(|batch| batch.project(&positions)).collect::<std::result::Result<_, _>>()?;
        Ok(Self { schema: Arc::new(self.schema.project(&positions)?), batches, origin: self.origin.clone() })
    }

    /// The chunks of a column.
    pub fn column(&self, name: &str) -> Result<Vec<ArrayRef>> {
        let position = self.position(name)?;
        Ok(self.batches.iter().map(|batch| Arc::clone(batch.column(position))).collect())
    }

    /// All rows in one batch.
    pub fn to_batch(&self) -> Result<RecordBatch> {
        match self.batches.as_slice() {
            [only] => Ok(only.clone()),
            many => Ok(concat_batches(&self.schema, many)?),
        }
    }

    /// The rows at some positions, in their order; one beyond the end is an error. Text stands by itself in them, so that
    /// nothing of other rows stays behind a dictionary or a view.
    pub fn rows(&self, positions: Vec<u64>) -> Result<Self> {
        if let Some(beyond) = positions.iter().find(|&&position| position >= self.num_rows() as u64) {
            return Err(Error::Argument(format!("row {beyond} is beyond the {} rows of the table", self.num_rows())));
        }
        let taken = take_record_batch(&self.to_batch()?, &UInt64Array::from(positions))?;
        let plain = taken.columns().iter().map(|column| match column.data_type() {
            DataType::Dictionary(_, value) if **value == DataType::Utf8View => cast(column, &DataType::Utf8),
            DataType::Dictionary(_, value) => cast(column, value),
            DataType::Utf8View => cast(column, &DataType::LargeUtf8),
            _ => Ok(Arc::clone(column)),
        });
        let plain = plain.collect::<std::result::Result<Vec<_>, _>>()?;
        let named = self.names().into_iter().zip(plain).map(|(name, column)| (name, column, true));
        Ok(Self::from_batch(RecordBatch::try_from_iter_with_nullable(named)?))
    }

    /// Looks whether text is text, on all cores. Whoever hands over Arrow data promises it, and not everybody keeps it.
    pub fn validate(&self) -> Result<()> {
        let columns = self.batches.iter().flat_map(|batch| batch.columns().iter().zip(self.schema.fields()));
        columns.collect::<Vec<_>>().into_par_iter().try_for_each(|(column, field)| {
            let valid = check_text(column);
            valid.map_err(|error| Error::Data(format!("column \"{}\" is not valid Arrow data: {error}", field.name())))
        })
    }

    /// The same rows in batches of at most `rows` rows; nothing is copied.
    #[must_use]
    pub fn sliced(&self, rows: usize) -> Self {
        let slices = self.batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).step_by(rows).map(move |start| batch.slice(start, rows.min(batch.num_rows() - start)))
        });
        Self { schema: Arc::clone(&self.schema), batches: slices.collect(), origin: self.origin.clone() }
    }
}

/// ASCII, as most ids and names are, is told at the speed of memory; the rest is looked at character by character.
fn check_text(column: &ArrayRef) -> std::result::Result<(), ArrowError> {
    fn of<O: OffsetSizeTrait>(column: &ArrayRef) -> std::result::Result<(), ArrowError> {
        let texts = column.as_string::<O>();
        let (Some(first), Some(last)) = (texts.value_offsets().first(), texts.value_offsets().last()) else {
            return Ok(());
        };
        match texts.value_data().get(first.as_usize()..last.as_usize()) {
            Some(bytes) if bytes.is_ascii() => Ok(()),
            _ => column.to_data().validate_full(),
        }
    }
    match column.data_type() {
        // A slice of no rows may keep offsets into bytes that were not handed over.
        _ if column.is_empty() => Ok(()),
        DataType::Utf8 => of::<i32>(column),
        DataType::LargeUtf8 => of::<i64>(column),
        DataType::Utf8View => column.to_data().validate_full(),
        DataType::Dictionary(_, _) => check_text(column.as_any_dictionary().values()),
        _ => Ok(()),
    }
}

/// The code of each row of a column of text, and the distinct texts in their order, a missing one last.
pub fn factorize(texts: &StringArray) -> (Vec<i64>, Vec<Option<String>>) {
    let mut first: HashMap<Option<&str>, usize, foldhash::fast::FixedState> = HashMap::default();
    let mut codes: Vec<i64> = Vec::with_capacity(texts.len());
    for text in texts {
        let next = first.len();
        codes.push(*first.entry(text).or_insert(next) as i64);
    }
    let mut distinct: Vec<_> = first.into_iter().collect();
    distinct.sort_unstable_by_key(|(text, _)| (text.is_none(), *text));
    let mut rank = vec![0; distinct.len()];
    for (place, (_, code)) in distinct.iter().enumerate() {
        rank[*code] = place as i64;
    }
    for code in &mut codes {
        *code = rank[*code as usize];
    }
    (codes, distinct.into_iter().map(|(text, _)| text.map(str::to_owned)).collect())
}
