//! A straight line through points, and how sure it is.

use std::fmt;

/// Change of a quantity per hour.
pub struct Slope {
    mean: f64,
    per_hour: f64,
    /// Standard error of the slope by least squares, points taken as independent.
    error: f64,
}

/// Least squares over (hours, value).
pub fn slope(points: &[(f64, f64)]) -> Slope {
    let n = points.len() as f64;
    let mean_of = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean_of(|point| point.0), mean_of(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let per_hour = together / spread;
    let rest: f64 =
        points.iter().map(|point| (point.1 - y - per_hour * (point.0 - x)).powi(2)).sum();
    Slope { mean: y, per_hour, error: (rest / (n - 2.0) / spread).sqrt() }
}

impl fmt::Display for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slope { mean, per_hour, error } = self;
        write!(f, "mean {mean:.1}, slope {per_hour:+.2} an hour (standard error {error:.2})")
    }
}
