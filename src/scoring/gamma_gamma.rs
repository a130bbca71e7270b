//! Gamma-Gamma: what customers spend at a purchase, around a mean of their own.
//!
//! Fader and Hardie 2013, note 025 of brucehardie.com.

use rayon::prelude::*;

use super::dual::Dual;
use super::model::each;
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

/// The log-likelihood of mean values, and its slopes by the logarithms of the parameters.
pub fn likelihood(logarithms: &[f64; SPENDING], rows: &[Spending], cancel: &Cancel) -> Result<(f64, Vec<f64>)> {
    let [p, q, v]: [Dual<SPENDING>; SPENDING] = std::array::from_fn(|index| Dual::exp_of(logarithms[index], index));
    // The gammas, which take the time, depend on the frequency alone.
    let mut frequencies: Vec<f64> = rows.par_iter().map(|row| row.frequency).collect();
    frequencies.par_sort_unstable_by(f64::total_cmp);
    frequencies.dedup();
    let scale = q * v.ln() - q.ln_gamma();
    let shared = |frequency: &f64| {
        let shape = p * *frequency;
        scale + (shape + q).ln_gamma() - shape.ln_gamma() + shape * frequency.ln()
    };
    let shared: Vec<_> = frequencies.iter().map(shared).collect();
    let of_row = |_, row: &Spending| {
        let place = frequencies.partition_point(|frequency| *frequency < row.frequency);
        let shape = p * row.frequency;
        shared[place] + (shape + -1.0) * row.mean.ln() - (shape + q) * (v + row.frequency * row.mean).ln()
    };
    let parts = each(rows, cancel, of_row)?;
    let whole = parts.into_iter().fold(Dual::constant(0.0), |sum, part| sum + part);
    Ok((whole.value, whole.slopes.to_vec()))
}

/// The mean value to expect of later purchases; that of all customers where none is known of this one.
pub fn expected_value([p, q, v]: &[f64; SPENDING], spending: Option<&Spending>) -> f64 {
    match spending {
        None => p * v / (q - 1.0),
        Some(Spending { frequency, mean }) => p * (v + frequency * mean) / (p * frequency + q - 1.0),
    }
}
