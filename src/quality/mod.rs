//! What is wrong with a log, or looks as if it were: counts and examples for `EventLog.quality`.

mod alike;
mod columns;
mod days;

use std::ops::Range;

use arrow::util::display::array_value_to_string;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::calendar::{Calendar, LATEST_US, Period, Periods};
use crate::error::{Error, Result};
use crate::log::{Code, Codes, EventLog};
use crate::pool::{Cancel, on_pool};
use crate::with_codes;

use days::{Presence, silences, silences_of_log};

/// 2000-01-01 UTC.
const OLD_US: i64 = 946_684_800_000_000;
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 86_400_000_000;

/// More rows at one time are a batch, such as the lines of an order, and no haste.
const MOST_AT_ONCE: usize = 10;

/// A name with fewer events says too little of its habit.
const FEWEST_EVENTS: u64 = 100;

/// From which size on something is worth a word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// What is later lies in the future.
    now_us: i64,
    /// So long before nearly all events is too early.
    ancient_us: i64,
    /// More events of a customer within one minute are those of a machine.
    events_per_minute: usize,
    /// As many within 24 hours.
    events_per_day: usize,
    /// So many events at equal pauses are those of a machine.
    regular_events: usize,
    /// A silence is reported if chance brings one more seldom.
    unlikely: f64,
    /// The column that should have another value for each event.
    #[serde(default)]
    id: Option<String>,
}

impl Thresholds {
    /// Thresholds from their JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::Argument(format!("the thresholds are not valid: {error}")))
    }
}

/// What was found in a log, as JSON.
pub fn look(log: &EventLog, thresholds: &Thresholds, cancel: &Cancel) -> Result<Value> {
    on_pool(|| look_here(log, thresholds, cancel))
}

fn look_here(log: &EventLog, thresholds: &Thresholds, cancel: &Cancel) -> Result<Value> {
    let (columns, signatures) = look_at_columns(log, thresholds.id.as_deref(), cancel)?;
    let (first, last) = log.span();
    let days = Periods::new(log.zone(), Period::Day, Calendar::Gregorian, first, last)?;
    let channels = log.channels.as_ref();
    let series = log.event_names.len() + channels.map_or(0, |(_, names)| names.len() + 1);
    let look = Look {
        log,
        thresholds,
        signatures: signatures.as_deref(),
        channels: channels.map(|(codes, _)| &**codes),
        presence: Presence::new(series, days.len()),
        epoch: log.zone().from_local_us(0),
        days: &days,
    };
    let tasks = (rayon::current_num_threads() * 4).min(log.customers());
    let cut = |task: usize| if task == tasks { log.customers() } else { log.customer_at(task * log.len() / tasks) };
    let found: Vec<Found> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let mut found = Found::new(days.len(), series);
            with_codes!(&*log.events, events => look.customers(cut(task)..cut(task + 1), events, &mut found, cancel))?;
            Ok(found)
        })
        .collect::<Result<_>>()?;
    let found =
        found.into_iter().reduce(|found, later| found.and(&later)).unwrap_or_else(|| Found::new(days.len(), series));
    cancel.check()?;
    let usual = look.usual(&found.days);
    let (ancient, ancient_before) = look.ancient(&usual);
    let label = |day: usize| days.label_days()[day];
    let span: Vec<usize> = usual.clone().filter(|&day| found.days[day] > 0).collect();
    let after = look.observed_after(&usual)?;
    Ok(json!({
        "duplicates": look.seen(&found.duplicates)?,
        "repeats": look.seen(&found.repeats)?,
        "ties": look.seen(&found.ties)?,
        "future": look.seen(&found.future)?,
        "epoch": look.seen(&found.epoch)?,
        "ancient": look.seen(&ancient)?,
        "ancient_before_us": ancient_before,
        "midnight": look.seen(&found.midnight)?,
        "late": log.provenance.late,
        "minute": look.most(&found.minute)?,
        "day": look.most(&found.day)?,
        "regular": look.most(&found.regular)?,
        "first_day": label(usual.start),
        "days": usual.len(),
        "days_observed": usual.len() + after.len(),
        "empty_days": usual.len() - span.len(),
        "first_empty_day": usual.clone().find(|&day| found.days[day] == 0).map(label),
        "silences": look.silent(&found, &usual, &span, &after),
        "series_looked_at": look.presence.is_some(),
        "ids": alike_ids(log)?,
        "events": alike_names(&log.event_names.iter().collect::<Vec<_>>()),
        "channels": channels.map(|(_, names)| alike_names(&names.iter().collect::<Vec<_>>())),
        "columns": columns,
    }))
}

/// Facts of each carried column, and a hash of all values of each event beside its customer, time and name.
fn look_at_columns(log: &EventLog, id: Option<&str>, cancel: &Cancel) -> Result<(Vec<Value>, Option<Vec<u64>>)> {
    let mut facts = Vec::new();
    let mut signatures: Option<Vec<u64>> = None;
    for column in &log.columns {
        cancel.check()?;
        let hashes = columns::hashes(column)?;
        let fact = columns::facts(column, &hashes, id == Some(column.name()))?;
        let mut value = serde_json::to_value(&fact).map_err(|error| Error::Internal(error.to_string()))?;
        if let Some((_, event)) = fact.example {
            value["at"] = event_at(log, event)?;
        }
        facts.push(value);
        if log.provenance.ties == 0 {
            // No two events can be the same.
            continue;
        }
        match &mut signatures {
            None => signatures = Some(hashes),
            Some(signatures) => signatures.par_iter_mut().zip(&hashes).for_each(|(signature, hash)| {
                // An odd multiplier keeps every bit; the rotation tells columns apart.
                *signature = signature.rotate_left(23).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hash;
            }),
        }
    }
    Ok((facts, signatures))
}

fn alike_ids(log: &EventLog) -> Result<Value> {
    let found = alike::ids(log.customer_ids());
    let ids = found.example.iter().map(|&customer| Ok(array_value_to_string(log.customer_ids(), customer)?));
    let ids = ids.collect::<Result<Vec<_>>>()?;
    Ok(json!({"groups": found.groups, "surplus": found.surplus, "example": ids}))
}

fn alike_names(names: &[&str]) -> Value {
    let found = alike::names(names.iter().copied());
    let example: Vec<&str> = found.example.iter().map(|&place| names[place]).collect();
    json!({"groups": found.groups, "surplus": found.surplus, "example": example})
}

/// Customer, time and name of an event.
fn event_at(log: &EventLog, event: usize) -> Result<Value> {
    let customer = log.offsets.partition_point(|&offset| offset as usize <= event) - 1;
    Ok(json!({
        "customer": array_value_to_string(log.customer_ids(), customer)?,
        "time_us": log.times[event],
        "event": log.event_names.name(log.events.get(event)),
    }))
}

/// Events of a kind: how many, and the first in the order of the log.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    count: u64,
    first: Option<usize>,
}

impl Seen {
    #[inline]
    fn add(&mut self, count: usize, event: usize) {
        self.count += count as u64;
        self.first.get_or_insert(event);
    }

    /// What was found earlier in the log, and this later.
    fn and(self, later: Self) -> Self {
        Self { count: self.count + later.count, first: self.first.or(later.first) }
    }
}

/// Customers of a kind: how many, and the one with the largest number: the number, and an event.
#[derive(Debug, Default, Clone, Copy)]
struct Most {
    customers: u64,
    example: Option<(u64, usize)>,
}

impl Most {
    fn add(&mut self, number: u64, event: usize) {
        self.customers += 1;
        if self.example.is_none_or(|(most, _)| number > most) {
            self.example = Some((number, event));
        }
    }

    fn and(self, later: Self) -> Self {
        let example = match (self.example, later.example) {
            (Some(one), Some(other)) => Some(if other.0 > one.0 { other } else { one }),
            (one, other) => one.or(other),
        };
        Self { customers: self.customers + later.customers, example }
    }
}

/// What a pass over customers has found.
#[derive(Default)]
struct Found {
    ties: Seen,
    duplicates: Seen,
    repeats: Seen,
    future: Seen,
    epoch: Seen,
    midnight: Seen,
    minute: Most,
    day: Most,
    regular: Most,
    /// Events of each local day.
    days: Vec<u64>,
    /// Customers of each local day.
    visits: Vec<u64>,
    /// Customers of each event and channel, once for each of their days.
    series: Vec<u64>,
}

impl Found {
    fn new(days: usize, series: usize) -> Self {
        Self { days: vec![0; days], visits: vec![0; days], series: vec![0; series], ..Self::default() }
    }

    fn and(mut self, later: &Self) -> Self {
        let add = |sums: &mut [u64], more: &[u64]| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.days, &later.days);
        add(&mut self.visits, &later.visits);
        add(&mut self.series, &later.series);
        Self {
            ties: self.ties.and(later.ties),
            duplicates: self.duplicates.and(later.duplicates),
            repeats: self.repeats.and(later.repeats),
            future: self.future.and(later.future),
            epoch: self.epoch.and(later.epoch),
            midnight: self.midnight.and(later.midnight),
            minute: self.minute.and(later.minute),
            day: self.day.and(later.day),
            regular: self.regular.and(later.regular),
            days: self.days,
            visits: self.visits,
            series: self.series,
        }
    }
}

struct Look<'a> {
    log: &'a EventLog,
    thresholds: &'a Thresholds,
    /// Equal where all carried columns are.
    signatures: Option<&'a [u64]>,
    channels: Option<&'a Codes>,
    days: &'a Periods,
    /// Which event occurs on which day, then which channel.
    presence: Option<Presence>,
    /// Midnight of 1970-01-01 in the zone of the log.
    epoch: i64,
}

impl Look<'_> {
    fn customers<C: Code>(
        &self,
        customers: Range<usize>,
        events: &[C],
        found: &mut Found,
        cancel: &Cancel,
    ) -> Result<()> {
        let mut group = Vec::new();
        // When each series was last met: customer and day.
        let mut met = vec![u64::MAX; found.series.len()];
        for customer in customers {
            if customer.is_multiple_of(1 << 12) {
                cancel.check()?;
            }
            let range = self.log.range(customer);
            let times = &self.log.times[range.clone()];
            self.when(customer, range.start, times, events, &mut met, found);
            self.ties(range.start, times, events, &mut group, found);
            self.machine(range.start, times, found);
        }
        Ok(())
    }

    /// Days, and times that cannot be.
    fn when<C: Code>(
        &self,
        customer: usize,
        start: usize,
        times: &[i64],
        events: &[C],
        met: &mut [u64],
        found: &mut Found,
    ) {
        let starts = self.days.starts();
        let names = self.log.event_names.len();
        let mut day = self.days.index_of(times[0]);
        found.visits[day] += 1;
        for (event, &time) in (start..).zip(times) {
            if time >= starts[day + 1] {
                day = self.days.advance(day, time);
                found.visits[day] += 1;
            }
            found.days[day] += 1;
            if time == starts[day] {
                found.midnight.add(1, event);
            }
            if let Some(presence) = &self.presence {
                let mut occurs = |series: usize| {
                    // A day is one of at most 109,573.
                    let now = (customer as u64) << 20 | day as u64;
                    if met[series] != now {
                        met[series] = now;
                        found.series[series] += 1;
                        presence.mark(series, day);
                    }
                };
                occurs(events[event].index());
                if let Some(channels) = self.channels {
                    occurs(names + channels.get(event));
                }
            }
        }
        let now = self.thresholds.now_us;
        if times[times.len() - 1] > now {
            let first = times.partition_point(|&time| time <= now);
            found.future.add(times.len() - first, start + first);
        }
        if times[0] < OLD_US {
            let old = times.partition_point(|&time| time < OLD_US);
            for (event, _) in (start..).zip(&times[..old]).filter(|(_, time)| self.is_epoch(**time)) {
                found.epoch.add(1, event);
            }
        }
    }

    fn is_epoch(&self, time: i64) -> bool {
        time == 0 || time == self.epoch
    }

    /// Events of one customer at one time: which of them are the same in all, or in their name.
    fn ties<C: Code>(
        &self,
        start: usize,
        times: &[i64],
        events: &[C],
        group: &mut Vec<(usize, usize, u64, usize)>,
        found: &mut Found,
    ) {
        let mut from = 0;
        for next in 1..=times.len() {
            if next < times.len() && times[next] == times[from] {
                continue;
            }
            if next - from > 1 {
                found.ties.add(next - from - 1, start + from + 1);
                group.clear();
                group.extend((start + from..start + next).map(|event| {
                    let channel = self.channels.map_or(0, |channels| channels.get(event));
                    let signature = self.signatures.map_or(0, |signatures| signatures[event]);
                    (events[event].index(), channel, signature, event)
                }));
                group.sort_unstable();
                for pair in group.windows(2) {
                    let (one, other) = (pair[0], pair[1]);
                    if (one.0, one.1, one.2) == (other.0, other.1, other.2) {
                        found.duplicates.add(1, other.3);
                    } else if one.0 == other.0 {
                        found.repeats.add(1, other.3);
                    }
                }
            }
            from = next;
        }
    }

    /// Customers who do what people do not.
    fn machine(&self, start: usize, times: &[i64], found: &mut Found) {
        let limits = self.thresholds;
        let mut group = Vec::new();
        for (window, most, into) in
            [(MINUTE_US, limits.events_per_minute, &mut found.minute), (DAY_US, limits.events_per_day, &mut found.day)]
        {
            if times.len() > most {
                let (number, event) = busiest(times, window, &mut group);
                if number > most {
                    into.add(number as u64, start + event);
                }
            }
        }
        if times.len() >= limits.regular_events && regular(times) {
            found.regular.add(times.len() as u64, start);
        }
    }

    /// The days from the first that is not far before nearly all events to the last that is not in the future.
    fn usual(&self, counts: &[u64]) -> Range<usize> {
        let few = self.log.len() as u64 / 1_000;
        let mut sum = 0;
        let bulk = counts.iter().position(|&count| {
            sum += count;
            sum > few
        });
        let starts = self.days.starts();
        let bulk = starts[bulk.unwrap_or(0)];
        let earliest = bulk - self.thresholds.ancient_us;
        let earliest = if bulk > OLD_US { earliest.max(OLD_US) } else { earliest };
        let possible =
            |day: usize| counts[day] > 0 && starts[day + 1] > earliest && starts[day] <= self.thresholds.now_us;
        let first = (0..counts.len()).find(|&day| possible(day));
        let last = (0..counts.len()).rev().find(|&day| possible(day));
        match (first, last) {
            (Some(first), Some(last)) => first..last + 1,
            // All of it is odd, and that is said elsewhere.
            _ => 0..counts.len(),
        }
    }

    /// The days after the usual ones that the data cover to their end, if it was given how far they reach.
    fn observed_after(&self, usual: &Range<usize>) -> Result<Vec<i32>> {
        let end = self.log.observed_until().min(self.thresholds.now_us).min(LATEST_US - 1);
        let begin = self.days.starts()[usual.end];
        if !self.log.observed_until_given || end < begin {
            return Ok(Vec::new());
        }
        let after = Periods::new(self.log.zone(), Period::Day, Calendar::Gregorian, begin, end)?;
        // The last of them is covered if the next one begins right after the end.
        let whole = after.len() - usize::from(after.starts()[after.len()] - 1 > end);
        Ok(after.label_days()[..whole].to_vec())
    }

    /// Events before the usual days, and the time that these begin with.
    fn ancient(&self, usual: &Range<usize>) -> (Seen, i64) {
        let before = self.days.starts()[usual.start];
        let mut seen = Seen::default();
        for customer in 0..self.log.customers() {
            let range = self.log.range(customer);
            let times = &self.log.times[range.clone()];
            if times[0] < before {
                let old = times.partition_point(|&time| time < before);
                for (event, _) in (range.start..).zip(&times[..old]).filter(|(_, time)| !self.is_epoch(**time)) {
                    seen.add(1, event);
                }
            }
        }
        (seen, before)
    }

    fn seen(&self, seen: &Seen) -> Result<Value> {
        let at = seen.first.map(|event| event_at(self.log, event)).transpose()?;
        Ok(json!({"count": seen.count, "at": at}))
    }

    fn most(&self, most: &Most) -> Result<Value> {
        let at = most.example.map(|(_, event)| event_at(self.log, event)).transpose()?;
        Ok(json!({"count": most.customers, "most": most.example.map(|(number, _)| number), "at": at}))
    }

    /// Silences of the whole log, of its channels and of its events: of names only on days on which the log had events.
    fn silent(&self, of: &Found, usual: &Range<usize>, span: &[usize], after: &[i32]) -> Vec<Value> {
        let labels = [&self.days.label_days()[..usual.end], after].concat();
        let label = |day: usize| labels[day];
        let mut found = Vec::new();
        let mut report = |kind: &str, name: Option<&str>, events: u64, silences: Vec<days::Silence>| {
            for silence in silences {
                found.push(json!({
                    "of": kind, "name": name, "events": events, "place": silence.place, "from": label(silence.from),
                    "to": label(silence.to), "days": silence.days, "strays": silence.strays, "share": silence.share,
                }));
            }
        };
        // After its last event a log may be silent, and so are then all of its events and channels.
        let customers = [&of.visits[usual.clone()], &vec![0; after.len()]].concat();
        let mut of_log = silences_of_log(&customers, self.thresholds.unlikely);
        for silence in &mut of_log {
            (silence.from, silence.to) = (silence.from + usual.start, silence.to + usual.start);
        }
        report("log", None, self.log.len() as u64, of_log);
        let Some(presence) = &self.presence else { return found };
        let events = ("event", 0, &self.log.events, &self.log.event_names);
        let channels = self.log.channels.as_ref().map(|(codes, names)| ("channel", events.3.len(), codes, names));
        // Events of one customer on one day hang together; customers do not.
        let of_log: Vec<u64> = span.iter().map(|&day| of.visits[day]).collect();
        for (kind, first, codes, names) in std::iter::once(events).chain(channels) {
            let sizes = codes.counts(names.len() + 1);
            let frequent: Vec<usize> = (0..names.len()).filter(|&code| sizes[code] >= FEWEST_EVENTS).collect();
            for &code in &frequent {
                let active: Vec<bool> = span.iter().map(|&day| presence.has(first + code, day)).collect();
                let silences = silences(
                    &active,
                    span,
                    Some((of.series[first + code], &of_log)),
                    frequent.len(),
                    self.thresholds.unlikely,
                );
                report(kind, Some(names.name(code)), sizes[code], silences);
            }
        }
        found
    }
}

/// The largest number of events within less than a window, of those at one time at most [`MOST_AT_ONCE`], and the first
/// event of the first such window. `kept` is a buffer.
fn busiest(times: &[i64], window: i64, kept: &mut Vec<usize>) -> (usize, usize) {
    kept.clear();
    kept.extend((0..times.len()).filter(|&event| event < MOST_AT_ONCE || times[event - MOST_AT_ONCE] < times[event]));
    let (mut first, mut most) = (0, (0, 0));
    for (place, &event) in kept.iter().enumerate() {
        while times[event] - times[kept[first]] >= window {
            first += 1;
        }
        if place + 1 - first > most.0 {
            most = (place + 1 - first, kept[first]);
        }
    }
    most
}

/// All pauses are equal, but for a hundredth or a second, and shorter than a day.
fn regular(times: &[i64]) -> bool {
    let pauses = || times.windows(2).map(|pair| pair[1] - pair[0]);
    let (Some(least), Some(most)) = (pauses().min(), pauses().max()) else { return false };
    least > 0 && most < DAY_US && most - least <= (least / 100).max(if least > 10_000_000 { 1_000_000 } else { 0 })
}
