//! Sums of floats that do not depend on the order of their terms.

use serde::{Deserialize, Serialize};

/// An exactly rounded sum: the value is the float nearest to the true sum of all terms, whatever
/// their order, and adding `-x` takes `x` back without a trace.
///
/// Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates",
/// Discrete & Computational Geometry 18 (1997); the rounding is that of Python's `math.fsum`.
/// Terms must be finite; one that is not is ignored, and callers count it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ExactSum {
    /// Non-overlapping parts in increasing magnitude.
    parts: Vec<f64>,
}

impl ExactSum {
    /// Adds one term.
    pub fn add(&mut self, term: f64) {
        if !term.is_finite() {
            return;
        }
        let mut x = term;
        let mut kept = 0;
        for i in 0..self.parts.len() {
            let mut y = self.parts[i];
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                self.parts[kept] = low;
                kept += 1;
            }
            x = high;
        }
        self.parts.truncate(kept);
        if x != 0.0 {
            self.parts.push(x);
        }
    }

    /// Adds all terms of another sum.
    pub fn merge(&mut self, other: &ExactSum) {
        for &part in &other.parts {
            self.add(part);
        }
    }

    /// Takes all terms of another sum out again.
    pub fn subtract(&mut self, other: &ExactSum) {
        for &part in &other.parts {
            self.add(-part);
        }
    }

    /// The sum, correctly rounded. Beyond the range of floats it saturates at the largest one.
    #[must_use]
    pub fn value(&self) -> f64 {
        let Some((&last, rest)) = self.parts.split_last() else { return 0.0 };
        let mut high = last;
        let mut low = 0.0;
        let mut rest = rest.iter().rev();
        for &part in rest.by_ref() {
            let before = high;
            high = before + part;
            low = part - (high - before);
            if low != 0.0 {
                break;
            }
        }
        // Round half to even across the parts that are left.
        if let Some(&next) = rest.next()
            && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
        {
            let doubled = low * 2.0;
            let candidate = high + doubled;
            if doubled == candidate - high {
                high = candidate;
            }
        }
        if high.is_finite() { high } else { f64::MAX.copysign(last) }
    }
}

impl ExactSum {
    /// The sum to twice a float's precision: its value, and what that leaves.
    #[must_use]
    pub fn twofold(&self) -> (f64, f64) {
        let value = self.value();
        let mut rest = self.clone();
        rest.add(-value);
        (value, rest.value())
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &ExactSum) -> bool {
        self.value() == other.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(terms: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        terms.iter().for_each(|&t| sum.add(t));
        sum.value()
    }

    /// Values of Python's `math.fsum`.
    #[test]
    fn equals_fsum() {
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1e-16]), 1e16 + 2.0);
        assert_eq!(sum(&[1e17, 3.0, -1e17, 0.1]), 3.1);
        assert_eq!(sum(&[]), 0.0);
    }

    proptest! {
        #[test]
        fn order_is_of_no_account(
            terms in prop::collection::vec(-1e20f64..1e20, 0..40),
            scale in prop::collection::vec(-30i32..30, 40),
            seed in any::<u64>(),
        ) {
            let terms: Vec<f64> =
                terms.iter().zip(&scale).map(|(t, s)| t * 10f64.powi(*s)).collect();
            let mut shuffled = terms.clone();
            let mut state = seed;
            for i in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(i, (state >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(sum(&terms).to_bits(), sum(&shuffled).to_bits());
        }

        #[test]
        fn what_is_taken_back_leaves_no_trace(
            kept in prop::collection::vec(-1e3f64..1e3, 1..20),
            passing in prop::collection::vec(-1e18f64..1e18, 1..20),
        ) {
            let mut with = ExactSum::default();
            kept.iter().chain(&passing).for_each(|&t| with.add(t));
            passing.iter().for_each(|&t| with.add(-t));
            prop_assert_eq!(with.value(), sum(&kept));
        }
    }
}
