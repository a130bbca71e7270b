//! BG/NBD and MBG/NBD: customers buy at a rate of their own and may stop for good after a purchase.
//!
//! Fader, Hardie and Lee 2005, doi:10.1287/mksc.1040.0098; Batislam, Denizel and Filiztekin 2007,
//! doi:10.1016/j.ijresmar.2006.12.005.

use super::dual::Dual;
use super::model::{Customer, Model, OfFrequency, PARAMETERS};

/// The beta-geometric model: nobody stops before the first repeat purchase.
pub struct BgNbd;

/// The modified one: a customer may also stop after the first purchase of all.
pub struct MbgNbd;

/// Purchases within a time of a customer who is alive. Euler's transformation of the published form: no large powers
/// cancel each other, and a dropout parameter of 1 is no exception. `coins` is the number of chances to stop so far.
fn purchases([r, alpha, a, b]: &[f64; PARAMETERS], customer: &Customer, coins: f64, horizon: f64) -> f64 {
    let share = horizon / (alpha + customer.age + horizon);
    if share == 0.0 {
        return 0.0;
    }
    let (epsilon, log) = (a - 1.0, (-share).ln_1p());
    // Both parameters of the sum that the transformation leaves; published as c and c - a.
    let whole = a + b + coins - 1.0;
    let upper = whole - customer.frequency - r;
    let first = if epsilon == 0.0 { -log } else { -(epsilon * log).exp_m1() / epsilon };
    // The sum times `whole`, which is 0 where a + b = 1 and no coin has been thrown.
    let (mut term, mut sum) = (upper * share, 0.0_f64);
    let mut number = 1.0;
    while term != 0.0 {
        sum += term;
        if !sum.is_finite() {
            return f64::NAN;
        }
        let ratio = (upper + number) * (epsilon + number) / ((whole + number) * (number + 1.0)) * share;
        if ratio.abs() < 1.0
            && term.abs() * ratio.abs() < (1.0 - ratio.abs()) * 1e-17 * (sum.abs() + (whole * first).abs())
        {
            break;
        }
        term *= ratio;
        number += 1.0;
    }
    whole * first - (epsilon * log).exp() * sum
}

/// The probability of a purchase within a time of a customer who is alive: nobody stops before it.
fn purchase([r, alpha, ..]: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
    let later = alpha + customer.age;
    -((r + customer.frequency) * (later / (later + horizon)).ln()).exp_m1()
}

/// The log-likelihood of the times. Written out by its slopes, for it is what a fit does most.
fn of_times<const N: usize>(
    [r, alpha, ..]: &[Dual<N>; PARAMETERS],
    end: Dual<N>,
    Customer { frequency, recency, age }: &Customer,
) -> Dual<N> {
    let (shape, now, last) = (r.value + frequency, alpha.value + age, alpha.value + recency);
    let (ln_now, gap) = (now.ln(), now.ln() - last.ln());
    // The odds of an end, as a logarithm; of both cases the likelier counts 1, the other `small`.
    let odds = end.value + shape * gap;
    let small = (-odds.abs()).exp();
    let weight = if odds > 0.0 { 1.0 } else { small };
    let ended = weight / (1.0 + small);
    let by_shape = ended * gap - ln_now;
    let by_alpha = shape * (ended * (now.recip() - last.recip()) - now.recip());
    let value = odds.max(0.0) + small.ln_1p() - shape * ln_now;
    let slope = |i: usize| by_shape * r.slopes[i] + by_alpha * alpha.slopes[i] + ended * end.slopes[i];
    Dual { value, slopes: std::array::from_fn(slope) }
}

/// How much likelier it is to have stopped at the last purchase than to be alive, but for the chance of that coin.
fn silence([r, alpha, ..]: &[f64; PARAMETERS], customer: &Customer) -> f64 {
    ((r + customer.frequency) * ((alpha + customer.age) / (alpha + customer.recency)).ln()).exp()
}

impl Model for BgNbd {
    const NAME: &'static str = "bg_nbd";

    fn of_frequency<const N: usize>([r, alpha, a, b]: &[Dual<N>; PARAMETERS], frequency: f64) -> OfFrequency<N> {
        let rate = (*r + frequency).ln_gamma() - r.ln_gamma() + *r * alpha.ln();
        let part = rate + a.ln_beta(*b + frequency) - a.ln_beta(*b);
        let coin = || a.ln() - (*b + (frequency - 1.0)).ln();
        OfFrequency { part, end: if frequency == 0.0 { Dual::constant(f64::NEG_INFINITY) } else { coin() } }
    }

    fn of_times<const N: usize>(parameters: &[Dual<N>; PARAMETERS], end: Dual<N>, customer: &Customer) -> Dual<N> {
        of_times(parameters, end, customer)
    }

    fn probability_alive(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64 {
        if customer.frequency == 0.0 {
            return 1.0;
        }
        let [.., a, b] = parameters;
        (1.0 + a / (b + customer.frequency - 1.0) * silence(parameters, customer)).recip()
    }

    fn expected_purchases_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        purchases(parameters, customer, customer.frequency, horizon)
    }

    fn probability_of_purchase_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        purchase(parameters, customer, horizon)
    }
}

impl Model for MbgNbd {
    const NAME: &'static str = "mbg_nbd";

    fn of_frequency<const N: usize>(parameters: &[Dual<N>; PARAMETERS], frequency: f64) -> OfFrequency<N> {
        let [.., a, b] = parameters;
        let stays = (*b + frequency).ln();
        let part = BgNbd::of_frequency(parameters, frequency).part + stays - (*a + *b + frequency).ln();
        OfFrequency { part, end: a.ln() - stays }
    }

    fn of_times<const N: usize>(parameters: &[Dual<N>; PARAMETERS], end: Dual<N>, customer: &Customer) -> Dual<N> {
        of_times(parameters, end, customer)
    }

    fn probability_alive(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64 {
        let [.., a, b] = parameters;
        (1.0 + a / (b + customer.frequency) * silence(parameters, customer)).recip()
    }

    fn expected_purchases_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        purchases(parameters, customer, customer.frequency + 1.0, horizon)
    }

    fn probability_of_purchase_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        purchase(parameters, customer, horizon)
    }
}
