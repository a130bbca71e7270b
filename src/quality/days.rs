//! On which days events and channels occur, and how long they are silent.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Words of days that are kept at most: 32 MB.
const MOST_WORDS: usize = 1 << 22;

/// A series of fewer active days says too little of its habit.
const FEWEST_DAYS: usize = 7;

/// On which days each of many series occurs, one bit a day.
pub struct Presence {
    words: Vec<AtomicU64>,
    per_series: usize,
}

impl Presence {
    /// Of no event yet; none where it would not fit the memory.
    pub fn new(series: usize, days: usize) -> Option<Self> {
        let per_series = days.div_ceil(64);
        let total = series.checked_mul(per_series).filter(|&words| words <= MOST_WORDS)?;
        let words = std::iter::repeat_with(|| AtomicU64::new(0)).take(total).collect();
        Some(Self { words, per_series })
    }

    /// The series occurs on the day.
    #[inline]
    pub fn mark(&self, series: usize, day: usize) {
        let word = &self.words[series * self.per_series + day / 64];
        let bit = 1 << (day % 64);
        // Most events repeat what is known; only a new bit is written.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether the series occurs on the day.
    pub fn has(&self, series: usize, day: usize) -> bool {
        self.words[series * self.per_series + day / 64].load(Ordering::Relaxed) & (1 << (day % 64)) != 0
    }
}

/// Where a silence lies in a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// Before its first day.
    Start,
    /// Between two of its days.
    Gap,
    /// After its last day.
    Stop,
}

/// A run of days without an event that chance does not explain.
#[derive(Debug, PartialEq, Serialize)]
pub struct Silence {
    /// Where it lies.
    pub place: Where,
    /// Its first day.
    pub from: usize,
    /// Its last day.
    pub to: usize,
    /// Its days among those that were looked at.
    pub days: usize,
    /// Share of the other days from the first to the last with an event that have one.
    pub share: f64,
}

/// The silences of a series over some days that are less likely than `unlikely`, if each day from its first to its
/// last had an event with one probability, taken from the share of those days, without the silence, that had; `series`
/// such series are looked at, and a silence could begin on any day. Of one of the log's series, `volume` gives
/// how often customers had it, once a day, and how many customers the log had on each day: the silence must be as unlikely
/// if their share were the same on all days, so that days on which little happens explain it.
pub fn silences(
    active: &[bool],
    days: &[usize],
    volume: Option<(u64, &[u64])>,
    series: usize,
    unlikely: f64,
) -> Vec<Silence> {
    let count = active.iter().filter(|active| **active).count();
    let (Some(first), Some(last)) = (active.iter().position(|&a| a), active.iter().rposition(|&a| a)) else {
        return Vec::new();
    };
    if count < FEWEST_DAYS {
        return Vec::new();
    }
    let share = |days: usize| (count as f64 + 0.5) / (days as f64 + 1.0);
    let life = last - first + 1;
    let places = (active.len() * series) as f64;
    let mut found = Vec::new();
    let mut look = |place: Where, run: Range<usize>| {
        // The silence itself says nothing of the habit.
        let share = share(if place == Where::Gap { life - run.len() } else { life });
        if run.is_empty() || places * (1.0 - share).powf(run.len() as f64) >= unlikely {
            return;
        }
        let expected = volume.map_or(f64::INFINITY, |(visits, of_log)| {
            let within = |days: Range<usize>| of_log[days].iter().sum::<u64>() as f64;
            let silent = within(run.clone());
            let others = within(first..last + 1) - if place == Where::Gap { silent } else { 0.0 };
            visits as f64 * silent / others
        });
        if places * (-expected).exp() < unlikely {
            let (from, to) = (days[run.start], days[run.end - 1]);
            found.push(Silence { place, from, to, days: run.len(), share });
        }
    };
    look(Where::Start, 0..first);
    let mut before = first;
    for (day, active) in active.iter().enumerate().take(last + 1).skip(first + 1) {
        if *active {
            look(Where::Gap, before + 1..day);
            before = day;
        }
    }
    look(Where::Stop, last + 1..active.len());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Vec<(Where, usize, usize)> {
        let active: Vec<bool> = pattern.bytes().map(|byte| byte == b'x').collect();
        let days: Vec<usize> = (0..active.len()).collect();
        silences(&active, &days, None, 1, 1e-6)
            .iter()
            .map(|silence| (silence.place, silence.from, silence.to))
            .collect()
    }

    #[test]
    fn a_long_silence_of_a_daily_series_is_found_where_it_lies() {
        let daily = "x".repeat(60);
        let silent = ".".repeat(14);
        assert_eq!(of(&daily), []);
        assert_eq!(of(&format!("{silent}{daily}")), [(Where::Start, 0, 13)]);
        assert_eq!(of(&format!("{daily}{silent}{daily}")), [(Where::Gap, 60, 73)]);
        assert_eq!(of(&format!("{daily}{silent}")), [(Where::Stop, 60, 73)]);
    }

    #[test]
    fn days_on_which_little_happens_explain_a_silence() {
        let active: Vec<bool> = (0..60).map(|day| day >= 20).collect();
        let days: Vec<usize> = (0..60).collect();
        let found = |early: u64| {
            let of_log: Vec<u64> = (0..60).map(|day| if day < 20 { early } else { 1_000 }).collect();
            silences(&active, &days, Some((4_000, &of_log)), 1, 1e-6).len()
        };
        assert_eq!((found(1_000), found(2)), (1, 0));
    }

    #[test]
    fn weekends_and_rare_events_are_no_silence() {
        assert_eq!(of(&"xxxxx..".repeat(20)), []);
        assert_eq!(of(&"x.........".repeat(20)), []);
        assert_eq!(of(&format!("xxx{}", ".".repeat(90))), []);
    }
}
