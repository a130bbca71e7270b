//! A plain Arrow table: record batches of one schema. What comes in, what goes out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};

use rayon::prelude::*;

use crate::error::{Error, Result, did_you_mean};

/// Record batches of one schema.
#[derive(Debug, Clone)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// A table of batches that all have the given schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    /// A table of one batch.
    pub fn from_batch(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), batches: vec![batch] }
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

    /// Only these columns, in this order.
    pub fn select(&self, names: &[String]) -> Result<Self> {
        let positions = names.iter().map(|name| self.position(name)).collect::<Result<Vec<_>>>()?;
        let batches =
            self.batches.iter().map(|batch| batch.project(&positions)).collect::<std::result::Result<_, _>>()?;
        Ok(Self { schema: Arc::new(self.schema.project(&positions)?), batches })
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

    /// Looks whether text is text and keys lie inside their dictionary, on all cores.
    pub fn validate(&self) -> Result<()> {
        let checked = |data_type: &DataType| {
            matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _))
        };
        let columns = self.batches.iter().flat_map(|batch| batch.columns().iter().zip(self.schema.fields()));
        let columns: Vec<_> = columns.filter(|(_, field)| checked(field.data_type())).collect();
        columns.into_par_iter().try_for_each(|(column, field)| {
            let valid = column.to_data().validate_full();
            valid.map_err(|error| Error::Data(format!("column \"{}\" is not valid Arrow data: {error}", field.name())))
        })
    }

    /// The same rows in batches of at most `rows` rows; nothing is copied.
    #[must_use]
    pub fn sliced(&self, rows: usize) -> Self {
        let slices = self.batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).step_by(rows).map(move |start| batch.slice(start, rows.min(batch.num_rows() - start)))
        });
        Self { schema: Arc::clone(&self.schema), batches: slices.collect() }
    }
}
