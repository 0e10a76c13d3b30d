//! How much more windows differ among themselves than independent events would make them.

use serde::{Deserialize, Serialize};

/// Windows after which older ones begin to fade.
const MOST: u32 = 1000;
/// A window counts for at most so many times the mean before it.
const STRIKING: f64 = 4.0;

/// Overdispersion of past windows: chi-square over its degrees of freedom, of each window against
/// all before it together, on average (Rao & Scott, JASA 76, 1981). 1 for independent events; windows
/// of bikes hired in one day have 40 and more, since a day's weather moves all its events.
///
/// What moves a window mostly moves it one way, so that it is also measured at every cut between
/// bins, below against above, and the greatest mean counts, less what the greatest of so many means
/// of H windows exceeds 1 by anyway: a factor of 1 + 2 sqrt(2 / H).
///
/// It measures windows against each other, not against the reference, and no window counts for more
/// than four times what is known so far: a sudden change does not pass for a habit, while a habit is
/// learnt within a few windows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Dispersion {
    /// Counts of the windows so far.
    pool: Vec<u64>,
    /// How many they are.
    pooled: u32,
    /// How many of them were compared with those before.
    compared: u32,
    /// Mean over all bins, then at each cut.
    means: Vec<f64>,
}

impl Dispersion {
    /// Windows taken.
    pub(super) fn windows(&self) -> u32 {
        self.pooled
    }

    /// The overdispersion with this window among the others; at least 1. `None` before there is any
    /// other.
    pub(super) fn including(&self, counts: &[u64]) -> Option<f64> {
        if self.pooled == 0 || self.pool.len() != counts.len() {
            return None;
        }
        let (means, compared) = self.updated(counts);
        let (whole, cuts) = means.split_first()?;
        let chance = 1.0 + 2.0 * (2.0 / f64::from(compared.max(1))).sqrt();
        Some(cuts.iter().map(|cut| cut / chance).fold(whole.max(1.0), f64::max))
    }

    /// Takes a window in.
    pub(super) fn take(&mut self, counts: &[u64]) {
        if self.pool.len() != counts.len() {
            let means = vec![0.0; counts.len().max(1)];
            *self = Dispersion { pool: vec![0; counts.len()], means, ..Dispersion::default() };
        }
        (self.means, self.compared) = self.updated(counts);
        if self.pooled == MOST {
            self.pool.iter_mut().for_each(|n| *n /= 2);
            self.pooled /= 2;
        }
        self.pool.iter_mut().zip(counts).for_each(|(pooled, n)| *pooled += n);
        self.pooled += 1;
    }

    /// The means with a window, and how many windows they are of.
    fn updated(&self, counts: &[u64]) -> (Vec<f64>, u32) {
        let (m, n): (u64, u64) = (self.pool.iter().sum(), counts.iter().sum());
        let (m, n) = (m as f64, n as f64);
        if m == 0.0 || n == 0.0 {
            return (self.means.clone(), self.compared);
        }
        let first = self.compared == 0;
        let compared = (self.compared + 1).min(MOST);
        // Where nothing can vary nothing is learnt.
        let update = |mean: f64, ratio: Option<f64>| {
            let most = if first { f64::INFINITY } else { STRIKING * mean.max(1.0) };
            mean + (ratio.unwrap_or(mean).min(most) - mean) / f64::from(compared)
        };
        let mut means = self.means.clone();
        let (mut sum, mut filled, mut below) = (0.0, 0u32, (0.0, 0.0));
        for (i, (r, c)) in self.pool.iter().zip(counts).enumerate() {
            let (r, c) = (*r as f64, *c as f64);
            if i > 0 {
                means[i] = update(means[i], apart(below, (m, n)));
            }
            below = (below.0 + r, below.1 + c);
            if r + c > 0.0 {
                sum += (c * m - r * n).powi(2) / (r + c);
                filled += 1;
            }
        }
        let whole = (filled > 1).then(|| sum / (m * n) / f64::from(filled - 1));
        means[0] = update(means[0], whole);
        (means, compared)
    }
}

/// Chi-square of two samples of which so many lie below a cut; `None` where none or all do.
fn apart((below_r, below_c): (f64, f64), (m, n): (f64, f64)) -> Option<f64> {
    let (below, above) = (below_r + below_c, m + n - below_r - below_c);
    let lead = below_c * m - below_r * n;
    (below > 0.0 && above > 0.0).then(|| lead * lead * (m + n) / (m * n * below * above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::calibration;

    #[test]
    fn it_equals_scipy() {
        let golden = &calibration()["dispersion"];
        let windows: Vec<Vec<u64>> = serde_json::from_value(golden["windows"].clone()).unwrap();
        let mut dispersion = Dispersion::default();
        let close =
            |got: f64, want: f64| assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
        for (window, want) in windows.iter().zip(golden["found"].as_array().unwrap()) {
            let including = dispersion.including(window);
            dispersion.take(window);
            match want.as_f64() {
                Some(want) => close(including.unwrap(), want),
                None => assert_eq!(including, None),
            }
        }
        let means: Vec<f64> = serde_json::from_value(golden["means"].clone()).unwrap();
        assert!(means[0] > 3.0, "the days of the golden series differ");
        dispersion.means.iter().zip(means).for_each(|(got, want)| close(*got, want));
    }

    #[test]
    fn a_lasting_change_is_no_habit() {
        let mut dispersion = Dispersion::default();
        (0..100).for_each(|_| dispersion.take(&[500, 500]));
        assert_eq!(dispersion.including(&[500, 500]), Some(1.0));
        (0..10).for_each(|_| dispersion.take(&[400, 600]));
        let between = dispersion.including(&[400, 600]).unwrap();
        assert!(between < 1.5, "{between}; one such window has 40 against the reference");
    }

    #[test]
    fn old_windows_fade_and_nothing_overflows_or_divides_by_nothing() {
        let mut dispersion = Dispersion::default();
        for i in 0..3_000 {
            dispersion.take(&[1_000_000_000_000, i % 2, 0]);
        }
        assert!(dispersion.windows() <= MOST && dispersion.compared == MOST);
        assert!(dispersion.pool[0] <= u64::from(MOST) * 1_000_000_000_000);
        assert!(dispersion.including(&[0, 0, 0]).is_some_and(f64::is_finite));
        assert_eq!(dispersion.including(&[1, 2]), None, "other bins");
        dispersion.take(&[5, 0]);
        assert_eq!(dispersion.including(&[7, 0]), Some(1.0));
        dispersion.take(&[]);
        assert!(dispersion.including(&[]).is_none_or(f64::is_finite));
    }
}
