//! Parquet: row groups that may hold what was asked for, decoded in batches; tables written.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::WriterProperties;

use super::partitions::Partitions;
use super::pruning::{Statistics, Wanted};
use super::{BATCH_ROWS, Facts, LeftOut, Part, Roles, Source, Stop, contained, failed, open};
use crate::error::{Error, Result};
use crate::pool::Cancel;
use crate::table::Table;

/// What a Parquet file calls itself.
pub const KIND: &str = "parquet";

/// A Parquet file, of which the footer was read.
pub struct Parquet {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    parts: Vec<Part>,
}

impl Parquet {
    /// Reads the footer and decides which row groups are read.
    pub fn open(path: &Path, partitions: &Partitions, roles: Option<&Roles>, wanted: &Wanted<'_>) -> Result<Self> {
        let opened = contained(path, || {
            let plain = ArrowReaderMetadata::load(&open(path)?, ArrowReaderOptions::default())
                .map_err(|error| failed(path, error))?;
            let parts = parts(&plain, partitions, wanted)?;
            let metadata = roles.and_then(|roles| with_dictionaries(&plain, roles)).unwrap_or(plain);
            Ok(Self { path: path.to_owned(), metadata, parts })
        });
        opened.map_err(|stop| match stop {
            Stop::Error(error) | Stop::Misfit { error, .. } => error,
        })
    }

    fn groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }
}

/// Reads the names of events and channels as the dictionaries that the file keeps of them: codes are all that ingest
/// needs, so texts are not spelled out.
fn with_dictionaries(metadata: &ArrowReaderMetadata, roles: &Roles) -> Option<ArrowReaderMetadata> {
    let groups = metadata.metadata().row_groups();
    let kept = |position: usize| {
        let root = |group: &RowGroupMetaData| {
            group.schema_descr().get_column_root_idx(position) == position
                && group.column(position).dictionary_page_offset().is_some()
        };
        groups.iter().all(root)
    };
    // Columns and leaves have the same positions only where nothing is nested.
    if metadata.schema().fields().len() != metadata.parquet_schema().num_columns() {
        return None;
    }
    let field = |(position, field): (usize, &FieldRef)| {
        let is_name = *field.name() == roles.event || roles.channel.as_ref() == Some(field.name());
        let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if is_name && is_text && kept(position) {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(Field::new(field.name(), dictionary, field.is_nullable()))
        } else {
            Arc::clone(field)
        }
    };
    let fields: Vec<FieldRef> = metadata.schema().fields().iter().enumerate().map(field).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).ok()
}

/// The row groups, and which of them were not asked for.
fn parts(metadata: &ArrowReaderMetadata, partitions: &Partitions, wanted: &Wanted<'_>) -> Result<Vec<Part>> {
    let groups = metadata.metadata().row_groups();
    let count = |group: &RowGroupMetaData| u64::try_from(group.num_rows()).unwrap_or_default();
    let mut parts: Vec<Part> = groups.iter().map(|group| Part { rows: Some(count(group)), left_out: None }).collect();
    let times = wanted.time_column().and_then(|name| statistics(name, metadata));
    if let Some(times) = &times {
        let outside = wanted.out_of_range(times)?;
        parts
            .iter_mut()
            .zip(outside)
            .for_each(|(part, time)| part.left_out = time.map(|time| LeftOut { time: Some(time) }));
    }
    let without = if wanted.is_without_events(partitions) {
        vec![true; groups.len()]
    } else if let Some(events) = wanted.event_column().and_then(|name| statistics(name, metadata)) {
        wanted.without_events(&events)?
    } else {
        vec![false; groups.len()]
    };
    let latest = wanted.latest(times.as_ref(), groups.len())?;
    for ((part, without), latest) in parts.iter_mut().zip(without).zip(latest) {
        if without && part.left_out.is_none() {
            part.left_out = latest;
        }
    }
    Ok(parts)
}

/// What the footer says of a column; none where it says nothing, or what cannot be trusted.
fn statistics(name: &str, metadata: &ArrowReaderMetadata) -> Option<Statistics> {
    let groups = metadata.metadata().row_groups();
    let converter = StatisticsConverter::try_new(name, metadata.schema(), metadata.parquet_schema()).ok()?;
    let converter = converter.with_missing_null_counts_as_zero(false);
    let position = converter.parquet_column_index()?;
    // Early writers sorted text by signed bytes.
    let doubtful = |group: &RowGroupMetaData| {
        group.column(position).statistics().is_some_and(|statistics| {
            statistics.is_min_max_deprecated() && !statistics.is_min_max_backwards_compatible()
        })
    };
    if groups.iter().any(doubtful) {
        return None;
    }
    Some(Statistics {
        smallest: converter.row_group_mins(groups).ok()?,
        largest: converter.row_group_maxes(groups).ok()?,
        nulls: converter.row_group_null_counts(groups).ok()?,
    })
}

impl Source for Parquet {
    fn fields(&self) -> Vec<FieldRef> {
        self.metadata.schema().fields().to_vec()
    }

    fn parts(&self) -> Vec<Part> {
        self.parts.clone()
    }

    fn read(
        &self,
        part: usize,
        positions: &[usize],
        cancel: &Cancel,
        take: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> std::result::Result<(), Stop> {
        cancel.check()?;
        let mut reader = contained(&self.path, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open(&self.path)?, self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), positions.iter().copied());
            let builder = builder.with_row_groups(vec![part]).with_projection(mask).with_batch_size(BATCH_ROWS);
            Ok(builder.build().map_err(|error| failed(&self.path, error))?)
        })?;
        let mut rows = 0;
        while let Some(batch) =
            contained(&self.path, || Ok(reader.next().transpose().map_err(|error| failed(&self.path, error))?))?
        {
            rows += batch.num_rows() as u64;
            take(batch)?;
        }
        if self.parts[part].rows != Some(rows) {
            return Err(failed(&self.path, "the file is damaged: a row group has not as many rows as it says").into());
        }
        Ok(())
    }

    fn facts(&self) -> Facts {
        let columns = self.groups().iter().flat_map(RowGroupMetaData::columns);
        let compression = columns.map(|column| match column.compression() {
            Compression::UNCOMPRESSED => "none".to_owned(),
            Compression::LZ4_RAW => "lz4".to_owned(),
            other => other.to_string().split('(').next().unwrap_or_default().to_lowercase(),
        });
        Facts { kind: KIND, compression: compression.collect(), delimiter: None }
    }
}

/// Writes a table as one Parquet file: to a temporary name first, so that no half-written file is left behind.
pub fn write_parquet(table: &Table, path: &Path, cancel: &Cancel) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.part", std::process::id()));
    let temporary = Path::new(&temporary);
    let write = || -> Result<()> {
        let file = File::create(temporary).map_err(|error| failed(path, error))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer = ArrowWriter::try_new(file, Arc::clone(table.schema()), Some(properties))
            .map_err(|error| failed(path, error))?;
        for batch in table.sliced(BATCH_ROWS).batches() {
            cancel.check()?;
            writer.write(batch).map_err(|error| failed(path, error))?;
        }
        writer.close().map_err(|error| failed(path, error))?;
        std::fs::rename(temporary, path).map_err(|error| failed(path, error))
    };
    write().inspect_err(|_: &Error| {
        // The file may not exist; the first error is the one to tell.
        let _ = std::fs::remove_file(temporary);
    })
}
