//! A part of a log as a log of its own, with only what that part needs.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, UInt32Type};
use rayon::prelude::*;

use super::{Code, Codes, Column, EventLog, Names, NewCodes, Provenance};
use crate::error::{Error, Result};
use crate::pool::Cancel;
use crate::with_codes;

/// Events that one thread looks through between two looks at the flag that cancels.
const TASK_EVENTS: usize = 1 << 18;

/// Events whose values one thread gathers in one loop.
const GATHERED: usize = 1 << 16;

impl EventLog {
    /// The events for which `keep` is true (all without it), of the customers for whom `customer` is, in their order.
    /// Names, ids and dictionaries that no event bears any more are left behind, unless columns are `shared`: then
    /// their values stay where they are until somebody asks for them. No event at all is an error.
    pub fn part(
        &self,
        customer: &(impl Fn(usize) -> bool + Sync),
        keep: Option<&(impl Fn(usize) -> bool + Sync)>,
        observed_until: i64,
        shared: bool,
        cancel: &Cancel,
    ) -> Result<Self> {
        let tasks = self.len().div_ceil(TASK_EVENTS);
        let cut = |task: usize| self.customer_at(task * self.len() / tasks);
        let parts: Vec<Part> = (0..tasks)
            .into_par_iter()
            .map(|task| {
                cancel.check()?;
                let last = if task + 1 == tasks { self.customers() } else { cut(task + 1) };
                Ok(self.look_through(cut(task)..last, customer, keep))
            })
            .collect::<Result<_>>()?;
        let events = concatenated(&parts);
        if events.is_empty() {
            return Err(Error::Empty(format!(
                "no event is left of {} of {} customers: no event meets all conditions at once; drop or widen one",
                self.len(),
                self.customers()
            )));
        }
        let customers: UInt32Array = parts.iter().flat_map(|part| &part.customers).map(|&(id, _)| id).collect();
        let mut offsets = Vec::with_capacity(customers.len() + 1);
        let mut end = 0;
        offsets.push(end);
        for (_, count) in parts.iter().flat_map(|part| &part.customers) {
            end += u64::from(*count);
            offsets.push(end);
        }
        drop(parts);
        cancel.check()?;
        let order = UInt32Array::from(events);
        let events = order.values();
        let times = each_of(events, |event| self.times[event]);
        let (codes, event_names) = compact(&self.events, events, &self.event_names, 0);
        let channels = self.channels.as_ref().map(|(codes, names)| compact(codes, events, names, 1));
        cancel.check()?;
        let columns = if shared {
            self.shared_columns(&order)
        } else {
            self.columns.par_iter().map(|column| Self::part_of(column, events)).collect::<Result<_>>()?
        };
        let journeys = offsets.par_windows(2).map(|pair| &times[pair[0] as usize..pair[1] as usize]);
        let tied: usize = journeys.map(|journey| journey.windows(2).filter(|pair| pair[0] == pair[1]).count()).sum();
        Ok(Self {
            customers: take(&self.customers, &customers, None)?,
            offsets: offsets.into(),
            events: Arc::new(codes),
            event_names: Arc::new(event_names),
            channels: channels.map(|(codes, names)| (Arc::new(codes), Arc::new(names))),
            columns,
            observed_until,
            // The latest event of the part says nothing about it.
            observed_until_given: true,
            zone: self.zone.clone(),
            provenance: Arc::new(Provenance {
                filtered: self.provenance.filtered + (self.len() - times.len()) as u64,
                ties: tied as u64,
                ..Provenance::clone(&self.provenance)
            }),
            times: times.into(),
        })
    }

    fn look_through(
        &self,
        customers: Range<usize>,
        customer: &impl Fn(usize) -> bool,
        keep: Option<&impl Fn(usize) -> bool>,
    ) -> Part {
        let mut part = Part::default();
        for id in customers.filter(|&id| customer(id)) {
            let before = part.events.len();
            let events = self.range(id);
            match keep {
                None => part.events.extend(events.start as u32..events.end as u32),
                Some(keep) => part.events.extend(events.filter(|&event| keep(event)).map(|event| event as u32)),
            }
            if part.events.len() > before {
                part.customers.push((id as u32, (part.events.len() - before) as u32));
            }
        }
        part
    }

    /// All columns with the values of these events, which stand where they stood. Columns that share an order do so
    /// again.
    fn shared_columns(&self, events: &UInt32Array) -> Vec<Column> {
        let mut composed: Vec<(Option<usize>, UInt32Array)> = vec![(None, events.clone())];
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let order = column.waiting_order();
            let place = order.map(|rows| rows.values().as_ptr() as usize);
            let known = composed.iter().position(|(other, _)| *other == place).unwrap_or_else(|| {
                let rows = order.map_or(&[][..], |rows| rows.values());
                composed.push((place, each_of(events.values(), |event| rows[event]).into()));
                composed.len() - 1
            });
            columns.push(column.reordered(composed[known].1.clone()));
        }
        columns
    }

    /// The values of these events, in a column that keeps nothing else alive.
    pub(crate) fn part_of(column: &Column, events: &[u32]) -> Result<Column> {
        let (values, places) = column.placed(events)?;
        let values = without_rest(&take(&values, &places, None)?)?;
        Ok(Column::new(column.name().to_owned(), column.data_type().clone(), vec![values], None))
    }
}

/// What one task keeps: events, and customers with their number of events.
#[derive(Default)]
struct Part {
    events: Vec<u32>,
    customers: Vec<(u32, u32)>,
}

/// The events of all tasks, one after the other.
fn concatenated(parts: &[Part]) -> Vec<u32> {
    let mut events = vec![0; parts.iter().map(|part| part.events.len()).sum()];
    let mut rest = events.as_mut_slice();
    let mut places = Vec::with_capacity(parts.len());
    for part in parts {
        let (place, after) = rest.split_at_mut(part.events.len());
        places.push(place);
        rest = after;
    }
    places.into_par_iter().zip(parts).for_each(|(place, part)| place.copy_from_slice(&part.events));
    events
}

/// What is known of each of these events, in order.
fn each_of<T: Copy + Default + Send>(events: &[u32], known: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut found = vec![T::default(); events.len()];
    found.par_chunks_mut(GATHERED).zip(events.par_chunks(GATHERED)).for_each(|(found, events)| {
        for (found, &event) in found.iter_mut().zip(events) {
            *found = known(event as usize);
        }
    });
    found
}

/// The codes of these events over the names that they bear; `beyond` codes past the last name (null) stay past it.
fn compact(codes: &Codes, events: &[u32], names: &Names, beyond: usize) -> (Codes, Names) {
    fn borne<C: Code>(codes: &[C], events: &[u32], number: usize) -> Vec<bool> {
        let none = || vec![false; number];
        let of_some = |mut borne: Vec<bool>, events: &[u32]| {
            for &event in events {
                borne[codes[event as usize].index()] = true;
            }
            borne
        };
        let seen = events.par_chunks(GATHERED).fold(none, of_some);
        seen.reduce(none, |one, other| one.iter().zip(other).map(|(one, other)| one | other).collect())
    }
    fn write<C: Code, D: Code>(codes: &[C], events: &[u32], renamed: &[usize]) -> Vec<D> {
        each_of(events, |event| D::from_index(renamed[codes[event].index()]))
    }
    let borne = with_codes!(codes, codes => borne(codes, events, names.len() + beyond));
    let kept: Vec<String> =
        names.iter().zip(&borne).filter(|(_, borne)| **borne).map(|(name, _)| name.to_owned()).collect();
    // Names are sorted, so those that stay keep their order.
    let mut next = 0;
    let mut renamed = Vec::with_capacity(borne.len());
    for &borne in &borne[..names.len()] {
        renamed.push(next);
        next += usize::from(borne);
    }
    renamed.resize(borne.len(), next);
    let codes = with_codes!(codes, codes => match NewCodes::zeros(kept.len() + beyond, 0) {
        NewCodes::U8(_) => NewCodes::U8(write(codes, events, &renamed)),
        NewCodes::U16(_) => NewCodes::U16(write(codes, events, &renamed)),
        NewCodes::U32(_) => NewCodes::U32(write(codes, events, &renamed)),
    });
    (codes.into(), Names::new(kept))
}

/// The same values in buffers that hold nothing else.
fn without_rest(values: &ArrayRef) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Utf8View => Ok(Arc::new(values.as_string_view().gc())),
        DataType::BinaryView => Ok(Arc::new(values.as_binary_view().gc())),
        DataType::Dictionary(_, _) => {
            let dictionary = values.as_any_dictionary();
            if dictionary.values().is_empty() {
                return Ok(Arc::clone(values));
            }
            let keys = dictionary.normalized_keys();
            let valid = |row: usize| dictionary.keys().is_valid(row);
            let mut new = vec![u32::MAX; dictionary.values().len()];
            for (row, &key) in keys.iter().enumerate() {
                if valid(row) {
                    new[key] = 0;
                }
            }
            let used: Vec<u32> = (0..new.len() as u32).filter(|&key| new[key as usize] == 0).collect();
            for (position, &key) in used.iter().enumerate() {
                new[key as usize] = position as u32;
            }
            let labels = take(dictionary.values(), &UInt32Array::from(used), None)?;
            let keys: UInt32Array = keys.iter().enumerate().map(|(row, &key)| valid(row).then_some(new[key])).collect();
            Ok(cast(&DictionaryArray::<UInt32Type>::try_new(keys, labels)?, values.data_type())?)
        }
        _ => Ok(Arc::clone(values)),
    }
}
