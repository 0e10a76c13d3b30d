//! The probability of a score without drift, summed when somebody wants to know it.

use serde::{Deserialize, Serialize};

use super::distribution::kolmogorov::two_sample_p;

/// A p-value, or what it follows from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// The probability itself, from 0 to 1.
    Known(f64),
    /// Of a two-sample Kolmogorov-Smirnov distance: the exact law counts up to 50 million lattice
    /// paths, too many for the loop that evaluates windows.
    Smirnov {
        /// The distance, from 0 to 1.
        distance: f64,
        /// Values of the reference.
        m: u64,
        /// Values of the window.
        n: u64,
    },
}

impl Tail {
    /// The probability.
    #[must_use]
    pub fn probability(self) -> Option<f64> {
        match self {
            Tail::Known(p) => Some(p),
            Tail::Smirnov { distance, m, n } => two_sample_p(distance, m, n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_has_the_probability_that_scipy_gives_it() {
        // scipy.stats.ks_2samp(numpy.arange(30), numpy.arange(20) + 9.5): exact.
        let tail = Tail::Smirnov { distance: 1.0 / 3.0, m: 30, n: 20 };
        let p = tail.probability().unwrap();
        assert!((p - 0.119_012_884_675_169_54).abs() < 1e-12, "{p}");
        assert_eq!(Tail::Known(0.5).probability(), Some(0.5));
        assert_eq!(Tail::Smirnov { distance: 0.5, m: 0, n: 20 }.probability(), None);
    }
}
