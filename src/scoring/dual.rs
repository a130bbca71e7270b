//! Numbers that carry their derivatives, so that a likelihood that is written once has its exact gradient.

use std::ops::{Add, Div, Mul, Neg, Sub};

use statrs::function::gamma::{digamma, ln_gamma};

/// A value and its derivatives by `N` parameters; with none of them, a plain number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<const N: usize> {
    /// The number.
    pub value: f64,
    /// Its derivative by each parameter.
    pub slopes: [f64; N],
}

impl<const N: usize> Dual<N> {
    /// A number that depends on no parameter.
    pub const fn constant(value: f64) -> Self {
        Self { value, slopes: [0.0; N] }
    }

    /// The exponential of a parameter: models are searched by the logarithms of their positive parameters.
    pub fn exp_of(logarithm: f64, parameter: usize) -> Self {
        let mut made = Self::constant(logarithm.exp());
        made.slopes[parameter] = made.value;
        made
    }

    /// A function of this number, from its value and its derivative there.
    #[inline]
    pub fn through(self, value: f64, slope: f64) -> Self {
        Self { value, slopes: self.slopes.map(|each| each * slope) }
    }

    /// A function of this number and another, from its value and its derivatives by both.
    #[inline]
    fn of_both(self, other: Self, value: f64, slope: f64, other_slope: f64) -> Self {
        Self { value, slopes: std::array::from_fn(|i| slope * self.slopes[i] + other_slope * other.slopes[i]) }
    }

    /// The natural logarithm.
    #[inline]
    pub fn ln(self) -> Self {
        self.through(self.value.ln(), self.value.recip())
    }

    /// The exponential.
    #[inline]
    pub fn exp(self) -> Self {
        let value = self.value.exp();
        self.through(value, value)
    }

    /// `ln(1 + ·)`, exact near 0.
    #[inline]
    pub fn ln_1p(self) -> Self {
        self.through(self.value.ln_1p(), (1.0 + self.value).recip())
    }

    /// The absolute value.
    #[inline]
    pub fn abs(self) -> Self {
        if self.value < 0.0 { -self } else { self }
    }

    /// The logarithm of the gamma function.
    pub fn ln_gamma(self) -> Self {
        if N == 0 {
            Self::constant(ln_gamma(self.value))
        } else {
            self.through(ln_gamma(self.value), digamma(self.value))
        }
    }

    /// The logarithm of the beta function of this number and another.
    pub fn ln_beta(self, other: Self) -> Self {
        self.ln_gamma() + other.ln_gamma() - (self + other).ln_gamma()
    }

    /// The logarithm of the sum of two numbers that are given by their logarithms.
    #[inline]
    pub fn ln_add(self, other: Self) -> Self {
        let (high, low) = if self.value < other.value { (other, self) } else { (self, other) };
        if low.value == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
    }

    /// The larger of two numbers.
    #[inline]
    pub fn max(self, other: Self) -> Self {
        if self.value < other.value { other } else { self }
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        self.of_both(other, self.value + other.value, 1.0, 1.0)
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self.of_both(other, self.value - other.value, 1.0, -1.0)
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        self.of_both(other, self.value * other.value, other.value, self.value)
    }
}

impl<const N: usize> Div for Dual<N> {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        self.of_both(other, value, other.value.recip(), -value / other.value)
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        self.through(-self.value, -1.0)
    }
}

impl<const N: usize> Add<f64> for Dual<N> {
    type Output = Self;

    #[inline]
    fn add(self, other: f64) -> Self {
        Self { value: self.value + other, ..self }
    }
}

impl<const N: usize> Mul<f64> for Dual<N> {
    type Output = Self;

    #[inline]
    fn mul(self, other: f64) -> Self {
        self.through(self.value * other, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that goes through every operation, at two parameters.
    fn formula<const N: usize>(a: Dual<N>, b: Dual<N>) -> Dual<N> {
        let ratio = (a + 0.5) / (b * 2.0 + a);
        let bent = (a - b).abs().ln_add(-ratio.exp()) + ratio.ln_1p() * b.ln();
        bent + a.max(b).ln_beta(ratio) - a.ln_gamma()
    }

    #[test]
    fn the_slopes_are_those_that_small_steps_have() {
        for at in [[0.3, -0.7], [-1.2, 0.9]] {
            let exact = formula::<2>(Dual::exp_of(at[0], 0), Dual::exp_of(at[1], 1));
            let value = |u: [f64; 2]| formula::<0>(Dual::constant(u[0].exp()), Dual::constant(u[1].exp())).value;
            assert!((exact.value - value(at)).abs() < 1e-12);
            for parameter in 0..2 {
                let step = |by: f64| {
                    let mut moved = at;
                    moved[parameter] += by;
                    value(moved)
                };
                let slope = (step(1e-5) - step(-1e-5)) / 2e-5;
                assert!((exact.slopes[parameter] - slope).abs() < 1e-7, "{exact:?} {slope}");
            }
        }
    }

    #[test]
    fn nothing_is_added_to_a_logarithm_by_what_is_impossible() {
        let sure = Dual::<1>::exp_of(0.0, 0);
        assert_eq!(sure.ln_add(Dual::constant(f64::NEG_INFINITY)), sure);
    }
}
