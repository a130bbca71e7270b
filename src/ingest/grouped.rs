//! Rows that already stand together by customer: runs of rows are put in order instead of rows.

use rayon::prelude::*;

use super::finish::{Built, Customer, Finisher, Scratch, Shape, fill};
use super::ids::{Id, Ids};
use super::keys::Key;
use super::partition::PARTITION_ROWS;
use super::record::{Payload, Row};
use super::rows::{Sink, Taken};
use crate::error::Result;

/// Pairs of neighbours that are looked at in each slice.
const SAMPLE: usize = 256;
/// Runs whose memory is asked for at a time.
const AHEAD: usize = 32;

/// Whether neighbours share a customer so often (three times in four: runs of four rows) that moving runs costs less
/// than dealing rows. The log is the same either way.
pub fn is_grouped(ids: &impl Ids, rows_of_slices: &[usize]) -> bool {
    let (mut pairs, mut same) = (0, 0);
    for (slice, &rows) in rows_of_slices.iter().enumerate() {
        for index in (1..rows).step_by((rows / SAMPLE).max(1)) {
            pairs += 1;
            same += usize::from(ids.same((slice, index - 1), (slice, index)));
        }
    }
    pairs > 0 && same * 4 >= pairs * 3
}

/// What one task of the first pass leaves: the events in the order of the input, and where the customer changes.
pub struct Runs<K, P, R> {
    payloads: Vec<P>,
    rows: Vec<R>,
    changes: Vec<Run<K>>,
    /// The place of the row that was kept last, in the same slice.
    last: Option<(usize, usize)>,
}

/// Successive events of one customer.
struct Run<K> {
    key: K,
    hash: u64,
    start: usize,
    /// Input row of the first one, where rows are kept.
    row: u32,
}

impl<K: Key, P: Payload, R: Row> Runs<K, P, R> {
    /// Room for so many rows.
    pub fn new(rows: usize) -> Self {
        let kept = if R::KEPT { rows } else { 0 };
        Self { payloads: Vec::with_capacity(rows), rows: Vec::with_capacity(kept), changes: Vec::new(), last: None }
    }

    fn end(&self, run: usize) -> usize {
        self.changes.get(run + 1).map_or(self.payloads.len(), |next| next.start)
    }

    fn count(&self, run: usize) -> usize {
        self.end(run) - self.changes[run].start
    }
}

impl<I: Ids, P: Payload, R: Row> Sink<I, P, R> for Runs<I::Key, P, R> {
    fn begin_slice(&mut self) {
        self.last = None;
    }

    #[inline(always)]
    fn take(&mut self, ids: &I, place: (usize, usize), payload: P, row: R) -> Taken {
        if self.last.is_none_or(|last| !ids.same(last, place)) {
            match ids.id(place.0, place.1) {
                Id::Customer(key, hash) => {
                    self.changes.push(Run { key, hash, start: self.payloads.len(), row: row.number() });
                }
                Id::Missing => return Taken::Missing,
                Id::Unfit => return Taken::Unfit,
            }
        }
        self.last = Some(place);
        self.payloads.push(payload);
        self.rows.push(row);
        Taken::Kept
    }
}

/// A run by its task and its number there; sorted, runs stand by customer and then in the order of the input.
type Place = (u64, u32, u32);

/// Brings the runs of each customer together.
pub fn finish<K: Key, P: Payload, R: Row>(
    finisher: &Finisher<'_, K>,
    tasks: &[Runs<K, P, R>],
    shape: &Shape<'_>,
) -> Result<Built> {
    let run_of = |&(_, task, run): &Place| &tasks[task as usize].changes[run as usize];
    let count_of = |&(_, task, run): &Place| tasks[task as usize].count(run as usize);
    let mut places: Vec<Place> = Vec::with_capacity(tasks.iter().map(|task| task.changes.len()).sum());
    for (number, task) in tasks.iter().enumerate() {
        places.extend(task.changes.iter().enumerate().map(|(run, of)| (of.hash, number as u32, run as u32)));
    }
    shape.cancel.check()?;
    places.par_sort_unstable();
    let verify = finisher.ids.must_verify();
    let same = |left: &Run<K>, right: &Run<K>| left.key == right.key && (!verify || finisher.same(left.row, right.row));
    let (mut parts, mut sizes) = (Vec::new(), Vec::new());
    let (mut start, mut size) = (0, 0);
    let mut next = 0;
    while next < places.len() {
        let hash = places[next].0;
        let end = next + places[next..].iter().take_while(|place| place.0 == hash).count();
        // Different ids with one hash: those of one id to the first of them.
        part_by(&mut places[next..end], |left, right| same(run_of(left), run_of(right)));
        size += places[next..end].iter().map(count_of).sum::<usize>();
        next = end;
        if size >= PARTITION_ROWS || next == places.len() {
            parts.push(start..next);
            sizes.push(size);
            (start, size) = (next, 0);
        }
    }
    fill(&sizes, shape, |part, output, scratch: &mut Scratch<P, R>| {
        scratch.payloads.clear();
        scratch.rows.clear();
        let mut customers: Vec<Customer<K>> = Vec::new();
        let mut before: Option<&Run<K>> = None;
        for places in places[parts[part].clone()].chunks(AHEAD) {
            // Runs lie far apart: all of these are asked for before one is waited for.
            let touch = |place: &Place| tasks[place.1 as usize].payloads[run_of(place).start].time(finisher.layout);
            std::hint::black_box(places.iter().map(touch).fold(0, |all, time| all ^ time));
            for place in places {
                let (task, run) = (&tasks[place.1 as usize], run_of(place));
                let events = run.start..run.start + count_of(place);
                let count = events.len() as u32;
                match customers.last_mut() {
                    Some(customer) if before.is_some_and(|before| same(before, run)) => customer.count += count,
                    _ => customers.push(Customer { key: run.key, count, row: run.row }),
                }
                scratch.payloads.extend_from_slice(&task.payloads[events.clone()]);
                scratch.rows.extend_from_slice(&task.rows[events]);
                before = Some(run);
            }
        }
        finisher.order_and_write(&customers, scratch, output)
    })
}

/// Brings equal elements together, each to the first of its kind, without changing the order otherwise.
fn part_by<T: Copy>(elements: &mut [T], same: impl Fn(&T, &T) -> bool) {
    let mut rest = elements;
    while let Some(&first) = rest.first() {
        let mut kind = 1;
        for index in 1..rest.len() {
            if same(&first, &rest[index]) {
                rest[kind..=index].rotate_right(1);
                kind += 1;
            }
        }
        rest = &mut rest[kind..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_elements_come_together_in_order_of_appearance() {
        let mut elements = [("b", 0), ("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5)];
        part_by(&mut elements, |left, right| left.0 == right.0);
        assert_eq!(elements, [("b", 0), ("b", 2), ("b", 5), ("a", 1), ("a", 4), ("c", 3)]);
    }
}
