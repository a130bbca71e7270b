//! Rows on disk: runs of rows with neighbouring customers, as LZ4-packed Arrow IPC in one file without a name.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::error::{Error, Result};

/// A file that nobody else sees. The system takes it back when it is closed, however the process ends.
pub struct Disk {
    file: File,
    folder: PathBuf,
    end: AtomicU64,
}

/// Where a run of rows lies.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    offset: u64,
    length: usize,
    /// Rows in it.
    pub rows: usize,
    /// Bytes of the rows once they are unpacked.
    pub bytes: usize,
}

impl Disk {
    /// A new file in a folder, or in that for temporary files.
    pub fn new(folder: Option<&Path>) -> Result<Self> {
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let file = tempfile::tempfile_in(&folder).map_err(|error| {
            Error::File(format!(
                "{}: no file for spilled rows can be made here ({error}); choose another place with folder=",
                folder.display()
            ))
        })?;
        Ok(Self { file, folder, end: AtomicU64::new(0) })
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Writes a batch; any thread may at any time.
    pub fn write(&self, batch: &RecordBatch) -> Result<Run> {
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options)?;
        writer.write(batch)?;
        writer.finish()?;
        let packed = writer.into_inner()?;
        let offset = self.end.fetch_add(packed.len() as u64, Ordering::Relaxed);
        write_at(&self.file, &packed, offset).map_err(|error| {
            Error::File(format!(
                "{}: spilled rows cannot be written ({error}); {} MB were written before. Make room, or choose \
                 another place with folder=",
                self.folder.display(),
                offset >> 20
            ))
        })?;
        Ok(Run { offset, length: packed.len(), rows: batch.num_rows(), bytes: batch.get_array_memory_size() })
    }

    /// Reads what was written.
    pub fn read(&self, run: &Run) -> Result<RecordBatch> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::File(format!(
                "{}: spilled rows cannot be read again ({error}); the file was cut or the disk has a fault",
                self.folder.display()
            ))
        };
        let mut packed = vec![0; run.length];
        read_at(&self.file, &mut packed, run.offset).map_err(|error| failed(&error))?;
        let mut batches = StreamReader::try_new(Cursor::new(packed), None).map_err(|error| failed(&error))?;
        match batches.next() {
            Some(Ok(batch)) if batch.num_rows() == run.rows => Ok(batch),
            Some(Ok(batch)) => Err(failed(&format!("{} rows of {}", batch.num_rows(), run.rows))),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(failed(&"no rows")),
        }
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn batch(values: std::ops::Range<i64>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
        RecordBatch::try_from_iter([("number", column)]).expect("a batch")
    }

    #[test]
    fn rows_come_back_as_they_were_and_leave_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::new(Some(folder.path())).expect("a file");
        let runs = [disk.write(&batch(0..5)).expect("a run"), disk.write(&batch(5..9)).expect("a run")];
        assert_eq!(disk.read(&runs[1]).expect("rows"), batch(5..9));
        assert_eq!(disk.read(&runs[0]).expect("rows"), batch(0..5));
        drop(disk);
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
    }

    #[test]
    fn a_file_that_was_cut_says_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::new(Some(folder.path())).expect("a file");
        let run = disk.write(&batch(0..1000)).expect("a run");
        disk.file.set_len(run.length as u64 / 2).expect("a shorter file");
        let problem = disk.read(&run).expect_err("a short read").to_string();
        assert!(problem.contains(&folder.path().display().to_string()), "{problem}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_a_way_out() {
        let problem = Disk::new(Some(Path::new("/no/such/folder"))).err().map(|error| error.to_string());
        assert!(problem.is_some_and(|text| text.contains("/no/such/folder") && text.contains("folder=")));
    }
}
