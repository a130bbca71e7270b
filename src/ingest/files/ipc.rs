//! Arrow's own files and streams (Feather). Lengths that a damaged file states are compared with its size before
//! memory is asked for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::FileDecoder;
use arrow::ipc::{Block, CompressionType, Message, MessageHeader, MetadataVersion, root_as_footer, root_as_message};

use super::{BATCH_ROWS, Facts, Part, Source, Stop, contained, failed, open};
use crate::error::{Error, Result};
use crate::pool::Cancel;

const MAGIC: &[u8] = b"ARROW1";
/// Rows of a piece: runs of batches are read together, because each run reads the dictionaries again.
const PIECE_ROWS: u64 = 1 << 20;
/// How many bytes a compressed one may stand for at most. Zstandard reaches half of it with equal bytes.
const MOST_EXPANSION: u64 = 1 << 16;

/// A file or stream of Arrow batches, of which the schema and the places of the batches were read.
pub struct Ipc {
    path: PathBuf,
    schema: SchemaRef,
    version: MetadataVersion,
    /// Dictionaries and batches in order.
    messages: Vec<Place>,
    /// Which messages each piece has; dictionaries before them are read as well.
    pieces: Vec<Range<usize>>,
    compression: Option<CompressionType>,
}

/// Where a message stands in the file.
struct Place {
    offset: u64,
    metadata: usize,
    body: usize,
    /// Rows of a batch; none of a dictionary.
    rows: Option<u64>,
}

impl Ipc {
    /// Reads the schema, and where the batches are.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = contained(path, || {
            let mut file = open(path)?;
            let size = file.metadata().map_err(|error| failed(path, error))?.len();
            let mut magic = [0; 6];
            let is_file = file.read_exact(&mut magic).is_ok() && magic == MAGIC;
            Ok(if is_file { of_file(path, &mut file, size) } else { of_stream(path, &mut file, size) }?)
        });
        opened.map_err(|stop| match stop {
            Stop::Error(error) | Stop::Misfit { error, .. } => error,
        })
    }

    fn new(path: &Path, schema: SchemaRef, version: MetadataVersion) -> Self {
        Self { path: path.to_owned(), schema, version, messages: Vec::new(), pieces: Vec::new(), compression: None }
    }

    /// Looks at the head of a message that stands here.
    fn add(&mut self, file: &mut File, size: u64, offset: u64, metadata: usize, body: usize) -> Result<()> {
        let head = bytes(&self.path, file, size, offset, metadata)?;
        let message = message(&self.path, &head)?;
        let rows = if message.header_type() == MessageHeader::DictionaryBatch {
            None
        } else {
            let batch = message.header_as_record_batch().ok_or_else(|| damaged(&self.path, "a batch is none"))?;
            self.compression = self.compression.or(batch.compression().map(|compression| compression.codec()));
            Some(u64::try_from(batch.length()).map_err(|error| damaged(&self.path, error))?)
        };
        self.messages.push(Place { offset, metadata, body, rows });
        Ok(())
    }

    /// Cuts the batches into pieces. A stream may change its dictionaries on the way, so it is one piece.
    fn cut(mut self, apart: bool) -> Self {
        let (mut start, mut rows) = (0, 0);
        for (index, place) in self.messages.iter().enumerate() {
            rows += place.rows.unwrap_or_default();
            if apart && rows >= PIECE_ROWS {
                self.pieces.push(start..index + 1);
                (start, rows) = (index + 1, 0);
            }
        }
        if start < self.messages.len() {
            self.pieces.push(start..self.messages.len());
        }
        self
    }
}

fn damaged(path: &Path, error: impl std::fmt::Display) -> Error {
    failed(path, format!("the file is damaged, or no Arrow file: {error}"))
}

/// So many bytes of the file, which must be there.
fn bytes(path: &Path, file: &mut File, size: u64, offset: u64, length: usize) -> Result<Buffer> {
    if offset.checked_add(length as u64).is_none_or(|end| end > size) {
        return Err(damaged(path, "it ends before it should"));
    }
    let mut buffer = MutableBuffer::from_len_zeroed(length);
    file.seek(SeekFrom::Start(offset)).map_err(|error| failed(path, error))?;
    file.read_exact(&mut buffer).map_err(|error| failed(path, error))?;
    Ok(buffer.into())
}

/// The message behind its length, which newer files put behind a mark of four bytes.
fn message<'a>(path: &Path, head: &'a [u8]) -> Result<Message<'a>> {
    let start = if head.starts_with(&[0xFF; 4]) { 8 } else { 4 };
    let head = head.get(start..).ok_or_else(|| damaged(path, "a message is too short"))?;
    root_as_message(head).map_err(|error| damaged(path, error))
}

fn of_file(path: &Path, file: &mut File, size: u64) -> Result<Ipc> {
    let tail_start = size.checked_sub(10).ok_or_else(|| damaged(path, "it is too short"))?;
    let tail = bytes(path, file, size, tail_start, 10)?;
    if &tail[4..] != MAGIC {
        return Err(damaged(path, "it was not written to its end"));
    }
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    let start = tail_start.checked_sub(u64::from(length)).ok_or_else(|| damaged(path, "its footer is too long"))?;
    let footer = bytes(path, file, size, start, length as usize)?;
    let footer = root_as_footer(&footer).map_err(|error| damaged(path, error))?;
    let schema = footer.schema().ok_or_else(|| damaged(path, "it has no schema"))?;
    let mut ipc = Ipc::new(path, Arc::new(fb_to_schema(schema)), footer.version());
    let dictionaries = footer.dictionaries();
    let batches = footer.recordBatches();
    for block in dictionaries.iter().flatten().chain(batches.iter().flatten()) {
        let offset = u64::try_from(block.offset()).map_err(|error| damaged(path, error))?;
        let metadata = usize::try_from(block.metaDataLength()).map_err(|error| damaged(path, error))?;
        let body = usize::try_from(block.bodyLength()).map_err(|error| damaged(path, error))?;
        ipc.add(file, size, offset, metadata, body)?;
    }
    Ok(ipc.cut(true))
}

fn of_stream(path: &Path, file: &mut File, size: u64) -> Result<Ipc> {
    let mut ipc = None;
    let mut offset = 0;
    while offset + 8 <= size {
        let head = bytes(path, file, size, offset, 8)?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (mark, length) = if word(0) == u32::MAX { (8, word(4)) } else { (4, word(0)) };
        if length == 0 {
            break;
        }
        let metadata = mark + length as usize;
        let head = bytes(path, file, size, offset, metadata)?;
        let message = message(path, &head)?;
        let body = usize::try_from(message.bodyLength()).map_err(|error| damaged(path, error))?;
        if let Some(schema) = message.header_as_schema() {
            ipc.get_or_insert_with(|| Ipc::new(path, Arc::new(fb_to_schema(schema)), message.version()));
        } else {
            let ipc = ipc.as_mut().ok_or_else(|| damaged(path, "it begins without a schema"))?;
            ipc.add(file, size, offset, metadata, body)?;
        }
        offset = offset.saturating_add((metadata as u64).saturating_add(body as u64));
    }
    if offset > size {
        return Err(damaged(path, "it ends before it should"));
    }
    ipc.map(|ipc| ipc.cut(false)).ok_or_else(|| damaged(path, "it has no schema"))
}

impl Source for Ipc {
    fn fields(&self) -> Vec<FieldRef> {
        self.schema.fields().to_vec()
    }

    fn parts(&self) -> Vec<Part> {
        let rows = |piece: &Range<usize>| self.messages[piece.clone()].iter().filter_map(|place| place.rows).sum();
        self.pieces.iter().map(|piece| Part { rows: Some(rows(piece)), left_out: None }).collect()
    }

    fn read(
        &self,
        part: usize,
        positions: &[usize],
        cancel: &Cancel,
        take: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> std::result::Result<(), Stop> {
        let mut file = open(&self.path)?;
        let size = file.metadata().map_err(|error| failed(&self.path, error))?.len();
        let mut decoder = FileDecoder::new(Arc::clone(&self.schema), self.version).with_projection(positions.to_vec());
        let piece = &self.pieces[part];
        for (index, place) in self.messages.iter().enumerate().take(piece.end) {
            cancel.check()?;
            if place.rows.is_some() && index < piece.start {
                continue;
            }
            let batch = contained(&self.path, || {
                let length = place.metadata.saturating_add(place.body);
                let buffer = bytes(&self.path, &mut file, size, place.offset, length)?;
                check_expansion(&self.path, &buffer, place.metadata)?;
                let block = Block::new(place.offset as i64, place.metadata as i32, place.body as i64);
                let read = if place.rows.is_none() {
                    decoder.read_dictionary(&block, &buffer).map(|()| None)
                } else {
                    decoder.read_record_batch(&block, &buffer)
                };
                Ok(read.map_err(|error| failed(&self.path, error))?)
            })?;
            let Some(batch) = batch else { continue };
            for start in (0..batch.num_rows()).step_by(BATCH_ROWS) {
                take(batch.slice(start, BATCH_ROWS.min(batch.num_rows() - start)))?;
            }
        }
        Ok(())
    }

    fn facts(&self) -> Facts {
        let compression = match self.compression {
            None => "none".to_owned(),
            Some(CompressionType::LZ4_FRAME) => "lz4".to_owned(),
            Some(other) => other.variant_name().unwrap_or("unknown").to_lowercase(),
        };
        Facts { kind: "arrow", compression: [compression].into(), delimiter: None }
    }
}

/// Refuses compressed buffers that say to be longer than they can be.
fn check_expansion(path: &Path, buffer: &[u8], metadata: usize) -> Result<()> {
    let message = message(path, buffer)?;
    let dictionary = message.header_as_dictionary_batch();
    let Some(batch) = message.header_as_record_batch().or_else(|| dictionary.and_then(|batch| batch.data())) else {
        return Ok(());
    };
    if batch.compression().is_none() {
        return Ok(());
    }
    for part in batch.buffers().iter().flatten().filter(|part| part.length() > 0) {
        let start = usize::try_from(part.offset()).ok().and_then(|offset| offset.checked_add(metadata));
        let prefix =
            start.and_then(|start| buffer.get(start..start.checked_add(8)?)).and_then(|bytes| bytes.try_into().ok());
        let stated = prefix.map(i64::from_le_bytes).ok_or_else(|| damaged(path, "a buffer lies outside"))?;
        let most = (part.length() as u64).saturating_mul(MOST_EXPANSION);
        if stated > 0 && stated as u64 > most {
            return Err(damaged(path, "a buffer says to be longer than it can be"));
        }
    }
    Ok(())
}
