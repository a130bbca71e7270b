//! What several features of the same events share: the gaps between them, their weeks, their hours, their values.

use crate::calendar::{DAY_US, Zone};
use crate::log::Segments;

const DAY: f64 = DAY_US as f64;
const WEEK_US: i64 = 7 * DAY_US;

/// Gaps are told apart from their successors where there are so many pairs.
const LEAST_PAIRS: usize = 3;
/// Weeks that a trend needs.
const LEAST_WEEKS: usize = 4;
/// Weeks that are compared with as many before.
const RECENT_WEEKS: usize = 4;
/// What a week counts beside the next one, where later weeks count more.
const WEEK_BEFORE: f64 = 0.7;

/// Times between successive events, in days; NaN where undefined.
#[derive(Debug, Clone, Copy)]
pub struct Gaps {
    pub mean: f64,
    pub median: f64,
    /// With n - 1.
    pub sd: f64,
    pub cv: f64,
    pub burstiness: f64,
    pub burstiness_finite: f64,
    pub memory: f64,
}

impl Gaps {
    /// Of the events at these places, by time; `gaps` is a buffer.
    pub fn of(events: &[u32], times: &[i64], gaps: &mut Vec<f64>) -> Self {
        gaps.clear();
        gaps.extend(events.windows(2).map(|pair| (times[pair[1] as usize] - times[pair[0] as usize]) as f64 / DAY));
        let n = gaps.len() as f64;
        let mean = if gaps.is_empty() { f64::NAN } else { gaps.iter().sum::<f64>() / n };
        let squares: f64 = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum();
        let sd = if gaps.len() > 1 { (squares / (n - 1.0)).sqrt() } else { f64::NAN };
        // Of all gaps, as the measures of burstiness take it; without any time between there is no rhythm.
        let relative = if gaps.len() > 1 && mean > 0.0 { (squares / n).sqrt() / mean } else { f64::NAN };
        let (low, high) = ((n - 1.0).sqrt(), (n + 1.0).sqrt());
        let memory = memory(gaps);
        Self {
            mean,
            median: median(gaps),
            sd,
            cv: if mean > 0.0 { sd / mean } else { f64::NAN },
            burstiness: (relative - 1.0) / (relative + 1.0),
            burstiness_finite: (high * relative - low) / ((high - 2.0) * relative + low),
            memory,
        }
    }
}

/// Correlation of each gap with the next one.
fn memory(gaps: &[f64]) -> f64 {
    if gaps.len() <= LEAST_PAIRS {
        return f64::NAN;
    }
    let (before, after) = (&gaps[..gaps.len() - 1], &gaps[1..]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (left, right) = (mean(before), mean(after));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (one, other) in before.iter().zip(after) {
        both += (one - left) * (other - right);
        first += (one - left) * (one - left);
        second += (other - right) * (other - right);
    }
    // Equal gaps may differ by the rounding of their mean.
    let is_flat = |values: &[f64]| values.iter().all(|value| value.total_cmp(&values[0]).is_eq());
    if is_flat(before) || is_flat(after) { f64::NAN } else { both / (first * second).sqrt() }
}

/// The middle, or the mean of the two in the middle; sorts as far as it needs.
pub fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd { upper } else { f64::midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper) }
}

/// Events a week, the earliest first. Weeks are seven days of 24 hours, counted back from the cut-off.
#[derive(Debug, Clone, Copy)]
pub struct Weeks {
    pub slope: f64,
    pub theil_sen: f64,
    pub recent: f64,
    pub ewma: f64,
}

/// Buffers of [`Weeks`].
#[derive(Debug, Default)]
pub struct WeekBuffers {
    counts: Vec<f64>,
    slopes: Vec<f64>,
}

impl Weeks {
    /// Of the whole weeks since `from`.
    pub fn of(events: &[u32], times: &[i64], at: i64, from: i64, buffers: &mut WeekBuffers) -> Self {
        let weeks = usize::try_from((at.saturating_sub(from)) / WEEK_US).unwrap_or(0);
        let WeekBuffers { counts, slopes } = buffers;
        counts.clear();
        counts.resize(weeks, 0.0);
        for &event in events.iter().rev() {
            let back = ((at - 1 - times[event as usize]) / WEEK_US) as usize;
            if back >= weeks {
                break;
            }
            counts[weeks - 1 - back] += 1.0;
        }
        if weeks < LEAST_WEEKS {
            return Self { slope: f64::NAN, theil_sen: f64::NAN, recent: f64::NAN, ewma: f64::NAN };
        }
        Self {
            slope: least_squares(counts),
            theil_sen: theil_sen(counts, slopes),
            recent: recent(counts),
            ewma: exponentially_weighted(counts),
        }
    }
}

fn least_squares(counts: &[f64]) -> f64 {
    let n = counts.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let spread = n * (n * n - 1.0) / 12.0;
    counts.iter().enumerate().map(|(week, count)| (week as f64 - middle) * count).sum::<f64>() / spread
}

/// The median slope of all pairs of weeks.
fn theil_sen(counts: &[f64], slopes: &mut Vec<f64>) -> f64 {
    let pairs = |n: usize| n * n.saturating_sub(1) / 2;
    let empty = counts.iter().filter(|count| **count == 0.0).count();
    if 2 * pairs(empty) > pairs(counts.len()) {
        return 0.0; // more than half of the slopes are level
    }
    slopes.clear();
    for (later, count) in counts.iter().enumerate() {
        slopes.extend(counts[..later].iter().enumerate().map(|(week, other)| (count - other) / (later - week) as f64));
    }
    // -0 and 0 are one.
    median(slopes) + 0.0
}

/// The last weeks as a multiple of as many before them.
fn recent(counts: &[f64]) -> f64 {
    let Some(start) = counts.len().checked_sub(2 * RECENT_WEEKS) else { return f64::NAN };
    let (before, last) = counts[start..].split_at(RECENT_WEEKS);
    let (before, last): (f64, f64) = (before.iter().sum(), last.iter().sum());
    if before > 0.0 { last / before } else { f64::NAN }
}

/// The mean of the weeks, each of which counts [`WEEK_BEFORE`] times as much as the next one.
fn exponentially_weighted(counts: &[f64]) -> f64 {
    let add = |(sum, weight): (f64, f64), count: &f64| (WEEK_BEFORE * sum + count, WEEK_BEFORE * weight + 1.0);
    let (sum, weight) = counts.iter().fold((0.0, 0.0), add);
    sum / weight
}

/// When events happen, by the wall clock of the log.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub hours: [u32; 24],
    /// From Saturday.
    pub weekdays: [u32; 7],
    /// Days with an event.
    pub days: i64,
    /// The mean direction on the dial of 24 hours.
    pub east: f64,
    pub north: f64,
}

/// 1970-01-01 was a Thursday, the sixth day of a week that starts on Saturday.
const FIRST_WEEKDAY: i32 = 5;
const HOUR_US: i64 = DAY_US / 24;

impl Clock {
    /// Of the events at these places.
    pub fn of(events: &[u32], times: &[i64], zone: &Zone, dial: bool) -> Self {
        let mut clock = Self { hours: [0; 24], weekdays: [0; 7], days: 0, east: 0.0, north: 0.0 };
        let mut latest = i32::MIN;
        for &event in events {
            let local = zone.to_local_us(times[event as usize]);
            let (day, time) = (local.div_euclid(DAY_US) as i32, local.rem_euclid(DAY_US));
            clock.hours[(time / HOUR_US) as usize] += 1;
            clock.weekdays[weekday(day)] += 1;
            // Where clocks go back over midnight, the day before comes again: it is counted already.
            clock.days += i64::from(day > latest);
            latest = latest.max(day);
            if dial {
                let (sin, cos) = (time as f64 / DAY * std::f64::consts::TAU).sin_cos();
                clock.east += sin;
                clock.north += cos;
            }
        }
        clock
    }

    /// Length of the mean direction: 1 where all events are at one time of day, 0 where they are spread evenly.
    pub fn concentration(&self) -> f64 {
        let events: u32 = self.weekdays.iter().sum();
        if events == 0 { f64::NAN } else { self.east.hypot(self.north) / f64::from(events) }
    }

    /// The circular mean of the time of day, in hours; NaN where events are spread evenly.
    pub fn mean_hour(&self) -> f64 {
        // Twelve digits tell a direction from rounding.
        if self.concentration() > 1e-12 {
            (self.east.atan2(self.north) / std::f64::consts::TAU).rem_euclid(1.0) * 24.0
        } else {
            f64::NAN
        }
    }
}

fn weekday(day: i32) -> usize {
    (day + FIRST_WEEKDAY).rem_euclid(7) as usize
}

/// Events with one of some days, as a share of all.
pub fn share_of_days(events: &[u32], times: &[i64], zone: &Zone, days: &[i32]) -> f64 {
    let day = |event: &u32| zone.to_local_us(times[*event as usize]).div_euclid(DAY_US) as i32;
    let found = events.iter().filter(|event| days.binary_search(&day(event)).is_ok()).count();
    found as f64 / events.len() as f64
}

/// How often events have each value of a column.
#[derive(Debug, Default)]
pub struct Composition {
    /// Values by code, with their number.
    runs: Vec<(u32, u32)>,
    codes: Vec<u32>,
    pub switches: i64,
}

impl Composition {
    /// Counts anew; events without a value are left out.
    pub fn count(&mut self, events: &[u32], column: &Segments) {
        let missing = column.len() - 1;
        let Self { runs, codes, switches } = self;
        codes.clear();
        codes.extend(
            events
                .iter()
                .map(|&event| column.of_event(event as usize))
                .filter(|&code| code != missing)
                .map(|c| c as u32),
        );
        *switches = codes.windows(2).filter(|pair| pair[0] != pair[1]).count() as i64;
        codes.sort_unstable();
        runs.clear();
        runs.extend(codes.chunk_by(|one, other| one == other).map(|run| (run[0], run.len() as u32)));
    }

    /// How many different values.
    pub fn distinct(&self) -> i64 {
        self.runs.len() as i64
    }

    /// The share of a value; NaN where no event has any.
    pub fn share(&self, code: Option<u32>) -> f64 {
        let found = self.runs.iter().find(|(value, _)| Some(*value) == code).map_or(0, |(_, number)| *number);
        f64::from(found) / self.codes.len() as f64
    }

    /// Shannon's entropy of the shares, in bits; NaN where no event has a value.
    pub fn entropy(&self) -> f64 {
        let total = self.codes.len() as f64;
        if self.codes.is_empty() {
            return f64::NAN;
        }
        let terms = self.runs.iter().map(|(_, number)| f64::from(*number) / total).map(|share| -share * share.log2());
        terms.sum::<f64>() + 0.0
    }
}
