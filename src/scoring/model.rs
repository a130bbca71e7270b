//! What the models of repeat purchases have in common, and the work that is done for each of many customers.

use std::fmt::Write;

use arrow::buffer::ScalarBuffer;
use rayon::prelude::*;

use super::dual::Dual;
use crate::error::{Error, Result};
use crate::pool::Cancel;

/// Parameters of every model of purchases; all are positive.
pub const PARAMETERS: usize = 4;

/// Rows that a task takes; their sums are added up in order, so that results do not depend on the number of threads.
pub const TASK_ROWS: usize = 1 << 12;

/// What is known of the purchases of a customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Customer {
    /// Purchases after the first one.
    pub frequency: f64,
    /// Time from the first to the last one.
    pub recency: f64,
    /// Time from the first one to the end of observation.
    pub age: f64,
}

impl Customer {
    /// Whether the last purchase is at the end of observation, so that there was no time to stop after it.
    pub fn is_there(&self) -> bool {
        self.recency >= self.age
    }

    /// A customer with these purchases and this age and the latest recency: the same for all who differ in it alone.
    pub fn bare(&self) -> Self {
        Self { recency: self.age, ..*self }
    }
}

/// What a log-likelihood owes to the number of purchases alone, the same for all customers who have that number.
#[derive(Debug, Clone, Copy)]
pub struct OfFrequency<const N: usize> {
    /// The part that is added.
    pub part: Dual<N>,
    /// The share of an end after the last purchase in the odds of that end, as a logarithm.
    pub end: Dual<N>,
}

/// A model of repeat purchases and of the silent end of a customer.
pub trait Model: Sync {
    /// The name, as users write it.
    const NAME: &'static str;
    /// Whether times are numbers of opportunities, so whole.
    const COUNTED: bool = false;

    /// What the log-likelihood owes to the number of purchases alone.
    fn of_frequency<const N: usize>(parameters: &[Dual<N>; PARAMETERS], frequency: f64) -> OfFrequency<N>;

    /// The log-likelihood less the part that is added; `end` is that of the frequency.
    fn of_times<const N: usize>(parameters: &[Dual<N>; PARAMETERS], end: Dual<N>, customer: &Customer) -> Dual<N>;

    /// The probability that the customer will buy again at some time or other.
    fn probability_alive(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64;

    /// Purchases within a time after the end of observation, of a customer who is alive at that end; the recency says
    /// no more about them.
    fn expected_purchases_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64;

    /// The probability of a purchase within that time, of the same customer.
    fn probability_of_purchase_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64;
}

/// Plain numbers as numbers without slopes.
pub fn plain(parameters: &[f64; PARAMETERS]) -> [Dual<0>; PARAMETERS] {
    parameters.map(Dual::constant)
}

/// A column of covariates that acts on some parameters: each of them is multiplied by `exp(coefficient · value)`.
pub struct Effect {
    /// By parameter: 1 or -1 where the effect acts on it, else 0.
    pub on: [f64; PARAMETERS],
    /// The value of each row.
    pub values: ScalarBuffer<f64>,
}

/// The weighted log-likelihood of rows, and its slopes by the logarithms of the parameters and by the coefficients.
pub fn likelihood<M: Model>(
    logarithms: &[f64; PARAMETERS],
    coefficients: &[f64],
    effects: &[Effect],
    rows: &[Customer],
    weights: &[f64],
    cancel: &Cancel,
) -> Result<(f64, Vec<f64>)> {
    let at = |row: Option<usize>| -> [Dual<PARAMETERS>; PARAMETERS] {
        std::array::from_fn(|parameter| {
            let acted = effects.iter().zip(coefficients);
            let acted = acted.map(|(effect, by)| row.map_or(0.0, |row| effect.on[parameter] * by * effect.values[row]));
            Dual::exp_of(logarithms[parameter] + acted.sum::<f64>(), parameter)
        })
    };
    let shared = at(None);
    let of_task = |(task, customers): (usize, &[Customer])| -> Result<(f64, Vec<f64>)> {
        cancel.check()?;
        let (mut sum, mut slopes) = (0.0, vec![0.0; PARAMETERS + effects.len()]);
        // Rows that stand together mostly have one frequency, whose part is the same in all of them.
        let mut known: Option<(f64, OfFrequency<PARAMETERS>)> = None;
        for (place, customer) in customers.iter().enumerate() {
            let row = task * TASK_ROWS + place;
            let own = if effects.is_empty() { shared } else { at(Some(row)) };
            let frequency = match known {
                Some((frequency, part))
                    if effects.is_empty() && frequency.to_bits() == customer.frequency.to_bits() =>
                {
                    part
                }
                _ => M::of_frequency(&own, customer.frequency),
            };
            known = Some((customer.frequency, frequency));
            let found = frequency.part + M::of_times(&own, frequency.end, customer);
            let weight = weights[row];
            sum += weight * found.value;
            for (slope, own) in slopes.iter_mut().zip(found.slopes) {
                *slope += weight * own;
            }
            for (slope, effect) in slopes[PARAMETERS..].iter_mut().zip(effects) {
                let acted: f64 = effect.on.iter().zip(found.slopes).map(|(on, own)| on * own).sum();
                *slope += weight * effect.values[row] * acted;
            }
        }
        Ok((sum, slopes))
    };
    let tasks: Vec<_> = rows.par_chunks(TASK_ROWS).enumerate().map(of_task).collect::<Result<_>>()?;
    let mut whole = (0.0, vec![0.0; PARAMETERS + effects.len()]);
    for (sum, slopes) in tasks {
        whole.0 += sum;
        whole.1.iter_mut().zip(slopes).for_each(|(whole, part)| *whole += part);
    }
    Ok(whole)
}

/// Numbers of each row, in columns, on all cores. What `memory` makes, for each core, is kept from one row to the next.
pub fn each<R: Sync, T, const N: usize>(
    rows: &[R],
    cancel: &Cancel,
    memory: impl Fn() -> T + Send + Sync,
    work: impl Fn(&mut T, usize, &R) -> [f64; N] + Sync,
) -> Result<[Vec<f64>; N]> {
    let mut found: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0; rows.len()]);
    // Of each task the part of each column.
    let mut columns = found.each_mut().map(|column| column.chunks_mut(TASK_ROWS));
    let mut tasks: Vec<([&mut [f64]; N], &[R])> = Vec::with_capacity(rows.len().div_ceil(TASK_ROWS));
    for rows in rows.chunks(TASK_ROWS) {
        tasks.push((columns.each_mut().map(|column| column.next().unwrap_or_default()), rows));
    }
    let of_task = |memory: &mut T, (task, (mut columns, rows)): (usize, ([&mut [f64]; N], &[R]))| -> Result<()> {
        cancel.check()?;
        for (place, row) in rows.iter().enumerate() {
            for (column, number) in columns.iter_mut().zip(work(memory, task * TASK_ROWS + place, row)) {
                column[place] = number;
            }
        }
        Ok(())
    };
    tasks.into_par_iter().enumerate().try_for_each_init(memory, of_task)?;
    Ok(found)
}

/// Refuses rows that no history of purchases can have, with the number of them and the first one.
pub fn check(rows: &[Customer], counted: bool) -> Result<()> {
    type Rule = fn(&Customer) -> bool;
    let finite: Rule = |row| !(row.frequency.is_finite() && row.recency.is_finite() && row.age.is_finite());
    let rules: &[(&str, Rule)] = &[
        ("have no number for the frequency, recency or age", finite),
        ("have a negative frequency, recency or age", |row| row.frequency.min(row.recency).min(row.age) < 0.0),
        ("have a frequency that is no whole number of purchases", |row| row.frequency.fract() != 0.0),
        ("have a recency above their age", |row| row.recency > row.age),
        ("have no repeat purchase and yet a recency above 0", |row| row.frequency == 0.0 && row.recency > 0.0),
        ("have repeat purchases and yet a recency of 0", |row| row.frequency > 0.0 && row.recency == 0.0),
    ];
    let of_opportunities: &[(&str, Rule)] = &[
        ("have a recency or age that is no whole number of opportunities", |row| {
            row.recency.fract() != 0.0 || row.age.fract() != 0.0
        }),
        ("have more purchases than opportunities up to the last one", |row| row.frequency > row.recency),
    ];
    let rules: Vec<_> = rules.iter().chain(of_opportunities.iter().filter(|_| counted)).collect();
    if rows.par_iter().all(|row| rules.iter().all(|(_, rule)| !rule(row))) {
        return Ok(());
    }
    let mut wrong = String::new();
    for (what, rule) in rules {
        let Some(first) = rows.par_iter().position_first(rule) else { continue };
        let number = rows.par_iter().filter(|row| rule(row)).count();
        let Customer { frequency, recency, age } = rows[first];
        // Writing to text can't fail.
        let _ = write!(
            wrong,
            "\n  {number} {what} (the first is row {first}: frequency {frequency}, recency {recency}, age {age})"
        );
    }
    Err(Error::Data(format!(
        "some customers have purchases that can't be:{wrong}\nfrequency counts the purchases after the first one, \
         recency is the time from the first to the last, age that from the first to the end of observation; leave \
         these rows out or mend them"
    )))
}
