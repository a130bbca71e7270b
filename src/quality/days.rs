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
    /// Those of them that have a few events after all.
    pub strays: usize,
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
            found.push(Silence { place, from, to, days: run.len(), strays: 0, share });
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

/// Most days with a few customers that a silence may hold: a bound of the work.
const MOST_STRAYS: usize = 30;

/// The silences of a log, given how many customers it had on each day, from its first event to the last day that was
/// observed. As of [`silences`], but a few customers on a few days do not end one: a run of days from one without an
/// event to another such is a silence as well if at most a tenth of them (or one) have events, of at most a tenth of the
/// customers that the log's other days have (or one), and if as few days with events, and as few customers, are so
/// unlikely in any such run, whatever its first and its last day.
pub fn silences_of_log(customers: &[u64], unlikely: f64) -> Vec<Silence> {
    let is_active = |day: &usize| customers[*day] > 0;
    let days = 0..customers.len();
    let (Some(first), Some(last)) = (days.clone().find(is_active), days.rev().find(is_active)) else {
        return Vec::new();
    };
    let life = Total::of(&customers[first..=last]);
    let empty = empty_runs(customers, first);
    let (mut found, mut next) = (Vec::new(), 0);
    while next < empty.len() {
        let mut longest = None;
        let mut within = Total::default();
        for (until, run) in empty.iter().enumerate().skip(next) {
            if until > next {
                within = within.and(Total::of(&customers[empty[until - 1].end..run.start]));
            }
            if within.active > MOST_STRAYS {
                break;
            }
            let silence = empty[next].start..run.end;
            let in_life = (last + 1).saturating_sub(silence.start).min(silence.len());
            let others = Total {
                days: life.days - in_life,
                active: life.active - within.active,
                customers: life.customers - within.customers,
                most: life.most,
            };
            if let Some(share) = is_unlikely(silence.len(), within, others, customers.len(), unlikely) {
                longest = Some((until, silence, within.active, share));
            }
        }
        next += 1;
        if let Some((until, silence, strays, share)) = longest {
            let place = if silence.end > last { Where::Stop } else { Where::Gap };
            let (from, to, days) = (silence.start, silence.end - 1, silence.len());
            found.push(Silence { place, from, to, days, strays, share });
            next = until + 1;
        }
    }
    found
}

/// The runs of days without a customer behind the first day.
fn empty_runs(customers: &[u64], first: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for day in (first..customers.len()).filter(|&day| customers[day] == 0) {
        match runs.last_mut() {
            Some(run) if run.end == day => run.end = day + 1,
            _ => runs.push(day..day + 1),
        }
    }
    runs
}

/// Days, those with a customer, and the customers on them.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    days: usize,
    active: usize,
    customers: u64,
    /// On the day that had most.
    most: u64,
}

impl Total {
    fn of(customers: &[u64]) -> Self {
        Self {
            days: customers.len(),
            active: customers.iter().filter(|&&customers| customers > 0).count(),
            customers: customers.iter().sum(),
            most: customers.iter().copied().max().unwrap_or_default(),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            days: self.days + other.days,
            active: self.active + other.active,
            customers: self.customers + other.customers,
            most: self.most.max(other.most),
        }
    }
}

/// The share of the other days that have an event, if a run of days of which only `within` have any is unlikely.
fn is_unlikely(run: usize, within: Total, others: Total, days: usize, unlikely: f64) -> Option<f64> {
    if others.active < FEWEST_DAYS {
        return None;
    }
    let share = (others.active as f64 + 0.5) / (others.days as f64 + 1.0);
    if within.active == 0 {
        return (days as f64 * (1.0 - share).powf(run as f64) < unlikely).then_some(share);
    }
    let usual = others.customers as f64 / others.active as f64;
    if within.active > (run / 10).max(1) || within.most as f64 > (usual / 10.0).max(1.0) {
        return None;
    }
    let places = days as f64 * (days as f64 + 1.0) / 2.0;
    let expected = others.customers as f64 / others.days as f64 * run as f64;
    let by_days = places * at_most(run, within.active, share);
    let by_customers = places * fewer_than_expected(within.customers as f64, expected);
    (by_days < unlikely && by_customers < unlikely).then_some(share)
}

/// The probability that at most `most` of `days` days have an event, if each has one with the probability `share`.
fn at_most(days: usize, most: usize, share: f64) -> f64 {
    // Logarithms, because a power of a small number may be none.
    let mut term = days as f64 * (-share).ln_1p();
    let mut sum = term.exp();
    for active in 0..most {
        term += ((days - active) as f64 / (active + 1) as f64).ln() + share.ln() - (-share).ln_1p();
        sum += term.exp();
    }
    sum
}

/// No less than the probability of at most so many where so many are expected (Poisson; Chernoff's bound).
fn fewer_than_expected(number: f64, expected: f64) -> f64 {
    if number >= expected { 1.0 } else { (number - expected + number * (expected / number.max(1.0)).ln()).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_log(pattern: &str, usual: u64) -> Vec<(Where, usize, usize)> {
        let customers = pattern.bytes().map(|byte| match byte {
            b'x' => usual,
            b'1' => 1,
            _ => 0,
        });
        let found = silences_of_log(&customers.collect::<Vec<_>>(), 1e-6);
        found.iter().map(|silence| (silence.place, silence.from, silence.to)).collect()
    }

    #[test]
    fn a_few_customers_do_not_hide_a_gap_and_a_usual_day_ends_one() {
        let (daily, silent) = ("x".repeat(60), ".".repeat(5));
        assert_eq!(of_log(&format!("{daily}{silent}1{silent}{daily}"), 40), [(Where::Gap, 60, 70)]);
        assert_eq!(of_log(&format!("{daily}...1...{daily}"), 40), [(Where::Gap, 60, 66)]);
        // Each of the two makes the other more likely, so that they are found only where they are longer.
        assert_eq!(of_log(&format!("{daily}{silent}x{silent}{daily}"), 40), []);
        let longer = ".".repeat(7);
        assert_eq!(
            of_log(&format!("{daily}{longer}x{longer}{daily}"), 40),
            [(Where::Gap, 60, 66), (Where::Gap, 68, 74)]
        );
        assert_eq!(of_log(&format!("{daily}.x{silent}{daily}"), 40), [(Where::Gap, 62, 66)]);
        // Where a day has two customers, one is no stray.
        assert_eq!(of_log(&format!("{daily}...1...{daily}"), 2), []);
        assert_eq!(of_log(&format!("{daily}{silent}1{silent}"), 40), [(Where::Stop, 60, 70)]);
    }

    #[test]
    fn a_log_is_silent_as_its_days_say_unless_a_few_customers_come() {
        for pattern in ["xxxxx..".repeat(20), "x.........".repeat(20), format!("xxx{}", ".".repeat(90))] {
            assert_eq!(of_log(&pattern, 40), [], "{pattern}");
        }
        for days in 1..30 {
            let pattern = format!("{}{}{}", "xxx.".repeat(20), ".".repeat(days), "xxx.".repeat(20));
            let found: Vec<_> = of(&pattern).into_iter().filter(|(place, _, _)| *place == Where::Gap).collect();
            assert_eq!(of_log(&pattern, 40), found, "{days} days");
        }
    }

    #[test]
    fn the_chance_of_few_days_is_that_of_counting_them_all() {
        // All ways in which four days have an event or none.
        let count = |most: usize| -> f64 {
            let chance =
                |days: u32| 0.3_f64.powi(days.count_ones() as i32) * 0.7_f64.powi(4 - days.count_ones() as i32);
            (0..16_u32).filter(|days| days.count_ones() as usize <= most).map(chance).sum()
        };
        for most in 0..=4 {
            assert!((at_most(4, most, 0.3) - count(most)).abs() < 1e-12);
        }
        // Two where ten are expected: e⁻¹⁰ (1 + 10 + 50).
        let exact = (-10.0_f64).exp() * 61.0;
        let bound = fewer_than_expected(2.0, 10.0);
        assert!(bound >= exact && bound < 4.0 * exact, "{bound} {exact}");
    }

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
