//! Pareto/NBD: customers buy at a rate of their own until a lifetime of their own ends.
//!
//! Schmittlein, Morrison and Colombo 1987, doi:10.1287/mnsc.33.1.1; likelihood of Fader and Hardie 2005, note 009.

use super::dual::Dual;
use super::model::{Customer, Model, OfFrequency, PARAMETERS, plain};

/// The model with the parameters r and α of the rate, s and β of the end.
pub struct ParetoNbd;

/// Up to here the plain series needs the fewest terms.
const SMALL: f64 = 0.1;
/// The continued fraction loses this power of e, twice the digits of a number so that slopes have theirs, ...
const DIGITS: f64 = 48.0;
/// ... in so many pairs of steps at most: scales that are further apart than a hundred thousand times are refused.
const MOST_PAIRS: f64 = 6_000.0;

/// The hypergeometric function of (1, b; c + 1; z) for z from 0 to 1; NaN where z is too close to 1.
fn hypergeometric<const N: usize>(b: Dual<N>, c: Dual<N>, z: Dual<N>) -> Dual<N> {
    let one = Dual::constant(1.0);
    if z.value <= SMALL {
        let (mut term, mut sum) = (one, one);
        for n in 0..64 {
            term = term * (b + f64::from(n)) / (c + f64::from(n + 1)) * z;
            sum = sum + term;
            // Slopes fade n times later than values.
            if term.value * f64::from(n + 1) <= 1e-17 * sum.value {
                break;
            }
        }
        return sum;
    }
    // Gauss's continued fraction, from its end: each pair of steps makes the rest smaller by e^4√(1 - z).
    let pairs = (DIGITS / (4.0 * (1.0 - z.value).sqrt())).ceil() + 8.0;
    if pairs.is_nan() || pairs > MOST_PAIRS {
        return Dual::constant(f64::NAN);
    }
    let mut fraction = one;
    for pair in (1..=pairs as u32).rev() {
        let k = f64::from(pair);
        let odd = (c - b + k) * k / ((c + (2.0 * k - 1.0)) * (c + 2.0 * k));
        fraction = one - odd * z / fraction;
        let even = (b + (k - 1.0)) * (c + (k - 1.0)) / ((c + (2.0 * k - 2.0)) * (c + (2.0 * k - 1.0)));
        fraction = one - even * z / fraction;
    }
    one / fraction
}

/// The logarithm of the integral of `(α+u)^-(r+x) (β+u)^-(s+1)` from `from` to `to`, times r+s+x.
fn ln_ended<const N: usize>(
    [r, alpha, s, beta]: &[Dual<N>; PARAMETERS],
    frequency: f64,
    from: f64,
    to: f64,
) -> Dual<N> {
    let all = *r + *s + frequency;
    let larger = alpha.max(*beta);
    let power = if alpha.value >= beta.value { *s + 1.0 } else { *r + frequency };
    let after = |time: f64| {
        let z = (*alpha - *beta).abs() / (larger + time);
        // The hypergeometric function of (r+s+x, power; r+s+x+1; z), by Euler one of (1, r+s+x+1-power; ...).
        let rest = (larger - (*alpha - *beta).abs() + time) / (larger + time);
        let sum = hypergeometric(all + 1.0 - power, all, z);
        sum.ln() - (power + -1.0) * rest.ln() - all * (larger + time).ln()
    };
    let start = after(from);
    if to.is_infinite() { start } else { start + (-(after(to) - start).exp()).ln_1p() }
}

/// How much likelier an end between the last purchase and now is than none until now, as a logarithm.
fn ln_odds(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64 {
    if customer.is_there() {
        return f64::NEG_INFINITY;
    }
    let [r, alpha, s, beta] = parameters;
    let ended = ln_ended(&plain(parameters), customer.frequency, customer.recency, customer.age).value;
    let shape = r + customer.frequency;
    (s / (shape + s)).ln() + shape * (alpha + customer.age).ln() + s * (beta + customer.age).ln() + ended
}

impl Model for ParetoNbd {
    const NAME: &'static str = "pareto_nbd";

    fn of_frequency<const N: usize>([r, alpha, s, beta]: &[Dual<N>; PARAMETERS], frequency: f64) -> OfFrequency<N> {
        let shape = *r + frequency;
        let part = shape.ln_gamma() - r.ln_gamma() + *r * alpha.ln() + *s * beta.ln();
        OfFrequency { part, end: s.ln() - (shape + *s).ln() }
    }

    fn of_times<const N: usize>(parameters: &[Dual<N>; PARAMETERS], end: Dual<N>, customer: &Customer) -> Dual<N> {
        let [r, alpha, s, beta] = parameters;
        let shape = *r + customer.frequency;
        let alive = -(shape * (*alpha + customer.age).ln()) - *s * (*beta + customer.age).ln();
        if customer.is_there() {
            return alive;
        }
        let ended = ln_ended(parameters, customer.frequency, customer.recency, customer.age);
        alive.ln_add(end + ended)
    }

    fn probability_alive(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64 {
        (1.0 + ln_odds(parameters, customer).exp()).recip()
    }

    fn expected_purchases_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        let [r, alpha, s, beta] = parameters;
        let later = beta + customer.age;
        let log = -(horizon / later).ln_1p();
        let gap = s - 1.0;
        let lasting = if gap == 0.0 { -log } else { -(gap * log).exp_m1() / gap };
        (r + customer.frequency) * later / (alpha + customer.age) * lasting
    }

    fn probability_of_purchase_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        if horizon == 0.0 {
            return 0.0;
        }
        // As of a new customer whose gammas are those that the history leaves: no purchase and no end, or an end first.
        let [r, alpha, s, beta] = parameters;
        let left = [r + customer.frequency, alpha + customer.age, *s, beta + customer.age];
        let [shape, rate, _, end] = left;
        let silent = -shape * (horizon / rate).ln_1p() - s * (horizon / end).ln_1p();
        let scale = shape * rate.ln() + s * end.ln() + (s / (shape + s)).ln();
        let ended = scale + ln_ended(&plain(&left), 0.0, 0.0, horizon).value;
        1.0 - silent.exp() - ended.exp()
    }
}
