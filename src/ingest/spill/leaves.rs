//! Which runs make a log that fits in memory: customers by ranges of the hash of their ids, split where one is too large.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use rayon::prelude::*;

use super::super::ids;
use super::disk::{Disk, Run};
use crate::error::Result;
use crate::pool::Cancel;

/// Bits by which a leaf is split at once.
const SPLIT_BITS: u32 = 4;

/// Rows of all customers whose hashes begin with the same bits, in the order of the data.
pub struct Leaf {
    /// Number of bits.
    bits: u32,
    /// Where the rows are.
    pub runs: Vec<Run>,
    /// All rows have one hash: nothing is left to split by.
    pub is_one_customer: bool,
}

impl Leaf {
    /// Leaves of a deal by the first `bits` bits.
    pub fn of_buckets(buckets: Vec<Vec<Run>>, bits: u32) -> Vec<Self> {
        buckets.into_iter().map(|runs| Self { bits, runs, is_one_customer: false }).collect()
    }

    /// Rows in it.
    pub fn rows(&self) -> usize {
        self.runs.iter().map(|run| run.rows).sum()
    }

    /// Bytes that a log of it takes while it is built.
    pub fn build_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.bytes + run.rows * BUILD_BYTES_PER_ROW).sum()
    }
}

/// What ingest needs beside the rows: packed records, the columns of the log, and a kernel's state over them.
const BUILD_BYTES_PER_ROW: usize = 48;

/// Leaves of at most so many bytes, wherever the customers allow it; in the order of their hashes.
pub fn split(leaves: Vec<Leaf>, disk: &Disk, most_bytes: usize, cancel: &Cancel) -> Result<Vec<Leaf>> {
    let mut done = Vec::with_capacity(leaves.len());
    let mut open: Vec<Leaf> = leaves.into_iter().rev().collect();
    while let Some(mut leaf) = open.pop() {
        if leaf.build_bytes() <= most_bytes || leaf.is_one_customer {
            done.push(leaf);
        } else if is_one_customer(&leaf, disk, cancel)? {
            leaf.is_one_customer = true;
            done.push(leaf);
        } else {
            open.extend(halves(&leaf, disk, cancel)?.into_iter().rev());
        }
    }
    Ok(done)
}

fn hashes(rows: &RecordBatch) -> Result<Vec<u64>> {
    // Rows without an id were not put on disk.
    Ok(ids::placed(rows.column(0), "customer")?.hashes.into_iter().map(Option::unwrap_or_default).collect())
}

fn is_one_customer(leaf: &Leaf, disk: &Disk, cancel: &Cancel) -> Result<bool> {
    let Some(first) = leaf.runs.first() else { return Ok(true) };
    let first = hashes(&disk.read(first)?)?[0];
    for run in &leaf.runs {
        cancel.check()?;
        if hashes(&disk.read(run)?)?.iter().any(|&hash| hash != first) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The leaf by its next bits. The rows are written anew; the old ones stay where they are until the file is closed.
fn halves(leaf: &Leaf, disk: &Disk, cancel: &Cancel) -> Result<Vec<Leaf>> {
    let split: Vec<Vec<Option<Run>>> = leaf
        .runs
        .par_iter()
        .map(|run| {
            cancel.check()?;
            let rows = disk.read(run)?;
            let mut parts = vec![Vec::new(); 1 << SPLIT_BITS];
            for (row, hash) in hashes(&rows)?.into_iter().enumerate() {
                parts[((hash << leaf.bits) >> (u64::BITS - SPLIT_BITS)) as usize].push(row as u32);
            }
            let write = |rows_of: Vec<u32>| -> Result<Option<Run>> {
                if rows_of.is_empty() {
                    return Ok(None);
                }
                Ok(Some(disk.write(&take_record_batch(&rows, &UInt32Array::from(rows_of))?)?))
            };
            parts.into_iter().map(write).collect()
        })
        .collect::<Result<_>>()?;
    let part = |index: usize| Leaf {
        bits: leaf.bits + SPLIT_BITS,
        runs: split.iter().filter_map(|runs| runs[index]).collect(),
        is_one_customer: false,
    };
    Ok((0..1 << SPLIT_BITS).map(part).filter(|leaf| !leaf.runs.is_empty()).collect())
}

/// Neighbouring leaves together, as many as fit.
pub fn packed(leaves: Vec<Leaf>, most_bytes: usize) -> Vec<Vec<Leaf>> {
    let mut parts: Vec<Vec<Leaf>> = Vec::new();
    let mut bytes = usize::MAX;
    for leaf in leaves.into_iter().filter(|leaf| !leaf.runs.is_empty()) {
        let more = leaf.build_bytes();
        match parts.last_mut() {
            Some(part) if bytes.saturating_add(more) <= most_bytes => {
                part.push(leaf);
                bytes += more;
            }
            _ => {
                parts.push(vec![leaf]);
                bytes = more;
            }
        }
    }
    parts
}
