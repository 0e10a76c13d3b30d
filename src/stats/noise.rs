//! How a score scatters without drift, beyond its 1 % point: what a window can see, and what it
//! exceeds more rarely.

use statrs::distribution::{ContinuousCDF, Normal};

/// The 99 % and 90 % points of the normal law.
const NORMAL_99: f64 = 2.326_347_874_040_841;
const NORMAL_90: f64 = 1.281_551_565_544_600_4;

/// A score on the scale of its noise.
///
/// `(score - origin) / unit`, or the root of it where it is `squared`, is the norm of a difference
/// of two samples: convex in counts that are nearly normal, with a standard deviation of at most 1
/// along any one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    pub(in crate::stats) origin: f64,
    pub(in crate::stats) unit: f64,
    pub(in crate::stats) squared: bool,
    pub(in crate::stats) change: Change,
    /// The greatest score there is; infinite without one.
    pub(in crate::stats) most: f64,
}

/// How the noise adds to a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::stats) enum Change {
    /// The square of the norm sums the squares of so many free directions.
    Squares(f64),
    /// Along the direction of the change the noise is normal.
    Line,
    /// The noise alone stays within this norm 90 times in a hundred.
    Band(f64),
}

impl Noise {
    fn norm(&self, score: f64) -> f64 {
        let x = ((score - self.origin) / self.unit).max(0.0);
        if self.squared { x.sqrt() } else { x }
    }

    /// The same about another origin: of scores less `middle`.
    #[must_use]
    pub fn less(&self, middle: f64) -> Noise {
        Noise { origin: self.origin - middle, ..*self }
    }

    /// The score whose norm is so many times as great.
    #[must_use]
    pub fn stretched(&self, score: f64, factor: f64) -> f64 {
        self.score(factor * self.norm(score))
    }

    fn score(&self, norm: f64) -> f64 {
        self.origin + self.unit * if self.squared { norm * norm } else { norm }
    }

    /// The score that the two sources themselves must have, before any noise, for a window of this
    /// size to lie beyond its noise floor with probability 90 %. `None` where no change is so large.
    ///
    /// Sums of squares over bins follow the noncentral chi-square law (Sankaran's approximation,
    /// within 0.5 % of the exact value); for distances of distribution functions the noise is
    /// bounded by the inequality of Dvoretzky, Kiefer, Wolfowitz & Massart, so that the figure is on the
    /// safe side; for other distances by its normal part along the change.
    pub(in crate::stats) fn visible(&self, floor: f64) -> Option<f64> {
        let norm = self.norm(floor);
        let seen = match self.change {
            Change::Squares(freedom) => {
                let x = norm * norm;
                noncentrality(free(freedom, x), x).sqrt()
            }
            Change::Line => norm + NORMAL_90,
            Change::Band(within) => norm + within,
        };
        Some(self.score(seen)).filter(|score| score.is_finite() && *score <= self.most)
    }

    /// The score that a window without drift exceeds with a probability of at most `level`, where it
    /// exceeds `floor` with 1 %. The normal quantile of a convex function of normal variables is a
    /// concave function of its value (Ehrhard, Mathematica Scandinavica 53, 1983), and no steeper
    /// than 1 far out on this scale, so that the norm grows by no more than that quantile does: an upper
    /// bound below 1 %, and the floor itself above.
    ///
    /// `dispersion` is how much more windows scatter than independent events would: the variance of
    /// counts is multiplied by it (Rao & Scott, JASA 76, 1981).
    #[must_use]
    pub fn point(&self, floor: f64, level: f64, dispersion: f64) -> f64 {
        let quantile = -Normal::standard().inverse_cdf(level.clamp(1e-300, 0.5));
        let norm = self.norm(floor) + (quantile - NORMAL_99).max(0.0);
        self.score(dispersion.max(1.0).sqrt() * norm)
    }
}

/// Directions in which the noise is free: all of them, or as few as have `x` for their 99 % point.
/// Where bins hold less than a row on average, a sum over them scatters less than their number says.
fn free(freedom: f64, x: f64) -> f64 {
    if point_99(freedom) <= 1.01 * x {
        return freedom;
    }
    let (mut low, mut high) = (0.0, freedom);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if point_99(middle) < x { low = middle } else { high = middle }
    }
    high
}

/// The 99 % point of chi-square, within 1 % from one degree of freedom on: Wilson & Hilferty, PNAS 17
/// (1931).
fn point_99(freedom: f64) -> f64 {
    let variance = 2.0 / (9.0 * freedom);
    freedom * (1.0 - variance + NORMAL_99 * variance.sqrt()).powi(3)
}

/// The noncentrality at which a chi-square variable of so many degrees of freedom exceeds `x` with
/// probability 90 %: Sankaran, Biometrika 50 (1963), third approximation, solved by halving.
fn noncentrality(freedom: f64, x: f64) -> f64 {
    let misses = |l: f64| {
        let (k, mean) = (freedom, freedom + l);
        let h = 1.0 - 2.0 * mean * (k + 3.0 * l) / (3.0 * (k + 2.0 * l).powi(2));
        let p = (k + 2.0 * l) / (mean * mean);
        let m = (h - 1.0) * (1.0 - 3.0 * h);
        let middle = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p);
        let error = h * (2.0 * p).sqrt() * (1.0 + 0.5 * m * p);
        // It falls short of x where this is above the 10 % point.
        ((x / mean).powf(h) - middle) / error > -NORMAL_90
    };
    // A noncentral variable has the mean k + l and a deviation of at most sqrt(2 k + 4 l).
    let (mut low, mut high) = (0.0, 2.0 * x + 20.0);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if misses(middle) { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(squared: bool, change: Change) -> Noise {
        Noise { origin: 0.0, unit: 1.0, squared, change, most: f64::INFINITY }
    }

    #[test]
    fn what_is_visible_is_that_of_the_noncentral_chi_square_law() {
        // tests/golden/calibration.py: the noncentrality nc with scipy.stats.ncx2.sf(x, k, nc) = 0.9.
        let golden = crate::stats::tests::calibration();
        let cases = golden["noncentral"].as_array().unwrap();
        assert!(cases.len() >= 20);
        for case in cases {
            let of = |key: &str| case[key].as_f64().unwrap();
            let got = noise(true, Change::Squares(of("freedom"))).visible(of("x")).unwrap();
            let want = of("noncentrality");
            assert!((got / want - 1.0).abs() < 0.005, "{case}: {got}");
        }
    }

    /// 300 even names, 200 events: a window without drift exceeds 0.545 once in a hundred, and nine in
    /// ten of those whose law is 0.30 (one name) to 0.65 (half of them) from the reference's do, by
    /// simulation in numpy.
    #[test]
    fn bins_of_less_than_a_row_leave_a_change_to_see() {
        let unit = 1.0 / 200.0 + 1.0 / 10_000.0;
        let sparse = Noise { unit, ..noise(true, Change::Squares(299.0)) };
        let visible = sparse.visible(0.545).unwrap();
        assert!((0.25..0.65).contains(&visible), "{visible}");
        // 30.578 is the 99 % point of 15 degrees.
        assert!((point_99(15.0) / 30.578 - 1.0).abs() < 0.01);
        assert_eq!(free(15.0, 30.578), 15.0);
    }

    #[test]
    fn rarer_points_are_bounds_of_the_laws() {
        let golden = crate::stats::tests::calibration();
        for case in golden["points"].as_array().unwrap() {
            let of = |key: &str| case[key].as_f64().unwrap();
            let (squared, unit) = (case["squared"].as_bool().unwrap(), of("unit"));
            let noise = Noise { unit, ..noise(squared, Change::Line) };
            let got = noise.point(of("floor"), of("level"), 1.0);
            let want = of("point");
            assert!(got >= want * (1.0 - 1e-9) && got < 1.3 * want, "{case}: {got}");
        }
    }

    #[test]
    fn overdispersion_multiplies_variances() {
        let squares = noise(true, Change::Squares(9.0));
        let floor = 21.666;
        assert!((squares.point(floor, 0.01, 4.0) - 4.0 * floor).abs() < 1e-9);
        assert!((noise(false, Change::Line).point(3.0, 0.01, 4.0) - 6.0).abs() < 1e-9);
        // Nobody's windows are too equal to be true.
        assert_eq!(squares.point(floor, 0.01, 0.2), squares.point(floor, 0.01, 1.0));
    }
}
