//! Parquet, CSV and Arrow files as tables, and tables as Parquet files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::{FileReader, StreamReader};
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;

use crate::error::{Error, Result, did_you_mean};
use crate::pool::{Cancel, on_pool};
use crate::table::Table;

const BATCH_ROWS: usize = 1 << 16;
/// Rows that a CSV file's column types are inferred from.
const INFERENCE_ROWS: usize = 10_000;

/// Reads files one after the other as one table; only the named columns, where some are named. The columns `as_text` of
/// a CSV file are read as they are written, because an id such as `007` is no number.
pub fn read(paths: &[String], columns: Option<&[String]>, as_text: &[String], cancel: &Cancel) -> Result<Table> {
    let mut tables = Vec::with_capacity(paths.len());
    for path in paths {
        cancel.check()?;
        tables.push(read_one(Path::new(path), columns, as_text, cancel)?);
    }
    let Some(first) = tables.first() else {
        return Err(Error::Argument("no file to read: the list of paths is empty".into()));
    };
    let schema = Arc::clone(first.schema());
    let mut batches = Vec::new();
    for (table, path) in tables.iter().zip(paths) {
        if table.schema().fields() != schema.fields() {
            return Err(Error::Data(format!(
                "the files do not agree: {} has the columns {}, but {path} has {}",
                paths[0],
                describe(&schema),
                describe(table.schema())
            )));
        }
        let same =
            table.batches().iter().map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()));
        batches.extend(same.collect::<std::result::Result<Vec<_>, _>>()?);
    }
    Ok(Table::new(schema, batches))
}

fn describe(schema: &Schema) -> String {
    let fields = schema.fields().iter().map(|field| format!("{} ({})", field.name(), field.data_type()));
    fields.collect::<Vec<_>>().join(", ")
}

fn read_one(path: &Path, columns: Option<&[String]>, as_text: &[String], cancel: &Cancel) -> Result<Table> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if ends(&[".parquet", ".pq"]) {
        parquet(path, columns, cancel)
    } else if ends(&[".csv", ".csv.gz"]) {
        csv(path, b',', columns, as_text, cancel)
    } else if ends(&[".tsv", ".tsv.gz"]) {
        csv(path, b'\t', columns, as_text, cancel)
    } else if ends(&[".arrow", ".feather", ".ipc", ".arrows"]) {
        ipc(path, columns)
    } else {
        Err(Error::Argument(format!(
            "{}: the kind of file is not known by its name; expected .parquet, .pq, .csv, .csv.gz, .tsv, .tsv.gz, \
             .arrow, .feather or .ipc",
            path.display()
        )))
    }
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File(format!("{}: {error}", path.display()))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| failed(path, error))
}

/// Positions of the wanted columns, which must all be there.
fn wanted(schema: &Schema, columns: Option<&[String]>, path: &Path) -> Result<Vec<usize>> {
    let Some(columns) = columns else { return Ok((0..schema.fields().len()).collect()) };
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    columns
        .iter()
        .map(|column| {
            names.iter().position(|name| name == column).ok_or_else(|| {
                Error::UnknownColumn(format!(
                    "{} has no column \"{column}\"{} (columns: {})",
                    path.display(),
                    did_you_mean(column, names.iter().copied()),
                    names.join(", ")
                ))
            })
        })
        .collect()
}

fn parquet(path: &Path, columns: Option<&[String]>, cancel: &Cancel) -> Result<Table> {
    let metadata = parquet::arrow::arrow_reader::ArrowReaderMetadata::load(
        &open(path)?,
        parquet::arrow::arrow_reader::ArrowReaderOptions::default(),
    )
    .map_err(|error| failed(path, error))?;
    let positions = wanted(metadata.schema(), columns, path)?;
    let groups: Vec<usize> = (0..metadata.metadata().num_row_groups()).collect();
    let read = |group: usize| -> Result<Vec<RecordBatch>> {
        cancel.check()?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open(path)?, metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), positions.iter().copied());
        let reader = builder
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| failed(path, error))?;
        reader.map(|batch| batch.map_err(|error| failed(path, error))).collect()
    };
    let batches: Vec<Vec<RecordBatch>> = on_pool(|| groups.into_par_iter().map(read).collect::<Result<_>>())?;
    let mut sorted = positions.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let schema = Arc::new(Schema::new(metadata.schema().project(&sorted)?.fields().clone()));
    let plain =
        batches.into_iter().flatten().map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()));
    Ok(Table::new(Arc::clone(&schema), plain.collect::<std::result::Result<_, _>>()?))
}

fn csv(path: &Path, delimiter: u8, columns: Option<&[String]>, as_text: &[String], cancel: &Cancel) -> Result<Table> {
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (inferred, _) = format.infer_schema(text(path)?, Some(INFERENCE_ROWS)).map_err(|error| failed(path, error))?;
    let positions = wanted(&inferred, columns, path)?;
    let build = |schema: Schema| -> Result<Table> {
        let schema = Arc::new(schema);
        let reader = ReaderBuilder::new(Arc::clone(&schema))
            .with_header(true)
            .with_delimiter(delimiter)
            .with_batch_size(BATCH_ROWS)
            .with_projection(positions.clone())
            .build(text(path)?)
            .map_err(|error| failed(path, error))?;
        let batches = reader.map(|batch| {
            cancel.check()?;
            batch.map_err(|error| failed(path, error))
        });
        let projected: SchemaRef = Arc::new(schema.project(&positions)?);
        Ok(Table::new(projected, batches.collect::<Result<_>>()?))
    };
    // Times stay text here, so that ingest can name the row of one that cannot be read.
    let fields = inferred.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            _ if as_text.contains(field.name()) => DataType::Utf8,
            DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 | DataType::Null => DataType::Utf8,
            other => other.clone(),
        };
        Field::new(field.name(), data_type, true)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    match build(schema.clone()) {
        Err(Error::File(_)) => {
            // A later row does not fit the types of the first ones: read everything as text.
            let texts = schema.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true));
            build(Schema::new(texts.collect::<Vec<_>>()))
        }
        other => other,
    }
}

/// The bytes of a text file, unpacked, without a byte-order mark.
fn text(path: &Path) -> Result<Box<dyn Read>> {
    let packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let file = BufReader::with_capacity(1 << 20, open(path)?);
    let mut reader: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut start = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut start).map_err(|error| failed(path, error))?;
    if start == [0xEF, 0xBB, 0xBF] {
        start.clear();
    }
    Ok(Box::new(std::io::Cursor::new(start).chain(reader)))
}

fn ipc(path: &Path, columns: Option<&[String]>) -> Result<Table> {
    let mut file = open(path)?;
    let mut magic = [0; 6];
    let is_file = file.read_exact(&mut magic).is_ok() && &magic == b"ARROW1";
    file.seek(SeekFrom::Start(0)).map_err(|error| failed(path, error))?;
    let (schema, batches) = if is_file {
        let reader = FileReader::try_new(BufReader::new(file), None).map_err(|error| failed(path, error))?;
        (reader.schema(), reader.collect::<std::result::Result<Vec<_>, _>>())
    } else {
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(|error| failed(path, error))?;
        (reader.schema(), reader.collect::<std::result::Result<Vec<_>, _>>())
    };
    let table = Table::new(schema, batches.map_err(|error| failed(path, error))?);
    match columns {
        None => Ok(table),
        Some(columns) => {
            wanted(table.schema(), Some(columns), path)?;
            table.select(columns)
        }
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
    write().inspect_err(|_| {
        // The file may not exist; the first error is the one to tell.
        let _ = std::fs::remove_file(temporary);
    })
}
