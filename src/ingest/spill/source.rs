//! Where rows come from, in pieces that are read one after the other.

use std::sync::Mutex;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::ingest::files::Files;
use crate::pool::Cancel;
use crate::table::{Origin, Table};

/// Rows in pieces. The order of the pieces, and of the rows in each, is the order of the data.
pub trait Source: Sync {
    /// Columns and types of every batch.
    fn schema(&self) -> SchemaRef;
    /// Number of pieces; each can be read by another thread.
    fn pieces(&self) -> usize;
    /// Rows of all pieces, where known.
    fn rows(&self) -> Option<u64> {
        None
    }
    /// The number of the first row of a piece, where it is not that after the piece before.
    fn first_row(&self, _piece: usize) -> Option<u64> {
        None
    }
    /// Where rows of files come from.
    fn origin(&self) -> Option<&Origin> {
        None
    }
    /// Hands the batches of a piece, in order.
    fn read(&self, piece: usize, cancel: &Cancel, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()>;
}

/// Rows of one piece of a table in memory.
const PIECE_ROWS: usize = 1 << 19;

/// A table in memory.
impl Source for Table {
    fn schema(&self) -> SchemaRef {
        std::sync::Arc::clone(Table::schema(self))
    }

    fn pieces(&self) -> usize {
        self.num_rows().div_ceil(PIECE_ROWS)
    }

    fn rows(&self) -> Option<u64> {
        Some(self.num_rows() as u64)
    }

    fn read(&self, piece: usize, cancel: &Cancel, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let (mut skip, mut left) = (piece * PIECE_ROWS, PIECE_ROWS);
        for batch in self.batches() {
            let from = skip.min(batch.num_rows());
            skip -= from;
            let count = left.min(batch.num_rows() - from);
            left -= count;
            if count > 0 {
                cancel.check()?;
                take(&batch.slice(from, count))?;
            }
        }
        Ok(())
    }
}

/// Files, read as the pieces are asked for.
impl Source for Files {
    fn schema(&self) -> SchemaRef {
        std::sync::Arc::clone(Files::schema(self))
    }

    fn pieces(&self) -> usize {
        Files::pieces(self)
    }

    fn rows(&self) -> Option<u64> {
        Files::rows(self)
    }

    fn first_row(&self, piece: usize) -> Option<u64> {
        Files::first_row(self, piece)
    }

    fn origin(&self) -> Option<&Origin> {
        Some(Files::origin(self))
    }

    fn read(&self, piece: usize, cancel: &Cancel, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        Files::read(self, piece, cancel, &mut |batch| take(&batch))
    }
}

/// Batches that arrive one after the other, once.
pub struct Stream {
    schema: SchemaRef,
    columns: Vec<usize>,
    reader: Mutex<Option<Box<dyn RecordBatchReader + Send>>>,
}

impl Stream {
    /// The named columns of what a reader gives.
    pub fn new(reader: Box<dyn RecordBatchReader + Send>, columns: &[String]) -> Result<Self> {
        let whole = reader.schema();
        let empty = Table::new(std::sync::Arc::clone(&whole), Vec::new());
        let columns = columns.iter().map(|name| empty.position(name)).collect::<Result<Vec<_>>>()?;
        let fields = Schema::new(whole.project(&columns)?.fields().clone());
        Ok(Self { schema: fields.into(), columns, reader: Mutex::new(Some(reader)) })
    }
}

impl Source for Stream {
    fn schema(&self) -> SchemaRef {
        std::sync::Arc::clone(&self.schema)
    }

    fn pieces(&self) -> usize {
        1
    }

    fn read(&self, _piece: usize, cancel: &Cancel, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let taken = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let reader = taken.ok_or_else(|| Error::Internal("a stream was read twice".into()))?;
        for batch in reader {
            cancel.check()?;
            let batch =
                batch.map_err(|error| Error::Data(format!("the data broke off while they were read: {error}")))?;
            let batch = RecordBatch::try_new(
                std::sync::Arc::clone(&self.schema),
                batch.project(&self.columns)?.columns().to_vec(),
            )?;
            // What another library hands over is trusted only after a look at it.
            Table::from_batch(batch.clone()).validate()?;
            take(&batch)?;
        }
        Ok(())
    }
}
