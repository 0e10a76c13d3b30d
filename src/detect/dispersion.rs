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
/// learnt within a few windows. In a season every window has an hour whose law differs: what came
/// before is then held against what its hours let expect, and the window against its own hour's law,
/// moved as far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Dispersion {
    /// Counts of the windows so far.
    pool: Vec<u64>,
    /// How many they are.
    pooled: u32,
    /// What their hours let expect, in a season.
    expected: Vec<f64>,
    /// How many of them were compared with those before.
    compared: u32,
    /// Mean over all bins, then at each cut.
    means: Vec<f64>,
}

/// What the hour of a window lets expect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hour<'a> {
    /// Shares of the bins in the reference of that hour.
    pub shares: &'a [f64],
    /// Rows that they are of.
    pub rows: f64,
}

/// Rows of the hour's law that stand beside what was counted, so that nothing is divided by nothing.
const PRIOR: f64 = 1.0;

impl Dispersion {
    /// What a window is held against: counts of the windows before, or in a season the law of its
    /// hour, as far above or below as they were; so sure as their number and the hour's rows make it.
    fn before(&self, hour: Option<&Hour<'_>>) -> Vec<f64> {
        let counted = self.pool.iter().map(|n| *n as f64);
        let Some(hour) = hour else { return counted.collect() };
        let bins = counted.zip(&self.expected).zip(hour.shares);
        let moved: Vec<f64> = bins
            .map(|((n, e), p)| p * (n + PRIOR * p) / (e + PRIOR * p).max(f64::MIN_POSITIVE))
            .collect();
        let (total, all) = (moved.iter().sum::<f64>(), self.pool.iter().sum::<u64>() as f64);
        let rows = all * hour.rows / (all + hour.rows).max(1.0);
        moved.iter().map(|law| rows * law / total.max(f64::MIN_POSITIVE)).collect()
    }

    /// Windows taken.
    pub(super) fn windows(&self) -> u32 {
        self.pooled
    }

    /// The overdispersion with this window among the others; at least 1. `None` before there is any
    /// other.
    pub(super) fn including(&self, counts: &[u64], hour: Option<&Hour<'_>>) -> Option<f64> {
        if self.pooled == 0 || self.pool.len() != counts.len() {
            return None;
        }
        let (means, compared) = self.updated(counts, hour);
        greatest(&means, compared)
    }

    /// The overdispersion of the windows so far; at least 1. `None` before so many were compared.
    pub(super) fn so_far(&self, least: u32) -> Option<f64> {
        (self.compared >= least).then(|| greatest(&self.means, self.compared))?
    }

    /// Takes a window in; says what [`Dispersion::including`] would have said of it.
    pub(super) fn take(&mut self, counts: &[u64], hour: Option<&Hour<'_>>) -> Option<f64> {
        if self.pool.len() != counts.len() {
            let means = vec![0.0; counts.len().max(1)];
            let expected = hour.map_or(Vec::new(), |hour| vec![0.0; hour.shares.len()]);
            let pool = vec![0; counts.len()];
            *self = Dispersion { pool, expected, means, ..Dispersion::default() };
        }
        (self.means, self.compared) = self.updated(counts, hour);
        let including = if self.pooled == 0 { None } else { greatest(&self.means, self.compared) };
        if self.pooled == MOST {
            self.pool.iter_mut().for_each(|n| *n /= 2);
            self.expected.iter_mut().for_each(|n| *n /= 2.0);
            self.pooled /= 2;
        }
        self.pool.iter_mut().zip(counts).for_each(|(pooled, n)| *pooled += n);
        let rows = counts.iter().sum::<u64>() as f64;
        let shares = hour.map_or(&[][..], |hour| hour.shares);
        self.expected.iter_mut().zip(shares).for_each(|(expected, p)| *expected += rows * p);
        self.pooled += 1;
        including
    }

    /// The means with a window, and how many windows they are of.
    fn updated(&self, counts: &[u64], hour: Option<&Hour<'_>>) -> (Vec<f64>, u32) {
        let pool = self.before(hour);
        let (m, n) = (pool.iter().sum::<f64>(), counts.iter().sum::<u64>() as f64);
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
        for (i, (r, c)) in pool.iter().zip(counts).enumerate() {
            let (r, c) = (*r, *c as f64);
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

/// The greatest of the means of so many windows; at least 1.
fn greatest(means: &[f64], compared: u32) -> Option<f64> {
    let (whole, cuts) = means.split_first()?;
    let chance = 1.0 + 2.0 * (2.0 / f64::from(compared.max(1))).sqrt();
    Some(cuts.iter().map(|cut| cut / chance).fold(whole.max(1.0), f64::max))
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
    fn it_is_the_rule_spelt_out_over_scipys_chi_square() {
        let golden = &calibration()["dispersion"];
        let windows: Vec<Vec<u64>> = serde_json::from_value(golden["windows"].clone()).unwrap();
        let mut dispersion = Dispersion::default();
        let close =
            |got: f64, want: f64| assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
        for (window, want) in windows.iter().zip(golden["found"].as_array().unwrap()) {
            let including = dispersion.including(window, None);
            dispersion.take(window, None);
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
        for _ in 0..100 {
            dispersion.take(&[500, 500], None);
        }
        assert_eq!(dispersion.including(&[500, 500], None), Some(1.0));
        for _ in 0..10 {
            dispersion.take(&[400, 600], None);
        }
        let between = dispersion.including(&[400, 600], None).unwrap();
        assert!(between < 1.5, "{between}; one such window has 40 against the reference");
    }

    #[test]
    fn old_windows_fade_and_nothing_overflows_or_divides_by_nothing() {
        let mut dispersion = Dispersion::default();
        for i in 0..3_000 {
            dispersion.take(&[1_000_000_000_000, i % 2, 0], None);
        }
        assert!(dispersion.windows() <= MOST && dispersion.compared == MOST);
        assert!(dispersion.pool[0] <= u64::from(MOST) * 1_000_000_000_000);
        assert!(dispersion.including(&[0, 0, 0], None).is_some_and(f64::is_finite));
        assert_eq!(dispersion.including(&[1, 2], None), None, "other bins");
        dispersion.take(&[5, 0], None);
        assert_eq!(dispersion.including(&[7, 0], None), Some(1.0));
        dispersion.take(&[], None);
        assert!(dispersion.including(&[], None).is_none_or(f64::is_finite));
    }

    /// Nights and days have laws of their own, and a series in between has what it has of both.
    #[test]
    fn the_rhythm_of_a_season_is_no_dispersion_and_what_moves_hours_is() {
        let hours = [[0.8, 0.2], [0.3, 0.7]];
        let hour = |step: usize| Hour { shares: &hours[step % 2], rows: 1e6 };
        let mut quiet = Dispersion::default();
        let mut even = Dispersion::default();
        for step in 0..200 {
            let counts = [800 - 500 * (step as u64 % 2), 200 + 500 * (step as u64 % 2)];
            quiet.take(&counts, Some(&hour(step)));
            even.take(&counts, None);
        }
        assert_eq!(quiet.including(&[800, 200], Some(&hour(0))), Some(1.0));
        assert!(even.including(&[800, 200], None).unwrap() > 100.0, "without it the rhythm is one");
        // Some hours have a hundred more, others a hundred less: 10^4 (1/800 + 1/200) = 62.5 and
        // 10^4 (1/300 + 1/700) = 47.6 times what chance does, 55 on average.
        let mut moved = Dispersion::default();
        for step in 0..400 {
            let more = if step / 2 % 2 == 0 { 100 } else { -100 };
            let first = (800 - 500 * (step as i64 % 2) + more) as u64;
            moved.take(&[first, 1000 - first], Some(&hour(step)));
        }
        let found = moved.including(&[700, 300], Some(&hour(0))).unwrap();
        assert!((45.0..60.0).contains(&found), "{found}");
    }

    /// All hours are as far above what the reference has of them: a lasting difference.
    #[test]
    fn a_lasting_difference_from_the_hours_is_no_dispersion() {
        let hours = [[0.8, 0.2], [0.3, 0.7]];
        let mut dispersion = Dispersion::default();
        for step in 0..100 {
            let [p, q] = hours[step % 2];
            let first = (1e4_f64 * 1.2 * p / (1.2 * p + q)).round() as u64;
            let hour = Hour { shares: &hours[step % 2], rows: 1e6 };
            dispersion.take(&[first, 10_000 - first], Some(&hour));
        }
        let hour = Hour { shares: &hours[0], rows: 1e6 };
        let found = dispersion.including(&[8_276, 1_724], Some(&hour)).unwrap();
        assert!(found < 5.0, "{found}; against the reference alone it is fifty");
    }
}
