//! The last pass: a part of the log that fits into the cache and whose customers were found is brought into the order
//! of time and written to the columns.

use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use rayon::prelude::*;

use super::ids::Ids;
use super::keys::Key;
use super::record::{Layout, Payload, Row};
use crate::error::Result;
use crate::log::{Code, Codes, NewCodes, Reject};
use crate::memory::prefer_huge_pages;
use crate::pool::{Cancel, Stage};

/// The columns of the log.
pub struct Built {
    /// Ids in log order.
    pub customers: ArrayRef,
    /// Where each customer's events begin.
    pub offsets: Vec<u64>,
    /// µs UTC.
    pub times: Vec<i64>,
    /// Event codes.
    pub events: Codes,
    /// Channel codes; the code past the last name is null.
    pub channels: Option<Codes>,
    /// Input row of each event.
    pub rows: Option<Vec<u32>>,
    /// Rows not used.
    pub rejects: Vec<Reject>,
    /// Rows not asked for.
    pub filtered: u64,
    /// Events at the same time as the one before.
    pub ties: u64,
    /// Events that came after a later one of the same customer.
    pub out_of_order: u64,
    /// Position of the customer and time of the first of them in the order of the log.
    pub late: Option<(usize, i64)>,
}

/// A part of the log's columns.
pub struct Output<'a> {
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

/// What the columns of a log hold.
pub struct Shape<'a> {
    /// Names of events.
    pub events: usize,
    /// Names of channels, where there are channels.
    pub channels: Option<usize>,
    /// Remember the input row of each event, for columns that are carried along.
    pub keep_rows: bool,
    /// Asked to stop?
    pub cancel: &'a Cancel,
}

/// What a finished part says of itself.
pub struct Outcome {
    customers: ArrayRef,
    counts: Vec<u32>,
    ties: u64,
    out_of_order: u64,
    /// The first customer of the part with an event that came after a later one, and the time of that event.
    late: Option<(usize, i64)>,
}

/// Fills the columns of a log in parts of these sizes, with buffers that a thread uses again for its next part.
pub fn fill<B: Default + Send>(
    sizes: &[usize],
    shape: &Shape<'_>,
    part: impl Fn(usize, Output<'_>, &mut B) -> Result<Outcome> + Sync,
) -> Result<Built> {
    let total: usize = sizes.iter().sum();
    shape.cancel.begin(Stage::Ordering, Some(total as u64));
    let mut times = vec![0_i64; total];
    prefer_huge_pages(&times, total);
    let mut events = NewCodes::zeros(shape.events, total);
    let mut channels = shape.channels.map(|names| NewCodes::zeros(names + 1, total));
    let mut rows = shape.keep_rows.then(|| vec![0_u32; total]);
    let mut rest = Output {
        times: &mut times,
        events: CodesMut::whole(&mut events),
        channels: channels.as_mut().map(CodesMut::whole),
        rows: rows.as_deref_mut(),
    };
    let mut outputs = Vec::with_capacity(sizes.len());
    for &size in sizes {
        let (head, tail) = rest.split(size);
        outputs.push(head);
        rest = tail;
    }
    let outcomes: Vec<Outcome> = outputs
        .into_par_iter()
        .enumerate()
        .map_init(B::default, |buffers, (index, output)| {
            shape.cancel.advance(sizes[index])?;
            part(index, output, buffers)
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

/// The events of a part, customer by customer.
#[derive(Default)]
pub struct Scratch<P, R> {
    /// Times and codes.
    pub payloads: Vec<P>,
    /// Input rows.
    pub rows: Vec<R>,
    sorting: Vec<(P, R)>,
}

impl<P: Payload, R: Row> Scratch<P, R> {
    /// Room for so many events.
    pub fn reset(&mut self, events: usize) {
        self.payloads.clear();
        self.payloads.resize(events, P::default());
        self.rows.clear();
        self.rows.resize(events, R::default());
    }
}

/// A customer: key, number of events, and the input row of the first one.
#[derive(Clone, Copy)]
pub struct Customer<K> {
    /// What identifies the customer.
    pub key: K,
    /// Events.
    pub count: u32,
    /// Input row of the first of them, where rows are kept.
    pub row: u32,
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

/// What all parts share.
///
/// The ids are asked once per customer, not once per row, so they need no code of their own here.
pub struct Finisher<'a, K> {
    /// The column of ids.
    pub ids: &'a dyn Ids<Key = K>,
    /// How records are packed.
    pub layout: Layout,
    /// The first row of each slice.
    pub starts: &'a [usize],
    /// What the codes in records stand for, where those of the log were not known yet.
    pub codes: Option<Recoded>,
}

/// The codes of the log by those in records.
pub struct Recoded {
    /// Of events.
    pub events: Vec<u32>,
    /// Of channels; the last one is that of none.
    pub channels: Vec<u32>,
}

impl<K: Key> Finisher<'_, K> {
    /// Slice and index of an input row.
    fn place(&self, row: u32) -> (usize, usize) {
        let slice = self.starts.partition_point(|&start| start <= row as usize) - 1;
        (slice, row as usize - self.starts[slice])
    }

    /// Whether two input rows have the same id.
    pub fn same(&self, left: u32, right: u32) -> bool {
        self.ids.same(self.place(left), self.place(right))
    }

    /// Writes a part whose events stand in `scratch`, one customer after the other, in the order of the input.
    pub fn order_and_write<P: Payload, R: Row>(
        &self,
        customers: &[Customer<K>],
        scratch: &mut Scratch<P, R>,
        output: Output<'_>,
    ) -> Result<Outcome> {
        let (mut ties, mut out_of_order, mut late) = (0, 0, None);
        let mut start = 0;
        for (index, customer) in customers.iter().enumerate() {
            let end = start + customer.count as usize;
            let found = self.bring_in_order(start..end, scratch);
            ties += found.ties;
            if let Some(time) = found.late {
                out_of_order += found.belated;
                late.get_or_insert((index, time));
            }
            start = end;
        }
        self.write(scratch, output);
        let labelled: Vec<_> = customers.iter().map(|customer| (customer.key, self.place(customer.row))).collect();
        Ok(Outcome {
            customers: self.ids.labels(&labelled)?,
            counts: customers.iter().map(|customer| customer.count).collect(),
            ties,
            out_of_order,
            late,
        })
    }

    /// Sorts one customer's events by time where they are not yet; ties keep input order.
    fn bring_in_order<P: Payload, R: Row>(&self, range: Range<usize>, scratch: &mut Scratch<P, R>) -> Order {
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
        let event = |payload: &P| (payload.code(layout) & event_mask) as usize;
        let channel = |payload: &P| (payload.code(layout) >> layout.event_bits) as usize;
        match &self.codes {
            None => output.events.fill(payloads.iter().map(event)),
            Some(codes) => output.events.fill(payloads.iter().map(|payload| codes.events[event(payload)] as usize)),
        }
        if let Some(channels) = &mut output.channels {
            match &self.codes {
                None => channels.fill(payloads.iter().map(channel)),
                Some(codes) => channels.fill(payloads.iter().map(|payload| codes.channels[channel(payload)] as usize)),
            }
        }
        if let Some(rows) = output.rows {
            for (slot, row) in rows.iter_mut().zip(&scratch.rows) {
                *slot = row.number();
            }
        }
    }
}
