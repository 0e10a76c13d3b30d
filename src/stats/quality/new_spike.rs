//! A value that many rows share and that the reference does not know, such as -999.

use std::sync::Arc;

use statrs::distribution::{ContinuousCDF, Normal};

use crate::stats::{
    Basis, Direction, Pair, Profile, Sample, Score, Statistic, StatisticKind, Undefined,
};

/// Its entry in the registry.
pub static KIND: StatisticKind = StatisticKind {
    name: "new_spike",
    summary: "largest share of the window's values between two neighbouring values of the reference, beyond the reference's own share there; 0 to 1, greater is worse",
    definition: "max over gaps of the reference's grid (the open ends among them) of the window's share less the reference's share, at least 0: a default fill or a stuck sensor at a value that the reference does not hold",
    range: "0 to 1",
    source: "a count; noise floor: the law of spacings (Pyke, JRSS B 27, 1965) and a normal approximation, Bonferroni over the gaps",
    basis: Basis::Quality,
    tasks: &[],
    extras: &[],
    direction: Direction::Up,
    best: Some(0.0),
    mean_of: None,
    floor: true,
    options: &[],
    build: |_| Ok(Arc::new(NewSpike)),
};

#[derive(Debug)]
struct NewSpike;

/// Reference and window shares of the gaps; `None` for categories and for an empty side.
fn gaps<'a>(pair: &Pair<'a>) -> Option<impl Iterator<Item = (f64, f64)> + 'a> {
    let (m, n) = (pair.reference.counted as f64, pair.window.counted as f64);
    let numeric = matches!(pair.profile, Profile::Numeric(_));
    let cells = pair.reference.cells.iter().zip(&pair.window.cells).step_by(2);
    (numeric && m > 0.0 && n > 0.0).then(|| cells.map(move |(r, w)| (*r as f64 / m, *w as f64 / n)))
}

impl Statistic for NewSpike {
    fn kind(&self) -> &'static StatisticKind {
        &KIND
    }

    fn support(&self, sample: &Sample<'_>) -> u64 {
        sample.window.map_or(0, |w| w.counted)
    }

    fn score(&self, sample: &Sample<'_>) -> Result<Score, Undefined> {
        let pair = sample.pair.as_ref().ok_or(Undefined::NoReference)?;
        let gaps = gaps(pair).ok_or(Undefined::Undefined)?;
        let value = gaps.map(|(r, w)| w - r).fold(0.0, f64::max);
        Ok(Score { value, support: self.support(sample), interval: None })
    }

    /// What lies between two neighbours of a sample of m is beyond (ln k + 4.6) / m in one of k gaps
    /// in one sample of a hundred; chance in both samples comes on top.
    fn noise_floor(&self, sample: &Sample<'_>) -> Option<f64> {
        let pair = sample.pair.as_ref()?;
        let (m, n) = (pair.reference.counted as f64, pair.window.counted as f64);
        let (mut k, mut widest) = (0.0f64, 0.0f64);
        for (reference, _) in gaps(pair)? {
            k += 1.0;
            widest = widest.max(reference);
        }
        let unseen = (k.ln() + 100f64.ln()) / m;
        let error = ((widest + unseen) * (1.0 / m + 1.0 / n)).sqrt();
        let beyond = Normal::standard().inverse_cdf(1.0 - 0.01 / k);
        Some((unseen + beyond * error).min(1.0))
    }
}
