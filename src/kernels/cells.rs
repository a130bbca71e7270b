//! Counts of cells: units and customers, in a matrix that is kept whole only where enough of it occurs.

use std::collections::HashMap;

/// What is counted in one cell. The counts of a log fit 32 bits, because its events do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cell {
    /// How often it was taken.
    pub units: u32,
    /// Customers who took it.
    pub customers: u32,
    /// The last customer who took it, plus one.
    seen: u32,
}

/// Up to this many cells a matrix may be kept whole; beyond, only the cells that occur.
const DENSE_CELLS: usize = 1 << 16;

/// A matrix is kept whole once one in so many of its cells occurs: a state of few customers, as each of many segments
/// has, stays small.
const DENSE_SHARE: usize = 8;

/// Cells by number.
#[derive(Debug, Default)]
pub struct Cells {
    /// All cells, or nothing as long as few occur.
    dense: Vec<Cell>,
    sparse: HashMap<u64, Cell, foldhash::fast::FixedState>,
}

impl Cells {
    /// Keeps the matrix whole from now on, if enough of its `cells` occur.
    pub fn settle(&mut self, cells: usize) {
        if self.dense.is_empty() && cells <= DENSE_CELLS && self.sparse.len() * DENSE_SHARE > cells {
            self.dense.resize(cells, Cell::default());
            for (cell, counts) in self.sparse.drain() {
                self.dense[cell as usize] = counts;
            }
        }
    }

    /// Counts a unit of a customer, given as its number plus one.
    #[inline(always)]
    pub fn take(&mut self, cell: usize, customer: u32) {
        let counts = self.at(cell as u64);
        counts.units += 1;
        counts.customers += u32::from(counts.seen != customer);
        counts.seen = customer;
    }

    /// Takes in the cells of other customers.
    pub fn merge(&mut self, mut from: Self) {
        if self.dense.is_empty() && !from.dense.is_empty() {
            std::mem::swap(self, &mut from);
        }
        for (cell, counts) in from.taken() {
            let into = self.at(cell);
            into.units += counts.units;
            into.customers += counts.customers;
        }
    }

    /// The cells that occur, ascending.
    pub fn taken(&self) -> Vec<(u64, Cell)> {
        let dense = self.dense.iter().enumerate().map(|(cell, counts)| (cell as u64, *counts));
        let mut taken: Vec<_> = dense.filter(|(_, counts)| counts.units > 0).collect();
        taken.extend(self.sparse.iter().map(|(&cell, counts)| (cell, *counts)));
        taken.sort_unstable_by_key(|(cell, _)| *cell);
        taken
    }

    #[inline(always)]
    fn at(&mut self, cell: u64) -> &mut Cell {
        if self.dense.is_empty() { self.sparse.entry(cell).or_default() } else { &mut self.dense[cell as usize] }
    }
}
