//! What customers are worth: purchases to come, times what they spend, discounted, with intervals from drawn parameters.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray};
use arrow::datatypes::Int8Type;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::gamma_gamma::{SPENDING, Spending, expected_line, expected_value};
use super::group::ordered;
use super::model::{Customer, Model, PARAMETERS};
use super::read;
use super::table::{customers, nullable, spending, with_columns};
use crate::error::{Error, Result};
use crate::pool::Cancel;
use crate::table::Table;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// The estimates, and after them parameters that could as well have been found.
    draws: Vec<[f64; PARAMETERS]>,
    /// The same of what customers spend; none where values are not asked for.
    spending: Option<Vec<[f64; SPENDING]>>,
    /// The column with the number of purchases whose value is known.
    valued: String,
    /// Ends of the periods, the last one the horizon, and what a purchase in each is worth today.
    periods: Vec<(f64, f64)>,
    /// How much of the interval lies between its ends.
    level: f64,
}

/// A figure and its interval; none where there are no draws.
#[derive(Clone, Copy)]
struct Estimate {
    value: f64,
    low: f64,
    high: f64,
}

/// What was found of a customer: P(alive), purchases, value where it is asked for.
type Found = (u32, Estimate, Estimate, Option<Estimate>);

/// Customers with as many purchases and the same age that a task takes at most, so that a large group has many tasks.
const TASK_ALIKE: usize = 1 << 12;

/// P(alive), purchases and value to come of each customer.
pub fn customer_value<M: Model>(data: &Table, params: Value, cancel: &Cancel) -> Result<Table> {
    let params: Params = read(params, M::NAME)?;
    let Params { draws, spending: of_spending, valued, .. } = &params;
    if draws.is_empty() || of_spending.as_ref().is_some_and(|spending| spending.len() != draws.len()) {
        return Err(Error::Internal("draws of purchases and of values differ in number".into()));
    }
    let rows = customers(data, M::COUNTED)?;
    let known = if of_spending.is_some() { spending(data, valued)? } else { vec![None; rows.len()] };
    let order = ordered(&rows);
    // What lies ahead of those who are alive depends on purchases and age alone.
    let alike = order.chunk_by(|&one, &other| rows[one as usize].bare() == rows[other as usize].bare());
    let tasks: Vec<&[u32]> = alike.flat_map(|places| places.chunks(TASK_ALIKE)).collect();
    let of_task = |drawing: &mut Drawing, places: &[u32]| -> Result<Vec<Found>> {
        let ahead = Ahead::of::<M>(&params, &rows[places[0] as usize].bare());
        let mut found = Vec::with_capacity(places.len());
        for places in places.chunk_by(|&one, &other| rows[one as usize] == rows[other as usize]) {
            cancel.check()?;
            found.extend(of_history::<M>(&params, &ahead, drawing, places, &rows, &known));
        }
        Ok(found)
    };
    let found = tasks.into_par_iter().map_init(Drawing::default, of_task);
    let found: Vec<_> = found.collect::<Result<Vec<_>>>()?;
    let mut columns: [Vec<f64>; 10] = std::array::from_fn(|_| vec![f64::NAN; rows.len()]);
    for (place, alive, purchases, value) in found.into_iter().flatten() {
        let place = place as usize;
        let mut write = |first: usize, figure: Estimate| {
            for (column, number) in columns[first..].iter_mut().zip([figure.value, figure.low, figure.high]) {
                column[place] = number;
            }
        };
        write(0, alive);
        write(3, purchases);
        if let (Some(value), Some(means)) = (value, of_spending) {
            write(7, value);
            columns[6][place] = expected_value(&means[0], known[place].as_ref());
        }
    }
    let names = [
        "probability_alive",
        "probability_alive_low",
        "probability_alive_high",
        "expected_purchases",
        "expected_purchases_low",
        "expected_purchases_high",
        "expected_value",
        "lifetime_value",
        "lifetime_value_low",
        "lifetime_value_high",
    ];
    let reasons = known.iter().map(|known| match known {
        _ if of_spending.is_none() => Some("no values"),
        Some(known) if known.mean.is_nan() => Some("mean value not above 0"),
        _ => None,
    });
    let reasons: ArrayRef = Arc::new(reasons.collect::<DictionaryArray<Int8Type>>());
    let scores = names.into_iter().zip(columns.map(nullable));
    with_columns(data, scores.chain(std::iter::once(("reason", reasons))).collect())
}

/// What lies ahead of customers who are alive, by their number of purchases and their age.
struct Ahead {
    /// Purchases up to the horizon, by the estimates and by each drawn parameters.
    purchases: Vec<f64>,
    /// What a purchase is worth today, on average. What a discount takes hardly depends on the parameters, so drawn
    /// ones share that of the estimates.
    worth: f64,
}

impl Ahead {
    fn of<M: Model>(Params { draws, periods, .. }: &Params, bare: &Customer) -> Self {
        let horizon = periods.last().map_or(0.0, |(end, _)| *end);
        let purchases: Vec<_> = draws.iter().map(|own| M::expected_purchases_alive(own, bare, horizon)).collect();
        let (mut before, mut discounted) = (0.0, 0.0);
        for &(end, worth) in periods {
            let until = M::expected_purchases_alive(&draws[0], bare, end);
            discounted += worth * (until - before);
            before = until;
        }
        Self { worth: if before > 0.0 { discounted / before } else { 0.0 }, purchases }
    }
}

/// Figures of the customers at hand by the estimates and by each drawn parameters, in memory that is used again.
#[derive(Default)]
struct Drawing {
    alive: Vec<f64>,
    purchases: Vec<f64>,
    discounted: Vec<f64>,
    /// Of which number of valued purchases the means are.
    frequency: Option<f64>,
    means: Vec<(f64, f64)>,
    buffer: Vec<f64>,
}

impl Drawing {
    /// By the model of values, the mean to expect of a customer is `.0 + .1 · mean`.
    fn means(&mut self, spending: &[[f64; SPENDING]], own: Option<&Spending>) {
        let frequency = own.map_or(0.0, |own| own.frequency);
        if self.frequency != Some(frequency) {
            self.frequency = Some(frequency);
            self.means.clear();
            self.means.extend(spending.iter().map(|means| expected_line(means, frequency)));
        }
    }
}

/// The customers of one history.
fn of_history<M: Model>(
    params: &Params,
    ahead: &Ahead,
    drawing: &mut Drawing,
    places: &[u32],
    rows: &[Customer],
    known: &[Option<Spending>],
) -> Vec<Found> {
    let (draws, customer) = (&params.draws, &rows[places[0] as usize]);
    drawing.alive.clear();
    drawing.alive.extend(draws.iter().map(|own| M::probability_alive(own, customer)));
    drawing.purchases.clear();
    drawing.purchases.extend(drawing.alive.iter().zip(&ahead.purchases).map(|(alive, ahead)| alive * ahead));
    drawing.discounted.clear();
    drawing.discounted.extend(drawing.purchases.iter().map(|purchases| ahead.worth * purchases));
    let alive = estimate(drawing.alive.iter().copied(), &mut drawing.buffer, params.level);
    let purchases = estimate(drawing.purchases.iter().copied(), &mut drawing.buffer, params.level);
    let of_customer = |&place: &u32| {
        let value = params.spending.as_ref().map(|spending| {
            let own = known[place as usize].as_ref();
            drawing.means(spending, own);
            let mean = own.map_or(0.0, |own| own.mean);
            let values = drawing.means.iter().zip(&drawing.discounted);
            let values = values.map(|((base, slope), discounted)| (base + slope * mean) * discounted);
            estimate(values, &mut drawing.buffer, params.level)
        });
        (place, alive, purchases, value)
    };
    places.iter().map(of_customer).collect()
}

/// The first of some figures, and the interval of the others.
fn estimate(mut figures: impl Iterator<Item = f64>, buffer: &mut Vec<f64>, level: f64) -> Estimate {
    let value = figures.next().unwrap_or(f64::NAN);
    buffer.clear();
    buffer.extend(figures);
    if buffer.is_empty() || buffer.iter().any(|figure| figure.is_nan()) {
        return Estimate { value, low: f64::NAN, high: f64::NAN };
    }
    let low = quantile(buffer, (1.0 - level) / 2.0);
    Estimate { value, low, high: quantile(buffer, f64::midpoint(1.0, level)) }
}

/// A quantile of some figures, between the two that are nearest to it.
fn quantile(figures: &mut [f64], share: f64) -> f64 {
    let at = share * (figures.len() - 1) as f64;
    let (_, below, above) = figures.select_nth_unstable_by(at as usize, f64::total_cmp);
    let below = *below;
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    if next.is_finite() { below + at.fract() * (next - below) } else { below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_nearest_figures() {
        let mut figures = [5.0, 1.0, 2.0, 4.0, 3.0];
        assert!((quantile(&mut figures, 0.5) - 3.0).abs() < 1e-12);
        assert!((quantile(&mut figures, 0.1) - 1.4).abs() < 1e-12);
        assert!((quantile(&mut figures, 1.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn without_draws_there_is_no_interval() {
        let found = estimate(std::iter::once(2.0), &mut Vec::new(), 0.95);
        assert!(found.value > 1.9 && found.low.is_nan() && found.high.is_nan());
    }
}
