//! CSV: text in UTF-8, packed or not, with a header line; the delimiter is found out.

mod blocks;
mod records;

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use flate2::read::MultiGzDecoder;
use rayon::prelude::*;

use blocks::{Block, Blocks, last_record};

use super::{BATCH_ROWS, Facts, Options, Part, Roles, Source, Stop, failed, open};
use crate::error::{Error, Result};
use crate::ingest::digits;
use crate::pool::{Cancel, on_pool, pool};

/// Rows that the types of columns are inferred from.
const INFERENCE_ROWS: usize = 10_000;
/// Bytes that hold the first rows.
const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes that one thread reads at a time.
const BLOCK_BYTES: usize = 1 << 22;
/// Bytes at the beginning that the delimiter is found out from.
const HEAD: u64 = 1 << 16;
/// Lines among them.
const HEAD_LINES: usize = 50;
/// What may stand between fields, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// A record that is longer than this has lost its closing quote.
const LONGEST_RECORD: usize = 1 << 26;

/// A CSV file whose header and first rows were read.
pub struct Csv {
    path: PathBuf,
    is_packed: bool,
    delimiter: u8,
    columns: Vec<(String, Cell)>,
}

/// How the text of a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// As it is written.
    Text,
    /// As it is written, but digits alone are ASCII digits.
    Id,
    /// A number; what is none is an error.
    Number,
    /// As its first rows are.
    Integer,
    Float,
    Boolean,
    /// Nothing was seen yet.
    Empty,
}

impl Cell {
    fn data_type(self) -> DataType {
        match self {
            Self::Text | Self::Id => DataType::Utf8,
            Self::Number | Self::Float => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Boolean => DataType::Boolean,
            Self::Empty => DataType::Null,
        }
    }
}

impl Csv {
    /// Reads the header and finds out what the first rows are.
    pub fn open(path: &Path, columns: Option<&[String]>, options: &Options) -> Result<Self> {
        let mut head = Vec::new();
        let (is_packed, reader) = unpacked(path)?;
        reader.take(HEAD).read_to_end(&mut head).map_err(|error| failed(path, error))?;
        if let Some(kind) = other_kind(&head) {
            return Err(failed(path, format!("this is no text but {kind}")));
        }
        // Every other byte of ASCII text is one of zero in UTF-16.
        if memchr::memchr_iter(0, &head).count() * 4 > head.len() {
            return Err(encoding(path, "UTF-16", "its text has bytes of zero"));
        }
        if head.iter().all(u8::is_ascii_whitespace) {
            return Err(failed(path, "the file is empty; expected a line with the names of the columns"));
        }
        let delimiter = match options.delimiter {
            Some(delimiter) => u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
                Error::Argument(format!(
                    "delimiter={delimiter:?} is not an ASCII character; expected one such as \";\""
                ))
            })?,
            None => sniffed(&head, path, columns),
        };
        if !last_record(&head, delimiter).is_closed && (head.len() as u64) < HEAD {
            return Err(unclosed_at_the_end(path, delimiter));
        }
        let mut header = None;
        records::walk(Cursor::new(&head), delimiter, &mut |_, fields| {
            header = Some(
                fields
                    .iter()
                    .map(|field| String::from_utf8(field.to_vec()))
                    .collect::<std::result::Result<Vec<_>, _>>(),
            );
            false
        })
        .map_err(|error| failed(path, error))?;
        let names = match header {
            Some(Ok(names)) if names.iter().any(|name| name.contains('\0')) => return Err(with_zero(path, 1)),
            Some(Ok(names)) => names,
            Some(Err(_)) => return Err(not_utf8(path, 1)),
            None => return Err(failed(path, "the file has no line with the names of the columns")),
        };
        let mut csv = Self {
            path: path.to_owned(),
            is_packed,
            delimiter,
            columns: names.into_iter().map(|name| (name, Cell::Text)).collect(),
        };
        csv.infer(columns, options)?;
        Ok(csv)
    }

    /// Decides how each column that is wanted is read.
    fn infer(&mut self, wanted: Option<&[String]>, options: &Options) -> Result<()> {
        let roles = options.roles.as_ref();
        let mut open = Vec::new();
        for (position, (name, cell)) in self.columns.iter_mut().enumerate() {
            let is = |column: &dyn Fn(&Roles) -> Option<&String>| roles.and_then(column) == Some(name);
            if options.as_text.contains(name) {
                *cell = Cell::Text;
            } else if is(&|roles| Some(&roles.customer)) {
                *cell = Cell::Id;
            } else if is(&|roles| roles.value.as_ref()) {
                *cell = Cell::Number;
            } else if is(&|roles| Some(&roles.event)) || is(&|roles| roles.channel.as_ref()) {
                // A name is read as it is written: 007 is no number.
            } else if is(&|roles| Some(&roles.time)) && roles.is_some_and(|roles| roles.time_unit.is_some()) {
                // Ingest reads the numbers, and can name the row of one that is none.
            } else if wanted.is_none_or(|wanted| wanted.contains(name)) {
                open.push(position);
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        let mut blocks = Blocks::new(text(&self.path)?, self.delimiter, SAMPLE_BYTES);
        let sample = match blocks.next(LONGEST_RECORD).map_err(|error| failed(&self.path, error))? {
            Some(Block::Records(block)) => self.texts(&block, true, &open, INFERENCE_ROWS, &Cancel::default())?,
            Some(Block::TooLong) => return Err(self.too_long(0)),
            Some(Block::Unclosed) => return Err(unclosed_at_the_end(&self.path, self.delimiter)),
            None => Vec::new(),
        };
        let sample = sample.first();
        for (index, &position) in open.iter().enumerate() {
            let column = sample.map(|sample| sample.column(index).as_string::<i32>());
            let (name, cell) = &mut self.columns[position];
            *cell = match column.map_or(Cell::Empty, inferred) {
                // Ingest can name the row of a time that is none.
                Cell::Empty if roles.is_some_and(|roles| &roles.time == name) => Cell::Text,
                inferred => inferred,
            };
        }
        Ok(())
    }

    /// Reads these columns block by block, all threads at a block each.
    fn batches(
        &self,
        positions: &[usize],
        cancel: &Cancel,
        take: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> std::result::Result<(), Stop> {
        let fields = self.fields();
        let fields: Vec<FieldRef> = positions.iter().map(|&position| Arc::clone(&fields[position])).collect();
        let schema = Arc::new(Schema::new(fields));
        let mut blocks = Blocks::new(text(&self.path)?, self.delimiter, BLOCK_BYTES);
        let (mut record, mut is_first) = (0, true);
        loop {
            let mut window = Vec::new();
            while window.len() < pool()?.current_num_threads() {
                cancel.check()?;
                match blocks.next(LONGEST_RECORD).map_err(|error| failed(&self.path, error))? {
                    Some(block) => window.push((block, std::mem::take(&mut is_first))),
                    None => break,
                }
            }
            if window.is_empty() {
                return Ok(());
            }
            let read = |(block, is_first): (Block, bool)| match block {
                Block::Records(block) => self.texts(&block, is_first, positions, BATCH_ROWS, cancel).map(|texts| {
                    let typed = |texts: RecordBatch| {
                        let typed = self.typed_batch(&texts, positions, &schema, 0).ok();
                        (texts.num_rows() as u64, typed.ok_or(texts))
                    };
                    Some(texts.into_iter().map(typed).collect::<Vec<_>>())
                }),
                Block::TooLong => Ok(None),
                Block::Unclosed => Err(unclosed_at_the_end(&self.path, self.delimiter)),
            };
            let window: Vec<_> = on_pool(|| Ok(window.into_par_iter().map(read).collect()))?;
            for block in window {
                let Some(batches) = block? else { return Err(self.too_long(record).into()) };
                for (rows, typed) in batches {
                    take(match typed {
                        Ok(typed) => typed,
                        // Once more, now that the number of its first record is known, for the error.
                        Err(texts) => self.typed_batch(&texts, positions, &schema, record)?,
                    })?;
                    record += rows;
                }
            }
        }
    }

    /// These columns of a block as text.
    fn texts(
        &self,
        mut block: &[u8],
        has_header: bool,
        positions: &[usize],
        rows: usize,
        cancel: &Cancel,
    ) -> Result<Vec<RecordBatch>> {
        if memchr::memchr(0, block).is_some() {
            return Err(self.fault("the text has a byte of zero"));
        }
        let fields = self.columns.iter().map(|(name, _)| Field::new(name, DataType::Utf8, true));
        let mut decoder = ReaderBuilder::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
            .with_header(has_header)
            .with_delimiter(self.delimiter)
            .with_batch_size(rows)
            .with_projection(positions.to_vec())
            .build_decoder();
        let mut batches = Vec::new();
        loop {
            cancel.check()?;
            loop {
                // No byte at all tells the decoder that the last record has ended.
                let used = decoder.decode(block).map_err(|error| self.fault(&error.to_string()))?;
                if used == 0 {
                    break;
                }
                block = &block[used..];
            }
            match decoder.flush().map_err(|error| self.fault(&error.to_string()))? {
                Some(batch) => batches.push(batch),
                None => return Ok(batches),
            }
        }
    }

    /// What is wrong with a file that could not be read, found by going through it again.
    fn fault(&self, message: &str) -> Error {
        let expected = self.columns.len();
        let mut found = None;
        // Where the record before began that quotes made longer than a line.
        let mut long = None;
        let walked = text(&self.path).and_then(|reader| {
            let visit = &mut |line: u64, fields: &[&[u8]]| {
                let is_long = fields.iter().any(|field| field.contains(&b'\n'));
                let quoted = is_long.then_some(line).or(long.take());
                long = is_long.then_some(line);
                if fields.iter().any(|field| std::str::from_utf8(field).is_err()) {
                    found = Some(not_utf8(&self.path, line));
                } else if fields.iter().any(|field| field.contains(&0)) {
                    found = Some(with_zero(&self.path, line));
                } else if fields.len() != expected {
                    let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
                    found = Some(Error::Data(format!(
                        "{}, line {line}: {} field{} separated by {:?}, but the header names {expected} columns ({}); {}",
                        self.path.display(),
                        fields.len(),
                        if fields.len() == 1 { "" } else { "s" },
                        self.delimiter as char,
                        names.join(", "),
                        match quoted {
                            None => "a field that holds the delimiter must stand in quotes".to_owned(),
                            Some(line) => format!(
                                "the quote that is opened in the record of line {line} takes further lines into it: is it \
                                 never closed? A field that begins with a quote of its own is written in quotes, and that \
                                 quote twice"
                            ),
                        }
                    )));
                }
                found.is_none()
            };
            records::walk(reader, self.delimiter, visit).map_err(|error| failed(&self.path, error))
        });
        found.or(walked.err()).unwrap_or_else(|| failed(&self.path, message))
    }

    fn too_long(&self, record: u64) -> Error {
        let line = self.line(record).map_or(String::new(), |line| format!(", line {line}"));
        Error::Data(format!(
            "{}{line}: a record is longer than {} MB; is a quote opened there that is never closed?",
            self.path.display(),
            LONGEST_RECORD >> 20
        ))
    }

    /// The line where a record begins, which is counted from 0 behind the header.
    fn line(&self, record: u64) -> Option<u64> {
        let (mut found, mut next) = (None, 0);
        let visit = &mut |line: u64, _: &[&[u8]]| {
            found = (next == record + 1).then_some(line);
            next += 1;
            found.is_none()
        };
        records::walk(text(&self.path).ok()?, self.delimiter, visit).ok()?;
        found
    }

    /// Columns of text as what they are, given the number of the first record.
    fn typed_batch(
        &self,
        texts: &RecordBatch,
        positions: &[usize],
        schema: &SchemaRef,
        first: u64,
    ) -> std::result::Result<RecordBatch, Stop> {
        let columns = positions.iter().zip(texts.columns());
        let columns = columns.map(|(&position, column)| self.typed(position, column, first));
        let columns = columns.collect::<std::result::Result<Vec<_>, Stop>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(texts.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(Error::from)?)
    }

    /// A column of text as what it is.
    fn typed(&self, position: usize, column: &ArrayRef, first: u64) -> std::result::Result<ArrayRef, Stop> {
        let texts = column.as_string::<i32>();
        let (name, cell) = &self.columns[position];
        let misfit = |row: usize| Stop::Misfit {
            column: name.clone(),
            error: self.wrong(
                name,
                texts.value(row),
                first + row as u64,
                &format!(
                    "the first rows of the column hold {}; expected the same here, or text in all rows",
                    match cell {
                        Cell::Integer => "whole numbers",
                        Cell::Float => "numbers",
                        Cell::Boolean => "true and false",
                        _ => "nothing",
                    }
                ),
            ),
        };
        Ok(match cell {
            Cell::Text => Arc::clone(column),
            Cell::Id if texts.value_data().is_ascii() => Arc::clone(column),
            Cell::Id => {
                let plain = |text: &str| digits::digits_alone(text).unwrap_or_else(|| text.to_owned());
                Arc::new(texts.iter().map(|text| text.map(plain)).collect::<StringArray>())
            }
            Cell::Number => {
                let number = |(row, text): (usize, Option<&str>)| match text.map(digits::number) {
                    None => Ok(None),
                    Some(Some(number)) => Ok(Some(number).filter(|number| !number.is_nan())),
                    Some(None) if texts.value(row).trim().is_empty() => Ok(None),
                    Some(None) => Err(self.no_number(name, texts.value(row), first + row as u64)),
                };
                Arc::new(texts.iter().enumerate().map(number).collect::<Result<Float64Array>>()?)
            }
            Cell::Integer => {
                let read = |(row, text): (usize, Option<&str>)| {
                    text.map(|text| integer(text).ok_or_else(|| misfit(row))).transpose()
                };
                Arc::new(texts.iter().enumerate().map(read).collect::<std::result::Result<Int64Array, Stop>>()?)
            }
            Cell::Float => {
                let read = |(row, text): (usize, Option<&str>)| {
                    text.map(|text| float(text).ok_or_else(|| misfit(row))).transpose()
                };
                Arc::new(texts.iter().enumerate().map(read).collect::<std::result::Result<Float64Array, Stop>>()?)
            }
            Cell::Boolean => {
                let read = |(row, text): (usize, Option<&str>)| {
                    text.map(|text| boolean(text).ok_or_else(|| misfit(row))).transpose()
                };
                Arc::new(texts.iter().enumerate().map(read).collect::<std::result::Result<BooleanArray, Stop>>()?)
            }
            Cell::Empty => match (0..texts.len()).find(|&row| texts.is_valid(row)) {
                Some(row) => return Err(misfit(row)),
                None => arrow::array::new_null_array(&DataType::Null, texts.len()),
            },
        })
    }

    fn wrong(&self, column: &str, value: &str, record: u64, what: &str) -> Error {
        let line = self.line(record).map_or(String::new(), |line| format!(", line {line}"));
        Error::Data(format!("{}{line}: column \"{column}\" holds \"{value}\"; {what}", self.path.display()))
    }

    fn no_number(&self, column: &str, value: &str, record: u64) -> Error {
        let comma = if value.contains(',') {
            "; a comma is read neither as a decimal nor as a thousands separator, because it may be both (for decimal \
             commas: pandas.read_csv(path, sep=\";\", decimal=\",\"), and the frame to safar.EventLog)"
        } else {
            ""
        };
        self.wrong(column, value, record, &format!("value= needs a column of numbers{comma}"))
    }
}

impl Source for Csv {
    fn fields(&self) -> Vec<FieldRef> {
        self.columns.iter().map(|(name, cell)| Arc::new(Field::new(name, cell.data_type(), true))).collect()
    }

    fn parts(&self) -> Vec<Part> {
        vec![Part::default()]
    }

    fn retype(&mut self, position: usize, data_type: &DataType) -> bool {
        let cell = &mut self.columns[position].1;
        *cell = match (data_type, *cell) {
            (other, cell) if *other == cell.data_type() => cell,
            (DataType::Float64, Cell::Integer | Cell::Empty) => Cell::Float,
            (DataType::Int64, Cell::Empty) => Cell::Integer,
            (DataType::Boolean, Cell::Empty) => Cell::Boolean,
            (DataType::Utf8, Cell::Integer | Cell::Float | Cell::Boolean | Cell::Empty) => Cell::Text,
            _ => return false,
        };
        true
    }

    fn read(
        &self,
        _part: usize,
        positions: &[usize],
        cancel: &Cancel,
        take: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> std::result::Result<(), Stop> {
        self.batches(positions, cancel, take)
    }

    fn facts(&self) -> Facts {
        let compression = if self.is_packed { "gzip" } else { "none" };
        Facts { kind: "csv", compression: [compression.to_owned()].into(), delimiter: Some(self.delimiter as char) }
    }
}

/// The bytes of a text file, unpacked, without a byte-order mark.
fn text(path: &Path) -> Result<Box<dyn BufRead>> {
    unpacked(path).map(|(_, reader)| reader)
}

/// The same, and whether the file is packed: as its first bytes say, or its name.
fn unpacked(path: &Path) -> Result<(bool, Box<dyn BufRead>)> {
    let mut file = BufReader::with_capacity(1 << 20, open(path)?);
    let is_gzip = file.fill_buf().map_err(|error| failed(path, error))?.starts_with(&[0x1F, 0x8B]);
    let is_packed = is_gzip || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let mut reader: Box<dyn BufRead> =
        if is_packed { Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(file))) } else { Box::new(file) };
    let mut start = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut start).map_err(|error| failed(path, error))?;
    if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
        return Err(encoding(path, "UTF-16", "it begins with its byte-order mark"));
    }
    if start == [0xEF, 0xBB, 0xBF] {
        start.clear();
    }
    Ok((is_packed, Box::new(Cursor::new(start).chain(reader))))
}

/// What a file is, by its first bytes, that only its name calls a text.
fn other_kind(head: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 7] = [
        (b"PAR1", "a Parquet file; call it .parquet"),
        (b"ARROW1", "an Arrow file; call it .arrow"),
        (b"PK\x03\x04", "a zip archive or a workbook of Excel; unpack it, or save the sheet as CSV"),
        (&[0xD0, 0xCF, 0x11, 0xE0], "a workbook of Excel; save the sheet as CSV"),
        (&[0x28, 0xB5, 0x2F, 0xFD], "packed with zstd; unpack it (zstd -d), or pack it with gzip"),
        (&[0xFD, b'7', b'z', b'X', b'Z', 0], "packed with xz; unpack it (xz -d), or pack it with gzip"),
        (b"BZh91AY&SY", "packed with bzip2; unpack it (bzip2 -d), or pack it with gzip"),
    ];
    kinds.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| kind)
}

/// The file ends inside quotes. It is gone through once more for the line of its last record.
fn unclosed_at_the_end(path: &Path, delimiter: u8) -> Error {
    let mut last = 1;
    let visit = &mut |line: u64, _: &[&[u8]]| {
        last = line;
        true
    };
    let walked =
        text(path).and_then(|reader| records::walk(reader, delimiter, visit).map_err(|error| failed(path, error)));
    walked.err().unwrap_or_else(|| {
        Error::Data(format!(
            "{}, line {last}: the file ends inside quotes, so a quote that is opened in the record that begins there is \
             never closed; close it, or, if it is part of the text, write it twice and the field in quotes: \"5\"\" disk\"",
            path.display()
        ))
    })
}

fn with_zero(path: &Path, line: u64) -> Error {
    failed(
        path,
        format!(
            "line {line} holds a byte of zero, which no text has: the file is damaged or no text. If it is text for the \
             rest, take these bytes out (tr -d '\\000' < file > clean.csv)"
        ),
    )
}

fn encoding(path: &Path, name: &str, why: &str) -> Error {
    failed(
        path,
        format!(
            "the text is not UTF-8 but {name}: {why}; convert it (iconv -f {name} -t UTF-8), or read it with \
             pandas.read_csv(path, encoding=\"{}\") and give the frame to safar.EventLog",
            name.to_lowercase()
        ),
    )
}

fn not_utf8(path: &Path, line: u64) -> Error {
    failed(
        path,
        format!(
            "line {line} is not UTF-8; text of older programs is often Windows-1256 (Persian, Arabic) or Windows-1252: \
             convert it (iconv -f WINDOWS-1256 -t UTF-8), or read it with pandas.read_csv(path, encoding=\"cp1256\") \
             and give the frame to safar.EventLog"
        ),
    )
}

/// The delimiter with which the header names the columns that are wanted, and with which the first lines have the same
/// number of fields, the more the better.
fn sniffed(head: &[u8], path: &Path, columns: Option<&[String]>) -> u8 {
    let is_tabbed = path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(".tsv"));
    let score = |delimiter: u8| {
        let (mut counts, mut named) = (Vec::new(), 0);
        let visit = &mut |_: u64, fields: &[&[u8]]| {
            if counts.is_empty() {
                let is_there = |name: &&String| fields.contains(&name.as_bytes());
                named = columns.unwrap_or_default().iter().filter(is_there).count();
            }
            counts.push(fields.len());
            counts.len() < HEAD_LINES
        };
        // Memory cannot fail to be read.
        let _ = records::walk(Cursor::new(head), delimiter, visit);
        // The last line may be cut off.
        if counts.len() > 1 && head.len() as u64 == HEAD {
            counts.pop();
        }
        let fields = counts.first().copied().unwrap_or_default();
        let alike = counts.iter().filter(|&&count| count == fields).count();
        let is_split = fields > 1;
        (
            named,
            is_split,
            if is_split { 1_000 * alike / counts.len() } else { 0 },
            fields,
            is_tabbed && delimiter == b'\t',
        )
    };
    // The last of equals is the largest to `max_by_key`, and the most usual one is to win.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| score(delimiter)).unwrap_or(b',')
}

/// What all values of a column are.
fn inferred(texts: &StringArray) -> Cell {
    let mut cell = Cell::Empty;
    for text in texts.iter().flatten() {
        let here = if integer(text).is_some() {
            Cell::Integer
        } else if float(text).is_some() {
            Cell::Float
        } else if boolean(text).is_some() {
            Cell::Boolean
        } else {
            return Cell::Text;
        };
        cell = match (cell, here) {
            (Cell::Empty, here) => here,
            (cell, here) if cell == here => cell,
            (Cell::Integer | Cell::Float, Cell::Integer | Cell::Float) => Cell::Float,
            _ => return Cell::Text,
        };
    }
    cell
}

/// A whole number as one writes it: 007 is none.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.starts_with('+') || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

fn float(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leads = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    let is_word = !digits.bytes().any(|byte| byte.is_ascii_digit()) && !matches!(digits, "NaN" | "nan" | "inf");
    if leads || is_word { None } else { text.parse().ok() }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
