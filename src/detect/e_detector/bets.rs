//! What the e-detector bets on: laws that the series may have changed to.

use statrs::distribution::{ContinuousCDF, Normal};

use super::projection::ln_ratios;

/// Shifts of the mean, in standard deviations of a normal series.
const SHIFTS: [f64; 8] = [-0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8];
/// Factors on the spread.
const SPREADS: [f64; 2] = [0.8, 1.25];
/// Share that suddenly has no value, or one that the reference never saw.
const BURST: f64 = 0.1;

/// Fixed bets against one reference, as ln(q / P*) per bin.
#[derive(Debug)]
pub(super) struct Tables {
    /// Counts of the reference that they were made for.
    pub reference: Vec<u64>,
    /// Smoothed shares of the reference.
    pub shares: Vec<f64>,
    /// How many series share the promise.
    pub among: usize,
    /// Divergence up to which the series may differ from these shares.
    pub radius: f64,
    /// One table per bet; `None` where the ball holds it.
    pub tables: Vec<Option<Vec<f64>>>,
}

impl Tables {
    pub(super) fn new(reference: &[u64], ordered: usize, radius: f64, among: usize) -> Tables {
        let shares = smoothed(reference);
        let mut laws = Vec::new();
        if ordered > 1 {
            laws.extend(SHIFTS.iter().map(|shift| moved(&shares, ordered, *shift, 1.0)));
            laws.extend(SPREADS.iter().map(|spread| moved(&shares, ordered, 0.0, *spread)));
        }
        // The last bins have no order: rows without a value and, of categories, new ones.
        let special = if ordered > 0 { 1 } else { 2.min(shares.len()) };
        laws.extend((shares.len() - special..shares.len()).map(|bin| burst(&shares, bin)));
        let tables = laws.iter().map(|law| ln_ratios(&shares, law, radius)).collect();
        Tables { reference: reference.to_vec(), shares, among, radius, tables }
    }
}

/// Shares with half a count added to every bin.
pub(super) fn smoothed(counts: &[u64]) -> Vec<f64> {
    let total = counts.iter().sum::<u64>() as f64 + 0.5 * counts.len() as f64;
    counts.iter().map(|n| (*n as f64 + 0.5) / total).collect()
}

/// The law of a series that was normal in the scores of the reference and has moved by `shift`
/// standard deviations and spread by a factor; what is beyond the `ordered` bins stays.
fn moved(shares: &[f64], ordered: usize, shift: f64, spread: f64) -> Vec<f64> {
    let normal = Normal::standard();
    let valued: f64 = shares[..ordered].iter().sum();
    let mut law = shares.to_vec();
    let (mut below, mut before) = (0.0, 0.0);
    for (bin, share) in shares[..ordered].iter().enumerate() {
        below += share / valued;
        let up_to = if bin + 1 == ordered {
            1.0
        } else {
            normal.cdf((normal.inverse_cdf(below.min(1.0)) - shift) / spread)
        };
        law[bin] = valued * (up_to - before).max(0.0);
        before = up_to;
    }
    law
}

fn burst(shares: &[f64], bin: usize) -> Vec<f64> {
    let mut law: Vec<f64> = shares.iter().map(|share| share * (1.0 - BURST)).collect();
    law[bin] += BURST;
    law
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_normal_quantiles() {
        let shares = vec![0.225, 0.225, 0.225, 0.225, 0.1];
        let law = moved(&shares, 4, 0.5, 1.0);
        // Quartiles of the standard normal law at -0.6745, 0, 0.6745; Phi(-1.1745) = 0.12010,
        // Phi(-0.5) = 0.30854, Phi(0.1745) = 0.56926 (scipy).
        let want = [0.9 * 0.12010, 0.9 * 0.18844, 0.9 * 0.26072, 0.9 * 0.43074, 0.1];
        for (got, want) in law.iter().zip(want) {
            assert!((got - want).abs() < 1e-4, "{law:?}");
        }
        let same = moved(&shares, 4, 0.0, 1.0);
        assert!(same.iter().zip(&shares).all(|(a, b)| (a - b).abs() < 1e-9), "{same:?}");
        let burst = burst(&shares, 4);
        assert!((burst[4] - 0.19).abs() < 1e-12 && (burst.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
