//! Gamma-Gamma: what customers spend at a purchase, around a mean of their own.
//!
//! Fader and Hardie 2013, note 025 of brucehardie.com.

use rayon::prelude::*;

use super::dual::Dual;
use super::model::TASK_ROWS;
use crate::error::Result;
use crate::pool::Cancel;

/// Parameters p, q and v.
pub const SPENDING: usize = 3;

/// Purchases of a customer whose values are known, and their mean.
#[derive(Debug, Clone, Copy)]
pub struct Spending {
    /// Purchases that the mean is of.
    pub frequency: f64,
    /// The mean value, above 0.
    pub mean: f64,
}

/// Mean values, sorted by the number of purchases that each is of, and the customers who have each.
pub struct MeanValues<'a> {
    /// Purchases that the mean is of.
    pub frequencies: &'a [f64],
    /// The mean value, above 0.
    pub means: &'a [f64],
    /// How many customers have it.
    pub weights: &'a [f64],
}

/// The log-likelihood of mean values, and its slopes by the logarithms of the parameters.
pub fn likelihood(
    logarithms: &[f64; SPENDING],
    values: &MeanValues,
    cancel: &Cancel,
) -> Result<(f64, [f64; SPENDING])> {
    let parameters = std::array::from_fn(|index| Dual::exp_of(logarithms[index], index));
    let of_task = |task: usize| {
        cancel.check()?;
        let end = values.means.len().min((task + 1) * TASK_ROWS);
        let (mut from, mut sum) = (task * TASK_ROWS, Dual::constant(0.0));
        while from < end {
            let frequency = values.frequencies[from];
            let run = values.frequencies[from..end].partition_point(|other| *other <= frequency);
            let (means, weights) = (&values.means[from..from + run], &values.weights[from..from + run]);
            sum = sum + of_frequency(&parameters, frequency, means, weights);
            from += run;
        }
        Ok(sum)
    };
    let tasks = (0..values.means.len().div_ceil(TASK_ROWS)).into_par_iter().map(of_task);
    let tasks: Vec<Dual<SPENDING>> = tasks.collect::<Result<_>>()?;
    let whole = tasks.into_iter().fold(Dual::constant(0.0), |sum, part| sum + part);
    Ok((whole.value, whole.slopes))
}

/// The same of means that are of one number of purchases: the gammas, which take the time, are found once.
fn of_frequency(
    &[p, q, v]: &[Dual<SPENDING>; SPENDING],
    frequency: f64,
    means: &[f64],
    weights: &[f64],
) -> Dual<SPENDING> {
    let shape = p * frequency;
    let shared = q * v.ln() - q.ln_gamma() + (shape + q).ln_gamma() - shape.ln_gamma() + shape * frequency.ln();
    let (mut customers, mut logarithms, mut totals, mut by_scale) = (0.0, 0.0, 0.0, 0.0);
    for (mean, weight) in means.iter().zip(weights) {
        let total = v.value + frequency * mean;
        customers += weight;
        logarithms += weight * mean.ln();
        totals += weight * total.ln();
        by_scale += weight / total;
    }
    shared * customers + (shape + -1.0) * logarithms - (shape + q) * v.through(totals, by_scale)
}

/// The mean value to expect of later purchases; that of all customers where none is known of this one.
pub fn expected_value(parameters: &[f64; SPENDING], spending: Option<&Spending>) -> f64 {
    let (base, slope) = expected_line(parameters, spending.map_or(0.0, |own| own.frequency));
    base + spending.map_or(0.0, |own| slope * own.mean)
}

/// The same of customers whose mean is of some number of purchases: a line in that mean, its height at 0 and its slope.
pub fn expected_line([p, q, v]: &[f64; SPENDING], frequency: f64) -> (f64, f64) {
    let shape = p * frequency + q - 1.0;
    (p * v / shape, p * frequency / shape)
}
