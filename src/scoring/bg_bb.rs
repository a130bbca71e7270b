//! BG/BB: at each opportunity a living customer buys or not, and before each may stop for good.
//!
//! Fader, Hardie and Shang 2010, doi:10.1287/mksc.1100.0580.

use super::dual::Dual;
use super::model::{Customer, Model, OfFrequency, PARAMETERS, plain};

/// The model with the parameters α and β of buying, γ and δ of stopping. All times count opportunities.
pub struct BgBb;

/// The logarithm of how likely this history is, less the part of the frequency.
fn ln_times<const N: usize>([alpha, beta, gamma, delta]: &[Dual<N>; PARAMETERS], customer: &Customer) -> Dual<N> {
    let Customer { frequency, recency, age } = *customer;
    let bought = |seen: f64| (*alpha + frequency).ln_beta(*beta + (seen - frequency));
    let alive = bought(age) + gamma.ln_beta(*delta + age);
    if customer.is_there() {
        return alive;
    }
    // Each possible end after the last purchase, in proportion to the first one.
    let (mut term, mut sum) = (Dual::constant(1.0), Dual::constant(1.0));
    let mut seen = recency;
    while seen + 1.0 < age {
        let buys = (*beta + (seen - frequency)) / (*alpha + *beta + seen);
        let stays = (*delta + seen) / (*gamma + *delta + (1.0 + seen));
        term = term * buys * stays;
        sum = sum + term;
        seen += 1.0;
    }
    alive.ln_add(bought(recency) + (*gamma + 1.0).ln_beta(*delta + recency) + sum.ln())
}

/// How likely it is to be alive at the opportunity that comes next, relative to this history, as a logarithm.
fn ln_next(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64 {
    let [alpha, beta, gamma, delta] = plain(parameters);
    let Customer { frequency, age, .. } = *customer;
    let bought = (alpha + frequency).ln_beta(beta + (age - frequency));
    (bought + gamma.ln_beta(delta + (age + 1.0)) - ln_times(&plain(parameters), customer)).value
}

impl Model for BgBb {
    const NAME: &'static str = "bg_bb";
    const COUNTED: bool = true;

    fn of_frequency<const N: usize>([alpha, beta, gamma, delta]: &[Dual<N>; PARAMETERS], _: f64) -> OfFrequency<N> {
        OfFrequency { part: -alpha.ln_beta(*beta) - gamma.ln_beta(*delta), end: Dual::constant(0.0) }
    }

    fn of_times<const N: usize>(parameters: &[Dual<N>; PARAMETERS], _: Dual<N>, customer: &Customer) -> Dual<N> {
        ln_times(parameters, customer)
    }

    fn probability_alive(parameters: &[f64; PARAMETERS], customer: &Customer) -> f64 {
        ln_next(parameters, customer).exp()
    }

    fn expected_purchases_alive(
        [alpha, beta, gamma, delta]: &[f64; PARAMETERS],
        customer: &Customer,
        horizon: f64,
    ) -> f64 {
        let Customer { frequency, age, .. } = *customer;
        let buys = (alpha + frequency) / (alpha + beta + age);
        let (mut alive, mut sum, mut ahead) = (1.0, 0.0, 1.0);
        while ahead <= horizon {
            sum += alive;
            alive *= (delta + age + ahead) / (gamma + delta + age + ahead);
            ahead += 1.0;
        }
        buys * sum
    }

    fn probability_of_purchase_alive(parameters: &[f64; PARAMETERS], customer: &Customer, horizon: f64) -> f64 {
        // A history with as many opportunities more and no purchase in them.
        let later = Customer { age: customer.age + horizon, ..*customer };
        let silent = ln_times(&plain(parameters), &later) - ln_times(&plain(parameters), customer);
        -silent.value.exp_m1() / ln_next(parameters, customer).exp()
    }
}
