//! The second pass: a partition is small enough to stay in cache while its customers are found, its events are
//! brought together by a counting sort, checked for order, and written to the columns of the log.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use rayon::prelude::*;

use super::ids::Ids;
use super::keys::Key;
use super::partition::{Built, Dealt, Input, Layout, Payload, Record, Row};
use crate::error::Result;
use crate::log::{Code, Codes, NewCodes};
use crate::memory::prefer_huge_pages;

/// The part of the log's columns that one partition fills.
struct Output<'a> {
    times: &'a mut [i64],
    events: CodesMut<'a>,
    channels: Option<CodesMut<'a>>,
    rows: Option<&'a mut [u32]>,
}

enum CodesMut<'a> {
    U8(&'a mut [u8]),
    U16(&'a mut [u16]),
    U32(&'a mut [u32]),
}

impl<'a> CodesMut<'a> {
    fn whole(codes: &'a mut NewCodes) -> Self {
        match codes {
            NewCodes::U8(codes) => Self::U8(codes),
            NewCodes::U16(codes) => Self::U16(codes),
            NewCodes::U32(codes) => Self::U32(codes),
        }
    }

    fn split(self, at: usize) -> (Self, Self) {
        macro_rules! halves {
            ($kind:ident, $codes:expr) => {{
                let (head, tail) = $codes.split_at_mut(at);
                (Self::$kind(head), Self::$kind(tail))
            }};
        }
        match self {
            Self::U8(codes) => halves!(U8, codes),
            Self::U16(codes) => halves!(U16, codes),
            Self::U32(codes) => halves!(U32, codes),
        }
    }

    fn fill(&mut self, codes: impl Iterator<Item = usize>) {
        fn write<C: Code>(out: &mut [C], codes: impl Iterator<Item = usize>) {
            for (slot, code) in out.iter_mut().zip(codes) {
                *slot = C::from_index(code);
            }
        }
        match self {
            Self::U8(out) => write(out, codes),
            Self::U16(out) => write(out, codes),
            Self::U32(out) => write(out, codes),
        }
    }
}

impl Output<'_> {
    fn split(self, at: usize) -> (Self, Self) {
        let (times, times_rest) = self.times.split_at_mut(at);
        let (events, events_rest) = self.events.split(at);
        let (channels, channels_rest) = self.channels.map(|codes| codes.split(at)).unzip();
        let (rows, rows_rest) = self.rows.map(|rows| rows.split_at_mut(at)).unzip();
        (
            Self { times, events, channels, rows },
            Self { times: times_rest, events: events_rest, channels: channels_rest, rows: rows_rest },
        )
    }
}

/// What a finished partition says of itself.
struct Outcome {
    customers: ArrayRef,
    counts: Vec<u32>,
    ties: u64,
    out_of_order: u64,
    /// The first customer of the partition with an event that came after a later one, and the time of that event.
    late: Option<(usize, i64)>,
}

/// Finishes all partitions.
///
/// The ids are asked once per customer, not once per row, so they need no code of their own here.
pub fn finish<K: Key, P: Payload, R: Row>(
    ids: &dyn Ids<Key = K>,
    dealt: &[Dealt<K, P, R>],
    input: &Input<'_>,
    layout: Layout,
    starts: &[usize],
) -> Result<Built> {
    let partitions = dealt.first().map_or(0, Dealt::partitions);
    let sizes: Vec<usize> =
        (0..partitions).map(|partition| dealt.iter().map(|task| task.count(partition)).sum()).collect();
    let total: usize = sizes.iter().sum();
    let mut times = vec![0_i64; total];
    prefer_huge_pages(&times, total);
    let mut events = NewCodes::zeros(input.events.names.len(), total);
    let mut channels = input.channels.map(|channels| NewCodes::zeros(channels.names.len() + 1, total));
    let mut rows = input.keep_rows.then(|| vec![0_u32; total]);
    let mut rest = Output {
        times: &mut times,
        events: CodesMut::whole(&mut events),
        channels: channels.as_mut().map(CodesMut::whole),
        rows: rows.as_deref_mut(),
    };
    let mut outputs = Vec::with_capacity(sizes.len());
    for &size in &sizes {
        let (head, tail) = rest.split(size);
        outputs.push(head);
        rest = tail;
    }
    let finisher = Finisher { ids, layout, starts };
    let outcomes: Vec<Outcome> = outputs
        .into_par_iter()
        .enumerate()
        .map_init(Scratch::default, |scratch, (partition, output)| {
            input.cancel.check()?;
            let parts: Vec<&[Record<K, P, R>]> = dealt.iter().flat_map(|task| task.records(partition)).collect();
            finisher.partition(&parts, output, scratch)
        })
        .collect::<Result<_>>()?;
    let customers: usize = outcomes.iter().map(|outcome| outcome.counts.len()).sum();
    let mut offsets = Vec::with_capacity(customers + 1);
    let mut end = 0;
    offsets.push(end);
    for count in outcomes.iter().flat_map(|outcome| &outcome.counts) {
        end += u64::from(*count);
        offsets.push(end);
    }
    let mut first = 0;
    let late = outcomes.iter().find_map(|outcome| {
        let before = first;
        first += outcome.counts.len();
        outcome.late.map(|(customer, time)| (before + customer, time))
    });
    let labels: Vec<&dyn Array> = outcomes.iter().map(|outcome| outcome.customers.as_ref()).collect();
    Ok(Built {
        customers: concat(&labels)?,
        offsets,
        times,
        events: events.into(),
        channels: channels.map(Codes::from),
        rows,
        rejects: Vec::new(),
        filtered: 0,
        ties: outcomes.iter().map(|outcome| outcome.ties).sum(),
        out_of_order: outcomes.iter().map(|outcome| outcome.out_of_order).sum(),
        late,
    })
}

/// Buffers that a thread uses again for the next partition.
#[derive(Default)]
struct Scratch<P, R> {
    slots: Vec<u32>,
    locals: Vec<u32>,
    payloads: Vec<P>,
    rows: Vec<R>,
    sorting: Vec<(P, R)>,
}

/// A customer of one partition: key, number of events, and the input row of the first one.
struct Local<K> {
    key: K,
    count: u32,
    row: u32,
}

/// In which order one customer's events came.
#[derive(Default)]
struct Order {
    ties: u64,
    /// Events that came after a later one.
    belated: u64,
    /// The time of the first of them.
    late: Option<i64>,
}

struct Finisher<'a, K> {
    ids: &'a dyn Ids<Key = K>,
    layout: Layout,
    starts: &'a [usize],
}

impl<K: Key> Finisher<'_, K> {
    fn partition<P: Payload, R: Row>(
        &self,
        parts: &[&[Record<K, P, R>]],
        output: Output<'_>,
        scratch: &mut Scratch<P, R>,
    ) -> Result<Outcome> {
        let customers = self.find_customers(parts, scratch);
        let order = self.canonical_order(&customers);
        let mut cursors = vec![0_u32; customers.len()];
        let mut start = 0;
        for &local in &order {
            cursors[local as usize] = start;
            start += customers[local as usize].count;
        }
        gather(parts, &mut cursors, scratch);
        let (mut ties, mut out_of_order, mut late) = (0, 0, None);
        let mut start = 0;
        for (customer, &local) in order.iter().enumerate() {
            let end = start + customers[local as usize].count as usize;
            let found = self.bring_in_order(start..end, scratch);
            ties += found.ties;
            if let Some(time) = found.late {
                out_of_order += found.belated;
                late.get_or_insert((customer, time));
            }
            start = end;
        }
        self.write(scratch, output);
        let labelled: Vec<_> = order
            .iter()
            .map(|&local| {
                let customer = &customers[local as usize];
                (customer.key, self.place(customer.row))
            })
            .collect();
        Ok(Outcome {
            customers: self.ids.labels(&labelled)?,
            counts: order.iter().map(|&local| customers[local as usize].count).collect(),
            ties,
            out_of_order,
            late,
        })
    }

    /// Slice and index of an input row.
    fn place(&self, row: u32) -> (usize, usize) {
        let slice = self.starts.partition_point(|&start| start <= row as usize) - 1;
        (slice, row as usize - self.starts[slice])
    }

    /// Numbers the customers in order of appearance and notes each record's number in `scratch.locals`.
    fn find_customers<P: Payload, R: Row>(
        &self,
        parts: &[&[Record<K, P, R>]],
        scratch: &mut Scratch<P, R>,
    ) -> Vec<Local<K>> {
        let mut customers: Vec<Local<K>> = Vec::with_capacity(1 << 12);
        let verify = self.ids.must_verify();
        let slots = &mut scratch.slots;
        slots.clear();
        slots.resize(slots.capacity().next_power_of_two().clamp(1 << 12, 1 << 13), 0);
        scratch.locals.clear();
        scratch.locals.reserve(parts.iter().map(|part| part.len()).sum());
        for record in parts.iter().copied().flatten() {
            let key = record.key;
            let mask = slots.len() - 1;
            let mut slot = (key.local_hash() as usize) & mask;
            let local = loop {
                let found = slots[slot];
                if found == 0 {
                    let local = customers.len() as u32;
                    customers.push(Local { key, count: 0, row: record.row.number() });
                    if customers.len() * 2 > slots.len() {
                        grow(slots, &customers);
                    } else {
                        slots[slot] = local + 1;
                    }
                    break local;
                }
                let candidate = &customers[found as usize - 1];
                if candidate.key == key
                    && (!verify || self.ids.same(self.place(candidate.row), self.place(record.row.number())))
                {
                    break found - 1;
                }
                slot = (slot + 1) & mask;
            };
            customers[local as usize].count += 1;
            scratch.locals.push(local);
        }
        customers
    }

    /// Customers by the hash of their id, so that the order does not depend on the rows.
    fn canonical_order(&self, customers: &[Local<K>]) -> Vec<u32> {
        let mut hashed: Vec<(u64, u32)> =
            customers.iter().enumerate().map(|(local, customer)| (self.ids.hash(customer.key), local as u32)).collect();
        hashed.sort_unstable();
        hashed.into_iter().map(|(_, local)| local).collect()
    }

    /// Sorts one customer's events by time where they are not yet; ties keep input order.
    fn bring_in_order<P: Payload, R: Row>(&self, range: std::ops::Range<usize>, scratch: &mut Scratch<P, R>) -> Order {
        let layout = self.layout;
        let payloads = &mut scratch.payloads[range.clone()];
        let (mut ties, mut ordered) = (0, true);
        for pair in payloads.windows(2) {
            let (before, after) = (pair[0].time(layout), pair[1].time(layout));
            ties += u64::from(before == after);
            ordered &= before <= after;
        }
        if ordered {
            return Order { ties, ..Order::default() };
        }
        let (mut latest, mut belated, mut late) = (0, 0, None);
        for payload in &*payloads {
            let time = payload.time(layout);
            if time < latest {
                belated += 1;
                late.get_or_insert(layout.base + time as i64);
            }
            latest = latest.max(time);
        }
        if R::KEPT {
            let rows = &mut scratch.rows[range];
            scratch.sorting.clear();
            scratch.sorting.extend(payloads.iter().copied().zip(rows.iter().copied()));
            scratch.sorting.sort_by_key(|(payload, _)| payload.time(layout));
            for (index, (payload, row)) in scratch.sorting.iter().enumerate() {
                payloads[index] = *payload;
                rows[index] = *row;
            }
        } else {
            payloads.sort_by_key(|payload| payload.time(layout));
        }
        let ties = payloads.windows(2).filter(|pair| pair[0].time(layout) == pair[1].time(layout)).count();
        Order { ties: ties as u64, belated, late }
    }

    fn write<P: Payload, R: Row>(&self, scratch: &Scratch<P, R>, mut output: Output<'_>) {
        let layout = self.layout;
        let event_mask = (1_u64 << layout.event_bits) - 1;
        let payloads = &scratch.payloads;
        for (slot, payload) in output.times.iter_mut().zip(payloads) {
            *slot = layout.base + payload.time(layout) as i64;
        }
        output.events.fill(payloads.iter().map(|payload| (payload.code(layout) & event_mask) as usize));
        if let Some(channels) = &mut output.channels {
            channels.fill(payloads.iter().map(|payload| (payload.code(layout) >> layout.event_bits) as usize));
        }
        if let Some(rows) = output.rows {
            for (slot, row) in rows.iter_mut().zip(&scratch.rows) {
                *slot = row.number();
            }
        }
    }
}

/// Counting sort: every record to the next free place of its customer.
fn gather<K: Key, P: Payload, R: Row>(parts: &[&[Record<K, P, R>]], cursors: &mut [u32], scratch: &mut Scratch<P, R>) {
    let total = scratch.locals.len();
    scratch.payloads.clear();
    scratch.payloads.resize(total, P::default());
    scratch.rows.clear();
    scratch.rows.resize(total, R::default());
    for (record, &local) in parts.iter().copied().flatten().zip(&scratch.locals) {
        let cursor = &mut cursors[local as usize];
        let at = *cursor as usize;
        *cursor += 1;
        scratch.payloads[at] = record.payload;
        scratch.rows[at] = record.row;
    }
}

fn grow<K: Key>(slots: &mut Vec<u32>, customers: &[Local<K>]) {
    let size = slots.len() * 2;
    slots.clear();
    slots.resize(size, 0);
    for (local, customer) in customers.iter().enumerate() {
        let mut slot = (customer.key.local_hash() as usize) & (size - 1);
        while slots[slot] != 0 {
            slot = (slot + 1) & (size - 1);
        }
        slots[slot] = local as u32 + 1;
    }
}
